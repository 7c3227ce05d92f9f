//! The language-neutral vectors of `tests/vectors`: the module gives the answers that they want, within their fuel, and so do the native
//! rules and a JavaScript engine, byte for byte the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sparkwright::conformance::{Vector, differential, read_vectors, run};
use sparkwright::engine::{EngineOptions, PolicyEngine, PolicyModule};
use sparkwright_core::evaluate::{Prepared, evaluate};

const POLICY_WASM: &[u8] = include_bytes!(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"));

fn in_tests(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(path)
}

fn vectors() -> Vec<Vector> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(in_tests("vectors")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 6, "a file a decision point");
    files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            read_vectors(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

fn module(metered: bool) -> PolicyModule {
    let engine = PolicyEngine::new(EngineOptions { metered, ..EngineOptions::default() }).unwrap();
    engine.load_module(POLICY_WASM, None).unwrap()
}

#[test]
fn the_module_answers_them_within_their_fuel() {
    let (module, vectors) = (module(true), vectors());
    let report = run(&module, &vectors);
    for vector in &vectors {
        let prepared = module.prepare(vector.policy.to_string().as_bytes()).unwrap();
        let input = vector.input.to_string();
        let session = prepared.session().unwrap();
        let (_, session) =
            session.eval(vector.point, input.as_bytes(), sparkwright::engine::Budget::millis(5_000)).unwrap();
        let used = session.fuel_used().unwrap();
        println!(
            "{used:>10} of {:>10}  {}: {}",
            vector.fuel.map_or("?".into(), |fuel| fuel.to_string()),
            vector.point.name(),
            vector.note
        );
    }
    assert!(report.passed(), "{report}");
    let without: Vec<&str> =
        vectors.iter().filter(|vector| vector.fuel.is_none()).map(|vector| vector.note.as_str()).collect();
    assert!(without.is_empty(), "these name no `fuel`: {without:?}");
}

#[test]
fn native_and_javascript_give_the_same_bytes() {
    let (module, vectors) = (module(false), vectors());
    let mut questions = String::new();
    let mut answers = Vec::new();
    for vector in &vectors {
        let (policy, input) = (vector.policy.to_string(), vector.input.to_string());
        let native = Prepared::from_json(policy.as_bytes()).unwrap();
        let session = module.prepare(policy.as_bytes()).unwrap().session().unwrap();
        differential(&native, session, vector.point, input.as_bytes()).unwrap();
        answers.push(evaluate(&native, vector.point, input.as_bytes()));
        questions.push_str(&format!("0\t{policy}\n{}\t{input}\n", vector.point.number()));
    }
    // An instance takes a limited number of policies, so that each few have one of their own.
    let lines: Vec<&str> = questions.lines().collect();
    let mut said = Vec::new();
    for lines in lines.chunks(2 * 16) {
        said.extend(node(&(lines.join("\n") + "\n")).lines().skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(said.len(), vectors.len());
    for ((vector, native), said) in vectors.iter().zip(&answers).zip(&said) {
        assert_eq!(said.as_bytes(), native, "{}", vector.note);
    }
}

fn node(questions: &str) -> String {
    let questions_file = tempfile::NamedTempFile::new().unwrap();
    fs::write(questions_file.path(), questions).unwrap();
    let output = Command::new("node")
        .arg(in_tests("node/answers.mjs"))
        .arg(concat!(env!("SPARKWRIGHT_ASSETS"), "/policy.wasm"))
        .stdin(Stdio::from(fs::File::open(questions_file.path()).unwrap()))
        .stderr(Stdio::inherit())
        .output()
        .expect("Node.js is needed to run the module in a JavaScript engine; `apt-get install nodejs` gets it");
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
