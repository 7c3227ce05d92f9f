//! How Spark divides an executor's heap. Source: `UnifiedMemoryManager` of Apache Spark and its tuning guide.

use serde::{Deserialize, Serialize};

use crate::facts::ClusterFacts;
use crate::policy::ResolvedPolicy;
use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB, floor_u64};

/// Heap that Spark keeps for itself (`RESERVED_SYSTEM_MEMORY_BYTES`).
pub const RESERVED: Bytes = Bytes::mib(300);
/// A heap under this is refused by Spark (1.5 times the reserve).
pub const SMALLEST_HEAP: Bytes = Bytes::mib(450);
/// The least memory beside the heap of an executor (`spark.executor.minMemoryOverhead`).
pub const SMALLEST_OVERHEAD: Bytes = Bytes::mib(384);
/// Memory beside the heap, as a share of it (`spark.executor.memoryOverheadFactor`).
pub const OVERHEAD_FACTOR: f64 = 0.10;
/// A heap as Spark has it when nobody sets one (`spark.executor.memory`, `spark.driver.memory`).
pub const DEFAULT_HEAP: Bytes = Bytes::gib(1);
/// What results of a job may take as Spark has it when nobody sets it (`spark.driver.maxResultSize`).
pub const DEFAULT_RESULTS: Bytes = Bytes::gib(1);
/// `spark.memory.fraction` as Spark has it when nobody sets it.
pub const DEFAULT_MEMORY_FRACTION: f64 = 0.6;
/// `spark.memory.storageFraction` as Spark has it when nobody sets it.
pub const DEFAULT_STORAGE_FRACTION: f64 = 0.5;

/// The heap of an executor or of the driver where the policy plans no memory: Spark's own.
pub(crate) fn left_to_spark(policy: &ResolvedPolicy, trace: Trace) -> Decision<Bytes> {
    trace
        .input("memory_management", false, Unit::None, policy.origin("pipeline.memory_management"))
        .unbounded(DEFAULT_HEAP)
        .note("Spark's own default")
        .decide(DEFAULT_HEAP, Grade::C)
}

/// The heap of one executor and how it is divided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Heap {
    /// The whole heap, H.
    pub heap_bytes: Bytes,
    /// `spark.memory.fraction`, f.
    pub memory_fraction: f64,
    /// `spark.memory.storageFraction`, s.
    pub storage_fraction: f64,
}

impl Heap {
    /// A heap of this size, divided as the user's settings or else Spark's own say.
    #[must_use]
    pub fn new(heap_bytes: Bytes, cluster: &ClusterFacts) -> Self {
        let share = |key| cluster.user(key)?.trim().parse().ok();
        Self::known(Some(heap_bytes), share("spark.memory.fraction"), share("spark.memory.storageFraction"))
    }

    /// A heap as far as it is known; what is not, or is no share, is Spark's own default.
    #[must_use]
    pub fn known(heap_bytes: Option<Bytes>, memory_fraction: Option<f64>, storage_fraction: Option<f64>) -> Self {
        let share = |share: Option<f64>, default| share.filter(|share| (0.0..=1.0).contains(share)).unwrap_or(default);
        Self {
            heap_bytes: heap_bytes.unwrap_or(DEFAULT_HEAP),
            memory_fraction: share(memory_fraction, DEFAULT_MEMORY_FRACTION),
            storage_fraction: share(storage_fraction, DEFAULT_STORAGE_FRACTION),
        }
    }

    /// Memory for execution and storage together: `(H - R) * f`.
    #[must_use]
    pub fn unified(self) -> Bytes {
        Bytes(self.heap_bytes.get().saturating_sub(RESERVED.get())).share(self.memory_fraction)
    }

    /// Storage memory that execution can't take back: `(H - R) * f * s`.
    #[must_use]
    pub fn protected_storage(self) -> Bytes {
        Bytes(floor_u64(
            self.heap_bytes.get().saturating_sub(RESERVED.get()) as f64 * self.memory_fraction * self.storage_fraction,
        ))
    }

    /// Execution memory that one task of `cores` at a time can count on: `(H - R) * f / c`.
    #[must_use]
    pub fn execution_per_core(self, cores: u32) -> Bytes {
        Bytes(self.unified().get() / u64::from(cores.max(1)))
    }
}

/// Memory beside the heap: `max(384 MiB, factor * H)`, in whole MiB.
#[must_use]
pub fn overhead(heap: Bytes, factor: f64) -> Bytes {
    let bytes = floor_u64(heap.get() as f64 * factor).max(SMALLEST_OVERHEAD.get());
    Bytes(bytes.div_ceil(MIB).saturating_mul(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spark's `UnifiedMemoryManager`: (heap - 300 MiB) * `spark.memory.fraction` (0.6), half of it protected for storage.
    #[test]
    fn a_heap_of_4_gib_divides_as_in_spark() {
        let heap = Heap::new(Bytes::gib(4), &ClusterFacts::default());
        let tenth_mib = |bytes: Bytes| (bytes.get() * 10 + MIB / 2) / MIB;
        assert_eq!(tenth_mib(heap.unified()), 22_776);
        assert_eq!(tenth_mib(heap.protected_storage()), 11_388);
        assert_eq!(overhead(Bytes::gib(4), 0.10).whole_mib(), 410);
        assert_eq!(overhead(Bytes::gib(1), 0.10), SMALLEST_OVERHEAD);
        assert_eq!(overhead(Bytes::gib(4), 0.40).whole_mib(), 1639);
    }

    #[test]
    fn what_is_not_known_is_as_spark_has_it() {
        let spark = Heap::known(None, None, None);
        assert_eq!((spark.heap_bytes, spark.memory_fraction, spark.storage_fraction), (Bytes::gib(1), 0.6, 0.5));
        for no_share in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            assert_eq!(Heap::known(None, Some(no_share), Some(no_share)), spark, "{no_share}");
        }
        let told = Heap::known(Some(Bytes(0)), Some(0.0), Some(1.0));
        assert_eq!((told.heap_bytes, told.memory_fraction, told.storage_fraction), (Bytes(0), 0.0, 1.0));
    }

    #[test]
    fn a_tiny_heap_has_no_room_and_no_underflow() {
        let heap = Heap::new(Bytes::mib(100), &ClusterFacts::default());
        assert_eq!(heap.unified(), Bytes(0));
        assert_eq!(heap.execution_per_core(0), Bytes(0));
    }
}
