//! What intervals of time cover, each moment counted once.

/// Intervals that touch are one. Cheap where they come about in the order of their ends, as Spark's events do.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered {
    /// Apart from each other and in their order.
    intervals: Vec<(u64, u64)>,
}

impl Covered {
    /// Adds what lies between two moments; nothing where the second is not after the first.
    pub(super) fn add(&mut self, from_ms: u64, to_ms: u64) {
        if from_ms >= to_ms {
            return;
        }
        let after = self.intervals.iter().rev().take_while(|(from, _)| *from > to_ms).count();
        let end = self.intervals.len() - after;
        let before = self.intervals.get(..end).unwrap_or_default();
        let touching = before.iter().rev().take_while(|(_, to)| *to >= from_ms).count();
        let start = end - touching;
        let met = self.intervals.get(start..end).unwrap_or_default();
        let from = met.first().map_or(from_ms, |(from, _)| from_ms.min(*from));
        let to = met.last().map_or(to_ms, |(_, to)| to_ms.max(*to));
        self.intervals.splice(start..end, [(from, to)]);
    }

    /// Adds everything that another covers.
    pub(super) fn add_all(&mut self, other: &Self) {
        other.intervals.iter().for_each(|(from, to)| self.add(*from, *to));
    }

    /// The length of it all.
    pub(super) fn ms(&self) -> u64 {
        self.intervals.iter().map(|(from, to)| to - from).sum()
    }
}

impl FromIterator<(u64, u64)> for Covered {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(intervals: I) -> Self {
        let mut sorted: Vec<(u64, u64)> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut covered = Self::default();
        sorted.into_iter().for_each(|(from, to)| covered.add(from, to));
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_counts_once_in_whatever_order_intervals_come() {
        let parts = [(10, 20), (0, 5), (18, 30), (30, 31), (4, 6), (40, 40), (50, 45), (7, 9)];
        // By marking each moment.
        let marked = (0..60).filter(|at| parts.iter().any(|(from, to)| from <= at && at < to)).count() as u64;
        for turned in 0..parts.len() {
            let mut turned_parts = parts;
            turned_parts.rotate_left(turned);
            let mut covered = Covered::default();
            turned_parts.iter().for_each(|(from, to)| covered.add(*from, *to));
            assert_eq!(covered.ms(), marked, "{turned_parts:?}");
            assert_eq!(covered.intervals, [(0, 6), (7, 9), (10, 31)]);
        }
        assert_eq!(parts.into_iter().collect::<Covered>().ms(), marked);
    }

    #[test]
    fn one_that_spans_many_swallows_them() {
        let mut covered: Covered = (0..100).map(|n| (n * 10, n * 10 + 5)).collect();
        assert_eq!((covered.ms(), covered.intervals.len()), (500, 100));
        covered.add_all(&[(12, 903)].into_iter().collect());
        assert_eq!(covered.intervals.len(), 11);
        covered.add(0, 10_000);
        assert_eq!(covered.ms(), 10_000);
    }
}
