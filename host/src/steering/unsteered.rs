//! An application that is not steered (mode `off`): its record is what Spark's event log says, once its driver is gone.

use std::path::Path;

use super::finishing::{keep, keep_lesson, logs, record_review};
use super::setup::SteeringSetup;
use crate::clock::now_ms;
use crate::engine::{EngineError, Prepared};
use crate::record::{ApplicationIdentity, Change, ExecutorEvent, Recorder, Totals};
use crate::review::{self, Log};
use crate::spark::application::Application;

/// Completes the record of a driver that is gone, and begins another for each further application that it had: `begin` does.
pub(super) fn finish(
    launch: &SteeringSetup,
    prepared: Result<&Prepared, &EngineError>,
    waiting: Recorder,
    begin: impl Fn() -> Recorder,
) {
    let mut found = launch.event_log_dir.as_ref().and_then(|from| logs(from, |_| true)).unwrap_or_default();
    found.sort();
    if found.is_empty() {
        waiting.fault(
            "nothing is known of this run: the program ended without starting Spark, or wrote no event log (`sparkwright review FILE` reads one)",
        );
        waiting.finish();
        return;
    }
    let mut waiting = Some(waiting);
    for (log, _) in found {
        let recorder = waiting.take().unwrap_or_else(&begin);
        record(launch, prepared, &recorder, &log);
        recorder.finish();
    }
}

fn record(launch: &SteeringSetup, prepared: Result<&Prepared, &EngineError>, recorder: &Recorder, log: &Path) {
    let mut application = Application::default();
    let read = review::read_also(log, |event| {
        application.take(event, 0);
    });
    let read = read.map_err(|error| error.to_string());
    if let Ok(log) = &read {
        let driver_pid = recorder.with_run(|run| run.application.driver_pid);
        recorder.belongs_to(logged_identity(log, driver_pid), millis(log.replayed.started_ms));
        for event in executor_events(log) {
            recorder.note(Change::Executor { event });
        }
        let work = application.work.completed();
        for work in work.into_iter().chain(application.work.uncompleted()) {
            recorder.note(Change::Work(work));
        }
        recorder.note(Change::Totals(totals(log)));
        // A driver that was killed wrote no end.
        let ended_ms = log.replayed.ended_ms.unwrap_or(log.replayed.last_ms);
        recorder.note(Change::Ended { at_ms: u64::try_from(ended_ms).unwrap_or_else(|_| now_ms()) });
    }
    let run = record_review(recorder, launch, prepared, read.as_ref());
    keep_lesson(recorder, launch, (read.as_ref(), prepared.ok()), run.map(|run| (run, Vec::new())));
    let Some(folder) = recorder.folder() else { return };
    match keep(log, &folder) {
        Ok(path) => recorder.note(Change::EventLog { path }),
        Err(error) => recorder.fault(format!("Spark's event log is not kept: {error}")),
    }
}

/// What the log says of its application.
fn logged_identity(log: &Log, driver_pid: u32) -> ApplicationIdentity {
    let conf = |key: &str| log.replayed.conf.get(key).cloned().unwrap_or_default();
    ApplicationIdentity {
        id: conf("spark.app.id"),
        name: log.replayed.application.clone(),
        spark: log.replayed.spark_version.clone(),
        java: String::new(),
        master: conf("spark.master"),
        driver_pid,
    }
}

fn totals(log: &Log) -> Totals {
    let tasks = || log.replayed.stages.values().flat_map(|stage| &stage.ran);
    let failed = log.replayed.stages.values().flat_map(|stage| stage.failures.values());
    Totals {
        tasks: tasks().count() as u64,
        failed_tasks: failed.sum(),
        task_ms: tasks().map(|task| u64::try_from(task.run_ms).unwrap_or(0)).sum(),
        ..Totals::default()
    }
}

/// Executors as they came and went. With a local master there are none: the driver runs every task.
fn executor_events(log: &Log) -> Vec<ExecutorEvent> {
    let executors = log.replayed.executors.iter().filter(|executor| executor.id != "driver");
    let mut moves: Vec<(i64, bool, &str, &str)> = executors
        .flat_map(|executor| {
            let added = executor.added_ms.map(|at_ms| (at_ms, true, executor.id.as_str(), ""));
            let removed =
                executor.removed_ms.map(|at_ms| (at_ms, false, executor.id.as_str(), executor.reason.as_str()));
            [added, removed].into_iter().flatten()
        })
        .collect();
    moves.sort();
    let mut count = 0_u32;
    let event = |(at_ms, came, executor, reason): (i64, bool, &str, &str)| {
        count = if came { count + 1 } else { count.saturating_sub(1) };
        ExecutorEvent {
            at_ms: millis(Some(at_ms)),
            change: if came { "added" } else { "removed" }.into(),
            executor: executor.to_owned(),
            count,
            reason: reason.to_owned(),
        }
    };
    moves.into_iter().map(event).collect()
}

/// A time of the log; the present where it is not said.
fn millis(ms: Option<i64>) -> u64 {
    ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_else(now_ms)
}
