//! The broadcast threshold: up to what size a table is sent whole to every executor for a join.

use crate::executor::driver::COPIES_OF_A_BROADCAST;
use crate::facts::ClusterFacts;
use crate::memory::Heap;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB};

/// `spark.sql.autoBroadcastJoinThreshold` as Spark has it when nobody sets it.
pub const SPARK_DEFAULT: Bytes = Bytes::mib(10);
/// A broadcast may take at most this part of the driver's unified memory, all its copies told.
pub const PART_OF_DRIVER: u64 = 2;

/// Decides the threshold: the policy's, but never more than the driver's memory surely holds.
#[must_use]
pub fn broadcast_threshold(policy: &ResolvedPolicy, driver_heap: Option<Bytes>) -> Decision<Bytes> {
    let wanted = Bytes::mib(u64::from(policy.temp_tables.broadcast_threshold_mb));
    let mut trace = Trace::new(
        "broadcast.threshold",
        "temp_tables.broadcast_threshold_mb; above Spark's 10 MiB at most an eighth of the driver's unified memory (four copies in half of it)",
        Unit::Bytes,
    )
    .input("broadcast_threshold_mb", wanted, Unit::Bytes, policy.origin("temp_tables.broadcast_threshold_mb"))
    .input("driver memory", driver_heap, Unit::Bytes, "driver")
    .unbounded(wanted);
    let mut value = wanted.get();
    if wanted > SPARK_DEFAULT {
        let holds = holds(driver_heap.unwrap_or_default());
        value = trace.at_most("what the driver's memory surely holds", holds.get(), value);
        let heap = Along {
            input: "a driver heap of",
            unit: Unit::Bytes,
            at: driver_heap.unwrap_or_default().get(),
            least: 0,
            most: u64::MAX,
            step: MIB,
        };
        trace = trace.flips(heap.flips(|heap| whole(self::holds(Bytes(heap)).min(wanted))));
    }
    trace.decide(whole(Bytes(value)), Grade::A)
}

/// The largest table of which a driver with this heap surely holds all copies; Spark's own threshold at least.
fn holds(driver_heap: Bytes) -> Bytes {
    let unified = Heap::new(driver_heap, &ClusterFacts::default()).unified().get();
    Bytes(unified / PART_OF_DRIVER / COPIES_OF_A_BROADCAST).max(SPARK_DEFAULT)
}

fn whole(bytes: Bytes) -> Bytes {
    Bytes(bytes.get() / MIB * MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_only_as_far_as_the_driver_holds() {
        let of = |mib, heap| {
            let mut policy = ResolvedPolicy::default();
            policy.temp_tables.broadcast_threshold_mb = mib;
            broadcast_threshold(&policy, heap).value
        };
        assert_eq!(of(5, None), Bytes::mib(5));
        assert_eq!(of(100, None), Bytes::mib(10));
        // (4096 - 300) * 0.6 / 8 = 284.7 MiB
        assert_eq!(of(100, Some(Bytes::gib(4))), Bytes::mib(100));
        assert_eq!(of(8192, Some(Bytes::gib(4))), Bytes::mib(284));
    }
}
