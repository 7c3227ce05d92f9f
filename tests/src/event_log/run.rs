//! A run as its event log tells it.

use std::collections::BTreeMap;

/// A run, as its event log tells it. Times are Unix milliseconds.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    /// The application's id.
    pub application_id: String,
    /// Its name.
    pub name: String,
    /// When it started.
    pub started_ms: u64,
    /// When it ended, or the last event when the log has no end.
    pub ended_ms: u64,
    /// Whether the log has an end.
    pub complete: bool,
    /// Spark's configuration as the application started.
    pub conf: BTreeMap<String, String>,
    /// Executors in the order in which they came; in local mode the driver is one.
    pub executors: Vec<Executor>,
    /// Tasks in the order in which they ended.
    pub tasks: Vec<Task>,
    /// Stages that were submitted.
    pub stages: Vec<Stage>,
    /// SQL executions in the order in which they started.
    pub executions: Vec<SqlExecution>,
    /// RDDs and tables of which blocks were held. Only with `spark.eventLog.logBlockUpdates.enabled=true`.
    pub cached: Vec<Cached>,
    /// The most bytes that all of them held at a time, in memory and on disk.
    pub peak_cached_bytes: u64,
    /// Jobs that were started.
    pub jobs: u64,
}

/// An executor's life.
#[derive(Debug, Clone)]
pub struct Executor {
    /// Its id.
    pub id: String,
    /// Its cores.
    pub cores: u32,
    /// When it came.
    pub added_ms: u64,
    /// When it went, and why, the first reason of several.
    pub removed: Option<(u64, String)>,
}

/// A task that ended.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its stage.
    pub stage: u64,
    /// Where it ran.
    pub executor: String,
    /// When it was launched.
    pub launched_ms: u64,
    /// When it ended.
    pub finished_ms: u64,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Processor time on the executor, in nanoseconds.
    pub cpu_ns: u64,
    /// Bytes that it spilled to disk.
    pub spilled_bytes: u64,
}

/// A stage that was submitted.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its id.
    pub id: u64,
    /// What called for it.
    pub name: String,
    /// Its tasks.
    pub tasks: u64,
    /// When it was submitted.
    pub submitted_ms: u64,
    /// When it was completed.
    pub completed_ms: Option<u64>,
}

/// An execution of a SQL query.
#[derive(Debug, Clone)]
pub struct SqlExecution {
    /// Its number.
    pub id: u64,
    /// What called for it.
    pub description: String,
    /// The physical plan in words, as it was before adaptive execution changed it.
    pub plan: String,
    /// The session's configuration where it differs from the application's.
    pub modified_configs: BTreeMap<String, String>,
    /// When it started.
    pub started_ms: u64,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// An RDD or table of which blocks were held.
#[derive(Debug, Clone)]
pub struct Cached {
    /// The RDD's id.
    pub rdd: u64,
    /// Its name: for a table `In-memory table ...` or the beginning of its plan.
    pub name: String,
    /// Whether it holds the rows of a query (rather than an RDD of MLlib or of the user).
    pub is_table: bool,
    /// The most bytes that it held at a time, in memory and on disk.
    pub peak_bytes: u64,
}

impl EventLog {
    /// From the start to the end of the application, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.started_ms, self.ended_ms)
    }

    /// How long executors were there, added up, in seconds: what a cluster charges for.
    #[must_use]
    pub fn executor_seconds(&self) -> f64 {
        self.executors.iter().map(|one| seconds(one.added_ms, one.gone_ms().unwrap_or(self.ended_ms))).sum()
    }

    /// How many executors were there at a time.
    #[must_use]
    pub fn executors_at(&self, at_ms: u64) -> usize {
        self.executors
            .iter()
            .filter(|one| one.added_ms <= at_ms && one.gone_ms().unwrap_or(self.ended_ms) > at_ms)
            .count()
    }

    /// Executors that went before the application ended, with the reasons.
    pub fn removals(&self) -> impl Iterator<Item = (&Executor, &str)> {
        self.executors.iter().filter_map(|one| {
            let (at_ms, reason) = one.removed.as_ref()?;
            (*at_ms < self.ended_ms).then_some((one, reason.as_str()))
        })
    }

    /// The shuffle partitions that Spark planned for joins and aggregates (not the ones that a program asked for by number), and
    /// for how many exchanges.
    #[must_use]
    pub fn planned_shuffle_partitions(&self) -> BTreeMap<u32, u32> {
        let mut counts = BTreeMap::new();
        for plan in self.executions.iter().map(|execution| execution.plan.as_str()) {
            for line in plan.lines().filter(|line| line.contains("ENSURE_REQUIREMENTS")) {
                if let Some(partitions) = partitions_of(line) {
                    *counts.entry(partitions).or_default() += 1;
                }
            }
        }
        counts
    }
}

impl Executor {
    fn gone_ms(&self) -> Option<u64> {
        self.removed.as_ref().map(|(at_ms, _)| *at_ms)
    }
}

/// The number of a partitioning such as `hashpartitioning(origin#1, 200), ENSURE_REQUIREMENTS, [plan_id=7]`.
fn partitions_of(line: &str) -> Option<u32> {
    let before = line.split("), ENSURE_REQUIREMENTS").next()?;
    before.rsplit(',').next()?.trim().parse().ok()
}

fn seconds(from_ms: u64, to_ms: u64) -> f64 {
    // Milliseconds of a run are far below 2^53.
    #[expect(clippy::cast_precision_loss)]
    let seconds = to_ms.saturating_sub(from_ms) as f64 / 1000.0;
    seconds
}

#[cfg(test)]
mod tests {
    use super::partitions_of;

    #[test]
    fn partitions_of_an_exchange() {
        let line = "Arguments: hashpartitioning(origin#577, time_hour#583, 200), ENSURE_REQUIREMENTS, [plan_id=41]";
        assert_eq!(partitions_of(line), Some(200));
        let line = "Arguments: rangepartitioning(airline#6 ASC NULLS FIRST, 7), ENSURE_REQUIREMENTS, [plan_id=9]";
        assert_eq!(partitions_of(line), Some(7));
        assert_eq!(partitions_of("Arguments: SinglePartition, ENSURE_REQUIREMENTS, [plan_id=3]"), None);
    }
}
