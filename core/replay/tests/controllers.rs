//! The controller of each target against Spark's dynamic allocation, by replay: nothing known of earlier runs, one executor at the start.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use sparkwright_replay::simulation::Manager;
use sparkwright_replay::trace::Trace;
use support::clusters::{Shares, TARGETS, by_policy, by_spark, like_its_own, standalone, whole_runs};
use support::loads::loads;
use support::public::logs;

/// Geometric means and the longest run of every target, over these runs.
fn summaries<'a>(title: &str, runs: impl Iterator<Item = (&'a Trace, Manager)>, whole: bool) -> [(f64, f64, f64); 4] {
    let mut all: [Shares; 4] = Default::default();
    for (trace, cluster) in runs {
        let sparks = by_spark(trace, &cluster, whole);
        for (shares, target) in all.iter_mut().zip(TARGETS) {
            shares.note(by_policy(trace, &cluster, whole, target), sparks);
        }
    }
    let mut targets = TARGETS.into_iter();
    all.map(|shares| shares.summary(&format!("{title}: {:?}", targets.next().unwrap())))
}

/// Up to eight executors that start within two and a half to four seconds, as on a standalone cluster.
#[test]
fn loads_with_pauses_and_stragglers() {
    let loads = loads();
    let starts = [2_500, 3_000, 3_500, 4_000];
    let runs = loads.iter().flat_map(|(_, trace)| starts.map(|start_ms| (trace, standalone(1, 8, start_ms))));
    let [speed, quality, balanced, memory] = summaries("loads", runs, true);
    assert!(speed.0 <= 1.0 && speed.1 <= 1.0 && speed.2 <= 1.045, "{speed:?}");
    assert!(quality.0 <= 1.0 && quality.1 <= 1.0, "{quality:?}");
    assert!(balanced.0 <= 1.03 && balanced.1 <= 0.80, "{balanced:?}");
    assert!(memory.0 <= 1.15 && memory.1 <= 0.60, "{memory:?}");
}

#[test]
fn public_logs() {
    let Some(folder) = logs() else { return };
    let traces = whole_runs(&folder);
    let mut speeds = [1.0, 1.0];
    for start_ms in [5_000, 30_000] {
        let runs = traces.iter().map(|(_, trace)| (trace, like_its_own(trace, start_ms)));
        let title = format!("public logs, executors after {} s", start_ms / 1_000);
        let [speed, quality, balanced, memory] = summaries(&title, runs, false);
        assert!(speed.2 <= 1.03, "{speed:?}");
        speeds = [speeds[0] * speed.0, speeds[1] * speed.1];
        assert!(quality.0 <= 0.98 && quality.1 <= 1.0 && quality.2 <= 1.07, "{quality:?}");
        assert!(balanced.0 <= 0.99 && balanced.1 <= 1.0 && balanced.2 <= 1.07, "{balanced:?}");
        assert!(memory.0 <= 1.06 && memory.1 <= 0.93, "{memory:?}");
    }
    let [time, executors] = speeds.map(f64::sqrt);
    eprintln!("speed, both start-ups: {time:.3} of the time at {executors:.3} of the executor time");
    assert!(time <= 0.96 && executors <= 1.10, "{time} {executors}");
}
