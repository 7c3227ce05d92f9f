//! How large an executor is: cores, heap and overhead, and whether that fits the machines.

use super::heap::{self, HIGH_GC_SHARE, HeapFacts};
use super::machines::Machines;
use crate::error::ErrorBody;
use crate::executor::slots::DEFAULT_TASK_CPUS;
use crate::facts::{ClusterFacts, History, Manager};
use crate::history::inputs::Inputs;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, ceil_u64, saturating_u32};

/// Cores of an executor: enough tasks to share broadcasts and caches, few enough to keep garbage collection short.
pub const USUAL_CORES: u32 = 4;
/// More cores than this an executor never gets.
pub const MOST_CORES: u32 = 5;
/// Cores of an executor whose tasks spend too much time in garbage collection.
pub const CORES_UNDER_GC: u32 = 2;

/// The size of one executor.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorSize {
    /// Cores.
    pub cores: Decision<u32>,
    /// Heap.
    pub heap: Decision<Bytes>,
    /// Memory beside the heap.
    pub overhead: Decision<Bytes>,
    /// The most executors of this size that the machines and the quota hold; unknown when absent.
    pub room: Option<u32>,
}

/// Decides the size of an executor, for a job that reads `input_bytes` where that is known.
///
/// # Errors
/// `does_not_fit`, with the memory that is needed, when the size that the user, the policy or history calls for is
/// larger than every machine.
pub fn executor_size(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    history: &History,
    input_bytes: Option<Bytes>,
    storage_need: Bytes,
) -> Result<ExecutorSize, ErrorBody> {
    let cores = cores(cluster, history);
    let machines = Machines::of(cluster);
    let facts =
        HeapFacts { cluster, history, cores: cores.value, inputs: Inputs::of(input_bytes, history), storage_need };
    let heap = heap::heap(policy, &facts, |heap, cores| machines.held(heap, cores));
    let heap = machines.hold(heap, cores.value)?;
    let overhead = machines.overhead(&heap, cores.value, &history.runs);
    let room = machines.room(cores.value, heap.value, overhead.value);
    Ok(ExecutorSize { cores, heap, overhead, room })
}

fn cores(cluster: &ClusterFacts, history: &History) -> Decision<u32> {
    let gc_share = history.gc_share.filter(|share| share.is_finite());
    let formula = if gc_share.is_some_and(|share| share > HIGH_GC_SHARE) {
        "2 cores an executor, since GC took more than 10 % of task time; else 4, at most 5"
    } else {
        "4 cores an executor; 2 when GC takes more than 10 % of task time, at most 5"
    };
    let mut trace = Trace::new("executor.cores", formula, Unit::Cores);
    if let Some(cores) = cluster.user_whole("spark.executor.cores").filter(|n| *n > 0) {
        return trace
            .input("spark.executor.cores", cores, Unit::Cores, "set by the user")
            .unbounded(cores)
            .decide(cores, Grade::A);
    }
    if cluster.manager == Manager::Local {
        let threads = cluster.local_threads.unwrap_or(1).max(1);
        return trace
            .input("threads of the local master", threads, Unit::Cores, "master URL")
            .note("a local master runs every task in the driver")
            .unbounded(threads)
            .decide(threads, Grade::A);
    }
    let by_share = |share: f64| if share > HIGH_GC_SHARE { CORES_UNDER_GC } else { USUAL_CORES }.min(MOST_CORES);
    let largest = cluster.nodes.iter().map(|node| node.cores).max().filter(|n| *n > 0);
    let quota = cluster.quota_cores.filter(|n| *n > 0);
    let least = u64::from(cluster.task_cpus.unwrap_or(DEFAULT_TASK_CPUS).max(1));
    let wanted = by_share(gc_share.unwrap_or(0.0));
    trace = trace
        .input("share of task time in garbage collection", history.gc_share, Unit::None, "history")
        .unbounded(wanted);
    let mut value = u64::from(wanted);
    if let Some(largest) = largest {
        value = trace.at_most("cores of the largest machine", u64::from(largest), value);
    }
    if let Some(quota) = quota {
        value = trace.at_most("cores that the application may have", u64::from(quota), value);
    }
    value = trace.at_least("spark.task.cpus", least, value);
    let percent = Along {
        input: "garbage collection, in % of task time, of",
        unit: Unit::None,
        at: ceil_u64(gc_share.unwrap_or(0.0) * 100.0).min(100),
        least: 0,
        most: 100,
        step: 1,
    };
    let most = u64::from(largest.unwrap_or(u32::MAX).min(quota.unwrap_or(u32::MAX)));
    trace = trace.flips(percent.flips(|percent| u64::from(by_share(percent as f64 / 100.0)).min(most).max(least)));
    trace.decide(saturating_u32(value), if gc_share.is_some() { Grade::B } else { Grade::C })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{NodeFacts, PastRun};
    use alloc::vec;

    fn on(nodes: &[(u32, u32, u64)]) -> ClusterFacts {
        ClusterFacts {
            manager: Manager::Yarn,
            nodes: nodes
                .iter()
                .map(|(count, cores, gib)| NodeFacts { count: *count, cores: *cores, memory_bytes: Bytes::gib(*gib) })
                .collect(),
            ..ClusterFacts::default()
        }
    }

    fn size(cluster: &ClusterFacts, history: &History) -> Result<ExecutorSize, ErrorBody> {
        executor_size(&ResolvedPolicy::default(), cluster, history, None, Bytes(0))
    }

    #[test]
    fn without_facts_it_is_four_cores_of_two_gib() {
        let size = size(&ClusterFacts::default(), &History::default()).unwrap();
        assert_eq!((size.cores.value, size.heap.value), (4, Bytes::gib(8)));
        assert_eq!(size.overhead.value.whole_mib(), 820);
        assert_eq!((size.heap.grade, size.room), (Grade::C, None));
    }

    #[test]
    fn much_garbage_collection_halves_the_cores() {
        let history = History { gc_share: Some(0.11), ..History::default() };
        assert_eq!(size(&ClusterFacts::default(), &history).unwrap().cores.value, 2);
    }

    #[test]
    fn a_rule_of_thumb_gives_way_to_a_small_machine() {
        let size = size(&on(&[(4, 2, 3)]), &History::default()).unwrap();
        assert_eq!(size.cores.value, 2);
        assert!(size.heap.value.get() + size.overhead.value.get() <= Bytes::gib(3).get());
        assert!(size.heap.trace.bounds.iter().any(crate::trace::Bound::changed));
        assert_eq!(size.room, Some(4));
    }

    #[test]
    fn a_known_need_that_does_not_fit_is_refused_with_its_size() {
        let history = History { task_peak_bytes: Some(Bytes::gib(4)), ..History::default() };
        let error = size(&on(&[(4, 4, 16)]), &history).unwrap_err();
        assert_eq!(error.code, "does_not_fit");
        assert!(error.message.contains("36.3 GiB"), "{}", error.message);
    }

    /// 20 GiB on a machine of 16 did well on larger ones; here it is what the machine has.
    #[test]
    fn what_other_machines_gave_gives_way_to_a_small_one() {
        let had = PastRun { executor_heap_bytes: Some(Bytes::gib(20)), ..PastRun::default() };
        let history = History { runs: vec![had], ..History::default() };
        let size = size(&on(&[(4, 4, 16)]), &history).unwrap();
        assert!(size.heap.value.get() + size.overhead.value.get() <= Bytes::gib(16).get(), "{:?}", size.heap.value);
    }

    #[test]
    fn each_number_says_what_would_change_it() {
        let told = |size: &ExecutorSize| {
            let told = [&size.cores.trace, &size.heap.trace, &size.overhead.trace].map(|trace| trace.render(""));
            told.concat()
        };
        let thumb = told(&size(&on(&[(4, 4, 12)]), &History::default()).unwrap());
        for line in [
            "it would be 2 with garbage collection, in % of task time, of 11 or more",
            "it would be 6 GiB with cores of 3 or less",
            // Of five cores no machine has enough: the rule of thumb stands there.
            "it would be 10 GiB with cores of 5 or more",
            "it would be 819 MiB with a heap of 7.998 GiB or less",
        ] {
            assert!(thumb.contains(line), "{line}\n{thumb}");
        }
        let history = History { gc_share: Some(0.3), task_peak_bytes: Some(Bytes::mib(1024)), ..History::default() };
        let known = told(&size(&ClusterFacts::default(), &history).unwrap());
        for line in [
            "it would be 4 with garbage collection, in % of task time, of 10 or less",
            // (300 + 2 * p / 0.6) * 1.2 MiB over 4 GiB from p = 934 MiB on, and over 5 GiB from 1190 MiB on.
            "it would be 4 GiB with a task's peak memory of 934 MiB or less",
            "it would be 6 GiB with a task's peak memory of 1.163 GiB or more",
        ] {
            assert!(known.contains(line), "{line}\n{known}");
        }
    }

    #[test]
    fn what_the_user_set_stands() {
        let mut cluster = ClusterFacts::default();
        cluster.user_confs.insert("spark.executor.memory".into(), "768m".into());
        cluster.user_confs.insert("spark.executor.cores".into(), "1".into());
        let size = size(&cluster, &History::default()).unwrap();
        assert_eq!((size.cores.value, size.heap.value), (1, Bytes::mib(768)));
        assert_eq!(vec![size.cores.grade, size.heap.grade], vec![Grade::A, Grade::A]);
    }
}
