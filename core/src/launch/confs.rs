//! The Spark configurations of a launch plan.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};

use super::contract::{ConfSetting, ConfWhen};
use crate::executor::count::ExecutorCount;
use crate::executor::size::ExecutorSize;
use crate::facts::{ClusterFacts, Manager};
use crate::named::Named;
use crate::policy::{ExistingDynamicAllocation, ResolvedPolicy};
use crate::shuffle::{ShuffleFacts, advisory_bytes};
use crate::trace::{Decision, Grade};
use crate::units::Bytes;

/// The switch of Spark's dynamic allocation.
pub const DYNAMIC_ALLOCATION: &str = "spark.dynamicAllocation.enabled";
/// A time-out so long that Spark's own controller never moves: one day.
const NEVER: &str = "86400s";
/// The first release of Spark whose Python workers can talk over a Unix socket.
const PYTHON_UNIX_SOCKET_SINCE: (u32, u32) = (4, 1);

/// Keys that still count when a plugin of the driver starts, since what reads them is made after it (seen on Spark 4.3.0):
/// the scheduler's and the allocation manager's. Sizes of executors and of the driver are read before.
const STARTING: [&str; 3] = ["spark.dynamicAllocation.", "spark.decommission.", "spark.storage.decommission."];

/// Whether a setting of a launch plan can still be made by the driver's plugin as it starts.
#[must_use]
pub fn settable_while_starting(key: &str) -> bool {
    STARTING.iter().any(|prefix| key.starts_with(prefix))
}

/// Collects settings; what the user set is left alone unless the policy names it.
struct Settings<'a> {
    policy: &'a ResolvedPolicy,
    cluster: &'a ClusterFacts,
    confs: Named<ConfSetting>,
}

impl Settings<'_> {
    fn set(&mut self, key: &str, value: impl Into<String>, when: ConfWhen, because: &'static str) {
        let named = self.policy.autoscaling.overwrite_user_confs.iter().any(|name| name == key);
        if self.cluster.user(key).is_some() && !named {
            return;
        }
        let setting = ConfSetting { value: value.into(), when, because: Cow::Borrowed(because) };
        self.confs.insert(key.to_owned(), setting);
    }

    fn submit(&mut self, key: &str, value: impl Into<String>, because: &'static str) {
        self.set(key, value, ConfWhen::Submit, because);
    }
}

pub(super) fn launch_confs(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    count: &ExecutorCount,
    size: &ExecutorSize,
    driver: &Decision<Bytes>,
    shuffle: &ShuffleFacts,
    partitions: &Decision<u32>,
) -> Named<ConfSetting> {
    let mut to = Settings { policy, cluster, confs: Named::new() };
    let memory_planned = policy.pipeline.memory_management;
    if memory_planned || policy.autoscaling.target_driver_memory.is_some() {
        to.submit(
            "spark.driver.memory",
            driver.value.spark_mib(),
            "driver heap by results and broadcasts; with a local master, by its threads",
        );
    }
    // A size that no machine can hold would keep an application waiting for ever: without the machines, only a
    // size that the policy names is asked for.
    let machines_known = !cluster.nodes.is_empty() || cluster.manager == Manager::Unstated;
    if cluster.manager.scales() {
        if machines_known {
            to.submit("spark.executor.cores", size.cores.value.to_string(), "cores of an executor");
        }
        if (machines_known && memory_planned) || policy.autoscaling.target_executor_memory.is_some() {
            to.submit("spark.executor.memory", size.heap.value.spark_mib(), "heap of an executor");
            if matches!(cluster.manager, Manager::Yarn | Manager::Kubernetes | Manager::Unstated) {
                to.submit("spark.executor.memoryOverhead", size.overhead.value.spark_mib(), "memory beside the heap");
            }
        }
        scaling(policy, count, shuffle.bytes.is_some(), &mut to);
    } else {
        to.submit("spark.executor.instances", "1", "a local master runs every task in the driver");
    }
    if cluster.python && cluster.spark_release().is_some_and(|release| release >= PYTHON_UNIX_SOCKET_SINCE) {
        to.submit(
            "spark.python.unix.domain.socket.enabled",
            "true",
            "Python workers start in a third of the time over a Unix socket",
        );
    }
    if shuffle.bytes.is_some() {
        let because = "initial shuffle partitions for this much data";
        to.set("spark.sql.shuffle.partitions", partitions.value.to_string(), ConfWhen::Session, because);
        if shuffle.adaptive && partitions.value > shuffle.slots {
            let advisory = advisory_bytes(shuffle);
            to.set(
                "spark.sql.adaptive.advisoryPartitionSizeInBytes",
                advisory.get().to_string(),
                ConfWhen::Session,
                "what a task sorts in memory",
            );
            to.set(
                "spark.sql.adaptive.coalescePartitions.parallelismFirst",
                "false",
                ConfWhen::Session,
                "there is more data than slots at the advisory size",
            );
        }
    }
    to.confs
}

/// One controller: Spark's dynamic allocation is switched on and pinned, so that only the policy moves executors.
fn scaling(policy: &ResolvedPolicy, count: &ExecutorCount, input_known: bool, to: &mut Settings<'_>) {
    let take_over = policy.autoscaling.existing_dynamic_allocation == ExistingDynamicAllocation::TakeOver;
    let fixed_by_user =
        to.cluster.user(DYNAMIC_ALLOCATION).is_some() || to.cluster.user("spark.executor.instances").is_some();
    if !policy.autoscaling.enable_autoscaling {
        if count.wanted.grade != Grade::C || input_known {
            to.submit("spark.executor.instances", count.wanted.value.to_string(), "autoscaling is off: a fixed number");
        }
        return;
    }
    if fixed_by_user && !take_over {
        return;
    }
    let pin = "Spark's own controller is pinned, so that only the policy moves executors";
    let mut force = |key: &str, value: String, because: &'static str| {
        let setting = ConfSetting { value, when: ConfWhen::Submit, because: Cow::Borrowed(because) };
        to.confs.insert(key.to_owned(), setting);
    };
    force(DYNAMIC_ALLOCATION, "true".to_owned(), pin);
    force("spark.dynamicAllocation.schedulerBacklogTimeout", NEVER.to_owned(), pin);
    force("spark.dynamicAllocation.sustainedSchedulerBacklogTimeout", NEVER.to_owned(), pin);
    force("spark.dynamicAllocation.executorIdleTimeout", NEVER.to_owned(), pin);
    force("spark.dynamicAllocation.cachedExecutorIdleTimeout", NEVER.to_owned(), pin);
    // Shuffle blocks are handed on instead; with both, Spark warns that it would hold on to idle executors.
    force("spark.dynamicAllocation.shuffleTracking.enabled", "false".to_owned(), pin);
    let initial = count.initial.value;
    // Spark's lower bound is the starting number; going lower is the policy's, by decommission.
    force("spark.dynamicAllocation.minExecutors", initial.to_string(), "the number to start with");
    force("spark.dynamicAllocation.initialExecutors", initial.to_string(), "the number to start with");
    force("spark.dynamicAllocation.maxExecutors", count.most.to_string(), "autoscaling.max_executors");
    // Spark starts with the larger of this and initialExecutors; it is where programs look.
    to.submit("spark.executor.instances", initial.to_string(), "the number to start with");
    let move_blocks = "executors leave by decommission and hand their blocks on";
    to.submit("spark.decommission.enabled", "true", move_blocks);
    to.submit("spark.storage.decommission.enabled", "true", move_blocks);
    to.submit("spark.storage.decommission.rddBlocks.enabled", "true", move_blocks);
    to.submit("spark.storage.decommission.shuffleBlocks.enabled", "true", move_blocks);
    to.submit("spark.storage.decommission.replicationReattemptInterval", "1s", "blocks move at once, not after 30 s");
}
