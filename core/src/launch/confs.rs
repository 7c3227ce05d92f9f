//! The Spark configurations of a launch plan.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};

use super::contract::PlanLaunchAnswer;
use crate::by_name::ByName;
use crate::confs::{
    BACKLOG_TIMEOUT, CACHED_IDLE_TIMEOUT, ConfSetting, DECOMMISSION, DRIVER_MEMORY, DYNAMIC_ALLOCATION, EXECUTOR_CORES,
    EXECUTOR_INSTANCES, EXECUTOR_MEMORY, EXECUTOR_OVERHEAD, IDLE_TIMEOUT, INITIAL_EXECUTORS, MAX_EXECUTORS,
    MAX_RESULTS, MIGRATE_CACHED_BLOCKS, MIGRATE_SHUFFLE_BLOCKS, MIGRATION_INTERVAL, MIN_EXECUTORS, PYTHON_UNIX_SOCKET,
    SHUFFLE_TRACKING, STORAGE_DECOMMISSION, SUSTAINED_BACKLOG_TIMEOUT, Settings,
};
use crate::executor::driver::max_results;
use crate::executor::scaling::Scaling;
use crate::facts::Manager;
use crate::job_plan::Facts;
use crate::policy::ResolvedPolicy;
use crate::scan;
use crate::shuffle;
use crate::trace::Grade;

/// A time-out so long that Spark's own controller never moves: one day.
const NEVER: &str = "86400s";

/// Keys that still count when a plugin of the driver starts, since what reads them is made after it (seen on Spark 4.3.0):
/// the scheduler's and the allocation manager's. Sizes of executors and of the driver are read before.
const STARTING: [&str; 3] = ["spark.dynamicAllocation.", "spark.decommission.", "spark.storage.decommission."];

/// Whether a setting of a launch plan can still be made by the driver's plugin as it starts.
#[must_use]
pub fn settable_while_starting(key: &str) -> bool {
    STARTING.iter().any(|prefix| key.starts_with(prefix))
}

/// The configurations that carry a plan out.
pub(super) fn launch_confs(
    policy: &ResolvedPolicy,
    facts: &Facts<'_>,
    plan: &PlanLaunchAnswer,
    input_known: bool,
) -> ByName<ConfSetting> {
    let cluster = facts.cluster;
    let user = |key: &str| cluster.user(key).is_some();
    let mut to = Settings::new(policy, &user);
    let memory_planned = policy.pipeline.memory_management;
    if memory_planned || policy.autoscaling.target_driver_memory.is_some() {
        to.set(
            DRIVER_MEMORY,
            plan.driver_memory_bytes.value.spark_mib(),
            "for results and broadcasts; with a local master, for its threads",
        );
    }
    if let Some(results) = max_results(cluster, &facts.history, plan.driver_memory_bytes.value) {
        to.set(MAX_RESULTS, results.spark_mib(), "an earlier run had more results");
    }
    // A size that no machine can hold would keep an application waiting for ever: without the machines, only a
    // size that the policy names is asked for.
    let machines_known = !cluster.nodes.is_empty() || cluster.manager == Manager::Unstated;
    if cluster.manager.scales() {
        if machines_known {
            to.set(EXECUTOR_CORES, plan.executor_cores.value.to_string(), "cores of an executor");
        }
        if (machines_known && memory_planned) || policy.autoscaling.target_executor_memory.is_some() {
            to.set(EXECUTOR_MEMORY, plan.executor_memory_bytes.value.spark_mib(), "executor memory");
            if matches!(cluster.manager, Manager::Yarn | Manager::Kubernetes | Manager::Unstated) {
                let overhead = plan.executor_overhead_bytes.value.spark_mib();
                to.set(EXECUTOR_OVERHEAD, overhead, "executor memory overhead");
            }
        }
    }
    scaling(plan, input_known, &mut to);
    if plan.python_unix_socket.as_ref().is_some_and(|socket| socket.value) {
        to.set(PYTHON_UNIX_SOCKET, "true", "Python workers start in a third of the time over a Unix socket");
    }
    scan::partition_size::set(plan.file_partition_bytes.as_ref(), &mut to);
    if input_known {
        let because = "initial shuffle partitions for this much data";
        shuffle::set(&plan.shuffle_partitions, plan.advisory_partition_bytes.as_ref(), because, &mut to);
    }
    to.done()
}

/// One controller: Spark's dynamic allocation is switched on and pinned, so that only the policy moves executors.
fn scaling(plan: &PlanLaunchAnswer, input_known: bool, to: &mut Settings<'_>) {
    let initial = plan.initial_executors.value.to_string();
    match plan.scaling.as_ref().map(|scaling| scaling.value) {
        Some(Scaling::Local) => to.set(EXECUTOR_INSTANCES, initial, "a local master runs every task in the driver"),
        Some(Scaling::Fixed) if plan.executors.grade != Grade::C || input_known => {
            to.set(EXECUTOR_INSTANCES, initial, "autoscaling is off: a fixed number");
        }
        Some(Scaling::Policy) => pinned(plan, initial, to),
        Some(Scaling::Fixed | Scaling::User) | None => {}
    }
}

fn pinned(plan: &PlanLaunchAnswer, initial: String, to: &mut Settings<'_>) {
    let pin = "Spark's own controller is pinned, so that only the policy moves executors";
    to.force(DYNAMIC_ALLOCATION, "true".to_owned(), pin);
    for key in [BACKLOG_TIMEOUT, SUSTAINED_BACKLOG_TIMEOUT, IDLE_TIMEOUT, CACHED_IDLE_TIMEOUT] {
        to.force(key, NEVER.to_owned(), pin);
    }
    // Shuffle blocks are handed on instead; with both, Spark warns that it would hold on to idle executors.
    to.force(SHUFFLE_TRACKING, "false".to_owned(), pin);
    // Spark's lower bound is the starting number; going lower is the policy's, by decommission.
    to.force(MIN_EXECUTORS, initial.clone(), "the number to start with");
    to.force(INITIAL_EXECUTORS, initial.clone(), "the number to start with");
    to.force(MAX_EXECUTORS, plan.max_executors.to_string(), "autoscaling.max_executors");
    // Spark starts with the larger of this and initialExecutors; it is where programs look.
    to.set(EXECUTOR_INSTANCES, initial, "the number to start with");
    let move_blocks = "executors leave by decommission and hand their blocks on";
    for key in [DECOMMISSION, STORAGE_DECOMMISSION, MIGRATE_CACHED_BLOCKS, MIGRATE_SHUFFLE_BLOCKS] {
        to.set(key, "true", move_blocks);
    }
    to.set(MIGRATION_INTERVAL, "1s", "blocks move at once, not after 30 s");
}
