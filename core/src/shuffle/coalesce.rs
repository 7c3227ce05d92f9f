//! How adaptive execution will coalesce shuffle partitions: Spark's own algorithm.
//!
//! Source: `ShufflePartitionsUtil.coalescePartitions` of Apache Spark 4.3.0, without skew handling. With
//! `target = max(smallest, min(advisory, ceil(total / least partitions)))`, contiguous partitions are merged while their sum stays
//! within the target; a piece under the smallest size joins the smaller of its neighbours; what is empty gets no task.

use alloc::vec::Vec;
use core::ops::Range;

use crate::units::Bytes;

/// What Spark coalesces by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coalescing {
    /// `spark.sql.adaptive.advisoryPartitionSizeInBytes`.
    pub advisory: Bytes,
    /// `spark.sql.adaptive.coalescePartitions.minPartitionSize`.
    pub smallest: Bytes,
    /// At least this many partitions are wanted: the default parallelism with `parallelismFirst`, 1 without.
    pub least_partitions: u32,
}

/// The partitions that tasks will read, as ranges of shuffle partitions. `shuffles` holds the sizes of the partitions of each shuffle
/// that the tasks read together. `None` where Spark leaves the partitions as they are: the shuffles differ in their number of partitions,
/// or nothing can be merged.
#[must_use]
pub fn coalesce(shuffles: &[&[u64]], by: &Coalescing) -> Option<Vec<Range<usize>>> {
    let partitions = shuffles.first()?.len();
    if shuffles.iter().any(|sizes| sizes.len() != partitions) {
        return None;
    }
    let sizes: Vec<u64> = (0..partitions)
        .map(|at| shuffles.iter().filter_map(|sizes| sizes.get(at)).fold(0, |sum: u64, size| sum.saturating_add(*size)))
        .collect();
    let total = sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size));
    let even = total.div_ceil(u64::from(by.least_partitions.max(1)));
    let target = even.min(by.advisory.get()).max(by.smallest.get());
    let ranges = merge(&sizes, target, by.smallest.get());
    (ranges.len() < partitions).then_some(ranges)
}

fn merge(sizes: &[u64], target: u64, smallest: u64) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    // The piece that grows: where it starts and its size; and the size of the one before it.
    let (mut start, mut size, mut before) = (0, 0_u64, 0_u64);
    for (at, next) in sizes.iter().copied().enumerate() {
        if at == start || size.saturating_add(next) <= target {
            size = size.saturating_add(next);
        } else if size >= smallest {
            if size > 0 {
                ranges.push(start..at);
            }
            (before, start, size) = (size, at, next);
        } else if before > 0 && before < next {
            extend(&mut ranges, at);
            (before, start, size) = (before.saturating_add(size), at, next);
        } else {
            size = size.saturating_add(next);
        }
    }
    if size < smallest && before > 0 {
        extend(&mut ranges, sizes.len());
    } else if size > 0 || ranges.is_empty() {
        ranges.push(start..sizes.len());
    }
    ranges
}

fn extend(ranges: &mut [Range<usize>], end: usize) {
    if let Some(last) = ranges.last_mut() {
        last.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(shuffles: &[&[u64]], advisory: u64, least_partitions: u32, smallest: u64) -> Option<Vec<(usize, usize)>> {
        let by = Coalescing { advisory: Bytes(advisory), smallest: Bytes(smallest), least_partitions };
        coalesce(shuffles, &by).map(|ranges| ranges.into_iter().map(|range| (range.start, range.end)).collect())
    }

    /// The cases of Spark's `ShufflePartitionsUtilSuite`: target 100, smallest size 0.
    #[test]
    fn one_shuffle_as_spark_does_it() {
        for (sizes, expected) in [
            ([10, 0, 20, 0, 0], Some(alloc::vec![(0, 5)])),
            ([10, 0, 90, 20, 0], Some(alloc::vec![(0, 3), (3, 5)])),
            ([110, 10, 100, 110, 0], Some(alloc::vec![(0, 1), (1, 2), (2, 3), (3, 4)])),
            ([30, 30, 0, 40, 110], Some(alloc::vec![(0, 4), (4, 5)])),
            ([100, 110, 100, 110, 110], None),
        ] {
            assert_eq!(ranges(&[&sizes], 100, 1, 0), expected, "{sizes:?}");
        }
    }

    /// From the same suite.
    #[test]
    fn two_shuffles_are_read_together() {
        assert_eq!(
            ranges(&[&[0, 10, 0, 20, 0], &[30, 0, 70, 0, 30]], 100, 1, 0),
            Some(alloc::vec![(0, 2), (2, 4), (4, 5)])
        );
        assert_eq!(ranges(&[&[10, 5, 5, 0, 20], &[5, 10, 0, 10, 5]], 100, 2, 0), Some(alloc::vec![(0, 3), (3, 5)]));
        assert_eq!(ranges(&[&[1, 1], &[1, 1, 1]], 100, 1, 0), None, "different numbers of partitions");
    }

    #[test]
    fn a_small_piece_joins_its_smaller_neighbour() {
        // 0.5 between two of 64: over the target with either, so by size.
        assert_eq!(ranges(&[&[64, 1, 70]], 64, 1, 2), Some(alloc::vec![(0, 2), (2, 3)]));
        assert_eq!(ranges(&[&[70, 1, 64]], 64, 1, 2), Some(alloc::vec![(0, 1), (1, 3)]));
        assert_eq!(ranges(&[&[64, 1]], 64, 1, 2), Some(alloc::vec![(0, 2)]), "the last one too");
    }

    #[test]
    fn degenerate_shuffles_are_no_trouble() {
        assert_eq!(ranges(&[], 100, 1, 0), None);
        assert_eq!(ranges(&[&[]], 100, 1, 0), None);
        assert_eq!(ranges(&[&[0, 0, 0]], 100, 0, 0), Some(alloc::vec![(0, 3)]), "one empty task at least");
        assert_eq!(ranges(&[&[u64::MAX, u64::MAX]], u64::MAX, 1, u64::MAX), Some(alloc::vec![(0, 2)]));
    }
}
