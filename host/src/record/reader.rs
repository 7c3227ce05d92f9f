//! Reads the records of runs, those of killed hosts included.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_record::NotARun;

use crate::bounded_file;

use super::{Fault, JOURNAL, POLICY, RUN, Run, RunState};

/// Why a record can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such run.
    #[error("there is no run `{name}` under {}; {known}", root.display())]
    NoSuchRun {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        root: PathBuf,
        /// What is there.
        known: String,
    },
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file isn't a run that this version reads.
    #[error("{}: {source}", path.display())]
    NotARun {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NotARun,
    },
}

/// Reads the run in `folder`: `run.json`, completed from the journal where the host did not get to write it.
///
/// # Errors
/// When there is no readable record there.
pub fn read(folder: &Path) -> Result<Run, ReadError> {
    let mut run = as_written(folder)?;
    if run.state != RunState::Running || host_lives(run.host_pid) {
        return Ok(run);
    }
    // It may have ended well between the two looks: then its last word is there by now.
    run = as_written(folder)?;
    if run.state == RunState::Running && run.event_log.is_some() {
        // Its log is kept once it has ended: the host was lost while it reviewed it.
        run.state = RunState::Ended;
        run.ended_ms = Some(run.updated_ms);
    } else if run.state == RunState::Running {
        run.state = RunState::HostLost;
        let what =
            "the host was lost before the application ended: from here on the application went on by itself".to_owned();
        run.faults.push(Fault { at_ms: run.updated_ms, what, times: 1 });
    }
    Ok(run)
}

/// The policy that decided in the run of `folder`; nothing where it was not kept, as by versions before 0.2.
#[must_use]
pub fn policy_of(folder: &Path) -> Option<ResolvedPolicy> {
    serde_json::from_slice(&bounded_file::found(&folder.join(POLICY)).ok()?).ok()
}

fn as_written(folder: &Path) -> Result<Run, ReadError> {
    let path = folder.join(RUN);
    let text = bounded_file::found(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    let mut run = Run::read(&text).map_err(|source| ReadError::NotARun { path, source })?;
    run.complete(&bounded_file::found(&folder.join(JOURNAL)).unwrap_or_default());
    Ok(run)
}

/// Whether the process is a host that goes on.
pub(crate) fn host_lives(pid: u32) -> bool {
    // Whoever reads its own record lives. A process that took over the number of a dead host is no sparkwright.
    pid == std::process::id()
        || fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains("sparkwright"))
}

/// The folders of the runs under `root`, newest first.
#[must_use]
pub fn list(root: &Path) -> Vec<PathBuf> {
    let mut runs: Vec<(std::time::SystemTime, PathBuf)> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter_map(|path| {
            let journal = fs::metadata(path.join(JOURNAL)).ok()?;
            fs::metadata(path.join(RUN)).ok()?;
            Some((journal.created().or_else(|_| journal.modified()).ok()?, path))
        })
        .collect();
    runs.sort_by(|a, b| b.cmp(a));
    runs.into_iter().map(|(_, path)| path).collect()
}

/// The folder of the run that `name` means: a folder, an id under `root`, the start of one, or `last`.
///
/// # Errors
/// When there is none, or more than one.
pub fn find(root: &Path, name: &str) -> Result<PathBuf, ReadError> {
    let as_path = Path::new(name);
    if as_path.join(RUN).exists() {
        return Ok(as_path.to_owned());
    }
    if as_path.file_name().is_some_and(|file| file == RUN) && as_path.exists() {
        return Ok(as_path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned));
    }
    let runs = list(root);
    let names: Vec<String> =
        runs.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    let matching: Vec<&PathBuf> = if name == "last" {
        runs.iter().take(1).collect()
    } else if let Some(exact) = names.iter().position(|known| known == name) {
        runs.get(exact).into_iter().collect()
    } else {
        runs.iter().zip(&names).filter(|(_, known)| known.starts_with(name)).map(|(path, _)| path).collect()
    };
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(ReadError::NoSuchRun {
            name: name.to_owned(),
            root: root.to_owned(),
            known: if names.is_empty() {
                "no run was recorded there yet (`sparkwright submit` records one; --record names another folder)"
                    .to_owned()
            } else {
                format!("the runs there are: {}", names.join(", "))
            },
        }),
    }
}
