//! `sparkwright test` and `sparkwright schema`, as a person or a CI job runs them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;

use serde_json::Value;
use support::Scene;

const POLICY: &str = "
environments:
  production: {optimization: {autoscaling: {min_executors: 4, max_executors: 20}}}
rules:
  - name: ad hoc
    when: has(labels.kind) && labels.kind == 'ad-hoc'
    set: {autoscaling: {min_executors: 1, max_executors: 8}}
  - name: budget
    when: has(plan.cost) && plan.cost > 50.0
    deny: too dear
tests:
  - name: small stays small
    environment: production
    facts: {job: {input_bytes: 10GB}}
    expect: {executors: 4}
  - name: ad hoc is held
    environment: production
    facts: {job: {input_bytes: 10TB}, labels: {kind: ad-hoc}}
    expect: {executors: {at_most: 8}, rules: [{rule: ad hoc, applied: true}]}
  - name: the budget is kept
    environment: production
    set: {cost: {executor_hour_price: 5}}
    facts: {job: {input_bytes: 100TB}}
    expect: {denied: too dear}
";

#[test]
fn the_tests_of_a_policy_pass() {
    let scene = Scene::new();
    fs::write(scene.path("p.yaml"), POLICY).unwrap();
    let outcome = scene.sparkwright().args(["test", "p.yaml", "--junit", "out.xml"]).run().unwrap();
    assert_eq!((outcome.code(), outcome.stderr.as_str()), (Some(0), ""), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("p.yaml: 3 tests, all pass\n"), "{}", outcome.stdout);
    let xml = fs::read_to_string(scene.path("out.xml")).unwrap();
    assert!(xml.contains(r#"tests="3""#) && xml.contains(r#"failures="0""#), "{xml}");
}

#[test]
fn a_failed_test_says_what_was_expected_what_was_found_and_why() {
    let scene = Scene::new();
    fs::write(scene.path("p.yaml"), POLICY.replace("expect: {executors: 4}", "expect: {executors: 5}")).unwrap();
    let outcome = scene.sparkwright().args(["test", "p.yaml", "--junit", "out.xml"]).run().unwrap();
    assert_eq!(outcome.code(), Some(1));
    for part in [
        "FAILED small stays small",
        "executors: - expected 5",
        "+ found    4",
        "autoscaling.min_executors",
        "p.yaml:12",
        "1 of 3 tests failed",
    ] {
        assert!(outcome.stdout.contains(part), "no `{part}` in: {}", outcome.stdout);
    }
    assert!(!outcome.stdout.contains('\u{1b}'), "no colours in a pipe");
    let xml = fs::read_to_string(scene.path("out.xml")).unwrap();
    assert!(xml.contains("executors: expected 5, found 4"), "{xml}");
    let json = scene.sparkwright().args(["test", "p.yaml", "--json"]).run().unwrap();
    let results: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (json.code(), &results[0]["passed"], &results[1]["passed"]),
        (Some(1), &Value::from(false), &Value::from(true))
    );
    let one = scene.sparkwright().args(["test", "p.yaml", "--filter", "ad hoc"]).run().unwrap();
    assert_eq!(one.code(), Some(0), "{}", one.stdout);
}

#[test]
fn a_file_without_tests_or_with_mistakes_ends_with_2() {
    let scene = Scene::new();
    fs::write(scene.path("p.yaml"), "environments: {production: {}}\n").unwrap();
    let none = scene.sparkwright().args(["test", "p.yaml"]).run().unwrap();
    assert_eq!(none.code(), Some(2));
    assert!(none.stderr.contains("`p.yaml` has no tests"), "{}", none.stderr);
    fs::write(
        scene.path("p.yaml"),
        POLICY.replace("executors: 4}", "executors: 4, expcted: 3}").replace("facts:", "fact:"),
    )
    .unwrap();
    let wrong = scene.sparkwright().args(["test", "p.yaml"]).run().unwrap();
    assert_eq!(wrong.code(), Some(2));
    assert!(wrong.stderr.contains("did you mean `facts`?"), "{}", wrong.stderr);
}

#[test]
fn the_default_policy_passes_its_own_tests_and_its_schema_is_json() {
    let scene = Scene::new();
    let tests = scene.sparkwright().args(["test"]).run().unwrap();
    assert_eq!(tests.code(), Some(0), "{}{}", tests.stdout, tests.stderr);
    let schema = scene.sparkwright().args(["schema"]).run().unwrap();
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}
