//! Where run times are heading: the median slope of all pairs of runs in the history window (Theil and Sen), so that neither one odd run nor
//! the choice of two points decides.
//!
//! Source: Sen, Estimates of the regression coefficient based on Kendall's tau (1968): up to 29 % of the runs may be outliers.

use alloc::vec::Vec;

use super::contract::Trend;
use crate::policy::ResolvedPolicy;
use crate::trace::{Decision, Flip, Grade, Scalar, Side, Trace, Unit};

/// Fewer runs than this say nothing of a trend.
pub const LEAST_RUNS: usize = 4;
/// More runs than this are not looked at: the slope takes every pair.
pub const MOST_RUNS: usize = 200;
/// A change over the whole window that is less than this share of the median run is none.
pub const STABLE_WITHIN: f64 = 0.10;

/// The median of all slopes between two runs, in milliseconds a run; `None` for fewer than two.
#[must_use]
pub fn median_slope(runs_ms: &[u64]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(runs_ms.len() * runs_ms.len().saturating_sub(1) / 2);
    for (later, to) in runs_ms.iter().enumerate() {
        for (earlier, from) in runs_ms.iter().take(later).enumerate() {
            slopes.push((*to as f64 - *from as f64) / (later - earlier) as f64);
        }
    }
    median(&mut slopes)
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let odd = values.len() % 2 == 1;
    // Both middles without sorting the rest: there may be many slopes.
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = if odd { *upper } else { below.iter().copied().max_by(f64::total_cmp).unwrap_or(*upper) };
    Some(lower.midpoint(*upper))
}

/// Where run times are heading that change by this share of the median over the window.
fn heading(change: f64) -> Trend {
    if change > STABLE_WITHIN {
        Trend::Degrading
    } else if change < -STABLE_WITHIN {
        Trend::Improving
    } else {
        Trend::Stable
    }
}

/// Decides where run times are heading; `runs_ms` are the oldest first.
#[must_use]
pub fn trend(policy: &ResolvedPolicy, runs_ms: &[u64]) -> Decision<Trend> {
    let window = policy.monitoring.runs_looked_at().min(MOST_RUNS);
    let runs = runs_ms.get(runs_ms.len().saturating_sub(window)..).unwrap_or_default();
    let mut times: Vec<f64> = runs.iter().map(|ms| *ms as f64).collect();
    let middle = median(&mut times).unwrap_or(0.0);
    let slope = median_slope(runs);
    let change = match slope {
        Some(slope) if middle > 0.0 => Some(slope * (runs.len() - 1) as f64 / middle),
        _ => None,
    };
    let flip = |side, at: f64, becomes: Trend| Flip {
        input: "a change over the window, as a share, of".into(),
        side,
        at: Scalar::Real(at),
        unit: Unit::None,
        becomes: becomes.word().into(),
    };
    let up = |becomes, at| flip(Side::UpTo, at, becomes);
    let down = |becomes, at| flip(Side::DownTo, at, becomes);
    let (value, flips) = match change {
        _ if runs.len() < LEAST_RUNS => {
            let runs = Flip {
                input: "runs of".into(),
                at: Scalar::Whole(LEAST_RUNS as u64),
                ..up(change.map_or(Trend::Stable, heading), 0.0)
            };
            (Trend::InsufficientData, alloc::vec![runs])
        }
        Some(change) => {
            let value = heading(change);
            let flips = match value {
                Trend::Degrading => alloc::vec![down(Trend::Stable, STABLE_WITHIN)],
                Trend::Improving => alloc::vec![up(Trend::Stable, -STABLE_WITHIN)],
                _ => alloc::vec![down(Trend::Improving, -STABLE_WITHIN), up(Trend::Degrading, STABLE_WITHIN)],
            };
            (value, flips)
        }
        None => (Trend::Stable, Vec::new()),
    };
    Trace::new(
        "review.trend",
        "run times that rise by more than 10 % over the window are degrading, that fall improving; median slope of all pairs of runs \
         (Theil-Sen), at least 4 runs",
        Unit::None,
    )
    .input("runs in the window", runs.len() as u64, Unit::None, policy.origin("monitoring.performance_history_size"))
    .input("median run", crate::units::floor_u64(middle), Unit::Milliseconds, "history")
    .input("median slope in ms a run", slope, Unit::None, "history")
    .input("change over the window, as a share", change, Unit::None, "")
    .unbounded(value.word())
    .flips(flips)
    .decide(value, if runs.len() < LEAST_RUNS { Grade::C } else { Grade::A })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(runs_ms: &[u64]) -> Trend {
        trend(&ResolvedPolicy::default(), runs_ms).value
    }

    #[test]
    fn a_trend_is_of_all_runs_and_not_of_two() {
        assert_eq!(of(&[10, 20, 30]), Trend::InsufficientData);
        assert_eq!(of(&[]), Trend::InsufficientData);
        assert_eq!(of(&[100, 110, 120, 130, 140]), Trend::Degrading);
        assert_eq!(of(&[140, 130, 120, 110, 100]), Trend::Improving);
        assert_eq!(of(&[100, 101, 99, 102, 98, 100]), Trend::Stable);
        // The first and the last run alone would say the contrary.
        assert_eq!(of(&[100, 100, 101, 99, 100, 100, 101, 100, 100, 400]), Trend::Stable);
        assert_eq!(of(&[50, 130, 125, 120, 115, 110, 105, 100, 95, 120]), Trend::Improving);
        assert_eq!(of(&[0; 10]), Trend::Stable);
        assert_eq!(of(&[u64::MAX; 10]), Trend::Stable);
    }

    #[test]
    fn only_the_window_counts() {
        let mut policy = ResolvedPolicy::default();
        policy.monitoring.performance_history_size = 5;
        let runs = [900, 800, 700, 600, 500, 100, 100, 100, 100, 100];
        assert_eq!(trend(&policy, &runs).value, Trend::Stable);
        assert_eq!(of(&runs), Trend::Improving);
    }
}
