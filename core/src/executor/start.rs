//! The number of executors to start with, by what earlier runs would have taken with others.
//!
//! An event log is replayed with this policy's controller and with one, two, four ... executors at the start: these times come as facts
//! ([`crate::facts::StartTried`]), and the choice among them is made here.

use alloc::format;

use super::shared_work::elasticity_weight;
use crate::facts::StartTried;
use crate::history::setback::Setback;
use crate::policy::OptimizationTarget;
use crate::trace::{Decision, Grade, Trace, Unit, render_ms};
use crate::units::{floor_u64, saturating_u32};

/// The rule of a start that replays decided.
pub const INITIAL_BY_REPLAY: &str = "executors.initial_by_replay";
/// The id of the run time that such a start promises.
pub const REPLAYED_MS: &str = "replayed_ms";
/// The rule of a start that a setback decided.
pub const INITIAL_TAKEN_BACK: &str = "executors.initial_taken_back";

/// Of what was tried, what costs least for a target: `alpha * ln(run time) + (1 - alpha) * ln(executor time)`, with weight alpha as in the elasticity rule:
/// one percent of run time is worth `alpha / (1 - alpha)` percent of executor time. The fewest executors of equals; nothing where nothing was tried.
#[must_use]
pub fn best(target: OptimizationTarget, tried: &[StartTried]) -> Option<StartTried> {
    let alpha = elasticity_weight(target);
    let cost = |start: &StartTried| {
        alpha * libm::log(start.run_ms.max(1) as f64) + (1.0 - alpha) * libm::log(start.executor_ms.max(1) as f64)
    };
    tried
        .iter()
        .copied()
        .min_by(|one, other| cost(one).total_cmp(&cost(other)).then(one.executors.cmp(&other.executors)))
}

/// What runs took together that were tried with as many executors at the start: the geometric means of run times and executor times; nothing of none.
#[must_use]
pub fn mean(tried: &[StartTried]) -> Option<StartTried> {
    let executors = tried.first()?.executors;
    let mean = |of: fn(&StartTried) -> u64| {
        let sum: f64 = tried.iter().map(|start| libm::log(of(start).max(1) as f64)).sum();
        floor_u64(libm::exp(sum / tried.len() as f64) + 0.5)
    };
    Some(StartTried { executors, run_ms: mean(|start| start.run_ms), executor_ms: mean(|start| start.executor_ms) })
}

/// The number that [`best`] chooses, with what was tried as its evidence, within these bounds; nothing where nothing was tried.
pub(super) fn by_replay(
    target: OptimizationTarget,
    target_from: alloc::borrow::Cow<'static, str>,
    tried: &[StartTried],
    (least, most): (u32, u32),
) -> Option<Decision<u32>> {
    // Of one there is no choice.
    let best = best(target, tried).filter(|_| tried.len() > 1)?;
    let mut trace = Trace::new(
        INITIAL_BY_REPLAY,
        "least alpha * ln(run time) + (1 - alpha) * ln(executor time) of earlier runs, replayed with other starts",
        Unit::Executors,
    )
    .input("optimization target", target.word(), Unit::None, target_from)
    .fact(REPLAYED_MS, "run time with them", best.run_ms, Unit::Milliseconds, "replay of earlier runs")
    .unbounded(best.executors);
    for start in tried {
        let (run, executors) = (render_ms(start.run_ms), render_ms(start.executor_ms));
        trace = trace.note(format!("from {}: {run}, executor time {executors}", start.executors));
    }
    let value = best.executors.clamp(least, most);
    if value != best.executors {
        trace.bound("bounds", u64::from(value), u64::from(best.executors), u64::from(value));
    }
    Some(trace.decide(value, Grade::B))
}

/// The number of executors of so many cores that have as many as runs started with before a change that is taken back, within these bounds.
pub(super) fn taken_back(setback: &Setback, cores: u32, (least, most): (u32, u32)) -> Decision<u32> {
    let before = saturating_u32(setback.before.div_ceil(u64::from(cores.max(1))));
    let mut trace = Trace::new(
        INITIAL_TAKEN_BACK,
        "as many cores as runs started with before a change that made them slower or fail; cores / cores of an executor",
        Unit::Executors,
    )
    .input("cores at the start before the change", setback.before, Unit::Cores, "history")
    .input("cores at the start after it", setback.changed, Unit::Cores, "history")
    .input("executor cores", cores, Unit::Cores, "executor.cores")
    .note(setback.note.clone())
    .unbounded(before);
    let value = before.clamp(least, most);
    if value != before {
        trace.bound("bounds", u64::from(value), u64::from(before), u64::from(value));
    }
    trace.decide(value, Grade::B)
}

#[cfg(test)]
mod tests {
    use super::*;
    use OptimizationTarget::{Balanced, Memory, Quality, Speed};

    const fn tried(executors: u32, run_s: u64, executor_s: u64) -> StartTried {
        StartTried { executors, run_ms: run_s * 1_000, executor_ms: executor_s * 1_000 }
    }

    #[test]
    fn what_a_second_is_worth_depends_on_the_target() {
        // Each doubling saves a fifth of the time, for a tenth, a third, and half as much again of the executor time.
        let all = [tried(1, 1_000, 1_000), tried(2, 800, 1_100), tried(4, 640, 1_467), tried(8, 512, 2_200)];
        for (target, executors) in [(Speed, 8), (Quality, 8), (Balanced, 2), (Memory, 1)] {
            assert_eq!(best(target, &all).map(|start| start.executors), Some(executors), "{target:?}");
        }
    }

    #[test]
    fn the_fewest_of_equals_and_none_of_nothing() {
        assert_eq!(best(Balanced, &[tried(4, 10, 20), tried(2, 10, 20)]), Some(tried(2, 10, 20)));
        assert_eq!(best(Balanced, &[]), None);
        // A run of no time is no trouble.
        assert_eq!(best(Speed, &[tried(1, 0, 0)]), Some(tried(1, 0, 0)));
    }

    #[test]
    fn means_are_geometric() {
        assert_eq!(mean(&[tried(4, 1, 8), tried(4, 4, 2)]), Some(tried(4, 2, 4)));
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[tried(4, 0, 0)]), Some(StartTried { executors: 4, run_ms: 1, executor_ms: 1 }));
    }

    #[test]
    fn the_bounds_stand_and_what_was_tried_is_told() {
        let all = [tried(1, 1_000, 1_000), tried(8, 100, 1_100)];
        let decision =
            by_replay(Speed, "here".into(), &all, (1, 4)).unwrap_or_else(|| unreachable!("something was tried"));
        assert_eq!((decision.value, decision.grade), (4, Grade::B));
        assert!(
            decision.trace.notes.iter().any(|note| note.contains("from 1: 16 min 40 s, executor time 16 min 40 s")),
            "{:?}",
            decision.trace.notes
        );
        assert!(by_replay(Speed, "here".into(), &[], (1, 4)).is_none());
        assert!(by_replay(Speed, "here".into(), &[tried(2, 1, 1)], (1, 4)).is_none(), "one is no choice");
    }
}
