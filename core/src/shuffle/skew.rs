//! Which shuffle partitions Spark takes for skewed, and into how large pieces it splits them.
//!
//! Source: `OptimizeSkewedJoin` of Apache Spark 4.3.0: skewed above `max(threshold, factor * median)`; a skewed partition is split into
//! pieces of the mean size of the others, at least the advisory size.

use alloc::vec::Vec;

use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, floor_u64};

/// `spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes`.
pub const DEFAULT_THRESHOLD: Bytes = Bytes::mib(256);
/// `spark.sql.adaptive.skewJoin.skewedPartitionFactor`.
pub const DEFAULT_FACTOR: f64 = 5.0;

/// A partition is worth splitting from this many advisory sizes on: Spark's own documentation wants more than one.
pub const ADVISORY_SIZES_OF_SKEW: u64 = 2;

/// From what size on adaptive execution may split a partition of a shuffle whose keys are known to be uneven.
#[must_use]
pub fn split_from(advisory: Bytes) -> Decision<Bytes> {
    let wanted = advisory.get().saturating_mul(ADVISORY_SIZES_OF_SKEW);
    let mut trace = Trace::new(
        "shuffle.skew_threshold",
        "the key is skewed, so large partitions are split; from 2 * advisory size, at most Spark's own threshold",
        Unit::Bytes,
    )
    .input("advisory size", advisory, Unit::Bytes, "shuffle.advisory_size")
    .unbounded(wanted);
    let value = trace.at_most("Spark's own threshold", DEFAULT_THRESHOLD.get(), wanted);
    trace.decide(Bytes(value), Grade::C)
}

/// The size above which a partition of this shuffle is skewed.
#[must_use]
pub fn skew_threshold(sizes: &[u64], threshold: Bytes, factor: f64) -> Bytes {
    Bytes(threshold.get().max(floor_u64(median(sizes).max(1) as f64 * factor)))
}

/// Whether any partition of this shuffle is skewed by Spark's defaults.
#[must_use]
pub fn any_skewed(sizes: &[Bytes]) -> bool {
    let sizes: Vec<u64> = sizes.iter().map(|size| size.get()).collect();
    let above = skew_threshold(&sizes, DEFAULT_THRESHOLD, DEFAULT_FACTOR).get();
    sizes.iter().any(|size| *size > above)
}

/// The size of the pieces that a skewed partition is split into.
#[must_use]
pub fn skewed_piece(sizes: &[u64], skewed_above: Bytes, advisory: Bytes) -> Bytes {
    let (count, sum) = sizes
        .iter()
        .filter(|size| **size <= skewed_above.get())
        .fold((0_u64, 0_u128), |(count, sum), size| (count + 1, sum + u128::from(*size)));
    let mean = sum.checked_div(u128::from(count)).unwrap_or(0);
    // A mean is not above the largest of its values.
    advisory.max(Bytes(u64::try_from(mean).unwrap_or(u64::MAX)))
}

/// The median as Spark takes it: of an even number the mean of the two in the middle, rounded down; 0 of none.
#[must_use]
pub fn median(sizes: &[u64]) -> u64 {
    let mut sorted: Vec<u64> = sizes.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or(0);
    match middle.checked_sub(1).and_then(|lower| sorted.get(lower)) {
        Some(lower) if sorted.len().is_multiple_of(2) => lower.midpoint(upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::MIB;

    /// Spark's `OptimizeSkewedJoin`: skewed above max(256 MiB, 5 * median).
    #[test]
    fn skewed_is_far_above_the_median_and_large() {
        let of = |sizes: &[u64]| skew_threshold(sizes, DEFAULT_THRESHOLD, DEFAULT_FACTOR);
        assert_eq!(of(&[MIB, 2 * MIB, 900 * MIB]), Bytes::mib(256));
        assert_eq!(of(&[100 * MIB, 200 * MIB, 900 * MIB]), Bytes::mib(1000));
        assert_eq!(of(&[]), Bytes::mib(256));
        assert_eq!(of(&[u64::MAX; 2]), Bytes(u64::MAX));
    }

    #[test]
    fn a_skewed_partition_is_split_to_the_size_of_the_others() {
        let sizes = [100 * MIB, 200 * MIB, 9000 * MIB];
        assert_eq!(skewed_piece(&sizes, Bytes::mib(1000), Bytes::mib(64)), Bytes::mib(150));
        assert_eq!(skewed_piece(&sizes, Bytes::mib(1000), Bytes::mib(256)), Bytes::mib(256));
        assert_eq!(skewed_piece(&[], Bytes(0), Bytes(7)), Bytes(7));
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        for (sizes, expected) in
            [(&[][..], 0), (&[7], 7), (&[9, 1], 5), (&[3, 1, 2], 2), (&[u64::MAX, u64::MAX], u64::MAX)]
        {
            assert_eq!(median(sizes), expected, "{sizes:?}");
        }
    }
}
