//! What holds for every launch plan, stage plan and review, whatever the facts are: bounds, budgets, complete accounts, equal bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::by_name::ByName;
use sparkwright_core::confs::ConfSetting;
use sparkwright_core::decision::Answer;
use sparkwright_core::evaluate::{Prepared, evaluate};
use sparkwright_core::facts::{
    ClusterFacts, History, JobFacts, Manager, NodeFacts, PastRun, ProcessingType, StageType, StartTried,
};
use sparkwright_core::launch::{ClusterCandidate, PlanLaunchInput, plan_launch};
use sparkwright_core::out_of_memory::{Lacked, Memory};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_core::review::{ReviewInput, StageFacts, review};
use sparkwright_core::stage::{ColumnsFacts, PlanStageInput, RunningExecutors, plan_stage};
use sparkwright_core::trace::Grade;
use sparkwright_core::units::{Bytes, MIB};

/// Numbers of every size, the ends among them.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0_u64),
        1 => Just(1),
        1 => Just(u64::MAX),
        8 => (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift),
    ]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    number().prop_map(Bytes)
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0_u32), 1 => Just(u32::MAX), 8 => (0..32_u32, any::<u32>()).prop_map(|(shift, bits)| bits >> shift)]
}

fn target() -> impl Strategy<Value = OptimizationTarget> {
    prop::sample::select(vec![
        OptimizationTarget::Speed,
        OptimizationTarget::Memory,
        OptimizationTarget::Balanced,
        OptimizationTarget::Quality,
    ])
}

prop_compose! {
    fn policy()(
        (min, more) in (1..30_u32, 0..200_u32),
        minutes in 0.01..10_000.0_f64,
        factor in prop_oneof![Just(0.1), 0.001..100.0_f64],
        caching in any::<bool>(),
        target in target(),
        price in prop::option::of(0.000_001..1_000.0_f64),
        budget in prop::option::of(0.000_001..10_000.0_f64),
    ) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = min;
        policy.autoscaling.max_executors = min + more;
        policy.autoscaling.target_processing_time_minutes = minutes;
        policy.autoscaling.executor_scaling_factor = factor;
        policy.temp_tables.enable_caching = caching;
        policy.pipeline.optimization_target = target;
        policy.cost.executor_hour_price = price;
        policy.cost.budget_per_run = budget;
        policy
    }
}

prop_compose! {
    fn job()(
        input_bytes in prop::option::of(bytes()),
        processing in prop::sample::select(vec![ProcessingType::Ml, ProcessingType::Etl, ProcessingType::Query, ProcessingType::General]),
        stage in prop::option::of(prop::sample::select(vec![StageType::DataLoading, StageType::Preprocessing,
            StageType::FeatureSelection, StageType::ModelTraining, StageType::Prediction, StageType::Evaluation])),
        target in prop::option::of(target()),
        uses in prop::option::of(small()),
        working_set_bytes in prop::option::of(bytes()),
        parallel_tasks in prop::option::of(small()),
        result_bytes in prop::option::of(bytes()),
        file_bytes in prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(bytes(), 0..9)],
        files_splittable in prop::option::of(any::<bool>()),
    ) -> JobFacts {
        JobFacts { input_bytes, processing, stage, target, uses, working_set_bytes, parallel_tasks, result_bytes, file_bytes, files_splittable }
    }
}

prop_compose! {
    fn cluster()(
        manager in prop::sample::select(vec![Manager::Unstated, Manager::Local, Manager::LocalCluster, Manager::Standalone,
            Manager::Yarn, Manager::Kubernetes]),
        nodes in prop::collection::vec((small(), small(), bytes()), 0..3),
        quota_cores in prop::option::of(small()),
        local_threads in prop::option::of(small()),
        driver_machine_bytes in prop::option::of(bytes()),
        task_cpus in prop::option::of(small()),
        python in any::<bool>(),
        user in prop::collection::btree_map(
            prop::sample::select(vec!["spark.executor.cores", "spark.executor.memory", "spark.executor.instances",
                "spark.sql.adaptive.enabled", "spark.memory.fraction", "spark.dynamicAllocation.enabled"]),
            prop::sample::select(vec!["1", "4", "true", "false", "8g", "0.9", "", "-3", "99999999999g"]), 0..3),
    ) -> ClusterFacts {
        ClusterFacts {
            manager,
            spark_version: "4.3.0".into(),
            nodes: nodes.into_iter().map(|(count, cores, memory_bytes)| NodeFacts { count, cores, memory_bytes }).collect(),
            quota_cores, local_threads, driver_machine_bytes, task_cpus, python,
            block_migration: python,
            user_confs: user.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        }
    }
}

prop_compose! {
    fn lacked()(
        memory in prop::sample::select(vec![Memory::ExecutorHeap, Memory::ExecutorOverhead, Memory::PythonWorker, Memory::OffHeap,
            Memory::DriverHeap, Memory::Results, Memory::OverALimit, Memory::Other]),
        had_bytes in prop::option::of(bytes()), wanted_bytes in prop::option::of(bytes()),
    ) -> Lacked {
        Lacked { memory, had_bytes, wanted_bytes }
    }
}

prop_compose! {
    fn past_run()(
        executors in 1..40_u32, run_ms in number(), [input_bytes, scanned_bytes] in prop::array::uniform2(prop::option::of(bytes())), tells in any::<bool>(),
        executors_at_start in prop::option::of(small()), promised_ms in prop::option::of(number()), steered in any::<bool>(),
        failed in any::<bool>(), ms in number(), share in prop::num::f64::ANY, more in bytes(), lacked in prop::option::of(lacked()),
    ) -> PastRun {
        let known = PastRun {
            failed, steered, executors, executors_at_start, promised_ms, run_ms, input_bytes, scanned_bytes, work_task_ms: Some(ms), critical_path_ms: Some(ms), driver_ms: Some(ms),
            task_peak_bytes: Some(more), gc_share: Some(share), spilled_bytes: Some(more), shuffle_skew: Some(share),
            largest_shuffle_bytes: Some(more), executor_heap_bytes: Some(more), executor_cores: Some(executors),
            heap_peak_bytes: Some(more), memory_failures: Some(ms), lacked: None, lacked_bytes: None,
        }
        .with_lacked(lacked);
        if tells { known } else { PastRun { executors, run_ms, input_bytes, scanned_bytes, ..PastRun::default() } }
    }
}

prop_compose! {
    fn history()(
        work_task_ms in prop::option::of(number()),
        critical_path_ms in prop::option::of(number()),
        driver_ms in prop::option::of(number()),
        task_peak_bytes in prop::option::of(bytes()),
        gc_share in prop::option::of(prop_oneof![0.0..1.0_f64, prop::num::f64::ANY]),
        spilled_bytes in prop::option::of(bytes()),
        shuffle_skew in prop::option::of(prop::num::f64::ANY),
        largest_shuffle_bytes in prop::option::of(bytes()),
        next_scanned_bytes in prop::option::of(bytes()),
        runs in prop::collection::vec(past_run(), 0..6),
        starts in prop::collection::vec((small(), number(), number()), 0..4),
    ) -> History {
        let start = |(executors, run_ms, executor_ms)| StartTried { executors, run_ms, executor_ms };
        let starts = starts.into_iter().map(start).collect();
        History {
            work_task_ms, critical_path_ms, driver_ms, task_peak_bytes, gc_share, spilled_bytes, shuffle_skew, largest_shuffle_bytes,
            next_scanned_bytes, runs, starts,
        }
    }
}

prop_compose! {
    fn launch()(
        job in job(), cluster in cluster(), history in history(),
        candidates in prop_oneof![
            3 => Just(Vec::new()), 1 => prop::collection::vec((small(), small(), bytes(), prop::option::of(number())), 1..4)
        ],
    ) -> PlanLaunchInput {
        let candidates = candidates.into_iter().map(|(count, cores, memory_bytes, executor_hour_micros)| ClusterCandidate {
            name: count.to_string(),
            nodes: vec![NodeFacts { count, cores, memory_bytes }],
            quota_cores: None,
            executor_hour_micros,
        }).collect();
        PlanLaunchInput { job, cluster, history, candidates, ..PlanLaunchInput::default() }
    }
}

prop_compose! {
    fn stage()(
        (job, cluster, history) in (job(), cluster(), history()),
        rows in prop::option::of(number()),
        key_skew in prop::option::of(prop::num::f64::ANY),
        executors in prop::option::of((small(), prop::option::of(small()), prop::option::of(bytes()))),
        driver_heap_bytes in prop::option::of(bytes()),
        partition_bytes in prop::collection::vec(bytes(), 0..9),
        (all, text, nested, data_grade) in (small(), small(), small(), prop_oneof![Just(Grade::A), Just(Grade::B), Just(Grade::C)]),
    ) -> PlanStageInput {
        let columns = ColumnsFacts { all, text, nested };
        let executors = executors.map(|(count, cores, heap_bytes)| RunningExecutors { count, cores, heap_bytes });
        PlanStageInput {
            job, cluster, history, rows, columns, data_grade, key_skew, executors, driver_heap_bytes, partition_bytes,
            ..PlanStageInput::default()
        }
    }
}

prop_compose! {
    fn stage_facts()(
        name in "[a-c]",
        times in prop::array::uniform6(number()),
        expected_ms in prop::option::of(number()),
        counts in prop::array::uniform2(number()),
        sizes in prop::array::uniform5(bytes()),
    ) -> StageFacts {
        let [wall_ms, task_ms, median_task_ms, longest_task_ms, gc_ms, wait_ms] = times;
        let [spilled_bytes, read_bytes, shuffle_read_bytes, median_partition_bytes, largest_partition_bytes] = sizes;
        StageFacts {
            name, wall_ms, expected_ms, tasks: counts[0], failed_tasks: counts[1], task_ms, median_task_ms, longest_task_ms, gc_ms,
            wait_ms, spilled_bytes, read_bytes, shuffle_read_bytes, median_partition_bytes, largest_partition_bytes,
        }
    }
}

prop_compose! {
    fn run()(
        times in prop::array::uniform3(number()),
        executors in small(),
        (executor_cores, task_cpus, slots) in (prop::option::of(small()), prop::option::of(small()), prop::option::of(small())),
        executor_heap_bytes in prop::option::of(bytes()),
        (shuffle_partitions, local) in (prop::option::of(small()), any::<bool>()),
        stages in prop::collection::vec(stage_facts(), 0..5),
        history_ms in prop::collection::vec(number(), 0..12),
        (critical_path_ms, input_bytes, task_peak_bytes) in (prop::option::of(number()), prop::option::of(bytes()), prop::option::of(bytes())),
        (scanned_bytes, executors_at_start) in (prop::option::of(bytes()), prop::option::of(small())),
        (heap_peak_bytes, memory_failures) in (prop::option::of(bytes()), prop::option::of(number())),
    ) -> ReviewInput {
        let [wall_ms, driver_ms, executor_ms] = times;
        ReviewInput {
            wall_ms, driver_ms, executor_ms, executors, executor_cores, task_cpus, executor_heap_bytes, slots, shuffle_partitions, local, stages, history_ms,
            critical_path_ms, input_bytes, scanned_bytes, executors_at_start, task_peak_bytes, heap_peak_bytes, memory_failures,
        }
    }
}

/// Every decision in an answer has its account: a rule, a formula, inputs or a reason, and finite numbers only.
fn accounted(answer: &impl Serialize) -> usize {
    fn walk(value: &Value, found: &mut usize) {
        match value {
            Value::Object(members) => {
                if let Some(trace) = members.get("trace") {
                    *found += 1;
                    assert!(!trace["rule"].as_str().unwrap().is_empty(), "{value}");
                    assert!(!trace["formula"].as_str().unwrap().is_empty(), "{value}");
                    let told =
                        |list: &str| trace.get(list).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
                    assert!(told("inputs") || told("notes"), "{value}");
                }
                members.values().for_each(|value| walk(value, found));
            }
            Value::Array(elements) => elements.iter().for_each(|value| walk(value, found)),
            Value::Number(number) => assert!(number.as_f64().is_some_and(f64::is_finite), "{value}"),
            _ => {}
        }
    }
    let mut found = 0;
    walk(&serde_json::to_value(answer).unwrap(), &mut found);
    found
}

/// The same question has the same bytes for an answer, asked as bytes.
fn same_bytes(policy: &ResolvedPolicy, point: DecisionPoint, input: &impl Serialize) {
    let prepared = Prepared::new(policy.clone()).unwrap();
    let question = serde_json::to_vec(input).unwrap();
    assert_eq!(evaluate(&prepared, point, &question), evaluate(&prepared, point, &question));
}

/// Every decision of an answer is declared and listed, and so is each configuration that it sets, with the moment when it counts.
fn all_declared<A: Answer + Serialize>(answer: &A, confs: &ByName<ConfSetting>) -> Result<(), TestCaseError> {
    let json = serde_json::to_value(answer).unwrap();
    let decided = |value: &Value| ["value", "grade", "trace"].iter().all(|member| value.get(member).is_some());
    // The choice among clusters has its decision one level deeper.
    let member = |value: &Value| decided(value) || value.get("cluster").is_some_and(decided);
    let members = json.as_object().unwrap().iter().filter(|(_, value)| member(value)).count();
    let listed = answer.decisions();
    prop_assert_eq!(listed.len(), members, "a decision of {:?} is not declared", json.as_object().unwrap().keys());
    for (key, setting) in confs.iter() {
        let set = listed.iter().flat_map(|made| &made.sets).filter(|set| set.key == *key);
        let set: Vec<_> = set.map(|set| (set.value.as_str(), set.when)).collect();
        prop_assert_eq!(set, [(setting.value.as_str(), setting.when)], "{} is set by one decision", key);
    }
    for made in &listed {
        prop_assert!(!made.title.is_empty() && !made.text("USD").is_empty() && !made.trace.why().is_empty());
        prop_assert_eq!(made.in_force, !made.sets.is_empty());
        prop_assert!(A::DECISIONS.iter().any(|declared| declared.name == made.name && declared.unit == made.unit));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_learned_heap_is_under_a_peak_that_was_seen(policy in policy(), input in launch()) {
        let mut input = PlanLaunchInput { candidates: Vec::new(), ..input };
        // A machine that holds no more has the last word.
        input.cluster.nodes.clear();
        let given = input.cluster.user("spark.executor.memory").is_some() || policy.autoscaling.target_executor_memory.is_some();
        let Ok(plan) = plan_launch(&policy, &input) else { return Ok(()) };
        if given || !policy.pipeline.memory_management {
            return Ok(());
        }
        let looked_at = if policy.monitoring.track_performance { policy.monitoring.performance_history_size } else { 0 };
        let seen = input.history.runs.iter().rev().take(looked_at as usize).filter_map(|run| run.heap_peak_bytes).max();
        let largest = Bytes(u64::MAX / MIB * MIB);
        prop_assert!(seen.is_none_or(|seen| plan.executor_memory_bytes.value >= seen.min(largest)), "{seen:?}");
    }

    #[test]
    fn a_launch_plan_keeps_to_its_bounds(policy in policy(), input in launch()) {
        same_bytes(&policy, DecisionPoint::PlanLaunch, &input);
        let Ok(plan) = plan_launch(&policy, &input) else { return Ok(()) };
        prop_assert!(accounted(&plan) >= 9);
        let scaling = &policy.autoscaling;
        let wanted = plan.executors.value;
        prop_assert!(1 <= plan.min_executors && plan.min_executors <= plan.max_executors);
        prop_assert!((plan.min_executors..=plan.max_executors).contains(&wanted), "{wanted}");
        let initial = plan.initial_executors.value;
        if input.cluster.manager == Manager::Local {
            prop_assert_eq!(initial, 1);
        } else {
            prop_assert!((plan.min_executors..=plan.max_executors).contains(&initial));
        }
        all_declared(&plan, &plan.confs)?;
        prop_assert!(wanted <= scaling.max_executors);
        let quota = if input.candidates.is_empty() { input.cluster.quota_cores } else { None };
        if let Some(quota) = quota {
            let one = plan.executor_cores.value;
            prop_assert!(u64::from(wanted) * u64::from(one) <= u64::from(quota) || wanted == 1, "{wanted} of {one} cores, {quota} in all");
        }
        if let Some(choice) = &plan.clusters {
            prop_assert_eq!(choice.candidates.len(), input.candidates.len());
            let chosen = choice.candidates.iter().find(|it| it.name == choice.cluster.value && it.executors == wanted);
            prop_assert!(chosen.is_some_and(|it| it.refused.is_none()));
        }
        if let (Some(cost), Some(budget)) = (&plan.cost, policy.cost.budget_per_run) {
            let over = cost.value.micros as f64 > budget * 1e6 + 1.0;
            let told = cost.trace.notes.iter().any(|note| note.contains("over the budget"));
            prop_assert_eq!(over, told);
            let local = input.cluster.manager == Manager::Local;
            let excused = wanted == plan.min_executors || local
                || plan.executors.trace.notes.iter().any(|note| note.contains("no number of executors stays within the budget: the cheapest"));
            prop_assert!(!over || excused, "{}", plan.executors.trace.render(""));
        }
        for flip in &plan.executors.trace.flips {
            prop_assert!(flip.becomes != u64::from(wanted).into());
        }
    }

    #[test]
    fn more_budget_never_makes_a_slower_plan(policy in policy(), input in launch(), budget in 0.000_001..10_000.0_f64, more in 1.0..100.0_f64) {
        let time = |budget: f64| {
            let mut policy = policy.clone();
            policy.cost.executor_hour_price = policy.cost.executor_hour_price.or(Some(0.5));
            policy.cost.budget_per_run = Some(budget);
            Some(plan_launch(&policy, &input).ok()?.run_time?.value.run_ms)
        };
        if let (Some(poor), Some(rich)) = (time(budget), time(budget * more)) {
            prop_assert!(rich <= poor, "{rich} ms with {} is slower than {poor} ms with {budget}", budget * more);
        }
    }

    #[test]
    fn a_stage_plan_keeps_to_its_bounds(policy in policy(), input in stage()) {
        same_bytes(&policy, DecisionPoint::PlanStage, &input);
        let Ok(plan) = plan_stage(&policy, &input) else { return Ok(()) };
        prop_assert!(accounted(&plan) >= 7);
        let data = &plan.data.value;
        prop_assert!((0.0..=1.0).contains(&data.complexity_score), "{}", data.complexity_score);
        prop_assert!(data.estimated_memory_bytes >= input.job.working_set_bytes.or(input.job.input_bytes));
        for flip in &plan.data.trace.flips {
            prop_assert!(flip.becomes != data.category.word().into());
        }
        prop_assert!((1..=policy.autoscaling.max_executors).contains(&plan.executors.value));
        prop_assert!(plan.shuffle_partitions.value > 0 && plan.advisory_partition_bytes.value.get() > 0);
        all_declared(&plan, &plan.confs)?;
        prop_assert!(plan.confs.keys().all(|key| !input.cluster.user_confs.contains_key(key)));
        prop_assert!(policy.temp_tables.enable_caching || !plan.cache.value.keep);
    }

    #[test]
    fn a_review_tells_what_was_lost_and_no_more(policy in policy(), run in run()) {
        same_bytes(&policy, DecisionPoint::Review, &run);
        let answer = review(&policy, &run);
        accounted(&answer);
        all_declared(&answer, &ByName::new())?;
        prop_assert!(answer.bottlenecks.is_sorted_by(|a, b| a.lost_ms >= b.lost_ms));
        for bottleneck in &answer.bottlenecks {
            prop_assert!((0.0..=1.0).contains(&bottleneck.share));
            prop_assert!(run.wall_ms == 0 || bottleneck.lost_ms <= run.wall_ms);
        }
        for advice in &answer.recommendations {
            prop_assert!(!advice.key.is_empty() && !advice.because.is_empty());
        }
    }
}
