//! Automatic caching is invisible: the same rows with it and without it, over the 22 TPC-H queries and a set of hostile cases.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::{data, quietly};
use support::{Scene, program, venv};

/// What makes caching as eager as it gets: whatever is used twice is kept.
const EAGER: [&str; 2] = ["--set", "temp_tables.cache_strategy=always"];
const MASTER: [&str; 4] = ["--master", "local[2]", "--driver-memory", "2g"];

/// Compares two result files as `compare.py` does: floats within 1e-6 relative.
fn assert_same(scene: &Scene, name: &str) {
    let compared = Application::new(venv().command("python"), venv())
        .args([program("compare.py"), scene.text("alone"), scene.text("steered")])
        .run()
        .unwrap();
    assert_eq!(compared.code(), Some(0), "{name}: {}\n{}", compared.stdout, compared.stderr);
}

#[test]
fn tpch_queries_give_the_same_rows() {
    let tables = data::tpch(venv(), 0.1, &quietly).unwrap().display().to_string();
    let scene = Scene::new();
    let arguments =
        |results: &str| [program("tpch.py"), tables.clone(), scene.text(results), "--rounds".into(), "2".into()];
    let deadline = Duration::from_secs(900);
    let alone = scene.alone().args(MASTER).args(arguments("alone")).deadline(deadline).run().unwrap();
    assert_eq!(alone.code(), Some(0), "{}", alone.stderr);
    let steered = scene.steered(EAGER).args(MASTER).args(arguments("steered")).deadline(deadline).run().unwrap();
    assert_eq!(steered.code(), Some(0), "{}", steered.stderr);
    assert_same(&scene, "TPC-H");
    let record = scene.record();
    let cached = record["cached_plans"].as_array().unwrap().len();
    assert!(cached >= 10, "only {cached} plans were cached: the comparison says little");
    eprintln!("22 queries twice, {cached} plans cached, {} decisions", record["decisions"].as_array().unwrap().len());
}

#[test]
fn hostile_cases_give_the_same_results() {
    let scene = Scene::new();
    let arguments =
        |results: &str| [program("hostile.py"), "all".into(), scene.text("work-") + results, scene.text(results)];
    let deadline = Duration::from_secs(900);
    let alone = scene.alone().args(MASTER).args(arguments("alone")).deadline(deadline).run().unwrap();
    assert_eq!(alone.code(), Some(0), "{}", alone.stderr);
    let steered = scene.steered(EAGER).args(MASTER).args(arguments("steered")).deadline(deadline).run().unwrap();
    assert_eq!(steered.code(), Some(0), "{}", steered.stderr);
    assert_same(&scene, "hostile cases");
    let record = scene.record();
    let plans = record["cached_plans"].as_array().unwrap();
    assert!(plans.len() >= 5, "only {} plans were cached: the comparison says little", plans.len());
    assert!(
        plans.iter().any(|plan| plan["why"] == "source_changed"),
        "no entry was dropped for its sources: {plans:#?}"
    );
    eprintln!("{} plans cached", plans.len());
}

#[test]
fn a_plan_that_does_not_fit_ends_as_it_would() {
    let scene = Scene::new();
    let small = ["--master", "local[2]", "--driver-memory", "700m"];
    let arguments = |results: &str| {
        [program("hostile.py"), "doesnt_fit".into(), scene.text("work-") + results, scene.text(results)]
    };
    let alone = scene.alone().args(small).args(arguments("alone")).run().unwrap();
    let steered = scene.steered(EAGER).args(small).args(arguments("steered")).run().unwrap();
    assert_eq!((alone.code(), steered.code()), (Some(0), Some(0)), "{}", steered.stderr);
    assert_same(&scene, "doesnt_fit");
}
