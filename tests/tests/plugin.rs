//! The plugin on each line of Spark's versions that it has a jar for. Alone, with a host that the tests play: what it says, what it
//! obeys, what it does for the Python package, and what it makes of a host that is mute, stopped, dead or missing (the scenarios are in
//! `host/spark-plugin/tests`). And on Spark 3.5 under the real host: everything else in `tests` runs on Spark 4.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{jvm, paths, quietly};
use support::{Scene, own_lines, program};

/// What no version of Spark changes: how the plugin finds, starts and waits for a host, and how old a file must be.
const SAME_EVERYWHERE: [&str; 5] = ["mute_host", "stopped_host", "no_host", "starts_the_host", "just_written"];

fn on(line: SparkLine) -> Venv {
    Venv::of(line, &quietly).unwrap()
}

fn scenarios(line: SparkLine, left_out: &[&str]) {
    let venv = on(line);
    let mut run = Application::new(venv.command("python"), &venv)
        .arg(paths::workspace().join("host/spark-plugin/tests/test_plugin.py"))
        .env("SPARKWRIGHT_JAR", paths::assets().join(line.jar()))
        .env("SPARK_SUBMIT_OPTS", jvm::quick_start(&venv, &quietly).unwrap())
        .deadline(Duration::from_secs(1200));
    for scenario in left_out {
        run = run.arg(format!("--without={scenario}"));
    }
    let outcome = run.run().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
}

#[test]
fn scenarios_on_spark_4() {
    scenarios(SparkLine::Spark4, &[]);
}

#[test]
fn scenarios_on_spark_35() {
    scenarios(SparkLine::Spark35, &SAME_EVERYWHERE);
}

#[test]
fn an_application_on_spark_35_is_steered() {
    let (scene, venv) = (Scene::new(), on(SparkLine::Spark35));
    let size = Size { workers: 2, cores: 2, memory_mib: 2048 };
    let cluster = StandaloneCluster::start(&venv, size, &scene.path("cluster"), &quietly).unwrap();
    let outcome = Application::new(paths::binary(), &venv)
        .env("SPARKWRIGHT_HOME", scene.text("home"))
        .env("XDG_RUNTIME_DIR", scene.text("nowhere"))
        .env("SPARK_SUBMIT_OPTS", jvm::quick_start(&venv, &quietly).unwrap())
        .in_folder(&scene.path(""))
        .deadline(Duration::from_secs(300))
        .args(["submit", "--environment", "production", "--record"])
        .arg(scene.runs())
        .args(["--set", "autoscaling.min_executors=1", "--set", "autoscaling.max_executors=3"])
        .args(["--set", "autoscaling.guards.max_growth_a_minute=4"])
        .args(["--master", &cluster.url(), "--executor-cores", "1", "--executor-memory", "600m"])
        .args([&program("sleepers.py"), "--after", "1"])
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let told: Value = serde_json::from_str(own_lines(&outcome).last().unwrap()).unwrap();
    assert_eq!(told["executors_after_tasks"], 3, "Spark's REST API: {told}");
    let record = scene.record();
    // Alone it would have taken all four cores at once.
    let moves = record["executors"].as_array().unwrap();
    let asked: Vec<_> = moves.iter().filter(|it| it["change"] == "asked").map(|it| &it["count"]).collect();
    assert!(asked.first() != Some(&&3.into()) && asked.contains(&&3.into()), "step by step: {moves:#?}");
    assert!(record["application"]["spark"].as_str().unwrap().starts_with("3.5."), "{}", record["application"]);
    assert_eq!((&record["state"], &record["totals"]["events_lost"]), (&"ended".into(), &0.into()), "{record}");
    let named: Vec<_> = record["decisions"].as_array().unwrap().iter().filter(|it| it["applied"] == true).collect();
    let applied = |point: &str| named.iter().any(|it| it["point"] == point);
    assert!(record["totals"]["questions"].as_u64() > Some(0) && applied("plan_query"), "{named:#?}");
    assert!(applied("plan_launch") && applied("control"), "{named:#?}");
    assert_eq!(record["faults"], Value::Array(Vec::new()));
    drop(cluster);
}
