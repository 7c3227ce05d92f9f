//! The plugin on each line of Spark's versions that it has a jar for, with a host that the tests play: what it says, what it obeys, what it does
//! for the Python package, and what it makes of a host that is mute, stopped, dead or missing (the scenarios are in `host/spark-plugin/tests`).

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{jvm, paths, quietly};

/// What no version of Spark changes: how the plugin finds, starts and waits for a host, and how old a file must be.
const SAME_EVERYWHERE: [&str; 5] = ["mute_host", "stopped_host", "no_host", "starts_the_host", "just_written"];

fn scenarios(line: SparkLine, left_out: &[&str]) {
    let venv = Venv::of(line, &quietly).unwrap();
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
