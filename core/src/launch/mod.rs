//! `plan_launch`: what an application starts with.

mod confs;
mod contract;

pub use confs::settable_while_starting;
pub use contract::{CachePlan, ConfSetting, ConfWhen, PlanLaunchAnswer, PlanLaunchInput};

use crate::cache::level::StorageLevel;
use crate::cache::result::{keep_result, usual_uses};
use crate::cost::run_cost;
use crate::error::ErrorBody;
use crate::executor::count::{CountFacts, executor_count};
use crate::executor::driver::driver_memory;
use crate::executor::size::executor_size;
use crate::facts::Manager;
use crate::memory::Heap;
use crate::policy::ResolvedPolicy;
use crate::shuffle::{ShuffleFacts, shuffle_partitions};
use crate::temp_table::{ResultFacts, temp_table};
use crate::trace::Grade;
use crate::units::{Bytes, saturating_u32};

/// Decides what an application starts with.
///
/// # Errors
/// `does_not_fit` when an executor that the user, the policy or history calls for is larger than every machine.
pub fn plan_launch(policy: &ResolvedPolicy, input: &PlanLaunchInput) -> Result<PlanLaunchAnswer, ErrorBody> {
    let PlanLaunchInput { cluster, job, history, .. } = input;
    let size = executor_size(policy, cluster, history, Bytes(0))?;
    let heap = Heap::new(size.heap.value, cluster);
    let driver = driver_memory(policy, cluster, job);
    // With a local master the driver's heap is the one that tasks work in.
    let heap = if cluster.manager == Manager::Local { Heap::new(driver.value, cluster) } else { heap };

    let working_set = job.working_set_bytes.or(job.input_bytes).unwrap_or_default();
    let uses = job.uses.unwrap_or_else(|| usual_uses(job));
    let most = u64::from(policy.autoscaling.max_executors.min(size.room.unwrap_or(u32::MAX)).max(1));
    let storage = Bytes(heap.protected_storage().get().saturating_mul(most));
    let cache = keep_result(policy, job, history, storage);
    let kept_at = cache.value.level;
    let in_memory = kept_at == Some(StorageLevel::MemoryAndDisk);
    let count = executor_count(
        policy,
        &CountFacts {
            job,
            cluster,
            history,
            cores: size.cores.value,
            storage_per_executor: heap.unified(),
            cached_bytes: if in_memory { working_set } else { Bytes(0) },
            room: size.room,
        },
    );
    let slots_each = (size.cores.value / cluster.task_cpus.max(1)).max(1);
    let executors = if cluster.manager == Manager::Local { 1 } else { count.wanted.value };
    let shuffle_facts = ShuffleFacts {
        bytes: job.input_bytes,
        grade: Grade::C,
        slots: saturating_u32(u64::from(slots_each) * u64::from(executors)),
        heap,
        cores: size.cores.value,
        adaptive: !cluster.user("spark.sql.adaptive.enabled").is_some_and(|on| on.trim().eq_ignore_ascii_case("false")),
    };
    let partitions = shuffle_partitions(policy, &shuffle_facts);
    let result = ResultFacts { bytes: job.working_set_bytes.or(job.input_bytes), uses, cached: kept_at, next: &[] };
    let table = temp_table(policy, &result);
    let run_time = count.model.as_ref().and_then(|model| model.estimate(executors));
    let cost = run_time.as_ref().and_then(|time| run_cost(policy, executors, time.value.run_ms, time.grade));
    let confs = confs::launch_confs(policy, input, &count, &size, &driver, &shuffle_facts, &partitions);
    let pinned = confs.iter().any(|(key, conf)| key == confs::DYNAMIC_ALLOCATION && conf.value == "true");
    Ok(PlanLaunchAnswer {
        executors_if_lost: pinned.then_some(count.most),
        executors: count.wanted,
        initial_executors: count.initial,
        min_executors: count.least,
        max_executors: count.most,
        executor_cores: size.cores,
        executor_memory_bytes: size.heap,
        executor_overhead_bytes: size.overhead,
        driver_memory_bytes: driver,
        shuffle_partitions: partitions,
        cache,
        temp_table: table,
        run_time,
        cost,
        confs,
    })
}

#[cfg(test)]
mod tests;
