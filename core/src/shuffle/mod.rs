//! Shuffle partitions: how many, and how large a piece adaptive execution should aim at.

pub mod coalesce;
pub mod skew;
pub mod tasks;

use alloc::string::ToString as _;

use crate::confs::{ADVISORY_SIZE, PARALLELISM_FIRST, SHUFFLE_PARTITIONS, Settings};
use crate::facts::History;
use crate::memory::Heap;
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB, ceil_u64, saturating_u32};

/// The largest piece of shuffle data that a task should read.
pub const LARGEST_ADVISORY: Bytes = Bytes::mib(128);
/// The smallest piece that adaptive execution makes (`coalescePartitions.minPartitionSize`).
pub const SMALLEST_ADVISORY: Bytes = Bytes::mib(1);
/// A task reads at most this share of its execution memory, so that it sorts without spilling.
pub const SHARE_OF_EXECUTION_MEMORY: u64 = 3;
/// `partition_scaling_factor` that changes nothing.
pub const NEUTRAL_PARTITION_FACTOR: f64 = 0.5;
/// Initial partitions are at most this many times the slots.
pub const MOST_PARTITIONS_A_SLOT: u64 = 10;

/// The largest partition is more than this many times the mean: then it is skew that spills, and more partitions would not help.
pub const SPILL_SKEW: f64 = 3.0;

/// What earlier runs had to write to disk for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spill {
    /// Nothing, as far as anybody knows.
    #[default]
    None,
    /// Partitions as large as the others.
    Even {
        /// Their size; unknown when absent.
        piece: Option<Bytes>,
    },
    /// A few partitions that are much larger than the others.
    Skewed,
}

impl Spill {
    /// What a history says; `skewed` where the keys are known to be uneven.
    #[must_use]
    pub fn of(history: &History, skewed: bool) -> Self {
        match Self::seen(history.spilled_bytes, history.shuffle_skew, None) {
            Self::Even { .. } if skewed => Self::Skewed,
            spill => spill,
        }
    }

    /// What the bytes that were spilled say, where the largest partition was `largest` times the mean, which was `piece`.
    #[must_use]
    pub fn seen(spilled: Option<Bytes>, largest: Option<f64>, piece: Option<Bytes>) -> Self {
        match spilled {
            None | Some(Bytes(0)) => Self::None,
            Some(_) if largest.is_some_and(|largest| largest > SPILL_SKEW) => Self::Skewed,
            Some(_) => Self::Even { piece },
        }
    }
}

/// What the partitions are decided from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShuffleFacts {
    /// Bytes that go through the shuffle; unknown when absent.
    pub bytes: Option<Bytes>,
    /// Where that is from, in a word.
    pub from: &'static str,
    /// How well `bytes` is known.
    pub grade: Grade,
    /// Tasks that run at a time.
    pub slots: u32,
    /// The executor's heap.
    pub heap: Heap,
    /// Cores of an executor.
    pub cores: u32,
    /// Whether adaptive execution is on.
    pub adaptive: bool,
    /// What spilled in earlier runs.
    pub spill: Spill,
}

/// A third of a task's execution memory, within its bounds and in whole MiB; where even partitions spilled, half of that or of them.
fn advisory_within(execution: Bytes, spill: Spill) -> Bytes {
    let wanted = Bytes(execution.get() / SHARE_OF_EXECUTION_MEMORY).min(LARGEST_ADVISORY);
    let wanted = match spill {
        Spill::Even { piece } => piece.map_or(wanted, |piece| piece.min(wanted)).get() / 2,
        Spill::None | Spill::Skewed => wanted.get(),
    };
    Bytes(wanted.max(SMALLEST_ADVISORY.get()) / MIB * MIB)
}

/// The advisory size of a partition, `A = min(128 MiB, E / 3)` with `E = (H - R) * f / c`. Where an earlier run spilled although no
/// partition stood out it is half of that, and at most half of the pieces that spilled, and so there are twice as many partitions; skew
/// is for Spark's skew handling. An estimate whatever is known of the data: a third is a rule of thumb; predicted where an earlier run spilled.
#[must_use]
pub fn advisory_size(facts: &ShuffleFacts) -> Decision<Bytes> {
    let execution = facts.heap.execution_per_core(facts.cores);
    let wanted = execution.get() / SHARE_OF_EXECUTION_MEMORY;
    let mut trace = Trace::new(
        "shuffle.advisory_size",
        "what a task sorts in memory without spilling, at most 128 MiB; a third of (heap - 300 MiB) * spark.memory.fraction / cores",
        Unit::Bytes,
    )
    .input("heap", facts.heap.heap_bytes, Unit::Bytes, "")
    .input("cores of an executor", facts.cores, Unit::Cores, "")
    .input("execution memory of a task", execution, Unit::Bytes, "")
    .unbounded(Bytes(wanted));
    let mut value = trace.at_most("largest advisory size", LARGEST_ADVISORY.get(), wanted);
    match facts.spill {
        Spill::None => {}
        Spill::Even { piece } => {
            if let Some(piece) = piece {
                value = trace.at_most("the pieces that spilled", piece.get(), value);
            }
            value = trace.bound("an earlier run spilled", value / 2, value, value / 2);
        }
        Spill::Skewed => {
            trace = trace.note("an earlier run spilled because of skew: smaller partitions would not help")
        }
    }
    trace.at_least("smallest advisory size", SMALLEST_ADVISORY.get(), value);
    let heap = Along {
        input: "a heap of",
        unit: Unit::Bytes,
        at: facts.heap.heap_bytes.get(),
        least: 0,
        most: u64::MAX,
        step: MIB,
    };
    let at_heap = |bytes| Heap { heap_bytes: Bytes(bytes), ..facts.heap }.execution_per_core(facts.cores);
    let grade = if matches!(facts.spill, Spill::Even { .. }) { Grade::B } else { Grade::C };
    trace.flips(heap.flips(|bytes| advisory_within(at_heap(bytes), facts.spill))).decide(advisory_bytes(facts), grade)
}

/// The value of [`advisory_size`] alone.
#[must_use]
pub fn advisory_bytes(facts: &ShuffleFacts) -> Bytes {
    advisory_within(facts.heap.execution_per_core(facts.cores), facts.spill)
}

/// The number before and after each of its bounds, for so many bytes.
struct Steps {
    wanted: u64,
    least: u64,
    most: u64,
    value: u64,
}

fn steps(policy: &ResolvedPolicy, facts: &ShuffleFacts, advisory: u64, bytes: u64) -> Steps {
    let slots = u64::from(facts.slots.max(1));
    let factor = policy.autoscaling.partition_scaling_factor / NEUTRAL_PARTITION_FACTOR;
    let scaled = ceil_u64(bytes as f64 * factor);
    if facts.adaptive {
        let wanted = scaled.saturating_mul(2).div_ceil(advisory);
        let most = slots.saturating_mul(MOST_PARTITIONS_A_SLOT).max(scaled.div_ceil(advisory));
        Steps { wanted, least: slots, most, value: wanted.max(slots).min(most) }
    } else {
        let wanted = scaled.div_ceil(advisory);
        let least = slots.saturating_mul(2);
        let whole = wanted.max(least).div_ceil(slots).saturating_mul(slots);
        Steps { wanted, least, most: u64::MAX, value: whole }
    }
}

/// Decides the number of shuffle partitions: with adaptive execution the number to start from, which Spark then coalesces.
#[must_use]
pub fn shuffle_partitions(policy: &ResolvedPolicy, facts: &ShuffleFacts) -> Decision<u32> {
    let slots = u64::from(facts.slots.max(1));
    let advisory = advisory_bytes(facts).get().max(1);
    let bytes = facts.bytes.unwrap_or_default().get();
    let of = steps(policy, facts, advisory, bytes);
    let (rule, formula) = if facts.adaptive {
        (
            "shuffle.initial_partitions",
            "twice the data's pieces, for adaptive execution to coalesce; ceil(2 * data / advisory size), one to ten for each slot",
        )
    } else {
        (
            "shuffle.partitions",
            "pieces of the advisory size in whole waves of tasks; max(2 * slots, ceil(data / advisory size)), rounded up to a multiple of slots",
        )
    };
    let mut trace = Trace::new(rule, formula, Unit::Partitions)
        .input("shuffled data", facts.bytes, Unit::Bytes, facts.from)
        .input("advisory size", Bytes(advisory), Unit::Bytes, "shuffle.advisory_size")
        .input("slots", slots, Unit::Slots, "cluster")
        .input(
            "partition_scaling_factor / 0.5",
            policy.autoscaling.partition_scaling_factor / NEUTRAL_PARTITION_FACTOR,
            Unit::None,
            policy.origin("autoscaling.partition_scaling_factor"),
        )
        .unbounded(of.wanted);
    if facts.adaptive {
        let value = trace.at_least("one for each slot", of.least, of.wanted);
        trace.at_most("ten for each slot", of.most, value);
    } else {
        let value = trace.at_least("two for each slot", of.least, of.wanted);
        trace.bound("whole waves of tasks", slots, value, of.value);
    }
    if facts.bytes.is_some() {
        let data =
            Along { input: "shuffled data of", unit: Unit::Bytes, at: bytes, least: 0, most: u64::MAX, step: MIB };
        trace = trace.flips(data.flips(|bytes| steps(policy, facts, advisory, bytes).value));
    }
    trace.decide(saturating_u32(of.value), facts.grade)
}

/// Whether adaptive execution is to coalesce by size and not by parallelism: where there are more pieces of the advisory size than
/// slots, so that every slot stays busy, or where even pieces spilled, so that they must not be merged to that size again.
fn by_size(facts: &ShuffleFacts, partitions: u32) -> bool {
    facts.adaptive && (partitions > facts.slots || matches!(facts.spill, Spill::Even { .. }))
}

/// The shuffle partitions, and the advisory size where adaptive execution is to coalesce by it.
pub(crate) fn partitioning(policy: &ResolvedPolicy, facts: &ShuffleFacts) -> (Decision<u32>, Option<Decision<Bytes>>) {
    let partitions = shuffle_partitions(policy, facts);
    let advisory = by_size(facts, partitions.value).then(|| advisory_size(facts));
    (partitions, advisory)
}

/// Sets what [`partitioning`] decided.
pub(crate) fn set(
    partitions: &Decision<u32>,
    advisory: Option<&Decision<Bytes>>,
    because: &'static str,
    to: &mut Settings<'_>,
) {
    to.set(SHUFFLE_PARTITIONS, partitions.value.to_string(), because);
    let Some(advisory) = advisory else { return };
    // Without that size the other would coalesce by a size that the user or Spark chose.
    if to.may_set(ADVISORY_SIZE) {
        to.set(ADVISORY_SIZE, advisory.value.get().to_string(), "what a task sorts in memory");
        to.set(PARALLELISM_FIRST, "false", "coalesce by size: there are more pieces than slots, or pieces spilled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClusterFacts;
    use crate::units::GIB;

    fn facts(bytes: u64, adaptive: bool) -> ShuffleFacts {
        ShuffleFacts {
            from: "plan",
            bytes: Some(Bytes(bytes)),
            grade: Grade::C,
            slots: 8,
            heap: Heap::new(Bytes::gib(8), &ClusterFacts::default()),
            cores: 4,
            adaptive,
            spill: Spill::None,
        }
    }

    #[test]
    fn spill_without_skew_doubles_the_partitions_and_with_skew_does_not() {
        let of = |spilled: u64, largest: f64| {
            let spilled_bytes = Some(Bytes(spilled));
            let history = History { spilled_bytes, shuffle_skew: Some(largest), ..History::default() };
            let spill = Spill::of(&history, false);
            [true, false].map(|adaptive| {
                let facts = ShuffleFacts { spill, ..facts(4 * GIB, adaptive) };
                shuffle_partitions(&ResolvedPolicy::default(), &facts).value
            })
        };
        assert_eq!(of(0, 1.0), [64, 32]);
        assert_eq!(of(1, 3.0), [80, 64], "at most ten a slot under adaptive execution");
        assert_eq!(of(1, 3.1), [64, 32]);
    }

    #[test]
    fn an_advisory_size_is_an_estimate_however_well_the_data_is_known() {
        let of = |grade, spill| advisory_size(&ShuffleFacts { grade, spill, ..facts(GIB, true) }).grade;
        for grade in [Grade::A, Grade::B, Grade::C] {
            assert_eq!(of(grade, Spill::None), Grade::C, "a third of a heap's share is a rule of thumb");
            assert_eq!(of(grade, Spill::Skewed), Grade::C, "skew changes nothing of it");
            assert_eq!(of(grade, Spill::Even { piece: Some(Bytes::mib(40)) }), Grade::B, "an earlier run spilled");
        }
        assert_eq!(skew::split_from(Bytes::mib(64)).grade, Grade::C, "twice that size is no better founded");
    }

    #[test]
    fn partitions_follow_the_data_between_their_bounds() {
        let policy = ResolvedPolicy::default();
        for (bytes, adaptive, expected) in [
            (0, true, 8),
            (GIB, true, 16),
            (2 * GIB, true, 32),
            (GIB * 1024, true, 8192),
            (0, false, 16),
            (GIB, false, 16),
            (9 * GIB, false, 72),
            (9 * GIB + 1, false, 80),
        ] {
            assert_eq!(shuffle_partitions(&policy, &facts(bytes, adaptive)).value, expected, "{bytes} {adaptive}");
        }
    }

    #[test]
    fn it_says_at_which_size_the_number_changes() {
        let decision = shuffle_partitions(&ResolvedPolicy::default(), &facts(GIB, true));
        let text = decision.trace.render("");
        // ceil(2 GiB / 128 MiB) = 16
        assert!(text.contains("it would be 15 with shuffled data of 960 MiB or less"), "{text}");
        assert!(text.contains("it would be 17 with shuffled data of 1.001 GiB or more"), "{text}");
    }

    /// The Python original cut 1 TB into partitions of 1024 MiB.
    #[test]
    fn a_terabyte_is_never_cut_into_pieces_above_the_advisory_size() {
        for adaptive in [true, false] {
            let facts = facts(1024 * GIB, adaptive);
            let partitions = u64::from(shuffle_partitions(&ResolvedPolicy::default(), &facts).value);
            assert!(1024 * GIB / partitions <= advisory_size(&facts).value.get());
        }
    }

    #[test]
    fn a_small_heap_asks_for_small_pieces() {
        let small =
            ShuffleFacts { heap: Heap::new(Bytes::mib(768), &ClusterFacts::default()), cores: 1, ..facts(0, true) };
        assert_eq!(advisory_size(&small).value, Bytes::mib(93));
        let none = ShuffleFacts {
            heap: Heap::new(Bytes(0), &ClusterFacts::default()),
            slots: 0,
            cores: 0,
            ..facts(u64::MAX, false)
        };
        assert!(shuffle_partitions(&ResolvedPolicy::default(), &none).value > 0);
    }
}
