//! What one run teaches the next ones of its job: a small file that is written once and never changed.
//!
//! It holds sums and sizes. It holds no data, no literals, and no names of columns, tables or paths.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::facts::{History, PastRun};

/// The format of a lesson; a reader reads every older one, and of a newer one what it knows.
pub const LESSON_FORMAT: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// With its work done: its process exited with 0.
    Well,
    /// With an exit code other than 0, by a signal, or its last job failed where nothing else is known.
    Failed,
    /// Nobody knows: a log alone does not tell. A Spark that stops on its own as its program ends logs exit code 0, whatever the program's was.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a run was and took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Lesson {
    /// See [`LESSON_FORMAT`].
    pub format: u32,
    /// The job that it is a run of.
    pub job: String,
    /// Spark's id of the application.
    pub application: String,
    /// When it started, Unix time.
    pub started_ms: u64,
    /// What steering did (`act`, `shadow`, `off`), or `log` where an event log taught it.
    pub mode: String,
    /// Spark's version.
    pub spark: String,
    /// How it ended.
    pub ended: RunEnd,
    /// Whether the last of its jobs failed.
    pub last_job_failed: bool,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// The run, as a history has it.
    pub run: PastRun,
}

/// What the lessons of a job, in any order, say of its next run: its runs, the oldest first.
#[must_use]
pub fn history(lessons: &[Lesson]) -> History {
    let mut told: Vec<&Lesson> = lessons.iter().collect();
    told.sort_by(|one, other| (one.started_ms, &one.application).cmp(&(other.started_ms, &other.application)));
    // Two runs that write the same object twice are one.
    told.dedup_by(|one, other| one.application == other.application && one.started_ms == other.started_ms);
    let run = |lesson: &Lesson| PastRun { failed: lesson.ended == RunEnd::Failed, ..lesson.run };
    History { runs: told.into_iter().map(run).collect(), ..History::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    fn lesson(started_ms: u64, run_ms: u64, ended: RunEnd) -> Lesson {
        Lesson {
            application: started_ms.to_string(),
            started_ms,
            ended,
            run: PastRun { run_ms, ..PastRun::default() },
            ..Lesson::default()
        }
    }

    #[test]
    fn runs_in_their_order_with_what_failed_as_such() {
        let lessons = [
            lesson(30, 3, RunEnd::Well),
            lesson(10, 1, RunEnd::Unknown),
            lesson(20, 2, RunEnd::Failed),
            lesson(30, 3, RunEnd::Well),
        ];
        let runs: Vec<(u64, bool)> = history(&lessons).runs.iter().map(|run| (run.run_ms, run.failed)).collect();
        assert_eq!(runs, [(1, false), (2, true), (3, false)]);
    }
}
