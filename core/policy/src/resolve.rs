//! From layers to one policy: built-in defaults, `global_optimization`, the environment, the overrides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;
use sparkwright_core::policy::{Layer, ORDERED, Ordered, ResolvedPolicy};

use crate::block::{Block, Setting};
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Source;

/// The built-in defaults.
static BUILT_IN: LazyLock<Json> = LazyLock::new(|| ResolvedPolicy::default().values());

/// A block with the layer that it makes.
#[derive(Clone, Copy)]
pub(crate) struct Stratum<'a> {
    pub(crate) layer: Layer,
    pub(crate) source: &'a Source,
    pub(crate) block: &'a Block,
}

/// A setting with where it stands among the layers, the lowest first.
#[derive(Clone, Copy)]
struct Placed<'a> {
    rank: usize,
    stratum: Stratum<'a>,
    setting: &'a Setting,
}

/// Resolves `strata`, the lowest first.
pub(crate) fn resolve(environment: &str, strata: &[Stratum<'_>]) -> Result<ResolvedPolicy, Vec<Diagnostic>> {
    let mut problems: Vec<Diagnostic> = strata
        .iter()
        .flat_map(|stratum| &stratum.block.problems)
        .filter(|problem| problem.is_error())
        .cloned()
        .collect();
    if problems.is_empty() {
        return combine(environment, strata);
    }
    problems.extend(crossings(strata));
    Err(problems)
}

/// The same of layers in which nothing is wrong by itself.
pub(crate) fn combine(environment: &str, strata: &[Stratum<'_>]) -> Result<ResolvedPolicy, Vec<Diagnostic>> {
    let problems = crossings(strata);
    if !problems.is_empty() {
        return Err(problems);
    }
    let winners = winners(strata);
    let fallback = Source::default();
    let file = strata.first().map_or(&fallback, |stratum| stratum.source);
    // INVARIANT: a value was checked against its key's kind, which comes from the same table as the struct's field. Should
    // the two ever disagree, the policy is refused rather than used in part.
    let mut policy = layered(&winners).ok_or_else(|| {
        let message = "internal error: the key table and the policy disagree";
        vec![Diagnostic::placeless(file, Code::WrongType, message)]
    })?;
    policy.environment = environment.to_owned();
    policy.origins = winners.iter().map(|(path, placed)| ((*path).to_owned(), placed.stratum.layer)).collect();
    policy.validate().map_err(|(path, sentence)| {
        let message = format!("`{path}` {sentence}");
        let problem = match winners.get(path) {
            Some(Placed { stratum, setting, .. }) => {
                Diagnostic::error(stratum.source, &setting.mark, Code::OutOfRange, message).at(setting.path.as_str())
            }
            None => Diagnostic::placeless(file, Code::OutOfRange, message).at(path),
        };
        vec![problem]
    })?;
    Ok(policy)
}

/// The setting of each key that wins: that of the highest layer.
fn winners<'a>(strata: &[Stratum<'a>]) -> BTreeMap<&'a str, Placed<'a>> {
    let mut winners = BTreeMap::new();
    for (rank, stratum) in strata.iter().enumerate() {
        for (path, setting) in &stratum.block.settings {
            let placed = Placed { rank, stratum: *stratum, setting };
            winners.insert(path.as_str(), placed);
        }
    }
    winners
}

/// The setting of one key that wins.
fn winner<'a>(strata: &[Stratum<'a>], path: &str) -> Option<Placed<'a>> {
    let placed = |(rank, stratum): (usize, &Stratum<'a>)| {
        let setting = stratum.block.settings.get(path)?;
        Some(Placed { rank, stratum: *stratum, setting })
    };
    strata.iter().enumerate().rev().find_map(placed)
}

/// The built-in policy with the winners' values.
fn layered(winners: &BTreeMap<&str, Placed<'_>>) -> Option<ResolvedPolicy> {
    let mut json = BUILT_IN.clone();
    for placed in winners.values() {
        let key = placed.setting.key;
        *json.get_mut(field(key.section))?.as_object_mut()?.get_mut(key.name)? = placed.setting.value.clone();
    }
    ResolvedPolicy::of_values(&json)
}

/// The field of the resolved policy that holds a section: `guards` for `autoscaling.guards`.
fn field(section: &str) -> &str {
    section.rsplit('.').next().unwrap_or(section)
}

/// The built-in default of a key, in the form that the resolved policy has it.
#[must_use]
pub fn built_in(path: &str) -> Option<Json> {
    let (section, name) = path.rsplit_once('.')?;
    BUILT_IN.get(field(section))?.get(name).cloned()
}

/// Least values above their largest values, each at the value that made them cross: that of the higher layer, the least one
/// where both stand in the same.
pub(crate) fn crossings(strata: &[Stratum<'_>]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for Ordered { least, most, .. } in ORDERED {
        let (low, high) = (winner(strata, least), winner(strata, most));
        let number = |placed: Option<Placed<'_>>, path| match placed {
            Some(placed) => placed.setting.value.as_f64(),
            None => built_in(path)?.as_f64(),
        };
        let (Some(low_value), Some(high_value)) = (number(low, least), number(high, most)) else {
            continue;
        };
        if low_value <= high_value {
            continue;
        }
        let low_is_at_fault = match (low, high) {
            (Some(low), Some(high)) => low.rank >= high.rank,
            (low, _) => low.is_some(),
        };
        let (at, other, side) = if low_is_at_fault { (low, high, "above") } else { (high, low, "under") };
        let Some(at) = at else { continue };
        let (name, value, other_name, other_value) =
            if low_is_at_fault { (least, low_value, most, high_value) } else { (most, high_value, least, low_value) };
        let other_place = match other {
            None => "built in".to_owned(),
            Some(other) if other.stratum.source.name != at.stratum.source.name => {
                format!("line {} of {}", other.setting.mark.line, other.stratum.source.name)
            }
            // Overrides share a name, and each is a text of its own.
            Some(other) if other.stratum.source.text != at.stratum.source.text => {
                format!("in another {}", other.stratum.source.name)
            }
            Some(other) => format!("line {}", other.setting.mark.line),
        };
        let message = format!("`{name}` is {value}, {side} `{other_name}`, which is {other_value} ({other_place})");
        let limit = if low_is_at_fault { "at most" } else { "at least" };
        problems.push(
            Diagnostic::error(at.stratum.source, &at.setting.mark, Code::BoundsCross, message)
                .at(at.setting.path.as_str())
                .expected(format!("{limit} {other_value}"))
                .found(format!("`{value}`"))
                .help(format!("write {limit} {other_value}, or set `{other_name}` too")),
        );
    }
    problems
}
