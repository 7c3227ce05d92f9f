//! How long executors take to start.

use alloc::vec::Vec;

/// From asking to registration, in microseconds, by how many executors were asked for before it while the same tasks waited: executors that start
/// together share machines and a manager, and the first of seven is there long before the last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartTimes {
    /// Of the first, of the second, of the third and fourth, of the fifth to the eighth, and so on. Those of a group are used in turn.
    pub(crate) groups: Vec<Vec<i64>>,
}

impl StartTimes {
    /// All alike, in turn.
    #[must_use]
    pub fn alike(us: &[i64]) -> Self {
        Self { groups: [us.to_vec()].to_vec() }
    }

    /// Each with the number of those that were asked for before it.
    #[must_use]
    pub fn measured(times: impl IntoIterator<Item = (usize, i64)>) -> Self {
        let mut groups: Vec<Vec<i64>> = Vec::new();
        for (before, us) in times {
            let group = group(before);
            groups.resize_with(groups.len().max(group + 1), Vec::new);
            if let Some(group) = groups.get_mut(group) {
                group.push(us);
            }
        }
        // What was never seen is like the next smaller number that was, or else like the smallest.
        let smallest = groups.iter().find(|group| !group.is_empty()).cloned().unwrap_or_default();
        let mut known = smallest;
        for group in &mut groups {
            if group.is_empty() {
                group.clone_from(&known);
            } else {
                known.clone_from(group);
            }
        }
        Self { groups }
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(Vec::is_empty)
    }

    /// These, each changed.
    #[must_use]
    pub fn each(&self, mut changed: impl FnMut(i64) -> i64) -> Self {
        let groups = self.groups.iter().map(|group| group.iter().map(|us| changed(*us)).collect()).collect();
        Self { groups }
    }

    /// The groups, each at least so long, repeated from its first time.
    pub(crate) fn repeated(&self, times: usize) -> Self {
        let long = |group: &Vec<i64>| group.iter().copied().cycle().take(times.max(group.len())).collect();
        Self { groups: self.groups.iter().map(long).collect() }
    }
}

/// The group of an executor with so many asked for before it.
fn group(before: usize) -> usize {
    before.checked_ilog2().map_or(0, |log| log as usize + 1)
}

/// Start times as they are used up.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// How many of each group were used.
    used: Vec<usize>,
    /// Executors asked for since tasks began to wait.
    before: usize,
}

impl Starts {
    /// No task waits.
    pub(super) const fn none_waits(&mut self) {
        self.before = 0;
    }

    /// The next executor's, of these.
    pub(super) fn next(&mut self, times: &StartTimes) -> i64 {
        let place = group(self.before).min(times.groups.len().saturating_sub(1));
        self.before += 1;
        self.used.resize(self.used.len().max(place + 1), 0);
        let (Some(group), Some(used)) = (times.groups.get(place), self.used.get_mut(place)) else { return 0 };
        let us = in_turn(group, *used);
        *used += 1;
        us
    }
}

/// The value whose turn it is, again from the first when all were used; 0 of none.
pub(super) fn in_turn(values: &[i64], turn: usize) -> i64 {
    turn.checked_rem(values.len()).and_then(|place| values.get(place)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nexts(times: &StartTimes, starts: &mut Starts, count: usize) -> Vec<i64> {
        (0..count).map(|_| starts.next(times)).collect()
    }

    #[test]
    fn an_executor_starts_as_late_as_those_did_that_as_many_were_asked_for_before() {
        // One alone, then seven together.
        let times = StartTimes::measured([(0, 2), (1, 5), (2, 7), (3, 8), (4, 9), (5, 10), (6, 11), (0, 1)]);
        let mut starts = Starts::default();
        assert_eq!(nexts(&times, &mut starts, 3), [2, 5, 7]);
        starts.none_waits();
        assert_eq!(nexts(&times, &mut starts, 9), [1, 5, 8, 7, 9, 10, 11, 9, 10]);
    }

    #[test]
    fn what_was_never_seen_is_like_the_next_smaller_number_that_was() {
        let times = StartTimes::measured([(1, 5), (6, 9)]);
        assert_eq!(nexts(&times, &mut Starts::default(), 5), [5, 5, 5, 5, 9]);
        assert_eq!(nexts(&StartTimes::default(), &mut Starts::default(), 2), [0, 0]);
        assert_eq!(nexts(&StartTimes::alike(&[3, 4]), &mut Starts::default(), 3), [3, 4, 3]);
        assert!(StartTimes::default().is_empty() && StartTimes::alike(&[]).is_empty() && !times.is_empty());
    }
}
