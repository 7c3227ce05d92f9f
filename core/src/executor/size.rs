//! How large an executor is: cores, heap and overhead, and whether that fits the machines.

use alloc::borrow::Cow;
use alloc::format;

use crate::error::ErrorBody;
use crate::facts::{ClusterFacts, History, Manager, NodeFacts};
use crate::memory::{self, Heap};
use crate::policy::ResolvedPolicy;
use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, GIB, MIB, ceil_u64};

/// Cores of an executor: enough tasks to share broadcasts and caches, few enough to keep garbage collection short.
pub const USUAL_CORES: u32 = 4;
/// More cores than this an executor never gets.
pub const MOST_CORES: u32 = 5;
/// Cores of an executor whose tasks spend too much time in garbage collection.
pub const CORES_UNDER_GC: u32 = 2;
/// The share of task time in garbage collection above which an executor gets fewer cores.
pub const HIGH_GC_SHARE: f64 = 0.10;
/// Room left above the memory that history shows to be needed.
pub const HEAP_MARGIN: f64 = 1.2;
/// The least heap of an executor.
pub const LEAST_HEAP: Bytes = Bytes::gib(1);
/// Memory beside the heap, as a share of it (`spark.executor.memoryOverheadFactor`).
pub const OVERHEAD_FACTOR: f64 = 0.10;
/// The same for Python on Kubernetes, where the container also holds the Python workers.
pub const OVERHEAD_FACTOR_PYTHON_KUBERNETES: f64 = 0.40;

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

/// Decides the size of an executor.
///
/// # Errors
/// `does_not_fit`, with the memory that is needed, when the size that the user, the policy or history calls for is
/// larger than every machine.
pub fn executor_size(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    history: &History,
    storage_need: Bytes,
) -> Result<ExecutorSize, ErrorBody> {
    let cores = cores(cluster, history);
    let wanted = heap(policy, cluster, history, cores.value, storage_need);
    let (heap, overhead) = fit(cluster, cores.value, wanted)?;
    let room = room(cluster, cores.value, heap.value, overhead.value);
    Ok(ExecutorSize { cores, heap, overhead, room })
}

fn cores(cluster: &ClusterFacts, history: &History) -> Decision<u32> {
    let mut trace = Trace::new(
        "executor.cores",
        "4 cores an executor, at most 5; 2 when garbage collection takes more than 10 % of task time",
        Unit::Cores,
    );
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
    let (cores, grade) = match history.gc_share.filter(|share| share.is_finite()) {
        Some(share) if share > HIGH_GC_SHARE => (CORES_UNDER_GC, Grade::B),
        Some(_) => (USUAL_CORES, Grade::B),
        None => (USUAL_CORES, Grade::C),
    };
    trace = trace
        .input("share of task time in garbage collection", history.gc_share, Unit::None, "history")
        .unbounded(cores);
    let mut value = u64::from(cores.min(MOST_CORES));
    if let Some(largest) = cluster.nodes.iter().map(|node| node.cores).max().filter(|n| *n > 0) {
        value = trace.at_most("cores of the largest machine", u64::from(largest), value);
    }
    if let Some(quota) = cluster.quota_cores.filter(|n| *n > 0) {
        value = trace.at_most("cores that the application may have", u64::from(quota), value);
    }
    value = trace.at_least("spark.task.cpus", u64::from(cluster.task_cpus.max(1)), value);
    trace.decide(crate::units::saturating_u32(value), grade)
}

fn heap(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    history: &History,
    cores: u32,
    storage_need: Bytes,
) -> Decision<Bytes> {
    let trace = Trace::new(
        "executor.heap",
        "with history, the 300 MiB that Spark reserves plus (cores * 95th percentile of a task's peak memory + storage \
         need) / spark.memory.fraction, times 1.2, rounded up to GiB; otherwise autoscaling.memory_scaling_factor GiB a core",
        Unit::Bytes,
    );
    if let Some(bytes) = cluster.user_memory("spark.executor.memory") {
        return trace
            .input("spark.executor.memory", bytes, Unit::Bytes, "set by the user")
            .unbounded(bytes)
            .decide(bytes, Grade::A);
    }
    if let Some(bytes) = policy.autoscaling.target_executor_memory {
        return trace
            .input("heap asked for", bytes, Unit::Bytes, policy.origin("autoscaling.target_executor_memory"))
            .unbounded(bytes)
            .decide(bytes, Grade::A);
    }
    let (bytes, grade, mut trace) = match history.task_peak_bytes {
        Some(peak) => {
            let fraction = Heap::new(LEAST_HEAP, cluster).memory_fraction.max(0.01);
            let work = f64::from(cores) * peak.get() as f64 + storage_need.get() as f64;
            let bytes = Bytes(ceil_u64((memory::RESERVED.get() as f64 + work / fraction) * HEAP_MARGIN)).ceil_gib();
            let trace = trace
                .input("cores", cores, Unit::Cores, "executor.cores")
                .input("95th percentile of a task's peak memory", peak, Unit::Bytes, "history")
                .input("storage need of one executor", storage_need, Unit::Bytes, "cache rule")
                .input("spark.memory.fraction", fraction, Unit::None, "");
            (bytes, Grade::B, trace)
        }
        None => {
            let per_core = policy.autoscaling.memory_scaling_factor;
            let bytes = Bytes(ceil_u64(per_core * GIB as f64 * f64::from(cores)));
            let bytes = Bytes(bytes.get() / MIB * MIB);
            let trace = trace.input("cores", cores, Unit::Cores, "executor.cores").input(
                "GiB of heap a core",
                per_core,
                Unit::None,
                policy.origin("autoscaling.memory_scaling_factor"),
            );
            (bytes, Grade::C, trace)
        }
    };
    trace = trace.unbounded(bytes);
    let bytes = Bytes(trace.at_least("least heap", LEAST_HEAP.get(), bytes.get()));
    trace.decide(bytes, grade)
}

/// Holds the heap to what the machines offer: a rule of thumb gives way, a known need is refused.
fn fit(
    cluster: &ClusterFacts,
    cores: u32,
    mut heap: Decision<Bytes>,
) -> Result<(Decision<Bytes>, Decision<Bytes>), ErrorBody> {
    let factor = if cluster.python && cluster.manager == Manager::Kubernetes {
        OVERHEAD_FACTOR_PYTHON_KUBERNETES
    } else {
        OVERHEAD_FACTOR
    };
    let user_overhead = cluster.user_memory("spark.executor.memoryOverhead");
    let overhead_of = |heap| user_overhead.unwrap_or_else(|| memory::overhead(heap, factor));
    // Standalone workers count the heap alone against their memory; containers hold the overhead too.
    let counts_overhead = matches!(cluster.manager, Manager::Yarn | Manager::Kubernetes | Manager::Unstated);
    let taken = |heap: Bytes| {
        let beside = if counts_overhead { overhead_of(heap).get() } else { 0 };
        heap.get().saturating_add(beside)
    };
    let largest = largest_share(&cluster.nodes, cores);
    if let (Some(offer), true) = (largest, cluster.manager != Manager::Local)
        && taken(heap.value) > offer.get()
    {
        let mut smaller = offer;
        if counts_overhead {
            let by_share = Bytes((offer.get() as f64 / (1.0 + factor)) as u64);
            let by_floor = Bytes(offer.get().saturating_sub(overhead_of(Bytes(0)).get()));
            smaller = by_share.min(by_floor);
        }
        smaller = Bytes(smaller.get() / MIB * MIB);
        if heap.grade != Grade::C || smaller < memory::SMALLEST_HEAP {
            return Err(ErrorBody {
                code: Cow::Borrowed("does_not_fit"),
                message: format!(
                    "an executor needs {} with its overhead, and the largest share of a machine for {cores} cores is {offer}",
                    Bytes(taken(heap.value))
                ),
                path: None,
            });
        }
        let before = heap.value;
        heap.value = Bytes(heap.trace.bound(
            "memory of a machine for this many cores",
            smaller.get(),
            before.get(),
            smaller.get(),
        ));
    }
    let value = overhead_of(heap.value);
    let overhead =
        Trace::new("executor.overhead", "max(384 MiB, 0.10 * heap); 0.40 * heap for Python on Kubernetes", Unit::Bytes)
            .input("heap", heap.value, Unit::Bytes, "executor.heap")
            .input("share", factor, Unit::None, "")
            .unbounded(value)
            .decide(value, if user_overhead.is_some() { Grade::A } else { heap.grade });
    Ok((heap, overhead))
}

/// The memory of a machine that goes with `cores` of its cores, on the machine where that is most.
fn largest_share(nodes: &[NodeFacts], cores: u32) -> Option<Bytes> {
    nodes
        .iter()
        .filter(|node| node.cores >= cores && cores > 0)
        .map(|node| Bytes(node.memory_bytes.get() / u64::from(node.cores / cores).max(1)))
        .max()
}

fn room(cluster: &ClusterFacts, cores: u32, heap: Bytes, overhead: Bytes) -> Option<u32> {
    let cores = cores.max(1);
    let need = if matches!(cluster.manager, Manager::Yarn | Manager::Kubernetes | Manager::Unstated) {
        heap.get().saturating_add(overhead.get())
    } else {
        heap.get()
    }
    .max(1);
    let by_nodes = (!cluster.nodes.is_empty()).then(|| {
        cluster.nodes.iter().fold(0u64, |sum, node| {
            let each = u64::from(node.cores / cores).min(node.memory_bytes.get() / need);
            sum.saturating_add(each.saturating_mul(u64::from(node.count)))
        })
    });
    let by_quota = cluster.quota_cores.map(|quota| u64::from(quota / cores));
    by_nodes.into_iter().chain(by_quota).min().map(crate::units::saturating_u32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
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
        executor_size(&ResolvedPolicy::default(), cluster, history, Bytes(0))
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

    #[test]
    fn history_sizes_the_heap_by_the_formula() {
        let history = History { task_peak_bytes: Some(Bytes::mib(512)), ..History::default() };
        let heap = size(&ClusterFacts::default(), &history).unwrap().heap;
        // (300 + 4 * 512 / 0.6) * 1.2 = 4456 MiB
        assert_eq!((heap.value, heap.grade), (Bytes::gib(5), Grade::B));
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
