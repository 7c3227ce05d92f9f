//! The decisions of an answer: as the run's record keeps them, and as people read them.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::trace::{Decision, Scalar};

use crate::record::{RecordedDecision, review_prose, told_bottleneck, told_recommendation};

/// The most characters of a pipeline's own words that are kept.
const LONGEST_TEXT: usize = 300;

/// The decisions of an answer, each with the name by which it stands there (for a clean-up, the table's), not numbered yet.
pub(super) fn decisions(
    point: DecisionPoint,
    subject: &str,
    answer: &Value,
    now_ms: u64,
) -> Vec<(String, RecordedDecision)> {
    let recorded = |name: &str, kind: String, subject: &str, made: &Value| {
        let decision = Decision {
            value: told(&kind, made.get("value")?),
            grade: serde_json::from_value(made.get("grade")?.clone()).ok()?,
            trace: serde_json::from_value(made.get("trace")?.clone()).ok()?,
        };
        let decision = RecordedDecision::new(now_ms, point.name(), kind, short(subject), decision, false);
        Some((name.to_owned(), decision))
    };
    if point == DecisionPoint::PlanCleanup {
        let tables = answer.get("decisions").and_then(Value::as_array).into_iter().flatten();
        return tables
            .filter_map(|made| {
                let table = made.get("table")?.as_str()?;
                recorded(table, "drop".to_owned(), table, made)
            })
            .collect();
    }
    let members = answer.as_object().into_iter().flatten();
    members.filter_map(|(name, made)| recorded(name, name.clone(), subject, made)).collect()
}

/// An answer as people read it: of a review what held the run up and what would help, line by line; of a plan each decision's account,
/// by name, and beside it each value with its unit.
pub(super) fn prose(point: DecisionPoint, answer: &Value, currency: &str) -> (Value, Map<String, Value>) {
    if point == DecisionPoint::Review {
        let told = ReviewAnswer::deserialize(answer).map_or(Value::Null, |review| {
            let bottlenecks: Vec<String> = review.bottlenecks.iter().map(told_bottleneck).collect();
            let recommendations: Vec<String> = review.recommendations.iter().map(told_recommendation).collect();
            let text = review_prose(&review, currency);
            json!({"bottlenecks": bottlenecks, "recommendations": recommendations, "text": text})
        });
        return (told, Map::new());
    }
    let decisions = decisions(point, "", answer, 0);
    let accounts: Map<String, Value> =
        decisions.iter().map(|(name, made)| (name.clone(), made.trace.render("").into())).collect();
    let values = decisions.iter().map(|(name, made)| (name.clone(), made.rendered_value().into())).collect();
    (accounts.into(), values)
}

/// A decision's value in one word or number.
fn told(name: &str, value: &Value) -> Scalar {
    let member = |member: &str| value.get(member).unwrap_or(&Value::Null);
    match (name, value) {
        (_, Value::Null) => Scalar::Unknown,
        (_, Value::Bool(yes)) => (*yes).into(),
        (_, Value::Number(number)) => number.as_u64().map_or_else(|| number.as_f64().into(), Scalar::Whole),
        (_, Value::String(word)) => short(word).into(),
        ("cache", Value::Object(_)) => {
            member("level").as_str().map_or_else(|| "no".into(), |level| short(level).into())
        }
        ("temp_table", Value::Object(_)) => {
            let kind = member("kind").as_str().unwrap_or_default();
            match member("files").as_u64() {
                Some(files) if files > 0 => format!("{kind} of {files} files").into(),
                _ => short(kind).into(),
            }
        }
        ("run_time", Value::Object(_)) => told("", member("run_ms")),
        ("cost", Value::Object(_)) => told("", member("micros")),
        ("data", Value::Object(_)) => told("", member("category")),
        (_, other) => short(&other.to_string()).into(),
    }
}

/// A text of the pipeline's as the record keeps it: bounded, on one line.
pub(super) fn short(text: &str) -> String {
    let mut kept: String = text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_in_a_word() {
        for (name, value, wanted) in [
            ("executors", json!(12), "12"),
            ("cache", json!({"keep": true, "level": "MEMORY_AND_DISK"}), "MEMORY_AND_DISK"),
            ("cache", json!({"keep": false, "level": null}), "no"),
            ("temp_table", json!({"kind": "table", "files": 3, "partitioning": "hash"}), "table of 3 files"),
            ("temp_table", json!({"kind": "view", "files": 0}), "view"),
            ("run_time", json!({"run_ms": 1500, "low_ms": null}), "1500"),
            ("data", json!({"category": "small", "complexity_score": 0.2}), "small"),
            ("drop", json!(true), "yes"),
            ("new", json!({"a": 1}), r#"{"a":1}"#),
            ("new", json!(null), "unknown"),
            ("new", json!(0.5), "0.5"),
        ] {
            assert_eq!(told(name, &value).render(sparkwright_core::trace::Unit::None), wanted, "{name} {value}");
        }
    }

    #[test]
    fn texts_are_bounded_and_on_one_line() {
        assert_eq!(short("a\nb\u{1b}"), "a b ");
        assert_eq!(short(&"ä".repeat(1_000)).chars().count(), LONGEST_TEXT + 1);
    }
}
