//! The schemas of the contract and the contract agree: every vector's question and answer is what its schema says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;

use serde_json::{Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate::{Prepared, evaluate};
use sparkwright_core::schema;
use sparkwright_tests::paths;

fn problems(schema: schemars::Schema, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema.into()).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_vector_is_what_the_schemas_say() {
    let mut checked = 0;
    for point in DecisionPoint::ALL {
        let file = paths::workspace().join("tests/vectors").join(point.name()).with_extension("yaml");
        let vectors: Vec<Value> = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for vector in vectors {
            let note = vector["note"].as_str().unwrap();
            let question = vector.get("input").cloned().unwrap_or(json!({}));
            assert_eq!(problems(schema::question(point), &question), [""; 0], "{note}");
            let policy = vector.get("policy").cloned().unwrap_or(json!({}));
            let prepared = Prepared::from_json(policy.to_string().as_bytes()).unwrap();
            let answer: Value =
                serde_json::from_slice(&evaluate(&prepared, point, question.to_string().as_bytes())).unwrap();
            if let Some(answer) = answer.get("ok") {
                assert_eq!(problems(schema::answer(point), answer), [""; 0], "{note}");
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn wrong_questions_are_refused_with_their_place() {
    let found = problems(
        schema::question(DecisionPoint::PlanLaunch),
        &json!({"job": {"input_bytes": -1, "processing": "batch"}, "cluster": {"nodes": [{"count": 1}]}}),
    );
    for place in ["/job/input_bytes", "/job/processing", "/cluster/nodes/0"] {
        assert!(found.iter().any(|problem| problem.starts_with(place)), "{place}: {found:#?}");
    }
}

#[test]
fn members_have_their_meaning() {
    let launch: Value = schema::question(DecisionPoint::PlanLaunch).into();
    assert_eq!(launch["properties"]["history"]["description"], "Earlier runs of the job.");
    let answer: Value = schema::answer(DecisionPoint::PlanLaunch).into();
    assert!(answer["$defs"].as_object().unwrap().keys().any(|name| name.contains("Decision")), "{answer:#}");
}
