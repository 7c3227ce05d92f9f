//! The Spark keys that decisions set. Which decision sets which is declared with the answer that holds it.

use super::SparkKey;

/// The switch of Spark's dynamic allocation.
pub const DYNAMIC_ALLOCATION: SparkKey = SparkKey::submit("spark.dynamicAllocation.enabled");
/// How long tasks wait before Spark's dynamic allocation asks for executors.
pub const BACKLOG_TIMEOUT: SparkKey = SparkKey::submit("spark.dynamicAllocation.schedulerBacklogTimeout");
/// The same for each further request.
pub const SUSTAINED_BACKLOG_TIMEOUT: SparkKey =
    SparkKey::submit("spark.dynamicAllocation.sustainedSchedulerBacklogTimeout");
/// How long an idle executor stays under Spark's dynamic allocation.
pub const IDLE_TIMEOUT: SparkKey = SparkKey::submit("spark.dynamicAllocation.executorIdleTimeout");
/// The same for one that holds cached blocks.
pub const CACHED_IDLE_TIMEOUT: SparkKey = SparkKey::submit("spark.dynamicAllocation.cachedExecutorIdleTimeout");
/// Whether dynamic allocation holds executors for the shuffle files on them.
pub const SHUFFLE_TRACKING: SparkKey = SparkKey::submit("spark.dynamicAllocation.shuffleTracking.enabled");
/// Executors that an application starts with, for dynamic allocation.
pub const INITIAL_EXECUTORS: SparkKey = SparkKey::submit("spark.dynamicAllocation.initialExecutors");
/// Dynamic allocation's lower bound.
pub const MIN_EXECUTORS: SparkKey = SparkKey::submit("spark.dynamicAllocation.minExecutors");
/// Dynamic allocation's upper bound.
pub const MAX_EXECUTORS: SparkKey = SparkKey::submit("spark.dynamicAllocation.maxExecutors");
/// Executors without dynamic allocation, or to start with.
pub const EXECUTOR_INSTANCES: SparkKey = SparkKey::submit("spark.executor.instances");
/// Cores of an executor.
pub const EXECUTOR_CORES: SparkKey = SparkKey::submit("spark.executor.cores");
/// Executor memory.
pub const EXECUTOR_MEMORY: SparkKey = SparkKey::submit("spark.executor.memory");
/// Executor memory overhead.
pub const EXECUTOR_OVERHEAD: SparkKey = SparkKey::submit("spark.executor.memoryOverhead");
/// Driver memory.
pub const DRIVER_MEMORY: SparkKey = SparkKey::submit("spark.driver.memory");
/// The most that the results of a job may take in the driver.
pub const MAX_RESULTS: SparkKey = SparkKey::submit("spark.driver.maxResultSize");
/// Whether executors leave by decommission.
pub const DECOMMISSION: SparkKey = SparkKey::submit("spark.decommission.enabled");
/// Whether a decommissioned executor hands its blocks on.
pub const STORAGE_DECOMMISSION: SparkKey = SparkKey::submit("spark.storage.decommission.enabled");
/// Of them, cached blocks.
pub const MIGRATE_CACHED_BLOCKS: SparkKey = SparkKey::submit("spark.storage.decommission.rddBlocks.enabled");
/// Of them, shuffle blocks.
pub const MIGRATE_SHUFFLE_BLOCKS: SparkKey = SparkKey::submit("spark.storage.decommission.shuffleBlocks.enabled");
/// How long a decommissioned executor waits between attempts to hand blocks on.
pub const MIGRATION_INTERVAL: SparkKey = SparkKey::submit("spark.storage.decommission.replicationReattemptInterval");
/// Whether Python workers talk to the JVM over a Unix socket.
pub const PYTHON_UNIX_SOCKET: SparkKey = SparkKey::submit("spark.python.unix.domain.socket.enabled");
/// Shuffle partitions.
pub const SHUFFLE_PARTITIONS: SparkKey = SparkKey::session("spark.sql.shuffle.partitions");
/// The partition size that adaptive execution coalesces to.
pub const ADVISORY_SIZE: SparkKey = SparkKey::session("spark.sql.adaptive.advisoryPartitionSizeInBytes");
/// Whether coalescing keeps as many partitions as there are cores rather than that size.
pub const PARALLELISM_FIRST: SparkKey = SparkKey::session("spark.sql.adaptive.coalescePartitions.parallelismFirst");
/// The size from which on adaptive execution may split a shuffle partition as skewed.
pub const SKEW_THRESHOLD: SparkKey = SparkKey::session("spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes");
/// The largest table that a join broadcasts.
pub const BROADCAST_THRESHOLD: SparkKey = SparkKey::session("spark.sql.autoBroadcastJoinThreshold");
/// The most bytes of files that one task reads.
pub const MAX_PARTITION_BYTES: SparkKey = SparkKey::session("spark.sql.files.maxPartitionBytes");
