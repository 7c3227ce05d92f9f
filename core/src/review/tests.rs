#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::trace::Scalar;
use crate::units::Bytes;
use alloc::string::ToString;
use alloc::vec;

fn stage(name: &str, wall_ms: u64) -> StageFacts {
    StageFacts {
        name: name.to_string(),
        wall_ms,
        tasks: 16,
        task_ms: wall_ms * 8,
        median_task_ms: wall_ms / 2,
        longest_task_ms: wall_ms / 2,
        read_bytes: Bytes::gib(1),
        shuffle_read_bytes: Bytes::gib(1),
        median_partition_bytes: Bytes::mib(64),
        largest_partition_bytes: Bytes::mib(70),
        ..StageFacts::default()
    }
}

fn run(stages: Vec<StageFacts>) -> ReviewInput {
    ReviewInput {
        wall_ms: stages.iter().map(|stage| stage.wall_ms).sum(),
        executor_ms: 100_000,
        executors: 2,
        executor_cores: Some(4),
        executor_heap_bytes: Some(Bytes::gib(8)),
        shuffle_partitions: Some(16),
        stages,
        ..ReviewInput::default()
    }
}

fn kinds(run: &ReviewInput) -> Vec<BottleneckKind> {
    review(&ResolvedPolicy::default(), run).bottlenecks.into_iter().map(|bottleneck| bottleneck.kind).collect()
}

fn first_advice(run: &ReviewInput) -> (alloc::string::String, Option<Scalar>) {
    let advice = review(&ResolvedPolicy::default(), run).recommendations;
    (advice[0].key.to_string(), advice[0].value.clone())
}

/// The Python original reported no bottleneck for stages of 1, 1, 1 and 50 s.
#[test]
fn slots_are_as_told_or_those_of_the_executors() {
    let run = |executors, executor_cores, task_cpus, slots| ReviewInput {
        executors,
        executor_cores,
        task_cpus,
        slots,
        executor_ms: 1_000,
        stages: vec![StageFacts { task_ms: 1_000, ..StageFacts::default() }],
        ..ReviewInput::default()
    };
    for (run, slots, used) in [
        (run(3, Some(4), None, None), 12, Some(0.25)),
        (run(3, Some(4), Some(2), None), 6, Some(0.5)),
        (run(3, Some(5), Some(2), None), 6, Some(0.5)),
        (run(3, Some(4), Some(2), Some(7)), 7, Some(0.5)),
        (run(3, None, None, None), 3, None),
        (run(0, Some(4), None, None), 0, Some(0.25)),
    ] {
        assert_eq!(run.slots(), slots, "{run:?}");
        assert_eq!(review(&ResolvedPolicy::default(), &run).report.slots_used, used, "{run:?}");
    }
}

#[test]
fn a_heap_that_is_not_known_is_as_spark_has_it() {
    let mut run = run(vec![StageFacts { gc_ms: 40_000, ..stage("a", 10_000) }]);
    (run.executor_cores, run.executor_heap_bytes) = (Some(2), None);
    let (key, value) = first_advice(&run);
    assert_eq!((key.as_str(), value), ("autoscaling.target_executor_memory", Some(Scalar::Word("2g".into()))));
}

/// Oracles, section 7: the original reports no bottleneck for stages of 1, 1, 1 and 50 s.
#[test]
fn one_long_stage_is_a_bottleneck() {
    let run = run(vec![stage("a", 1_000), stage("b", 1_000), stage("c", 1_000), stage("d", 50_000)]);
    let answer = review(&ResolvedPolicy::default(), &run);
    assert_eq!(answer.bottlenecks.len(), 1);
    assert_eq!((answer.bottlenecks[0].kind, &*answer.bottlenecks[0].stage), (BottleneckKind::DominantStage, "d"));
    assert!((answer.bottlenecks[0].share - 50.0 / 53.0).abs() < 1e-9);
    let report = answer.report;
    assert_eq!((report.total_ms, report.stages), (53_000, 4));
    assert_eq!((report.average_stage_ms, report.fastest_stage_ms, report.slowest_stage_ms), (13_250, 1_000, 50_000));
    assert_eq!(answer.trend.value, Trend::InsufficientData);
}

#[test]
fn an_even_run_has_none() {
    assert_eq!(kinds(&run(vec![stage("only", 9_000)])), []);
    assert_eq!(kinds(&run(vec![stage("a", 5_000), stage("b", 6_000)])), []);
    assert_eq!(kinds(&ReviewInput::default()), []);
}

#[test]
fn skew_of_data_is_split_and_no_key_is_known_for_other_skew() {
    let mut skewed = stage("join", 10_000);
    (skewed.median_task_ms, skewed.longest_task_ms) = (1_000, 9_000);
    let work = run(vec![skewed.clone()]);
    assert_eq!(kinds(&work), [BottleneckKind::Skew]);
    assert!(review(&ResolvedPolicy::default(), &work).recommendations.is_empty());
    skewed.largest_partition_bytes = Bytes::gib(2);
    skewed.spilled_bytes = Bytes::gib(1);
    let data = run(vec![skewed]);
    let (key, _) = first_advice(&data);
    assert_eq!(key, crate::confs::SKEW_THRESHOLD.key);
    let advice = review(&ResolvedPolicy::default(), &data).recommendations;
    assert!(
        advice.iter().all(|advice| advice.key != crate::confs::SHUFFLE_PARTITIONS.key),
        "more partitions don't help"
    );
}

#[test]
fn spill_without_skew_asks_for_twice_the_partitions() {
    let mut spilling = stage("sort", 10_000);
    spilling.spilled_bytes = Bytes::gib(4);
    let run = run(vec![spilling]);
    assert_eq!(kinds(&run), [BottleneckKind::Spill]);
    assert_eq!(first_advice(&run), (crate::confs::SHUFFLE_PARTITIONS.key.into(), Some(Scalar::Whole(32))));
}

#[test]
fn every_other_kind_has_its_evidence_and_advice() {
    let with = |change: fn(&mut StageFacts)| {
        let mut stage = stage("s", 10_000);
        change(&mut stage);
        run(vec![stage])
    };
    let whole = |n| Some(Scalar::Whole(n));
    for (run, kind, key, value) in [
        (
            with(|stage| stage.gc_ms = stage.task_ms / 5),
            BottleneckKind::GarbageCollection,
            "spark.executor.cores",
            whole(2),
        ),
        (
            with(|stage| (stage.tasks, stage.wait_ms) = (17, 3_000)),
            BottleneckKind::SchedulingWait,
            "autoscaling.min_executors",
            whole(2),
        ),
        (
            with(|stage| {
                stage.tasks = 2_000;
                stage.median_partition_bytes = Bytes::mib(1).share(0.5);
            }),
            BottleneckKind::SmallPartitions,
            "spark.sql.shuffle.partitions",
            whole(8),
        ),
        (
            with(|stage| {
                stage.tasks = 4;
                stage.median_partition_bytes = Bytes::mib(256);
            }),
            BottleneckKind::LargePartitions,
            "spark.sql.shuffle.partitions",
            whole(8),
        ),
    ] {
        assert_eq!(kinds(&run), [kind]);
        assert_eq!(first_advice(&run), (key.into(), value), "{kind:?}");
    }
    let mut late = stage("late", 10_000);
    late.expected_ms = Some(7_900);
    assert_eq!(kinds(&run(vec![late.clone()])), [BottleneckKind::SlowerThanExpected]);
    late.expected_ms = Some(8_000);
    assert_eq!(kinds(&run(vec![late])), [], "at the threshold it is well enough");
}

/// Each of these was advised once, and helps nobody.
#[test]
fn a_key_that_can_t_help_is_no_advice() {
    let none = |run: &ReviewInput, kind| {
        let answer = review(&ResolvedPolicy::default(), run);
        assert_eq!(kinds(run), [kind]);
        assert!(answer.recommendations.is_empty(), "{kind:?}: {:?}", answer.recommendations);
    };
    let with = |change: fn(&mut StageFacts)| {
        let mut stage = stage("s", 10_000);
        change(&mut stage);
        run(vec![stage])
    };
    // Splits of a scan are no partitions of a shuffle.
    type Change = (fn(&mut StageFacts), BottleneckKind);
    let scans: [Change; 4] = [
        (
            |stage| (stage.tasks, stage.median_partition_bytes) = (2_000, Bytes(512 << 10)),
            BottleneckKind::SmallPartitions,
        ),
        (|stage| (stage.tasks, stage.median_partition_bytes) = (4, Bytes::mib(256)), BottleneckKind::LargePartitions),
        (|stage| stage.spilled_bytes = Bytes::gib(4), BottleneckKind::Spill),
        (
            |stage| {
                (stage.median_task_ms, stage.longest_task_ms, stage.largest_partition_bytes) =
                    (1_000, 9_000, Bytes::gib(2))
            },
            BottleneckKind::Skew,
        ),
    ];
    for (change, kind) in scans {
        let mut scan = with(change);
        scan.stages[0].shuffle_read_bytes = Bytes(0);
        none(&scan, kind);
    }
    // Attempts again repeat what failed; executors that go while the driver works save no time.
    none(&with(|stage| stage.failed_tasks = 4), BottleneckKind::FailedTasks);
    none(&ReviewInput { wall_ms: 20_000, driver_ms: 10_000, ..run(vec![stage("s", 10_000)]) }, BottleneckKind::Driver);
    // It had a slot for each of its tasks.
    none(&with(|stage| (stage.tasks, stage.wait_ms) = (8, 3_000)), BottleneckKind::SchedulingWait);
    // No executor but the driver.
    let mut local = with(|stage| (stage.tasks, stage.wait_ms) = (17, 3_000));
    local.local = true;
    none(&local, BottleneckKind::SchedulingWait);
    let mut local = with(|stage| stage.gc_ms = stage.task_ms / 5);
    local.local = true;
    assert_eq!(first_advice(&local), ("spark.driver.memory".into(), Some(Scalar::Word("16g".into()))));
}

#[test]
fn more_executors_are_more_than_it_had() {
    let mut run = run(vec![StageFacts { tasks: 1_000, wait_ms: 3_000, ..stage("s", 10_000) }]);
    let most = ResolvedPolicy::default().autoscaling.max_executors;
    run.executors = most * 3;
    assert_eq!(first_advice(&run), ("autoscaling.max_executors".into(), Some(Scalar::Whole(u64::from(most) * 6))));
}

#[test]
fn the_cost_of_a_run_is_that_of_its_executor_time() {
    let mut policy = ResolvedPolicy::default();
    policy.cost.executor_hour_price = Some(3.6);
    let report = review(&policy, &run(vec![stage("a", 1_000)])).report;
    assert_eq!(report.cost.unwrap().value.micros, 100_000);
}

#[test]
fn impossible_figures_are_no_trouble() {
    let most = StageFacts {
        name: "s".to_string(),
        wall_ms: u64::MAX,
        expected_ms: Some(0),
        tasks: u64::MAX,
        failed_tasks: u64::MAX,
        task_ms: u64::MAX,
        median_task_ms: u64::MAX,
        longest_task_ms: u64::MAX,
        gc_ms: u64::MAX,
        wait_ms: u64::MAX,
        spilled_bytes: Bytes(u64::MAX),
        read_bytes: Bytes(u64::MAX),
        shuffle_read_bytes: Bytes(u64::MAX),
        median_partition_bytes: Bytes(u64::MAX),
        largest_partition_bytes: Bytes(u64::MAX),
    };
    for wall_ms in [0, 1, u64::MAX] {
        let run = ReviewInput {
            wall_ms,
            driver_ms: u64::MAX,
            slots: Some(0),
            stages: vec![most.clone(), most.clone()],
            history_ms: vec![u64::MAX, 0, u64::MAX, 0, 7],
            ..ReviewInput::default()
        };
        let answer = review(&ResolvedPolicy::default(), &run);
        assert!(answer.bottlenecks.iter().all(|bottleneck| (0.0..=1.0).contains(&bottleneck.share)));
        serde_json::to_string(&answer).unwrap();
    }
}
