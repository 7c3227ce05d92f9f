//! What is kept of a log: its jobs and stages and what they wait for, how long tasks held their slots, what the driver took in between, and executors.
//!
//! Nothing else of the log is used afterwards. How it is learned: `jobs` and `stages` (gaps and waits), `scheduler` (what the driver takes for a
//! launch), `executors` (slots, and when they serve), `placement` (where tasks were near to their data), `waves` (first tasks on a slot).

pub(crate) mod executors;
mod jobs;
mod kept;
mod placement;
mod recorded;
mod scheduler;
mod stages;
mod statistics;
mod timeline;
mod waves;

use crate::coalescing::Adaptive;
use crate::log::Log;
use crate::settings;

pub(crate) use kept::us;
pub use kept::{After, Driver, Executor, Job, Near, Stage, Task, Trace, Turn};

/// The default of `spark.locality.wait`, in milliseconds.
const LOCALITY_WAIT_MS: i64 = 3_000;

/// Times of one clock never contradict each other by more.
const ONE_CLOCK_MS: i64 = 1_000;

/// Why a log has no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTrace {
    /// No job in it ended.
    NoJob,
    /// No task in it ended.
    NoTask,
    /// A task was launched before its stage was submitted: by different clocks, or by hand.
    Clocks {
        /// Spark's id of the stage.
        stage: i64,
        /// By how much.
        apart_ms: i64,
    },
}

impl core::fmt::Display for NoTrace {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoJob => to.write_str("no job in it ended"),
            Self::NoTask => to.write_str("no task in it ended"),
            Self::Clocks { stage, apart_ms } => {
                let seconds = *apart_ms / 1_000;
                write!(
                    to,
                    "a task of stage {stage} was launched {seconds} s before its stage was submitted: its times are not of one clock"
                )
            }
        }
    }
}

impl core::error::Error for NoTrace {}

impl Trace {
    /// The trace of a log.
    ///
    /// # Errors
    /// Nothing ran in it.
    pub fn of(log: &Log) -> Result<Self, NoTrace> {
        let locality_wait_ms = log
            .conf
            .get("spark.locality.wait")
            .and_then(|text| settings::duration_ms(text, 1))
            .unwrap_or(LOCALITY_WAIT_MS);
        let end_ms = log.ended_ms.unwrap_or(log.last_ms);
        let mut jobs = jobs::that_ended(log, end_ms);
        let first = jobs.first().ok_or(NoTrace::NoJob)?;
        let start_ms = log.started_ms.unwrap_or(first.recorded_ms.0);
        let recorded = recorded::of(log, &mut jobs);
        if recorded.iter().all(|stage| stage.tasks.is_empty()) {
            return Err(NoTrace::NoTask);
        }
        for stage in &recorded {
            let apart_ms = stage.tasks.first().map_or(0, |task| stage.submitted_ms - task.launched_ms);
            if apart_ms > ONE_CLOCK_MS {
                return Err(NoTrace::Clocks { stage: stage.key.stage, apart_ms });
            }
        }
        let (mut executors, removal_us) = executors::of(log, start_ms);
        executors::note_asked(&mut executors, log, &recorded);
        jobs::waits(&mut jobs, start_ms);
        let scheduler = scheduler::Scheduler::of(&executors, &recorded);
        let stages = stages::of(&recorded, &jobs, &scheduler, &executors, us(locality_wait_ms));
        jobs::end_lags(&mut jobs, &recorded);
        Ok(Self {
            application: log.application.clone(),
            spark_version: log.version(),
            start_ms,
            end_ms,
            driver: Driver {
                first_launch_us: stages.first_launch_us,
                join_us: scheduler.join_us,
                dispatch_us: scheduler.dispatch_us(&recorded),
                hand_over_us: scheduler::hand_over_us(&executors, &recorded),
                removal_us,
                locality_wait_us: us(locality_wait_ms),
            },
            adaptive: Adaptive::of(&log.conf, log.version()),
            fair_pools: log
                .conf
                .get("spark.scheduler.mode")
                .is_some_and(|mode| mode.trim().eq_ignore_ascii_case("FAIR")),
            executors: executors.served,
            jobs,
            stages: stages.all,
        })
    }
}
