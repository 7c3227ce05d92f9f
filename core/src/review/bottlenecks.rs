//! What held a run up: a rule for each kind of bottleneck, each with the wall time that it cost at most.
//!
//! A bottleneck is told when it cost a noticeable share of the run ([`NOTICEABLE`]), so that a fast stage with an ugly figure is left in
//! peace. Figures that Spark itself decides by are Spark's: a partition is skewed above 5 medians and 256 MiB.

use alloc::string::String;
use alloc::vec::Vec;

use super::contract::{Bottleneck, BottleneckKind, ReviewInput, StageFacts};
use crate::executor::heap::HIGH_GC_SHARE;
use crate::policy::ResolvedPolicy;
use crate::shuffle::{LARGEST_ADVISORY, skew};
use crate::trace::{Trace, Unit};
use crate::units::{Bytes, floor_u64};

/// What costs less than this share of the run is not told.
pub const NOTICEABLE: f64 = 0.05;
/// A stage dominates from this share of all stages' time on ...
pub const DOMINANT_SHARE: f64 = 0.5;
/// ... if that is also this many times its even share.
pub const DOMINANT_TIMES_EVEN: f64 = 1.5;
/// A task is a straggler above this many medians.
pub const STRAGGLER_TIMES_MEDIAN: f64 = 3.0;
/// Waiting for slots, or the driver alone, is told from this share of the time on.
pub const WAITING_SHARE: f64 = 0.2;
/// Partitions are too small under this, where there are several waves of them.
pub const SMALL_PARTITION: Bytes = Bytes::mib(1);
/// Starting a task costs about this much, which small partitions pay for each.
pub const TASK_START_MS: u64 = 10;
/// Waves of slots from which on small partitions are too many.
pub const WAVES_OF_SMALL: u64 = 4;
/// Disk is written and read again at about this rate when tasks spill.
const SPILL_BYTES_A_MS: u64 = 200 * 1024;

/// Everything that held the run up, the costliest first.
#[must_use]
pub fn bottlenecks(policy: &ResolvedPolicy, run: &ReviewInput) -> Vec<Bottleneck> {
    let mut found = Vec::new();
    for stage in &run.stages {
        found.extend(dominant(run, stage));
        found.extend(slower_than_expected(policy, run, stage));
        found.extend(skewed(run, stage));
        found.extend(spill(run, stage));
        found.extend(garbage_collection(run, stage));
        found.extend(scheduling_wait(run, stage));
        found.extend(small_partitions(run, stage));
        found.extend(large_partitions(run, stage));
        found.extend(failed_tasks(run, stage));
    }
    found.extend(driver(run));
    found.retain(|bottleneck| bottleneck.share >= NOTICEABLE);
    // Stable, as two stages of one name may have the same figures.
    found.sort_by(|a, b| {
        b.lost_ms.cmp(&a.lost_ms).then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.stage.cmp(&b.stage))
    });
    found
}

/// The run's time, of which bottlenecks are a share: its wall time, or that of its stages where they are all that is known.
fn run_ms(run: &ReviewInput) -> u64 {
    if run.wall_ms > 0 { run.wall_ms } else { stages_ms(run) }
}

/// The wall time of all stages, one after the other.
fn stages_ms(run: &ReviewInput) -> u64 {
    run.stages.iter().fold(0, |sum, stage| sum.saturating_add(stage.wall_ms))
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn bottleneck(run: &ReviewInput, kind: BottleneckKind, stage: &str, lost_ms: u64, trace: Trace) -> Bottleneck {
    let whole = run_ms(run);
    // No more can be lost than there was.
    let lost_ms = lost_ms.min(whole);
    let trace = trace.input("the run", whole, Unit::Milliseconds, "measured").unbounded(lost_ms);
    Bottleneck { kind, stage: String::from(stage), lost_ms, share: share(lost_ms, whole), trace }
}

fn evidence(rule: &'static str, formula: &'static str) -> Trace {
    Trace::new(rule, formula, Unit::Milliseconds)
}

fn dominant(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let (mine, even) = (share(stage.wall_ms, stages_ms(run)), 1.0 / run.stages.len().max(1) as f64);
    (mine >= DOMINANT_SHARE && mine >= DOMINANT_TIMES_EVEN * even).then(|| {
        let trace =
            evidence("review.dominant_stage", "a stage takes half of all stages' time and 1.5 times its even share")
                .input("wall time of the stage", stage.wall_ms, Unit::Milliseconds, "measured")
                .input("its share of all stages", mine, Unit::None, "")
                .input("stages", run.stages.len() as u64, Unit::None, "");
        bottleneck(run, BottleneckKind::DominantStage, &stage.name, stage.wall_ms, trace)
    })
}

fn slower_than_expected(policy: &ResolvedPolicy, run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let expected = stage.expected_ms?;
    let performance = share(expected, stage.wall_ms);
    let threshold = policy.pipeline.performance_threshold;
    (policy.pipeline.performance_monitoring && stage.wall_ms > expected && performance < threshold).then(|| {
        let trace = evidence("review.slower_than_expected", "expected time / wall time is under the threshold")
            .input("expected", expected, Unit::Milliseconds, "plan")
            .input("wall time of the stage", stage.wall_ms, Unit::Milliseconds, "measured")
            .input("performance", performance, Unit::None, "")
            .input("threshold", threshold, Unit::None, policy.origin("pipeline.performance_threshold"));
        bottleneck(run, BottleneckKind::SlowerThanExpected, &stage.name, stage.wall_ms - expected, trace)
    })
}

/// Whether the largest partition is skewed as Spark has it: then it is the data, which Spark can split, and not the work.
pub(super) fn data_is_skewed(stage: &StageFacts) -> bool {
    let median = stage.median_partition_bytes.get().max(1) as f64;
    let above = skew::DEFAULT_THRESHOLD.get().max(floor_u64(median * skew::DEFAULT_FACTOR));
    stage.largest_partition_bytes.get() > above
}

fn skewed(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let straggles = stage.tasks > 1
        && stage.median_task_ms > 0
        && stage.longest_task_ms as f64 > STRAGGLER_TIMES_MEDIAN * stage.median_task_ms as f64;
    straggles.then(|| {
        let lost = stage.longest_task_ms.saturating_sub(stage.median_task_ms).min(stage.wall_ms);
        let trace = evidence("review.skew", "the longest task takes more than 3 times the median task")
            .input("longest task", stage.longest_task_ms, Unit::Milliseconds, "measured")
            .input("median task", stage.median_task_ms, Unit::Milliseconds, "measured")
            .input("largest partition", stage.largest_partition_bytes, Unit::Bytes, "measured")
            .input("median partition", stage.median_partition_bytes, Unit::Bytes, "measured")
            .input("its data is skewed as Spark has it", data_is_skewed(stage), Unit::None, "");
        bottleneck(run, BottleneckKind::Skew, &stage.name, lost, trace)
    })
}

/// Wall time of so much task time of a stage.
fn wall_of(run: &ReviewInput, stage: &StageFacts, task_ms: u64) -> u64 {
    let slots = u64::from(run.slots().max(1)).min(stage.tasks.max(1));
    (task_ms / slots).min(stage.wall_ms)
}

fn spill(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    (stage.spilled_bytes.get() > 0).then(|| {
        // Written once and read once.
        let task_ms = stage.spilled_bytes.get().saturating_mul(2) / SPILL_BYTES_A_MS;
        let trace = evidence("review.spill", "bytes spilled, written and read at about 200 MiB a second, on all slots")
            .input("spilled", stage.spilled_bytes, Unit::Bytes, "measured")
            .input("read", stage.read_bytes, Unit::Bytes, "measured")
            .input("tasks", stage.tasks, Unit::Tasks, "measured");
        bottleneck(run, BottleneckKind::Spill, &stage.name, wall_of(run, stage, task_ms), trace)
    })
}

fn garbage_collection(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let mine = share(stage.gc_ms, stage.task_ms);
    (mine > HIGH_GC_SHARE).then(|| {
        let trace = evidence("review.garbage_collection", "more than 10 % of task time is garbage collection")
            .input("garbage collection", stage.gc_ms, Unit::Milliseconds, "measured")
            .input("sum of task time", stage.task_ms, Unit::Milliseconds, "measured")
            .input("share", mine, Unit::None, "");
        let lost = floor_u64(stage.wall_ms as f64 * mine.min(1.0));
        bottleneck(run, BottleneckKind::GarbageCollection, &stage.name, lost, trace)
    })
}

fn scheduling_wait(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let mine = share(stage.wait_ms, stage.wall_ms);
    (mine > WAITING_SHARE).then(|| {
        let trace = evidence("review.scheduling_wait", "a stage waits for slots for more than a fifth of its time")
            .input("waiting", stage.wait_ms, Unit::Milliseconds, "measured")
            .input("wall time of the stage", stage.wall_ms, Unit::Milliseconds, "measured")
            .input("slots", run.slots(), Unit::Slots, "executors");
        bottleneck(run, BottleneckKind::SchedulingWait, &stage.name, stage.wait_ms, trace)
    })
}

fn small_partitions(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    let waves = stage.tasks / u64::from(run.slots().max(1));
    let small = stage.median_partition_bytes.get() > 0 && stage.median_partition_bytes < SMALL_PARTITION;
    (small && waves >= WAVES_OF_SMALL).then(|| {
        let trace = evidence(
            "review.small_partitions",
            "tasks that read under 1 MiB, in four waves of slots or more; each costs a start",
        )
        .input("median partition", stage.median_partition_bytes, Unit::Bytes, "measured")
        .input("tasks", stage.tasks, Unit::Tasks, "measured")
        .input("slots", run.slots(), Unit::Slots, "executors");
        let lost = wall_of(run, stage, stage.tasks.saturating_mul(TASK_START_MS));
        bottleneck(run, BottleneckKind::SmallPartitions, &stage.name, lost, trace)
    })
}

fn large_partitions(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    // Where the median is large, the number is too small; where only one is, the data is skewed.
    let large = stage.median_partition_bytes.get() > LARGEST_ADVISORY.get().saturating_mul(2);
    let idle = u64::from(run.slots()).saturating_sub(stage.tasks);
    let starved = idle > 0 && stage.read_bytes > LARGEST_ADVISORY && stage.median_partition_bytes > LARGEST_ADVISORY;
    (large || starved).then(|| {
        let trace = evidence(
            "review.large_partitions",
            "the median task reads more than 256 MiB, or more than 128 MiB while slots are idle",
        )
        .input("median partition", stage.median_partition_bytes, Unit::Bytes, "measured")
        .input("tasks", stage.tasks, Unit::Tasks, "measured")
        .input("slots", run.slots(), Unit::Slots, "executors");
        let idle_share = share(idle, u64::from(run.slots().max(1)));
        let spilled = wall_of(run, stage, stage.spilled_bytes.get().saturating_mul(2) / SPILL_BYTES_A_MS);
        let lost = floor_u64(stage.wall_ms as f64 * idle_share).max(spilled);
        bottleneck(run, BottleneckKind::LargePartitions, &stage.name, lost, trace)
    })
}

fn failed_tasks(run: &ReviewInput, stage: &StageFacts) -> Option<Bottleneck> {
    (stage.failed_tasks > 0).then(|| {
        let trace = evidence("review.failed_tasks", "tasks that failed, each at about the median task's time")
            .input("failed tasks", stage.failed_tasks, Unit::Tasks, "measured")
            .input("tasks", stage.tasks, Unit::Tasks, "measured");
        let task_ms = stage.failed_tasks.saturating_mul(stage.median_task_ms.max(TASK_START_MS));
        bottleneck(run, BottleneckKind::FailedTasks, &stage.name, wall_of(run, stage, task_ms), trace)
    })
}

fn driver(run: &ReviewInput) -> Option<Bottleneck> {
    (share(run.driver_ms, run_ms(run)) > WAITING_SHARE).then(|| {
        let trace = evidence("review.driver", "only the driver works for more than a fifth of the run").input(
            "driver alone",
            run.driver_ms,
            Unit::Milliseconds,
            "measured",
        );
        bottleneck(run, BottleneckKind::Driver, "", run.driver_ms, trace)
    })
}
