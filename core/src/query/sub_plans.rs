//! Which sub-plans of a query are worth keeping for the next one.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::columns::Columns;
use super::contract::{CacheChoice, CachedBy, PlanNode, PlanQueryAnswer, PlanQueryInput, THE_CACHE};
use super::estimate::{self, Estimate, SMALL_QUERY};
use super::executors::protected_storage;
use super::narrowed::narrowed_from_above;
use super::tree::{is_ancestor, is_marked, mark_upwards, marked, parent};
use crate::cache::allowed;
use crate::cache::level::{StorageLevel, storage_level};
use crate::cache::transfer;
use crate::cache::worth::{self, Worth, time_saved_ms};
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Scalar, Unit};
use crate::units::{Bytes, floor_u64};

/// At most this many refusals of one query are recorded: the most valuable ones.
const MOST_REFUSALS: usize = 3;
/// The reason of a subquery that refers to columns of the query around it: that one is looked at instead.
const CORRELATED: &str = "correlated_subquery";
/// What a decision says that keeps nothing.
const NOT_KEPT: &str = "not kept";

struct Candidate<'a> {
    index: usize,
    node: &'a PlanNode,
    bytes: Bytes,
    level: StorageLevel,
    saved_ms: u64,
    decision: Decision<bool>,
}

pub(super) fn decide(
    policy: &ResolvedPolicy,
    input: &PlanQueryInput,
    estimates: &[Estimate],
    answer: &mut PlanQueryAnswer,
) {
    let tables = &policy.temp_tables;
    if !tables.cache_queries || input.truncated {
        return;
    }
    let Some(root) = estimates.first() else { return };
    if root.leaf_bytes < SMALL_QUERY {
        return;
    }
    let excluded = excluded(policy, &input.nodes);
    let covered = covered(&input.nodes);
    let in_query = occurrences(&input.nodes);
    let narrowed = narrowed_from_above(&input.nodes);
    let (total, mut free) = protected_storage(input);

    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    // Nodes that are weighed, with whatever is above them.
    let mut looked_at = alloc::vec![false; input.nodes.len()];
    let mut not_allowed: Vec<(usize, &str)> = Vec::new();
    for (index, (node, estimate)) in input.nodes.iter().zip(estimates).enumerate() {
        let usable = node.cached == CachedBy::No
            && !node.released_by_user
            && node.source_changes == 0
            && !is_marked(&covered, index)
            && !is_marked(&excluded, index)
            && estimate.shuffles
            && !node.hash.is_empty();
        if !usable {
            continue;
        }
        let mut here = in_query.get(node.hash.as_str()).copied().unwrap_or(1);
        if let Some(why_not) = node.why_not.as_deref() {
            if node.seen > 0 || here > 1 {
                not_allowed.push((index, why_not));
            }
            continue;
        }
        // The share goes back to whoever asks, so that the measured time of this query can be divided next time: only where
        // this query computes the sub-plan whole, since that is what keeping it would cost.
        let whole = !is_marked(&narrowed, index);
        if whole && root.full_work_ns > 0.0 {
            let share = (estimate.full_work_ns / root.full_work_ns).clamp(0.0, 1.0);
            answer.shares.insert(node.hash.clone(), share);
        }
        if here > 1 {
            here = computations(&input.nodes, &node.hash);
        }
        // Used again, here, before, or in earlier runs of the job.
        if node.seen == 0 && here < 2 && node.learned_uses.unwrap_or(0) < 2 {
            continue;
        }
        // Nobody has computed it whole yet, and this query would not either.
        if !whole && node.measured_task_ms.is_none() {
            not_allowed.push((index, allowed::NARROWED));
            continue;
        }
        mark_upwards(&input.nodes, index, &mut looked_at);
        if let Some(candidate) = weigh(policy, input, (index, node, estimate), here, (free, total)) {
            candidates.push(candidate);
        }
    }
    // Most saved first; the earlier (outer) node on a tie, so that the choice never depends on anything else.
    candidates.sort_by(|a, b| b.saved_ms.cmp(&a.saved_ms).then(a.index.cmp(&b.index)));
    let mut taken: Vec<usize> = Vec::new();
    let mut refused: Vec<&str> = Vec::new();
    for candidate in candidates {
        let related = taken.iter().any(|other| {
            *other == candidate.index
                || is_ancestor(&input.nodes, *other, candidate.index)
                || is_ancestor(&input.nodes, candidate.index, *other)
        });
        if related {
            continue;
        }
        let keep = candidate.decision.value;
        if !keep {
            let hash = candidate.node.hash.as_str();
            if refused.len() >= MOST_REFUSALS || refused.contains(&hash) {
                continue;
            }
            refused.push(hash);
        }
        let word = if keep { candidate.level.word() } else { NOT_KEPT };
        let decision =
            Decision { value: Scalar::from(word), grade: candidate.decision.grade, trace: candidate.decision.trace };
        let subject = describe(&input.nodes, candidate.index);
        answer.note(&THE_CACHE, subject, Some(candidate.node.hash.clone()), decision);
        if keep {
            // Wherever it occurs it is taken, and with it what is below it.
            let same = |(_, node): &(usize, &PlanNode)| node.hash == candidate.node.hash;
            taken.extend(input.nodes.iter().enumerate().filter(same).map(|(index, _)| index));
            if candidate.level == StorageLevel::MemoryAndDisk {
                free = Bytes(free.get().saturating_sub(candidate.bytes.get()));
            }
            answer.cache.push(CacheChoice {
                hash: candidate.node.hash.clone(),
                level: candidate.level,
                // Asked for later, they would have all of it computed once more.
                columns: candidate.node.asked_columns.clone(),
            });
        }
    }
    tell_what_is_not_allowed(input, &not_allowed, looked_at, &mut refused, answer);
}

/// Says why sub-plans that come again may not be kept: the innermost ones, as what is above them has their reason.
fn tell_what_is_not_allowed<'a>(
    input: &'a PlanQueryInput,
    not_allowed: &[(usize, &str)],
    mut looked_at: Vec<bool>,
    refused: &mut Vec<&'a str>,
    answer: &mut PlanQueryAnswer,
) {
    // Whatever is below a node stands behind it.
    for &(index, why_not) in not_allowed.iter().rev() {
        let Some(node) = input.nodes.get(index).filter(|_| !is_marked(&looked_at, index)) else { continue };
        mark_upwards(&input.nodes, index, &mut looked_at);
        if why_not == CORRELATED || refused.len() >= MOST_REFUSALS || refused.contains(&node.hash.as_str()) {
            continue;
        }
        refused.push(&node.hash);
        let Decision { grade, trace, .. } = allowed::refused(why_not, node.seen);
        let decision = Decision { value: Scalar::from(NOT_KEPT), grade, trace };
        answer.note(&THE_CACHE, describe(&input.nodes, index), Some(node.hash.clone()), decision);
    }
}

fn weigh<'a>(
    policy: &ResolvedPolicy,
    input: &PlanQueryInput,
    (index, node, estimate): (usize, &'a PlanNode, &Estimate),
    here: u64,
    (free, total): (Bytes, Bytes),
) -> Option<Candidate<'a>> {
    let bytes = estimate.bytes?;
    let level = storage_level(bytes, free, total, Grade::C);
    let place = level.value?;
    // Earlier runs of the job know how often it comes; beyond that, and without them, what was used k times is expected to be used k times more: the best
    // guess for an unknown end.
    let (uses, uses_grade) = match node.learned_uses.filter(|learned| *learned > node.seen) {
        Some(learned) => (u64::from(learned - node.seen).max(here), Grade::B),
        None => (u64::from(node.seen).saturating_add(here), Grade::C),
    };
    let cached_below =
        if estimate.full_work_ns > 0.0 { (estimate.work_ns / estimate.full_work_ns).clamp(0.0, 1.0) } else { 1.0 };
    let (recompute_ms, recompute_grade) = match (node.measured_task_ms, node.measured_share) {
        (Some(task_ms), Some(share)) if share.is_finite() => {
            (floor_u64(task_ms as f64 * share.clamp(0.0, 1.0) * cached_below), Grade::A)
        }
        _ => (estimate::work_ms(estimate.work_ns), Grade::C),
    };
    let pinned_ms = if input.scaling { pinned_ms(input, bytes, place, uses, node.mean_gap_ms) } else { 0 };
    let worth = Worth {
        uses,
        uses_grade,
        recompute_ms,
        recompute_grade,
        write_ms: transfer::write_ms(bytes, Some(place)),
        read_ms: transfer::read_ms(bytes, Some(place)),
        pinned_ms,
        target: policy.pipeline.optimization_target,
    };
    let mut decision = worth::keep(policy, &worth);
    let along = Along { input: "uses of", unit: Unit::Uses, at: uses, least: 0, most: 1_000_000, step: 1 };
    let word = |uses| if worth::keeps(policy, &Worth { uses, ..worth }) { place.word() } else { NOT_KEPT };
    let mut trace = decision.trace.input("earlier queries that held it", node.seen, Unit::Uses, "counted here");
    if let Some(learned) = node.learned_uses {
        trace = trace.input("queries that hold it in a run", learned, Unit::Uses, "earlier runs of the job");
    }
    if let Some(columns) = node.asked_columns.as_ref().map(Columns::count) {
        trace = trace.input(
            "columns that queries ask for",
            columns.0,
            Unit::None,
            "earlier queries, here and in earlier runs",
        );
    }
    decision.trace = trace
        .input("estimated size, at most", bytes, Unit::Bytes, "plan")
        .input("protected storage memory still free", free, Unit::Bytes, "executors")
        .note(match place {
            StorageLevel::MemoryAndDisk => "it fits the storage memory that execution can't take back",
            StorageLevel::DiskOnly => "it does not fit the storage memory that execution can't take back: disk",
        })
        .flips(along.flips(word));
    Some(Candidate { index, node, bytes, level: place, saved_ms: time_saved_ms(&worth), decision })
}

/// Executor time that the kept result holds back: the executors it fills, for as long as it is expected to be used.
fn pinned_ms(input: &PlanQueryInput, bytes: Bytes, level: StorageLevel, uses: u64, mean_gap_ms: Option<u64>) -> u64 {
    if level == StorageLevel::DiskOnly {
        return 0;
    }
    let largest = input.executors.iter().map(|executor| executor.max_storage_bytes.get()).max().unwrap_or(0).max(1);
    let executors = bytes.get() as f64 / largest as f64;
    let hold_ms = mean_gap_ms.unwrap_or(0).saturating_mul(uses.saturating_sub(1));
    // In the unit of the other side of the balance, task time: an executor holds as many tasks as it has slots.
    floor_u64(executors * hold_ms as f64 * f64::from(input.tasks_an_executor()))
}

/// Nodes under (or at) something that is cached: they are not computed.
fn covered(nodes: &[PlanNode]) -> Vec<bool> {
    marked(nodes, |index| nodes.get(index).is_some_and(|node| node.cached != CachedBy::No))
}

/// Nodes whose sub-plan holds something that the policy excludes; their ancestors hold it too.
fn excluded(policy: &ResolvedPolicy, nodes: &[PlanNode]) -> Vec<bool> {
    let patterns = &policy.temp_tables.cache_queries_except;
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut marks = alloc::vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let hit = patterns.iter().filter(|pattern| !pattern.is_empty()).any(|pattern| {
            node.operator.contains(pattern.as_str())
                || node.path.as_deref().is_some_and(|path| path.contains(pattern.as_str()))
        });
        if hit {
            mark_upwards(nodes, index, &mut marks);
        }
    }
    marks
}

/// How often each sub-plan stands in a query.
fn occurrences(nodes: &[PlanNode]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for node in nodes {
        *counts.entry(node.hash.as_str()).or_insert(0) += 1;
    }
    counts
}

/// How often a query computes a sub-plan. Spark runs equal shuffles once and reads them as often as they are asked for (`ReuseExchange`), so what
/// lies below equal shuffles counts once: a sub-plan is computed for each different shuffle that is the next above it.
fn computations(nodes: &[PlanNode], hash: &str) -> u64 {
    let mut made_of: Vec<&str> = Vec::new();
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.hash == hash) {
        // What an operator shuffles itself is equal wherever it stands; a join puts its sides together after their shuffles.
        let own = node.join.is_none() && estimate::shuffles(&node.operator);
        let made = if own { Some(node) } else { next_shuffle(nodes, index) };
        let made = made.map_or("", |made| made.hash.as_str());
        if !made_of.contains(&made) {
            made_of.push(made);
        }
    }
    made_of.len() as u64
}

/// The next operator above that shuffles; else, the one right above.
fn next_shuffle(nodes: &[PlanNode], index: usize) -> Option<&PlanNode> {
    let mut above = parent(nodes, index);
    while let Some(at) = above {
        let node = nodes.get(at)?;
        if estimate::shuffles(&node.operator) {
            return Some(node);
        }
        above = parent(nodes, at);
    }
    nodes.get(parent(nodes, index)?)
}

/// A sub-plan in a few words: its operator and the sources it reads.
fn describe(nodes: &[PlanNode], index: usize) -> String {
    let mut sources: Vec<&str> = Vec::new();
    for (at, node) in nodes.iter().enumerate().skip(index) {
        if (at == index || is_ancestor(nodes, index, at))
            && let Some(path) = &node.path
        {
            let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
            if !name.is_empty() && !sources.contains(&name) {
                sources.push(name);
            }
        }
    }
    let operator = nodes.get(index).map_or("", |node| node.operator.as_str());
    if sources.is_empty() { String::from(operator) } else { [operator, " over ", &sources.join(", ")].concat() }
}
