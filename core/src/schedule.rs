//! How long known tasks take on a number of slots: Spark's FIFO scheduling, played through.
//!
//! A stage's tasks wait until all stages that it reads from are done; a free slot takes the next task of the stage that has waited longest.
//! Only its tests ask it so far; the replay of recorded runs is what it is for.
//!
//! Source: the scheduler tests of Sparklens (qubole/sparklens, Apache-2.0).

use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// A stage of known tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// How long each task takes, in milliseconds, in the order in which they start.
    pub tasks_ms: Vec<u64>,
    /// The stages that it reads from, by their place; each stands before it, others don't count.
    pub after: Vec<usize>,
}

/// The wall time of these stages on this many slots (at least one), in milliseconds.
#[must_use]
pub fn wall_ms(stages: &[Stage], slots: u32) -> u64 {
    let mut waits_for: Vec<usize> = Vec::with_capacity(stages.len());
    let mut readers: Vec<Vec<usize>> = stages.iter().map(|_| Vec::new()).collect();
    for (index, stage) in stages.iter().enumerate() {
        let mut parents: Vec<usize> = stage.after.iter().copied().filter(|parent| *parent < index).collect();
        parents.sort_unstable();
        parents.dedup();
        waits_for.push(parents.len());
        for parent in parents {
            if let Some(readers) = readers.get_mut(parent) {
                readers.push(index);
            }
        }
    }
    let mut left: Vec<usize> = stages.iter().map(|stage| stage.tasks_ms.len()).collect();
    // Stages that may start, with their next task; stages that are done, whose readers are to be told.
    let mut waiting: VecDeque<(usize, usize)> = VecDeque::new();
    let mut ready: VecDeque<usize> = (0..stages.len()).filter(|stage| waits_for.get(*stage) == Some(&0)).collect();
    let mut running: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut now = 0_u64;
    loop {
        while let Some(stage) = ready.pop_front() {
            if left.get(stage) == Some(&0) {
                for reader in readers.get(stage).into_iter().flatten() {
                    if let Some(count) = waits_for.get_mut(*reader) {
                        *count -= 1;
                        if *count == 0 {
                            ready.push_back(*reader);
                        }
                    }
                }
            } else {
                waiting.push_back((stage, 0));
            }
        }
        while running.len() < slots.max(1) as usize
            && let Some((stage, task)) = waiting.front_mut()
        {
            match stages.get(*stage).and_then(|stage| stage.tasks_ms.get(*task)) {
                Some(took) => {
                    running.push(Reverse((now.saturating_add(*took), *stage)));
                    *task += 1;
                }
                None => {
                    waiting.pop_front();
                }
            }
        }
        let Some(Reverse((ended, stage))) = running.pop() else { return now };
        now = ended;
        if let Some(left) = left.get_mut(stage) {
            *left -= 1;
            if *left == 0 {
                ready.push_back(stage);
            }
        }
    }
}

/// The time below which no number of slots brings these stages: the longest way through them, each as long as its longest task.
#[must_use]
pub fn critical_path_ms(stages: &[Stage]) -> u64 {
    let mut ends: Vec<u64> = Vec::with_capacity(stages.len());
    for stage in stages {
        let start = stage.after.iter().filter_map(|parent| ends.get(*parent)).max().copied().unwrap_or(0);
        ends.push(start.saturating_add(stage.tasks_ms.iter().max().copied().unwrap_or(0)));
    }
    ends.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000;

    fn stage(tasks_ms: Vec<u64>, after: &[usize]) -> Stage {
        Stage { tasks_ms, after: after.to_vec() }
    }

    /// From the scheduler tests of Sparklens.
    #[test]
    fn stages_in_series_take_their_sum_on_any_slots() {
        let series: Vec<Stage> =
            (0..11_usize).map(|n| stage(vec![1], &n.checked_sub(1).into_iter().collect::<Vec<_>>())).collect();
        for slots in [1, 2, 3, 100] {
            assert_eq!(wall_ms(&series, slots), 11);
        }
        assert_eq!(critical_path_ms(&series), 11);
    }

    /// From the scheduler tests of Sparklens.
    #[test]
    fn parallel_stages_share_the_slots() {
        let mut stages: Vec<Stage> = (0..10).map(|_| stage(vec![1], &[])).collect();
        stages.push(stage(vec![1], &(0..10).collect::<Vec<_>>()));
        for (slots, expected) in [(1, 11), (2, 6), (3, 5), (4, 4), (10, 2)] {
            assert_eq!(wall_ms(&stages, slots), expected, "{slots} slots");
        }
        assert_eq!(critical_path_ms(&stages), 2);
    }

    /// Two jobs of 8 tasks of a minute, one after the other (`job_spark_shell` of aws-emr-advisor, MIT-0).
    #[test]
    fn two_jobs_of_eight_tasks() {
        let jobs = [stage(vec![MINUTE; 8], &[]), stage(vec![MINUTE; 8], &[0])];
        for (slots, minutes) in [(4, 4), (8, 2), (16, 2)] {
            assert_eq!(wall_ms(&jobs, slots), minutes * MINUTE, "{slots} slots");
        }
        let together = [stage(vec![MINUTE; 8], &[]), stage(vec![MINUTE; 8], &[])];
        assert_eq!(wall_ms(&together, 16), MINUTE, "the ideal");
    }

    #[test]
    fn what_makes_no_sense_is_no_trouble() {
        assert_eq!(wall_ms(&[], 4), 0);
        assert_eq!(wall_ms(&[stage(vec![], &[0, 7]), stage(vec![5], &[0, 0, 1])], 0), 5);
        assert_eq!(wall_ms(&[stage(vec![u64::MAX, u64::MAX], &[])], 1), u64::MAX);
    }

    proptest! {
        #[test]
        fn more_slots_of_independent_tasks_are_never_slower_than_twice_the_ideal(
            tasks in prop::collection::vec(1..1000_u64, 1..60), slots in 1..20_u32,
        ) {
            let stages = [stage(tasks.clone(), &[])];
            let ideal = tasks.iter().sum::<u64>().div_ceil(u64::from(slots)).max(critical_path_ms(&stages));
            let took = wall_ms(&stages, slots);
            // Graham's bound for list scheduling.
            prop_assert!((ideal..=2 * ideal).contains(&took), "{took} against {ideal}");
        }
    }
}
