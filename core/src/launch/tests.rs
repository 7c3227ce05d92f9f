#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::facts::{ClusterFacts, JobFacts, NodeFacts, PastRun, ProcessingType};
use crate::policy::OptimizationTarget;
use alloc::vec;
use alloc::vec::Vec;

fn input(manager: Manager) -> PlanLaunchInput {
    PlanLaunchInput {
        cluster: ClusterFacts { manager, spark_version: "4.3.0".into(), ..ClusterFacts::default() },
        ..PlanLaunchInput::default()
    }
}

fn plan(input: &PlanLaunchInput) -> PlanLaunchAnswer {
    plan_launch(&ResolvedPolicy::default(), input).unwrap()
}

#[test]
fn an_unknown_cluster_is_never_asked_for_a_size_it_may_not_have() {
    let plan = plan(&input(Manager::Yarn));
    assert!(!plan.confs.contains_key("spark.executor.memory"));
    assert!(!plan.confs.contains_key("spark.executor.cores"));
    assert_eq!(plan.confs["spark.dynamicAllocation.enabled"].value, "true");
    assert_eq!(plan.executors_if_lost, Some(20));
}

#[test]
fn a_known_cluster_gets_a_size_that_fits_it() {
    let mut input = input(Manager::Standalone);
    input.cluster.nodes = vec![NodeFacts { count: 4, cores: 2, memory_bytes: Bytes::mib(2560) }];
    let plan = plan(&input);
    assert_eq!(plan.confs["spark.executor.cores"].value, "2");
    assert_eq!(plan.confs["spark.executor.memory"].value, "2560m");
    assert_eq!(plan.max_executors, 4);
}

#[test]
fn what_the_user_set_is_never_overwritten() {
    let mut input = input(Manager::Standalone);
    for (key, value) in [
        ("spark.dynamicAllocation.enabled", "true"),
        ("spark.driver.memory", "3g"),
        ("spark.sql.shuffle.partitions", "7"),
    ] {
        input.cluster.user_confs.insert(key.into(), value.into());
    }
    input.job.input_bytes = Some(Bytes::gib(100));
    let answer = plan(&input);
    for key in input.cluster.user_confs.keys() {
        assert!(!answer.confs.contains_key(key), "{key}");
    }
    assert_eq!(answer.executors_if_lost, None);
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.existing_dynamic_allocation = crate::policy::ExistingDynamicAllocation::TakeOver;
    policy.autoscaling.overwrite_user_confs = vec!["spark.sql.shuffle.partitions".into()];
    let answer = plan_launch(&policy, &input).unwrap();
    assert!(answer.confs.contains_key("spark.dynamicAllocation.executorIdleTimeout"));
    assert!(answer.confs.contains_key("spark.sql.shuffle.partitions"));
    assert!(!answer.confs.contains_key("spark.driver.memory"));
}

#[test]
fn a_local_master_gets_no_executors() {
    let mut input = input(Manager::Local);
    input.cluster.local_threads = Some(2);
    input.cluster.python = true;
    let plan = plan(&input);
    assert!(!plan.confs.keys().any(|key| key.starts_with("spark.dynamicAllocation")));
    assert_eq!(plan.confs["spark.driver.memory"].value, "4136m");
    assert_eq!(plan.confs["spark.python.unix.domain.socket.enabled"].value, "true");
}

#[test]
fn an_older_python_spark_is_not_given_a_key_it_does_not_know() {
    let mut input = input(Manager::Local);
    input.cluster.python = true;
    input.cluster.spark_version = "3.5.9".into();
    assert!(!plan(&input).confs.contains_key("spark.python.unix.domain.socket.enabled"));
}

#[test]
fn iterating_jobs_keep_their_data_and_it_counts_as_a_floor() {
    let mut input = input(Manager::Unstated);
    input.job = JobFacts { input_bytes: Some(Bytes::gib(20)), processing: ProcessingType::Ml, ..JobFacts::default() };
    let cached = plan(&input);
    assert!(cached.cache.value.keep);
    // 20 GiB / (0.9 * (8192 - 300) MiB * 0.6) = 4.8
    assert!(cached.executors.value >= 5);
    input.job.processing = ProcessingType::Query;
    assert!(!plan(&input).cache.value.keep);
}

#[test]
fn a_change_that_made_a_run_slower_is_taken_back_and_told() {
    let run = |executors_at_start, run_ms| PastRun {
        executors: executors_at_start,
        executors_at_start: Some(executors_at_start),
        executor_cores: Some(4),
        steered: true,
        run_ms,
        work_task_ms: Some(4_000_000),
        ..PastRun::default()
    };
    let mut input = input(Manager::Standalone);
    input.history.runs = vec![run(12, 400_000), run(12, 420_000)];
    let learned = plan(&input).initial_executors.value;
    assert_ne!(learned, 12, "what the work says");
    input.history.runs.push(run(learned, 800_000));
    let start = plan(&input).initial_executors;
    assert_eq!((start.value, start.trace.rule.as_ref()), (12, "executors.initial_taken_back"));
    let why = "taken back for this run and 9 more: the first run after it took 13 min 20 s; on as much input the 2 runs before it would have taken 7 min 0 s at most";
    assert!(start.trace.notes.iter().any(|note| note.contains(why)), "{:?}", start.trace.notes);
    // Where nobody sets its cores, an executor has what it had.
    let mut unset = input.clone();
    (unset.cluster.manager, unset.cluster.nodes) = (Manager::Yarn, Vec::new());
    for run in &mut unset.history.runs {
        run.executor_cores = Some(1);
    }
    assert_eq!(plan(&unset).initial_executors.value, 12);
    let mut theirs = input.clone();
    theirs.cluster.user_confs.insert("spark.executor.instances".into(), "5".into());
    assert_ne!(plan(&theirs).initial_executors.trace.rule, "executors.initial_taken_back");
    // As many cores, whatever the size of an executor.
    let mut small = input.clone();
    small.cluster.user_confs.insert("spark.executor.cores".into(), "3".into());
    assert_eq!(plan(&small).initial_executors.value, 16);
    assert_eq!(plan(&small).promised_ms(), None, "it is the run time of another start");
    // Where the plan had promised as much, the policy wants it so.
    input.history.runs[2].promised_ms = Some(900_000);
    assert_ne!(plan(&input).initial_executors.value, 12);
}

#[test]
fn what_a_job_scans_scales_its_work() {
    let run = |scanned_gib, work_task_ms| PastRun {
        scanned_bytes: Some(Bytes::gib(scanned_gib)),
        work_task_ms: Some(work_task_ms),
        run_ms: 100_000,
        executors: 4,
        ..PastRun::default()
    };
    let mut input = input(Manager::Standalone);
    input.history.runs = vec![run(10, 1_000_000), run(10, 1_000_000), run(20, 2_000_000)];
    let work = |input: &PlanLaunchInput| {
        let inputs = plan(input).executors.trace.inputs;
        inputs.iter().find(|fact| fact.name == "sum of task time").map(|fact| fact.value.clone())
    };
    assert_eq!(work(&input), Some(2_000_000_u64.into()), "as much as the newest is expected");
    input.history.next_scanned_bytes = Some(Bytes::gib(40));
    assert_eq!(work(&input), Some(2_000_000_u64.into()), "of each run twice as much at most");
    input.history.next_scanned_bytes = Some(Bytes::gib(15));
    assert_eq!(work(&input), Some(1_500_000_u64.into()));
}

#[test]
fn extreme_facts_give_a_plan_or_a_refusal_and_never_a_panic() {
    for bytes in [0, 1, u64::MAX] {
        for target in [OptimizationTarget::Speed, OptimizationTarget::Memory] {
            let mut input = input(Manager::Standalone);
            input.cluster.task_cpus = Some(0);
            input.cluster.nodes = vec![NodeFacts { count: u32::MAX, cores: u32::MAX, memory_bytes: Bytes(u64::MAX) }];
            input.job = JobFacts {
                input_bytes: Some(Bytes(bytes)),
                working_set_bytes: Some(Bytes(bytes)),
                result_bytes: Some(Bytes(bytes)),
                parallel_tasks: Some(u32::MAX),
                uses: Some(u32::MAX),
                target: Some(target),
                ..JobFacts::default()
            };
            input.history.work_task_ms = Some(u64::MAX);
            input.history.driver_ms = Some(u64::MAX);
            input.history.critical_path_ms = Some(u64::MAX);
            let plan = plan(&input);
            assert!((2..=20).contains(&plan.executors.value));
        }
    }
}
