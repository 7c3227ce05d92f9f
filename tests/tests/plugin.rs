//! The plugin alone, on real Spark with a host that the tests play: what it says, what it obeys, and what it makes of a host that is
//! mute, stopped, dead or missing. The scenarios are in `host/spark-plugin/tests`.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::paths;
use support::venv;

#[test]
fn scenarios_of_the_plugin() {
    let scenarios = paths::workspace().join("host/spark-plugin/tests/test_plugin.py");
    let outcome = Application::new(venv().command("python"), venv())
        .arg(scenarios)
        .env("SPARKWRIGHT_JAR", paths::assets().join("sparkwright-spark4.jar"))
        .deadline(Duration::from_secs(1200))
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
}
