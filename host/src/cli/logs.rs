//! Event logs as they are named on the command line: recorded runs, files, and folders of either.

use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use super::terminal::note;
use crate::record;

/// The folder of the recorded run that is meant; nothing where a log is.
///
/// # Errors
/// There is no such run.
pub(super) fn recorded(name: &str, root: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = Path::new(name);
    match path.join("run.json").is_file() {
        true => Ok(Some(path.to_owned())),
        false if path.exists() => Ok(None),
        false => Ok(Some(record::find(root, name)?)),
    }
}

/// The event log that is meant: a path that is there, else the log of a recorded run.
///
/// # Errors
/// There is no such run, or it has no log.
pub(super) fn event_log(name: &str, root: &Path) -> Result<PathBuf, Failure> {
    let Some(folder) = recorded(name, root)? else { return Ok(PathBuf::from(name)) };
    let run = record::read(&folder)?;
    let Some(log) = run.event_log else {
        return Err(Failure::new(format!("the run in `{}` has no event log", folder.display())).help(
            "name the event log itself; a run keeps one if `monitoring.enable_metrics_collection` is true and the application \
             doesn't write its own elsewhere",
        ));
    };
    Ok(folder.join(log))
}

/// An event log that was named.
#[derive(Debug)]
pub(super) struct Named {
    /// The log.
    pub(super) log: PathBuf,
    /// What it is called: the run that it was recorded in, else its file.
    pub(super) name: String,
    /// The folder of the run that it was recorded in.
    pub(super) recorded: Option<PathBuf>,
}

impl Named {
    fn of(log: PathBuf, recorded: Option<PathBuf>) -> Self {
        let beside = || log.parent().filter(|folder| folder.join("run.json").is_file()).map(Path::to_owned);
        let recorded = recorded.or_else(beside);
        let named = recorded.as_deref().unwrap_or(&log);
        let name =
            named.file_name().map_or_else(|| named.display().to_string(), |it| it.to_string_lossy().into_owned());
        Self { log, name, recorded }
    }
}

/// The logs that are meant, the newest first where there are more than wanted.
///
/// # Errors
/// There are none, or one can't be read.
pub(super) fn logs(runs: &[PathBuf], last: Option<usize>) -> Result<Vec<Named>, Failure> {
    let mut logs = Vec::new();
    let of = |folder: PathBuf, root: &Path| {
        event_log(&folder.display().to_string(), root).map(|log| Named::of(log, Some(folder)))
    };
    for path in runs {
        let recorded = record::list(path);
        if !recorded.is_empty() {
            for folder in recorded {
                let told = folder.display().to_string();
                match of(folder, path) {
                    Ok(log) => logs.push(log),
                    Err(_) => note(&format!("the run in `{told}` has no event log and is left out")),
                }
            }
        } else if path.join("run.json").is_file() {
            logs.push(of(path.clone(), path)?);
        } else {
            logs.extend(sparkwright_event_log::logs(path)?.into_iter().map(|log| Named::of(log, None)));
        }
    }
    if let Some(last) = last {
        let newest = |log: &Named| fs::metadata(&log.log).and_then(|it| it.modified()).ok();
        logs.sort_by_key(|log| std::cmp::Reverse(newest(log)));
        logs.truncate(last);
    }
    if logs.is_empty() {
        return Err(Failure::new("there is no event log in what was named")
            .help("name logs that Spark wrote, or the folder of recorded runs"));
    }
    Ok(logs)
}
