//! Spark's own ramp: how many executors the present tasks could fill, and how fast to get there.
//!
//! Source: `ExecutorAllocationManager` of Apache Spark (`maxNumExecutorsNeeded`, `addExecutors`). The guards of this
//! policy act after it, so that its published vectors hold as they are.

use crate::executor::slots::executors_for;
use crate::units::{ceil_u64, saturating_u32};

/// How long a backlog lasts between two steps of the ramp:
/// the default of `spark.dynamicAllocation.sustainedSchedulerBacklogTimeout`.
pub(super) const SUSTAINED_BACKLOG_MS: u64 = 1_000;

/// The executors that `tasks` running and waiting tasks fill, times `ratio`
/// (`spark.dynamicAllocation.executorAllocationRatio`; anything but a number within 0..1 is taken as 1).
pub(super) fn need(tasks: u64, tasks_an_executor: u32, ratio: f64) -> u32 {
    if ratio > 0.0 && ratio < 1.0 {
        saturating_u32(ceil_u64(tasks as f64 * ratio / f64::from(tasks_an_executor.max(1))))
    } else {
        saturating_u32(executors_for(tasks, tasks_an_executor))
    }
}

/// The target after a step of `step` executors from `target` towards `need`. The `present` executors are never ramped up
/// to: they are there. The bounds come later.
pub(super) fn step(target: u32, present: u32, need: u32, step: u32) -> u32 {
    let boosted = target.max(present).saturating_add(step.max(1));
    boosted.min(need).max(target)
}

/// How much the step adds that follows one of `step` which, after all bounds, took the target from `before` to `now`:
/// twice as much when all of it was added, and 1 otherwise.
pub(super) fn after(step: u32, before: u32, now: u32) -> u32 {
    if now.checked_sub(before) == Some(step.max(1)) { step.max(1).saturating_mul(2) } else { 1 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use alloc::vec::Vec;

    /// Targets of `ticks` steps in a row under a lasting backlog.
    fn climb(start: u32, need: u32, least: u32, most: u32, ticks: usize) -> Vec<u32> {
        let (mut target, mut add) = (start, 1);
        (0..ticks)
            .map(|_| {
                let next = step(target, 0, need, add).clamp(least, most);
                (add, target) = (after(add, target, next), next);
                target
            })
            .collect()
    }

    /// Source: ExecutorAllocationManagerSuite, Apache Spark: "starting state", "add executors".
    #[test]
    fn ramp_up_to_the_maximum() {
        assert_eq!(climb(1, 1000, 1, 10, 5), [2, 4, 8, 10, 10]);
    }

    /// Source: ExecutorAllocationManagerSuite, Apache Spark: "add executors capped by num pending tasks".
    #[test]
    fn ramp_up_to_the_pending_tasks() {
        assert_eq!(climb(0, 5, 0, 10, 3), [1, 3, 5]);
    }

    /// Source: ExecutorAllocationManagerSuite, Apache Spark: "starting/canceling add timer", "mock polling loop with no
    /// events": a drained queue keeps the target and starts the ramp anew.
    #[test]
    fn ramp_starts_anew_after_the_queue_drained() {
        assert_eq!(climb(0, 1000, 0, 20, 3), [1, 3, 7]);
        assert_eq!(climb(7, 1000, 0, 20, 4), [8, 10, 14, 20]);
    }

    /// Source: ExecutorAllocationManagerSuite, Apache Spark: "executionAllocationRatio is correctly handled" (20 tasks,
    /// min 3, max 15).
    #[test]
    fn need_follows_the_allocation_ratio() {
        for (each, ratio, target) in
            [(1, 0.5, 10), (1, 1.0 / 3.0, 7), (2, 1.0 / 3.0, 4), (1, 0.385, 8), (1, 1.0, 15), (4, 1.0 / 3.0, 3)]
        {
            let climbed = climb(3, need(20, each, ratio), 3, 15, 6);
            assert_eq!(climbed.last(), Some(&target), "({each}, {ratio})");
        }
    }

    #[test]
    fn present_executors_are_not_ramped_up_to() {
        assert_eq!(step(2, 5, 100, 1), 6);
        assert_eq!(after(1, 2, 6), 1);
    }

    #[test]
    fn the_need_is_in_whole_executors_and_nothing_divides_by_zero() {
        assert_eq!(need(u64::MAX, 1, 1.0), u32::MAX);
        assert_eq!(need(u64::MAX, 0, 0.9), u32::MAX);
        assert_eq!(need(7, 2, f64::NAN), 4);
        assert_eq!(need(7, 2, -1.0), 4);
        assert_eq!(need(0, 4, 1.0), 0);
        assert_eq!(step(u32::MAX - 1, 0, u32::MAX, u32::MAX), u32::MAX);
        assert_eq!(after(u32::MAX, 0, u32::MAX), u32::MAX);
    }
}
