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
mod bounds;
mod contract;
mod counts;
mod demand;
mod guards;
mod idle;
mod past;
mod ramp;
mod removal;
mod start_ups;
mod told;
mod window;

pub use contract::{
    ControlAnswer, ControlInput, ControlState, Controller, Direction, ExecutorFacts, ExecutorState, Held, NeedAt,
    RECENT_MS,
};
pub use start_ups::{LONGEST_START_UP_MS, StartUps};

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::executor::shared_work::elasticity_weight;
use crate::executor::slots;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Grade, Unit};
use crate::units::saturating_u32;
use account::Account;
use bounds::Bounds;
use counts::ExecutorCounts;
use demand::Work;
use guards::key;
use past::{Past, missing_for_long, moved, resumed};

/// What the target follows, once ramp and guards have let it.
const LASTING_TASKS: &str = "tasks that last, running and pending, of";
/// What it follows while a declared stage runs.
const PLAN: &str = "a plan of";

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
    // Between looks a short stage comes and goes: there were tasks, and there are none.
    let gone = trusted && state.most_needed > 0 && input.pending_tasks == 0 && input.running_tasks == 0;
    state.worked |= input.mean_task_ms.is_some() || gone;
    // What was needed before is known, by executors that were filled or by stages that have ended: no more than that is expected to come.
    let needed_before = state.most_needed.max(ramp::need(input.largest_ended_stage_tasks, each, 1.0));
    let ahead = match plan {
        None if input.pending_tasks > 0 && need > needed_before => demand::ahead(target, state.worked, need),
        // What was asked for is not called off while tasks run.
        None if input.executors_coming > 0 => demand::most_ahead(target).min(current.saturating_sub(need)),
        _ => 0,
    };
    if trusted && plan.is_none() {
        state.most_needed = state.most_needed.max(need.min(counts.staying));
    }
    account.bound("more for what comes next", demand::with_ahead(need, ahead));
    // What the application was started with was planned: it is not called off, and goes when one that came was idle for long enough.
    let of_the_start = state.last_direction.is_none() && input.executors_coming > 0 && counts.going_now == 0;
    if plan.is_none() && of_the_start {
        account.bound("executors of the start", account.value.max(current));
    }
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
                let to = account.value;
                let ramped = if due { ramp::step(current, counts.staying, to, state.ramp_step) } else { current };
                account.ask(demand::ask(target, to, ramped, state.worked, work));
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

/// The time to the next tick, milliseconds; a second where the policy's is not a number.
#[must_use]
pub fn tick_ms(policy: &ResolvedPolicy) -> u64 {
    let ms = policy.guards.tick_seconds * 1_000.0;
    if ms.is_finite() { crate::units::ceil_u64(ms.clamp(100.0, 3_600_000.0)) } else { 1_000 }
}

#[cfg(test)]
mod tests;
