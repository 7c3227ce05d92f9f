//! The driver's heap.

use crate::facts::{ClusterFacts, History, JobFacts, Manager};
use crate::out_of_memory::{self, Growth, Memory};
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB, ceil_u64};

/// The least heap of a driver.
pub const LEAST_DRIVER: Bytes = Bytes::gib(2);
/// A result takes this many times its size in the driver: as blocks, as rows, and as the user's own copy.
pub const COPIES_OF_A_RESULT: u64 = 3;
/// A broadcast table takes this many times its size in the driver: rows, hash table, serialised blocks.
pub const COPIES_OF_A_BROADCAST: u64 = 4;
/// The share of the machine that a local master's driver may take.
pub const LOCAL_SHARE: f64 = 0.5;

/// What a driver gets whose heap was too little.
const GROWTH: Growth = Growth { times: 1.5, most: 4.0 };
/// Results may be so many times as large as those that Spark stopped.
const RESULTS_MARGIN: f64 = 1.2;

/// Decides the driver's heap from what comes back to it: results and broadcasts, never the size of the input. With a
/// local master, where the driver runs every task, it is sized as an executor.
#[must_use]
pub fn driver_memory(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    job: &JobFacts,
    history: &History,
) -> Decision<Bytes> {
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
    let too_little = out_of_memory::grown(&history.runs, &[Memory::DriverHeap], GROWTH).unwrap_or_default();
    let least = LEAST_DRIVER.max(too_little);
    let room = cluster.driver_machine_bytes.map(|machine| machine.share(LOCAL_SHARE));
    let learned = results(cluster, history, room);
    let half = cluster
        .driver_machine_bytes
        .filter(|_| local || learned.is_some() || too_little > Bytes(0))
        .map(|machine| machine.share(LOCAL_SHARE).get());
    let whole = |bytes: u64| {
        let held = half.map_or(bytes, |half| bytes.min(half).max(crate::memory::SMALLEST_HEAP.get()));
        Bytes(held.div_ceil(MIB).saturating_mul(MIB))
    };

    let known = job.result_bytes.or(learned);
    let result = known.unwrap_or_default().get();
    let from = if job.result_bytes.is_none() && learned.is_some() { "history" } else { "job" };
    let mut trace = trace.input("largest result", known, Unit::Bytes, from).input(
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
    if too_little > Bytes(0) {
        trace = trace.note("an earlier run's driver ran out of memory: half as much again");
        bytes = trace.at_least("half as much again as was too little", too_little.get(), bytes);
    }
    if let Some(half) = half {
        bytes = trace.at_most("half of the machine's memory", half, bytes);
    }
    let along = Along { input: "a result of", unit: Unit::Bytes, at: result, least: 0, most: u64::MAX, step: MIB };
    let grade = if known.is_some() || too_little > Bytes(0) { Grade::B } else { Grade::C };
    trace.flips(along.flips(|result| whole(unbounded(result).max(least.get())))).decide(whole(bytes), grade)
}

/// Results that no run could have taken, since Spark stopped it for their size, with what they may grow by.
fn results(cluster: &ClusterFacts, history: &History, room: Option<Bytes>) -> Option<Bytes> {
    if cluster.user("spark.driver.maxResultSize").is_some() {
        return None;
    }
    let most = history.runs.iter().filter_map(|run| run.too_little(&[Memory::Results])).max()?;
    let bytes = Bytes(ceil_u64(most.get() as f64 * RESULTS_MARGIN).div_ceil(MIB).saturating_mul(MIB));
    // What a driver here can't hold is no reason for a large one.
    room.is_none_or(|room| bytes.get().saturating_mul(COPIES_OF_A_RESULT) <= room.get()).then_some(bytes)
}

/// How large the results of a job may be, where Spark stopped an earlier run for their size; nothing otherwise, where the user says it, and where
/// the driver's heap would not hold them.
#[must_use]
pub fn max_results(cluster: &ClusterFacts, history: &History, driver_heap: Bytes) -> Option<Bytes> {
    results(cluster, history, None).filter(|most| most.get().saturating_mul(COPIES_OF_A_RESULT) <= driver_heap.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_results_and_not_with_input() {
        let policy = ResolvedPolicy::default();
        let heap = |input, result| {
            let job = JobFacts { input_bytes: Some(Bytes(input)), result_bytes: result, ..JobFacts::default() };
            driver_memory(&policy, &ClusterFacts::default(), &job, &History::default()).value
        };
        assert_eq!(heap(0, None), LEAST_DRIVER);
        assert_eq!(heap(u64::MAX, None), LEAST_DRIVER);
        assert_eq!(heap(0, Some(Bytes::gib(2))), Bytes::mib(3 * 2048 + 40));
    }

    #[test]
    fn it_says_which_result_would_change_it() {
        let text = driver_memory(
            &ResolvedPolicy::default(),
            &ClusterFacts::default(),
            &JobFacts::default(),
            &History::default(),
        )
        .trace
        .render("");
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
        let heap = driver_memory(&ResolvedPolicy::default(), &cluster, &JobFacts::default(), &History::default());
        assert_eq!(heap.value, Bytes::mib(4096 + 40));
        let small = ClusterFacts { driver_machine_bytes: Some(Bytes::gib(2)), ..cluster };
        let heap = driver_memory(&ResolvedPolicy::default(), &small, &JobFacts::default(), &History::default());
        assert_eq!(heap.value, Bytes::gib(1));
    }
}
