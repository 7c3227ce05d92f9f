//! A run under two policies: how much sooner it ends under one, and how much less executor time it takes.
//!
//! Both are replayed with the same start-up times of executors, drawn from those that were measured, and the difference is taken draw by draw:
//! what is uncertain of both is not uncertain of their difference.

use alloc::vec::Vec;

use crate::simulation::{Manager, StartTimes};
use crate::steered::SteeredRun;
use crate::trace::Trace;
use sparkwright_core::trace::Grade;

/// How often a run is replayed under each policy. Of so many differences the smallest and the largest hold between them nine of ten others.
pub const DRAWS: u32 = 19;

/// How much longer or shorter than measured a start-up may be, as a factor.
const SPREAD: f64 = 1.5;
/// Start-up times of a draw, of each group; from the first again when all were used.
const STARTS: usize = 16;

/// A difference, new less old, in the unit of what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The middle one of all draws.
    pub expected: i64,
    /// The smallest.
    pub low: i64,
    /// The largest.
    pub high: i64,
}

impl Difference {
    /// Of the differences of every draw.
    #[must_use]
    pub fn of(mut draws: Vec<i64>) -> Self {
        draws.sort_unstable();
        let at = |place: usize| draws.get(place).copied().unwrap_or(0);
        Self { expected: at(draws.len() / 2), low: at(0), high: at(draws.len().saturating_sub(1)) }
    }
}

/// A run under two policies.
#[derive(Debug, Clone)]
pub struct Compared {
    /// As it would be under the old policy, with start-up times as measured.
    pub old: SteeredRun,
    /// As it would be under the new one.
    pub new: SteeredRun,
    /// By how much the run takes longer, microseconds.
    pub time_us: Difference,
    /// By how much it takes more executor time, microseconds.
    pub executor_us: Difference,
    /// How well the log knows it: both within twice the recorded number of executors, or beyond.
    pub grade: Grade,
}

/// Replays a run under two policies: `old` and `new` replay it on a manager of these executors' start-up times.
///
/// # Errors
/// One of them could not.
pub fn compare<E>(
    trace: &Trace,
    starts: &StartTimes,
    mut old: impl FnMut(&StartTimes) -> Result<SteeredRun, E>,
    mut new: impl FnMut(&StartTimes) -> Result<SteeredRun, E>,
) -> Result<Compared, E> {
    let (as_old, as_new) = (old(starts)?, new(starts)?);
    let (mut times, mut executors) = (Vec::new(), Vec::new());
    for draw in 0..DRAWS {
        let starts = drawn(starts, draw);
        let (old, new) = (old(&starts)?, new(&starts)?);
        times.push(new.time_us - old.time_us);
        executors.push(new.executor_us - old.executor_us);
    }
    let recorded = u32::try_from(trace.executors.len()).unwrap_or(u32::MAX).max(1);
    let most = as_old.most_executors.max(as_new.most_executors);
    let within = most <= recorded.saturating_mul(2) && most.saturating_mul(2) >= recorded;
    let grade = if within { Grade::B } else { Grade::C };
    let (time_us, executor_us) = (Difference::of(times), Difference::of(executors));
    Ok(Compared { old: as_old, new: as_new, time_us, executor_us, grade })
}

/// Start-up times drawn from the measured ones, all longer or shorter by up to one half and each by up to its root more. The same for the same draw;
/// [`compare`] takes the first [`DRAWS`].
#[must_use]
pub fn drawn(starts: &StartTimes, draw: u32) -> StartTimes {
    // Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014), SplitMix64.
    let mut state = u64::from(draw).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x5851_F42D_4C95_7F2D);
    let mut random = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    // One factor for the draw, for a busy cluster is slow with all of them, and a smaller one for each.
    let mut factor = |spread: f64| {
        let share = (random() >> 11) as f64 / (1_u64 << 53) as f64;
        libm::pow(spread, 2.0 * share - 1.0)
    };
    let all = factor(SPREAD);
    // The cast saturates.
    starts.repeated(STARTS).each(|us| (us as f64 * all * factor(libm::sqrt(SPREAD))) as i64)
}

impl Manager {
    /// This cluster with executors that start as late as these.
    #[must_use]
    pub fn starting(&self, starts: &StartTimes) -> Self {
        Self { starts: starts.clone(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn draws_are_the_same_each_time_and_within_their_spread() {
        for draw in 0..200 {
            let starts = drawn(&StartTimes::alike(&[4_000_000, 8_000_000]), draw);
            assert_eq!(starts, drawn(&StartTimes::alike(&[4_000_000, 8_000_000]), draw));
            for (turn, start) in starts.groups[0].iter().enumerate() {
                let factor = *start as f64 / [4e6, 8e6][turn % 2];
                assert!((1.0 / 1.84..=1.84).contains(&factor), "{factor}");
            }
        }
        let one = StartTimes::alike(&[4_000_000]);
        assert_ne!(drawn(&one, 1), drawn(&one, 2));
        assert!(drawn(&StartTimes::default(), 1).is_empty());
    }

    #[test]
    fn a_difference_is_the_middle_one_between_the_ends() {
        assert_eq!(Difference::of(vec![3, -5, 9]), Difference { expected: 3, low: -5, high: 9 });
        assert_eq!(Difference::of(vec![]), Difference { expected: 0, low: 0, high: 0 });
    }
}
