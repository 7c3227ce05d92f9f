//! A job that runs each night on 3 % more, and on twice as much from the twentieth night on: thirty nights, each planned by the lessons of those before and
//! replayed under the policy's controller. The nights are runs of public logs with more tasks. (`../shared/data` beside the checkout; skipped, and said, where
//! it is absent.)

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::cast_precision_loss)]

mod public_logs;

use public_logs::public_logs;
use sparkwright::replay;
use sparkwright_core::control::control;
use sparkwright_core::executor::shared_work::elasticity_weight;
use sparkwright_core::executor::start::best;
use sparkwright_core::facts::{ClusterFacts, Manager as ManagerName, PastRun, StartTried};
use sparkwright_core::launch::{PlanLaunchInput, plan_launch};
use sparkwright_core::lesson::{Lesson, RunEnd, history};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_core::units::Bytes;
use sparkwright_replay::allocations::PolicyAllocation;
use sparkwright_replay::simulation::Manager;
use sparkwright_replay::starts;
use sparkwright_replay::steered::{SteeredRun, steered};
use sparkwright_replay::trace::{Stage, Task, Trace, Turn};

const NIGHTS: u32 = 30;
const DOUBLES_ON: u32 = 20;
/// From this night on the job is known.
const KNOWN_FROM: u32 = 5;
/// By how much a night's weighted cost and its run time are above those of the best start in hindsight at most. The target `memory` takes the time and spares executors: its
/// nights may cost more, where a start or two more executors decide whether the controller asks for many at once (jobs of 45 s).
const MOST: (f64, f64) = (1.1, 1.1);
/// What the first night reads.
const FIRST_NIGHT: f64 = 20e9;

/// How many times the first night's input there is.
fn growth(night: u32) -> f64 {
    let doubled = if night >= DOUBLES_ON { 2.0 } else { 1.0 };
    1.03_f64.powi(i32::try_from(night).unwrap() - 1) * doubled
}

/// The run on so many times its input: more tasks, each as long; what one task did takes longer. No task fails.
fn grown(trace: &Trace, times: f64) -> Trace {
    let mut trace = trace.clone();
    for Stage { tasks, partitions, stalls, .. } in &mut trace.stages {
        tasks.retain(|task| task.well && !matches!(task.turn, Turn::Copy));
        if tasks.is_empty() {
            continue;
        }
        stalls.clear();
        let one = tasks.len() == 1;
        let wanted = if one { 1 } else { (tasks.len() as f64 * times).round().max(1.0) as usize };
        let longer = |us: i64| if one { (us as f64 * times) as i64 } else { us };
        *tasks = (0..wanted)
            .map(|at| {
                let task = tasks[at % tasks.len()];
                let (slot_us, run_us) = (longer(task.slot_us), longer(task.run_us));
                Task { index: at as i64, slot_us, run_us, turn: Turn::First(None), ..task }
            })
            .collect();
        *partitions = u32::try_from(wanted).unwrap();
    }
    trace
}

fn replayed(policy: &ResolvedPolicy, trace: &Trace, initial: u32) -> SteeredRun {
    let manager = Manager::of(trace, initial, policy.autoscaling.max_executors);
    let every_us = i64::try_from(sparkwright_core::control::tick_ms(policy) * 1_000).unwrap();
    let mut controller =
        PolicyAllocation::new(|facts| Some(control(policy, facts)), &manager, trace.start_ms, every_us);
    steered(trace, &manager, &mut controller)
}

fn tried(executors: u32, run: &SteeredRun) -> StartTried {
    let ms = |us: i64| u64::try_from(us / 1_000).unwrap();
    StartTried { executors, run_ms: ms(run.time_us), executor_ms: ms(run.executor_us) }
}

/// One night: with what it started, what it took, and what would have been best.
struct Night {
    night: u32,
    took: StartTried,
    best: StartTried,
}

/// Thirty nights, each taught by those before.
fn nights(policy: &ResolvedPolicy, first: &Trace) -> Vec<Night> {
    let mut lessons: Vec<Lesson> = Vec::new();
    (1..=NIGHTS)
        .map(|night| {
            let trace = grown(first, growth(night));
            let cluster = ClusterFacts { manager: ManagerName::Standalone, ..ClusterFacts::default() };
            let input = PlanLaunchInput { cluster, history: history(&lessons), ..PlanLaunchInput::default() };
            let plan = plan_launch(policy, &input).unwrap();
            let initial = plan.initial_executors.value;
            let run = replayed(policy, &trace, initial);
            let took = tried(initial, &run);
            let sizes = starts::sizes(run.most_executors, (plan.min_executors, plan.max_executors));
            let starts: Vec<StartTried> =
                sizes.into_iter().map(|size| tried(size, &replayed(policy, &trace, size))).collect();
            let target = policy.pipeline.optimization_target;
            let best = best(target, &[starts.as_slice(), &[took]].concat()).unwrap();
            let slots = trace.executors.first().unwrap().slots;
            let work_us: i64 = trace.stages.iter().flat_map(|stage| &stage.tasks).map(|task| task.slot_us).sum();
            let run = PastRun {
                executors: u32::try_from(took.executor_ms.div_ceil(took.run_ms.max(1))).unwrap().max(1),
                executors_at_start: Some(initial),
                executor_cores: Some(slots),
                promised_ms: plan.promised_ms(),
                run_ms: took.run_ms,
                scanned_bytes: Some(Bytes((FIRST_NIGHT * growth(night)) as u64)),
                work_task_ms: Some(u64::try_from(work_us / 1_000).unwrap()),
                ..PastRun::default()
            };
            lessons.push(Lesson {
                application: night.to_string(),
                started_ms: u64::from(night) * 86_400_000,
                mode: "act".into(),
                ended: RunEnd::Well,
                run,
                starts,
                ..Lesson::default()
            });
            Night { night, took, best }
        })
        .collect()
}

#[test]
fn a_job_that_grows_each_night_is_near_the_best_in_hindsight_once_it_is_known() {
    let paths = public_logs();
    if paths.is_empty() {
        return;
    }
    // A first night, of which nothing is known, may be far from the best.
    let (mut jobs, mut unknown, mut worst) = (0, 0.0_f64, (0.0_f64, 0.0_f64));
    for path in paths {
        let Some(trace) = replay::read(&path).ok().and_then(|log| Trace::of(&log).ok()) else { continue };
        let tasks: usize = trace.stages.iter().map(|stage| stage.tasks.len()).sum();
        if !starts::tells(&trace) || tasks < 50 {
            continue;
        }
        for target in [
            OptimizationTarget::Speed,
            OptimizationTarget::Quality,
            OptimizationTarget::Balanced,
            OptimizationTarget::Memory,
        ] {
            let mut policy = ResolvedPolicy::default();
            policy.pipeline.optimization_target = target;
            policy.autoscaling.min_executors = 1;
            let alpha = elasticity_weight(target);
            let over = |took: &StartTried, best: &StartTried| {
                let ratio = |of: fn(&StartTried) -> u64| (of(took).max(1) as f64 / of(best).max(1) as f64).ln();
                (alpha * ratio(|start| start.run_ms) + (1.0 - alpha) * ratio(|start| start.executor_ms)).exp()
            };
            let nights = nights(&policy, &trace);
            let first = nights.first().unwrap();
            unknown = unknown.max(over(&first.took, &first.best));
            for Night { night, took, best } in nights.iter().filter(|night| night.night > KNOWN_FROM) {
                let longer = took.run_ms as f64 / best.run_ms as f64;
                let (most_over, most_longer) = if target == OptimizationTarget::Memory { (1.35, 1.11) } else { MOST };
                if target != OptimizationTarget::Memory {
                    worst = (worst.0.max(over(took, best)), worst.1.max(longer));
                }
                let told = format!("{}, {target:?}, night {night}: {took:?}; best: {best:?}", path.display());
                assert!(longer <= most_longer && over(took, best) <= most_over, "{told}");
            }
            jobs += 1;
        }
    }
    eprintln!(
        "but for memory, at most {:.3} of the weighted cost and {:.3} of the time of the best start",
        worst.0, worst.1
    );
    assert!(jobs >= 20 && unknown > MOST.0, "{jobs} jobs, a first night {unknown} times the best");
}
