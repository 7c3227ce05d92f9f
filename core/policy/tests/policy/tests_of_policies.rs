//! `tests`: how they are read.

use serde_json::json;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_policy::{DEFAULT_POLICY, parse};

use crate::{brief, good};

#[test]
fn tests_are_read_with_sizes_and_bounds() {
    let file = good(
        "
environments: {production: {}}
tests:
  - name: small
    environment: production
    set: {max_executors: 8}
    facts: {job: {input_bytes: 10GB, processing: etl}, labels: {size_bytes_of: x}}
    expect: {executors: {at_most: 8}, executor_memory_bytes: {one_of: [8GiB, 4294967296]}, cache: {keep: false}}
  - {point: review, expect: {trend: stable}}
",
    );
    let [small, review] = file.tests() else { panic!("two tests") };
    assert_eq!(
        (small.name.as_str(), small.environment.as_deref(), small.point),
        ("small", Some("production"), DecisionPoint::PlanLaunch)
    );
    assert_eq!(
        small.facts,
        json!({"job": {"input_bytes": 10_000_000_000_u64, "processing": "etl"}, "labels": {"size_bytes_of": "x"}})
    );
    assert_eq!(small.expect["executor_memory_bytes"]["one_of"], json!([8_589_934_592_u64, 4_294_967_296_u64]));
    assert!(small.change.as_ref().unwrap().paths().eq(["autoscaling.max_executors"]));
    assert_eq!((review.name.as_str(), review.point, &review.facts), ("test 2", DecisionPoint::Review, &json!({})));
    assert_eq!(small.line, 4);
}

#[test]
fn wrong_tests_are_told_with_their_place() {
    for (test, expected) in [
        ("{name: x}", "2:5-14 null_not_allowed `x` has no `expect`"),
        ("{expect: {a: 1}, pont: control}", "2:22-26 unknown_key unknown key `pont` in a test"),
        ("{expect: {a: 1}, point: contrl}", "unknown_word unknown decision point `contrl`"),
        (
            "{expect: {a: 1}, facts: {job: {input_bytes: lots}}}",
            "bad_memory_size `input_bytes` takes a size, not `lots`",
        ),
        ("{expect: {a: 1}, set: {max_executors: 0}}", "out_of_range"),
        ("{expect: {a: .nan}}", "not_finite"),
        ("[1]", "wrong_type"),
    ] {
        let found = brief(&parse("policy.yaml", &format!("tests:\n  - {test}\n")).1);
        assert!(found.iter().any(|line| line.contains(expected)), "{test}: {found:?}");
    }
}

#[test]
fn the_default_policy_has_tests() {
    assert!(good(DEFAULT_POLICY).tests().len() >= 4);
}
