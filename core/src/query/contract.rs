//! What goes into `plan_query` and what comes out.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use crate::abi::DecisionPoint;
use crate::by_name::ByName;
use crate::cache::level::StorageLevel;
use crate::cache::release::CacheEntryFacts;
use crate::confs::{ADVISORY_SIZE, BROADCAST_THRESHOLD, PARALLELISM_FIRST, SHUFFLE_PARTITIONS};
use crate::decision::{Answer, Declared, Made};
use crate::executor::slots;
use crate::memory::Heap;
use crate::trace::{Decision, Scalar, Unit};
use crate::units::Bytes;

/// How a join finds its pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// By equal keys, pairs only.
    InnerEqui,
    /// By equal keys, with rows that found none.
    OuterEqui,
    /// By equal keys, one side only.
    SemiEqui,
    /// Anything else: its output may be the product of its inputs.
    CrossOrRange,
}

/// Who cached a sub-plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CachedBy {
    /// Nobody.
    #[default]
    No,
    /// The user.
    User,
    /// Sparkwright.
    Ours,
}

/// A member that says no more than its absence is left out of a question: there are many nodes, and most say little.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One operator of a logical plan, with what earlier queries showed of the sub-plan under it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanNode {
    /// Index of its parent, which stands before it; absent for the root.
    #[serde(skip_serializing_if = "is_default")]
    pub parent: Option<u32>,
    /// Spark's name of the operator.
    pub operator: String,
    /// What names the sub-plan's result, its sources' identity included.
    pub hash: String,
    /// For a leaf, its size as Spark knows it; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub bytes: Option<Bytes>,
    /// For a leaf, its rows; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub rows: Option<u64>,
    /// Spark's estimate of one output row.
    pub row_bytes: u64,
    /// For a join, its kind.
    #[serde(skip_serializing_if = "is_default")]
    pub join: Option<JoinKind>,
    /// For a join, whether a condition of its own concerns one side only, as `on a.id = b.id and a.day = 1` does.
    #[serde(skip_serializing_if = "is_default")]
    pub one_sided: bool,
    /// Whether an expression of the operator itself draws or numbers rows by partition, as `rand` and `monotonically_increasing_id` do.
    #[serde(skip_serializing_if = "is_default")]
    pub by_partition: bool,
    /// For a file source, its format.
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<String>,
    /// For a file source, its first path.
    #[serde(skip_serializing_if = "is_default")]
    pub path: Option<String>,
    /// Why the sub-plan may not be cached; absent where it may.
    #[serde(skip_serializing_if = "is_default")]
    pub why_not: Option<String>,
    /// Who cached it already.
    #[serde(skip_serializing_if = "is_default")]
    pub cached: CachedBy,
    /// Earlier queries of this application that held the same sub-plan.
    #[serde(skip_serializing_if = "is_default")]
    pub seen: u32,
    /// Queries of this application that will hold the same sub-plan, this one included, as earlier runs of its job had it; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub learned_uses: Option<u32>,
    /// The columns of its output that queries ask for: earlier ones of this run, and those of earlier runs of the job; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub asked_columns: Option<Columns>,
    /// Mean time between those queries; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub mean_gap_ms: Option<u64>,
    /// Task time of an earlier query that held it, all told; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub measured_task_ms: Option<u64>,
    /// The share of that task time which was this sub-plan's, as an earlier answer had it (`shares`).
    #[serde(skip_serializing_if = "is_default")]
    pub measured_share: Option<f64>,
    /// What an earlier query that held it spilled after a shuffle, the worst of them; absent where none did.
    #[serde(skip_serializing_if = "is_default")]
    pub spill: Option<SpillFacts>,
    /// What went through the largest shuffle of an earlier query of which this was the outermost shuffle, the most of them; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub shuffled: Option<ShuffledFacts>,
    /// The same of earlier runs of the job.
    #[serde(skip_serializing_if = "is_default")]
    pub learned_shuffled: Option<ShuffledFacts>,
    /// Whether the user let go of this very sub-plan.
    #[serde(skip_serializing_if = "is_default")]
    pub released_by_user: bool,
    /// How often it was dropped because its sources changed.
    #[serde(skip_serializing_if = "is_default")]
    pub source_changes: u32,
}

crate::members::read_over_defaults!(PlanNode {
    parent,
    operator,
    hash,
    bytes,
    rows,
    row_bytes,
    join,
    one_sided,
    by_partition,
    format,
    path,
    why_not,
    cached,
    seen,
    learned_uses,
    asked_columns,
    mean_gap_ms,
    measured_task_ms,
    measured_share,
    spill,
    shuffled,
    learned_shuffled,
    released_by_user,
    source_changes,
});

/// What a query shuffled, and what it read for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ShuffledFacts {
    /// Bytes that the tasks of one of its stages read from shuffles, the most of them.
    pub bytes: Bytes,
    /// The size of its leaves, as far as Spark knew it.
    pub leaf_bytes: Bytes,
}

crate::members::read_over_defaults!(ShuffledFacts { bytes, leaf_bytes });

impl ShuffledFacts {
    /// The same in proportion to leaves of another size; as it was where either is not known.
    #[must_use]
    pub fn of_leaves(self, leaf_bytes: Bytes) -> Bytes {
        let scaled =
            (u128::from(self.bytes.get()) * u128::from(leaf_bytes.get())).checked_div(self.leaf_bytes.get().into());
        let known = leaf_bytes > Bytes(0) && self.leaf_bytes > Bytes(0);
        scaled.filter(|_| known).map_or(self.bytes, |scaled| Bytes(u64::try_from(scaled).unwrap_or(u64::MAX)))
    }
}

/// A stage that read a shuffle and spilled: the one of its query that spilled most.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SpillFacts {
    /// Bytes that its tasks spilled to disk.
    pub spilled_bytes: Bytes,
    /// Bytes that its tasks read from the shuffle.
    pub shuffle_bytes: Bytes,
    /// How many tasks read them.
    pub tasks: u64,
    /// How many times their mean the largest task's bytes were.
    pub largest_over_mean: f64,
}

crate::members::read_over_defaults!(SpillFacts { spilled_bytes, shuffle_bytes, tasks, largest_over_mean });

/// Storage memory of one executor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StorageFacts {
    /// Spark's name for it; `driver` for the driver.
    pub id: String,
    /// Storage memory in all.
    pub max_storage_bytes: Bytes,
    /// Storage memory that is free.
    pub free_storage_bytes: Bytes,
}

crate::members::read_over_defaults!(StorageFacts { id, max_storage_bytes, free_storage_bytes });

/// Whose value a session configuration has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfOwner {
    /// Spark's default.
    #[default]
    Default,
    /// The user's.
    User,
    /// What Sparkwright last wrote.
    Ours,
}

/// A session configuration as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ConfFacts {
    /// Its value.
    pub value: Option<String>,
    /// Whose it is.
    pub owner: ConfOwner,
}

crate::members::read_over_defaults!(ConfFacts { value, owner });

/// A query that Spark is about to plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanQueryInput {
    /// Unix time.
    pub now_ms: u64,
    /// By how much local time is ahead of Unix time at the place of the run.
    #[serde(skip_serializing_if = "is_default")]
    pub utc_offset_minutes: i32,
    /// What the user says of the run, for the policy's rules.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: ByName<String>,
    /// Whether adaptive execution is on and coalesces shuffle partitions.
    pub adaptive: bool,
    /// The plan in pre-order, root first.
    pub nodes: Vec<PlanNode>,
    /// Whether nodes were left out because there are too many.
    pub truncated: bool,
    /// Plans that Sparkwright cached.
    pub entries: Vec<CacheEntryFacts>,
    /// Storage memory, executor by executor.
    pub executors: Vec<StorageFacts>,
    /// Tasks that run at a time, where the asker knows better than the next four members say.
    #[serde(skip_serializing_if = "is_default")]
    pub slots: Option<u32>,
    /// Executors that are there and not told to go (the driver counts as one with a local master); unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub running_executors: Option<u32>,
    /// Executors that the controller last asked for; unknown when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub target_executors: Option<u32>,
    /// Cores of an executor; Spark's default where absent.
    #[serde(skip_serializing_if = "is_default")]
    pub executor_cores: Option<u32>,
    /// `spark.task.cpus`; Spark's default where absent.
    #[serde(skip_serializing_if = "is_default")]
    pub task_cpus: Option<u32>,
    /// Heap of an executor (of the driver with a local master); Spark's default where absent.
    #[serde(skip_serializing_if = "is_default")]
    pub executor_heap_bytes: Option<Bytes>,
    /// Heap of the driver; unknown when absent.
    pub driver_heap_bytes: Option<Bytes>,
    /// `spark.memory.fraction`; Spark's default where absent.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_fraction: Option<f64>,
    /// `spark.memory.storageFraction`; Spark's default where absent.
    #[serde(skip_serializing_if = "is_default")]
    pub storage_fraction: Option<f64>,
    /// Whether this policy moves executors, so that cached data can keep one from being given back.
    pub scaling: bool,
    /// The managed session configurations as they stand.
    pub confs: ByName<ConfFacts>,
}

crate::members::read_over_defaults!(PlanQueryInput {
    now_ms,
    utc_offset_minutes,
    labels,
    adaptive,
    nodes,
    truncated,
    entries,
    executors,
    slots,
    running_executors,
    target_executors,
    executor_cores,
    task_cpus,
    executor_heap_bytes,
    driver_heap_bytes,
    memory_fraction,
    storage_fraction,
    scaling,
    confs,
});

impl Default for PlanQueryInput {
    fn default() -> Self {
        Self {
            now_ms: 0,
            utc_offset_minutes: 0,
            labels: ByName::new(),
            adaptive: true,
            nodes: Vec::new(),
            truncated: false,
            entries: Vec::new(),
            executors: Vec::new(),
            slots: None,
            running_executors: None,
            target_executors: None,
            executor_cores: None,
            task_cpus: None,
            executor_heap_bytes: None,
            driver_heap_bytes: None,
            memory_fraction: None,
            storage_fraction: None,
            scaling: false,
            confs: ByName::new(),
        }
    }
}

impl PlanQueryInput {
    /// Tasks that one executor runs at a time.
    #[must_use]
    pub fn tasks_an_executor(&self) -> u32 {
        slots::tasks_an_executor(self.executor_cores, self.task_cpus)
    }

    /// Tasks that run at a time: on the executors that there are, or on those that were asked for where these are more.
    #[must_use]
    pub fn slots(&self) -> u32 {
        let executors = self.running_executors.max(self.target_executors).unwrap_or(1).max(1);
        self.slots.unwrap_or_else(|| slots::slots(executors, self.tasks_an_executor())).max(1)
    }

    /// The heap of an executor and how it is divided.
    #[must_use]
    pub fn heap(&self) -> Heap {
        Heap::known(self.executor_heap_bytes, self.memory_fraction, self.storage_fraction)
    }
}

/// A sub-plan to cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CacheChoice {
    /// The sub-plan.
    pub hash: String,
    /// Where its rows go.
    pub level: StorageLevel,
    /// Columns of its output that are kept besides those that queries have asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// One decision about a query, for the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueryDecision {
    /// What was decided, as `shuffle_partitions` or `cache`.
    pub name: Cow<'static, str>,
    /// What it was decided about: a Spark key or a sub-plan's operator.
    pub subject: String,
    /// The sub-plan's hash, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision<Scalar>,
}

/// What Spark is to do with a query.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanQueryAnswer {
    /// Session configurations for this query; a managed key that is not named keeps the session's own value.
    pub confs: ByName<String>,
    /// Sub-plans to cache, so that this query fills the cache.
    pub cache: Vec<CacheChoice>,
    /// Entries to let go.
    pub uncache: Vec<String>,
    /// What was decided and why.
    pub decisions: Vec<QueryDecision>,
    /// Each sub-plan's share of the query's work, to be given back as `measured_share` of a later question.
    pub shares: ByName<f64>,
}

const fn declared(
    name: &'static str,
    title: &'static str,
    unit: Unit,
    sets: &'static [crate::confs::SparkKey],
) -> Declared {
    Declared { point: DecisionPoint::PlanQuery, name, title, unit, sets }
}

pub(super) const THE_BROADCAST_THRESHOLD: Declared =
    declared("broadcast_threshold", "Broadcast threshold", Unit::Bytes, &[BROADCAST_THRESHOLD]);
pub(super) const THE_SHUFFLE_PARTITIONS: Declared =
    declared("shuffle_partitions", "Shuffle partitions", Unit::Partitions, &[SHUFFLE_PARTITIONS]);
pub(super) const THE_ADVISORY_SIZE: Declared =
    declared("advisory_partition_size", "Advisory partition size", Unit::Bytes, &[ADVISORY_SIZE, PARALLELISM_FIRST]);
pub(super) const THE_CACHE: Declared = declared("cache", "Cache", Unit::None, &[]);
pub(super) const THE_RELEASE: Declared = declared("release", "Release of a cached plan", Unit::None, &[]);

impl Answer for PlanQueryAnswer {
    const DECISIONS: &'static [Declared] =
        &[THE_BROADCAST_THRESHOLD, THE_SHUFFLE_PARTITIONS, THE_ADVISORY_SIZE, THE_CACHE, THE_RELEASE];

    fn decisions(&self) -> Vec<Made<'_>> {
        self.decisions.iter().map(|made| self.made(made)).collect()
    }
}

impl PlanQueryAnswer {
    fn made<'a>(&self, of: &'a QueryDecision) -> Made<'a> {
        let declared = Self::DECISIONS.iter().find(|declared| declared.name == of.name);
        let set = |key: &str| self.confs.get(key).cloned();
        let made = Made::listed(DecisionPoint::PlanQuery, declared, &of.name, &of.decision, set);
        let named = of
            .hash
            .as_ref()
            .is_some_and(|hash| self.cache.iter().any(|choice| choice.hash == *hash) || self.uncache.contains(hash));
        Made { subject: Some(&of.subject), hash: of.hash.as_deref(), in_force: made.in_force || named, ..made }
    }
}
