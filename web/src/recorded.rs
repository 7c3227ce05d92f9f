//! What the controller of a recorded run saw, as the accounts of its decisions hold it.

use sparkwright_core::trace::Scalar;
use sparkwright_record::{RecordedDecision, Run};

use crate::simulation::{Load, Wave};

/// Waves that a load from a run has at the most; what comes after is left out.
const MOST_WAVES: usize = 2_000;
/// What an executor is taken to need for its start where the run had none that started.
const USUAL_START_SECONDS: u32 = 15;

/// A moment at which the controller decided something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When, after the start.
    pub after_ms: u64,
    /// The executors that it wanted.
    pub target: u64,
    /// Tasks that waited.
    pub pending: u64,
    /// Tasks that ran.
    pub running: u64,
    /// Executors that were there.
    pub executors: u64,
    /// Cores of each.
    pub cores: Option<u64>,
    /// How long a task took.
    pub mean_task_ms: Option<u64>,
    /// How long an executor took to start.
    pub start_ms: Option<u64>,
    /// Whether a guard held a move back.
    pub held: bool,
}

/// A number that went into a decision.
fn input(decision: &RecordedDecision, id: &str) -> Option<u64> {
    match decision.trace.value_of(id)? {
        Scalar::Whole(number) => Some(*number),
        _ => None,
    }
}

/// The controller's decisions of a run, in their order.
#[must_use]
pub fn seen(run: &Run) -> Vec<Seen> {
    let of = |decision: &RecordedDecision| {
        let Scalar::Whole(target) = decision.value else { return None };
        Some(Seen {
            after_ms: decision.at_ms.saturating_sub(run.started_ms),
            target,
            pending: input(decision, "pending_tasks")?,
            running: input(decision, "running_tasks")?,
            executors: input(decision, "executors")?,
            cores: input(decision, "executor_cores"),
            mean_task_ms: input(decision, "mean_task_ms"),
            start_ms: input(decision, "executor_start_ms"),
            held: !decision.held.is_empty(),
        })
    };
    run.decisions.iter().filter(|decision| decision.point == "control").filter_map(of).collect()
}

/// A load like the run's, from what its controller saw; nothing where it saw no work.
///
/// Tasks that came and ended between two decisions were not seen and are missing.
#[must_use]
pub fn load_of(run: &Run) -> Option<Load> {
    let moments = seen(run);
    let seconds = |ms: u64| u32::try_from(ms / 1_000).unwrap_or(u32::MAX);
    let mean = (run.totals.tasks > 0).then(|| run.totals.task_ms as f64 / run.totals.tasks as f64);
    let mut before = 0;
    let mut waves: Vec<Wave> = Vec::new();
    for (at, moment) in moments.iter().enumerate() {
        let there = moment.pending + moment.running;
        let more = u32::try_from(there.saturating_sub(before)).unwrap_or(u32::MAX);
        before = there;
        // How long tasks take is first known once some have ended.
        let known = moments.iter().skip(at).find_map(|moment| moment.mean_task_ms);
        let task_ms = known.map(|ms| ms as f64).or(mean).unwrap_or(1_000.0);
        if more > 0 && waves.len() < MOST_WAVES {
            waves.push(Wave {
                at_seconds: seconds(moment.after_ms),
                tasks: more,
                task_seconds: (task_ms / 100.0).ceil() / 10.0,
            });
        }
    }
    let first = moments.first()?;
    let last = moments.last()?;
    let start = moments.iter().rev().find_map(|moment| moment.start_ms);
    let load = Load {
        waves,
        seconds: seconds(run.ended_ms.map_or(last.after_ms, |ms| ms.saturating_sub(run.started_ms))).saturating_add(60),
        executors: u32::try_from(first.executors).unwrap_or(u32::MAX),
        cores: moments
            .iter()
            .rev()
            .find_map(|moment| moment.cores)
            .and_then(|cores| u32::try_from(cores).ok())
            .unwrap_or(1),
        start_seconds: start.map_or(USUAL_START_SECONDS, |ms| seconds(ms.saturating_add(999))),
    };
    (!load.waves.is_empty()).then(|| load.within_reach())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sparkwright_core::control::{ControlInput, Controller, control};
    use sparkwright_core::decision::Answer as _;
    use sparkwright_core::policy::ResolvedPolicy;

    /// A run whose controller, the real one, saw these pending and running tasks at these seconds.
    pub(crate) fn run(moments: &[(u64, u64, u64)]) -> Run {
        let mut run = Run { started_ms: 1_000_000, ended_ms: Some(1_090_000), ..Run::default() };
        let mut state = Default::default();
        for (at, pending, running) in moments {
            let now_ms = run.started_ms + at * 1_000;
            let question = ControlInput {
                now_ms,
                facts_at_ms: now_ms,
                controller: Controller::Policy,
                pending_tasks: *pending,
                running_tasks: *running,
                executor_cores: Some(4),
                mean_task_ms: Some(2_345),
                executor_start_ms: Some(7_001),
                state,
                ..ControlInput::default()
            };
            let answer = control(&ResolvedPolicy::default(), &question);
            let decision = RecordedDecision::of(now_ms, answer.decisions().first().unwrap(), "application", true);
            run.decisions.push(RecordedDecision { held: answer.held, ..decision });
            state = answer.state;
        }
        run
    }

    #[test]
    fn what_the_controller_saw_is_read_from_its_accounts() {
        let seen = seen(&run(&[(0, 0, 0), (10, 400, 8)]));
        let got: Vec<_> = seen.iter().map(|it| (it.after_ms, it.pending, it.running, it.cores)).collect();
        assert_eq!(got, [(0, 0, 0, Some(4)), (10_000, 400, 8, Some(4))]);
        assert!(seen.iter().all(|it| it.target >= 1));
    }

    #[test]
    fn a_load_has_the_work_that_came_in_between() {
        let load = load_of(&run(&[(0, 0, 0), (10, 400, 8), (20, 100, 8), (30, 150, 8)])).unwrap();
        let waves: Vec<_> = load.waves.iter().map(|it| (it.at_seconds, it.tasks, it.task_seconds)).collect();
        assert_eq!(waves, [(10, 408, 2.4), (30, 50, 2.4)]);
        assert_eq!((load.cores, load.start_seconds, load.seconds), (4, 8, 150));
        assert_eq!(load_of(&run(&[(0, 0, 0)])), None);
        assert_eq!(load_of(&Run::default()), None);
    }
}
