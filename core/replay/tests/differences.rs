//! What `diff` says of a change of the policy holds: its sign, and its intervals, in replays with start-up times that it has not seen.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::convert::Infallible;

use sparkwright_core::control::{ControlInput, control, tick_ms};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_replay::allocations::PolicyAllocation;
use sparkwright_replay::compare::{DRAWS, compare, drawn};
use sparkwright_replay::simulation::{Manager, StartTimes};
use sparkwright_replay::steered::{SteeredRun, steered};
use sparkwright_replay::trace::Trace;
use support::clusters::{TARGETS, like_its_own, standalone, whole_runs};
use support::loads::loads;
use support::public::logs;

/// Changes of the policy that are drawn, each tried on so many runs.
const CHANGES: u64 = 50;
const RUNS_EACH: usize = 2;
/// Draws that a comparison has not seen.
const UNSEEN: u32 = 10;
/// Start-up times as a log may show them: no two are alike.
const STARTS_US: [i64; 5] = [6_000_000, 9_000_000, 12_000_000, 8_000_000, 15_000_000];

/// Whole numbers at random, the same each time.
struct Random(u64);

impl Random {
    /// One below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014), SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// A policy as a team may have it.
fn policy(random: &mut Random) -> ResolvedPolicy {
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.min_executors = random.of(&[1, 1, 2, 4]);
    policy.autoscaling.max_executors = random.of(&[4, 8, 16, 32]);
    policy.pipeline.optimization_target = random.of(&TARGETS);
    policy
}

/// The same with one or two keys changed.
fn changed(policy: &ResolvedPolicy, random: &mut Random) -> ResolvedPolicy {
    let mut policy = policy.clone();
    for _ in 0..=random.below(2) {
        match random.below(6) {
            0 => policy.autoscaling.min_executors = random.of(&[1, 2, 3, 4]),
            1 => policy.autoscaling.max_executors = random.of(&[4, 6, 10, 24, 48]),
            2 => policy.pipeline.optimization_target = random.of::<OptimizationTarget>(&TARGETS),
            3 => policy.guards.down_window_seconds = random.of(&[10, 60, 300]),
            4 => policy.guards.max_growth_a_minute = random.of(&[1.5, 2.0, 4.0]),
            _ => policy.guards.cooldown_seconds = random.of(&[15, 60, 120]),
        }
    }
    policy
}

/// A run under a policy, on executors that start so late.
fn run(trace: &Trace, cluster: &Manager, policy: &ResolvedPolicy, starts: &StartTimes) -> SteeredRun {
    let scaling = &policy.autoscaling;
    let most = cluster.most.min(scaling.max_executors);
    let initial = scaling.min_executors.min(most);
    let cluster = Manager { initial, most, ..cluster.starting(starts) };
    let every_us = i64::try_from(tick_ms(policy)).unwrap() * 1_000;
    let decide = |facts: &ControlInput| Some(control(policy, facts));
    steered(trace, &cluster, &mut PolicyAllocation::new(decide, &cluster, trace.start_ms, every_us))
}

#[test]
fn signs_and_intervals_hold_for_start_ups_that_were_not_seen() {
    let mut runs: Vec<(Trace, Manager)> =
        loads().into_iter().map(|(_, trace)| (trace, standalone(1, 48, 3_000))).collect();
    if let Some(folder) = logs() {
        let public = whole_runs(&folder).into_iter().map(|(_, trace)| {
            let cluster = Manager { most: 48, ..like_its_own(&trace, 5_000) };
            (trace, cluster)
        });
        runs.extend(public);
    }
    let measured = StartTimes::alike(&STARTS_US);
    let mut random = Random(17);
    let (mut signs, mut right, mut intervals, mut within) = (0, 0, 0, 0);
    for _ in 0..CHANGES {
        let old = policy(&mut random);
        let new = changed(&old, &mut random);
        for _ in 0..RUNS_EACH {
            let (trace, cluster) = &runs[usize::try_from(random.below(runs.len() as u64)).unwrap()];
            let under = |policy: &ResolvedPolicy, starts: &StartTimes| run(trace, cluster, policy, starts);
            let compared = compare(
                trace,
                &measured,
                |starts| Ok::<_, Infallible>(under(&old, starts)),
                |starts| Ok(under(&new, starts)),
            )
            .unwrap();
            let told = compared.time_us;
            // A change that makes no difference to a run says nothing here.
            if told.low == told.high {
                continue;
            }
            for draw in DRAWS..DRAWS + UNSEEN {
                let starts = drawn(&measured, draw);
                let seen_us = under(&new, &starts).time_us - under(&old, &starts).time_us;
                intervals += 1;
                within += u32::from((told.low..=told.high).contains(&seen_us));
                // It is told as longer or as shorter where the interval holds no zero.
                if told.low > 0 || told.high < 0 {
                    signs += 1;
                    right += u32::from(seen_us.signum() == told.expected.signum());
                }
            }
        }
    }
    let share = |part: u32, all: u32| f64::from(part) / f64::from(all.max(1));
    eprintln!(
        "signs right: {:.3} of {signs}; within the interval: {:.3} of {intervals}",
        share(right, signs),
        share(within, intervals)
    );
    assert!(signs >= 100 && intervals >= 200, "{signs} {intervals}");
    assert!(share(right, signs) >= 0.95, "{right} of {signs}");
    assert!((0.85..=0.95).contains(&share(within, intervals)), "{within} of {intervals}");
}
