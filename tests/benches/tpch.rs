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
/// What a query may be slower by: 5 % and 10 ms.
const TOLERANCE: (f64, f64) = (1.05, 10.0);

fn main() {
    let tables = data::tpch(venv(), 0.3, &quietly).unwrap().display().to_string();
    let scene = Scene::new();
    let run = |application: Application, results: &str| -> BTreeMap<u64, f64> {
        let outcome = application
            .args(["--master", "local[2]", "--driver-memory", "4g", &program("tpch.py"), &tables, &scene.text(results)])
            .args(["--warm-up", "--rounds", ROUNDS])
            .deadline(Duration::from_secs(1800))
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        eprintln!("tpch: {results} done");
        let mut times: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for line in content(&scene.path(results)).lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            times.entry(row["query"].as_u64().unwrap()).or_default().push(row["ms"].as_f64().unwrap());
        }
        times.into_iter().map(|(query, times)| (query, median(&times))).collect()
    };
    let without_cache = ["--set", "temp_tables.enable_caching=false"];
    let plain = run(scene.alone(), "plain");
    let partitions = run(scene.steered(without_cache), "partitions");
    let cached = run(scene.steered::<&str>([]), "cached");

    let sum = |times: &BTreeMap<u64, f64>| times.values().sum::<f64>();
    let percent = |a: f64, b: f64| format!("{:+.1} %", (a / b - 1.0) * 100.0);
    let mut slower = 0;
    let mut rows: Vec<Vec<String>> = plain
        .iter()
        .map(|(query, ms)| {
            let (p, c) = (partitions[query], cached[query]);
            let over = p > ms * TOLERANCE.0 + TOLERANCE.1;
            slower += usize::from(over);
            let mark = if over { " slower" } else { "" };
            let cell = |ms: f64| format!("{ms:.0}");
            vec![format!("Q{query}"), cell(*ms), cell(p), percent(p, *ms) + mark, cell(c), percent(c, *ms)]
        })
        .collect();
    let (a, p, c) = (sum(&plain), sum(&partitions), sum(&cached));
    rows.push(vec![
        "sum".into(),
        format!("{a:.0}"),
        format!("{p:.0}"),
        percent(p, a),
        format!("{c:.0}"),
        percent(c, a),
    ]);
    println!("\nTPC-H at scale 0.3, local[2], warm, median of {ROUNDS} rounds, ms");
    println!("{}", table(&["", "defaults", "partitions", "", "and caching", ""], rows));
    println!(
        "{slower} of {} queries slower than Spark's defaults by more than 5 % and 10 ms (partitions alone)",
        plain.len()
    );
}
