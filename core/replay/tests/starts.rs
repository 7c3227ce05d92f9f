//! The number of executors at the start, chosen by replaying an earlier run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod support;
use sparkwright_core::control::{ControlInput, control, tick_ms};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Allocation, Manager, Model, replay_steered};
use sparkwright_replay::trace::Trace;
use support::public::{USABLE, logs, trace};
const TARGETS: [OptimizationTarget; 4] =
    [OptimizationTarget::Speed, OptimizationTarget::Quality, OptimizationTarget::Balanced, OptimizationTarget::Memory];
fn run(trace: &Trace, cluster: &Manager, allocation: &mut dyn Allocation) -> (f64, f64) {
    let replayed = replay_steered(trace, &Model::OTHER_SIZES, cluster, allocation);
    (InJobTime::of(trace, &replayed).replayed_us as f64, replayed.executor_us() as f64)
}
#[test]
fn prototype() {
    let Some(folder) = logs() else { return };
    let whole = USABLE.iter().filter(|name| !name.contains("truncated") && !name.contains("malformed"));
    let mut traces: Vec<(&str, Trace)> = whole.map(|name| (*name, trace(&folder, name).unwrap())).collect();
    for stage in traces.iter_mut().flat_map(|(_, trace)| &mut trace.stages) {
        stage.profile = 0;
    }
    for start_ms in [5_000, 30_000] {
        let mut sums = [[0.0_f64; 2]; 4];
        let n = traces.len() as f64;
        for (name, trace) in &traces {
            let all: u32 = trace.executors.iter().map(|executor| executor.slots).sum();
            let is_local = trace.executors.iter().all(|executor| executor.id == "driver");
            let slots = if is_local { all.min(4) } else { trace.executors[0].slots };
            let most = (all / slots).max(2);
            let cluster = |initial| Manager {
                slots,
                profile: 0,
                initial,
                most,
                initial_start_us: vec![start_ms * 1_000],
                start_us: vec![start_ms * 1_000],
                removal_us: 1_500_000,
                called_off_within_us: Some(2_500_000),
                moves_blocks: true,
                shuffle_service: false,
                on_a_host: 1,
            };
            let spark = run(trace, &cluster(1), &mut SparkAllocation::new(1, most, 1, slots));
            let mut line = format!("{name:45} most {most:3}");
            for (at, target) in TARGETS.into_iter().enumerate() {
                let alpha = [0.95, 0.8, 0.5, 0.1][at];
                let mut best: Option<(f64, u32, (f64, f64))> = None;
                let mut initial = 1;
                loop {
                    let mut policy = ResolvedPolicy::default();
                    (policy.autoscaling.min_executors, policy.autoscaling.max_executors) = (1, most);
                    policy.pipeline.optimization_target = target;
                    let every_us = i64::try_from(tick_ms(&policy)).unwrap() * 1_000;
                    let decide = |facts: &ControlInput| Some(control(&policy, facts));
                    let manager = cluster(initial);
                    let mut allocation = PolicyAllocation::new(decide, &manager, 1_700_000_000_000, every_us);
                    let ours = run(trace, &manager, &mut allocation);
                    let cost = alpha * ours.0.ln() + (1.0 - alpha) * ours.1.ln();
                    if best.is_none_or(|(least, _, _)| cost < least - 1e-9) {
                        best = Some((cost, initial, ours));
                    }
                    if initial >= most {
                        break;
                    }
                    initial = (initial * 2).min(most);
                }
                let (_, initial, ours) = best.unwrap();
                line += &format!(" | {target:?} {initial}: {:.2} {:.2}", ours.0 / spark.0, ours.1 / spark.1);
                sums[at][0] += (ours.0 / spark.0).ln() / n;
                sums[at][1] += (ours.1 / spark.1).ln() / n;
            }
            eprintln!("{line}");
        }
        for (at, target) in TARGETS.iter().enumerate() {
            eprintln!("{start_ms} {target:?}: {:.3} {:.3}", sums[at][0].exp(), sums[at][1].exp());
        }
    }
}
