//! What makes a JVM of Spark start in two thirds of the time: its classes come parsed from an archive (class data sharing), and it compiles by
//! its quick compiler only. For tests, where most of an application's time is its start; not for what is measured.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::application::Application;
use crate::java::Java;
use crate::venv::{Venv, digest, made_once};
use crate::{Result, Say, paths};

/// The options of a JVM that lives for a minute.
pub const SHORT_LIVED: &str = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1";
/// What loads the classes.
const CLASSES: &str = include_str!("../programs/classes.py");
/// It takes half a minute.
const LIMIT: Duration = Duration::from_secs(400);

/// The options by which the JVMs of this Spark start quickly, for `SPARK_SUBMIT_OPTS` or `spark.executor.extraJavaOptions`; makes the archive
/// when it is not there yet.
///
/// # Errors
/// When the cache folder cannot be written, or the application that loads the classes fails.
pub fn quick_start(venv: &Venv, say: Say<'_>) -> Result<String> {
    let archive = archive(venv, say)?;
    // A JVM that can't use the archive does without and says so where programs have their results; it needn't.
    Ok(format!("{SHORT_LIVED} -XX:SharedArchiveFile={} -Xshare:auto -Xlog:disable", archive.display()))
}

fn archive(venv: &Venv, say: Say<'_>) -> Result<PathBuf> {
    // An archive is for one Java and for jars at one place.
    let made_for = digest(&[CLASSES, &Java::find()?.version, &venv.spark_home().display().to_string()]);
    let folder = paths::cache().join(format!("classes-{made_for}"));
    let file = folder.join("spark.jsa");
    made_once(&folder, || {
        say(&format!(
            "archiving Spark's classes for tests, from {}, into {}",
            venv.folder().display(),
            folder.display()
        ));
        let scratch = folder.join("scratch");
        fs::create_dir_all(&scratch).map_err(crate::Error::io("cannot make the folder", &scratch))?;
        Application::spark_submit(venv)
            .args(["--master", "local[2]"])
            .arg(paths::workspace().join("tests/programs/classes.py"))
            .arg(&scratch)
            .env(
                "SPARK_SUBMIT_OPTS",
                format!("{SHORT_LIVED} -XX:ArchiveClassesAtExit={} -Xlog:disable", file.display()),
            )
            .in_folder(&scratch)
            .deadline(LIMIT)
            .run()?
            .succeeded("archiving Spark's classes")?;
        fs::remove_dir_all(&scratch).map_err(crate::Error::io("cannot remove", &scratch))
    })?;
    Ok(file)
}
