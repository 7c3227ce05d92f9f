//! How fast a decision crosses the border, as ratios of one run. Not part of the ordinary tests: a busy machine would fail it.
//!
//! `cargo test --release -p sparkwright --test engine_speed -- --ignored --nocapture`

mod engine_questions;

use std::hint::black_box;
use std::time::{Duration, Instant};

use engine_questions::{Random, sample};
use sparkwright::engine::{Budget, EngineOptions, PolicyEngine};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate;

const POLICY_WASM: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"));
const ROUNDS: usize = 200;
const EACH: usize = 20;

/// Many short measurements, in microseconds a call.
struct Timing {
    samples: Vec<f64>,
}

impl Timing {
    fn new() -> Self {
        Self { samples: Vec::new() }
    }

    fn take(&mut self, mut call: impl FnMut()) {
        let begun = Instant::now();
        for _ in 0..EACH {
            call();
        }
        self.samples.push(begun.elapsed().as_secs_f64() * 1e6 / EACH as f64);
    }

    /// What the quietest tenth took: others use the machine too.
    fn quiet(&mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples[self.samples.len() / 10]
    }
}

#[test]
#[ignore = "a measurement, for a quiet machine"]
fn speed() {
    let budget = Budget::time(Duration::from_secs(5));
    // Another build of the module may be measured in its place.
    let wasm = std::env::var_os("SPARKWRIGHT_MEASURE")
        .map_or_else(|| POLICY_WASM.to_vec(), |path| std::fs::read(path).unwrap());
    let policy = serde_json::to_vec(&sparkwright_core::policy::ResolvedPolicy::default()).unwrap();
    let native = evaluate::Prepared::from_json(&policy).unwrap();
    println!("policy.wasm {} bytes, resolved policy {} bytes", wasm.len(), policy.len());
    for metered in [false, true] {
        let begun = Instant::now();
        let engine = PolicyEngine::new(EngineOptions { metered, ..EngineOptions::default() }).unwrap();
        let module = engine.load_module(&wasm, None).unwrap();
        println!(
            "{}: compiled in {:.0} ms",
            if metered { "with fuel" } else { "deadline only" },
            begun.elapsed().as_secs_f64() * 1e3
        );
        let prepared = module.prepare(&policy).unwrap();
        let small = module.prepare(b"{}").unwrap();
        for point in [DecisionPoint::Control, DecisionPoint::PlanQuery, DecisionPoint::PlanLaunch] {
            let input = sample(&mut Random::new(3), point).to_string().into_bytes();
            let answer = evaluate::evaluate(&native, point, &input);
            let (mut a, mut b, mut c, mut d, mut e) =
                (Timing::new(), Timing::new(), Timing::new(), Timing::new(), Timing::new());
            let mut session = prepared.session().ok();
            // Turn and turn about, so that a slow moment is shared by all.
            for _ in 0..ROUNDS {
                a.take(|| drop(black_box(evaluate::evaluate(&native, point, black_box(&input)))));
                b.take(|| {
                    let (answer, next) = session.take().unwrap().eval(point, black_box(&input), budget).unwrap();
                    black_box(answer);
                    session = Some(next);
                });
                c.take(|| drop(black_box(prepared.session().unwrap().eval(point, black_box(&input), budget).unwrap())));
                d.take(|| drop(black_box(small.session().unwrap().eval(point, black_box(&input), budget).unwrap())));
                e.take(|| drop(black_box(prepared.session().unwrap())));
            }
            let (native_us, reused, fresh, fresh_small, session_us) =
                (a.quiet(), b.quiet(), c.quiet(), d.quiet(), e.quiet());
            println!(
                "{:<12} {:>5} B in {:>5} B out | native {native_us:6.2} us | reused {reused:6.2} us = {:.2}x | fresh {fresh:6.2} us = +{:.1} us (policy {{}}: +{:.1} us; session alone {session_us:.1} us) | fuel {:?}",
                point.name(),
                input.len(),
                answer.len(),
                reused / native_us,
                fresh - reused,
                fresh_small - reused,
                session.as_ref().and_then(sparkwright::engine::Session::fuel_used),
            );
        }
    }
}
