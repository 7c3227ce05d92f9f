//! The controller of each target against Spark's own rule, by replay: run time and executor time as shares of what they are under Spark's dynamic
//! allocation with the same bounds, one executor at the start, and nothing known of earlier runs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use sparkwright_core::control::{ControlInput, control, tick_ms};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Allocation, Manager, Model, replay_steered};
use sparkwright_replay::trace::Trace;
use support::loads::loads;
use support::public::{USABLE, logs, trace};

use OptimizationTarget::{Balanced, Memory, Quality, Speed};

const TARGETS: [OptimizationTarget; 4] = [Speed, Quality, Balanced, Memory];
const START_MS: i64 = 1_700_000_000_000;

/// A standalone cluster that gives up to `most` executors of so many slots, each so long after it was asked for.
fn standalone(slots: u32, most: u32, start_ms: i64) -> Manager {
    Manager {
        slots,
        profile: 0,
        initial: 1,
        most,
        initial_start_us: vec![start_ms * 1_000],
        start_us: vec![start_ms * 1_000],
        removal_us: 500_000,
        called_off_within_us: Some(500_000),
        moves_blocks: true,
        shuffle_service: false,
        on_a_host: most,
    }
}

/// The same of a cluster manager that has containers to give: they can be called off for longer, and go later.
fn managed(slots: u32, most: u32, start_ms: i64) -> Manager {
    Manager {
        removal_us: 1_500_000,
        called_off_within_us: Some(2_500_000),
        on_a_host: 1,
        ..standalone(slots, most, start_ms)
    }
}

/// Run time and executor time, microseconds.
fn run(trace: &Trace, cluster: &Manager, whole: bool, allocation: &mut dyn Allocation) -> (f64, f64) {
    let replayed = replay_steered(trace, &Model::OTHER_SIZES, cluster, allocation);
    assert!(replayed.jobs.iter().all(Option::is_some), "every job ends");
    // A log of many hours in which the driver waits for its user is compared by the time within its jobs.
    let time_us = if whole { replayed.end_us() } else { InJobTime::of(trace, &replayed).replayed_us };
    (time_us as f64, replayed.executor_us() as f64)
}

/// A target's shares of Spark's run time and executor time, over several runs.
#[derive(Debug, Default)]
struct Shares {
    time: Vec<f64>,
    executors: Vec<f64>,
}

impl Shares {
    fn mean(values: &[f64]) -> f64 {
        (values.iter().map(|share| share.ln()).sum::<f64>() / values.len() as f64).exp()
    }

    /// Geometric means of both, and the longest run.
    fn summary(&self) -> (f64, f64, f64) {
        (Self::mean(&self.time), Self::mean(&self.executors), self.time.iter().copied().fold(0.0, f64::max))
    }
}

/// Every target's shares over these runs, printed.
fn shares<'a>(title: &str, runs: impl Iterator<Item = (&'a Trace, Manager)>, whole: bool) -> [Shares; 4] {
    let mut all: [Shares; 4] = Default::default();
    for (trace, cluster) in runs {
        let spark = run(trace, &cluster, whole, &mut SparkAllocation::new(1, cluster.most, 1, cluster.slots));
        for (shares, target) in all.iter_mut().zip(TARGETS) {
            let mut policy = ResolvedPolicy::default();
            (policy.autoscaling.min_executors, policy.autoscaling.max_executors) = (1, cluster.most);
            policy.pipeline.optimization_target = target;
            let every_us = i64::try_from(tick_ms(&policy)).unwrap() * 1_000;
            let decide = |facts: &ControlInput| Some(control(&policy, facts));
            let mut allocation = PolicyAllocation::new(decide, &cluster, START_MS, every_us);
            let ours = run(trace, &cluster, whole, &mut allocation);
            shares.time.push(ours.0 / spark.0);
            shares.executors.push(ours.1 / spark.1);
        }
    }
    for (shares, target) in all.iter().zip(TARGETS) {
        let (time, executors, longest) = shares.summary();
        eprintln!(
            "{title}: {target:?} {time:.3} of the time at {executors:.3} of the executor time, {longest:.2} at most"
        );
    }
    all
}

/// Up to eight executors that start within two and a half to four seconds, as on a standalone cluster.
#[test]
fn loads_with_pauses_and_stragglers() {
    let loads = loads();
    let starts = [2_500, 3_000, 3_500, 4_000];
    let runs = loads.iter().flat_map(|(_, trace)| starts.map(|start_ms| (trace, standalone(1, 8, start_ms))));
    let [speed, quality, balanced, memory] = shares("loads", runs, true).map(|shares| shares.summary());
    assert!(speed.0 <= 1.0 && speed.1 <= 1.0 && speed.2 <= 1.035, "{speed:?}");
    assert!(quality.0 <= 1.0 && quality.1 <= 1.0, "{quality:?}");
    assert!(balanced.0 <= 1.03 && balanced.1 <= 0.80, "{balanced:?}");
    assert!(memory.0 <= 1.15 && memory.1 <= 0.60, "{memory:?}");
}

#[test]
fn public_logs() {
    let Some(folder) = logs() else { return };
    // Of a log that was cut or lost lines, nobody knows what its run needed.
    let whole = USABLE.iter().filter(|name| !name.contains("truncated") && !name.contains("malformed"));
    let mut traces: Vec<Trace> = whole.map(|name| trace(&folder, name).unwrap()).collect();
    for stage in traces.iter_mut().flat_map(|trace| &mut trace.stages) {
        stage.profile = 0;
    }
    for start_ms in [5_000, 30_000] {
        let runs = traces.iter().map(|trace| {
            let all: u32 = trace.executors.iter().map(|executor| executor.slots).sum();
            let is_local = trace.executors.iter().all(|executor| executor.id == "driver");
            // What ran in one process runs on executors of up to four cores.
            let slots = if is_local { all.min(4) } else { trace.executors[0].slots };
            (trace, managed(slots, (all / slots).max(2), start_ms))
        });
        let title = format!("public logs, executors after {} s", start_ms / 1_000);
        let [speed, quality, balanced, memory] = shares(&title, runs, false).map(|shares| shares.summary());
        assert!(speed.0 <= 0.96 && speed.1 <= 1.10 && speed.2 <= 1.03, "{speed:?}");
        assert!(quality.0 <= 0.98 && quality.1 <= 1.0 && quality.2 <= 1.07, "{quality:?}");
        assert!(balanced.0 <= 0.99 && balanced.1 <= 1.0 && balanced.2 <= 1.07, "{balanced:?}");
        assert!(memory.0 <= 1.06 && memory.1 <= 0.93, "{memory:?}");
    }
}
