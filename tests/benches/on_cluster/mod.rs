//! A program on one standalone cluster, measured: what benches of whole applications share.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use sparkwright_tests::application::Application;
use sparkwright_tests::event_log::EventLog;

use crate::support::content;
use crate::table::middle;

/// Long enough for a machine that does something else as well.
const DEADLINE: Duration = Duration::from_secs(900);

/// Floating-point sums depend on the order of the partitions in their last digits.
pub const TOLERANCE: f64 = 1e-6;

/// What is measured of a run.
pub struct Run {
    pub wall_seconds: f64,
    pub executor_seconds: f64,
    pub peak_storage_mb: f64,
    pub task_seconds: f64,
    pub jobs: u64,
    pub results: Vec<Map<String, Value>>,
}

/// Runs a program once on the cluster `master`, with executors of one core and so much memory (as `768m`): `program` adds what comes after the options, with the file that the results go to. Everything that
/// it leaves goes into `folder`.
pub fn run(
    application: Application,
    (master, memory): (&str, &str),
    folder: &Path,
    program: impl FnOnce(Application, &Path) -> Application,
) -> Run {
    let (events, results) = (folder.join("events"), folder.join("results.jsonl"));
    fs::create_dir_all(&events).unwrap();
    let application = application
        .args(["--master", master, "--executor-cores", "1", "--executor-memory", memory, "--driver-memory", "1g"])
        // Many small JVMs on few real cores: what they need to start counts more than what they reach after minutes.
        .conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .conf("spark.ui.port", 0)
        .conf("spark.ui.showConsoleProgress", false)
        .conf("spark.sql.warehouse.dir", folder.join("warehouse").display())
        .conf("spark.eventLog.enabled", true)
        .conf("spark.eventLog.dir", format!("file://{}", events.display()))
        .conf("spark.eventLog.logBlockUpdates.enabled", true);
    let outcome = program(application, &results).in_folder(folder).deadline(DEADLINE).run().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let log = EventLog::read(&events).unwrap();
    let task_ms: u64 = log.tasks.iter().map(|task| task.finished_ms.saturating_sub(task.launched_ms)).sum();
    #[expect(clippy::cast_precision_loss)]
    let run = Run {
        wall_seconds: outcome.wall.as_secs_f64(),
        executor_seconds: log.executor_seconds(),
        peak_storage_mb: log.peak_cached_bytes as f64 / 1e6,
        task_seconds: task_ms as f64 / 1e3,
        jobs: log.jobs,
        results: content(&results).lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    };
    assert!(!run.results.is_empty(), "no results in {}", results.display());
    run
}

/// Fails unless both hold the same rows; what is called one of `but` is left out.
pub fn same_results(plain: &[Map<String, Value>], steered: &[Map<String, Value>], but: &[&str]) {
    assert_eq!(plain.len(), steered.len(), "plain: {plain:#?}\nsteered: {steered:#?}");
    let told = |row: &Map<String, Value>| -> Map<String, Value> {
        row.iter()
            .filter(|(key, _)| !but.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    for (left, right) in plain.iter().map(told).zip(steered.iter().map(told)) {
        let (left, right) = (Value::Object(left), Value::Object(right));
        assert!(same(&left, &right), "plain: {left:#?}\nsteered: {right:#?}");
    }
}

/// Whether two values are the same, numbers within [`TOLERANCE`].
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()),
            _ => left == right,
        },
    }
}

/// The middle one, with the least and the most.
pub fn spread(values: &[f64]) -> String {
    let (least, most) =
        values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    format!("{:.1} ({least:.1} to {most:.1})", middle(values))
}
