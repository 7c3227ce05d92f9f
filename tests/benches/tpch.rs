//! The 22 TPC-H queries at scale 0.3, warm, against Spark's defaults: by partitions alone, and with caching, where a query that
//! comes back is answered from what was kept.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sparkwright_tests::application::Application;
use sparkwright_tests::{data, quietly};
use support::{Scene, content, program, venv};
use table::{median, table};

const ROUNDS: &str = "5";
/// More of them where most queries are answered from what was kept: Spark's code for the others warms up more slowly.
const CACHED_ROUNDS: &str = "12";
/// Rounds in which each query runs unsteered and steered in turn: enough to tell 5 % from the noise of a shared machine, and even,
/// so that each goes first as often as the other.
const TURNS: &str = "10";
/// What a query may be slower by: 5 % and 10 ms.
const TOLERANCE: (f64, f64) = (1.05, 10.0);

/// Milliseconds of each query, the median of all rounds.
type Times = BTreeMap<u64, f64>;

fn main() {
    let tables = data::tpch(venv(), 0.3, &quietly).unwrap().display().to_string();
    let scene = Scene::new();
    // The times of what was steered and of what was not, where both ran in turns.
    let run = |application: Application, results: &str, more: &[&str]| -> [Times; 2] {
        let outcome = application
            .args(["--master", "local[2]", "--driver-memory", "4g", &program("tpch.py"), &tables, &scene.text(results)])
            .arg("--warm-up")
            .args(more)
            .deadline(Duration::from_secs(1800))
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        eprintln!("tpch: {results} done");
        [true, false].map(|steered| {
            let mut times: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for line in content(&scene.path(results)).lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                if row["steered"] == steered {
                    times.entry(row["query"].as_u64().unwrap()).or_default().push(row["ms"].as_f64().unwrap());
                }
            }
            times.into_iter().map(|(query, times)| (query, median(&times))).collect()
        })
    };
    let without_cache = ["--set", "temp_tables.enable_caching=false"];
    let [alone, _] = run(scene.alone(), "alone", &["--rounds", ROUNDS]);
    let [partitions, defaults] = run(scene.steered(without_cache), "in turns", &["--rounds", TURNS, "--in-turns"]);
    let [cached, _] = run(scene.steered::<&str>([]), "cached", &["--rounds", CACHED_ROUNDS]);

    let percent = |a: f64, b: f64| format!("{:+.1} %", (a / b - 1.0) * 100.0);
    let row = |name: String, [alone, defaults, partitions, cached]: [f64; 4], mark: &str| {
        let cell = |ms: f64| format!("{ms:.0}");
        let gain = percent(partitions, defaults) + mark;
        vec![name, cell(alone), cell(defaults), cell(partitions), gain, cell(cached), percent(cached, alone)]
    };
    let mut slower = 0;
    let mut rows = Vec::new();
    for query in alone.keys() {
        let times = [&alone, &defaults, &partitions, &cached].map(|times| times[query]);
        let over = times[2] > times[1] * TOLERANCE.0 + TOLERANCE.1;
        slower += usize::from(over);
        rows.push(row(format!("Q{query}"), times, if over { " slower" } else { "" }));
    }
    let sums = [&alone, &defaults, &partitions, &cached].map(|times| times.values().sum::<f64>());
    rows.push(row("sum".into(), sums, ""));
    println!("\nTPC-H at scale 0.3, local[2], warm, medians, ms");
    println!("{}", table(&["", "alone", "switched off", "partitions", "", "and caching", ""], rows));
    println!("alone: without Sparkwright; switched off and partitions: query by query in turns in one process");
    println!("partitions against alone, in processes of their own: {}", percent(sums[2], sums[0]));
    println!("{slower} of {} queries slower by partitions alone by more than 5 % and 10 ms", alone.len());
}
