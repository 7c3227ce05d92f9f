//! Completes a pipeline's question with what the host knows and the pipeline left out.
//!
//! The host's side is a struct of `core` like any other; what the pipeline named is laid over it, member by member, and stands. The
//! question goes on as JSON, since a module may read members that this host has not heard of. Those that `core` does not read either are
//! most likely misspelt: they are told, with the name that was probably meant.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::{Map, Value};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::control::ControlInput;
use sparkwright_core::query::PlanQueryInput;
use sparkwright_policy::nearest;

use super::known::Known;
use super::{cleanup, launch, review, stage};
use crate::clock::{now_ms, utc_offset_minutes};

/// Members of a question that are told as not read; one with more is no question of ours.
const MOST_WARNINGS: usize = 20;

/// A question with what the host knows of it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::steering) struct Completed {
    /// The question.
    pub(in crate::steering) question: Value,
    /// What the pipeline probably meant otherwise, in sentences.
    pub(in crate::steering) warnings: Vec<String>,
}

/// Completes the question `named` at a decision point.
pub(in crate::steering) fn completed(point: DecisionPoint, named: Map<String, Value>, known: &Known<'_>) -> Completed {
    match point {
        DecisionPoint::PlanLaunch => over(&launch::facts(known, &named), named),
        DecisionPoint::PlanStage => over(&stage::facts(known), named),
        DecisionPoint::PlanCleanup => over(&cleanup::facts(), named),
        DecisionPoint::Review => over(&review::facts(known), named),
        // Asked by the host itself, of queries and executors; a pipeline may all the same, with facts of its own.
        DecisionPoint::PlanQuery => over(
            &PlanQueryInput {
                now_ms: now_ms(),
                utc_offset_minutes: utc_offset_minutes(),
                labels: known.launch.labels.clone(),
                ..PlanQueryInput::default()
            },
            named,
        ),
        DecisionPoint::Control => over(
            &ControlInput {
                now_ms: now_ms(),
                utc_offset_minutes: utc_offset_minutes(),
                labels: known.launch.labels.clone(),
                ..ControlInput::default()
            },
            named,
        ),
    }
}

/// What the pipeline named, laid over the host's facts.
fn over<Q: Serialize + DeserializeOwned>(facts: &Q, named: Map<String, Value>) -> Completed {
    let mut question = match serde_json::to_value(facts) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    lay_over(&mut question, named);
    let question = Value::Object(question);
    let warnings = not_read::<Q>(&question);
    Completed { question, warnings }
}

/// Lays members over others: an object over an object member by member, anything else in its place. Null names nothing, and what nobody
/// knows is better left out: a member may be one that must not be null.
fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
    below.retain(|_, value| {
        if let Value::Object(members) = value {
            lay_over(members, Map::new());
        }
        !value.is_null()
    });
}

/// The members of a question that `core` does not read, each in a sentence. One in another shape than `core` has it is the module's to
/// refuse.
fn not_read<Q: Serialize + DeserializeOwned>(question: &Value) -> Vec<String> {
    let mut unread: Vec<Vec<String>> = Vec::new();
    let read: Result<Q, _> = serde_ignored::deserialize(question, |path| unread.push(segments(&path)));
    let known = read.ok().and_then(|read| serde_json::to_value(read).ok()).unwrap_or_default();
    unread.iter().take(MOST_WARNINGS).map(|path| told(path, &known)).collect()
}

/// A path's members and places, from the outside in.
fn segments(path: &Path<'_>) -> Vec<String> {
    let (parent, last) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(index.to_string())),
        Path::Map { parent, key } => (parent, Some(key.clone())),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut segments = segments(parent);
    segments.extend(last);
    segments
}

/// What is said of a member that is not read; `known` is the question as it was.
fn told(path: &[String], known: &Value) -> String {
    let (name, holders) = path.split_last().map_or(("", path), |(name, holders)| (name.as_str(), holders));
    let among = holders.iter().try_fold(known, |value, segment| match value {
        Value::Array(elements) => elements.get(segment.parse::<usize>().ok()?),
        other => other.get(segment),
    });
    let names = among.and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
    let meant = nearest(name, names).map_or_else(String::new, |meant| format!("; is `{meant}` meant?"));
    format!("`{}` of `input` is not known and not read{meant}", path.join("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::json;
    use sparkwright_core::launch::PlanLaunchInput;
    use sparkwright_core::review::ReviewInput;
    use sparkwright_core::stage::{PlanStageInput, RunningExecutors};
    use sparkwright_core::units::Bytes;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn known() -> PlanStageInput {
        PlanStageInput {
            name: "fit".into(),
            labels: [("team".to_owned(), "risk".to_owned())].into_iter().collect(),
            executors: Some(RunningExecutors { count: 3, cores: Some(4), heap_bytes: Some(Bytes::gib(2)) }),
            driver_heap_bytes: Some(Bytes::gib(1)),
            ..PlanStageInput::default()
        }
    }

    fn completed(named: Value) -> PlanStageInput {
        let completed = over(&known(), object(named));
        assert_eq!(completed.warnings, [""; 0]);
        serde_json::from_value(completed.question).unwrap()
    }

    #[test]
    fn what_a_pipeline_left_out_is_the_host_s_and_what_it_named_stands() {
        assert_eq!(completed(json!({})), known());
        let named = json!({"name": "mine", "rows": 7, "job": {"input_bytes": 5}, "executors": {"count": 9}, "data_grade": "A",
            "labels": {"kind": "nightly"}, "cluster": {"manager": "yarn", "user_confs": {"spark.a": "1"}}});
        let question = completed(named);
        assert_eq!(
            (question.name.as_str(), question.rows, question.job.input_bytes),
            ("mine", Some(7), Some(Bytes(5)))
        );
        assert_eq!(question.executors, Some(RunningExecutors { count: 9, ..known().executors.unwrap() }));
        assert_eq!(question.labels.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["nightly", "risk"]);
        assert_eq!(question.cluster.user("spark.a"), Some("1"));
        assert_eq!(question.driver_heap_bytes, known().driver_heap_bytes);
    }

    #[test]
    fn null_is_a_member_that_is_left_out() {
        let named =
            json!({"name": null, "data_grade": null, "rows": null, "executors": null, "job": {"input_bytes": null}});
        assert_eq!(completed(named), known());
        // Nothing that is unknown is told as null: it may be a member that an older module wants a number in.
        fn no_null(value: &Value) -> bool {
            value.as_object().map_or(!value.is_null(), |members| members.values().all(no_null))
        }
        for question in [
            over(&PlanStageInput::default(), Map::new()).question,
            over(&PlanLaunchInput::default(), Map::new()).question,
            over(&ControlInput::default(), Map::new()).question,
            over(&PlanQueryInput::default(), Map::new()).question,
            over(&ReviewInput::default(), Map::new()).question,
        ] {
            assert!(no_null(&question), "{question}");
        }
    }

    #[test]
    fn a_misspelt_member_is_told_with_the_one_that_is_meant_and_goes_to_the_module_all_the_same() {
        let named = json!({"row": 7, "job": {"input_byte": 5, "uses": 2}, "executors": {"coers": 3}, "colour": "red",
            "next": [{"kind": "scan"}, {"kind": "equi_join", "column": ["id"]}]});
        let completed = over(&known(), object(named));
        let told = completed.warnings.join("\n");
        for wanted in [
            "`row` of `input` is not known and not read; is `rows` meant?",
            "`job.input_byte` of `input` is not known and not read; is `input_bytes` meant?",
            "`executors.coers` of `input` is not known and not read; is `cores` meant?",
            "`next.1.column` of `input` is not known and not read; is `columns` meant?",
            "`colour` of `input` is not known and not read",
        ] {
            assert!(told.contains(wanted), "{wanted} in {told}");
        }
        assert_eq!(completed.warnings.len(), 5, "{told}");
        assert_eq!(completed.question["job"]["input_byte"], 5);
        let many: Map<String, Value> = (0..100).map(|n| (format!("{n}"), json!(1))).collect();
        assert_eq!(over(&known(), many).warnings.len(), MOST_WARNINGS);
    }

    #[test]
    fn a_wrong_shape_is_left_to_the_module() {
        let completed = over(&known(), object(json!({"job": {"input_bytes": "much"}, "cluster": 7})));
        assert_eq!(completed.warnings, [""; 0]);
        assert_eq!(
            (&completed.question["job"]["input_bytes"], &completed.question["cluster"]),
            (&json!("much"), &json!(7))
        );
    }
}
