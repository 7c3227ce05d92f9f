//! What programs do on Spark without Sparkwright, to compare with. Nothing of ours takes part, so each is run once for its text, its Spark and its
//! Java, and what came of it is kept; `SPARKWRIGHT_UNSTEERED_AGAIN` has it run anew.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::application::Outcome;
use crate::java::Java;
use crate::venv::{Venv, digest, made_once};
use crate::{Error, Result, paths};

/// An environment variable: set, and not empty, nothing that was kept counts.
pub const AGAIN: &str = "SPARKWRIGHT_UNSTEERED_AGAIN";
/// How it ended, as JSON.
const ENDED: &str = "ended.json";

/// Where they are kept.
#[must_use]
pub fn folder() -> PathBuf {
    paths::cache().join("unsteered")
}

/// An [`Outcome`] in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    stdout: String,
    stderr: String,
    /// As `wait` tells it.
    status: i32,
    wall_ms: u64,
}

/// What came of a program that `run` starts in a folder of its own, and that folder; kept ones are taken from where they are.
///
/// `arguments` say what is run, with nothing in them that differs from one call to the next: programs of `tests/programs` by the path of their copy
/// ([`copy_of`]), those of Spark by theirs.
///
/// # Errors
/// What `run` says, [`Error::Command`] when its time was over or a signal ended it, or that the folder cannot be written.
pub fn once(venv: &Venv, arguments: &[&str], run: impl FnOnce(&Path) -> Result<Outcome>) -> Result<(Outcome, PathBuf)> {
    let mut parts = vec![Java::find()?.version, venv.spark_home().display().to_string()];
    parts.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let name = digest(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    let folder = folder().join(name);
    let file = folder.join(ENDED);
    if std::env::var_os(AGAIN).is_some_and(|value| !value.is_empty()) {
        let _ = fs::remove_dir_all(&folder);
    }
    made_once(&folder, || {
        let outcome = run(&folder)?;
        let ended = Ended {
            status: outcome.status.into_raw(),
            wall_ms: u64::try_from(outcome.wall.as_millis()).unwrap_or(u64::MAX),
            stdout: outcome.stdout.clone(),
            stderr: outcome.stderr.clone(),
        };
        // Somebody ended it, or the machine did: a JVM says so by 128 and the signal's number.
        if outcome.timed_out || outcome.code().is_none_or(|code| code > 128) {
            outcome.succeeded(&format!("running {} alone", arguments.join(" ")))?;
        }
        let text = serde_json::to_string(&ended).unwrap_or_default();
        fs::write(&file, text).map_err(Error::io("cannot write", &file))
    })?;
    let text = fs::read_to_string(&file).map_err(Error::io("cannot read", &file))?;
    let ended: Ended =
        serde_json::from_str(&text).map_err(|error| Error::io("cannot read", &file)(std::io::Error::other(error)))?;
    let outcome = Outcome {
        stdout: ended.stdout,
        stderr: ended.stderr,
        status: ExitStatus::from_raw(ended.status),
        wall: Duration::from_millis(ended.wall_ms),
        timed_out: false,
    };
    Ok((outcome, folder))
}

/// A copy of a folder of programs, as `tests/programs`, whose path says what is in it: Spark's messages name the lines of a program by its path, and
/// what is kept must be the same in every checkout.
///
/// # Errors
/// The programs can't be read, or the copy not written.
pub fn copy_of(programs: &str) -> Result<PathBuf> {
    let files = files(&paths::workspace().join(programs))?;
    let parts: Vec<&str> = files.iter().flat_map(|(name, text)| [name.as_str(), text.as_str()]).collect();
    let copy = paths::cache().join("programs").join(digest(&parts));
    made_once(&copy, || {
        for (name, text) in &files {
            let file = copy.join(name);
            let folder = file.parent().unwrap_or(&copy);
            fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
            fs::write(&file, text).map_err(Error::io("cannot write", &file))?;
        }
        Ok(())
    })?;
    Ok(copy)
}

/// The texts below a folder by their paths in it, in their order.
fn files(top: &Path) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        let unreadable = || Error::io("cannot read", &folder);
        for entry in fs::read_dir(&folder).map_err(unreadable())? {
            let path = entry.map_err(unreadable())?.path();
            // Python's own bytecode has times in it.
            if path.file_name().is_some_and(|name| name == "__pycache__") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let text = fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
                texts.push((path.strip_prefix(top).unwrap_or(&path).display().to_string(), text));
            }
        }
    }
    texts.sort();
    Ok(texts)
}
