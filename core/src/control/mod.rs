//! `control`: how many executors a running application should have, and which may go.
//!
//! A pure reducer: facts and the last state in, a target and the next state out. It works in this order:
//!
//! 1. The need: what the declared stage that runs was planned with; without one, the executors that the present tasks
//!    fill, by Spark's own formula (`ramp`).
//! 2. The move: up by Spark's ramp while tasks wait; down to the need. To a plan at once.
//! 3. The guards (`guards`), each of which may hold the move back or cut it: pauses, down window, dead band, no
//!    scale-up that comes after the work ends, cool-down, changes of direction, growth a minute, shrinking a window. They
//!    keep reactions steady; a plan is none, and of them only pauses hold it.
//! 4. What may go (`removal`): a target is lowered only by as many executors as can be removed at once.
//! 5. The bounds: at least `min_executors`, at most `max_executors`, at most the quota. They come last and win over every
//!    guard; where they contradict each other the later one wins, and none goes under one executor.
//!
//! Whatever changed the number on the way is in the trace, and every move held back is a [`Held`].

mod contract;
mod guards;
mod ramp;
mod removal;
mod window;

pub use contract::{
    ControlAnswer, ControlInput, ControlState, Controller, Direction, ExecutorFacts, ExecutorState, Held, NeedAt,
    RECENT_MS,
};

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::executor::slots;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Grade, Trace, Unit, render_ms};
use crate::units::saturating_u32;
use guards::{key, percent};
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
    let counts = ExecutorCounts::of(input, bounds);
    let mut state = resumed(input, acting);

    let current = state.target.unwrap_or_else(|| bounds.clamp(counts.with_coming));
    let each = slots::tasks_an_executor(input.executor_cores, input.task_cpus);
    let tasks = input.pending_tasks.saturating_add(input.running_tasks);
    let plan = input.planned_executors;
    let need = plan.unwrap_or_else(|| ramp::need(tasks, each, 1.0));
    let paused = guards::pause(&policy.guards, input, state.stale_ticks);
    let trusted = !matches!(paused, Some((key::FACTS_LOST | key::STALE, _)));

    let past = Past::remembered(policy, &mut state, now, current, need, trusted);

    let mut account = Account {
        policy,
        bounds,
        current,
        value: need,
        held: Vec::new(),
        trace: trace(policy, input, &counts, each, state.target, past.largest_need).unbounded(need),
    };
    let wanted = bounds.clamp(need);
    let backlog = plan.is_none() && input.pending_tasks > 0 && wanted > current;
    let due = state.ramp_step == 0 || now.saturating_sub(state.ramp_at_ms) >= ramp::SUSTAINED_BACKLOG_MS;
    match wanted.cmp(&current) {
        // As many as there should be: nothing to guard.
        Ordering::Equal => {}
        Ordering::Greater if plan.is_some() => account.pass_pause(paused.as_ref()),
        Ordering::Greater => {
            let next =
                if backlog && due { ramp::step(current, counts.staying, need, state.ramp_step) } else { current };
            account.ramp(next);
            account.pass_pause(paused.as_ref());
            let slots = u64::from(slots::slots(counts.active, each));
            account.pass_up(input, &past, &state, need, slots);
        }
        Ordering::Less => {
            account.pass_pause(paused.as_ref());
            if plan.is_none() {
                account.pass_down(&past, &state, now);
            }
            account.pass_protected(&counts);
        }
    }
    let target = bounds.record(policy, &mut account.trace, account.value);

    state.ramp_step = match (backlog, due) {
        (false, _) => 1,
        (true, false) => state.ramp_step,
        (true, true) => ramp::after(state.ramp_step, current, target),
    };
    if backlog && due && target > current {
        state.ramp_at_ms = now;
    }
    moved(&mut state, current, target, now, plan.is_some() && paused.is_none());

    // Never fewer than the present work could fill, even where the target has not caught up with it.
    let keep = target.max(wanted);
    let surplus = counts.staying.saturating_sub(keep).min(counts.removable_now);
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
        trace = trace.flips(
            along.flips(|at| bounds.clamp(if plan.is_some() { saturating_u32(at) } else { ramp::need(at, each, 1.0) })),
        );
    }
    let trace = notes(trace, policy, input, bounds, ask_again && acting);
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
    /// Which may go, in order.
    removable: Vec<&'a ExecutorFacts>,
    /// How many of them may go at once: the known ones never get fewer than the bounds demand.
    removable_now: u32,
}

impl<'a> ExecutorCounts<'a> {
    fn of(input: &'a ControlInput, bounds: Bounds) -> Self {
        let count = |state: fn(ExecutorState) -> bool| {
            let some = input.executors.iter().filter(|e| state(e.state));
            saturating_u32(some.count() as u64)
        };
        let active = count(|state| state == ExecutorState::Active);
        let staying = count(|state| state != ExecutorState::Leaving);
        let removable = removal::removable(&input.executors, input.block_migration);
        let removable_now = saturating_u32(removable.len() as u64).min(active.saturating_sub(bounds.least()));
        Self { active, staying, with_coming: staying.saturating_add(input.executors_coming), removable, removable_now }
    }
}

/// The state as it stands at `now_ms`: times follow a clock that went back, so that no time has passed; what a shadow
/// remembers of its own moves is forgotten when the policy becomes the controller.
fn resumed(input: &ControlInput, acting: bool) -> ControlState {
    let mut state = input.state.clone();
    let now = input.now_ms;
    let back = state.now_ms.saturating_sub(now);
    let shift = |at: &mut u64| *at = at.saturating_sub(back).min(now);
    for entries in [&mut state.needs, &mut state.minute_targets, &mut state.window_targets] {
        entries.iter_mut().for_each(|entry| shift(&mut entry.at_ms));
    }
    state.reversals_ms.iter_mut().for_each(shift);
    state.short_since_ms.iter_mut().for_each(shift);
    shift(&mut state.ramp_at_ms);
    shift(&mut state.last_move_ms);
    shift(&mut state.now_ms);
    if acting && !state.acting {
        state = ControlState {
            needs: state.needs,
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

/// A move on its way through the guards.
struct Account<'a> {
    policy: &'a ResolvedPolicy,
    bounds: Bounds,
    /// The target so far.
    current: u32,
    /// The target to be, before the bounds.
    value: u32,
    held: Vec<Held>,
    trace: Trace,
}

impl Account<'_> {
    /// The ramp takes the need to `target`.
    fn ramp(&mut self, target: u32) {
        let before = u64::from(self.value);
        let after = u64::from(target);
        self.trace.bound("ramp", after, before, after);
        self.value = target;
    }

    /// A guard that takes the move to `to`; nothing where that is what it is.
    fn limit(&mut self, guard: &'static str, to: u32, because: impl Into<Cow<'static, str>>) {
        if to == self.value {
            return;
        }
        let name = if guard.starts_with("autoscaling.") { self.policy.origin(guard) } else { Cow::Borrowed(guard) };
        self.trace.bound(name, u64::from(to), u64::from(self.value), u64::from(to));
        // What the bounds would have made of it anyway was not held back by the guard.
        let wanted = self.bounds.clamp(self.value);
        if wanted != self.bounds.clamp(to) {
            self.held.push(Held { guard: Cow::Borrowed(guard), because: because.into(), wanted });
        }
        self.value = to;
    }

    /// A guard that keeps the target where it is.
    fn hold(&mut self, guard: &'static str, because: impl Into<Cow<'static, str>>) {
        self.limit(guard, self.current, because);
    }

    /// Pauses: no move at all.
    fn pass_pause(&mut self, paused: Option<&(&'static str, Cow<'static, str>)>) {
        if let Some((guard, because)) = paused {
            self.hold(guard, because.clone());
        }
    }

    /// The guards of a move down; nothing for any other.
    fn pass_down(&mut self, past: &Past, state: &ControlState, now: u64) {
        let guards = &self.policy.guards;
        if self.value < self.current {
            let because =
                format!("the largest need of the last {} s was {}", guards.down_window_seconds, past.largest_need);
            let to = self.value.max(past.largest_need).min(self.current);
            self.limit(key::DOWN_WINDOW, to, because);
        }
        if self.value < self.current && guards::in_dead_band(self.current, past.largest_need, guards.dead_band_down) {
            let because = format!("the need is less than {} % below the target", percent(guards.dead_band_down));
            self.hold(key::DEAD_BAND_DOWN, because);
        }
        if self.value < self.current {
            self.pass_turn(Direction::Down, state, now);
        }
        if self.value < self.current {
            let floor = guards::shrink_floor(past.largest_target, guards.max_shrink_a_window);
            let because = format!(
                "at most {} % of {} executors go within {} s",
                percent(guards.max_shrink_a_window),
                past.largest_target,
                guards.down_window_seconds
            );
            let to = self.value.max(floor).min(self.current);
            self.limit(key::SHRINK, to, because);
        }
    }

    /// A move down goes only as far as executors may go; nothing for any other.
    fn pass_protected(&mut self, counts: &ExecutorCounts<'_>) {
        if self.value < self.current {
            let bound_to_stay = counts.staying.saturating_sub(counts.removable_now);
            let because =
                format!("{bound_to_stay} executors run tasks, hold shuffle or cached data, or are in an unknown state");
            let to = self.value.max(bound_to_stay).min(self.current);
            self.limit(key::PROTECTED, to, because);
        }
    }

    /// The guards of a move up; nothing for any other.
    fn pass_up(&mut self, input: &ControlInput, past: &Past, state: &ControlState, need: u32, slots: u64) {
        let guards = &self.policy.guards;
        if self.value > self.current && guards::in_dead_band(self.current, need, guards.dead_band_up) {
            let because = format!("the need is less than {} % above the target", percent(guards.dead_band_up));
            self.hold(key::DEAD_BAND_UP, because);
        }
        if self.value > self.current
            && let Some(because) = guards::too_late(input, slots)
        {
            self.hold(key::WORK_ENDS_FIRST, because);
        }
        if self.value > self.current {
            self.pass_turn(Direction::Up, state, input.now_ms);
        }
        if self.value > self.current {
            let ceiling = guards::growth_ceiling(past.smallest_target, guards.max_growth_a_minute);
            let because = format!("from {} executors at most {ceiling} within a minute", past.smallest_target);
            let to = self.value.min(ceiling).max(self.current);
            self.limit(key::GROWTH, to, because);
        }
    }

    /// The guards against moves to and fro.
    fn pass_turn(&mut self, wanted: Direction, state: &ControlState, now: u64) {
        let guards = &self.policy.guards;
        let since = now.saturating_sub(state.last_move_ms);
        let cooldown = seconds(guards.cooldown_seconds);
        if let Some(left) = guards::cooling(state.last_direction, wanted, since, cooldown) {
            let because =
                format!("the last move went the other way {} ago; {} are left", render_ms(since), render_ms(left));
            self.hold(key::COOLDOWN, because);
            return;
        }
        let turns = state.last_direction.is_some_and(|last| last != wanted);
        let most = usize::try_from(guards.direction_changes_an_hour).unwrap_or(MOST_REVERSALS).min(MOST_REVERSALS);
        if turns && state.reversals_ms.len() >= most {
            let because = format!("the direction changed {most} times within the last hour");
            self.hold(key::DIRECTION_CHANGES, because);
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

/// The trace with the inputs of the rule.
fn trace(
    policy: &ResolvedPolicy,
    input: &ControlInput,
    counts: &ExecutorCounts<'_>,
    each: u32,
    last: Option<u32>,
    largest_need: u32,
) -> Trace {
    let seen = "measured, this run";
    let trace = match input.planned_executors {
        Some(plan) => Trace::new(
            "control.plan",
            "as many as the declared stage that runs was planned with; at once, except for pauses, executors that must stay, and bounds",
            Unit::Executors,
        )
        .input("planned executors", plan, Unit::Executors, "plan_stage"),
        None => Trace::new(
            "control.ramp",
            "enough for the tasks that run and wait; need = ceil((running + pending tasks) / slots of an executor), up by 1, 2, 4, 8 ... \
             while tasks wait (as Spark's ExecutorAllocationManager), down to the largest need of the down window",
            Unit::Executors,
        ),
    };
    trace
        .fact("pending_tasks", "pending tasks", input.pending_tasks, Unit::Tasks, seen)
        .fact("running_tasks", "running tasks", input.running_tasks, Unit::Tasks, seen)
        .fact(
            "executor_cores",
            "executor cores",
            input.executor_cores.unwrap_or(slots::DEFAULT_CORES),
            Unit::Cores,
            "spark.executor.cores",
        )
        .input("spark.task.cpus", input.task_cpus.unwrap_or(slots::DEFAULT_TASK_CPUS), Unit::Cores, "spark.task.cpus")
        .input("slots of an executor", each, Unit::Tasks, "cores / cores a task")
        .fact("executors", "executors registered", counts.staying, Unit::Executors, seen)
        .input("executors requested and not registered yet", input.executors_coming, Unit::Executors, seen)
        .fact("mean_task_ms", "mean task time", input.mean_task_ms, Unit::Milliseconds, seen)
        .fact("executor_start_ms", "executor start-up time", input.executor_start_ms, Unit::Milliseconds, seen)
        .input("last target", last, Unit::Executors, "the last decision")
        .input("largest need of the down window", largest_need, Unit::Executors, policy.origin(key::DOWN_WINDOW))
}

/// The trace with everything else that a reader should know.
fn notes(mut trace: Trace, policy: &ResolvedPolicy, input: &ControlInput, bounds: Bounds, ask_again: bool) -> Trace {
    if !policy.autoscaling.enable_autoscaling {
        let origin = policy.origin("autoscaling.enable_autoscaling");
        trace = trace.note(format!("only decided, not applied: autoscaling is off ({origin})"));
    }
    match input.controller {
        Controller::Policy => {}
        Controller::Nobody => {
            trace = trace.note("only decided, not applied: nothing can move this application's executors");
        }
        Controller::Spark => {
            trace = trace.note("only decided, not applied: the user turned Spark's dynamic allocation on");
        }
    }
    if input.state.now_ms > input.now_ms {
        trace = trace.note("the clock went back: counted as no time passed");
    }
    if bounds.least() < bounds.min {
        trace = trace.note("fewer executors than min_executors: max_executors or the quota is lower, and wins");
    }
    if ask_again {
        trace = trace.note("executors have been missing for a minute: they are requested again");
    }
    trace
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
