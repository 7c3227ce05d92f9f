//! `review`: what a run was like, where run times are heading, what held it up and what would help.

pub mod bottlenecks;
mod contract;
pub mod critical_path;
mod recommend;
pub mod trend;

pub use contract::{
    Bottleneck, BottleneckKind, PerformanceReport, Recommendation, ReviewAnswer, ReviewInput, StageFacts, Trend,
};

use alloc::vec::Vec;

use crate::cost::{Cost, Prices};
use crate::facts::PastRun;
use crate::memory::DEFAULT_HEAP;
use crate::policy::ResolvedPolicy;
use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, saturating_u32};

/// Reviews a run.
#[must_use]
pub fn review(policy: &ResolvedPolicy, run: &ReviewInput) -> ReviewAnswer {
    let mut runs_ms: Vec<u64> = run.history_ms.clone();
    runs_ms.push(run.wall_ms);
    let bottlenecks = bottlenecks::bottlenecks(policy, run);
    let recommendations = recommend::recommendations(policy, run, &bottlenecks);
    ReviewAnswer {
        report: report(policy, run),
        trend: trend::trend(policy, &runs_ms),
        bottlenecks,
        recommendations,
        past_run: past_run(run),
    }
}

/// The run as later plans learn from it.
fn past_run(run: &ReviewInput) -> PastRun {
    let sum = |of: fn(&StageFacts) -> u64| run.stages.iter().fold(0, |sum: u64, stage| sum.saturating_add(of(stage)));
    let work_ms = sum(|stage| stage.task_ms);
    let known = !run.stages.is_empty();
    // On average, to the nearest: with executors that come and go it is their time that did the work.
    let held = run.executor_ms.saturating_add(run.wall_ms / 2).checked_div(run.wall_ms).unwrap_or(0);
    let executors = if held > 0 { saturating_u32(held) } else { run.executors.max(1) };
    let telling = run.stages.iter().max_by_key(|stage| (stage.spilled_bytes, stage.read_bytes));
    let on_executors = !run.local && run.executors > 0;
    PastRun {
        failed: false,
        steered: false,
        executors,
        executors_at_start: run.executors_at_start.filter(|_| on_executors),
        // The asker's, as what it lacked: it knows the plan.
        promised_ms: None,
        run_ms: run.wall_ms,
        input_bytes: run.input_bytes,
        scanned_bytes: run.scanned_bytes,
        work_task_ms: known.then_some(work_ms),
        critical_path_ms: run.critical_path_ms,
        driver_ms: known.then_some(run.driver_ms),
        task_peak_bytes: run.task_peak_bytes,
        gc_share: (work_ms > 0).then(|| sum(|stage| stage.gc_ms) as f64 / work_ms as f64),
        spilled_bytes: known.then(|| Bytes(sum(|stage| stage.spilled_bytes.get()))),
        shuffle_skew: telling.and_then(|stage| {
            let mean = stage.read_bytes.get() as f64 / stage.tasks as f64;
            let skew = stage.largest_partition_bytes.get() as f64 / mean;
            skew.is_finite().then_some(skew)
        }),
        largest_shuffle_bytes: run
            .stages
            .iter()
            .map(|stage| stage.shuffle_read_bytes)
            .max()
            .filter(|most| *most > Bytes(0)),
        executor_heap_bytes: on_executors.then(|| run.executor_heap_bytes.unwrap_or(DEFAULT_HEAP)),
        executor_cores: run.executor_cores.filter(|_| on_executors),
        heap_peak_bytes: run.heap_peak_bytes.filter(|_| on_executors),
        memory_failures: run.memory_failures.filter(|_| on_executors),
        // The asker's: it knows the log's words.
        lacked: None,
        lacked_bytes: None,
    }
}

fn report(policy: &ResolvedPolicy, run: &ReviewInput) -> PerformanceReport {
    let walls = run.stages.iter().map(|stage| stage.wall_ms);
    let all: u128 = walls.clone().map(u128::from).sum();
    let stages = run.stages.len() as u64;
    let slot_ms = run.executor_cores.map_or(0.0, |_| run.executor_ms as f64 * f64::from(run.tasks_an_executor()));
    let task_ms: f64 = run.stages.iter().map(|stage| stage.task_ms as f64).sum();
    PerformanceReport {
        total_ms: run.wall_ms,
        stages,
        average_stage_ms: u64::try_from(all.checked_div(u128::from(stages)).unwrap_or(0)).unwrap_or(u64::MAX),
        fastest_stage_ms: walls.clone().min().unwrap_or(0),
        slowest_stage_ms: walls.max().unwrap_or(0),
        slots_used: (slot_ms > 0.0).then(|| (task_ms / slot_ms).min(1.0)),
        cost: cost(policy, run),
    }
}

/// What the run cost, by the executor time that was held.
fn cost(policy: &ResolvedPolicy, run: &ReviewInput) -> Option<Decision<Cost>> {
    let prices = Prices::of(policy);
    let micros = prices.executor_time(run.executor_ms)?;
    let trace = Trace::new(
        "cost.run",
        "what the executors' time costs; executor time * price of an executor-hour",
        Unit::Micros,
    )
    .input("executor time", run.executor_ms, Unit::Milliseconds, "measured")
    .input(
        "price of an executor-hour",
        prices.executor_hour_micros,
        Unit::Micros,
        policy.origin("cost.executor_hour_price"),
    )
    .unbounded(micros);
    Some(trace.decide(Cost { executor_ms: run.executor_ms, micros }, Grade::A))
}

#[cfg(test)]
mod tests;
