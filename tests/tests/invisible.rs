//! Automatic caching is invisible: the same rows with it and without it, over the 22 TPC-H queries and a set of hostile cases.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::{data, quietly};
use support::{Scene, program, venv};

/// What makes caching as eager as it gets: whatever is used twice is kept.
const EAGER: [&str; 2] = ["--set", "temp_tables.cache_strategy=always"];
const MASTER: [&str; 4] = ["--master", "local[2]", "--driver-memory", "2g"];
/// The file of what a program saw.
const RESULTS: &str = "results.jsonl";
/// A program takes a third of it on a quiet machine of two cores.
const DEADLINE: Duration = Duration::from_secs(1_500);

fn text(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn hostile(cases: &'static str) -> impl Fn(&Path) -> Vec<String> {
    move |folder| vec![program("hostile.py"), cases.into(), text(folder, "work"), text(folder, RESULTS)]
}

/// A program that writes [`RESULTS`] into a folder writes the same steered, keeping every plan, as it does alone.
fn same_as_alone(scene: &Scene, master: [&str; 4], arguments: impl Fn(&Path) -> Vec<String>) {
    let (alone, kept) = scene.alone_once(&master, &arguments, |_| {}, DEADLINE);
    assert_eq!(alone.code(), Some(0), "kept in {}, remove it to run anew\n{}", kept.display(), alone.stderr);
    let _ = fs::remove_dir_all(kept.join("work"));
    let steered = scene.steered(EAGER).args(master).args(arguments(&scene.path(""))).deadline(DEADLINE).run().unwrap();
    assert_eq!(steered.code(), Some(0), "{}", steered.stderr);
    let compared = Application::new(venv().command("python"), venv())
        .args([program("compare.py"), text(&kept, RESULTS), scene.text(RESULTS)])
        .run()
        .unwrap();
    assert_eq!(compared.code(), Some(0), "{}\n{}", compared.stdout, compared.stderr);
}

#[test]
fn tpch_queries_give_the_same_rows() {
    let tables = data::tpch(venv(), 0.1, &quietly).unwrap().display().to_string();
    let scene = Scene::new();
    let arguments =
        |folder: &Path| vec![program("tpch.py"), tables.clone(), text(folder, RESULTS), "--rounds".into(), "2".into()];
    same_as_alone(&scene, MASTER, arguments);
    let record = scene.record();
    let cached = record["cached_plans"].as_array().unwrap().len();
    assert!(cached >= 10, "only {cached} plans were cached: the comparison says little");
    eprintln!("22 queries twice, {cached} plans cached, {} decisions", record["decisions"].as_array().unwrap().len());
}

#[test]
fn hostile_cases_give_the_same_results() {
    let scene = Scene::new();
    // The case that does not fit has its own test, with less memory.
    same_as_alone(&scene, MASTER, hostile("all-but:doesnt_fit"));
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
    same_as_alone(&scene, small, hostile("doesnt_fit"));
}
