//! A policy's controller: the `control` of any policy module, in the loop.

use alloc::string::ToString as _;

use sparkwright_core::control::{ControlAnswer, ControlInput, Controller, ExecutorFacts, ExecutorState};
use sparkwright_core::units::Bytes;

use crate::simulation::{Allocation, ExecutorNow, Manager, Moment, Wanted};

/// Bytes that stand for "some": a log does not say how large a cached block or a map output is.
const SOME: Bytes = Bytes(1);
/// Storage memory that holds whatever is cached.
const ROOM: Bytes = Bytes(1 << 40);

/// A controller, asked as beside a live application.
pub struct PolicyAllocation<C> {
    control: C,
    /// Unix time of the application's start.
    start_ms: i64,
    every_us: i64,
    facts: ControlInput,
    /// What the controller said last.
    answer: Option<ControlAnswer>,
}

impl<C: FnMut(&ControlInput) -> Option<ControlAnswer>> PolicyAllocation<C> {
    /// A controller that is asked each `every_us` on a cluster of this kind. Where it has no answer, nothing moves.
    pub fn new(control: C, manager: &Manager, start_ms: i64, every_us: i64) -> Self {
        let facts = ControlInput {
            controller: Controller::Policy,
            executor_cores: Some(manager.slots),
            task_cpus: Some(1),
            quota_executors: Some(manager.most),
            block_migration: manager.moves_blocks,
            ..ControlInput::default()
        };
        Self { control, start_ms, every_us, facts, answer: None }
    }

    /// What the controller said last.
    pub fn last(&self) -> Option<&ControlAnswer> {
        self.answer.as_ref()
    }
}

fn facts_of(executor: &ExecutorNow) -> ExecutorFacts {
    let some = |holds: bool| if holds { SOME } else { Bytes(0) };
    ExecutorFacts {
        id: executor.place.to_string(),
        state: if executor.leaving { ExecutorState::Leaving } else { ExecutorState::Active },
        running_tasks: executor.running,
        idle_ms: ms(executor.idle_us),
        cached_bytes: some(executor.holds_cached),
        storage_bytes: ROOM,
        active_shuffle_bytes: some(executor.holds_shuffle),
    }
}

/// Microseconds that are not negative as milliseconds.
fn ms(us: i64) -> u64 {
    u64::try_from(us / 1_000).unwrap_or(0)
}

impl<C: FnMut(&ControlInput) -> Option<ControlAnswer>> Allocation for PolicyAllocation<C> {
    fn every_us(&self) -> i64 {
        self.every_us
    }

    fn sees_stages(&self) -> bool {
        true
    }

    fn look(&mut self, moment: &Moment) -> Wanted {
        let now_ms = u64::try_from(self.start_ms).unwrap_or(0) + ms(moment.now_us);
        let facts = &mut self.facts;
        (facts.now_ms, facts.facts_at_ms) = (now_ms, now_ms);
        (facts.pending_tasks, facts.running_tasks) = (moment.pending, moment.running);
        facts.largest_ended_stage_tasks = moment.largest_ended_stage;
        facts.executors = moment.executors.iter().map(facts_of).collect();
        facts.executors_coming = moment.coming;
        facts.mean_task_ms =
            i64::try_from(moment.ended.0).ok().and_then(|ended| moment.ended.1.checked_div(ended)).map(ms);
        facts.executor_start_ms = moment.start_us.map(ms);
        let Some(answer) = (self.control)(facts) else { return Wanted::default() };
        facts.state = answer.state.clone();
        let wanted = if answer.apply {
            let remove = answer.remove.iter().filter_map(|id| id.parse().ok()).collect();
            Wanted { executors: Some(answer.target.value), remove }
        } else {
            Wanted::default()
        };
        self.answer = Some(answer);
        wanted
    }
}
