//! How long an idle executor stays: as long as having it back would cost.
//!
//! This is the problem of when to stop renting skis and buy them: to wait costs executor time, to let go costs a start-up, and nobody knows when work comes
//! back. Waiting for as long as the start-up costs is never worse than twice the best choice in hindsight. Where the gaps between works repeat they
//! tell more: the time is then the one that would have cost least over the gaps seen, within half and twice of it, so that it is never worse than three
//! times the best. Source: Karlin et al., Competitive snoopy caching (1988); Purohit, Svitkina and Kumar, Improving online algorithms via ML
//! predictions (2018).

use alloc::vec::Vec;

use super::contract::{ControlInput, ControlState};
use super::window::{self, Extreme};
use crate::executor::shared_work::elasticity_weight;
use crate::policy::{OptimizationTarget, ResolvedPolicy};
use crate::units::floor_u64;

/// The longest that an executor stays idle, and how long where its start-up is not known:
/// the default of `spark.dynamicAllocation.executorIdleTimeout`.
const SPARK_IDLE_MS: u64 = 60_000;

/// The longest that an executor stays idle, in times that it takes to start. Held to the replay of loads with pauses: more costs executor time and
/// makes none of them faster.
const MOST_START_UPS: u64 = 6;

/// The shortest time over which needs, looked at every tick, tell how many executors would do.
const LEAST_WINDOW_MS: u64 = 10_000;

/// Gaps that are remembered.
pub(super) const MOST_GAPS: usize = 8;
/// From how many gaps on an executor may go sooner than by the rule; one is enough for it to stay longer.
const TELLING_GAPS: usize = 2;
/// How much longer than a gap of before an executor waits for the next one of its like.
const ALLOWANCE: f64 = 1.1;

/// How long an idle executor stays, with weight alpha of the target and start-up L: `L / (1 - alpha)`, bounded, sharpened by the `gaps_ms` seen.
pub(super) fn stay_ms(weight: f64, start_ms: Option<u64>, gaps_ms: &[u64]) -> u64 {
    let Some(start_ms) = start_ms else { return SPARK_IDLE_MS };
    let back_ms = back_ms(weight, start_ms);
    let rule_ms = back_ms.min(start_ms.saturating_mul(MOST_START_UPS)).min(SPARK_IDLE_MS);
    let least_ms = if gaps_ms.len() < TELLING_GAPS { rule_ms } else { rule_ms.min(back_ms / 2) };
    let most_ms = rule_ms.max(back_ms.saturating_mul(2));
    let cost = |stay_ms: u64| {
        gaps_ms.iter().fold(0_u64, |sum, gap_ms| {
            sum.saturating_add(if *gap_ms <= stay_ms { *gap_ms } else { stay_ms.saturating_add(back_ms) })
        })
    };
    // Of equal ones the rule's own stands.
    let mut stay_ms = rule_ms;
    for gap_ms in gaps_ms {
        for other_ms in [least_ms, rounded(*gap_ms as f64 * ALLOWANCE).clamp(least_ms, most_ms)] {
            if cost(other_ms) < cost(stay_ms) {
                stay_ms = other_ms;
            }
        }
    }
    stay_ms
}

/// Whether executors with cached data go as others do, their data moving on. Where time is all that counts they stay, as under Spark's own rule: with
/// them go the slots that the data is near to.
pub(super) const fn moves_cached(target: OptimizationTarget) -> bool {
    !matches!(target, OptimizationTarget::Speed)
}

/// What having an executor back costs, in executor time: `L / (1 - alpha)`.
fn back_ms(weight: f64, start_ms: u64) -> u64 {
    rounded(start_ms as f64 / (1.0 - weight)).max(start_ms)
}

/// How many of the executors were more than needed all the time, although none of them may have been idle for long: tasks are spread over all.
///
/// All the time is as long as having them back would cost, or for those that were never needed as long as one takes to start.
pub(super) fn spare(
    policy: &ResolvedPolicy,
    input: &ControlInput,
    state: &mut ControlState,
    staying: u32,
    need: u32,
    stay_ms: u64,
) -> u32 {
    let start_ms = input.executor_start_ms;
    let weight = elasticity_weight(policy.pipeline.optimization_target);
    let worth_ms = start_ms.map_or(SPARK_IDLE_MS, |start_ms| back_ms(weight, start_ms)).max(stay_ms);
    // What was needed before the first look is not known.
    let spare = if state.target.is_some() { staying.saturating_sub(need) } else { 0 };
    let now_ms = input.now_ms;
    let all_of_it = window::remember(&mut state.spare, Extreme::Smallest, worth_ms.max(LEAST_WINDOW_MS), now_ms, spare);
    // The window holds the least of each shorter one as well: its first entry within it.
    let lately_ms = start_ms.unwrap_or(0).max(LEAST_WINDOW_MS);
    let within = state.spare.iter().find(|entry| now_ms.saturating_sub(entry.at_ms) < lately_ms);
    let lately = within.map_or(spare, |entry| entry.executors);
    all_of_it.max(lately.min(staying.saturating_sub(state.most_needed)))
}

fn rounded(ms: f64) -> u64 {
    floor_u64(ms + 0.5)
}

/// Notes whether tasks fill the executors there are: when they stopped, and how long it took until they did again.
pub(super) fn note(since_ms: &mut Option<u64>, gaps_ms: &mut Vec<u64>, now_ms: u64, filled: bool) {
    match (*since_ms, filled) {
        (Some(since), true) => {
            gaps_ms.push(now_ms.saturating_sub(since));
            let excess = gaps_ms.len().saturating_sub(MOST_GAPS);
            gaps_ms.drain(..excess);
            *since_ms = None;
        }
        (None, false) => *since_ms = Some(now_ms),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_executor_stays_as_long_as_having_it_back_costs() {
        for (weight, start_ms, stay) in [
            (0.95, Some(4_000), 24_000),
            (0.8, Some(4_000), 20_000),
            (0.5, Some(4_000), 8_000),
            (0.1, Some(4_000), 4_444),
            // Never longer than Spark's own timeout; that long where nothing is known.
            (0.95, Some(30_000), 60_000),
            (0.5, Some(40_000), 60_000),
            (0.1, None, 60_000),
            (0.5, Some(0), 0),
            (0.5, Some(u64::MAX), 60_000),
        ] {
            assert_eq!(stay_ms(weight, start_ms, &[]), stay, "{weight} {start_ms:?}");
            assert_eq!(stay_ms(weight, start_ms, &[1]), stay, "one gap is none");
        }
    }

    #[test]
    fn gaps_that_repeat_are_waited_for_or_not_at_all() {
        let stay = |gaps: &[u64]| stay_ms(0.8, Some(4_000), gaps);
        // 20 s by the rule. Gaps of 25 s are worth waiting for, gaps of a minute are not, and short ones need no more than they take.
        assert_eq!(stay(&[25_000, 25_000]), 27_500);
        assert_eq!(stay(&[60_000, 60_000]), 10_000);
        assert_eq!(stay(&[2_000, 3_000]), 20_000);
        assert_eq!(stay(&[u64::MAX, u64::MAX]), 10_000);
    }

    #[test]
    fn never_worse_than_three_times_the_best_in_hindsight() {
        let back = 20_000_u64;
        for seen in [[1_000, 1_000], [25_000, 25_000], [90_000, 90_000], [12_000, 30_000]] {
            let stay = stay_ms(0.8, Some(4_000), &seen);
            for gap in (1_000..200_000).step_by(500) {
                let cost = if gap <= stay { gap } else { stay + back };
                assert!(cost <= 3 * gap.min(back), "{seen:?} {gap}: {cost}");
            }
        }
    }

    #[test]
    fn gaps_are_from_idle_to_full_again() {
        let (mut since, mut gaps) = (None, Vec::new());
        for (now, filled) in [(0, true), (10, false), (20, false), (35, true), (40, true), (50, false)] {
            note(&mut since, &mut gaps, now, filled);
        }
        assert_eq!((since, gaps.as_slice()), (Some(50), &[25][..]));
        for turn in 0..100 {
            note(&mut since, &mut gaps, 1_000 + turn, turn % 2 == 0);
        }
        assert!(gaps.len() <= MOST_GAPS);
        // A clock that went back.
        note(&mut since, &mut gaps, 0, true);
        assert_eq!(gaps.last(), Some(&0));
    }
}
