//! What the controller remembers: its state as it stands now, its windows, and its moves.

use core::cmp::Ordering;

use super::contract::{ControlInput, ControlState, Direction};
use super::window::{self, Extreme};
use crate::policy::ResolvedPolicy;

pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const HOUR_MS: u64 = 3_600_000;

/// The most changes of direction that are remembered, and so the most that any policy allows in an hour.
pub(super) const MOST_REVERSALS: usize = 64;

/// The state as it stands at `now_ms`: times follow a clock that went back, so that no time has passed; what a shadow
/// remembers of its own moves is forgotten when the policy becomes the controller.
pub(super) fn resumed(input: &ControlInput, acting: bool) -> ControlState {
    let mut state = input.state.clone();
    let now = input.now_ms;
    let back = state.now_ms.saturating_sub(now);
    let shift = |at: &mut u64| *at = at.saturating_sub(back).min(now);
    for entries in [&mut state.needs, &mut state.spare, &mut state.minute_targets, &mut state.window_targets] {
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
            most_needed: state.most_needed,
            worked: state.worked,
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
pub(super) struct Past {
    /// The largest need of the down window.
    pub(super) largest_need: u32,
    /// The largest target of the down window.
    pub(super) largest_target: u32,
    /// The smallest target of the last minute.
    pub(super) smallest_target: u32,
}

impl Past {
    pub(super) fn remembered(
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
pub(super) fn moved(state: &mut ControlState, current: u32, target: u32, now: u64, planned: bool) {
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
pub(super) fn missing_for_long(
    state: &mut ControlState,
    missing: bool,
    just_asked: bool,
    trusted: bool,
    now: u64,
) -> bool {
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
pub(super) fn seconds(seconds: u32) -> u64 {
    u64::from(seconds).saturating_mul(1_000)
}
