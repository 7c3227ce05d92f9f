//! The controller of each target against Spark's dynamic allocation on a real standalone cluster: four loads of tasks that sleep, one to eight executors,
//! nothing known of earlier runs, all ways in turn.
//!
//! Run time is the application's and executor time the sum over its executors, both from Spark's own event log. Beside them stands what a replay of the
//! steered run says of the same policy: how well it knows what was.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../table/mod.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::{paths, quietly};
use support::{Scene, venv};
use table::table;

/// Rounds; `SPARKWRIGHT_CONTROLLERS_ROUNDS` asks for another number.
const ROUNDS: usize = 3;
/// Which loads; `SPARKWRIGHT_CONTROLLERS_LOADS` names others of them.
const LOADS: &str = "bursts,tail,short,batch";
/// `SPARKWRIGHT_CONTROLLERS_KEEP` names a folder, which must not be there yet, that the event logs and the records of all runs stay in.
const KEEP: &str = "SPARKWRIGHT_CONTROLLERS_KEEP";
/// Spark's own rule first.
const WAYS: [&str; 5] = ["spark", "speed", "quality", "balanced", "memory"];
/// Four workers of two cores each: eight executors of one core, on however many real cores there are.
const CLUSTER: Size = Size { workers: 4, cores: 2, memory_mib: 2048 };
/// Long enough for a machine that does something else as well.
const DEADLINE: Duration = Duration::from_secs(900);

/// What is measured of a run, and what its replay under the same policy says.
#[derive(Debug, Clone, Copy)]
struct Run {
    seconds: f64,
    executor_seconds: f64,
    replayed: Option<(f64, f64)>,
}

fn main() {
    let scene = Scene::new();
    let cluster = StandaloneCluster::start(venv(), CLUSTER, &scene.path("cluster"), &quietly).unwrap();
    let rounds = std::env::var("SPARKWRIGHT_CONTROLLERS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let loads = std::env::var("SPARKWRIGHT_CONTROLLERS_LOADS").unwrap_or_else(|_| LOADS.to_owned());
    let loads: Vec<&str> = loads.split(',').collect();
    let kept = std::env::var_os(KEEP).map(PathBuf::from);
    if let Some(folder) = &kept {
        fs::create_dir(folder).unwrap();
    }
    // By way, then by load and round.
    let mut runs: [Vec<Run>; 5] = Default::default();
    for round in 0..rounds {
        for load in &loads {
            let mut order: Vec<usize> = (0..WAYS.len()).collect();
            order.rotate_left(round % WAYS.len());
            for way in order {
                let name = format!("{load}-{round}-{}", WAYS[way]);
                let folder = kept.as_ref().map_or_else(|| scene.path(&name), |kept| kept.join(&name));
                let run = run(&scene, WAYS[way], load, &cluster.url(), &folder);
                let replayed = run.replayed.map_or_else(String::new, |(seconds, executors)| {
                    format!("; its replay says {seconds:.1} s and {executors:.0}")
                });
                eprintln!(
                    "controllers: round {} of {rounds}, {load}, {}: {:.1} s, {:.0} executor-seconds{replayed}",
                    round + 1,
                    WAYS[way],
                    run.seconds,
                    run.executor_seconds
                );
                runs[way].push(run);
            }
        }
    }
    println!(
        "\nOne to eight executors of one core, {} loads, {rounds} rounds; shares of what Spark's dynamic allocation takes",
        loads.len()
    );
    println!("geometric mean (the most of any load and round); error of the replay of each steered run: mean (most)");
    let header = ["target", "run time", "executor time", "replay: run time", "replay: executor time"];
    println!("{}", table(&header, (1..WAYS.len()).map(|way| row(WAYS[way], &runs[0], &runs[way])).collect()));
}

/// Runs a load once; everything that it leaves goes into `folder`.
fn run(scene: &Scene, way: &str, load: &str, master: &str, folder: &Path) -> Run {
    let (events, record) = (folder.join("events"), folder.join("runs"));
    fs::create_dir_all(&events).unwrap();
    let bounds = ["autoscaling.min_executors=1", "autoscaling.max_executors=8"];
    let target = format!("pipeline.optimization_target={way}");
    let settings = || bounds.iter().copied().chain([target.as_str()]).flat_map(|setting| ["--set", setting]);
    let application = if way == WAYS[0] {
        let tracking = "spark.dynamicAllocation.shuffleTracking.enabled";
        scene
            .alone()
            .conf("spark.dynamicAllocation.enabled", true)
            .conf(tracking, true)
            .conf("spark.dynamicAllocation.minExecutors", 1)
            .conf("spark.dynamicAllocation.maxExecutors", 8)
            .conf("spark.dynamicAllocation.initialExecutors", 1)
    } else {
        let submit = scene.sparkwright().args(["submit", "--environment", "production", "--record"]).arg(&record);
        scene.quiet(submit.args(settings()))
    };
    let outcome = application
        .args(["--master", master, "--executor-cores", "1", "--executor-memory", "600m"])
        // Many small JVMs on few real cores: what they need to start counts more than what they reach after minutes.
        .conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .conf("spark.ui.port", 0)
        .conf("spark.ui.showConsoleProgress", false)
        .conf("spark.eventLog.enabled", true)
        .conf("spark.eventLog.dir", format!("file://{}", events.display()))
        .arg(paths::workspace().join("tests/benches/controllers/loads.py"))
        .arg(load)
        .in_folder(folder)
        .deadline(DEADLINE)
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let log = EventLog::read(&events).unwrap();
    let replayed = (way != WAYS[0]).then(|| replayed(scene, &events, settings()));
    #[expect(clippy::cast_precision_loss)]
    let seconds = log.ended_ms.saturating_sub(log.started_ms) as f64 / 1e3;
    Run { seconds, executor_seconds: log.executor_seconds(), replayed }
}

/// Run time and executor time of the same policy in a replay, in seconds.
fn replayed<'a>(scene: &Scene, events: &Path, settings: impl Iterator<Item = &'a str>) -> (f64, f64) {
    let replay = scene.sparkwright().arg("replay").arg(events).args(["--environment", "production", "--json"]);
    let outcome: Application = replay.args(settings);
    let told: Value = serde_json::from_str(&outcome.run().unwrap().stdout).unwrap();
    let steered = &told["steered"][0];
    (steered["time_ms"].as_f64().unwrap() / 1e3, steered["executor_seconds"].as_f64().unwrap())
}

/// A target's shares of what Spark's rule takes, and how far off its replays are.
fn row(name: &str, spark: &[Run], ours: &[Run]) -> Vec<String> {
    let shares = |of: fn(&Run) -> f64| {
        let shares: Vec<f64> = ours.iter().zip(spark).map(|(ours, spark)| of(ours) / of(spark)).collect();
        let mean = (shares.iter().map(|share| share.ln()).sum::<f64>() / shares.len() as f64).exp();
        format!("{mean:.3} ({:.2})", shares.iter().copied().fold(0.0, f64::max))
    };
    let errors = |of: fn(&Run) -> Option<f64>| {
        let errors: Vec<f64> = ours.iter().filter_map(of).map(|ratio| (ratio - 1.0).abs() * 100.0).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        format!("{mean:.1} % ({:.1} %)", errors.iter().copied().fold(0.0, f64::max))
    };
    vec![
        name.to_owned(),
        shares(|run| run.seconds),
        shares(|run| run.executor_seconds),
        errors(|run| run.replayed.map(|(seconds, _)| seconds / run.seconds)),
        errors(|run| run.replayed.map(|(_, executors)| executors / run.executor_seconds)),
    ]
}
