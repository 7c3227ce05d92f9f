//! A move on its way through the guards: what each makes of it, and why.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::bounds::Bounds;
use super::contract::{ControlInput, ControlState, Direction, Held};
use super::counts::ExecutorCounts;
use super::demand::Follows;
use super::guards::{self, key, percent};
use super::past::{MOST_REVERSALS, Past, seconds};
use crate::policy::ResolvedPolicy;
use crate::trace::{Trace, render_ms};

/// A move on its way through the guards.
pub(super) struct Account<'a> {
    pub(super) policy: &'a ResolvedPolicy,
    pub(super) bounds: Bounds,
    /// The target so far.
    pub(super) current: u32,
    /// The target to be, before the bounds.
    pub(super) value: u32,
    pub(super) held: Vec<Held>,
    pub(super) trace: Trace,
}

impl Account<'_> {
    /// What is asked for of the need: nothing less than there is.
    pub(super) fn ask(&mut self, (executors, follows): (u32, Follows)) {
        let executors = executors.min(self.value).max(self.current.min(self.value));
        let name = match follows {
            // All of it is asked for where tasks wait; what is less than it is what there is without any.
            Follows::Need => "no backlog",
            Follows::Work => "work that outlasts a start",
            Follows::Ramp => "ramp",
        };
        self.bound(name, executors);
    }

    /// The move goes to `to`, by what is no guard.
    pub(super) fn bound(&mut self, name: &'static str, to: u32) {
        if to != self.value {
            self.trace.bound(name, u64::from(to), u64::from(self.value), u64::from(to));
            self.value = to;
        }
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
    pub(super) fn pass_pause(&mut self, paused: Option<&(&'static str, Cow<'static, str>)>) {
        if let Some((guard, because)) = paused {
            self.hold(guard, because.clone());
        }
    }

    /// The guards of a move down; nothing for any other.
    pub(super) fn pass_down(&mut self, past: &Past, state: &ControlState, now: u64) {
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
            self.pass_cooldown(Direction::Down, state, now);
        }
        if self.value < self.current {
            self.pass_turns(state);
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
    pub(super) fn pass_protected(&mut self, counts: &ExecutorCounts<'_>) {
        if self.value < self.current {
            let bound_to_stay = counts.staying.saturating_sub(counts.removable_now);
            let because =
                format!("{bound_to_stay} executors run tasks, hold shuffle or cached data, or are in an unknown state");
            let to = self.value.max(bound_to_stay).min(self.current);
            self.limit(key::PROTECTED, to, because);
        }
    }

    /// The guards of a move up; nothing for any other.
    pub(super) fn pass_up(&mut self, input: &ControlInput, past: &Past, state: &ControlState, need: u32) {
        let guards = &self.policy.guards;
        if self.value > self.current && guards::in_dead_band(self.current, need, guards.dead_band_up) {
            let because = format!("the need is less than {} % above the target", percent(guards.dead_band_up));
            self.hold(key::DEAD_BAND_UP, because);
        }
        if self.value > self.current {
            self.pass_cooldown(Direction::Up, state, input.now_ms);
        }
        if self.value > self.current {
            let ceiling = guards::growth_ceiling(past.smallest_target, guards.max_growth_a_minute);
            let because = format!("from {} executors at most {ceiling} within a minute", past.smallest_target);
            let to = self.value.min(ceiling).max(self.current);
            self.limit(key::GROWTH, to, because);
        }
    }

    /// An executor stays until it was idle for as long as having it back would cost; nothing for any other move.
    pub(super) fn pass_idle(&mut self, counts: &ExecutorCounts<'_>) {
        if self.value < self.current {
            let staying = counts.staying.saturating_sub(counts.going_now);
            self.bound("idle for less than the time that pays", self.value.max(staying).min(self.current));
        }
    }

    /// The least time between moves to and fro.
    fn pass_cooldown(&mut self, wanted: Direction, state: &ControlState, now: u64) {
        let since = now.saturating_sub(state.last_move_ms);
        let cooldown = seconds(self.policy.guards.cooldown_seconds);
        if let Some(left) = guards::cooling(state.last_direction, wanted, since, cooldown) {
            let because =
                format!("the last move went the other way {} ago; {} are left", render_ms(since), render_ms(left));
            self.hold(key::COOLDOWN, because);
        }
    }

    /// The budget of turns: when it is used up executors stay, for tasks that wait are never made to wait by it.
    fn pass_turns(&mut self, state: &ControlState) {
        let turns = state.last_direction.is_some_and(|last| last != Direction::Down);
        let most = self.policy.guards.direction_changes_an_hour;
        let most = usize::try_from(most).unwrap_or(MOST_REVERSALS).min(MOST_REVERSALS);
        if turns && state.reversals_ms.len() >= most {
            let because = format!("the direction changed {most} times within the last hour");
            self.hold(key::DIRECTION_CHANGES, because);
        }
    }
}
