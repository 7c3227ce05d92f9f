//! The model of a replay, part by part: how far off the time within jobs is at the recorded size, over the logs of public projects, and how fast a
//! replay and a controller in its loop are.
//!
//! The first two rows are what others do: the run times of tasks on the slots of all executors (Sparklens), and the time from launch to finish there.
//! Each further row adds a part; the last is what is used. No row knows a launch time beyond a stage's first.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/public.rs"]
mod public;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sparkwright_core::control::{ControlInput, control};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_replay::allocations::PolicyAllocation;
use sparkwright_replay::log::Log;
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Manager, Model, replay};
use sparkwright_replay::steered::steered;
use sparkwright_replay::trace::Trace;

/// How often what is timed is done; the middle time counts.
const TIMES: usize = 9;
/// The log that times are told of: 13,000 tasks.
const LARGEST: &str = "rapids/nds_q66_gpu.zstd";

fn main() {
    let Some(folder) = public::logs() else { return };
    let logs: Vec<(&str, Log)> = public::USABLE.iter().map(|name| (*name, public::log(&folder, name))).collect();
    ablation(&logs);
    speed(&folder, &logs);
}

/// A row of the table: a name, what is kept of a log, and the parts of the model.
struct Row {
    name: &'static str,
    of: fn(&Log) -> Log,
    model: Model,
}

fn rows() -> Vec<Row> {
    let none = Model::TASKS_ALONE;
    let jobs = Model { job_gaps: true, ..none };
    let stages = Model { stage_gaps: true, end_lags: true, ..jobs };
    let first = Model { first_launch: true, ..stages };
    let slots = Model { dispatch: true, hand_over: true, join: true, ..first };
    let attempts = Model { attempts: true, ..slots };
    vec![
        Row { name: "run times of tasks, all executors there", of: |log| all_there(&run_times(log)), model: none },
        Row { name: "from launch to finish, all executors there", of: all_there, model: none },
        Row { name: "+ executors as they came and went", of: Log::clone, model: none },
        Row { name: "+ the driver's time before jobs", of: Log::clone, model: jobs },
        Row { name: "+ before stages, and after their last task", of: Log::clone, model: stages },
        Row { name: "+ until a stage's first launch", of: Log::clone, model: first },
        Row { name: "+ from task to task on a slot", of: Log::clone, model: slots },
        Row { name: "+ attempts that failed, copies", of: Log::clone, model: attempts },
        Row { name: "+ nearness to data: what is used", of: Log::clone, model: Model { locality: true, ..attempts } },
    ]
}

/// With the time that the executor ran each task, from its launch, and nothing of what is around it.
fn run_times(log: &Log) -> Log {
    let mut log = log.clone();
    for task in log.stages.values_mut().flat_map(|stage| &mut stage.ran) {
        task.finished_ms = task.finished_ms.min(task.launched_ms + task.run_ms);
    }
    log
}

/// With every executor there from the start to the end.
fn all_there(log: &Log) -> Log {
    let mut log = log.clone();
    for executor in &mut log.executors {
        executor.added_ms = executor.added_ms.and(log.started_ms);
        executor.removed_ms = None;
    }
    log
}

fn ablation(logs: &[(&str, Log)]) {
    println!("\nerror of the time within jobs at the recorded size, {} logs", logs.len());
    println!("{:>9} {:>9} {:>9}", "median", "mean", "most");
    for row in rows() {
        let error = |(_, log): &(&str, Log)| {
            let trace = Trace::of(&(row.of)(log)).unwrap();
            InJobTime::of(&trace, &replay(&trace, &row.model)).error().abs() * 100.0
        };
        let mut errors: Vec<f64> = logs.iter().map(error).collect();
        errors.sort_by(f64::total_cmp);
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let (median, most) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        println!("{median:>7.2} % {mean:>7.2} % {most:>7.2} %  {}", row.name);
    }
}

fn speed(folder: &Path, logs: &[(&str, Log)]) {
    let (_, largest) = logs.iter().find(|(name, _)| *name == LARGEST).unwrap();
    let trace = Trace::of(largest).unwrap();
    let tasks: usize = largest.stages.values().map(|stage| stage.ran.len()).sum();
    let once = middle(|| replay(&trace, &Model::FULL));
    println!("\nreplay of {tasks} tasks: {:.1} ms", once.as_secs_f64() * 1e3);

    // As plain text, without the time that a codec takes.
    let plain = tempfile::tempdir().unwrap();
    let mut text = Vec::new();
    sparkwright_event_log::each_line(&folder.join(LARGEST), |line| {
        text.extend_from_slice(line);
        text.push(b'\n');
    })
    .unwrap();
    fs::write(plain.path().join("log"), &text).unwrap();
    let mb = text.len() as f64 / 1e6;
    let told = |what: &str, took: Duration| {
        println!(
            "{LARGEST}, {mb:.0} MB: {what} in {:.0} ms, {:.0} MB/s",
            took.as_secs_f64() * 1e3,
            mb / took.as_secs_f64()
        );
    };
    told("read", middle(|| public::log(plain.path(), "log")));
    told("read and replayed", middle(|| replay(&Trace::of(&public::log(plain.path(), "log")).unwrap(), &Model::FULL)));

    // Looks as a host has them, over a run that grows and shrinks.
    let (policy, manager) = (ResolvedPolicy::default(), Manager::of(&trace, 1, 64));
    let (mut ticks, mut inside) = (0_u32, Duration::ZERO);
    let looks = |facts: &ControlInput| {
        ticks += 1;
        let began = Instant::now();
        let answer = control(&policy, facts);
        inside += began.elapsed();
        Some(answer)
    };
    let mut allocation = PolicyAllocation::new(looks, &manager, trace.start_ms, 100_000);
    let _ = steered(&trace, &manager, &mut allocation);
    drop(allocation);
    println!("control in the loop: {:.0} ticks a second ({ticks} ticks)", f64::from(ticks) / inside.as_secs_f64());
}

/// The middle time of several.
fn middle<T>(mut timed: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(timed());
            began.elapsed()
        })
        .collect();
    times.sort();
    times[TIMES / 2]
}
