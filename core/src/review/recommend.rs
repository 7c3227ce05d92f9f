//! What would help: for each bottleneck the key to set and the value to set it to, or what to change in the program.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::bottlenecks::data_is_skewed;
use super::contract::{Bottleneck, BottleneckKind, Recommendation, ReviewInput, StageFacts};
use crate::confs::SHUFFLE_PARTITIONS;
use crate::confs::SKEW_THRESHOLD;
use crate::executor::size::CORES_UNDER_GC;
use crate::memory::DEFAULT_HEAP;
use crate::policy::ResolvedPolicy;
use crate::shuffle::LARGEST_ADVISORY;
use crate::trace::{Scalar, render_ms};
use crate::units::{Bytes, GIB};

/// Of all bottlenecks, what would help against each; one recommendation a key and stage, the most helpful first.
#[must_use]
pub fn recommendations(policy: &ResolvedPolicy, run: &ReviewInput, found: &[Bottleneck]) -> Vec<Recommendation> {
    let mut all: Vec<Recommendation> = Vec::new();
    for bottleneck in found {
        let stage = run.stages.iter().find(|stage| stage.name == bottleneck.stage);
        let Some((key, value, because)) = remedy(policy, run, bottleneck, stage) else { continue };
        let told =
            all.iter().any(|other| other.key == key && (other.stage == bottleneck.stage || other.value == value));
        if !told {
            all.push(Recommendation {
                key: Cow::Borrowed(key),
                value,
                because,
                stage: bottleneck.stage.clone(),
                saves_at_most_ms: bottleneck.lost_ms,
            });
        }
    }
    all
}

type Remedy = (&'static str, Option<Scalar>, String);

fn remedy(
    policy: &ResolvedPolicy,
    run: &ReviewInput,
    bottleneck: &Bottleneck,
    stage: Option<&StageFacts>,
) -> Option<Remedy> {
    let partitions = u64::from(run.shuffle_partitions.unwrap_or(0)).max(stage.map_or(0, |stage| stage.tasks));
    let slots = u64::from(run.slots().max(1));
    let shuffled = stage.is_some_and(|stage| stage.shuffle_read_bytes.get() > 0);
    match (bottleneck.kind, stage) {
        (BottleneckKind::Skew, Some(stage)) if shuffled && data_is_skewed(stage) => {
            let piece = LARGEST_ADVISORY.get().min(stage.median_partition_bytes.get().saturating_mul(2)).max(1 << 20);
            let because = "its largest partition holds a few large keys: let adaptive execution split joins from this size on; a grouping \
                           needs a second key (salt), more partitions don't help";
            Some((SKEW_THRESHOLD.key, Some(Scalar::Whole(piece)), because.into()))
        }
        (BottleneckKind::Spill, Some(stage)) if shuffled && !data_is_skewed(stage) => {
            let twice = partitions.saturating_mul(2).max(1);
            let because = "tasks spill and no partition stands out: twice as many partitions need half the memory each";
            Some((SHUFFLE_PARTITIONS.key, Some(Scalar::Whole(twice)), because.into()))
        }
        (BottleneckKind::GarbageCollection, _) => Some(larger_heap(run, bottleneck)),
        // A stage with a slot for each of its tasks waits for something else.
        (BottleneckKind::SchedulingWait, Some(stage)) if !run.local && stage.tasks > slots => {
            let most = policy.autoscaling.max_executors;
            if run.executors >= most {
                let because = "stages wait for slots and all the executors that the policy allows are there";
                let twice = u64::from(most.max(run.executors)).saturating_mul(2);
                return Some(("autoscaling.max_executors", Some(Scalar::Whole(twice)), because.into()));
            }
            let because = "stages wait for slots that the policy allows: start with more executors";
            Some(("autoscaling.min_executors", Some(Scalar::Whole(u64::from(run.executors.max(1)))), because.into()))
        }
        (BottleneckKind::SmallPartitions, Some(stage)) if shuffled => {
            let fitting = stage.read_bytes.get().div_ceil(LARGEST_ADVISORY.get()).max(slots);
            let because = "tasks read under 1 MiB each: fewer partitions, one for each 128 MiB and at least one a slot";
            Some((SHUFFLE_PARTITIONS.key, Some(Scalar::Whole(fitting)), because.into()))
        }
        (BottleneckKind::LargePartitions, Some(stage)) if shuffled => {
            let fitting = stage.read_bytes.get().div_ceil(LARGEST_ADVISORY.get());
            let whole = fitting.div_ceil(slots).max(1).saturating_mul(slots);
            let because =
                "tasks read far more than 128 MiB each: one partition for each 128 MiB, in whole waves of slots";
            Some((SHUFFLE_PARTITIONS.key, Some(Scalar::Whole(whole)), because.into()))
        }
        // A number of partitions does nothing for a scan, attempts again repeat what failed, and executors that go while the driver works alone save
        // no time. What takes longest, or longer than expected, has its reason in another bottleneck of the same stage, or in its program.
        _ => None,
    }
}

/// More heap for each task: fewer of them in one, or a larger one; that of the driver where it runs the tasks.
fn larger_heap(run: &ReviewInput, bottleneck: &Bottleneck) -> Remedy {
    if run.executor_cores > Some(CORES_UNDER_GC) && !run.local {
        let lost = render_ms(bottleneck.lost_ms);
        let because = format!("garbage collection takes {lost}: fewer tasks at a time in one heap");
        return ("spark.executor.cores", Some(Scalar::Whole(u64::from(CORES_UNDER_GC))), because);
    }
    let heap = run.executor_heap_bytes.unwrap_or(DEFAULT_HEAP);
    let twice = Bytes(heap.get().saturating_mul(2).max(GIB)).ceil_gib();
    let gib = Scalar::Word(Cow::Owned(format!("{}g", twice.get() / GIB)));
    let key = if run.local { "spark.driver.memory" } else { "autoscaling.target_executor_memory" };
    (key, Some(gib), "garbage collection takes much of the stage, and few tasks share a heap: a larger one".into())
}
