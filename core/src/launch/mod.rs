//! `plan_launch`: what an application starts with.

mod confs;
mod contract;

pub use confs::settable_while_starting;
pub use contract::{CachePlan, ConfSetting, ConfWhen, PlanLaunchAnswer, PlanLaunchInput};

use crate::cache::level::storage_level;
use crate::cache::worth::{self, Worth};
use crate::error::ErrorBody;
use crate::executor::count::{CountFacts, USUAL_BYTES_PER_CORE_SECOND, executor_count};
use crate::executor::driver::driver_memory;
use crate::executor::size::executor_size;
use crate::facts::{Manager, ProcessingType};
use crate::memory::Heap;
use crate::policy::ResolvedPolicy;
use crate::query::cost;
use crate::shuffle::{ShuffleFacts, shuffle_partitions};
use crate::temp_table::temp_table;
use crate::trace::{Decision, Grade};
use crate::units::{Bytes, saturating_u32};

/// How often a result is used where nobody says: iterating jobs come back to their data.
const fn usual_uses(processing: ProcessingType) -> u32 {
    match processing {
        ProcessingType::Ml => 3,
        _ => 1,
    }
}

/// Decides what an application starts with.
///
/// # Errors
/// `does_not_fit` when an executor that the user, the policy or history calls for is larger than every machine.
pub fn plan_launch(policy: &ResolvedPolicy, input: &PlanLaunchInput) -> Result<PlanLaunchAnswer, ErrorBody> {
    let PlanLaunchInput { cluster, job, history, .. } = input;
    let target = job.target.unwrap_or(policy.pipeline.optimization_target);
    let processing = crate::executor::count::processing_of(job);

    let size = executor_size(policy, cluster, history, Bytes(0))?;
    let heap = Heap::new(size.heap.value, cluster);
    let driver = driver_memory(policy, cluster, job);
    // With a local master the driver's heap is the one that tasks work in.
    let heap = if cluster.manager == Manager::Local { Heap::new(driver.value, cluster) } else { heap };

    let working_set = job.working_set_bytes.or(job.input_bytes).unwrap_or_default();
    let uses = job.uses.unwrap_or_else(|| usual_uses(processing));
    let most = u64::from(policy.autoscaling.max_executors.min(size.room.unwrap_or(u32::MAX)).max(1));
    let storage = Bytes(heap.protected_storage().get().saturating_mul(most));
    let level = storage_level(working_set, storage, storage, Grade::C);
    let seconds_bytes = USUAL_BYTES_PER_CORE_SECOND.max(1);
    let recompute_ms = history.work_task_ms.unwrap_or_else(|| {
        u64::try_from(u128::from(working_set.get()) * 1_000 / u128::from(seconds_bytes)).unwrap_or(u64::MAX)
    });
    let keep = worth::keep(
        policy,
        &Worth {
            uses: u64::from(uses),
            uses_grade: if job.uses.is_some() { Grade::A } else { Grade::C },
            recompute_ms,
            recompute_grade: if history.work_task_ms.is_some() { Grade::B } else { Grade::C },
            write_ms: cost::write_ms(working_set, level.value),
            read_ms: cost::read_ms(working_set, level.value),
            pinned_ms: 0,
            target,
        },
    );
    let kept_at = level.value.filter(|_| keep.value && working_set.get() > 0);
    let cache = Decision {
        value: CachePlan { keep: kept_at.is_some(), level: kept_at },
        grade: keep.grade.max(level.grade),
        trace: keep
            .trace
            .input("size in memory", working_set, crate::trace::Unit::Bytes, "job")
            .note(level.value.map_or("it is too large to keep", |level| level.word())),
    };
    let in_memory = kept_at == Some(crate::cache::level::StorageLevel::MemoryAndDisk);
    let count = executor_count(
        policy,
        CountFacts {
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
    let table = temp_table(policy, job.working_set_bytes.or(job.input_bytes), uses, kept_at);
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
        confs,
    })
}

#[cfg(test)]
mod tests;
