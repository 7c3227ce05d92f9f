//! `sparkwright learn`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sparkwright_core::lesson::{Lesson, RunEnd};
use sparkwright_core::steering::STORE_TAKES_WITHIN_MS;

use super::logs::event_log;
use super::policy_options::{PolicyOptions, prepared_launch};
use super::store_options::StoreOptions;
use super::terminal::{counted, note, print, print_json};
use super::{Exit, Failure};
use crate::lesson::{job_of, lesson, starts};
use crate::review;
use crate::steering::Mode;

/// Keeps what finished runs teach, from their Spark event logs: the next run of the job is planned by it (`plan --store`, `submit --store`).
///
/// Each run is replayed under the policy with one, two, four ... executors at the start: the next one starts with what costs least for the policy's
/// `optimization_target`.
///
/// A lesson holds sums and sizes: times, executors, memory, garbage collection, spill, shuffled bytes; and the labels of --label. It holds no data
/// and no names of columns, tables or paths.
#[derive(Debug, Args)]
pub struct Learn {
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// The job that they are runs of, as `submit` has it; if not given, each application's name without dates, counters and ids.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Recorded runs (`last`, an id or a folder) or Spark event logs.
    #[arg(required = true, value_name = "LOG")]
    runs: Vec<String>,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Learned {
    lessons: Vec<Lesson>,
}

impl Learn {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let store = self.store.required(&launch.policy, STORE_TAKES_WITHIN_MS)?;
        let policy = prepared_launch(&launch)??;
        let mut learned = Learned { lessons: Vec::new() };
        for name in &self.runs {
            let log = review::read(&event_log(name, &self.record)?)?;
            if log.measured.is_empty() {
                return Err(Failure::new(format!("`{name}` is not an event log of Spark")));
            }
            if !log.measured.ended() {
                note(&format!("`{name}` has no end and teaches nothing: its run time would be too short"));
                continue;
            }
            let run = review::ask(&policy, &log.measured, &[], None)??.past_run;
            let job = job_of(self.job.as_deref(), &log.measured.name);
            let named = self.store.address(&launch.policy).is_none_or(|store| store.named);
            if !job.lasts() && !named {
                let name = sparkwright_core::printable::line(&log.measured.name).into_owned();
                return Err(Failure::new(format!(
                    "nothing tells which job `{name}` is one of: `{name}` may be any program"
                ))
                .help("name the job with --job"));
            }
            let job = job.name;
            let mut lesson = lesson(&log, None, (run, Vec::new()), (&job, &launch.labels), "log");
            if lesson.ended != RunEnd::Failed {
                lesson.starts = starts(&log, (&launch.policy, &policy), &launch.labels, None).unwrap_or_else(|why| {
                    note(&format!("what `{name}` would have taken with other starts is not known: {why}"));
                    Vec::new()
                });
            }
            if !store.keep(&lesson)? {
                note(&format!("`{}` has learned from {} before", lesson.job, lesson.application));
            }
            learned.lessons.push(lesson);
        }
        if self.json {
            print_json(&learned)?;
        } else {
            for lesson in &learned.lessons {
                let failed = if lesson.ended == RunEnd::Failed {
                    " It failed: plans go by what it lacked, and not by its time."
                } else {
                    ""
                };
                print(&format!("`{}` has learned from {}.{failed}\n", lesson.job, lesson.application));
            }
            print(&format!("{} kept\n", counted(learned.lessons.len(), "lesson")));
        }
        Ok(Exit::Fine)
    }
}
