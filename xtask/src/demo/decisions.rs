//! The record of the steered run, as far as the demo tells of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;
use sparkwright_core::trace::{Scalar, Trace, Unit};

/// `run.json`. What a newer version adds is passed over, what is missing is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    started_ms: u64,
    /// Every decision, in order.
    #[serde(deserialize_with = "readable")]
    pub(super) decisions: Vec<Decision>,
    cached_plans: Vec<CachedPlan>,
}

/// A decision with its trace and what came of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Decision {
    at_ms: u64,
    point: String,
    name: String,
    subject: String,
    value: Scalar,
    #[serde(default)]
    hash: Option<String>,
    trace: Trace,
    #[serde(default = "yes")]
    applied: bool,
    #[serde(default)]
    outcome: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CachedPlan {
    id: String,
    uses: u32,
}

fn yes() -> bool {
    true
}

/// Leaves out decisions of a form that this version does not know.
fn readable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Decision>, D::Error> {
    let all = Vec::<Value>::deserialize(deserializer)?;
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

impl Record {
    /// Reads the one run below `records`.
    pub(super) fn find(records: &Path) -> Result<Self> {
        let folders = fs::read_dir(records).with_context(|| format!("cannot read `{}`", records.display()))?;
        let file = folders
            .flatten()
            .map(|entry| entry.path().join("run.json"))
            .find(|file| file.is_file())
            .with_context(|| format!("the steered run left no run.json below `{}`", records.display()))?;
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("`{}` is not a record of a run", file.display()))
    }
}

/// The decisions that mattered most, in the order in which they were made. The choice is made here and nowhere else: of each
/// kind of lever (cache, partitions, executors) the decision that moved most.
fn mattered(record: &Record) -> Vec<&Decision> {
    let applied = || record.decisions.iter().filter(|decision| decision.applied);
    let query = |name: &'static str| applied().filter(move |one| one.point == "plan_query" && one.name.contains(name));

    // The cached plan that was read most often.
    let uses = |one: &Decision| {
        let plan = record.cached_plans.iter().find(|plan| one.hash.as_ref() == Some(&plan.id));
        plan.map_or(0, |plan| plan.uses)
    };
    let cache = query("cache").filter(|one| one.hash.is_some()).max_by_key(|one| uses(one));

    // The number of partitions that was chosen for most queries, the first time.
    let mut times = BTreeMap::<String, usize>::new();
    for one in query("partition") {
        *times.entry(format!("{:?}", one.value)).or_default() += 1;
    }
    let usual = times.into_iter().max_by_key(|(_, times)| *times).map(|(value, _)| value);
    let partitions = query("partition").find(|one| Some(format!("{:?}", one.value)) == usual);

    // The largest step in the number of executors, of the same size the first.
    let mut steps = Vec::new();
    let mut before = None;
    for one in applied().filter(|one| one.name.contains("executors")) {
        let Scalar::Whole(now) = one.value else { continue };
        if one.point == "control" {
            steps.push((before.map_or(0, |before: u64| before.abs_diff(now)), one));
        }
        before = Some(now);
    }
    let executors = steps.into_iter().rev().max_by_key(|(step, _)| *step).map(|(_, one)| one);

    let mut chosen: Vec<_> = [cache, partitions, executors].into_iter().flatten().collect();
    chosen.sort_by_key(|one| one.at_ms);
    chosen
}

/// The decisions that mattered, with their reasons.
pub(super) fn told(record: &Record) -> String {
    let mut text = String::new();
    for (number, one) in mattered(record).into_iter().enumerate() {
        let seconds = u32::try_from(one.at_ms.saturating_sub(record.started_ms)).map_or(0.0, f64::from) / 1000.0;
        // A storage level or a yes beside a trace in bytes is not bytes.
        let unit = if matches!(one.value, Scalar::Whole(_)) { one.trace.unit } else { Unit::None };
        let _ = writeln!(
            text,
            "{}. after {seconds:.1} s, for {}: {} = {}",
            number + 1,
            one.subject,
            one.name,
            one.value.render(unit)
        );
        if let Some(outcome) = &one.outcome {
            let _ = writeln!(text, "     came of it: {outcome}");
        }
        text.push_str(&one.trace.render("     "));
    }
    if text.is_empty() {
        text.push_str("none was applied; `run.json` (with --keep) says why\n");
    }
    text
}
