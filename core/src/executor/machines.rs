//! The machines of a cluster, and what an executor takes of them.

use alloc::borrow::Cow;
use alloc::format;

use super::heap::ExecutorHeap;
use crate::error::ErrorBody;
use crate::facts::PastRun;
use crate::facts::{ClusterFacts, Manager};
use crate::memory;
use crate::out_of_memory::{self, Growth, Memory};
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB, saturating_u32};

/// The same for Python on Kubernetes, where the container also holds the Python workers.
pub const OVERHEAD_FACTOR_PYTHON_KUBERNETES: f64 = 0.40;

/// Memory beside the heap is doubled where it was too little: a Python worker that starts to need it needs more than half as much again.
const GROWTH: Growth = Growth { times: 2.0, most: 8.0 };

/// The machines, and what an executor takes of them.
pub(super) struct Machines<'a> {
    cluster: &'a ClusterFacts,
    /// Overhead as a share of the heap.
    factor: f64,
    /// The overhead that the user set.
    user_overhead: Option<Bytes>,
    /// Standalone workers count the heap alone against their memory; containers hold the overhead too.
    counts_overhead: bool,
}

impl<'a> Machines<'a> {
    pub(super) fn of(cluster: &'a ClusterFacts) -> Self {
        let for_python = cluster.python && cluster.manager == Manager::Kubernetes;
        Self {
            cluster,
            factor: if for_python { OVERHEAD_FACTOR_PYTHON_KUBERNETES } else { memory::OVERHEAD_FACTOR },
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
    pub(super) fn held(&self, heap: Bytes, cores: u32) -> Option<Bytes> {
        let offer = self.offer(cores).filter(|offer| self.taken(heap) > *offer)?;
        Some(self.largest_heap(offer))
    }

    /// Holds the heap to what the machines offer: a rule of thumb and what other machines gave give way, a known need is refused.
    pub(super) fn hold(&self, heap: ExecutorHeap, cores: u32) -> Result<Decision<Bytes>, ErrorBody> {
        let ExecutorHeap { mut heap, needed } = heap;
        let (Some(offer), Some(smaller)) = (self.offer(cores), self.held(heap.value, cores)) else { return Ok(heap) };
        let needed = if smaller < memory::SMALLEST_HEAP { heap.value } else { needed };
        if self.taken(needed) > offer {
            return Err(ErrorBody {
                code: Cow::Borrowed("does_not_fit"),
                message: format!(
                    "an executor needs {} with its overhead, and the largest share of a machine for {cores} cores is {offer}",
                    self.taken(needed)
                ),
                path: None,
            });
        }
        let (before, after) = (heap.value.get(), smaller.get());
        heap.value = Bytes(heap.trace.bound("memory of a machine for this many cores", after, before, after));
        Ok(heap)
    }

    /// The memory beside a heap, by these earlier runs.
    pub(super) fn overhead(&self, heap: &Decision<Bytes>, cores: u32, runs: &[PastRun]) -> Decision<Bytes> {
        let usual = self.overhead_of(heap.value);
        let lacked = out_of_memory::grown(runs, &[Memory::ExecutorOverhead, Memory::PythonWorker], GROWTH);
        let offer = self.offer(cores).filter(|_| self.counts_overhead);
        // Where no machine bounds it, it would be what any object in a store says.
        let least = lacked.filter(|_| self.user_overhead.is_none() && offer.is_some()).unwrap_or_default();
        let along = Along {
            input: "a heap of",
            unit: Unit::Bytes,
            at: heap.value.get(),
            least: memory::SMALLEST_HEAP.get(),
            most: u64::MAX,
            step: MIB,
        };
        let mut trace = Trace::new(
            "executor.overhead",
            "a tenth of executor memory, 0.40 of it for Python on Kubernetes; max(384 MiB, factor * executor memory)",
            Unit::Bytes,
        )
        .input("executor memory", heap.value, Unit::Bytes, "executor.heap")
        .input("factor", self.factor, Unit::None, "")
        .unbounded(usual)
        .flips(along.flips(|heap| self.overhead_of(Bytes(heap)).max(least)));
        let mut value = usual;
        if least > Bytes(0) {
            trace =
                trace.note("an earlier run's containers or Python workers ended for want of memory beside the heap");
            value = Bytes(trace.at_least("twice what was too little", least.get(), usual.get()));
            if let Some(offer) = offer {
                let room = offer.get().saturating_sub(heap.value.get()).max(usual.get());
                value = Bytes(trace.at_most("what the heap leaves of a machine", room, value.get()));
            }
        }
        let grade = match (self.user_overhead, least) {
            (Some(_), _) => Grade::A,
            (None, Bytes(0)) => heap.grade,
            (None, _) => Grade::B,
        };
        trace.decide(value, grade)
    }

    /// The most executors that the machines and the quota hold.
    pub(super) fn room(&self, cores: u32, heap: Bytes, overhead: Bytes) -> Option<u32> {
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
