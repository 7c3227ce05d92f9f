#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::evaluate::{Prepared, evaluate};
use alloc::vec;

fn rule(name: &str, when: &str, set: Value) -> Rule {
    let set = set.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Rule { name: name.into(), when: when.into(), set, ..Rule::default() }
}

fn deny(name: &str, when: &str, message: &str) -> Rule {
    Rule { deny: Some(message.into()), ..rule(name, when, json!({})) }
}

fn answer(rules: Vec<Rule>, point: DecisionPoint, question: Value) -> Value {
    let mut policy = ResolvedPolicy { environment: "production".into(), rules, ..ResolvedPolicy::default() };
    policy.cost.executor_hour_price = Some(1.0);
    let prepared = Prepared::new(policy).unwrap();
    serde_json::from_slice(&evaluate(&prepared, point, question.to_string().as_bytes())).unwrap()
}

fn launch(rules: Vec<Rule>, question: Value) -> Value {
    answer(rules, DecisionPoint::PlanLaunch, question)
}

const NIGHT: u64 = 1_763_940_600_000; // Sunday, 23 November 2025, 23:30 UTC

fn big_job() -> Value {
    json!({
        "now_ms": NIGHT,
        "labels": {"kind": "ad-hoc"},
        "job": {"input_bytes": 10_u64 << 40, "processing": "query"},
    })
}

#[test]
fn more_executors_at_night() {
    let rules = vec![rule("night", "hour >= 22 || hour < 6", json!({"autoscaling.max_executors": 40}))];
    let night = launch(rules.clone(), big_job());
    assert_eq!(night["ok"]["executors"]["value"], 40);
    assert_eq!(
        night["ok"]["rules"][0],
        json!({"rule": "night", "applied": true, "because": "autoscaling.max_executors"})
    );
    let bounds = night["ok"]["executors"]["trace"]["bounds"].as_array().unwrap();
    assert!(bounds.iter().any(|bound| bound["name"] == "autoscaling.max_executors, rule `night`"), "{bounds:?}");
    let mut east = big_job();
    east["utc_offset_minutes"] = json!(9 * 60);
    let day = launch(rules, east);
    assert_eq!((&day["ok"]["executors"]["value"], &day["ok"]["rules"]), (&json!(20), &json!([])));
}

#[test]
fn never_more_than_eight_for_ad_hoc_queries() {
    let rules = vec![
        rule("night", "hour >= 22", json!({"autoscaling.max_executors": 40})),
        rule("ad hoc", "labels.kind == 'ad-hoc'", json!({"autoscaling.max_executors": 8})),
    ];
    assert_eq!(launch(rules.clone(), big_job())["ok"]["executors"]["value"], 8, "the later rule wins");
    let control = answer(
        rules,
        DecisionPoint::Control,
        json!({"now_ms": NIGHT, "labels": {"kind": "ad-hoc"}, "controller": "policy", "pending_tasks": 1000, "facts_at_ms": NIGHT}),
    );
    assert_eq!(control["ok"]["rules"][1]["applied"], true);
}

#[test]
fn a_run_that_costs_too_much_is_denied() {
    let rules = vec![deny("budget", "has(plan.cost) && plan.cost > 5.0", "ask the platform team first")];
    let denied = launch(rules.clone(), big_job());
    assert_eq!(denied["error"]["code"], "denied");
    assert_eq!(denied["error"]["message"], "ask the platform team first (rule `budget`)");
    assert_eq!(denied["error"]["path"], "rules[0]");
    let small = launch(rules, json!({"job": {"input_bytes": 1 << 30}}));
    assert_eq!(small["ok"]["executors"]["value"], 2);
    let by_facts = vec![deny("weekend", "weekday >= 6", "not on weekends")];
    assert_eq!(launch(by_facts.clone(), big_job())["error"]["code"], "denied");
    // What runs goes on.
    let running = answer(by_facts, DecisionPoint::Control, json!({"now_ms": NIGHT}));
    assert!(running.get("ok").is_some(), "{running}");
}

#[test]
fn what_a_condition_cannot_know_changes_nothing_and_is_told() {
    let rules = vec![
        rule("when", "hour >= 22", json!({"autoscaling.max_executors": 40})),
        rule("whose", "labels.team == 'x'", json!({"autoscaling.max_executors": 1})),
        rule("crossing", "true", json!({"autoscaling.min_executors": 30})),
    ];
    let unknown = launch(rules, json!({"job": {"input_bytes": 1_u64 << 40}}));
    let outcomes = unknown["ok"]["rules"].as_array().unwrap();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|outcome| outcome["applied"] == false));
    assert!(outcomes[2]["because"].as_str().unwrap().contains("above autoscaling.max_executors"), "{outcomes:?}");
    assert_eq!(unknown["ok"]["max_executors"], 20);
}

#[test]
fn rules_are_asked_where_they_belong() {
    let mut only = rule("launch", "true", json!({"autoscaling.max_executors": 3}));
    only.at = vec![DecisionPoint::PlanStage];
    assert_eq!(launch(vec![only.clone()], big_job())["ok"]["max_executors"], 20);
    let stage = answer(vec![only], DecisionPoint::PlanStage, big_job());
    assert_eq!(stage["ok"]["executors"]["value"], 3);
}

#[test]
fn bad_rules_are_refused_with_the_policy() {
    let refused = |rules: Vec<Rule>| Prepared::new(ResolvedPolicy { rules, ..ResolvedPolicy::default() }).unwrap_err();
    let error = refused(vec![rule("a", "true", json!({})), rule("b", "hour >", json!({}))]);
    assert_eq!((error.code.as_ref(), error.path.as_deref()), ("bad_policy", Some("rules[1].when")));
    let error = refused(vec![rule("c", "plan.cost > 3.0", json!({}))]);
    assert!(error.message.contains("known only to a rule with `deny`"), "{error}");
    assert!(refused(vec![rule("d", "true", json!({})); 65]).message.contains("64 are allowed"));
}

#[test]
fn hours_and_weekdays_are_those_of_the_place() {
    let at = |offset: i64| moment(&json!({"now_ms": NIGHT, "utc_offset_minutes": offset}));
    assert_eq!(at(0), Some((23, 7)));
    assert_eq!(at(60), Some((0, 1)));
    assert_eq!(at(-24 * 60), Some((23, 6)));
    assert_eq!(moment(&json!({"now_ms": 0})), None);
    assert_eq!(moment(&json!({"now_ms": 1})), Some((0, 4)), "a Thursday");
    assert_eq!(
        moment(&json!({"now_ms": u64::MAX, "utc_offset_minutes": i64::MAX})).map(|(hour, _)| hour < 24),
        Some(true)
    );
}
