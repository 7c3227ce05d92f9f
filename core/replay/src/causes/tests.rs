#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::events::{Locality, TaskKind};
use crate::log::{Ended, LoggedExecutor, LoggedJob, LoggedStage, LoggedTask, StageKey};
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;

/// A task on the executor of this place, from one second to another since the application's start.
fn task(executor: usize, from_s: f64, to_s: f64) -> LoggedTask {
    LoggedTask {
        id: 0,
        index: 0,
        executor,
        launched_ms: (from_s * 1e3) as i64,
        finished_ms: (to_s * 1e3) as i64,
        locality: Locality::Any,
        speculative: false,
        end: Ended::Well,
        kind: TaskKind::Result,
        run_ms: ((to_s - from_s) * 1e3) as i64,
        fetch_wait_ms: 0,
        shuffle_read_bytes: 0,
        input_bytes: 1_000,
        records: 100,
        gc_ms: 0,
        spilled_memory_bytes: 0,
        spilled_bytes: 0,
    }
}

/// An application of a hundred seconds on two machines of four slots each, with one job of one stage from the first task to the last one.
fn run(tasks: Vec<LoggedTask>) -> Log {
    let mut log = Log::default();
    (log.started_ms, log.ended_ms, log.last_ms) = (Some(0), Some(100_000), 100_000);
    for host in 0..2 {
        log.executors.push(LoggedExecutor {
            id: host.to_string(),
            host: format!("host {host}"),
            added_ms: Some(0),
            cores: 4,
            ..LoggedExecutor::default()
        });
    }
    let from_ms = tasks.iter().map(|task| task.launched_ms).min().unwrap();
    let to_ms = tasks.iter().map(|task| task.finished_ms).max().unwrap();
    let job = LoggedJob { started_ms: from_ms, ended_ms: Some(to_ms), stages: vec![0], ..LoggedJob::default() };
    log.jobs.insert(0, job);
    let stage =
        LoggedStage { tasks: tasks.len() as u32, ran: tasks, submitted_ms: Some(from_ms), ..LoggedStage::default() };
    log.stages.insert(StageKey { stage: 0, attempt: 0 }, stage);
    log
}

fn stage(log: &mut Log) -> &mut LoggedStage {
    log.stages.values_mut().next().unwrap()
}

/// Eight tasks at a time from the start to the end, each as long as the others: so many waves.
fn waves(waves: u32) -> Vec<LoggedTask> {
    let each = 100.0 / f64::from(waves);
    let of = |wave: u32, slot: usize| task(slot % 2, f64::from(wave) * each, f64::from(wave + 1) * each);
    (0..waves).flat_map(|wave| (0..8).map(move |slot| of(wave, slot))).collect()
}

/// So many tasks that run for the first ten seconds, and one that runs until the end.
fn one_long(others: usize) -> Vec<LoggedTask> {
    let mut tasks: Vec<LoggedTask> = (0..others).map(|slot| task(slot % 2, 0.0, 10.0)).collect();
    tasks.push(task(1, 0.0, 100.0));
    tasks
}

/// The cause with the most time, its seconds, and that all shares add up to 1.
fn first(log: &Log) -> (Kind, i64) {
    let spent = spent(log);
    let all: f64 = spent.causes.iter().map(|cause| cause.share).sum();
    assert!((all - 1.0).abs() < 1e-9, "{spent:?}");
    assert!(spent.causes.is_sorted_by(|one, other| one.share >= other.share));
    let stages: f64 = spent.stages.iter().map(|(_, share)| share).sum();
    let elsewhere: f64 = spent.causes.iter().filter(|cause| cause.stages.is_empty()).map(|cause| cause.share).sum();
    assert!((stages + elsewhere - 1.0).abs() < 1e-9, "{spent:?}");
    let first = &spent.causes[0];
    assert!(!first.evidence.is_empty() && first.evidence.iter().all(|sentence| !sentence.is_empty()), "{first:?}");
    (first.kind, (first.time_ms / 1e3).round() as i64)
}

#[test]
fn busy_slots_are_waves_of_tasks_or_one() {
    assert_eq!(first(&run(waves(1))), (Kind::Work, 100));
    assert_eq!(first(&run(waves(5))), (Kind::Waves, 100));
}

#[test]
fn a_few_that_take_longer_have_more_rows_or_a_slow_machine_or_nobody_knows() {
    let mut rows = one_long(7);
    rows[7].records = 5_000;
    assert_eq!(first(&run(rows)), (Kind::SkewedRows, 90));
    assert_eq!(first(&run(one_long(7))), (Kind::Stragglers, 90));
    // The tasks of the other machine take ten times as long.
    let slow: Vec<LoggedTask> =
        (0..8).map(|slot| task(slot % 2, 0.0, if slot % 2 == 0 { 10.0 } else { 100.0 })).collect();
    let mut slow = slow;
    slow.extend((0..4).map(|_| task(0, 10.0, 20.0)));
    assert_eq!(first(&run(slow)), (Kind::SlowHost, 80));
}

#[test]
fn few_tasks_are_splits_or_partitions_or_one() {
    let three = |change: fn(&mut LoggedTask)| {
        let mut tasks: Vec<LoggedTask> = (0..3).map(|slot| task(slot % 2, 0.0, 100.0)).collect();
        tasks.iter_mut().for_each(change);
        tasks
    };
    assert_eq!(first(&run(three(|_| {}))), (Kind::FewScanTasks, 100));
    // Slices of a collection are no splits of files.
    assert_eq!(first(&run(three(|task| task.input_bytes = 0))), (Kind::FewTasks, 100));
    assert_eq!(first(&run(three(|task| task.shuffle_read_bytes = 10))), (Kind::FewShufflePartitions, 100));
    assert_eq!(first(&run(vec![task(0, 0.0, 100.0)])), (Kind::OneTask, 100));
}

#[test]
fn what_tasks_do_beside_their_work_is_told_apart() {
    let all = |change: fn(&mut LoggedTask)| {
        let mut tasks = waves(5);
        tasks.iter_mut().for_each(change);
        run(tasks)
    };
    assert_eq!(first(&all(|task| task.gc_ms = task.run_ms * 6 / 10)), (Kind::GarbageCollection, 60));
    assert_eq!(first(&all(|task| task.fetch_wait_ms = task.run_ms * 7 / 10)), (Kind::ShuffleFetch, 70));
    assert_eq!(first(&all(|task| (task.spilled_memory_bytes, task.spilled_bytes) = (5_000, 900))), (Kind::Spill, 100));
    // A tenth of a tenth is not worth a word.
    assert_eq!(first(&all(|task| task.gc_ms = task.run_ms / 20)), (Kind::Waves, 100));
    // First tasks of 60 s, then later ones of 10 s.
    let warm = |slot: usize| {
        (0..5).map(move |turn| {
            let from = if turn == 0 { 0.0 } else { 50.0 + 10.0 * f64::from(turn) };
            task(slot % 2, from, 60.0 + 10.0 * f64::from(turn))
        })
    };
    assert_eq!(first(&run((0..8).flat_map(warm).collect())), (Kind::WarmUp, 50));
}

#[test]
fn failures_come_with_their_exception_and_losses_with_their_reason() {
    let mut log = run(waves(4));
    let stage = stage(&mut log);
    stage.ran.iter_mut().take(24).for_each(|task| task.end = Ended::Badly);
    stage.failures.insert("java.lang.ArithmeticException".to_string(), 24);
    assert_eq!(first(&log), (Kind::TaskFailures, 75));
    let said = &spent(&log).causes[0].evidence[0];
    assert!(said.contains("24 of 32 attempts failed: 24 of java.lang.ArithmeticException"), "{said}");
    // A stage that was given up has done nothing.
    self::stage(&mut log).failed = true;
    assert_eq!(first(&log), (Kind::TaskFailures, 100));
    self::stage(&mut log).ran.iter_mut().take(24).for_each(|task| task.end = Ended::Lost);
    (log.executors[0].removed_ms, log.executors[0].reason) = (Some(90_000), "Container killed by YARN".to_string());
    assert_eq!(first(&log), (Kind::LostExecutors, 100));
    let said = &spent(&log).causes[0].evidence;
    assert!(said.iter().any(|sentence| sentence.contains("Container killed by YARN")), "{said:?}");
}

#[test]
fn time_without_a_task_is_the_drivers_or_the_programs_or_nobodys() {
    let short = || run(vec![task(0, 10.0, 11.0)]);
    // A program: nothing was asked after the first second.
    assert_eq!(first(&short()), (Kind::Program, 89));
    let mut shell = short();
    shell.conf.insert("spark.repl.class.uri".to_string(), "spark://host/classes".to_string());
    assert_eq!(first(&shell), (Kind::IdleShell, 99));
    let mut planned = short();
    planned.executions.insert(0, (5_000, Some(95_000)));
    assert_eq!(first(&planned), (Kind::Driver, 84));
    // Its only executor went, and a job waited.
    let mut alone = planned.clone();
    alone.executors.iter_mut().for_each(|executor| executor.removed_ms = Some(12_000));
    assert_eq!(first(&alone), (Kind::NoExecutor, 83));
    let late = run(vec![task(0, 90.0, 100.0)]);
    assert_eq!(first(&late), (Kind::StartUp, 90));
}

/// Two stages at once: each has the time that its tasks have of it.
#[test]
fn stages_that_run_at_once_share_the_time() {
    let mut log = run((0..2).map(|slot| task(slot, 0.0, 100.0)).collect());
    let other = LoggedStage {
        tasks: 6,
        ran: (0..6).map(|slot| task(slot % 2, 0.0, 100.0)).collect(),
        ..LoggedStage::default()
    };
    log.stages.insert(StageKey { stage: 1, attempt: 0 }, other);
    assert_eq!(first(&log), (Kind::Work, 100));
    let shares = spent(&log).stages;
    assert_eq!(shares.len(), 2);
    assert!((shares[0].1 - 0.75).abs() < 1e-9 && (shares[1].1 - 0.25).abs() < 1e-9, "{shares:?}");
}

#[test]
fn a_log_of_nothing_has_no_causes() {
    assert_eq!(spent(&Log::default()), Spent::default());
    // Cut off in its first task: as far as it goes.
    let mut cut = Log::default();
    (cut.started_ms, cut.last_ms) = (Some(5), 5);
    assert_eq!(spent(&cut), Spent::default());
}
