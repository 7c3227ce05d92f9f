//! What goes into `review` and what comes out.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::cost::Cost;
use crate::decision::{Confs, Value, answer};
use crate::executor::slots;
use crate::facts::PastRun;
use crate::trace::{Decision, Scalar, Trace};
use crate::units::Bytes;

/// A stage as it ran: one of Spark's, or one that a pipeline declared with all its jobs summed up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StageFacts {
    /// Its name.
    pub name: String,
    /// Its wall time.
    pub wall_ms: u64,
    /// How long it should have taken, by the plan or by earlier runs; unknown when absent.
    pub expected_ms: Option<u64>,
    /// Its tasks.
    pub tasks: u64,
    /// Those that failed.
    pub failed_tasks: u64,
    /// The sum of task time.
    pub task_ms: u64,
    /// The median task's time.
    pub median_task_ms: u64,
    /// The longest task's time.
    pub longest_task_ms: u64,
    /// Of the task time, garbage collection.
    pub gc_ms: u64,
    /// Of the wall time, waiting for a free slot: from the stage's start to its first task, and while no task of it ran.
    pub wait_ms: u64,
    /// Bytes written to disk for want of memory.
    pub spilled_bytes: Bytes,
    /// Bytes read from a shuffle, or from the sources where there is none.
    pub read_bytes: Bytes,
    /// Of it, what was read from a shuffle: the number of its partitions is a key's, that of a scan's splits is not.
    pub shuffle_read_bytes: Bytes,
    /// What the median task read.
    pub median_partition_bytes: Bytes,
    /// What the largest task read.
    pub largest_partition_bytes: Bytes,
}

crate::members::read_over_defaults!(StageFacts {
    name,
    wall_ms,
    expected_ms,
    tasks,
    failed_tasks,
    task_ms,
    median_task_ms,
    longest_task_ms,
    gc_ms,
    wait_ms,
    spilled_bytes,
    read_bytes,
    shuffle_read_bytes,
    median_partition_bytes,
    largest_partition_bytes,
});

/// A run to be reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReviewInput {
    /// Its wall time.
    pub wall_ms: u64,
    /// Of it, time in which only the driver worked.
    pub driver_ms: u64,
    /// The longest chain of tasks that wait for each other: no number of executors makes it shorter; unknown when absent.
    pub critical_path_ms: Option<u64>,
    /// What it read from its sources; unknown when absent.
    pub input_bytes: Option<Bytes>,
    /// The size of the files that its queries scanned, each set of files once; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned_bytes: Option<Bytes>,
    /// The executors that it started with; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executors_at_start: Option<u32>,
    /// The 95th percentile of a task's peak execution memory; unknown when absent.
    pub task_peak_bytes: Option<Bytes>,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// Executors at the most.
    pub executors: u32,
    /// Cores of an executor; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_cores: Option<u32>,
    /// `spark.task.cpus`; Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cpus: Option<u32>,
    /// Heap of an executor; Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_heap_bytes: Option<Bytes>,
    /// The most of an executor's heap that was seen in use; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_peak_bytes: Option<Bytes>,
    /// Tasks and executors that ended for want of memory; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_failures: Option<u64>,
    /// Tasks that could run at a time, where the asker knows better than executors, cores and `task_cpus` say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// The number of shuffle partitions that was set; unknown when absent.
    pub shuffle_partitions: Option<u32>,
    /// Whether the driver ran every task: then no key of an executor changes anything.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub local: bool,
    /// Its stages, in the order in which they ran.
    pub stages: Vec<StageFacts>,
    /// Wall times of earlier runs, the oldest first; this run is added by the review.
    pub history_ms: Vec<u64>,
}

crate::members::read_over_defaults!(ReviewInput {
    wall_ms,
    driver_ms,
    critical_path_ms,
    input_bytes,
    scanned_bytes,
    executors_at_start,
    task_peak_bytes,
    executor_ms,
    executors,
    executor_cores,
    task_cpus,
    executor_heap_bytes,
    heap_peak_bytes,
    memory_failures,
    slots,
    shuffle_partitions,
    local,
    stages,
    history_ms,
});

impl ReviewInput {
    /// Tasks that one executor ran at a time.
    #[must_use]
    pub fn tasks_an_executor(&self) -> u32 {
        slots::tasks_an_executor(self.executor_cores, self.task_cpus)
    }

    /// Tasks that could run at a time; 0 where nothing is known of executors.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots.unwrap_or_else(|| slots::slots(self.executors, self.tasks_an_executor()))
    }
}

/// A run in figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PerformanceReport {
    /// Its wall time.
    pub total_ms: u64,
    /// How many stages it had.
    pub stages: u64,
    /// A stage's wall time on average, rounded down; 0 without stages.
    pub average_stage_ms: u64,
    /// The shortest stage's; 0 without stages.
    pub fastest_stage_ms: u64,
    /// The longest stage's; 0 without stages.
    pub slowest_stage_ms: u64,
    /// The share of slot time that tasks used; unknown where executors or cores are.
    pub slots_used: Option<f64>,
    /// What it cost; absent where the policy names no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Decision<Cost>>,
}

/// Where run times are heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// They fall.
    Improving,
    /// They stay.
    Stable,
    /// They rise.
    Degrading,
    /// There are too few.
    InsufficientData,
}

impl Trend {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Improving => "improving",
            Self::Stable => "stable",
            Self::Degrading => "degrading",
            Self::InsufficientData => "insufficient_data",
        }
    }
}

impl Value for Trend {
    fn scalar(&self) -> Scalar {
        self.word().into()
    }
}

/// What held a run up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BottleneckKind {
    /// One stage takes most of the time.
    DominantStage,
    /// A stage takes longer than it should.
    SlowerThanExpected,
    /// A few tasks take much longer than the others.
    Skew,
    /// Data was written to disk for want of memory.
    Spill,
    /// Garbage collection.
    GarbageCollection,
    /// Waiting for a free slot.
    SchedulingWait,
    /// Too many, too small partitions.
    SmallPartitions,
    /// Too few, too large partitions.
    LargePartitions,
    /// Tasks that failed and ran again.
    FailedTasks,
    /// Only the driver worked.
    Driver,
}

/// Something that held the run up, with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bottleneck {
    /// What it is.
    pub kind: BottleneckKind,
    /// The stage; empty for the run as a whole.
    pub stage: String,
    /// The wall time that it cost, at most.
    pub lost_ms: u64,
    /// That, as a share of the run.
    pub share: f64,
    /// The evidence.
    pub trace: Trace,
}

/// A change that would help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recommendation {
    /// The key to set: one of the policy, or one of Spark.
    pub key: Cow<'static, str>,
    /// The value to set it to; absent where the change is one of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Scalar>,
    /// Why, in a sentence.
    pub because: String,
    /// The stage that it is for; empty for the run as a whole.
    pub stage: String,
    /// The wall time that it could save, at most.
    pub saves_at_most_ms: u64,
}

answer! {
    /// What is said of a run.
    ReviewAnswer at Review {
        /// The run in figures.
        report: PerformanceReport;
        /// Where run times are heading.
        trend: Decision<Trend> = "Trend of run times" in None;
        /// What held it up, the costliest first.
        bottlenecks: Vec<Bottleneck>;
        /// What would help, the most helpful first.
        recommendations: Vec<Recommendation>;
        /// The run as a history of the job keeps it.
        past_run: PastRun;
    }
}

impl Confs for ReviewAnswer {}
