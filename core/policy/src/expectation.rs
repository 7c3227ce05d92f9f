//! What a policy's test expects, held against an answer.
//!
//! An expectation has the shape of the answer with each decision as its bare value: `executors: 4`, `cache: {keep: true}`, `cost: 12.5` in
//! the policy's currency, `run_minutes: 30`. Instead of a value there may be bounds: `{at_least: 2, at_most: 8}`, `{one_of: [2, 4]}`,
//! `{is_set: false}`. A test of a refusal expects `denied`, with a part of its message, or `error`, with its code.

use serde_json::{Map, Value as Json};
use sparkwright_core::rules::plain;

/// A place where an answer is not as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The place in the answer, as `confs.spark.sql.shuffle.partitions`.
    pub path: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Where an answer's envelope is not as a test expects, in the order of the test.
#[must_use]
pub fn mismatches(expect: &Json, envelope: &Json) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let refusal = envelope.get("error");
    let member = |name: &str| expect.get(name).filter(|_| expect.as_object().is_some_and(|object| object.len() == 1));
    let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
    match (refusal, member("denied"), member("error")) {
        (Some(error), Some(words), _) if error["code"] == "denied" => {
            let (wanted, message) = (text(Some(words)), text(error.get("message")));
            if !message.contains(&wanted) {
                found.push(mismatch("denied", &format!("a message with `{wanted}`"), &message));
            }
        }
        (Some(error), _, Some(code)) => {
            if error.get("code") != Some(code) {
                found.push(mismatch("error", &text(Some(code)), &text(error.get("code"))));
            }
        }
        (Some(error), _, _) => {
            let wanted = if expect.get("denied").is_some() { "denied" } else { "an answer" };
            let message = format!("the error `{}`: {}", text(error.get("code")), text(error.get("message")));
            found.push(mismatch("", wanted, &message));
        }
        (None, Some(_), _) => found.push(mismatch("denied", "denied", "allowed")),
        (None, _, Some(code)) => found.push(mismatch("error", &text(Some(code)), "an answer")),
        (None, None, None) => compare("", expect, &plain(&envelope["ok"]), &mut found),
    }
    found
}

fn mismatch(path: &str, expected: &str, found: &str) -> Mismatch {
    Mismatch { path: path.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
}

/// The bounds that an expectation may have instead of a value.
const BOUNDS: [&str; 4] = ["at_least", "at_most", "one_of", "is_set"];

fn compare(path: &str, expect: &Json, answer: &Json, found: &mut Vec<Mismatch>) {
    // A configuration says when and why it is set as well.
    let answer = answer.get("value").filter(|_| answer.get("because").is_some()).unwrap_or(answer);
    match (expect, answer) {
        (Json::Object(bounds), _) if !bounds.is_empty() && bounds.keys().all(|key| BOUNDS.contains(&key.as_str())) => {
            if let Some(expected) = broken_bound(bounds, answer) {
                found.push(mismatch(path, &expected, &shown(answer)));
            }
        }
        (Json::Object(members), Json::Object(there)) => {
            for (name, expect) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, expect, there.get(name).unwrap_or(&Json::Null), found);
            }
        }
        (Json::Array(expected), Json::Array(there)) if expected.len() == there.len() => {
            for (index, (expect, answer)) in expected.iter().zip(there).enumerate() {
                compare(&format!("{path}[{index}]"), expect, answer, found);
            }
        }
        _ if same(expect, answer) => {}
        _ => found.push(mismatch(path, &shown(expect), &shown(answer))),
    }
}

/// In words, the bound that a value breaks.
fn broken_bound(bounds: &Map<String, Json>, answer: &Json) -> Option<String> {
    let number = number(answer);
    bounds.iter().find_map(|(name, bound)| {
        let limit = bound.as_f64();
        let (holds, words) = match name.as_str() {
            "at_least" => (limit.zip(number).is_some_and(|(limit, number)| number >= limit), "at least"),
            "at_most" => (limit.zip(number).is_some_and(|(limit, number)| number <= limit), "at most"),
            "one_of" => {
                (bound.as_array().is_some_and(|values| values.iter().any(|value| same(value, answer))), "one of")
            }
            _ => (bound.as_bool() == Some(!answer.is_null()), "is set:"),
        };
        (!holds).then(|| format!("{words} {}", shown(bound)))
    })
}

fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Whether two values are the same; Spark's configurations are texts also where they are numbers.
fn same(expect: &Json, answer: &Json) -> bool {
    expect == answer
        || match (expect, answer) {
            (Json::Number(_), Json::Number(_) | Json::String(_)) => number(expect) == number(answer),
            (Json::Bool(yes), Json::String(text)) => text == if *yes { "true" } else { "false" },
            _ => false,
        }
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(expect: Json, envelope: Json) -> Vec<String> {
        mismatches(&expect, &envelope)
            .into_iter()
            .map(|it| format!("{}: {} / {}", it.path, it.expected, it.found))
            .collect()
    }

    fn envelope() -> Json {
        json!({"ok": {
            "executors": {"value": 12, "grade": "C", "trace": {}},
            "cache": {"value": {"keep": true, "level": "MEMORY_AND_DISK"}, "grade": "C", "trace": {}},
            "cost": {"value": {"executor_ms": 3_600_000, "micros": 2_500_000}, "grade": "C", "trace": {}},
            "confs": {"spark.sql.shuffle.partitions": {"value": "200", "when": "session", "because": "data"}},
            "drop": ["a", "b"],
        }})
    }

    #[test]
    fn values_and_bounds_are_held_against_the_answer() {
        assert_eq!(
            of(
                json!({"executors": 12, "cache": {"keep": true}, "cost": {"at_most": 2.5},
                       "confs": {"spark.sql.shuffle.partitions": 200, "spark.other": {"is_set": false}}, "drop": ["a", "b"]}),
                envelope()
            ),
            [""; 0]
        );
        assert_eq!(
            of(
                json!({"executors": {"at_most": 8}, "cache": {"keep": false}, "nothing": 3, "drop": ["a"],
                       "confs": {"spark.sql.shuffle.partitions": {"one_of": [8, 16]}}}),
                envelope()
            ),
            [
                "cache.keep: false / true",
                "confs.spark.sql.shuffle.partitions: one of [8,16] / 200",
                "drop: [\"a\"] / [\"a\",\"b\"]",
                "executors: at most 8 / 12",
                "nothing: 3 / nothing",
            ]
        );
    }

    #[test]
    fn refusals_can_be_expected() {
        let denied = json!({"error": {"code": "denied", "message": "ask first (rule `budget`)"}});
        assert_eq!(of(json!({"denied": "ask first"}), denied.clone()), [""; 0]);
        assert_eq!(of(json!({"denied": "ask last"}), denied.clone()).len(), 1);
        assert_eq!(
            of(json!({"executors": 3}), denied.clone()),
            [": an answer / the error `denied`: ask first (rule `budget`)"]
        );
        assert_eq!(of(json!({"error": "denied"}), denied), [""; 0]);
        assert_eq!(of(json!({"denied": "x"}), envelope()), ["denied: denied / allowed"]);
        assert_eq!(of(json!({"error": "does_not_fit"}), envelope()), ["error: does_not_fit / an answer"]);
    }
}
