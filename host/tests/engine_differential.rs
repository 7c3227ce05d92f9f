//! The module that is shipped: its answers are byte for byte those of the native rules, on questions good and bad, and it keeps to
//! the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine_questions;

use engine_questions::{POLICIES, Random, mutated, sample};
use sparkwright::conformance::{behaviour, differential, read_vectors, run};
use sparkwright::engine::{Budget, EngineOptions, PolicyEngine, PolicyModule};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate::{self, SUPPORTED};

/// What the build embeds.
const POLICY_WASM: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"));

fn shipped(metered: bool) -> PolicyModule {
    let engine = PolicyEngine::new(EngineOptions { metered, ..EngineOptions::default() }).expect("an engine");
    engine.load_module(POLICY_WASM, None).expect("the module is good")
}

/// Asks `count` questions of each decision point under each policy.
fn agree(count: u32, mut question: impl FnMut(&mut Random, DecisionPoint) -> Vec<u8>) {
    let module = shipped(false);
    let mut random = Random::new(0x5eed);
    let (mut asked, mut answered) = (0, 0);
    for policy in POLICIES {
        let native = evaluate::Prepared::from_json(policy.as_bytes()).expect("the policy is good");
        let mut session = module.prepare(policy.as_bytes()).expect("it agrees").session().expect("it starts");
        for point in SUPPORTED {
            for _ in 0..count {
                let input = question(&mut random, *point);
                asked += 1;
                answered += u32::from(evaluate::evaluate(&native, *point, &input).starts_with(b"{\"ok\":"));
                session = differential(&native, session, *point, &input).unwrap_or_else(|why| {
                    panic!("{} under {policy} of {}: {why}", point.name(), String::from_utf8_lossy(&input))
                });
            }
        }
    }
    println!("{asked} questions, {answered} of them answered with a decision");
    assert!(asked >= 1_000 && answered * 10 > asked, "{answered} of {asked} were real questions");
}

#[test]
fn generated_questions_have_the_native_answer() {
    agree(2_500, |random, point| {
        let question = sample(random, point);
        mutated(random, question).to_string().into_bytes()
    });
}

#[test]
fn broken_questions_have_the_native_error() {
    agree(150, |random, point| {
        let mut bytes = sample(random, point).to_string().into_bytes();
        if random.below(3) == 0 {
            return bytes;
        }
        for _ in 0..=random.below(2) {
            let place = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[place] = random.below(256) as u8,
                1 => bytes[place] = b"{}[],:\"-.e0 \n"[random.below(13)],
                2 => bytes.truncate(place + 1),
                _ => {
                    bytes.remove(place);
                }
            }
        }
        bytes
    });
}

#[test]
fn a_fresh_instance_and_a_used_one_say_the_same() {
    let module = shipped(true);
    let prepared = module.prepare(b"{}").unwrap();
    let mut random = Random::new(7);
    let mut used = prepared.session().unwrap();
    for _ in 0..50 {
        let input = sample(&mut random, DecisionPoint::Control).to_string();
        let ask = |session: sparkwright::engine::Session| {
            session.eval(DecisionPoint::Control, input.as_bytes(), Budget::millis(5_000)).expect("it answers")
        };
        let (first, again) = (ask(prepared.session().unwrap()), ask(prepared.session().unwrap()));
        assert_eq!(first.1.fuel_used(), again.1.fuel_used(), "fuel is the same every time");
        let (answer, session) = ask(used);
        assert_eq!((&answer, &first.0), (&first.0, &again.0));
        used = session;
    }
}

#[test]
fn the_shipped_module_keeps_to_the_contract() {
    let module = shipped(false);
    let report = behaviour(&module);
    assert!(report.passed(), "{report}");
    let inspection = module.inspection();
    assert!(inspection.imports.is_empty());
    assert_eq!(inspection.refusal, None);
    let description = module.describe().unwrap();
    let names: Vec<_> = SUPPORTED.iter().map(|point| point.name().to_owned()).collect();
    assert_eq!(description.decision_points, names);
}

#[test]
fn a_bad_policy_is_refused_with_the_native_words() {
    let module = shipped(false);
    for policy in [
        "",
        "{",
        "[]",
        r#"{"autoscaling":{"min_executors":9,"max_executors":2}}"#,
        r#"{"guards":{"tick_seconds":"x"}}"#,
    ] {
        let native = evaluate::Prepared::from_json(policy.as_bytes()).expect_err("it is bad");
        let refused = module.prepare(policy.as_bytes()).expect_err("it is bad");
        assert_eq!(refused.to_string(), format!("the module refuses the policy: {native}"));
    }
}

#[test]
fn other_modules_are_held_to_the_contract_too() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let least = wat::parse_str(include_str!("../../tests/wat/least.wat")).unwrap();
    let report = behaviour(&engine.load_module(&least, None).unwrap());
    let failed: Vec<_> =
        report.checks.iter().filter(|check| check.failure.is_some()).map(|check| check.name.as_str()).collect();
    for name in [
        "has no buffer of 0 bytes to give",
        "answers a bad policy with an error, and goes on",
        "control: answers nothing with an error",
    ] {
        assert!(failed.contains(&name), "{report}");
    }
    assert!(report.to_string().contains("ok    describes itself"), "{report}");
    let vectors = "
- note: the least module says 42
  point: control
  expect: {ok: {answer: 42}}
- note: it says nothing else
  point: control
  input: {now_ms: 18446744073709551615}
  contains: {ok: {answer: 43}}
";
    let report = run(&engine.load_module(&least, None).unwrap(), &read_vectors(vectors).unwrap());
    assert_eq!(report.failures(), 1);
    assert!(
        report.to_string().contains("WRONG it says nothing else\n      ok.answer: expected 43, found 42"),
        "{report}"
    );
}

#[test]
fn bad_files_of_vectors_are_refused() {
    let error = |text: &str| read_vectors(text).expect_err("it is bad").to_string();
    assert!(error("- note: x\n  point: control\n").contains("`x` needs one of"));
    assert!(error("- note: x\n  point: nowhere\n  expect: {}\n").contains("nowhere"));
    assert!(error("- note: x\n  point: control\n  expct: {}\n").contains("expct"));
    assert!(error("just words").contains("no list of vectors"));
    assert_eq!(read_vectors(r#"[{"note":"x","point":"control","contains":{}}]"#).unwrap().len(), 1);
}
