//! `sparkwright fleet`.

mod told;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Args;
use sparkwright_event_log::EventLogError;

use super::terminal::{counted, print, print_json, progress};
use super::{Exit, Failure};
use crate::replay;
use crate::review::found;
use told::{LeftOut, Told, ToldRun};

/// Reviews many event logs together: what their time went to, and which keys would have saved most.
///
/// Every log below the folders that are named is read and replayed by itself, as `review` does, several at a time. `--json` has a row for each.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright fleet /var/spark-events
  sparkwright fleet logs/2026-11 --json > november.json

Exit codes: 0 fine, 2 there is no log that can be read, 3 a fault of Sparkwright.")]
pub struct Fleet {
    /// Spark event logs, or folders that hold some, at any depth.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Logs that are read at a time; one for each processor if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Fleet {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (mut logs, mut left_out) = (Vec::new(), Vec::new());
        for path in &self.paths {
            below(path, &mut logs, &mut left_out)?;
        }
        let jobs = self.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
        let (runs, unread) = reviewed(&logs, jobs);
        left_out.extend(unread);
        if runs.is_empty() {
            let why = left_out.first().map_or_else(String::new, |it| format!(": `{}`: {}", it.name, it.why));
            return Err(Failure::new(format!("none of {} can be read{why}", counted(logs.len(), "log")))
                .help("name event logs that Spark wrote, or a folder that holds some"));
        }
        let told = Told::of(runs, left_out);
        if self.json {
            print_json(&told)?;
        } else {
            print(&told.text());
        }
        Ok(Exit::Fine)
    }
}

/// The logs at a path that was named and below it, in the order of their names; what can't be looked at below it is left out. Links to folders are
/// not followed: they may lead back.
///
/// # Errors
/// The path itself can't be read.
fn below(path: &Path, logs: &mut Vec<PathBuf>, left_out: &mut Vec<LeftOut>) -> Result<(), EventLogError> {
    for log in sparkwright_event_log::logs(path)? {
        if log == path || !log.is_dir() {
            logs.push(log);
        } else if !log.is_symlink()
            && let Err(error) = below(&log, logs, left_out)
        {
            left_out.push(LeftOut { name: log.display().to_string(), why: error.to_string() });
        }
    }
    Ok(())
}

/// Reviews every log, so many at a time; gives them in the order in which they were named.
fn reviewed(logs: &[PathBuf], jobs: usize) -> (Vec<ToldRun>, Vec<LeftOut>) {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.min(logs.len()) {
            scope.spawn(|| {
                while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A log that brings out a bug of ours is one log.
                    let told = catch_unwind(AssertUnwindSafe(|| review(log)));
                    let told = told.unwrap_or_else(|_| Err("sparkwright stopped at a bug of its own".to_owned()));
                    let Ok(mut done) = done.lock() else { return };
                    done.push((log, told));
                    if logs.len() > 1 {
                        progress(&format!("{} of {} logs", done.len(), logs.len()));
                    }
                }
            });
        }
    });
    if logs.len() > 1 {
        progress("");
    }
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(log, _)| *log);
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    for (log, told) in done {
        match told {
            Ok(run) => runs.push(run),
            Err(why) => left_out.push(LeftOut { name: log.display().to_string(), why }),
        }
    }
    (runs, left_out)
}

/// One log; why it tells nothing, where it does not.
fn review(path: &Path) -> Result<ToldRun, String> {
    let log = replay::read(path).map_err(|error| error.to_string())?;
    let found = found(&log);
    if found.causes.is_empty() {
        return Err(found.unknown.unwrap_or_else(|| "nothing ran in it".to_owned()));
    }
    Ok(ToldRun::of(path, &log, found))
}
