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
/// Rounds in which each query runs unsteered and steered in turn: enough for an interval of the ratio that tells 5 % from the noise of
/// a shared machine, and even, so that each goes first as often as the other.
const TURNS: &str = "16";
/// What a query may be slower by: 5 % and 10 ms.
const TOLERANCE: (f64, f64) = (1.05, 10.0);

/// Milliseconds of each query, round by round.
type Rounds = BTreeMap<u64, Vec<f64>>;

fn main() {
    let tables = data::tpch(venv(), 0.3, &quietly).unwrap().display().to_string();
    let scene = Scene::new();
    // The times of what was steered and of what was not, where both ran in turns.
    let run = |application: Application, results: &str, more: &[&str]| -> [Rounds; 2] {
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
            let mut times = Rounds::new();
            for line in content(&scene.path(results)).lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                if row["steered"] == steered {
                    times.entry(row["query"].as_u64().unwrap()).or_default().push(row["ms"].as_f64().unwrap());
                }
            }
            times
        })
    };
    let without_cache = ["--set", "temp_tables.enable_caching=false"];
    let [alone, _] = run(scene.alone(), "alone", &["--rounds", ROUNDS]);
    let [partitions, defaults] = run(scene.steered(without_cache), "in turns", &["--rounds", TURNS, "--in-turns"]);
    let [cached, _] = run(scene.steered::<&str>([]), "cached", &["--rounds", CACHED_ROUNDS]);

    let percent = |a: f64, b: f64| format!("{:+.1} %", (a / b - 1.0) * 100.0);
    let row = |name: String, [alone, defaults, partitions, cached]: [f64; 4], more: Vec<String>| {
        let cell = |ms: f64| format!("{ms:.0}");
        let gain = percent(partitions, defaults);
        [vec![name, cell(alone), cell(defaults), cell(partitions), gain, cell(cached), percent(cached, alone)], more]
            .concat()
    };
    let (mut slower, mut surely) = (0, 0);
    let mut rows = Vec::new();
    let mut sums = [0.0; 4];
    for query in alone.keys() {
        let rounds = [&alone, &defaults, &partitions, &cached].map(|times| times[query].as_slice());
        let times = rounds.map(median);
        let over = times[2] > times[1] * TOLERANCE.0 + TOLERANCE.1;
        // Both ran in the same round, the one right after the other.
        let ratios: Vec<f64> = rounds[2].iter().zip(rounds[1]).map(|(steered, off)| steered / off).collect();
        let (least, most) = interval(&ratios);
        let beyond_noise = over && least > TOLERANCE.0;
        slower += usize::from(over);
        surely += usize::from(beyond_noise);
        let mark = if beyond_noise { "slower" } else { "" };
        let percents = format!("{:+.0} to {:+.0} %", (least - 1.0) * 100.0, (most - 1.0) * 100.0);
        rows.push(row(format!("Q{query}"), times, vec![percents, mark.to_owned()]));
        for (sum, time) in sums.iter_mut().zip(times) {
            *sum += time;
        }
    }
    rows.push(row("sum".into(), sums, vec![String::new(); 2]));
    println!("\nTPC-H at scale 0.3, local[2], warm, medians, ms");
    let heads = ["", "alone", "switched off", "partitions", "", "and caching", "", "interval of 95 %", ""];
    println!("{}", table(&heads, rows));
    println!("alone: without Sparkwright; switched off and partitions: query by query in turns in one process");
    println!("interval: of the median of partitions against switched off, round by round");
    println!("partitions against alone, in processes of their own: {}", percent(sums[2], sums[0]));
    println!(
        "{slower} of {} queries slower by partitions alone by more than 5 % and 10 ms by their medians, {surely} of them beyond the noise",
        alone.len()
    );
}

/// An interval that holds the true median with 95 % or more, whatever the distribution: order statistics of the binomial.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let (mut below, mut term, mut k) = (0.0, 0.5_f64.powi(n as i32), 0);
    while below + term <= 0.025 {
        below += term;
        k += 1;
        term *= (n - k + 1) as f64 / k as f64;
    }
    let cut = k.max(1) - 1;
    (sorted[cut], sorted[n - 1 - cut])
}
