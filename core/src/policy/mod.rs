//! The resolved policy: every key with its value and the layer that it came from.
//!
//! Reading policy *files* is the work of `sparkwright-policy`; this module says which keys there are ([`keys`]) and what
//! the rules read ([`ResolvedPolicy`]).

mod brief;
pub mod key;
mod rule;

pub use rule::Rule;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::units::Bytes;
use key::{Key, choice, section};

choice! {
    /// What a run is optimized for (`pipeline.optimization_target`).
    OptimizationTarget {
        /// Shortest time; executors are cheap.
        Speed = "speed",
        /// Fewest resources; time is cheap.
        Memory = "memory",
        /// Between the two.
        Balanced = "balanced",
        /// Finishes in time, with room to spare.
        Quality = "quality",
    }
}

choice! {
    /// When a result is cached for later use (`temp_tables.cache_strategy`).
    CacheStrategy {
        /// By the cache rule.
        Auto = "auto",
        /// Whenever something is used again.
        Always = "always",
        /// Not at all.
        Never = "never",
        /// By the cache rule, with executors pinned by cached data weighed at nothing.
        Aggressive = "aggressive",
    }
}

choice! {
    /// How temp tables are partitioned (`temp_tables.partition_strategy`).
    PartitionStrategy {
        /// By what reads the table next.
        Auto = "auto",
        /// By hash of the key.
        Hash = "hash",
        /// By range of the column.
        Range = "range",
        /// As it comes.
        None = "none",
    }
}

choice! {
    /// The compression of temp tables (`temp_tables.compression`).
    Compression {
        /// Fast, the default.
        Snappy = "snappy",
        /// Smaller at similar speed.
        Zstd = "zstd",
        /// Fast.
        Lz4 = "lz4",
        /// Small and slow.
        Gzip = "gzip",
        /// None.
        Uncompressed = "none",
    }
}

choice! {
    /// What Sparkwright may do (`autoscaling.existing_dynamic_allocation`) where Spark's own dynamic allocation is on.
    ExistingDynamicAllocation {
        /// Decide and record, but leave the executors to Spark.
        Shadow = "shadow",
        /// Pin Spark's controller and move the executors by this policy.
        TakeOver = "take_over",
    }
}

section! {
    /// How many executors, and how large (`autoscaling`).
    Autoscaling at "autoscaling", keys AUTOSCALING_KEYS {
        /// Whether executors are added and removed while the application runs.
        enable_autoscaling: bool = true,
        /// Never fewer executors than this.
        min_executors: u32 = 2; from 1 to 100000; unit "executors",
        /// Never more executors than this.
        max_executors: u32 = 20; from 1 to 100000; unit "executors",
        /// The longest that a run should take.
        target_processing_time_minutes: f64 = 30.0; from 0.01 to 100000.0; unit "minutes",
        /// How strongly the executor count follows the size of the data where there is no history; 0.1 is neutral.
        executor_scaling_factor: f64 = 0.1; from 0.001 to 100.0,
        /// Executor memory for each core as long as no earlier run tells how much it had.
        memory_scaling_factor: f64 = 2.0; from 0.5 to 64.0; unit "GiB a core",
        /// How strongly the shuffle partitions follow the size of the data; 0.5 is neutral.
        partition_scaling_factor: f64 = 0.5; from 0.01 to 100.0,
        /// Whether each query gets its own partitions and caches while the application runs.
        enable_auto_adjustment: bool = true,
        /// Executor memory (`spark.executor.memory`); null: the policy decides.
        target_executor_memory: Option<Bytes> = None; unit "memory",
        /// Driver memory (`spark.driver.memory`); null: the policy decides.
        target_driver_memory: Option<Bytes> = None; unit "memory",
        /// What to do where the user turned Spark's dynamic allocation on.
        existing_dynamic_allocation: ExistingDynamicAllocation = ExistingDynamicAllocation::Shadow,
        /// How often `submit` runs an application again that died for want of memory, each time with more of it; it must be safe to repeat.
        retries_after_out_of_memory: u32 = 0; from 0 to 10; unit "retries",
        /// Spark keys that the policy may overwrite although the user set them.
        overwrite_user_confs: Vec<String> = Vec::new(),
    }
}

section! {
    /// Guards of the running controller, which hold nothing back unless something is wrong (`autoscaling.guards`).
    Guards at "autoscaling.guards", keys GUARDS_KEYS {
        /// No scale-up while the executors needed are above the current ones by less than this share.
        dead_band_up: f64 = 0.0; from 0.0 to 10.0; unit "share",
        /// No scale-down while the executors needed are below the current ones by less than this share.
        dead_band_down: f64 = 0.0; from 0.0 to 1.0; unit "share",
        /// Scale-down window: executors go down only to the most that were needed within this time.
        down_window_seconds: u32 = 0; from 0 to 86400; unit "seconds",
        /// Least time between a scale-up and a scale-down.
        cooldown_seconds: u32 = 0; from 0 to 86400; unit "seconds",
        /// The most that executors may grow within a minute, as a factor.
        max_growth_a_minute: f64 = 1000.0; from 1.0 to 1000.0; unit "factor",
        /// The largest share of executors removed within one scale-down window.
        max_shrink_a_window: f64 = 1.0; from 0.0 to 1.0; unit "share",
        /// Scaling pauses while tasks spend more than this share of their time in garbage collection.
        pause_above_gc: f64 = 0.20; from 0.0 to 1.0; unit "share",
        /// Scaling pauses while more than this share of recent tasks fail.
        pause_above_failures: f64 = 0.30; from 0.0 to 1.0; unit "share",
        /// Scaling pauses once this many ticks in a row brought no news from Spark.
        stale_ticks: u32 = 3; from 1 to 1000; unit "ticks",
        /// The most changes between scale-up and scale-down in one hour; when they are used up, executors stay.
        direction_changes_an_hour: u32 = 60; from 1 to 3600; unit "changes",
        /// How often the controller decides.
        tick_seconds: f64 = 1.0; from 0.1 to 3600.0; unit "seconds",
    }
}

section! {
    /// Temp tables and caching (`temp_tables`).
    TempTables at "temp_tables", keys TEMP_TABLES_KEYS {
        /// Whether temp tables are made.
        enable_temp_tables: bool = true,
        /// Whether anything is cached.
        enable_caching: bool = true,
        /// Whether plans that a running application repeats are cached without being asked for.
        cache_queries: bool = true,
        /// Plans that hold any of these texts in an operator name or source path are never cached.
        cache_queries_except: Vec<String> = Vec::new(),
        /// Whether old temp tables are dropped.
        auto_cleanup: bool = true,
        /// Whether files and partitioning of temp tables are chosen by the rules; otherwise they stay as they come.
        optimize_storage: bool = true,
        /// What the names of temp tables start with.
        table_prefix: String = "sparkwright_temp".to_owned(),
        /// Whether the names of temp tables hold the session, so that two sessions never meet.
        use_session_id: bool = true,
        /// How often old temp tables are looked for.
        cleanup_interval_minutes: f64 = 30.0; from 0.1 to 100000.0; unit "minutes",
        /// How long a temp table is kept after its last use.
        max_table_age_hours: f64 = 12.0; from 0.01 to 100000.0; unit "hours",
        /// When a result is cached.
        cache_strategy: CacheStrategy = CacheStrategy::Auto,
        /// How temp tables are partitioned.
        partition_strategy: PartitionStrategy = PartitionStrategy::Auto,
        /// How temp tables are compressed.
        compression: Compression = Compression::Snappy,
        /// Tables up to this size are broadcast for a join (`spark.sql.autoBroadcastJoinThreshold`).
        broadcast_threshold_mb: u32 = 10; from 0 to 8192; unit "MiB",
        /// The most temp tables at a time.
        max_total_tables: u32 = 50; from 1 to 100000; unit "tables",
        /// How many tables one clean-up drops.
        cleanup_batch_size: u32 = 10; from 1 to 100000; unit "tables",
    }
}

section! {
    /// What pipelines aim at (`pipeline`).
    Pipeline at "pipeline", keys PIPELINE_KEYS {
        /// What a run is optimized for.
        optimization_target: OptimizationTarget = OptimizationTarget::Balanced,
        /// Whether each stage is planned by itself.
        stage_optimization: bool = true,
        /// Whether executor and driver memory are planned; otherwise Spark's own settings stand, unless a target is set.
        memory_management: bool = true,
        /// Whether stages are timed and compared.
        performance_monitoring: bool = true,
        /// The share of the expected performance under which a stage is reported.
        performance_threshold: f64 = 0.8; from 0.0 to 1.0; unit "share",
        /// Whether a pipeline drops what it made when it ends.
        auto_cleanup: bool = true,
    }
}

section! {
    /// What is recorded (`monitoring`).
    Monitoring at "monitoring", keys MONITORING_KEYS {
        /// Whether earlier runs are looked at, to predict the next one and to tell a trend.
        track_performance: bool = true,
        /// How many past runs are looked at.
        performance_history_size: u32 = 50; from 1 to 100000; unit "runs",
        /// Whether Spark's own event log is kept with a run's record.
        enable_metrics_collection: bool = true,
        /// The store of what runs teach the next ones of their job: a folder, s3://bucket/prefix, gs://, az://, https://, or none; empty: the user's own.
        store: String = String::new(),
        /// How often a long run reports.
        report_interval_minutes: f64 = 10.0; from 0.1 to 100000.0; unit "minutes",
    }
}

impl Monitoring {
    /// How many past runs count.
    pub(crate) const fn runs_looked_at(&self) -> usize {
        if self.track_performance { self.performance_history_size as usize } else { 0 }
    }
}

section! {
    /// What runs cost and may cost (`cost`).
    Cost at "cost", keys COST_KEYS {
        /// What one executor costs for one hour; null leaves cost out of account.
        executor_hour_price: Option<f64> = None; from 0.000001 to 1000000.0; unit "currency",
        /// What one run may cost; null sets no limit.
        budget_per_run: Option<f64> = None; from 0.000001 to 1000000000.0; unit "currency",
        /// The currency that prices and reports are in.
        currency: String = "USD".to_owned(),
    }
}

/// The layer of a policy that a value came from, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The default in this program.
    BuiltIn,
    /// `global_optimization` of the policy file.
    Global,
    /// The environment of the policy file.
    Environment,
    /// The runtime override.
    Override,
    /// A rule of the policy, for one decision.
    Rule,
}

impl Layer {
    /// The layer in words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Global => "global",
            Self::Environment => "environment",
            Self::Override => "override",
            Self::Rule => "rule",
        }
    }
}

/// A policy for one environment, with every key's value and origin: what `load` of the policy module takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ResolvedPolicy {
    /// The environment's name; empty for the built-in defaults alone.
    pub environment: String,
    /// The section `autoscaling`.
    pub autoscaling: Autoscaling,
    /// The section `autoscaling.guards`.
    pub guards: Guards,
    /// The section `temp_tables`.
    pub temp_tables: TempTables,
    /// The section `pipeline`.
    pub pipeline: Pipeline,
    /// The section `monitoring`.
    pub monitoring: Monitoring,
    /// The section `cost`.
    pub cost: Cost,
    /// The layer of each value that is not built in, by full path.
    pub origins: ByName<Layer>,
    /// Rules that change it, or forbid a run, by the facts of a question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The rule that each value of the layer [`Layer::Rule`] came from, by full path.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub ruled_by: ByName<String>,
}

crate::members::read_over_defaults!(ResolvedPolicy {
    environment,
    autoscaling,
    guards,
    temp_tables,
    pipeline,
    monitoring,
    cost,
    origins,
    rules,
    ruled_by,
});

/// Two keys of which the first must not be above the second.
#[derive(Debug, Clone, Copy)]
pub struct Ordered {
    /// The path of the one.
    pub least: &'static str,
    /// The path of the other.
    pub most: &'static str,
    values: fn(&ResolvedPolicy) -> (u32, u32),
}

impl Ordered {
    /// The values of both in a policy.
    #[must_use]
    pub fn of(&self, policy: &ResolvedPolicy) -> (u32, u32) {
        (self.values)(policy)
    }
}

/// All such pairs.
pub const ORDERED: [Ordered; 1] = [Ordered {
    least: "autoscaling.min_executors",
    most: "autoscaling.max_executors",
    values: |policy| (policy.autoscaling.min_executors, policy.autoscaling.max_executors),
}];

impl ResolvedPolicy {
    /// The key's path with the layer its value came from, as a trace names it.
    #[must_use]
    pub fn origin(&self, path: &'static str) -> Cow<'static, str> {
        let layer = self.origins.get(path).copied().unwrap_or(Layer::BuiltIn);
        match self.ruled_by.get(path) {
            Some(rule) => Cow::Owned([path, ", ", layer.word(), " `", rule, "`"].concat()),
            None => Cow::Owned([path, ", ", layer.word()].concat()),
        }
    }

    /// What is wrong with the values together, as a path and a sentence; nothing for a policy that can be used.
    ///
    /// # Errors
    /// The first pair of values that contradict each other, or a number that is not finite.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        let scaling = &self.autoscaling;
        if scaling.min_executors == 0 {
            return Err(("autoscaling.min_executors", "is 0; at least 1 is needed".to_owned()));
        }
        for Ordered { least, most, values } in ORDERED {
            let (low, high) = values(self);
            if low > high {
                return Err((least, alloc::format!("is {low}, above {most}, which is {high}")));
            }
        }
        let finite = [
            ("autoscaling.target_processing_time_minutes", scaling.target_processing_time_minutes),
            ("autoscaling.executor_scaling_factor", scaling.executor_scaling_factor),
            ("autoscaling.memory_scaling_factor", scaling.memory_scaling_factor),
            ("autoscaling.partition_scaling_factor", scaling.partition_scaling_factor),
            ("autoscaling.guards.max_growth_a_minute", self.guards.max_growth_a_minute),
            ("autoscaling.guards.tick_seconds", self.guards.tick_seconds),
        ];
        match finite.into_iter().find(|(_, value)| !value.is_finite() || *value <= 0.0) {
            Some((path, value)) => Err((path, alloc::format!("is {value}; a number above 0 is needed"))),
            None => Ok(()),
        }
    }
}

/// Every key of a policy file, section by section.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [AUTOSCALING_KEYS, GUARDS_KEYS, TEMP_TABLES_KEYS, PIPELINE_KEYS, MONITORING_KEYS, COST_KEYS].into_iter().flatten()
}
