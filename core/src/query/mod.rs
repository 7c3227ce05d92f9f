//! `plan_query`: shuffle partitions, broadcast threshold and cached sub-plans for a query that Spark is about to plan.

mod contract;
pub mod cost;
mod narrowed;
mod sub_plans;

pub use contract::{
    CacheChoice, CachedBy, ConfFacts, ConfOwner, JoinKind, PlanNode, PlanQueryAnswer, PlanQueryInput, QueryDecision,
    SpillFacts, StorageFacts,
};

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};

use crate::broadcast::{SPARK_DEFAULT, broadcast_threshold};
use crate::cache::release::release;
use crate::executor::slots::DEFAULT_CORES;
use crate::policy::ResolvedPolicy;
use crate::shuffle::{ShuffleFacts, Spill, advisory_size, shuffle_partitions};
use crate::trace::{Decision, Grade, Scalar};
use crate::units::Bytes;
use cost::Estimate;

/// A query that reads less than this is left as it is: nothing that could be decided about it is worth a different plan.
pub const SMALL_QUERY: Bytes = Bytes::mib(1);

/// Spark's key for the number of shuffle partitions.
pub const SHUFFLE_PARTITIONS: &str = "spark.sql.shuffle.partitions";
/// Spark's key for the size that adaptive execution aims at.
pub const ADVISORY_SIZE: &str = "spark.sql.adaptive.advisoryPartitionSizeInBytes";
/// Spark's key for coalescing by size before parallelism.
pub const PARALLELISM_FIRST: &str = "spark.sql.adaptive.coalescePartitions.parallelismFirst";
/// Spark's key for the broadcast threshold.
pub const BROADCAST_THRESHOLD: &str = "spark.sql.autoBroadcastJoinThreshold";

/// The session keys that a query's answer may name.
pub const MANAGED_KEYS: &[&str] = &[SHUFFLE_PARTITIONS, ADVISORY_SIZE, PARALLELISM_FIRST, BROADCAST_THRESHOLD];

/// Decides what Spark does with a query.
#[must_use]
pub fn plan_query(policy: &ResolvedPolicy, input: &PlanQueryInput) -> PlanQueryAnswer {
    let estimates = cost::estimates(&input.nodes);
    let mut answer = PlanQueryAnswer::default();
    if let Some(root) = estimates.first()
        && policy.autoscaling.enable_auto_adjustment
    {
        session_confs(policy, input, root, &mut answer);
    }
    for entry in &input.entries {
        let decision = release(policy, entry);
        if decision.value {
            answer.uncache.push(entry.id.clone());
            answer.note("release", "cached plan", Some(entry.id.clone()), scalar(decision));
        }
    }
    sub_plans::decide(policy, input, &estimates, &mut answer);
    answer
}

impl PlanQueryAnswer {
    pub(super) fn note(
        &mut self,
        name: &'static str,
        subject: impl Into<String>,
        hash: Option<String>,
        decision: Decision<Scalar>,
    ) {
        let subject = subject.into();
        self.decisions.push(QueryDecision { name: Cow::Borrowed(name), subject, hash, decision });
    }

    /// Sets a session key unless the user owns it and the policy doesn't name it.
    fn set(&mut self, policy: &ResolvedPolicy, input: &PlanQueryInput, key: &'static str, value: String) -> bool {
        let owned = input.confs.get(key).is_some_and(|conf| conf.owner == ConfOwner::User);
        let named = policy.autoscaling.overwrite_user_confs.iter().any(|name| name == key);
        let free = !owned || named;
        if free {
            self.confs.insert(key.to_owned(), value);
        }
        free
    }
}

fn scalar<T: Into<Scalar>>(decision: Decision<T>) -> Decision<Scalar> {
    Decision { value: decision.value.into(), grade: decision.grade, trace: decision.trace }
}

fn session_confs(policy: &ResolvedPolicy, input: &PlanQueryInput, root: &Estimate, answer: &mut PlanQueryAnswer) {
    let threshold = broadcast_threshold(policy, input.driver_heap_bytes);
    if threshold.value != SPARK_DEFAULT
        && answer.set(policy, input, BROADCAST_THRESHOLD, threshold.value.get().to_string())
    {
        answer.note("broadcast_threshold", BROADCAST_THRESHOLD, None, scalar(threshold));
    }
    // Unknown sizes and small queries keep what Spark would do; adaptive execution sees the real sizes later.
    let small = root.leaf_bytes < SMALL_QUERY;
    let seen = spill(&input.nodes);
    if !root.shuffles || (seen.is_none() && (root.leaf_bytes == Bytes(0) || (small && input.adaptive))) {
        return;
    }
    let spill = seen.map_or(Spill::None, |seen| {
        let piece = seen.shuffle_bytes.get().checked_div(seen.tasks).map(Bytes);
        Spill::seen(Some(seen.spilled_bytes), Some(seen.largest_over_mean), piece)
    });
    let facts = ShuffleFacts {
        // What spilled was more than the sources' size made believe: then the measured size counts.
        bytes: Some(seen.map_or(root.leaf_bytes, |seen| seen.shuffle_bytes.max(root.leaf_bytes))),
        grade: if seen.is_some() { Grade::A } else { Grade::C },
        slots: input.slots(),
        heap: input.heap(),
        cores: input.executor_cores.unwrap_or(DEFAULT_CORES),
        adaptive: input.adaptive,
        spill,
    };
    let mut partitions = shuffle_partitions(policy, &facts);
    let value = partitions.value;
    if !answer.set(policy, input, SHUFFLE_PARTITIONS, value.to_string()) {
        partitions.trace = partitions.trace.note("not applied: the user set spark.sql.shuffle.partitions");
    }
    let many_pieces = value > facts.slots || matches!(spill, Spill::Even { .. });
    answer.note("shuffle_partitions", SHUFFLE_PARTITIONS, None, scalar(partitions));
    if input.adaptive && many_pieces {
        // With more pieces of the advisory size than slots, coalescing by size keeps every slot busy; with fewer it would not.
        let mut advisory = advisory_size(&facts);
        if answer.set(policy, input, ADVISORY_SIZE, advisory.value.get().to_string()) {
            answer.set(policy, input, PARALLELISM_FIRST, "false".to_owned());
        } else {
            advisory.trace = advisory.trace.note("not applied: the user set it");
        }
        answer.note("advisory_partition_size", ADVISORY_SIZE, None, scalar(advisory));
    }
}

/// What the query's outermost shuffle spilled, of those that earlier queries held. It stays known once it did, so that the smaller
/// pieces that end the spilling are asked for again.
fn spill(nodes: &[PlanNode]) -> Option<SpillFacts> {
    nodes.iter().find(|node| node.seen > 0 && cost::shuffles(&node.operator))?.spill
}

/// Storage memory that execution can't take back, over all executors: in all, and what is free of it.
fn protected_storage(input: &PlanQueryInput) -> (Bytes, Bytes) {
    let share = input.heap().storage_fraction;
    input.executors.iter().fold((Bytes(0), Bytes(0)), |(total, free), executor| {
        let used = executor.max_storage_bytes.get().saturating_sub(executor.free_storage_bytes.get());
        let protected = executor.max_storage_bytes.share(share).get();
        (Bytes(total.get().saturating_add(protected)), Bytes(free.get().saturating_add(protected.saturating_sub(used))))
    })
}

/// The parent's index; only one that stands before the node counts, so that following parents always ends.
fn parent(nodes: &[PlanNode], index: usize) -> Option<usize> {
    let parent = nodes.get(index)?.parent? as usize;
    (parent < index).then_some(parent)
}

#[cfg(test)]
mod tests;
