//! The number of executors at the start, chosen by replaying an earlier run, against Spark's dynamic allocation that starts with one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use sparkwright_core::executor::shared_work::elasticity_weight;
use sparkwright_core::executor::start::best;
use sparkwright_core::facts::StartTried;
use sparkwright_core::policy::OptimizationTarget;
use sparkwright_replay::simulation::Manager;
use sparkwright_replay::starts::sizes;
use sparkwright_replay::trace::Trace;
use support::clusters::{Shares, TARGETS, by_policy, by_spark, like_its_own, whole_runs};
use support::public::logs;

/// The number that the replays of this run on this cluster choose.
fn chosen(trace: &Trace, cluster: &Manager, target: OptimizationTarget) -> u32 {
    let tried = sizes(cluster.most, (1, cluster.most)).into_iter().map(|executors| {
        let (time_us, executor_us) =
            by_policy(trace, &Manager { initial: executors, ..cluster.clone() }, false, target);
        StartTried { executors, run_ms: (time_us / 1e3) as u64, executor_ms: (executor_us / 1e3) as u64 }
    });
    best(target, &tried.collect::<Vec<_>>()).unwrap().executors
}

/// What the same run would have taken with the number that it chooses: the most that a start can do.
#[test]
fn public_logs_with_what_they_choose() {
    let Some(folder) = logs() else { return };
    let traces = whole_runs(&folder);
    for start_ms in [5_000, 30_000] {
        let summaries = TARGETS.map(|target| {
            let mut shares = Shares::default();
            for (_, trace) in &traces {
                let cluster = like_its_own(trace, start_ms);
                let with = Manager { initial: chosen(trace, &cluster, target), ..cluster.clone() };
                shares.note(by_policy(trace, &with, false, target), by_spark(trace, &cluster, false));
            }
            shares.summary(&format!("executors after {} s: {target:?}", start_ms / 1_000))
        });
        let [speed, quality, balanced, memory] = summaries;
        assert!(speed.0 <= 0.89 && speed.1 <= 1.12, "{speed:?}");
        assert!(quality.0 <= 0.89 && quality.1 <= 1.09, "{quality:?}");
        assert!(balanced.0 <= 0.95 && balanced.1 <= 1.0, "{balanced:?}");
        assert!(memory.0 <= 1.02 && memory.1 <= 0.90, "{memory:?}");
    }
}

/// Two attempts of one job: what the first one chooses, the second one starts with.
#[test]
fn the_second_attempt_starts_with_what_the_first_one_chose() {
    let Some(folder) = logs() else { return };
    let traces = whole_runs(&folder);
    let attempt = |number: u32| {
        let name = format!("rapids/attempt_{number}_eventlog.zstd");
        &traces.iter().find(|(of, _)| *of == name).unwrap().1
    };
    for start_ms in [5_000, 30_000] {
        let cluster = like_its_own(attempt(1), start_ms);
        let sparks = by_spark(attempt(2), &cluster, false);
        for target in [OptimizationTarget::Speed, OptimizationTarget::Balanced] {
            let with = Manager { initial: chosen(attempt(1), &cluster, target), ..cluster.clone() };
            let ours = by_policy(attempt(2), &with, false, target);
            eprintln!(
                "{target:?}, {start_ms}: {} at the start, {:.2} and {:.2}",
                with.initial,
                ours.0 / sparks.0,
                ours.1 / sparks.1
            );
            // For its target it costs no more than starting with one, and less than Spark's rule.
            let alpha = elasticity_weight(target);
            let cost = |(time, executors): (f64, f64)| alpha * time.ln() + (1.0 - alpha) * executors.ln();
            let from_one = by_policy(attempt(2), &Manager { initial: 1, ..cluster.clone() }, false, target);
            assert!(cost(ours) <= cost(from_one) + 0.01 && cost(ours) < cost(sparks) - 0.04, "{target:?}: {ours:?}");
            if target == OptimizationTarget::Speed {
                assert!(with.initial > 1 && ours.0 <= 0.80 * sparks.0 && ours.1 <= 1.35 * sparks.1, "{ours:?}");
            }
        }
    }
}
