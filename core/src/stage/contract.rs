//! What goes into `plan_stage` and what comes out.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::profile::{ColumnsFacts, DataProfile};
use crate::by_name::ByName;
use crate::cache::result::CachePlan;
use crate::confs::ConfSetting;
use crate::cost::Cost;
use crate::decision::{Confs, answer};
use crate::executor::run_time::RunTimeEstimate;
use crate::facts::{ClusterFacts, History, JobFacts, NextUse};
use crate::temp_table::TempTable;
use crate::trace::{Decision, Grade};
use crate::units::Bytes;

/// Executors as the application has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunningExecutors {
    /// How many there are.
    pub count: u32,
    /// Cores of one; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Heap of one (of the driver with a local master); Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<Bytes>,
}

/// A declared stage of a pipeline that is about to begin.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanStageInput {
    /// Unix time; unknown when 0.
    pub now_ms: u64,
    /// By how much local time is ahead of Unix time at the place of the run.
    pub utc_offset_minutes: i32,
    /// What the user says of the run, for the policy's rules.
    pub labels: ByName<String>,
    /// Its name.
    pub name: String,
    /// What is known of it: its data, its kind, its target, its uses.
    pub job: JobFacts,
    /// How well the size of its data is known.
    pub data_grade: Grade,
    /// The rows of its data; unknown when absent.
    pub rows: Option<u64>,
    /// The columns of its data.
    pub columns: ColumnsFacts,
    /// How the stages to come read its result, the next one first.
    pub next: Vec<NextUse>,
    /// The largest group of the key that it shuffles by over the median group; unknown when absent.
    pub key_skew: Option<f64>,
    /// The sizes of its shuffle's partitions, where an earlier run measured them; empty when unknown.
    pub partition_bytes: Vec<Bytes>,
    /// The cluster, and what the user configured.
    pub cluster: ClusterFacts,
    /// Earlier runs of this stage.
    pub history: History,
    /// Executors as they are; absent before the application has any, when they are sized as for a launch.
    pub executors: Option<RunningExecutors>,
    /// Heap of the driver; unknown when absent.
    pub driver_heap_bytes: Option<Bytes>,
}

crate::members::read_over_defaults!(PlanStageInput {
    now_ms,
    utc_offset_minutes,
    labels,
    name,
    job,
    data_grade,
    rows,
    columns,
    next,
    key_skew,
    partition_bytes,
    cluster,
    history,
    executors,
    driver_heap_bytes,
});

impl Default for PlanStageInput {
    fn default() -> Self {
        Self {
            now_ms: 0,
            utc_offset_minutes: 0,
            labels: ByName::new(),
            name: String::new(),
            job: JobFacts::default(),
            data_grade: Grade::C,
            rows: None,
            columns: ColumnsFacts::default(),
            next: Vec::new(),
            key_skew: None,
            partition_bytes: Vec::new(),
            cluster: ClusterFacts::default(),
            history: History::default(),
            executors: None,
            driver_heap_bytes: None,
        }
    }
}

answer! {
    /// How a stage is run.
    PlanStageAnswer at PlanStage {
        /// What its data is taken for.
        data: Decision<DataProfile> = "Data" in None;
        /// Executors that it wants.
        executors: Decision<u32> = "Executors" in Executors;
        /// How many bytes of files one task reads at most; absent where the files are not known, or can't be cut.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_partition_bytes: Option<Decision<Bytes>> = "File partition size" in Bytes sets [MAX_PARTITION_BYTES];
        /// Shuffle partitions for its data.
        shuffle_partitions: Decision<u32> = "Shuffle partitions" in Partitions sets [SHUFFLE_PARTITIONS];
        /// The tasks that read its shuffle after Spark has coalesced and split it; absent where no earlier run measured its partitions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shuffle_tasks: Option<Decision<u32>> = "Shuffle tasks" in Tasks;
        /// The size of a piece that a task reads.
        advisory_partition_bytes: Decision<Bytes> = "Advisory partition size" in Bytes
            sets [ADVISORY_SIZE, PARALLELISM_FIRST];
        /// From what size on a shuffle partition may be split; absent where no key is known to be skewed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skew_threshold_bytes: Option<Decision<Bytes>> = "Skew threshold" in Bytes sets [SKEW_THRESHOLD];
        /// Up to what size a table is sent whole to every executor.
        broadcast_threshold_bytes: Decision<Bytes> = "Broadcast threshold" in Bytes sets [BROADCAST_THRESHOLD];
        /// Whether its result is kept.
        cache: Decision<CachePlan> = "Cache" in None;
        /// What its result becomes.
        temp_table: Decision<TempTable> = "Temp table" in None;
        /// How long it takes with the wanted executors; absent where nothing says how much work there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_time: Option<Decision<RunTimeEstimate>> = "Run time" in Milliseconds;
        /// What that costs; absent where the policy names no price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Decision<Cost>> = "Cost" in Micros;
        /// Session configurations for the stage, by key. None of them is one that the user set.
        confs: ByName<ConfSetting>;
    }
}

impl Confs for PlanStageAnswer {
    fn value_of(&self, key: &str) -> Option<String> {
        self.confs.value_of(key)
    }
}
