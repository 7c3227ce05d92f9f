//! Reads records of older versions as this one writes them. docs/formats.md says what changed with each format.
//!
//! Format 1 (0.1.0) told machines nothing that it did not tell people: what the controller saw stood under the labels of its inputs,
//! and the guards that held it back in notes. Format 2 has ids for both.

use std::borrow::Cow;

use sparkwright_core::control::Held;

use crate::RecordedDecision;

/// The labels of the controller's inputs in format 1, and the ids that they have since.
const LABELS: [(&str, &str); 6] = [
    ("pending tasks", "pending_tasks"),
    ("running tasks", "running_tasks"),
    ("executor cores", "executor_cores"),
    ("executors present", "executors"),
    ("mean task time", "mean_task_ms"),
    ("time from asking to an executor's first task", "executor_start_ms"),
];

/// A decision of format 1 as format 2 has it.
pub(crate) fn renew(decision: &mut RecordedDecision) {
    if decision.point != "control" {
        return;
    }
    for input in decision.trace.inputs.iter_mut().filter(|input| input.id.is_empty()) {
        if let Some((_, id)) = LABELS.iter().find(|(label, _)| input.name == *label) {
            input.id = Cow::Borrowed(id);
        }
    }
    let notes = std::mem::take(&mut decision.trace.notes);
    for note in notes {
        match held(&note) {
            Some(held) => decision.held.push(held),
            None => decision.trace.notes.push(note),
        }
    }
}

/// The guard of a note of format 1: `held by GUARD at 8 instead of 9: because`.
fn held(note: &str) -> Option<Held> {
    let (guard, rest) = note.strip_prefix("held by ")?.split_once(" at ")?;
    let (wanted, because) = rest.split_once(" instead of ")?.1.split_once(": ")?;
    Some(Held {
        guard: Cow::Owned(guard.to_owned()),
        because: Cow::Owned(because.to_owned()),
        wanted: wanted.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use sparkwright_core::trace::Scalar;

    use crate::Run;

    /// A run that version 0.1.0 recorded on real Spark.
    const FORMAT_1: &[u8] = include_bytes!("../../../tests/data/recorded/app-20261126094043-0000/run.json");

    #[test]
    fn what_the_controller_saw_and_what_held_it_back_have_ids() {
        let run = Run::read(FORMAT_1).unwrap();
        let ticks: Vec<_> = run.decisions.iter().filter(|it| it.point == "control").collect();
        assert!(!ticks.is_empty());
        for tick in &ticks {
            for id in ["pending_tasks", "running_tasks", "executors", "executor_cores"] {
                assert!(matches!(tick.trace.value_of(id), Some(Scalar::Whole(_))), "{id} of {}", tick.number);
            }
            assert!(tick.trace.notes.iter().all(|note| !note.starts_with("held by ")));
        }
        let held = ticks.iter().flat_map(|tick| &tick.held).next();
        assert!(
            held.is_some_and(|held| held.guard.starts_with("autoscaling.guards.") && !held.because.is_empty()),
            "{held:?}"
        );
    }

    #[test]
    fn a_journal_of_format_1_is_read_so_too() {
        let mut value: serde_json::Value = serde_json::from_slice(FORMAT_1).unwrap();
        let decisions = value["decisions"].take();
        let tick = decisions.as_array().unwrap().iter().find(|it| it["point"] == "control").unwrap().clone();
        value["decisions"] = serde_json::json!([]);
        value["journal_line"] = 1.into();
        let mut run = Run::read(value.to_string().as_bytes()).unwrap();
        let mut line = serde_json::json!({"line": 2, "noted_ms": 1, "change": "decision"});
        tick.as_object().unwrap().iter().for_each(|(name, value)| line[name] = value.clone());
        run.complete(line.to_string().as_bytes());
        assert!(run.decisions.first().is_some_and(|tick| tick.trace.value_of("pending_tasks").is_some()), "{run:?}");
    }
}
