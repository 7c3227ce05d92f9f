//! What goes into `plan_launch` and what comes out.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::candidates::{ClusterCandidate, ClusterChoice};
pub use crate::cache::result::CachePlan;
use crate::cost::Cost;
use crate::executor::run_time::RunTimeEstimate;
use crate::facts::{ClusterFacts, History, JobFacts};
use crate::named::Named;
use crate::temp_table::TempTable;
use crate::trace::Decision;
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
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub labels: Named<String>,
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

/// When a Spark configuration can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfWhen {
    /// Only before the application starts.
    Submit,
    /// When a session is made, or on a running session.
    Session,
    /// At any time.
    Runtime,
}

/// A Spark configuration that a plan sets, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfSetting {
    /// Its value, as Spark reads it.
    pub value: String,
    /// When it can be set.
    pub when: ConfWhen,
    /// Why it is set, in a sentence.
    pub because: Cow<'static, str>,
}

/// What an application starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanLaunchAnswer {
    /// Executors that the job wants.
    pub executors: Decision<u32>,
    /// Executors that it starts with.
    pub initial_executors: Decision<u32>,
    /// Never fewer.
    pub min_executors: u32,
    /// Never more.
    pub max_executors: u32,
    /// What the application falls back to when the host is lost; absent where the policy doesn't move executors.
    pub executors_if_lost: Option<u32>,
    /// Cores of an executor.
    pub executor_cores: Decision<u32>,
    /// Heap of an executor.
    pub executor_memory_bytes: Decision<Bytes>,
    /// Memory beside that heap.
    pub executor_overhead_bytes: Decision<Bytes>,
    /// Heap of the driver.
    pub driver_memory_bytes: Decision<Bytes>,
    /// Shuffle partitions for the job's data.
    pub shuffle_partitions: Decision<u32>,
    /// Whether the main result is kept.
    pub cache: Decision<CachePlan>,
    /// What the main result becomes between stages.
    pub temp_table: Decision<TempTable>,
    /// How long the job takes with the wanted executors; absent where nothing says how much work there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_time: Option<Decision<RunTimeEstimate>>,
    /// What that costs; absent where the policy names no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Decision<Cost>>,
    /// Which of several clusters the plan is for; absent where none were asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<ClusterChoice>,
    /// Spark configurations, by key. None of them is one that the user set.
    pub confs: Named<ConfSetting>,
}
