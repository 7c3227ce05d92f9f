//! `plan_query`: shuffle partitions, broadcast threshold and cached sub-plans for a query that Spark is about to plan.

mod columns;
mod contract;
pub mod estimate;
mod executors;
mod narrowed;
mod sub_plans;
mod tied;
mod tree;

pub use columns::Columns;
pub use contract::{
    CacheChoice, CachedBy, ConfFacts, ConfOwner, JoinKind, PlanNode, PlanQueryAnswer, PlanQueryInput, QueryDecision,
    ShuffledFacts, SpillFacts, StorageFacts,
};

use alloc::borrow::Cow;
use alloc::string::{String, ToString};

use crate::broadcast::{SPARK_DEFAULT, broadcast_threshold};
use crate::cache::release::release;
use crate::confs::{ADVISORY_SIZE, BROADCAST_THRESHOLD, SHUFFLE_PARTITIONS, Settings};
use crate::decision::Declared;
use crate::executor::slots::DEFAULT_CORES;
use crate::policy::ResolvedPolicy;
use crate::shuffle::{self, ShuffleFacts, Spill};
use crate::trace::{Decision, Grade, Scalar};
use crate::units::Bytes;
use estimate::{Estimate, SMALL_QUERY};

/// Decides what Spark does with a query.
#[must_use]
pub fn plan_query(policy: &ResolvedPolicy, input: &PlanQueryInput) -> PlanQueryAnswer {
    let estimates = estimate::estimates(&input.nodes);
    let mut answer = PlanQueryAnswer::default();
    if let Some(root) = estimates.first()
        && policy.autoscaling.enable_auto_adjustment
    {
        let user = |key: &str| input.confs.get(key).is_some_and(|conf| conf.owner == ConfOwner::User);
        let mut to = Settings::new(policy, &user);
        session_confs(policy, input, root, &mut to, &mut answer);
        answer.confs = to.values();
    }
    for entry in &input.entries {
        let decision = release(policy, entry);
        if decision.value {
            answer.uncache.push(entry.id.clone());
            answer.note(&contract::THE_RELEASE, "cached plan", Some(entry.id.clone()), scalar(decision));
        }
    }
    sub_plans::decide(policy, input, &estimates, &mut answer);
    answer
}

impl PlanQueryAnswer {
    pub(super) fn note(
        &mut self,
        declared: &'static Declared,
        subject: impl Into<String>,
        hash: Option<String>,
        decision: Decision<Scalar>,
    ) {
        let subject = subject.into();
        self.decisions.push(QueryDecision { name: Cow::Borrowed(declared.name), subject, hash, decision });
    }
}

fn scalar<T: Into<Scalar>>(decision: Decision<T>) -> Decision<Scalar> {
    Decision { value: decision.value.into(), grade: decision.grade, trace: decision.trace }
}

fn session_confs(
    policy: &ResolvedPolicy,
    input: &PlanQueryInput,
    root: &Estimate,
    to: &mut Settings<'_>,
    answer: &mut PlanQueryAnswer,
) {
    let threshold = broadcast_threshold(policy, input.driver_heap_bytes);
    if threshold.value != SPARK_DEFAULT && to.may_set(BROADCAST_THRESHOLD) {
        to.set(BROADCAST_THRESHOLD, threshold.value.get().to_string(), "temp_tables.broadcast_threshold_mb");
        answer.note(&contract::THE_BROADCAST_THRESHOLD, BROADCAST_THRESHOLD.key, None, scalar(threshold));
    }
    // Unknown sizes and small queries keep what Spark would do; adaptive execution sees the real sizes later.
    let small = root.leaf_bytes < SMALL_QUERY;
    let seen = spill(&input.nodes);
    let (bytes, from, grade) = shuffled_bytes(&input.nodes, root.leaf_bytes, seen);
    if !root.shuffles || (grade == Grade::C && (root.leaf_bytes == Bytes(0) || (small && input.adaptive))) {
        return;
    }
    let spill = seen.map_or(Spill::None, |seen| {
        let piece = seen.shuffle_bytes.get().checked_div(seen.tasks).map(Bytes);
        Spill::seen(Some(seen.spilled_bytes), Some(seen.largest_over_mean), piece)
    });
    let facts = ShuffleFacts {
        bytes: Some(bytes),
        from,
        grade,
        slots: input.slots(),
        heap: input.heap(),
        cores: input.executor_cores.unwrap_or(DEFAULT_CORES),
        adaptive: input.adaptive,
        spill,
    };
    let (mut partitions, advisory) = shuffle::partitioning(policy, &facts);
    if let Some(why) = tied::to_partitions(&input.nodes, input.adaptive) {
        partitions.trace = partitions.trace.note(why);
        answer.note(&contract::THE_SHUFFLE_PARTITIONS, SHUFFLE_PARTITIONS.key, None, scalar(partitions));
        return;
    }
    shuffle::set(&partitions, advisory.as_ref(), "shuffle partitions for this query's data", to);
    if !to.may_set(SHUFFLE_PARTITIONS) {
        partitions.trace = partitions.trace.note("not applied: the user set spark.sql.shuffle.partitions");
    }
    answer.note(&contract::THE_SHUFFLE_PARTITIONS, SHUFFLE_PARTITIONS.key, None, scalar(partitions));
    if let Some(mut advisory) = advisory {
        if !to.may_set(ADVISORY_SIZE) {
            advisory.trace = advisory.trace.note("not applied: the user set it");
        }
        answer.note(&contract::THE_ADVISORY_SIZE, ADVISORY_SIZE.key, None, scalar(advisory));
    }
}

/// What the query's outermost shuffle spilled, of those that earlier queries held. It stays known once it did, so that the smaller
/// pieces that end the spilling are asked for again.
fn spill(nodes: &[PlanNode]) -> Option<SpillFacts> {
    nodes.iter().find(|node| node.seen > 0 && estimate::shuffles(&node.operator))?.spill
}

/// What the query shuffles, where that is known, and how well. What was measured was more than the sources' size made believe, or that size is what counts:
/// a result that was kept, or a join that was broadcast, leaves less to shuffle than another query will have.
fn shuffled_bytes(nodes: &[PlanNode], leaf_bytes: Bytes, spill: Option<SpillFacts>) -> (Bytes, &'static str, Grade) {
    let outermost = outermost_shuffle(nodes).and_then(|at| nodes.get(at));
    let measured = spill.map(|spill| spill.shuffle_bytes);
    let measured = measured.max(outermost.and_then(|node| node.shuffled).map(|seen| seen.bytes));
    let learned = outermost.and_then(|node| node.learned_shuffled).map(|learned| learned.of_leaves(leaf_bytes));
    match (measured, learned) {
        (Some(measured), _) if measured > leaf_bytes || spill.is_some() => {
            (measured.max(leaf_bytes), "measured", Grade::A)
        }
        (None, Some(learned)) if learned > leaf_bytes => (learned, "earlier runs", Grade::B),
        _ => (leaf_bytes, "plan", Grade::C),
    }
}

/// Where a query's outermost shuffle stands.
#[must_use]
pub fn outermost_shuffle(nodes: &[PlanNode]) -> Option<usize> {
    nodes.iter().position(|node| estimate::shuffles(&node.operator))
}

/// The size of a query's leaves, as far as Spark knows it.
#[must_use]
pub fn leaf_bytes(nodes: &[PlanNode]) -> Bytes {
    estimate::estimates(nodes).first().map_or(Bytes(0), |root| root.leaf_bytes)
}

#[cfg(test)]
mod tests;
