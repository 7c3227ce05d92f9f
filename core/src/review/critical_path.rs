//! The longest chain of tasks that wait for each other, which no number of executors makes shorter.
//!
//! A stage takes at least as long as its longest task, and begins when its parents have ended; jobs that ran at the same time are taken to
//! wait for each other's longest only (Sparklens, Apache-2.0, measures it so). Whoever has a run's events asks for it here, so that a run
//! and a declared stage are measured alike.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A stage of a job: its longest task and the stages that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The longest task's time.
    pub longest_task_ms: u64,
    /// The stages that it reads, by id.
    pub parents: Vec<i64>,
}

/// A job, from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// Its stages, by id.
    pub stages: Vec<i64>,
    /// When it started, Unix time.
    pub from_ms: u64,
    /// When it ended, Unix time.
    pub to_ms: u64,
}

/// The length of the chain over all jobs, by their stages' ids.
#[must_use]
pub fn critical_path_ms(steps: &BTreeMap<i64, Step>, jobs: impl IntoIterator<Item = Job>) -> u64 {
    let mut jobs: Vec<Job> = jobs.into_iter().collect();
    jobs.sort_by_key(|job| job.from_ms);
    let mut sum = 0_u64;
    // Jobs that overlap: the end of the last of them, and the longest chain among them.
    let (mut until, mut longest) = (0_u64, 0_u64);
    for job in &jobs {
        if job.from_ms >= until {
            sum = sum.saturating_add(longest);
            longest = 0;
        }
        until = until.max(job.to_ms);
        longest = longest.max(chain_ms(steps, job));
    }
    sum.saturating_add(longest)
}

/// The length of chains that follow each other, as the declared stages of a pipeline do; unknown where one of them is or there is none.
#[must_use]
pub fn in_series(chains_ms: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    chains_ms.into_iter().reduce(|sum, next| Some(sum?.saturating_add(next?))).flatten()
}

/// The longest chain of a job's stages.
fn chain_ms(steps: &BTreeMap<i64, Step>, job: &Job) -> u64 {
    // A parent has a smaller id than its child: in this order every parent is known first.
    let mut stages = job.stages.clone();
    stages.sort_unstable();
    let mut ends: BTreeMap<i64, u64> = BTreeMap::new();
    for stage in stages {
        let Some(step) = steps.get(&stage) else { continue };
        let ready = step.parents.iter().filter_map(|parent| ends.get(parent)).max().copied().unwrap_or(0);
        ends.insert(stage, ready.saturating_add(step.longest_task_ms));
    }
    ends.into_values().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_waited_for_and_jobs_at_the_same_time_are_not() {
        let step = |longest_task_ms, parents: &[i64]| Step { longest_task_ms, parents: parents.to_vec() };
        let steps = BTreeMap::from([(0, step(10, &[])), (1, step(30, &[])), (2, step(5, &[0, 1])), (3, step(50, &[]))]);
        let job = |stages: &[i64], from_ms, to_ms| Job { stages: stages.to_vec(), from_ms, to_ms };
        assert_eq!(critical_path_ms(&steps, [job(&[2, 0, 1], 0, 100)]), 35);
        assert_eq!(critical_path_ms(&steps, [job(&[0, 1, 2], 0, 100), job(&[3], 100, 200)]), 85);
        assert_eq!(critical_path_ms(&steps, [job(&[3], 50, 200), job(&[0, 1, 2], 0, 100)]), 50);
        assert_eq!(critical_path_ms(&steps, [job(&[7], 0, 1)]), 0);
        assert_eq!(critical_path_ms(&steps, []), 0);
    }

    #[test]
    fn chains_in_series_add_up_while_all_are_known() {
        for (chains, all) in [
            (&[Some(3), Some(4)][..], Some(7)),
            (&[Some(3), None, Some(4)], None),
            (&[None], None),
            (&[Some(u64::MAX), Some(1)], Some(u64::MAX)),
            (&[], None),
        ] {
            assert_eq!(in_series(chains.iter().copied()), all, "{chains:?}");
        }
    }
}
