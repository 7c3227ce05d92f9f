//! What is declared of decisions, and what lists of them say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::answers::{AnyAnswer, declared, find, given_at_submit, managed_keys};
use sparkwright_core::confs::ConfWhen;
use sparkwright_core::evaluate::{Prepared, evaluate};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::GIB;

fn answered(policy: &ResolvedPolicy, point: DecisionPoint, question: &Value) -> AnyAnswer {
    let prepared = Prepared::new(policy.clone()).unwrap();
    let answer = evaluate(&prepared, point, question.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    AnyAnswer::read(point, answer.get("ok").unwrap_or_else(|| panic!("{answer}"))).unwrap()
}

#[test]
fn names_and_titles_tell_decisions_of_a_point_apart() {
    for point in DecisionPoint::ALL {
        let all = declared(point);
        assert!(!all.is_empty(), "{point:?} decides something");
        for of in
            [|it: &sparkwright_core::decision::Declared| it.name, |it: &sparkwright_core::decision::Declared| it.title]
        {
            let each: BTreeSet<&str> = all.iter().map(of).collect();
            assert_eq!(each.len(), all.len(), "{point:?}: {each:?}");
        }
        for it in all {
            assert_eq!(find(point.name(), it.name), Some(it));
            assert_eq!(it.point, point);
        }
    }
    assert_eq!(find("plan_launch", "release"), None);
    assert_eq!(find("plan_lunch", "executors"), None);
}

#[test]
fn a_key_counts_at_one_moment_whoever_sets_it() {
    let all = DecisionPoint::ALL.into_iter().flat_map(declared).flat_map(|it| it.sets);
    let moments: BTreeSet<(&str, &str)> = all.map(|key| (key.key, key.when.word())).collect();
    let keys: BTreeSet<&str> = moments.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys.len(), moments.len(), "{moments:?}");
}

#[test]
fn what_a_running_application_is_given_is_what_queries_and_stages_declare() {
    let keys = managed_keys();
    assert!(keys.contains(&"spark.sql.shuffle.partitions") && keys.contains(&"spark.sql.autoBroadcastJoinThreshold"));
    let declared = DecisionPoint::ALL.into_iter().flat_map(declared).flat_map(|it| it.sets);
    for key in declared.filter(|key| key.when == ConfWhen::Submit) {
        assert!(!keys.contains(&key.key), "{} can't be set any more", key.key);
    }
}

#[test]
fn submit_gives_what_no_query_decides_for_itself() {
    assert!(given_at_submit("spark.executor.memory", ConfWhen::Submit));
    assert!(given_at_submit("spark.sql.files.maxPartitionBytes", ConfWhen::Session));
    assert!(!given_at_submit("spark.sql.shuffle.partitions", ConfWhen::Session));
}

#[test]
fn a_list_says_what_was_set_and_why() {
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.min_executors = 4;
    policy.cost.executor_hour_price = Some(0.5);
    let question = json!({"job": {"input_bytes": 10 * GIB}, "cluster": {"manager": "kubernetes", "nodes": [{"count": 9, "cores": 16, "memory_bytes": 64 * GIB}]}});
    let answer = answered(&policy, DecisionPoint::PlanLaunch, &question);
    let told: Vec<_> = answer.decisions().iter().map(|made| made.told("EUR", made.in_force)).collect();
    let of = |name: &str| told.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no {name}"));

    let executors = of("executors");
    assert_eq!((executors.title.as_str(), executors.text.as_str(), executors.applied), ("Executors", "4", true));
    assert_eq!(executors.why, "computed 1; raised to 4 by min_executors");
    let overhead = of("executor_overhead_bytes");
    let set: Vec<_> = overhead.sets.iter().map(|set| (set.key.as_str(), set.value.as_str(), set.when)).collect();
    assert_eq!(set, [("spark.executor.memoryOverhead", "820m", ConfWhen::Submit)]);
    assert!(overhead.applied);
    assert!(of("cost").text.ends_with(" EUR"), "{}", of("cost").text);
    assert!(!of("cost").applied, "nothing of Spark's is set by it");
    assert_eq!(of("scaling").text, "by the policy");
    assert!(of("scaling").sets.iter().any(|set| set.key == "spark.decommission.enabled"));

    // As scripts get it.
    let json = serde_json::to_value(overhead).unwrap();
    for member in ["name", "title", "point", "value", "unit", "text", "grade", "applied", "sets", "why", "trace"] {
        assert!(json.get(member).is_some(), "{member}");
    }
    assert_eq!((&json["point"], &json["unit"], &json["grade"]), (&json!("plan_launch"), &json!("bytes"), &json!("C")));
}

#[test]
fn lists_of_other_points_know_what_they_are_about() {
    let policy = ResolvedPolicy::default();
    let node = |more: Value| {
        let mut node = json!({"operator": "Aggregate", "hash": "a", "row_bytes": 16, "rows": 1000, "seen": 5, "mean_gap_ms": 1000,
            "measured_task_ms": 60_000, "measured_share": 0.9});
        more.as_object().unwrap().iter().for_each(|(name, value)| node[name] = value.clone());
        node
    };
    let question = json!({
        "slots": 8, "executor_cores": 4, "executor_heap_bytes": 8 * GIB,
        "executors": [{"id": "1", "max_storage_bytes": 4 * GIB, "free_storage_bytes": 4 * GIB}],
        "nodes": [node(json!({})), {"parent": 0, "operator": "LogicalRelation", "hash": "b", "bytes": GIB, "rows": 10_000_000, "row_bytes": 100,
            "format": "parquet", "path": "file:/data/flights"}],
        "entries": [{"id": "old", "memory_bytes": GIB, "partitions": 4, "cached_partitions": 4, "idle_ms": 99_999_999_u64, "mean_gap_ms": 1}],
    });
    let answer = answered(&policy, DecisionPoint::PlanQuery, &question);
    let made = answer.decisions();
    let of = |name: &str| made.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!((of("cache").hash, of("cache").in_force), (Some("a"), true));
    assert_eq!(of("cache").text(""), "MEMORY_AND_DISK");
    assert_eq!((of("release").hash, of("release").in_force), (Some("old"), true));
    let partitions = of("shuffle_partitions");
    assert_eq!((partitions.subject, partitions.sets.len()), (Some("spark.sql.shuffle.partitions"), 1));

    let mut users = question.clone();
    users["confs"] = json!({"spark.sql.shuffle.partitions": {"value": "7", "owner": "user"}});
    let answer = answered(&policy, DecisionPoint::PlanQuery, &users);
    let made = answer.decisions();
    let partitions = made.iter().find(|it| it.name == "shuffle_partitions").unwrap();
    assert!(!partitions.in_force && partitions.sets.is_empty(), "what the user set stands");

    let tables = json!({"now_ms": 1_000 * 3_600_000_u64, "tables": [{"name": "t", "bytes": GIB, "last_access_ms": 0}]});
    let answer = answered(&policy, DecisionPoint::PlanCleanup, &tables);
    let made = answer.decisions();
    assert_eq!((made[0].name, made[0].subject, made[0].in_force), ("drop", Some("t"), true));
}

#[test]
fn what_another_module_calls_otherwise_is_listed_by_its_name() {
    let trace = json!({"rule": "r", "formula": "because", "inputs": [], "unbounded": null, "unit": "bytes"});
    let answer =
        json!({"decisions": [{"name": "prefetch", "subject": "s", "value": 1024, "grade": "C", "trace": trace}]});
    let answer = AnyAnswer::read(DecisionPoint::PlanQuery, &answer).unwrap();
    let made = answer.decisions();
    assert_eq!((made[0].name, made[0].title, made[0].text("")), ("prefetch", "prefetch", "1 KiB".to_owned()));
}
