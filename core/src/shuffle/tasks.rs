//! How many tasks will read a shuffle whose partitions are known: coalesced and split as Spark itself does it.

use alloc::vec::Vec;

use super::coalesce::{Coalescing, coalesce};
use super::{SMALLEST_ADVISORY, ShuffleFacts, skew};
use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, saturating_u32};

/// The tasks that read partitions of these sizes; nothing where no sizes are known.
///
/// Without adaptive execution one a partition. With it, skewed partitions are split into pieces ([`skew::skewed_piece`]) and the others
/// merged up to the advisory size ([`coalesce`]). Spark splits skewed partitions of joins alone.
#[must_use]
pub fn shuffle_tasks(sizes: &[Bytes], facts: &ShuffleFacts, advisory: Bytes) -> Option<Decision<u32>> {
    if sizes.is_empty() {
        return None;
    }
    let sizes: Vec<u64> = sizes.iter().map(|size| size.get()).collect();
    let above = skew::skew_threshold(&sizes, skew::DEFAULT_THRESHOLD, skew::DEFAULT_FACTOR);
    let piece = skew::skewed_piece(&sizes, above, advisory);
    let (skewed, even): (Vec<u64>, Vec<u64>) = sizes.iter().partition(|size| **size > above.get());
    let by = Coalescing { advisory, smallest: SMALLEST_ADVISORY, least_partitions: 1 };
    let merged = coalesce(&[&even], &by).map_or(even.len(), |ranges| ranges.len());
    let pieces = skewed.iter().fold(0, |sum: u64, size| sum.saturating_add(size.div_ceil(piece.get().max(1))));
    let value = if facts.adaptive { (merged as u64).saturating_add(pieces) } else { sizes.len() as u64 };
    let trace = Trace::new(
        "shuffle.tasks",
        "the partitions after adaptive execution; contiguous ones coalesced up to the advisory size, skewed ones (over 256 MiB and 5 \
         medians) split into pieces of the mean of the others (ShufflePartitionsUtil, OptimizeSkewedJoin)",
        Unit::Tasks,
    )
    .input("shuffle partitions", sizes.len() as u64, Unit::Partitions, "measured")
    .input("skewed partitions", skewed.len() as u64, Unit::Partitions, "measured")
    .input("skewed from", above, Unit::Bytes, "")
    .input("pieces of a skewed one", piece, Unit::Bytes, "")
    .input("advisory size", advisory, Unit::Bytes, "shuffle.advisory_size")
    .unbounded(sizes.len() as u64);
    Some(trace.decide(saturating_u32(value), Grade::A))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClusterFacts;
    use crate::memory::Heap;
    use crate::shuffle::Spill;

    fn tasks(mib: &[u64], adaptive: bool) -> Option<u32> {
        let heap = Heap::new(Bytes::gib(8), &ClusterFacts::default());
        let facts = ShuffleFacts {
            bytes: None,
            from: "plan",
            grade: Grade::A,
            slots: 8,
            heap,
            cores: 4,
            adaptive,
            spill: Spill::None,
        };
        let sizes: Vec<Bytes> = mib.iter().copied().map(Bytes::mib).collect();
        shuffle_tasks(&sizes, &facts, Bytes::mib(128)).map(|tasks| tasks.value)
    }

    #[test]
    fn small_partitions_are_merged_and_skewed_ones_split() {
        assert_eq!(tasks(&[], true), None);
        assert_eq!(tasks(&[32; 16], true), Some(4));
        assert_eq!(tasks(&[32; 16], false), Some(16));
        // 1000 MiB in pieces of 128, and the other 15 * 32 MiB merged.
        let mut skewed = [32; 16];
        skewed[3] = 1_000;
        assert_eq!(tasks(&skewed, true), Some(8 + 4));
        assert_eq!(tasks(&[0; 16], true), Some(1));
    }
}
