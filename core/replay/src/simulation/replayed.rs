//! What a replay gives.

use alloc::vec::Vec;

/// What a replay gave. Times are microseconds since the start of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Start and end of each job of the trace, in its order; a job that never ran has none.
    pub jobs: Vec<Option<(i64, i64)>>,
    /// From when until when each executor is paid for, those that were called off before they came left out; until the last job's end at most.
    pub executors: Vec<(i64, i64)>,
    /// Launches of tasks.
    pub launches: u64,
}

impl Replayed {
    /// When the last job ended.
    #[must_use]
    pub fn end_us(&self) -> i64 {
        self.jobs.iter().flatten().map(|(_, end_us)| *end_us).max().unwrap_or(0)
    }

    /// Executor time, summed up.
    #[must_use]
    pub fn executor_us(&self) -> i64 {
        self.executors.iter().map(|(from_us, to_us)| (to_us - from_us).max(0)).sum()
    }
}
