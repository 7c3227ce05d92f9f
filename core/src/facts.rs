//! Facts that more than one decision is made from: the cluster, the job and its history.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::memory_kind::Memory;
use crate::policy::OptimizationTarget;
use crate::units::Bytes;
use crate::words::words;

words! {
    /// Who gives out executors.
    #[derive(Default)]
    Manager {
        /// Nothing is said of the cluster: a plan on paper.
        #[default]
        Unstated = "unstated",
        /// `local[n]`: everything runs in the driver.
        Local = "local",
        /// `local-cluster[n,c,m]`: worker processes under the driver, for tests.
        LocalCluster = "local_cluster",
        /// Spark's standalone master.
        Standalone = "standalone",
        /// Hadoop YARN.
        Yarn = "yarn",
        /// Kubernetes.
        Kubernetes = "kubernetes",
    }
}

impl Manager {
    /// The manager behind a Spark master URL.
    #[must_use]
    pub fn of_master(master: &str) -> Self {
        if master.starts_with("local-cluster") {
            Self::LocalCluster
        } else if master.starts_with("local") {
            Self::Local
        } else if master.starts_with("spark://") {
            Self::Standalone
        } else if master.starts_with("yarn") {
            Self::Yarn
        } else if master.starts_with("k8s://") {
            Self::Kubernetes
        } else {
            Self::Unstated
        }
    }

    /// Whether executors come and go at run time under it.
    #[must_use]
    pub const fn scales(self) -> bool {
        !matches!(self, Self::Local)
    }
}

/// Machines of one size that can hold executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeFacts {
    /// How many there are.
    pub count: u32,
    /// Cores that each offers to Spark.
    pub cores: u32,
    /// Memory that each offers to Spark.
    pub memory_bytes: Bytes,
}

/// What is known of the cluster and of the configuration that an application starts with.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClusterFacts {
    /// Who gives out executors.
    pub manager: Manager,
    /// The version of Spark, as `4.3.0`; empty when unknown.
    pub spark_version: String,
    /// The machines; empty when unknown.
    pub nodes: Vec<NodeFacts>,
    /// The most cores that the application may have in all (`spark.cores.max`, a queue's limit).
    pub quota_cores: Option<u32>,
    /// Threads of a `local[n]` master.
    pub local_threads: Option<u32>,
    /// Memory of the machine that the driver runs on.
    pub driver_machine_bytes: Option<Bytes>,
    /// `spark.task.cpus`; Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cpus: Option<u32>,
    /// Whether the application is a Python program.
    pub python: bool,
    /// Whether decommissioning moves cached and shuffle blocks to other executors.
    pub block_migration: bool,
    /// Every Spark configuration that the user set, in whatever way; none of them is overwritten.
    pub user_confs: ByName<String>,
}

crate::members::read_over_defaults!(ClusterFacts {
    manager,
    spark_version,
    nodes,
    quota_cores,
    local_threads,
    driver_machine_bytes,
    task_cpus,
    python,
    block_migration,
    user_confs,
});

impl ClusterFacts {
    /// The user's value of a Spark key.
    #[must_use]
    pub fn user(&self, key: &str) -> Option<&str> {
        self.user_confs.get(key).map(String::as_str)
    }

    /// The user's value of a key that holds a whole number.
    #[must_use]
    pub fn user_whole(&self, key: &str) -> Option<u32> {
        self.user(key)?.trim().parse().ok()
    }

    /// The user's value of a key that holds a size (`4g`, `512m`); a bare number counts in MiB, as Spark has it for memory.
    #[must_use]
    pub fn user_memory(&self, key: &str) -> Option<Bytes> {
        parse_spark_memory(self.user(key)?)
    }

    /// The first two parts of the version of Spark, as (4, 3).
    #[must_use]
    pub fn spark_release(&self) -> Option<(u32, u32)> {
        let mut parts = self.spark_version.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// A size as Spark's memory settings write it: `4g`, `512m`, `1t`, `300k`, `1024b`; a bare number is MiB.
///
/// Source: `JavaUtils.byteStringAs` of Apache Spark.
#[must_use]
pub fn parse_spark_memory(text: &str) -> Option<Bytes> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().ok()?;
    let unit: u64 = match text.get(digits.len()..)? {
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "" | "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        "p" | "pb" => 1 << 50,
        _ => return None,
    };
    number.checked_mul(unit).map(Bytes)
}

words! {
    /// What a job mostly does (`--type`).
    #[derive(Default)]
    ProcessingType {
        /// Iterates over the same data: training, scoring.
        Ml = "ml",
        /// Reads, reshapes and writes.
        Etl = "etl",
        /// Asks and aggregates.
        Query = "query",
        /// Anything else.
        #[default]
        General = "general",
    }
}

words! {
    /// What a declared stage of a pipeline does (`--stage-type`).
    StageType {
        /// Reads the sources.
        DataLoading = "data_loading",
        /// Cleans and reshapes.
        Preprocessing = "preprocessing",
        /// Chooses features.
        FeatureSelection = "feature_selection",
        /// Trains a model.
        ModelTraining = "model_training",
        /// Applies a model.
        Prediction = "prediction",
        /// Measures a model.
        Evaluation = "evaluation",
    }
}

impl StageType {
    /// The processing type that a stage counts as.
    #[must_use]
    pub const fn processing(self) -> ProcessingType {
        match self {
            Self::DataLoading | Self::Preprocessing => ProcessingType::Etl,
            Self::FeatureSelection | Self::ModelTraining | Self::Prediction => ProcessingType::Ml,
            Self::Evaluation => ProcessingType::Query,
        }
    }
}

words! {
    /// How a stage to come reads a result.
    NextUseKind {
        /// Row by row.
        Scan = "scan",
        /// A join by equal keys.
        EquiJoin = "equi_join",
        /// A grouping.
        GroupBy = "group_by",
        /// A sort.
        Sort = "sort",
        /// A filter on a range of a column.
        RangeFilter = "range_filter",
    }
}

/// A use of a result by a stage to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextUse {
    /// How it is read.
    pub kind: NextUseKind,
    /// What the stage that reads it does; unknown when absent.
    #[serde(default)]
    pub stage: Option<StageType>,
    /// The columns that it is read by.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The largest group of a key over the median group; unknown when absent.
    #[serde(default)]
    pub key_skew: Option<f64>,
}

/// What is known of a job before it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct JobFacts {
    /// The size of everything that is read; unknown when absent.
    pub input_bytes: Option<Bytes>,
    /// What it mostly does.
    pub processing: ProcessingType,
    /// The stage that is planned, where a pipeline declares stages; it decides the processing type.
    pub stage: Option<StageType>,
    /// What the run is to be good at, where it differs from the policy.
    pub target: Option<OptimizationTarget>,
    /// How many times the main result is used, the first included.
    pub uses: Option<u32>,
    /// The main result's size in memory; taken as the input's where absent.
    pub working_set_bytes: Option<Bytes>,
    /// The most tasks that can run at a time; taken from the files, or else the size of the data, where absent.
    pub parallel_tasks: Option<u32>,
    /// The sizes of the files that are read; empty when unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_bytes: Vec<Bytes>,
    /// Whether Spark can cut each of them between tasks ([`crate::scan::splittable`]); unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_splittable: Option<bool>,
    /// The largest result that comes back to the driver.
    pub result_bytes: Option<Bytes>,
}

crate::members::read_over_defaults!(JobFacts {
    input_bytes,
    processing,
    stage,
    target,
    uses,
    working_set_bytes,
    parallel_tasks,
    file_bytes,
    files_splittable,
    result_bytes,
});

impl JobFacts {
    /// What is said of the size of its input: the size, else that of the files; unknown when absent.
    #[must_use]
    pub fn said_bytes(&self) -> Option<Bytes> {
        let listed = || {
            let files = self.file_bytes.iter().fold(0, |sum: u64, file| sum.saturating_add(file.get()));
            (!self.file_bytes.is_empty()).then_some(Bytes(files))
        };
        self.input_bytes.or_else(listed)
    }
}

/// One earlier run of the same job: what a review leaves behind, and what a history is a list of. Whatever is absent is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PastRun {
    /// Whether it ended without its work done: how long it took tells nothing, what it lacked and what it saw does.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub failed: bool,
    /// Whether its sizes were a plan's: it ran steered.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub steered: bool,
    /// Its executors, on average over the run.
    pub executors: u32,
    /// How many it started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executors_at_start: Option<u32>,
    /// The longest that its plan promised it to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised_ms: Option<u64>,
    /// Its wall time.
    pub run_ms: u64,
    /// The size of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<Bytes>,
    /// The size of the files that its queries scanned, each set of files once, as it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned_bytes: Option<Bytes>,
    /// See [`History::work_task_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_task_ms: Option<u64>,
    /// See [`History::critical_path_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical_path_ms: Option<u64>,
    /// See [`History::driver_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_ms: Option<u64>,
    /// See [`History::task_peak_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_peak_bytes: Option<Bytes>,
    /// See [`History::gc_share`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gc_share: Option<f64>,
    /// See [`History::spilled_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spilled_bytes: Option<Bytes>,
    /// See [`History::shuffle_skew`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_skew: Option<f64>,
    /// See [`History::largest_shuffle_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_shuffle_bytes: Option<Bytes>,
    /// The heap that its executors had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_heap_bytes: Option<Bytes>,
    /// The cores that they had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_cores: Option<u32>,
    /// The most of an executor's heap that was seen in use, garbage included; short tasks show nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_peak_bytes: Option<Bytes>,
    /// Tasks and executors that ended for want of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_failures: Option<u64>,
    /// The memory for want of which its last job or query failed; absent where it did not, or of something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacked: Option<Memory>,
    /// How much of that memory it had; of results, how much there would have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacked_bytes: Option<Bytes>,
}

crate::members::read_over_defaults!(PastRun {
    failed,
    steered,
    executors,
    executors_at_start,
    promised_ms,
    run_ms,
    input_bytes,
    scanned_bytes,
    work_task_ms,
    critical_path_ms,
    driver_ms,
    task_peak_bytes,
    gc_share,
    spilled_bytes,
    shuffle_skew,
    largest_shuffle_bytes,
    executor_heap_bytes,
    executor_cores,
    heap_peak_bytes,
    memory_failures,
    lacked,
    lacked_bytes,
});

/// What earlier runs would have taken with another number of executors at the start, by replay of their event logs under this policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StartTried {
    /// How many there are at the start.
    pub executors: u32,
    /// The run time; of several runs the geometric mean.
    pub run_ms: u64,
    /// The executor time; of several runs the geometric mean.
    pub executor_ms: u64,
}

crate::members::read_over_defaults!(StartTried { executors, run_ms, executor_ms });

/// What earlier runs of the same job showed. What is not named here is taken from the runs, see [`crate::history`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct History {
    /// The sum of task time.
    pub work_task_ms: Option<u64>,
    /// The time that no number of executors shortens.
    pub critical_path_ms: Option<u64>,
    /// The time in which only the driver worked.
    pub driver_ms: Option<u64>,
    /// The 95th percentile of a task's peak execution memory.
    pub task_peak_bytes: Option<Bytes>,
    /// The share of task time spent in garbage collection.
    pub gc_share: Option<f64>,
    /// Bytes that tasks wrote to disk for want of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spilled_bytes: Option<Bytes>,
    /// The largest shuffle partition over the mean one, in the stage that spilled most or else read most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_skew: Option<f64>,
    /// What the stage read that read most from a shuffle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_shuffle_bytes: Option<Bytes>,
    /// What the queries of the next run are expected to scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_scanned_bytes: Option<Bytes>,
    /// The runs, the oldest first.
    pub runs: Vec<PastRun>,
    /// What they would have taken with other numbers of executors at the start; empty where nobody replayed them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<StartTried>,
}

crate::members::read_over_defaults!(History {
    work_task_ms,
    critical_path_ms,
    driver_ms,
    task_peak_bytes,
    gc_share,
    spilled_bytes,
    shuffle_skew,
    largest_shuffle_bytes,
    next_scanned_bytes,
    runs,
    starts,
});
