//! Clusters, and what a run takes on them under a target's controller or under Spark's rule.

use sparkwright_core::control::{ControlInput, control, tick_ms};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Allocation, Manager, Model, StartTimes, replay_steered};
use sparkwright_replay::trace::Trace;

use super::public::{USABLE, trace};

pub(crate) const TARGETS: [OptimizationTarget; 4] =
    [OptimizationTarget::Speed, OptimizationTarget::Quality, OptimizationTarget::Balanced, OptimizationTarget::Memory];

const START_MS: i64 = 1_700_000_000_000;

/// A standalone cluster that gives up to `most` executors of so many slots, each so long after it was asked for.
pub(crate) fn standalone(slots: u32, most: u32, start_ms: i64) -> Manager {
    Manager {
        slots,
        profile: 0,
        initial: 1,
        most,
        initial_start_us: vec![start_ms * 1_000],
        starts: StartTimes::alike(&[start_ms * 1_000]),
        removal_us: 500_000,
        called_off_within_us: Some(500_000),
        moves_blocks: true,
        shuffle_service: false,
        on_a_host: most,
    }
}

/// The same of a cluster manager that has containers to give: they can be called off for longer, and go later.
pub(crate) fn managed(slots: u32, most: u32, start_ms: i64) -> Manager {
    Manager {
        removal_us: 1_500_000,
        called_off_within_us: Some(2_500_000),
        on_a_host: 1,
        ..standalone(slots, most, start_ms)
    }
}

/// A managed cluster like the one that a run was on.
pub(crate) fn like_its_own(trace: &Trace, start_ms: i64) -> Manager {
    let all: u32 = trace.executors.iter().map(|executor| executor.slots).sum();
    let is_local = trace.executors.iter().all(|executor| executor.id == "driver");
    // What ran in one process runs on executors of up to four cores.
    let slots = if is_local { all.min(4) } else { trace.executors[0].slots };
    managed(slots, (all / slots).max(2), start_ms)
}

/// The usable logs that are whole: of one that was cut or lost lines, nobody knows what its run needed. All on executors of one kind.
pub(crate) fn whole_runs(folder: &std::path::Path) -> Vec<(&'static str, Trace)> {
    let whole = USABLE.iter().filter(|name| !name.contains("truncated") && !name.contains("malformed"));
    let mut traces: Vec<(&str, Trace)> = whole.map(|name| (*name, trace(folder, name).unwrap())).collect();
    for stage in traces.iter_mut().flat_map(|(_, trace)| &mut trace.stages) {
        stage.profile = 0;
    }
    traces
}

/// Run time and executor time, microseconds; of a log of many hours in which the driver waits for its user not the whole time, but that within its jobs.
fn run(trace: &Trace, cluster: &Manager, whole: bool, allocation: &mut dyn Allocation) -> (f64, f64) {
    let replayed = replay_steered(trace, &Model::OTHER_SIZES, cluster, allocation);
    assert!(replayed.jobs.iter().all(Option::is_some), "every job ends");
    let time_us = if whole { replayed.end_us() } else { InJobTime::of(trace, &replayed).replayed_us };
    (time_us as f64, replayed.executor_us() as f64)
}

/// Under Spark's rule, from one executor on.
pub(crate) fn by_spark(trace: &Trace, cluster: &Manager, whole: bool) -> (f64, f64) {
    run(trace, cluster, whole, &mut SparkAllocation::new(1, cluster.most, 1, cluster.slots))
}

/// Under a target's controller, from the cluster's initial number on.
pub(crate) fn by_policy(trace: &Trace, cluster: &Manager, whole: bool, target: OptimizationTarget) -> (f64, f64) {
    let mut policy = ResolvedPolicy::default();
    (policy.autoscaling.min_executors, policy.autoscaling.max_executors) = (1, cluster.most);
    policy.pipeline.optimization_target = target;
    let every_us = i64::try_from(tick_ms(&policy)).unwrap() * 1_000;
    let decide = |facts: &ControlInput| Some(control(&policy, facts));
    run(trace, cluster, whole, &mut PolicyAllocation::new(decide, cluster, START_MS, every_us))
}

/// A target's shares of Spark's run time and executor time, over several runs.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    pub(crate) time: Vec<f64>,
    pub(crate) executors: Vec<f64>,
}

impl Shares {
    pub(crate) fn note(&mut self, ours: (f64, f64), sparks: (f64, f64)) {
        self.time.push(ours.0 / sparks.0);
        self.executors.push(ours.1 / sparks.1);
    }

    fn mean(values: &[f64]) -> f64 {
        (values.iter().map(|share| share.ln()).sum::<f64>() / values.len() as f64).exp()
    }

    /// Geometric means of both, and the longest run; printed.
    pub(crate) fn summary(&self, title: &str) -> (f64, f64, f64) {
        let (time, executors) = (Self::mean(&self.time), Self::mean(&self.executors));
        let longest = self.time.iter().copied().fold(0.0, f64::max);
        eprintln!("{title}: {time:.3} of the time at {executors:.3} of the executor time, {longest:.2} at most");
        (time, executors, longest)
    }
}
