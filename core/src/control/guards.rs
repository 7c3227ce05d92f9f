//! What keeps the controller steady: each guard a pure function of numbers, so that it can be held to published vectors.
//!
//! Sources: KEP-853 (velocity and stabilisation) and KEP-4951 (tolerance) of Kubernetes, whose rules these are; the
//! parameters are the policy's (`autoscaling.guards`).

use alloc::borrow::Cow;
use alloc::format;

use super::contract::{ControlInput, Direction};
use crate::policy::Guards;
use crate::units::{ceil_u64, saturating_u32};

/// The keys of the guards, as a trace and a `Held` name them.
pub(super) mod key {
    pub(in super::super) const DEAD_BAND_UP: &str = "autoscaling.guards.dead_band_up";
    pub(in super::super) const DEAD_BAND_DOWN: &str = "autoscaling.guards.dead_band_down";
    pub(in super::super) const DOWN_WINDOW: &str = "autoscaling.guards.down_window_seconds";
    pub(in super::super) const COOLDOWN: &str = "autoscaling.guards.cooldown_seconds";
    pub(in super::super) const GROWTH: &str = "autoscaling.guards.max_growth_a_minute";
    pub(in super::super) const SHRINK: &str = "autoscaling.guards.max_shrink_a_window";
    pub(in super::super) const DIRECTION_CHANGES: &str = "autoscaling.guards.direction_changes_an_hour";
    pub(in super::super) const PAUSE_GC: &str = "autoscaling.guards.pause_above_gc";
    pub(in super::super) const PAUSE_FAILURES: &str = "autoscaling.guards.pause_above_failures";
    pub(in super::super) const STALE: &str = "autoscaling.guards.stale_ticks";
    /// Facts were lost on the way: no key, for nobody should want it off.
    pub(in super::super) const FACTS_LOST: &str = "facts_lost";
    /// Executors that may not go: no key.
    pub(in super::super) const PROTECTED: &str = "protected";
}

/// `number` times `factor`, rounded up as Kubernetes does; a hair over a whole number counts as that whole number, so
/// that 10 * 1.1 is 11.
pub(super) fn scaled(number: u32, factor: f64) -> u32 {
    saturating_u32(ceil_u64(f64::from(number) * factor * (1.0 - 1e-12)))
}

/// Whether `need` is so near to `present` executors that nothing changes: off by less than the share `band` of them.
pub(super) fn in_dead_band(present: u32, need: u32, band: f64) -> bool {
    f64::from(present.abs_diff(need)) < band * f64::from(present)
}

/// The largest target that may follow `smallest`, the smallest one of the last minute.
pub(super) fn growth_ceiling(smallest: u32, factor: f64) -> u32 {
    let base = smallest.max(1);
    base.max(scaled(base, factor))
}

/// The smallest target that may follow `largest`, the largest one of the down window. Where `share` allows any shrinking
/// at all, at least one executor may go: 40 % of two executors would be none, for ever.
pub(super) fn shrink_floor(largest: u32, share: f64) -> u32 {
    if share > 0.0 { scaled(largest, 1.0 - share.min(1.0)).min(largest.saturating_sub(1)) } else { largest }
}

/// What is left of the cool-down after the last move, for a move the other way.
pub(super) fn cooling(last: Option<Direction>, wanted: Direction, since_ms: u64, cooldown_ms: u64) -> Option<u64> {
    last.filter(|last| *last != wanted).and_then(|_| cooldown_ms.checked_sub(since_ms)).filter(|left| *left > 0)
}

/// Why scaling pauses, if it does: the guard and the reason.
pub(super) fn pause(
    guards: &Guards,
    input: &ControlInput,
    stale_ticks: u32,
) -> Option<(&'static str, Cow<'static, str>)> {
    if input.facts_lost {
        return Some((key::FACTS_LOST, Cow::Borrowed("facts were lost on the way, so the counts may be wrong")));
    }
    if stale_ticks >= guards.stale_ticks.max(1) {
        let why = format!("{stale_ticks} ticks in a row brought no new facts");
        return Some((key::STALE, Cow::Owned(why)));
    }
    let shares = [
        (key::PAUSE_GC, input.gc_share, guards.pause_above_gc, "of recent task time went to garbage collection"),
        (key::PAUSE_FAILURES, input.failure_share, guards.pause_above_failures, "of recent tasks failed"),
    ];
    shares.into_iter().find_map(|(guard, share, limit, what)| {
        let share = share.filter(|share| *share > limit)?;
        let why = format!("{} % {what}, more than {} %", percent(share), percent(limit));
        Some((guard, Cow::Owned(why)))
    })
}

/// A share in percent with one decimal at most, for people.
pub(super) fn percent(share: f64) -> f64 {
    if share.is_finite() { libm::round(share.clamp(-10.0, 10.0) * 1_000.0) / 10.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: KEP-853, stories 1 and 2: 900 % a minute from 1.
    #[test]
    fn scale_up_limit() {
        let mut replicas = 1;
        for expected in [10, 100, 1_000] {
            replicas = growth_ceiling(replicas, 1.0 + 900.0 / 100.0);
            assert_eq!(replicas, expected);
        }
    }

    /// Source: KEP-853, story 2: one of 1000 a window.
    #[test]
    fn scale_down_limit() {
        assert_eq!(shrink_floor(1_000, 1.0 / 1_000.0), 999);
    }

    /// Source: KEP-4951: 100 replicas, ratio 1.07, tolerance 10 % and 5 %; 50 replicas at 90 % for a target of 75 %.
    #[test]
    fn tolerance() {
        assert_eq!(scaled(100, 1.07), 107);
        assert!(in_dead_band(100, 107, 0.10));
        assert!(!in_dead_band(100, 107, 0.05));
        assert_eq!(scaled(50, 0.90 / 0.75), 60);
        assert!(!in_dead_band(50, 60, 0.10));
    }

    #[test]
    fn growth_by_small_factors_moves_and_by_one_does_not() {
        for (smallest, factor, ceiling) in [
            (0, 2.0, 2),
            (1, 1.05, 2),
            (2, 2.0, 4),
            (10, 1.1, 11),
            (10, 1.0, 10),
            (10, 0.5, 10),
            (10, f64::NAN, 10),
            (10, f64::INFINITY, u32::MAX),
            (u32::MAX, 2.0, u32::MAX),
        ] {
            assert_eq!(growth_ceiling(smallest, factor), ceiling, "{smallest} {factor}");
        }
    }

    #[test]
    fn shrinking_by_a_share_rounds_in_favour_of_staying_but_never_stops() {
        for (largest, share, floor) in [
            (6, 0.4, 4),
            (4, 0.4, 3),
            (3, 0.4, 2),
            (2, 0.4, 1),
            (10, 1.0, 0),
            (10, 7.0, 0),
            (10, 0.0, 10),
            (10, -1.0, 10),
            (10, f64::NAN, 10),
            (0, 0.4, 0),
            (u32::MAX, 0.4, 2_576_980_377),
        ] {
            assert_eq!(shrink_floor(largest, share), floor, "{largest} {share}");
        }
    }

    #[test]
    fn dead_band_is_less_than_its_share() {
        assert!(in_dead_band(100, 104, 0.05));
        assert!(!in_dead_band(100, 105, 0.05));
        assert!(!in_dead_band(0, 1, 0.05));
        assert!(!in_dead_band(100, 101, 0.0));
        assert!(!in_dead_band(100, 101, f64::NAN));
    }

    #[test]
    fn cool_down_is_between_opposite_moves() {
        use Direction::{Down, Up};
        assert_eq!(cooling(None, Up, 0, 120), None);
        assert_eq!(cooling(Some(Up), Up, 0, 120), None);
        assert_eq!(cooling(Some(Up), Down, 100, 120), Some(20));
        assert_eq!(cooling(Some(Up), Down, 120, 120), None);
        assert_eq!(cooling(Some(Down), Up, u64::MAX, 120), None);
    }
}
