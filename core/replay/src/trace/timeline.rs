//! A number that changes over time.

use alloc::vec::Vec;

/// The sum of all changes up to a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    /// Times, each once and rising, and the sum from then on.
    steps: Vec<(i64, i64)>,
}

impl Timeline {
    /// Of changes, each a time and by how much.
    pub(super) fn of(mut changes: Vec<(i64, i64)>) -> Self {
        changes.sort_unstable();
        let mut steps: Vec<(i64, i64)> = Vec::with_capacity(changes.len());
        let mut sum = 0;
        for (at, by) in changes {
            sum += by;
            match steps.last_mut() {
                Some(last) if last.0 == at => last.1 = sum,
                _ => steps.push((at, sum)),
            }
        }
        Self { steps }
    }

    /// The sum at a time, changes at that very time included.
    pub(super) fn at(&self, time: i64) -> i64 {
        let after = self.steps.partition_point(|(at, _)| *at <= time);
        after.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |(_, sum)| *sum)
    }
}

/// The most intervals that hold at the same time; 1 at least.
pub(super) fn most_at_once(intervals: impl Iterator<Item = (i64, i64)>) -> u32 {
    let mut changes: Vec<(i64, i64)> = intervals.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    // One that ends at a time makes room for one that begins then.
    changes.sort_unstable();
    let (mut now, mut most) = (0_i64, 1_i64);
    for (_, by) in changes {
        now += by;
        most = most.max(now);
    }
    u32::try_from(most).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn sums_up_to_a_time() {
        let timeline = Timeline::of(vec![(10, 4), (5, 1), (10, -2)]);
        assert_eq!([4, 5, 9, 10, 11].map(|at| timeline.at(at)), [0, 1, 1, 3, 3]);
        assert_eq!(Timeline::default().at(3), 0);
    }

    #[test]
    fn intervals_that_touch_do_not_overlap() {
        assert_eq!(most_at_once([(0, 5), (5, 9), (4, 6)].into_iter()), 2);
        assert_eq!(most_at_once([].into_iter()), 1);
    }
}
