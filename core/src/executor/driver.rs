//! The driver's heap.

use crate::facts::{ClusterFacts, JobFacts, Manager};
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB};

/// The least heap of a driver.
pub const LEAST_DRIVER: Bytes = Bytes::gib(2);
/// A result takes this many times its size in the driver: as blocks, as rows, and as the user's own copy.
pub const COPIES_OF_A_RESULT: u64 = 3;
/// A broadcast table takes this many times its size in the driver: rows, hash table, serialised blocks.
pub const COPIES_OF_A_BROADCAST: u64 = 4;
/// The share of the machine that a local master's driver may take.
pub const LOCAL_SHARE: f64 = 0.5;

/// Decides the driver's heap from what comes back to it: results and broadcasts, never the size of the input. With a
/// local master, where the driver runs every task, it is sized as an executor.
#[must_use]
pub fn driver_memory(policy: &ResolvedPolicy, cluster: &ClusterFacts, job: &JobFacts) -> Decision<Bytes> {
    let trace = Trace::new(
        "driver.memory",
        "for results and broadcasts; 3 * largest result + 4 * broadcast threshold, at least 2 GiB; with a local master plus \
         memory_scaling_factor GiB a thread, at most half the machine",
        Unit::Bytes,
    );
    if let Some(bytes) = cluster.user_memory("spark.driver.memory") {
        return trace
            .input("spark.driver.memory", bytes, Unit::Bytes, "set by the user")
            .unbounded(bytes)
            .decide(bytes, Grade::A);
    }
    if let Some(bytes) = policy.autoscaling.target_driver_memory {
        return trace
            .input("target_driver_memory", bytes, Unit::Bytes, policy.origin("autoscaling.target_driver_memory"))
            .unbounded(bytes)
            .decide(bytes, Grade::A);
    }
    if !policy.pipeline.memory_management {
        return crate::memory::left_to_spark(policy, trace);
    }
    let local = cluster.manager == Manager::Local;
    let threads = cluster.local_threads.unwrap_or(1).max(1);
    let broadcast = Bytes::mib(u64::from(policy.temp_tables.broadcast_threshold_mb));
    let per_thread = Bytes::gib(1).get() as f64 * policy.autoscaling.memory_scaling_factor;
    let for_tasks = if local { crate::units::ceil_u64(per_thread * f64::from(threads)) } else { 0 };
    let unbounded = |result: u64| {
        let results = result.saturating_mul(COPIES_OF_A_RESULT);
        results.saturating_add(broadcast.get().saturating_mul(COPIES_OF_A_BROADCAST)).saturating_add(for_tasks)
    };
    let half = cluster.driver_machine_bytes.filter(|_| local).map(|machine| machine.share(LOCAL_SHARE).get());
    let whole = |bytes: u64| {
        let held = half.map_or(bytes, |half| bytes.min(half).max(crate::memory::SMALLEST_HEAP.get()));
        Bytes(held.div_ceil(MIB).saturating_mul(MIB))
    };

    let result = job.result_bytes.unwrap_or_default().get();
    let mut trace = trace.input("largest result", job.result_bytes, Unit::Bytes, "job").input(
        "broadcast threshold",
        broadcast,
        Unit::Bytes,
        policy.origin("temp_tables.broadcast_threshold_mb"),
    );
    if local {
        trace = trace.input("threads of the local master", threads, Unit::Cores, "master URL");
    }
    trace = trace.unbounded(unbounded(result));
    let mut bytes = trace.at_least("least driver memory", LEAST_DRIVER.get(), unbounded(result));
    if let Some(half) = half {
        bytes = trace.at_most("half of the machine's memory", half, bytes);
    }
    let along = Along { input: "a result of", unit: Unit::Bytes, at: result, least: 0, most: u64::MAX, step: MIB };
    let grade = if job.result_bytes.is_some() { Grade::B } else { Grade::C };
    trace.flips(along.flips(|result| whole(unbounded(result).max(LEAST_DRIVER.get())))).decide(whole(bytes), grade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_results_and_not_with_input() {
        let policy = ResolvedPolicy::default();
        let heap = |input, result| {
            let job = JobFacts { input_bytes: Some(Bytes(input)), result_bytes: result, ..JobFacts::default() };
            driver_memory(&policy, &ClusterFacts::default(), &job).value
        };
        assert_eq!(heap(0, None), LEAST_DRIVER);
        assert_eq!(heap(u64::MAX, None), LEAST_DRIVER);
        assert_eq!(heap(0, Some(Bytes::gib(2))), Bytes::mib(3 * 2048 + 40));
    }

    #[test]
    fn it_says_which_result_would_change_it() {
        let text =
            driver_memory(&ResolvedPolicy::default(), &ClusterFacts::default(), &JobFacts::default()).trace.render("");
        // 3 * 670 + 4 * 10 MiB
        assert!(text.contains("it would be 2.002 GiB with a result of 670 MiB or more"), "{text}");
    }

    #[test]
    fn a_local_driver_is_an_executor_too() {
        let cluster = ClusterFacts {
            manager: Manager::Local,
            local_threads: Some(2),
            driver_machine_bytes: Some(Bytes::gib(24)),
            ..ClusterFacts::default()
        };
        let heap = driver_memory(&ResolvedPolicy::default(), &cluster, &JobFacts::default());
        assert_eq!(heap.value, Bytes::mib(4096 + 40));
        let small = ClusterFacts { driver_machine_bytes: Some(Bytes::gib(2)), ..cluster };
        let heap = driver_memory(&ResolvedPolicy::default(), &small, &JobFacts::default());
        assert_eq!(heap.value, Bytes::gib(1));
    }
}
