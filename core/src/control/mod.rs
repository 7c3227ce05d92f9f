//! `control`: how many executors a running application should have, and which may go.
//!
//! A pure reducer: facts and the last state in, a target and the next state out. It works in this order:
//!
//! 1. The need: what the declared stage that runs was planned with; without one, the executors that the present tasks
//!    fill (`ramp`, by Spark's own formula).
//! 2. The move: up to the demand while tasks wait (`demand`), to a plan at once; down by executors that were idle for
//!    as long as having them back would cost (`idle`).
//! 3. The guards (`guards`), each of which may hold the move back or cut it: pauses, and what a policy sets of down window, dead bands,
//!    cool-down, changes of direction, growth a minute, shrinking a window. They keep reactions steady; a plan is none, and of them only
//!    pauses hold it.
//! 4. What may go (`removal`): a target is lowered only by as many executors as can be removed at once.
//! 5. The bounds: at least `min_executors`, at most `max_executors`, at most the quota. They come last and win over every
//!    guard; where they contradict each other the later one wins, and none goes under one executor.
//!
//! Whatever changed the number on the way is in the trace, and every move that a guard held back is a [`Held`].

mod account;
mod contract;
mod demand;
mod guards;
mod idle;
mod ramp;
mod removal;
mod told;
mod window;

pub use contract::{
    ControlAnswer, ControlInput, ControlState, Controller, Direction, ExecutorFacts, ExecutorState, Held, NeedAt,
    RECENT_MS,
};

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::executor::shared_work::elasticity_weight;
use crate::executor::slots;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Grade, Trace, Unit};
use crate::units::saturating_u32;
use account::Account;
use demand::Work;
use guards::key;
use window::Extreme;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// What the target follows, once ramp and guards have let it.
const LASTING_TASKS: &str = "tasks that last, running and pending, of";
/// What it follows while a declared stage runs.
const PLAN: &str = "a plan of";

/// The most changes of direction that are remembered, and so the most that any policy allows in an hour.
const MOST_REVERSALS: usize = 64;

/// How many executors the application should have now, which may go, and what to remember.
///
/// Total: any input gives an answer, and the same input gives the same one.
#[must_use]
pub fn control(policy: &ResolvedPolicy, input: &ControlInput) -> ControlAnswer {
    let now = input.now_ms;
    let scaling = &policy.autoscaling;
    let acting = scaling.enable_autoscaling && input.controller == Controller::Policy;
    let bounds = Bounds::of(policy, input);
    let mut state = resumed(input, acting);
    let target = policy.pipeline.optimization_target;
    let stay_ms = match input.planned_executors {
        Some(_) => 0,
        None => idle::stay_ms(elasticity_weight(target), input.executor_start_ms, &state.gaps_ms),
    };
    let moves_cached = input.planned_executors.is_some() || idle::moves_cached(target);
    let mut counts = ExecutorCounts::of(input, bounds, stay_ms, moves_cached);

    let current = state.target.unwrap_or_else(|| bounds.clamp(counts.with_coming));
    let each = slots::tasks_an_executor(input.executor_cores, input.task_cpus);
    let tasks = input.pending_tasks.saturating_add(input.running_tasks);
    let plan = input.planned_executors;
    let need = plan.unwrap_or_else(|| ramp::need(tasks, each, 1.0));
    let paused = guards::pause(&policy.guards, input, state.stale_ticks);
    let trusted = !matches!(paused, Some((key::FACTS_LOST | key::STALE, _)));

    let past = Past::remembered(policy, &mut state, now, current, need, trusted);
    let spare = idle::spare(policy, input, &mut state, counts.staying, if trusted { need } else { u32::MAX }, stay_ms);
    if plan.is_none() {
        counts.let_go(spare);
    }
    if trusted {
        idle::note(&mut state.slack_since_ms, &mut state.gaps_ms, now, need >= counts.staying);
    }

    let mut account = Account {
        policy,
        bounds,
        current,
        value: need,
        held: Vec::new(),
        trace: told::rule(
            policy,
            input,
            &counts,
            told::Beside { each, last: state.target, largest_need: past.largest_need, stay_ms },
        )
        .unbounded(need),
    };
    let ahead = match plan {
        // What was needed before is known: no more than that is expected to come.
        None if input.pending_tasks > 0 && need > state.most_needed => demand::ahead(target),
        // What was asked for is not called off while tasks run.
        None if input.executors_coming > 0 => demand::ahead(target).min(current.saturating_sub(need)),
        _ => 0,
    };
    if trusted && plan.is_none() {
        state.most_needed = state.most_needed.max(need.min(counts.staying));
    }
    account.bound("more for what comes next", demand::with_ahead(need, ahead));
    let wanted = bounds.clamp(account.value);
    let backlog = plan.is_none() && input.pending_tasks > 0 && wanted > current;
    let work = Work::of(input, slots::slots(counts.active, each), each);
    // Spark's ramp is for work of which nothing is known: from its first sight to the first step is as long as from one step to the next.
    let unknown = backlog && work.is_none();
    if state.ramp_step == 0 {
        state.ramp_at_ms = now;
    }
    let due = unknown && now.saturating_sub(state.ramp_at_ms) >= ramp::SUSTAINED_BACKLOG_MS;
    match wanted.cmp(&current) {
        // As many as there should be: nothing to guard.
        Ordering::Equal => {}
        Ordering::Greater if plan.is_some() => account.pass_pause(paused.as_ref()),
        Ordering::Greater => {
            if backlog {
                let ramped = if due { ramp::step(current, counts.staying, need, state.ramp_step) } else { current };
                account.ask(demand::ask(target, account.value, ramped, work));
            } else {
                account.ask((current, demand::Follows::Need));
            }
            account.pass_pause(paused.as_ref());
            account.pass_up(input, &past, &state, need);
        }
        Ordering::Less => {
            account.pass_pause(paused.as_ref());
            if plan.is_none() {
                account.pass_down(&past, &state, now);
            }
            account.pass_protected(&counts);
            account.pass_idle(&counts);
        }
    }
    let target = bounds.record(policy, &mut account.trace, account.value);

    state.ramp_step = match (unknown, due) {
        (false, _) => 0,
        (true, false) => state.ramp_step.max(1),
        (true, true) => ramp::after(state.ramp_step, current, target),
    };
    if due && target > current {
        state.ramp_at_ms = now;
    }
    moved(&mut state, current, target, now, plan.is_some() && paused.is_none());

    // Never fewer than the present work could fill, even where the target has not caught up with it.
    let keep = target.max(wanted);
    let surplus = counts.staying.saturating_sub(keep).min(counts.going_now);
    let remove: Vec<_> = if acting && paused.is_none() {
        let surplus = usize::try_from(surplus).unwrap_or(usize::MAX);
        let going = counts.removable.iter().take(surplus);
        going.map(|executor| executor.id.clone()).collect()
    } else {
        Vec::new()
    };

    let asked = state.target.unwrap_or(counts.with_coming);
    let changed = asked != target;
    let ask_again = missing_for_long(&mut state, counts.with_coming < target, changed, trusted, now);
    state.target = Some(target);

    let Account { mut trace, held, .. } = account;
    if held.is_empty() && target == wanted {
        // Where guards have a say, they are what changes the target first, and they are in the trace.
        let (input, unit, at) = match plan {
            Some(plan) => (PLAN, Unit::Executors, u64::from(plan)),
            None => (LASTING_TASKS, Unit::Tasks, tasks),
        };
        let along = Along { input, unit, at, least: 0, most: u64::MAX, step: 1 };
        trace = trace.flips(along.flips(|at| {
            bounds.clamp(if plan.is_some() {
                saturating_u32(at)
            } else {
                demand::with_ahead(ramp::need(at, each, 1.0), ahead)
            })
        }));
    }
    let trace = told::notes(trace, policy, input, bounds, ask_again && acting);
    ControlAnswer {
        // How well founded a plan is, its own trace says; here that is not known.
        target: trace.decide(target, if plan.is_some() { Grade::C } else { Grade::A }),
        apply: acting && (changed || ask_again || !remove.is_empty()),
        remove,
        held,
        executors_if_lost: acting.then(|| bounds.most()),
        next_tick_ms: now.saturating_add(tick_ms(policy)),
        state,
    }
}

/// The bounds of the executor count, none of them under 1: an application without an executor does nothing.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    min: u32,
    max: u32,
    quota: Option<u32>,
}

impl Bounds {
    fn of(policy: &ResolvedPolicy, input: &ControlInput) -> Self {
        Self {
            min: policy.autoscaling.min_executors.max(1),
            max: policy.autoscaling.max_executors.max(1),
            quota: input.quota_executors.map(|quota| quota.max(1)),
        }
    }

    /// The most executors: the smaller of the maximum and the quota.
    fn most(self) -> u32 {
        self.quota.map_or(self.max, |quota| quota.min(self.max))
    }

    /// The fewest: the minimum, unless there may not even be that many.
    fn least(self) -> u32 {
        self.min.min(self.most())
    }

    fn clamp(self, value: u32) -> u32 {
        value.max(self.min).min(self.most())
    }

    /// [`Self::clamp`], with each bound put into the trace.
    fn record(self, policy: &ResolvedPolicy, trace: &mut Trace, value: u32) -> u32 {
        let origin = |path| policy.origin(path);
        let value = u64::from(value);
        let value = trace.at_least(origin("autoscaling.min_executors"), u64::from(self.min), value);
        let mut value = trace.at_most(origin("autoscaling.max_executors"), u64::from(self.max), value);
        if let Some(quota) = self.quota {
            value = trace.at_most("quota of the cluster", u64::from(quota), value);
        }
        saturating_u32(value)
    }
}

/// The executors that there are.
struct ExecutorCounts<'a> {
    /// Known to work or wait for work.
    active: u32,
    /// Not told to go, those included of which nobody knows what they do: Spark counts them too.
    staying: u32,
    /// Those and the ones that were asked for.
    with_coming: u32,
    /// Which may go, in order: first those that were idle for long enough.
    removable: Vec<&'a ExecutorFacts>,
    /// How many of them may go at once: the known ones never get fewer than the bounds demand.
    removable_now: u32,
    /// How many of those hold nothing that is worth more than they cost.
    worth_going: u32,
    /// How many are to: idle for long enough, or more than there may be.
    going_now: u32,
}

impl<'a> ExecutorCounts<'a> {
    fn of(input: &'a ControlInput, bounds: Bounds, stay_ms: u64, moves_cached: bool) -> Self {
        let count = |state: fn(ExecutorState) -> bool| {
            let some = input.executors.iter().filter(|e| state(e.state));
            saturating_u32(some.count() as u64)
        };
        let active = count(|state| state == ExecutorState::Active);
        let staying = count(|state| state != ExecutorState::Leaving);
        let mut removable = removal::removable(&input.executors, input.block_migration);
        let worth_it = |executor: &ExecutorFacts| moves_cached || executor.cached_bytes.get() == 0;
        let idle_for_long = |executor: &ExecutorFacts| worth_it(executor) && executor.idle_ms >= stay_ms;
        removable.sort_by_key(|executor| !idle_for_long(executor));
        let how_many = |which: &dyn Fn(&ExecutorFacts) -> bool| {
            saturating_u32(removable.iter().filter(|executor| which(executor)).count() as u64)
        };
        let (rested, worth_going) = (how_many(&idle_for_long), how_many(&worth_it));
        let removable_now = saturating_u32(removable.len() as u64).min(active.saturating_sub(bounds.least()));
        Self {
            active,
            staying,
            with_coming: staying.saturating_add(input.executors_coming),
            removable,
            removable_now,
            worth_going: worth_going.min(removable_now),
            going_now: rested.max(staying.saturating_sub(bounds.most())).min(removable_now),
        }
    }

    /// Lets so many go although they were not idle for long.
    fn let_go(&mut self, spare: u32) {
        self.going_now = self.going_now.max(spare.min(self.worth_going));
    }
}

/// The state as it stands at `now_ms`: times follow a clock that went back, so that no time has passed; what a shadow
/// remembers of its own moves is forgotten when the policy becomes the controller.
fn resumed(input: &ControlInput, acting: bool) -> ControlState {
    let mut state = input.state.clone();
    let now = input.now_ms;
    let back = state.now_ms.saturating_sub(now);
    let shift = |at: &mut u64| *at = at.saturating_sub(back).min(now);
    for entries in [
        &mut state.needs,
        &mut state.spare,
        &mut state.spare_lately,
        &mut state.minute_targets,
        &mut state.window_targets,
    ] {
        entries.iter_mut().for_each(|entry| shift(&mut entry.at_ms));
    }
    state.reversals_ms.iter_mut().for_each(shift);
    state.short_since_ms.iter_mut().for_each(shift);
    state.slack_since_ms.iter_mut().for_each(shift);
    shift(&mut state.ramp_at_ms);
    shift(&mut state.last_move_ms);
    shift(&mut state.now_ms);
    if acting && !state.acting {
        state = ControlState {
            needs: state.needs,
            slack_since_ms: state.slack_since_ms,
            gaps_ms: state.gaps_ms,
            spare: state.spare,
            spare_lately: state.spare_lately,
            most_needed: state.most_needed,
            stale_ticks: state.stale_ticks,
            facts_at_ms: state.facts_at_ms,
            now_ms: state.now_ms,
            ..ControlState::default()
        };
    }
    state.acting = acting;

    state.stale_ticks = if state.target.is_none() || input.facts_at_ms != state.facts_at_ms {
        0
    } else if now > state.now_ms {
        state.stale_ticks.saturating_add(1)
    } else {
        // Asked twice at the same moment: not a tick.
        state.stale_ticks
    };
    state.facts_at_ms = input.facts_at_ms;
    state.now_ms = now;

    state.reversals_ms.retain(|at| now.saturating_sub(*at) < HOUR_MS);
    let excess = state.reversals_ms.len().saturating_sub(MOST_REVERSALS);
    state.reversals_ms.drain(..excess);
    state
}

/// What the windows hold, this tick included.
struct Past {
    /// The largest need of the down window.
    largest_need: u32,
    /// The largest target of the down window.
    largest_target: u32,
    /// The smallest target of the last minute.
    smallest_target: u32,
}

impl Past {
    fn remembered(
        policy: &ResolvedPolicy,
        state: &mut ControlState,
        now: u64,
        current: u32,
        need: u32,
        trusted: bool,
    ) -> Self {
        let window_ms = seconds(policy.guards.down_window_seconds);
        // What was needed before the first look is not known, and what is needed while facts are missing neither: the
        // executors there are count as needed then.
        let need = if state.target.is_none() || !trusted {
            window::remember(&mut state.needs, Extreme::Largest, window_ms, now, current);
            if trusted { need } else { need.max(current) }
        } else {
            need
        };
        Self {
            largest_need: window::remember(&mut state.needs, Extreme::Largest, window_ms, now, need),
            largest_target: window::remember(&mut state.window_targets, Extreme::Largest, window_ms, now, current),
            smallest_target: window::remember(&mut state.minute_targets, Extreme::Smallest, MINUTE_MS, now, current),
        }
    }
}

/// Notes a move in the state. One that was planned is no reaction: what limits those counts from it on, and its direction is none to turn
/// from.
fn moved(state: &mut ControlState, current: u32, target: u32, now: u64, planned: bool) {
    let direction = match target.cmp(&current) {
        Ordering::Equal => return,
        Ordering::Greater => Direction::Up,
        Ordering::Less => Direction::Down,
    };
    if planned {
        state.minute_targets.clear();
        state.window_targets.clear();
        return;
    }
    if state.last_direction.is_some_and(|last| last != direction) {
        if state.reversals_ms.len() >= MOST_REVERSALS {
            state.reversals_ms.remove(0);
        }
        state.reversals_ms.push(now);
    }
    state.last_direction = Some(direction);
    state.last_move_ms = now;
}

/// Whether executors have been missing for a minute, so that they are to be asked for again.
fn missing_for_long(state: &mut ControlState, missing: bool, just_asked: bool, trusted: bool, now: u64) -> bool {
    if !trusted {
        return false;
    }
    if !missing {
        state.short_since_ms = None;
        return false;
    }
    let since = state.short_since_ms.filter(|_| !just_asked);
    let long = since.is_some_and(|since| now.saturating_sub(since) >= MINUTE_MS);
    if long || since.is_none() {
        state.short_since_ms = Some(now);
    }
    long
}

/// Seconds in milliseconds.
fn seconds(seconds: u32) -> u64 {
    u64::from(seconds).saturating_mul(1_000)
}

/// The time to the next tick, milliseconds; a second where the policy's is not a number.
#[must_use]
pub fn tick_ms(policy: &ResolvedPolicy) -> u64 {
    let ms = policy.guards.tick_seconds * 1_000.0;
    if ms.is_finite() { crate::units::ceil_u64(ms.clamp(100.0, 3_600_000.0)) } else { 1_000 }
}

#[cfg(test)]
mod tests;
