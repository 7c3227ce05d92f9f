//! How large an executor is: cores, heap and overhead, and whether that fits the machines.

use alloc::borrow::Cow;
use alloc::format;

use crate::error::ErrorBody;
use crate::executor::slots::DEFAULT_TASK_CPUS;
use crate::facts::{ClusterFacts, History, Manager};
use crate::memory::{self, Heap};
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, GIB, MIB, ceil_u64, saturating_u32};

/// Cores of an executor: enough tasks to share broadcasts and caches, few enough to keep garbage collection short.
pub const USUAL_CORES: u32 = 4;
/// More cores than this an executor never gets.
pub const MOST_CORES: u32 = 5;
/// Cores of an executor whose tasks spend too much time in garbage collection.
pub const CORES_UNDER_GC: u32 = 2;
/// The GC time, share of task time above which an executor gets fewer cores.
pub const HIGH_GC_SHARE: f64 = 0.10;
/// Room left above the memory that history shows to be needed.
pub const HEAP_MARGIN: f64 = 1.2;
/// The least executor memory of an executor.
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
    let machines = Machines::of(cluster);
    let heap = heap(policy, cluster, history, cores.value, storage_need, &machines);
    let heap = machines.hold(heap, cores.value)?;
    let overhead = machines.overhead(&heap);
    let room = machines.room(cores.value, heap.value, overhead.value);
    Ok(ExecutorSize { cores, heap, overhead, room })
}

fn cores(cluster: &ClusterFacts, history: &History) -> Decision<u32> {
    let mut trace = Trace::new(
        "executor.cores",
        "4 cores an executor; 2 when GC takes more than 10 % of task time, at most 5",
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
    let gc_share = history.gc_share.filter(|share| share.is_finite());
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

fn heap(
    policy: &ResolvedPolicy,
    cluster: &ClusterFacts,
    history: &History,
    cores: u32,
    storage_need: Bytes,
    machines: &Machines<'_>,
) -> Decision<Bytes> {
    let trace = Trace::new(
        "executor.heap",
        "memory_scaling_factor GiB a core, or what earlier tasks needed; with history (300 MiB + (cores * 95th percentile of a task's peak \
         memory + storage need) / spark.memory.fraction) * 1.2, rounded up to GiB",
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
            .input("target_executor_memory", bytes, Unit::Bytes, policy.origin("autoscaling.target_executor_memory"))
            .unbounded(bytes)
            .decide(bytes, Grade::A);
    }
    if !policy.pipeline.memory_management {
        return memory::left_to_spark(policy, trace);
    }
    let (bytes, grade, mut trace) = match history.task_peak_bytes {
        Some(peak) => {
            let fraction = Heap::new(LEAST_HEAP, cluster).memory_fraction.max(0.01);
            let for_peak = |peak: u64| {
                let work = f64::from(cores) * peak as f64 + storage_need.get() as f64;
                let bytes = Bytes(ceil_u64((memory::RESERVED.get() as f64 + work / fraction) * HEAP_MARGIN)).ceil_gib();
                bytes.max(LEAST_HEAP)
            };
            let along = Along {
                input: "a task's peak memory of",
                unit: Unit::Bytes,
                at: peak.get(),
                least: 0,
                most: u64::MAX,
                step: MIB,
            };
            let trace = trace
                .input("cores", cores, Unit::Cores, "executor.cores")
                .input("95th percentile of a task's peak memory", peak, Unit::Bytes, "history")
                .input("storage need of one executor", storage_need, Unit::Bytes, "cache rule")
                .input("spark.memory.fraction", fraction, Unit::None, "")
                .flips(along.flips(for_peak));
            (for_peak(peak.get()), Grade::B, trace)
        }
        None => {
            let per_core = policy.autoscaling.memory_scaling_factor;
            let for_cores = |cores: u64| {
                let bytes = ceil_u64(per_core * GIB as f64 * cores as f64);
                Bytes(bytes / MIB * MIB).max(LEAST_HEAP)
            };
            let along =
                Along { input: "cores of", unit: Unit::Cores, at: u64::from(cores), least: 1, most: 16, step: 1 };
            let trace = trace
                .input("cores", cores, Unit::Cores, "executor.cores")
                .input(
                    "memory_scaling_factor",
                    per_core,
                    Unit::None,
                    policy.origin("autoscaling.memory_scaling_factor"),
                )
                .flips(along.flips(|cores| {
                    let wanted = for_cores(cores);
                    machines.held(wanted, saturating_u32(cores)).map_or(wanted, |held| held.min(wanted))
                }));
            (for_cores(u64::from(cores)), Grade::C, trace)
        }
    };
    trace = trace.unbounded(bytes);
    let bytes = Bytes(trace.at_least("least heap", LEAST_HEAP.get(), bytes.get()));
    trace.decide(bytes, grade)
}

/// The machines, and what an executor takes of them.
struct Machines<'a> {
    cluster: &'a ClusterFacts,
    /// Overhead as a share of the heap.
    factor: f64,
    /// The overhead that the user set.
    user_overhead: Option<Bytes>,
    /// Standalone workers count the heap alone against their memory; containers hold the overhead too.
    counts_overhead: bool,
}

impl<'a> Machines<'a> {
    fn of(cluster: &'a ClusterFacts) -> Self {
        let for_python = cluster.python && cluster.manager == Manager::Kubernetes;
        Self {
            cluster,
            factor: if for_python { OVERHEAD_FACTOR_PYTHON_KUBERNETES } else { OVERHEAD_FACTOR },
            user_overhead: cluster.user_memory("spark.executor.memoryOverhead"),
            counts_overhead: matches!(cluster.manager, Manager::Yarn | Manager::Kubernetes | Manager::Unstated),
        }
    }

    fn overhead_of(&self, heap: Bytes) -> Bytes {
        self.user_overhead.unwrap_or_else(|| memory::overhead(heap, self.factor))
    }

    /// What an executor with this heap takes of a machine.
    fn taken(&self, heap: Bytes) -> Bytes {
        let beside = if self.counts_overhead { self.overhead_of(heap).get() } else { 0 };
        Bytes(heap.get().saturating_add(beside))
    }

    /// The memory of a machine that goes with `cores` of its cores, on the machine where that is most; none with a local master.
    fn offer(&self, cores: u32) -> Option<Bytes> {
        let nodes = self.cluster.nodes.iter().filter(|_| self.cluster.manager != Manager::Local);
        nodes
            .filter(|node| node.cores >= cores && cores > 0)
            .map(|node| Bytes(node.memory_bytes.get() / u64::from(node.cores / cores).max(1)))
            .max()
    }

    /// The largest heap that `offer` holds with its overhead, in whole MiB.
    fn largest_heap(&self, offer: Bytes) -> Bytes {
        let mut largest = offer;
        if self.counts_overhead {
            let by_share = Bytes((offer.get() as f64 / (1.0 + self.factor)) as u64);
            let by_floor = Bytes(offer.get().saturating_sub(self.overhead_of(Bytes(0)).get()));
            largest = by_share.min(by_floor);
        }
        Bytes(largest.get() / MIB * MIB)
    }

    /// What is left of a heap on a machine that does not hold it; nothing where one does.
    fn held(&self, heap: Bytes, cores: u32) -> Option<Bytes> {
        let offer = self.offer(cores).filter(|offer| self.taken(heap) > *offer)?;
        Some(self.largest_heap(offer))
    }

    /// Holds the heap to what the machines offer: a rule of thumb gives way, a known need is refused.
    fn hold(&self, mut heap: Decision<Bytes>, cores: u32) -> Result<Decision<Bytes>, ErrorBody> {
        let (Some(offer), Some(smaller)) = (self.offer(cores), self.held(heap.value, cores)) else { return Ok(heap) };
        if heap.grade != Grade::C || smaller < memory::SMALLEST_HEAP {
            return Err(ErrorBody {
                code: Cow::Borrowed("does_not_fit"),
                message: format!(
                    "an executor needs {} with its overhead, and the largest share of a machine for {cores} cores is {offer}",
                    self.taken(heap.value)
                ),
                path: None,
            });
        }
        let (before, after) = (heap.value.get(), smaller.get());
        heap.value = Bytes(heap.trace.bound("memory of a machine for this many cores", after, before, after));
        Ok(heap)
    }

    fn overhead(&self, heap: &Decision<Bytes>) -> Decision<Bytes> {
        let value = self.overhead_of(heap.value);
        let along = Along {
            input: "a heap of",
            unit: Unit::Bytes,
            at: heap.value.get(),
            least: memory::SMALLEST_HEAP.get(),
            most: u64::MAX,
            step: MIB,
        };
        Trace::new(
            "executor.overhead",
            "a tenth of executor memory, 0.40 of it for Python on Kubernetes; max(384 MiB, factor * executor memory)",
            Unit::Bytes,
        )
        .input("executor memory", heap.value, Unit::Bytes, "executor.heap")
        .input("factor", self.factor, Unit::None, "")
        .unbounded(value)
        .flips(along.flips(|heap| self.overhead_of(Bytes(heap))))
        .decide(value, if self.user_overhead.is_some() { Grade::A } else { heap.grade })
    }

    /// The most executors that the machines and the quota hold.
    fn room(&self, cores: u32, heap: Bytes, overhead: Bytes) -> Option<u32> {
        let cores = cores.max(1);
        let beside = if self.counts_overhead { overhead.get() } else { 0 };
        let need = heap.get().saturating_add(beside).max(1);
        let by_nodes = (!self.cluster.nodes.is_empty()).then(|| {
            self.cluster.nodes.iter().fold(0u64, |sum, node| {
                let each = u64::from(node.cores / cores).min(node.memory_bytes.get() / need);
                sum.saturating_add(each.saturating_mul(u64::from(node.count)))
            })
        });
        let by_quota = self.cluster.quota_cores.map(|quota| u64::from(quota / cores));
        by_nodes.into_iter().chain(by_quota).min().map(saturating_u32)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::NodeFacts;
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
