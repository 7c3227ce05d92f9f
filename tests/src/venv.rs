//! Virtual environments, made once for each content of their requirements: one for each Spark that is tested (`tests/requirements*.txt`;
//! that of Spark 4 has what the demo, the data and the lints need as well), and any that others name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::command::must_succeed;
use crate::{Error, Result, Say, paths};

/// A line of Spark's versions that the plugin has a jar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SparkLine {
    /// 4.x, with Scala 2.13: the reference.
    Spark4,
    /// 3.5, with Scala 2.12.
    Spark35,
}

impl SparkLine {
    /// Every line, the reference first.
    pub const ALL: [Self; 2] = [Self::Spark4, Self::Spark35];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spark4 => "Spark 4",
            Self::Spark35 => "Spark 3.5",
        }
    }

    /// The plugin's jar for it, in the assets folder.
    #[must_use]
    pub const fn jar(self) -> &'static str {
        match self {
            Self::Spark4 => "sparkwright-spark4.jar",
            Self::Spark35 => "sparkwright-spark35.jar",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Spark4 => include_str!("../requirements.txt"),
            Self::Spark35 => include_str!("../requirements-spark35.txt"),
        }
    }
}

/// A virtual environment that has everything in the requirements of a [`SparkLine`].
#[derive(Debug, Clone)]
pub struct Venv {
    folder: PathBuf,
    spark_home: PathBuf,
}

impl Venv {
    /// The environment for Spark 4; makes it when it is not there yet, which needs the network.
    ///
    /// # Errors
    /// [`Error::Missing`] without a fitting Python; otherwise when it cannot be made.
    pub fn ensure(say: Say<'_>) -> Result<Self> {
        Self::of(SparkLine::Spark4, say)
    }

    /// The environment for a line of Spark's versions; makes it when it is not there yet, which needs the network.
    ///
    /// # Errors
    /// [`Error::Missing`] without a fitting Python; otherwise when it cannot be made.
    pub fn of(line: SparkLine, say: Say<'_>) -> Result<Self> {
        Self::open(environment(line.requirements(), &format!("PySpark for {} and its company", line.name()), say)?)
    }

    /// Finds PySpark in an environment that has been made.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn open(folder: PathBuf) -> Result<Self> {
        let lib = folder.join("lib");
        let entries = fs::read_dir(&lib).map_err(Error::io("cannot read", &lib))?;
        let spark_home = entries
            .flatten()
            .map(|entry| entry.path().join("site-packages/pyspark"))
            .find(|path| path.join("bin/spark-submit").is_file())
            .ok_or_else(|| {
                Error::malformed(folder.display(), "it has no pyspark; remove the folder to have it made anew")
            })?;
        Ok(Self { folder, spark_home })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of its commands, such as `python` or `ruff`.
    #[must_use]
    pub fn command(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The Spark in it.
    #[must_use]
    pub fn spark_home(&self) -> &Path {
        &self.spark_home
    }

    /// A command of its Spark, such as `spark-submit`.
    #[must_use]
    pub fn spark_command(&self, name: &str) -> PathBuf {
        self.spark_home.join("bin").join(name)
    }

    /// The environment variables that make Spark use this environment, and loopback only.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let python = self.command("python").display().to_string();
        vec![
            ("SPARK_HOME", self.spark_home.display().to_string()),
            ("PYSPARK_PYTHON", python.clone()),
            ("PYSPARK_DRIVER_PYTHON", python),
            // Without it Spark takes the machine's address and its web pages listen on all of them.
            ("SPARK_LOCAL_IP", "127.0.0.1".to_owned()),
            // Whatever is configured on this machine must not change what is measured.
            ("SPARK_CONF_DIR", self.folder.join("no-conf").display().to_string()),
            // Nor what earlier runs taught; a test of that names a store.
            ("SPARKWRIGHT_STORE", "none".to_owned()),
        ]
    }
}

/// A virtual environment with what `requirements` (the text of a requirements file) name; makes it when it is not there yet, which needs
/// the network. `what` says in words what is in it. Its folder is named by the text, so another text is another environment.
///
/// # Errors
/// [`Error::Missing`] without a fitting Python; otherwise when it cannot be made.
pub fn environment(requirements: &str, what: &str, say: Say<'_>) -> Result<PathBuf> {
    let folder = paths::cache().join(format!("venv-{}", digest(&[requirements])));
    made_once(&folder, || {
        let python = python()?;
        say(&format!("installing {what} into {}", folder.display()));
        must_succeed("making a virtual environment", Command::new(&python).args(["-m", "venv"]).arg(&folder))?;
        let file = folder.join("requirements.txt");
        fs::write(&file, requirements).map_err(Error::io("cannot write", &file))?;
        must_succeed(
            "installing the Python packages",
            Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                .arg("--requirement")
                .arg(&file),
        )
    })?;
    Ok(folder)
}

/// The Python that makes the environment.
fn python() -> Result<PathBuf> {
    const CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    let missing = |what: String, get: &str| Error::Missing {
        what,
        wanted: "Python 3.10 or newer with its venv module, as `python3` on the PATH",
        get: get.to_owned(),
    };
    let python = PathBuf::from("python3");
    let output = Command::new(&python).args(["-c", CHECK]).output().map_err(|error| {
        missing(format!("no Python found: `python3`: {error}"), "apt-get install python3 python3-venv")
    })?;
    if output.status.success() {
        return Ok(python);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(match text.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => {
            missing(format!("Python cannot make a virtual environment: {line}"), "apt-get install python3-venv")
        }
        None => missing("the Python found is older than 3.10".to_owned(), "apt-get install python3"),
    })
}

/// A short name for a content.
pub fn digest(contents: &[&str]) -> String {
    let mut hash = Sha256::new();
    for content in contents {
        hash.update(content.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Fills `folder` with `make` unless that has been done, one process at a time. A folder that was left half made is made anew.
///
/// # Errors
/// What `make` says, or that the folder cannot be written.
pub fn made_once(folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let complete = folder.join(".complete");
    if complete.exists() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
    let lock = folder.with_extension("lock");
    let guard = fs::File::create(&lock).map_err(Error::io("cannot write", &lock))?;
    guard.lock().map_err(Error::io("cannot lock", &lock))?;
    if !complete.exists() {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(Error::io("cannot remove", folder))?;
        }
        fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
        make()?;
        fs::write(&complete, "").map_err(Error::io("cannot write", &complete))?;
    }
    Ok(())
}
