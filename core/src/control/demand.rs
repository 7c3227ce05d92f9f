//! How many executors to ask for while tasks wait.
//!
//! A batch job knows its demand: the tasks that wait. What comes after them it does not know, so an executor that would come too late for these
//! tasks is mostly in time for the next ones. Held to the replay of public logs and to real runs (`core/replay`), asking for the whole need at once
//! takes less time than Spark's ramp and as many executor-seconds; waiting for the work to be long enough is slower, and pays only where executors
//! matter more than time.

use super::contract::ControlInput;
use crate::executor::shared_work::elasticity_weight;
use crate::policy::OptimizationTarget;
use crate::units::{floor_u64, saturating_u32};

/// How long the work must last for executors to be asked for, at most, in times that an executor takes to start.
const MOST_PATIENCE: f64 = 2.5;

/// How long an executor takes to start where no start was seen: what managed clusters took for those asked for by reaction (10 to 25 s).
const USUAL_START_MS: u64 = 10_000;

/// The work that is known: that of tasks that wait and run now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Time that it takes on one slot.
    pub(super) slot_ms: f64,
    /// How long an executor takes from asking to its first task.
    pub(super) start_ms: f64,
    /// Slots that there are.
    pub(super) slots: u32,
    /// Slots of an executor.
    pub(super) each: u32,
}

impl Work {
    /// The work of the tasks at hand, on so many slots with `each` of them an executor, where their mean time is known; those that run have
    /// half of it left.
    pub(super) fn of(input: &ControlInput, slots: u32, each: u32) -> Option<Self> {
        let tasks = input.pending_tasks as f64 + input.running_tasks as f64 / 2.0;
        let start_ms = input.executor_start_ms.unwrap_or(USUAL_START_MS) as f64;
        Some(Self { slot_ms: tasks * input.mean_task_ms? as f64, start_ms, slots, each })
    }

    /// The largest number of executors on which it lasts so many start-ups from now, the ones there working alone for the first.
    ///
    /// With work W, s slots now, c slots an executor and start-up L: `s * L + n * c * (p - 1) * L = W`.
    fn lasting(self, start_ups: f64) -> u32 {
        let left = self.slot_ms - f64::from(self.slots) * self.start_ms;
        let each_takes = f64::from(self.each.max(1)) * (start_ups - 1.0) * self.start_ms;
        if each_takes > 0.0 { saturating_u32(floor_u64((left / each_takes).max(0.0))) } else { u32::MAX }
    }
}

/// Executors beyond those that the tasks fill, by target: the first stages of a job are smaller than what comes next, and these are there for it. None are asked for where a stage that has ended was as large: the work repeats. Held to
/// the replay of public logs, each of them makes runs shorter by a percent or more and costs next to nothing, for the run then ends sooner.
///
/// Before the first task of an application has ended, a single one that waits says nothing of the size of its data: such first jobs read a schema, or a
/// file's footer. Several are its work, and executors that start for more keep them from starting.
pub(super) const fn ahead(target: OptimizationTarget, worked: bool, need: u32) -> u32 {
    if worked || need <= 1 { most_ahead(target) } else { 0 }
}

/// The most executors beyond those that the tasks fill.
pub(super) const fn most_ahead(target: OptimizationTarget) -> u32 {
    match target {
        OptimizationTarget::Speed => 6,
        OptimizationTarget::Quality | OptimizationTarget::Balanced => 1,
        OptimizationTarget::Memory => 0,
    }
}

/// The need with so many ahead of it; none ahead of no work.
pub(super) const fn with_ahead(need: u32, ahead: u32) -> u32 {
    if need == 0 { 0 } else { need.saturating_add(ahead) }
}

/// What the number asked for follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// Every task that waits.
    Need,
    /// The executors on which the work lasts long enough.
    Work,
    /// Spark's ramp.
    Ramp,
}

/// How many executors to ask for where `need` would be filled, and `ramped` would be asked for by Spark's ramp.
///
/// Until the first task of an application has ended nothing is known of its work, and all follow Spark's ramp: executors that start beside the first one
/// keep its tasks from starting (eight at once on two cores took it from 3 to 7 s, and its first task from 2 to 8). After that, with weight alpha of the
/// target and start-up L, targets that put time first ask for the need at once; memory asks only for as many as
/// still have work at `L / alpha`, two and a half start-ups at most, and ramps up where task times or start-up are not known.
pub(super) fn ask(
    target: OptimizationTarget,
    need: u32,
    ramped: u32,
    worked: bool,
    work: Option<Work>,
) -> (u32, Follows) {
    match (target, work) {
        _ if !worked => (ramped, Follows::Ramp),
        (OptimizationTarget::Speed | OptimizationTarget::Quality | OptimizationTarget::Balanced, _) => {
            (need, Follows::Need)
        }
        (OptimizationTarget::Memory, Some(work)) => {
            let lasting = work.lasting((1.0 / elasticity_weight(target)).min(MOST_PATIENCE));
            if lasting < need { (lasting, Follows::Work) } else { (need, Follows::Need) }
        }
        (OptimizationTarget::Memory, None) => (ramped, Follows::Ramp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OptimizationTarget::{Balanced, Memory, Quality, Speed};

    fn work(
        (pending_tasks, running_tasks): (u64, u64),
        mean: Option<u64>,
        start: Option<u64>,
        at: (u32, u32),
    ) -> Option<Work> {
        let input = ControlInput {
            pending_tasks,
            running_tasks,
            mean_task_ms: mean,
            executor_start_ms: start,
            ..ControlInput::default()
        };
        Work::of(&input, at.0, at.1)
    }

    #[test]
    fn time_first_asks_for_every_task_at_once() {
        let little = work((9, 0), Some(1), Some(60_000), (1, 1));
        for target in [Speed, Quality, Balanced] {
            for work in [None, little] {
                assert_eq!(ask(target, 9, 2, true, work), (9, Follows::Need));
            }
        }
    }

    /// 100 s of work on two executors of two slots that take 5 s to start: after 5 s there are 80 s, and each of those that start then is
    /// worth it where it has 7.5 s for both of its slots, 15 s.
    #[test]
    fn memory_asks_while_the_work_lasts() {
        for (pending, running, expected) in [
            (200, 0, (5, Follows::Work)),
            (198, 4, (5, Follows::Work)),
            (1_000, 0, (32, Follows::Work)),
            (4_000, 0, (50, Follows::Need)),
            (39, 4, (0, Follows::Work)),
        ] {
            let work = work((pending, running), Some(500), Some(5_000), (4, 2));
            assert_eq!(ask(Memory, 50, 3, true, work), expected, "{pending} and {running}");
        }
        assert_eq!(ask(Memory, 50, 3, true, work((200, 0), None, Some(5_000), (4, 2))), (3, Follows::Ramp));
        assert_eq!(ask(Memory, 50, 3, true, work((200, 0), Some(5), None, (4, 2))), (0, Follows::Work));
    }

    #[test]
    fn no_size_overflows_and_executors_that_start_at_once_are_worth_any_work() {
        assert_eq!(ask(Memory, 7, 1, true, work((u64::MAX, u64::MAX), Some(u64::MAX), Some(1), (0, 0))).0, 7);
        assert_eq!(ask(Memory, 7, 1, true, work((1, 0), Some(1), Some(0), (1, 1))).0, 7);
        assert_eq!(ask(Memory, 7, 1, true, work((1, 0), Some(1), Some(u64::MAX), (1, 1))).0, 0);
    }
}
