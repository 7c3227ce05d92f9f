//! The module in a JavaScript engine, as in a browser: its answers are byte for byte those of the native rules.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine_questions;

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use engine_questions::{POLICIES, Random, mutated, sample};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate::{Prepared, evaluate};

/// Questions of each decision point under each policy.
const QUESTIONS: u32 = 2_500;

#[test]
fn node_gives_the_native_answers() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/node/answers.mjs");
    let module = concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm");
    let mut node = Command::new("node")
        .arg(program)
        .arg(module)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is needed to run the module in a JavaScript engine; `apt-get install nodejs` gets it");
    let mut to_node = BufWriter::new(node.stdin.take().unwrap());
    let mut from_node = BufReader::new(node.stdout.take().unwrap()).lines();
    // Both sides draw the same questions from the same seed: one sends them, one compares what comes back.
    let sender = std::thread::spawn(move || {
        each_question(|line, _, _| {
            to_node.write_all(line.as_bytes()).and_then(|()| to_node.write_all(b"\n")).expect("Node reads")
        });
    });
    let mut asked = 0;
    each_question(|line, prepared, point| {
        let answer = from_node.next().expect("Node answers every question").unwrap();
        if let (Some(point), Some((_, question))) = (point, line.split_once('\t')) {
            let native = evaluate(prepared, point, question.as_bytes());
            assert!(
                answer.as_bytes() == native,
                "{line}\nnative: {}\nNode:   {answer}",
                String::from_utf8_lossy(&native)
            );
            asked += 1;
        } else {
            assert!(answer.starts_with(r#"{"ok":"#), "the policy is refused: {answer}");
        }
    });
    sender.join().unwrap();
    assert!(from_node.next().is_none(), "Node has nothing more to say");
    assert!(node.wait().unwrap().success());
    println!("{asked} questions");
    assert_eq!(asked, QUESTIONS as usize * POLICIES.len() * DecisionPoint::ALL.len());
}

/// Gives each line for Node to `with`: a policy (without a decision point), then its questions.
fn each_question(mut with: impl FnMut(&str, &Prepared, Option<DecisionPoint>)) {
    let mut random = Random::new(0xb0b);
    for policy in POLICIES {
        let prepared = Prepared::from_json(policy.as_bytes()).expect("the policy is good");
        with(&format!("0\t{policy}"), &prepared, None);
        for point in DecisionPoint::ALL {
            for _ in 0..QUESTIONS {
                let question = sample(&mut random, point);
                let question = mutated(&mut random, question);
                with(&format!("{}\t{question}", point.number()), &prepared, Some(point));
            }
        }
    }
}
