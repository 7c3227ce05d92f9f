//! The record of the steered run, as far as the demo tells of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sparkwright_core::trace::Scalar;
use sparkwright_record::{RecordedDecision, Run};

/// Reads the one run below `records`.
pub(super) fn find(records: &Path) -> Result<Run> {
    let folders = fs::read_dir(records).with_context(|| format!("cannot read `{}`", records.display()))?;
    let file = folders
        .flatten()
        .map(|entry| entry.path().join("run.json"))
        .find(|file| file.is_file())
        .with_context(|| format!("the steered run left no run.json below `{}`", records.display()))?;
    let text = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    Run::read(&text).with_context(|| format!("`{}` is not a record of a run", file.display()))
}

/// The decisions that mattered most, in the order in which they were made. The choice is made here and nowhere else: of each
/// kind of lever (cache, partitions, executors) the decision that moved most.
fn mattered(run: &Run) -> Vec<&RecordedDecision> {
    let applied = |point: &'static str, name: &'static str| {
        run.decisions.iter().filter(move |one| one.applied && one.point == point && one.name == name)
    };

    // The cached plan that was read most often.
    let uses = |one: &&RecordedDecision| {
        let plan = run.cached_plans.iter().find(|plan| one.hash.as_ref() == Some(&plan.id));
        plan.map_or(0, |plan| plan.uses)
    };
    let cache = applied("plan_query", "cache").max_by_key(uses);

    // The number of partitions that was chosen for most queries, the first time.
    let mut times = BTreeMap::<String, usize>::new();
    for one in applied("plan_query", "shuffle_partitions") {
        *times.entry(one.rendered_value()).or_default() += 1;
    }
    let usual = times.into_iter().max_by_key(|(_, times)| *times).map(|(value, _)| value);
    let partitions = applied("plan_query", "shuffle_partitions").find(|one| Some(one.rendered_value()) == usual);

    // The largest step in the number of executors, of the same size the first.
    let mut steps = Vec::new();
    let number = |one: &RecordedDecision| match one.value {
        Scalar::Whole(number) => Some(number),
        _ => None,
    };
    let mut before = applied("plan_launch", "initial_executors").find_map(number);
    for one in applied("control", "executors") {
        let Some(now) = number(one) else { continue };
        steps.push((before.map_or(0, |before: u64| before.abs_diff(now)), one));
        before = Some(now);
    }
    let executors = steps.into_iter().rev().max_by_key(|(step, _)| *step).map(|(_, one)| one);

    let mut chosen: Vec<_> = [cache, partitions, executors].into_iter().flatten().collect();
    chosen.sort_by_key(|one| one.at_ms);
    chosen
}

/// The decisions that mattered, with their reasons.
pub(super) fn told(run: &Run) -> String {
    let mut text = String::new();
    for (number, one) in mattered(run).into_iter().enumerate() {
        let seconds = u32::try_from(one.at_ms.saturating_sub(run.started_ms)).map_or(0.0, f64::from) / 1000.0;
        let _ = writeln!(
            text,
            "{}. after {seconds:.1} s, for {}: {} = {}",
            number + 1,
            one.subject,
            one.title(),
            one.rendered_value()
        );
        if let Some(outcome) = &one.outcome {
            let _ = writeln!(text, "     outcome: {outcome}");
        }
        text.push_str(&one.trace.render("     "));
    }
    if text.is_empty() {
        text.push_str("none was applied; `run.json` (with --keep) says why\n");
    }
    text
}
