//! The 99 TPC-DS queries give the same rows with automatic caching and without, in the pass that fills what is kept and in the one that reads it.
//! `cargo xtask test` takes each ninth of them, `cargo xtask soak` all.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::{data, quietly, unsteered};
use support::{Scene, content, program, venv};

const EAGER: [&str; 2] = ["--set", "temp_tables.cache_strategy=always"];
const MASTER: [&str; 4] = ["--master", "local[2]", "--driver-memory", "2g"];
const RESULTS: &str = "results.jsonl";
/// All of them take a fifth of it on a quiet machine of two cores.
const DEADLINE: Duration = Duration::from_secs(3_000);

/// Seconds that the queries of each round took.
fn seconds(results: &Path) -> [f64; 2] {
    let lines: Vec<Value> = content(results).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    [0, 1].map(|round| {
        let of_round = lines.iter().filter(|line| line["round"] == round);
        of_round.map(|line| line["ms"].as_f64().unwrap()).sum::<f64>() / 1_000.0
    })
}

#[test]
fn tpcds_queries_give_the_same_rows() {
    let long = std::env::var_os(unsteered::AGAIN).is_some_and(|value| !value.is_empty());
    let every = if long { "1" } else { "9" };
    let tables = data::tpcds(0.05, &quietly).unwrap().display().to_string();
    let application = unsteered::copy_of("tests/applications").unwrap().join("tpcds.py").display().to_string();
    let arguments = |folder: &Path| {
        let results = folder.join(RESULTS).display().to_string();
        [application.as_str(), &tables, &results, "--rounds", "2", "--every", every].map(str::to_owned).to_vec()
    };
    let scene = Scene::new();
    let (alone, kept) = scene.alone_once(&MASTER, arguments, |_| {}, DEADLINE);
    assert_eq!(alone.code(), Some(0), "kept in {}, remove it to run anew\n{}", kept.display(), alone.stderr);
    let steered = scene.steered(EAGER).args(MASTER).args(arguments(&scene.path(""))).deadline(DEADLINE).run().unwrap();
    assert_eq!(steered.code(), Some(0), "{}", steered.stderr);
    let compared = Application::new(venv().command("python"), venv())
        .args([program("compare.py"), kept.join(RESULTS).display().to_string(), scene.text(RESULTS)])
        .run()
        .unwrap();
    assert_eq!(compared.code(), Some(0), "{}\n{}", compared.stdout, compared.stderr);
    let record = scene.record();
    let plans = record["cached_plans"].as_array().unwrap().len();
    assert!(plans >= 5, "only {plans} plans were kept: the comparison says little");
    let (one, other) = (seconds(&kept.join(RESULTS)), seconds(&scene.path(RESULTS)));
    eprintln!("each {every}th query twice: alone {one:.1?} s, steered {other:.1?} s, {plans} plans kept");
}
