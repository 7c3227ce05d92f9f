//! What goes into `plan_launch` and what comes out.

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

use super::clusters::{ClusterCandidate, ClusterChoice};
use crate::by_name::ByName;
pub use crate::cache::result::CachePlan;
use crate::confs::ConfSetting;
use crate::cost::Cost;
use crate::decision::{Confs, answer};
use crate::executor::run_time::RunTimeEstimate;
use crate::executor::scaling::Scaling;
use crate::executor::start::{INITIAL_BY_REPLAY, INITIAL_TAKEN_BACK, REPLAYED_MS};
use crate::facts::{ClusterFacts, History, JobFacts};
use crate::temp_table::TempTable;
use crate::trace::{Decision, Scalar};
use crate::units::Bytes;

fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

fn is_level(minutes: &i32) -> bool {
    *minutes == 0
}

/// What is known before an application starts.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanLaunchInput {
    /// Unix time; unknown when 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub now_ms: u64,
    /// By how much local time is ahead of Unix time at the place of the run.
    #[serde(skip_serializing_if = "is_level")]
    pub utc_offset_minutes: i32,
    /// What the user says of the run, for the policy's rules.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub labels: ByName<String>,
    /// The job.
    pub job: JobFacts,
    /// The cluster, and what the user configured.
    pub cluster: ClusterFacts,
    /// Earlier runs of the job.
    pub history: History,
    /// Clusters to choose from; where there are any, the plan is for the best of them and not for `cluster`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<ClusterCandidate>,
}

crate::members::read_over_defaults!(PlanLaunchInput {
    now_ms,
    utc_offset_minutes,
    labels,
    job,
    cluster,
    history,
    candidates,
});

answer! {
    /// What an application starts with.
    PlanLaunchAnswer at PlanLaunch {
        /// Executors that the job wants.
        executors: Decision<u32> = "Executors" in Executors sets [MAX_EXECUTORS];
        /// Executors that it starts with.
        initial_executors: Decision<u32> = "Initial executors" in Executors
            sets [INITIAL_EXECUTORS, MIN_EXECUTORS, EXECUTOR_INSTANCES];
        /// Never fewer.
        min_executors: u32;
        /// Never more.
        max_executors: u32;
        /// What the application falls back to when the host is lost; absent where the policy doesn't move executors.
        executors_if_lost: Option<u32>;
        /// Who moves executors while it runs; absent from an older module.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scaling: Option<Decision<Scaling>> = "Executor scaling" in None sets [
            DYNAMIC_ALLOCATION, BACKLOG_TIMEOUT, SUSTAINED_BACKLOG_TIMEOUT, IDLE_TIMEOUT, CACHED_IDLE_TIMEOUT, SHUFFLE_TRACKING, DECOMMISSION,
            STORAGE_DECOMMISSION, MIGRATE_CACHED_BLOCKS, MIGRATE_SHUFFLE_BLOCKS, MIGRATION_INTERVAL,
        ];
        /// Cores of an executor.
        executor_cores: Decision<u32> = "Executor cores" in Cores sets [EXECUTOR_CORES];
        /// Executor memory: its heap.
        executor_memory_bytes: Decision<Bytes> = "Executor memory" in Bytes sets [EXECUTOR_MEMORY];
        /// Executor memory overhead: memory beside the heap.
        executor_overhead_bytes: Decision<Bytes> = "Executor memory overhead" in Bytes sets [EXECUTOR_OVERHEAD];
        /// Driver memory: its heap; with it the most that results may take of it, where Spark's limit was too little.
        driver_memory_bytes: Decision<Bytes> = "Driver memory" in Bytes sets [DRIVER_MEMORY, MAX_RESULTS];
        /// How many bytes of files one task reads at most; absent where the files are not known, or can't be cut.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_partition_bytes: Option<Decision<Bytes>> = "File partition size" in Bytes sets [MAX_PARTITION_BYTES];
        /// Shuffle partitions for the job's data.
        shuffle_partitions: Decision<u32> = "Shuffle partitions" in Partitions sets [SHUFFLE_PARTITIONS];
        /// The partition size that adaptive execution coalesces to; absent where Spark's own rule fits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        advisory_partition_bytes: Option<Decision<Bytes>> = "Advisory partition size" in Bytes
            sets [ADVISORY_SIZE, PARALLELISM_FIRST];
        /// Whether Python workers talk to the JVM over a Unix socket; absent for other programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        python_unix_socket: Option<Decision<bool>> = "Python workers by Unix socket" in None sets [PYTHON_UNIX_SOCKET];
        /// Whether the main result is kept.
        cache: Decision<CachePlan> = "Cache" in None;
        /// What the main result becomes between stages.
        temp_table: Decision<TempTable> = "Temp table" in None;
        /// How long the job takes with the wanted executors; absent where nothing says how much work there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_time: Option<Decision<RunTimeEstimate>> = "Run time" in Milliseconds;
        /// What that costs; absent where the policy names no price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Decision<Cost>> = "Cost" in Micros;
        /// Which of several clusters the plan is for; absent where none were asked about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clusters: Option<ClusterChoice> = "Cluster" as "cluster" in None;
        /// Spark configurations, by key. None of them is one that the user set.
        confs: ByName<ConfSetting>;
    }
}

impl Confs for PlanLaunchAnswer {
    fn value_of(&self, key: &str) -> Option<String> {
        self.confs.value_of(key)
    }
}

impl PlanLaunchAnswer {
    /// The longest run time that it promises: that of the start which replays chose, else the predicted one. Nothing for a guess, and where it starts with other
    /// executors than that is of.
    #[must_use]
    pub fn promised_ms(&self) -> Option<u64> {
        let start = &self.initial_executors;
        let (bounded, rule) = (!start.trace.bounds.is_empty(), &*start.trace.rule);
        match rule {
            INITIAL_TAKEN_BACK => None,
            INITIAL_BY_REPLAY => match start.trace.value_of(REPLAYED_MS) {
                Some(&Scalar::Whole(run_ms)) if !bounded => {
                    let (low_ms, high_ms) = (None, None);
                    RunTimeEstimate { run_ms, low_ms, high_ms }.promised_ms(start.grade)
                }
                _ => None,
            },
            _ => self.run_time.as_ref().and_then(|promise| promise.value.promised_ms(promise.grade)),
        }
    }
}
