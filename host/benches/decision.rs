//! What a decision costs at the border: native code, a reused instance under wasmtime, a fresh one for each question; JSON in
//! and JSON out in all three, in turns within one run, as ratios.
//!
//! `cargo xtask bench decision`; `SPARKWRIGHT_MEASURE=FILE` measures another build of the module in place of the embedded one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/engine_questions/mod.rs"]
mod engine_questions;

use std::hint::black_box;
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use engine_questions::{Random, sample};
use serde_json::Value;
use sparkwright::assets;
use sparkwright::engine::{Budget, EngineOptions, PolicyEngine};
use sparkwright::launch::policy_source;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate;

const ROUNDS: usize = 300;
const EACH: usize = 20;
/// Any of the typical questions.
const SEED: u64 = 3;
/// What the host asked about two queries of TPC-H when they came for the second time.
const QUESTIONS: [(&str, &[u8]); 2] =
    [("TPC-H Q4", include_bytes!("questions/tpch_q4.json")), ("TPC-H Q8", include_bytes!("questions/tpch_q8.json"))];

/// Many short measurements, in microseconds a call.
#[derive(Default)]
struct Timing(Vec<f64>);

impl Timing {
    fn take(&mut self, mut call: impl FnMut()) {
        let begun = Instant::now();
        for _ in 0..EACH {
            call();
        }
        self.0.push(begun.elapsed().as_secs_f64() * 1e6 / EACH as f64);
    }

    /// What the quietest tenth took: others use the machine too.
    fn quiet(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0.get(self.0.len() / 10).copied().unwrap_or_default()
    }
}

/// A launch or a stage whose files are not known: without the decision on the size of a file partition.
fn without_files(point: DecisionPoint) -> (String, DecisionPoint, Vec<u8>) {
    let mut question = typical(point);
    if let Some(Value::Object(job)) = question.get_mut("job") {
        job.retain(|member, _| !member.starts_with("file"));
    }
    (format!("{}, files not known", point.name()), point, question.to_string().into_bytes())
}

/// A question of usual size: a dozen temp tables, eight stages and twenty earlier runs to review, a job without runs to learn from.
fn typical(point: DecisionPoint) -> Value {
    let mut question = sample(&mut Random::new(SEED), point);
    for (list, most) in [("/tables", 12), ("/stages", 8), ("/history_ms", 20), ("/history/runs", 0)] {
        if let Some(Value::Array(elements)) = question.pointer_mut(list) {
            elements.truncate(most);
        }
    }
    question
}

/// A launch plan whose run time is learned from eight runs.
fn learned() -> (String, DecisionPoint, Vec<u8>) {
    let runs: Vec<Value> = [1, 2, 3, 4, 6, 8, 12, 16]
        .map(|n| serde_json::json!({"executors": n, "run_ms": 20_000 + 900_000 / n + 700 * n}))
        .to_vec();
    let question = serde_json::json!({"job": {"input_bytes": 100_u64 << 30}, "history": {"runs": runs}});
    ("plan_launch, learned from 8 runs".to_owned(), DecisionPoint::PlanLaunch, question.to_string().into_bytes())
}

fn main() {
    let budget = Budget::time(Duration::from_secs(5));
    let wasm = std::env::var_os("SPARKWRIGHT_MEASURE")
        .map_or_else(|| assets::POLICY_MODULE.to_vec(), |path| std::fs::read(path).unwrap());
    let policy = policy_source::choose(None, Some("production"), &[]).unwrap().policy.brief_json();
    let native = evaluate::Prepared::from_json(&policy).unwrap();
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let prepared = engine.load_module(&wasm, None).unwrap().prepare(&policy).unwrap();

    let with_fuel = PolicyEngine::new(EngineOptions { metered: true, ..EngineOptions::default() }).unwrap();
    let metered = with_fuel.load_module(&wasm, None).unwrap().prepare(&policy).unwrap();

    let (mut read, mut start) = (Timing::default(), Timing::default());
    for _ in 0..ROUNDS {
        read.take(|| drop(black_box(evaluate::Prepared::from_json(black_box(&policy)))));
        start.take(|| drop(black_box(prepared.session().unwrap())));
    }
    let (read, start) = (read.quiet(), start.quiet());

    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "decision",
        "question",
        "answer",
        "decisions",
        "native",
        "allocations",
        "reused instance",
        "fresh instance",
        "fuel",
    ]);
    let sampled = |point: DecisionPoint| (point.name().to_owned(), point, typical(point).to_string().into_bytes());
    let asked = QUESTIONS.map(|(query, json)| {
        let nodes = serde_json::from_slice::<Value>(json).unwrap()["nodes"].as_array().unwrap().len();
        (format!("plan_query, {query}, {nodes} plan nodes"), DecisionPoint::PlanQuery, json.to_vec())
    });
    let others = DecisionPoint::ALL.into_iter().filter(|point| *point != DecisionPoint::PlanQuery).map(sampled);
    let more = [without_files(DecisionPoint::PlanLaunch), without_files(DecisionPoint::PlanStage), learned()];
    for (name, point, input) in asked.into_iter().chain(others).chain(more) {
        let mut timings = <[Timing; 3]>::default();
        let [alone, reused, fresh] = &mut timings;
        let mut session = prepared.session().ok();
        // Turn and turn about, so that a slow moment is shared by all.
        for _ in 0..ROUNDS {
            alone.take(|| drop(black_box(evaluate::evaluate(&native, point, black_box(&input)))));
            reused.take(|| {
                let (answer, next) = session.take().unwrap().eval(point, black_box(&input), budget).unwrap();
                black_box(answer);
                session = Some(next);
            });
            fresh.take(|| drop(black_box(prepared.session().unwrap().eval(point, black_box(&input), budget).unwrap())));
        }
        let allocations = allocation_counter::measure(|| drop(evaluate::evaluate(&native, point, &input))).count_total;
        // The module's own, which may be another build's. Each decision has one trace, and each trace names its rule.
        let (answer, session) = metered.session().unwrap().eval(point, &input, budget).unwrap();
        let decisions = String::from_utf8_lossy(&answer).matches("\"rule\":").count();
        let fuel = session.fuel_used().unwrap_or_default();
        let (alone, reused, fresh) = (alone.quiet(), reused.quiet(), fresh.quiet());
        table.add_row([
            name,
            format!("{} B", input.len()),
            format!("{} B", answer.len()),
            decisions.to_string(),
            format!("{alone:.1} us"),
            allocations.to_string(),
            format!("{reused:.1} us = {:.2} x native", reused / alone),
            format!("{fresh:.1} us = reused + {:.1} us", fresh - reused),
            fuel.to_string(),
        ]);
    }
    println!("\nOne decision, JSON in and out, policy.wasm of {} bytes, microseconds", wasm.len());
    println!("{table}");
    println!(
        "A fresh instance takes {start:.1} us to start and to read its policy of {} B; natively the reading takes {read:.1} us",
        policy.len()
    );
}
