//! Every key of a policy has an effect: with another value of it alone, a decision is another.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sparkwright_core::abi::DecisionPoint::{self, Control, PlanCleanup, PlanLaunch, PlanQuery, PlanStage, Review};
use sparkwright_core::evaluate::{Prepared, evaluate};
use sparkwright_core::policy::keys;

/// Keys that say how the host or the package do what was decided, and decide nothing.
const APPLIED_BY_HOST_OR_PACKAGE: [&str; 7] = [
    "autoscaling.retries_after_out_of_memory",
    "temp_tables.table_prefix",
    "temp_tables.use_session_id",
    "temp_tables.cleanup_interval_minutes",
    "monitoring.enable_metrics_collection",
    "monitoring.store",
    "monitoring.report_interval_minutes",
];

/// One key, and the place of an answer that it changes.
struct Effect {
    key: &'static str,
    /// Its other value.
    value: Value,
    /// What else the policy has, by path.
    beside: Value,
    point: DecisionPoint,
    question: Value,
    /// The place in the answer, as a JSON pointer.
    place: &'static str,
    /// What is there with the built-in value, and with the other.
    becomes: [Value; 2],
}

/// A resolved policy with these values, by path.
fn policy(values: &[(&str, &Value)]) -> Value {
    let mut policy = json!({});
    for (path, value) in values {
        let (section, name) = path.rsplit_once('.').unwrap();
        policy[section.rsplit('.').next().unwrap()][name] = (*value).clone();
    }
    policy
}

fn answer(effect: &Effect, own: Option<&Value>) -> Value {
    let beside = effect.beside.as_object().unwrap().iter().map(|(path, value)| (path.as_str(), value));
    let values: Vec<_> = beside.chain(own.map(|value| (effect.key, value))).collect();
    let prepared = Prepared::from_json(policy(&values).to_string().as_bytes()).unwrap();
    let answer = evaluate(&prepared, effect.point, effect.question.to_string().as_bytes());
    serde_json::from_slice::<Value>(&answer).unwrap()["ok"].take()
}

const NOW: u64 = 100_000_000;
const GIB: u64 = 1 << 30;

fn launch(key: &'static str, value: Value, question: Value, place: &'static str, becomes: [Value; 2]) -> Effect {
    Effect { key, value, beside: json!({}), point: PlanLaunch, question, place, becomes }
}

fn stage(key: &'static str, value: Value, question: Value, place: &'static str, becomes: [Value; 2]) -> Effect {
    Effect { point: PlanStage, ..launch(key, value, question, place, becomes) }
}

fn cleanup(key: &'static str, value: Value, question: Value, becomes: [Value; 2]) -> Effect {
    Effect { point: PlanCleanup, ..launch(key, value, question, "/drop", becomes) }
}

/// A running application whose last target was `target`, with `busy` executors that run a task and `idle` ones; `change` is put over it.
fn running(target: u32, (busy, idle): (u32, u32), change: Value) -> Value {
    let executor = |id: u32| {
        let works = id <= busy;
        json!({"id": id.to_string(), "state": "active", "running_tasks": u32::from(works), "idle_ms": if works { 0 } else { 60_000 }})
    };
    let mut question = json!({
        "now_ms": NOW, "facts_at_ms": NOW, "controller": "policy", "running_tasks": busy,
        "executors": (1..=busy + idle).map(executor).collect::<Vec<_>>(),
        "state": {"target": target, "ramp_step": 1, "acting": true, "worked": true},
    });
    for (name, value) in change.as_object().unwrap() {
        match value.as_object() {
            Some(members) => members.iter().for_each(|(inner, value)| question[name][inner] = value.clone()),
            None => question[name] = value.clone(),
        }
    }
    question
}

fn control(key: &'static str, value: Value, question: Value, becomes: [Value; 2]) -> Effect {
    Effect { point: Control, ..launch(key, value, question, "/target/value", becomes) }
}

/// A query that comes again and again and takes a minute of task time each.
fn repeated() -> Value {
    json!({
        "slots": 8, "executor_cores": 4, "executor_heap_bytes": 8 * GIB,
        "executors": [{"id": "1", "max_storage_bytes": 4 * GIB, "free_storage_bytes": 4 * GIB}],
        "nodes": [
            {"operator": "Aggregate", "hash": "a", "row_bytes": 16, "rows": 1000, "seen": 5, "mean_gap_ms": 1000,
             "measured_task_ms": 60_000, "measured_share": 0.9},
            {"parent": 0, "operator": "LogicalRelation", "hash": "b", "bytes": GIB, "rows": 10_000_000, "row_bytes": 100,
             "format": "parquet", "path": "file:/data/flights"},
        ],
    })
}

fn query(key: &'static str, value: Value, question: Value, place: &'static str, becomes: [Value; 2]) -> Effect {
    Effect { point: PlanQuery, ..launch(key, value, question, place, becomes) }
}

fn autoscaling() -> Vec<Effect> {
    let terabyte = || json!({"job": {"input_bytes": 1_000_000_000_000_u64}});
    let users =
        |key: &str, value: &str| json!({"job": {"input_bytes": 10 * GIB}, "cluster": {"user_confs": {key: value}}});
    vec![
        launch(
            "autoscaling.enable_autoscaling",
            json!(false),
            json!({}),
            "/confs/spark.dynamicAllocation.enabled/value",
            [json!("true"), json!(null)],
        ),
        launch("autoscaling.min_executors", json!(5), json!({}), "/executors/value", [json!(2), json!(5)]),
        launch("autoscaling.max_executors", json!(7), terabyte(), "/executors/value", [json!(9), json!(7)]),
        launch(
            "autoscaling.target_processing_time_minutes",
            json!(60.0),
            terabyte(),
            "/executors/value",
            [json!(9), json!(5)],
        ),
        launch(
            "autoscaling.executor_scaling_factor",
            json!(0.2),
            terabyte(),
            "/executors/value",
            [json!(9), json!(17)],
        ),
        launch(
            "autoscaling.memory_scaling_factor",
            json!(4.0),
            json!({}),
            "/executor_memory_bytes/value",
            [json!(8 * GIB), json!(16 * GIB)],
        ),
        launch(
            "autoscaling.partition_scaling_factor",
            json!(1.0),
            terabyte(),
            "/shuffle_partitions/value",
            [json!(7451), json!(14902)],
        ),
        query(
            "autoscaling.enable_auto_adjustment",
            json!(false),
            repeated(),
            "/confs/spark.sql.shuffle.partitions",
            [json!("16"), json!(null)],
        ),
        launch(
            "autoscaling.target_executor_memory",
            json!(3 * GIB),
            json!({}),
            "/confs/spark.executor.memory/value",
            [json!("8192m"), json!("3072m")],
        ),
        launch(
            "autoscaling.target_driver_memory",
            json!(3 * GIB),
            json!({}),
            "/confs/spark.driver.memory/value",
            [json!("2048m"), json!("3072m")],
        ),
        launch(
            "autoscaling.existing_dynamic_allocation",
            json!("take_over"),
            users("spark.dynamicAllocation.enabled", "true"),
            "/executors_if_lost",
            [json!(null), json!(20)],
        ),
        launch(
            "autoscaling.overwrite_user_confs",
            json!(["spark.sql.shuffle.partitions"]),
            users("spark.sql.shuffle.partitions", "7"),
            "/confs/spark.sql.shuffle.partitions/value",
            [json!(null), json!("80")],
        ),
    ]
}

fn guards() -> Vec<Effect> {
    let waiting = |change: Value| {
        let mut question = running(4, (4, 0), change);
        question["pending_tasks"] = json!(100);
        question
    };
    let after_a_step_down = json!({"state": {"last_direction": "down", "last_move_ms": NOW - 100_000}});
    let reversals: Vec<u64> = (0..4).map(|n| NOW - 3_000_000 + n).collect();
    let turned_often = json!({"state": {"last_direction": "up", "last_move_ms": 0, "reversals_ms": reversals}});
    let needed = json!({"state": {"needs": [{"at_ms": NOW - 200_000, "executors": 10}]}});
    let stale = json!({"facts_at_ms": 7, "state": {"facts_at_ms": 7, "stale_ticks": 2}});
    vec![
        Effect {
            beside: json!({"autoscaling.max_executors": 50}),
            ..control(
                "autoscaling.guards.dead_band_up",
                json!(0.05),
                running(25, (25, 0), json!({"pending_tasks": 1})),
                [json!(27), json!(25)],
            )
        },
        control(
            "autoscaling.guards.dead_band_down",
            json!(0.1),
            running(20, (19, 1), json!({})),
            [json!(19), json!(20)],
        ),
        control(
            "autoscaling.guards.down_window_seconds",
            json!(300),
            running(10, (0, 10), needed),
            [json!(2), json!(10)],
        ),
        control("autoscaling.guards.cooldown_seconds", json!(120), waiting(after_a_step_down), [json!(20), json!(4)]),
        control("autoscaling.guards.max_growth_a_minute", json!(3.0), waiting(json!({})), [json!(20), json!(12)]),
        control(
            "autoscaling.guards.max_shrink_a_window",
            json!(0.4),
            running(10, (0, 10), json!({})),
            [json!(2), json!(6)],
        ),
        control(
            "autoscaling.guards.pause_above_gc",
            json!(0.3),
            waiting(json!({"gc_share": 0.25})),
            [json!(4), json!(20)],
        ),
        control(
            "autoscaling.guards.pause_above_failures",
            json!(0.4),
            waiting(json!({"failure_share": 0.35})),
            [json!(4), json!(20)],
        ),
        control("autoscaling.guards.stale_ticks", json!(9), waiting(stale), [json!(4), json!(20)]),
        control(
            "autoscaling.guards.direction_changes_an_hour",
            json!(4),
            running(10, (0, 10), turned_often),
            [json!(2), json!(10)],
        ),
        Effect {
            place: "/next_tick_ms",
            ..control(
                "autoscaling.guards.tick_seconds",
                json!(5.0),
                running(4, (4, 0), json!({})),
                [json!(NOW + 1_000), json!(NOW + 5_000)],
            )
        },
    ]
}

fn temp_tables() -> Vec<Effect> {
    let training = || json!({"job": {"input_bytes": 10 * GIB, "stage": "model_training"}});
    let joined =
        || json!({"job": {"input_bytes": 10 * GIB, "uses": 3}, "next": [{"kind": "equi_join", "columns": ["id"]}]});
    let table = |key, value, place, becomes| Effect {
        beside: json!({"temp_tables.enable_caching": false}),
        ..stage(key, value, joined(), place, becomes)
    };
    let tables = |hours: &[u64]| {
        let tables: Vec<_> = hours
            .iter()
            .enumerate()
            .map(|(n, hours)| json!({"name": format!("t{n}"), "bytes": GIB, "last_access_ms": (1_000 - hours) * 3_600_000}))
            .collect();
        json!({"now_ms": 1_000 * 3_600_000_u64, "tables": tables})
    };
    vec![
        table(
            "temp_tables.enable_temp_tables",
            json!(false),
            "/temp_table/value/kind",
            [json!("table"), json!("view")],
        ),
        stage("temp_tables.enable_caching", json!(false), training(), "/cache/value/keep", [json!(true), json!(false)]),
        query("temp_tables.cache_queries", json!(false), repeated(), "/cache/0/hash", [json!("a"), json!(null)]),
        query(
            "temp_tables.cache_queries_except",
            json!(["flights"]),
            repeated(),
            "/cache/0/hash",
            [json!("a"), json!(null)],
        ),
        cleanup("temp_tables.auto_cleanup", json!(false), tables(&[20]), [json!(["t0"]), json!([])]),
        table(
            "temp_tables.optimize_storage",
            json!(false),
            "/temp_table/value/partitioning",
            [json!("hash"), json!("none")],
        ),
        stage(
            "temp_tables.cache_strategy",
            json!("never"),
            training(),
            "/cache/value/keep",
            [json!(true), json!(false)],
        ),
        table(
            "temp_tables.partition_strategy",
            json!("range"),
            "/temp_table/value/partitioning",
            [json!("hash"), json!("range")],
        ),
        table(
            "temp_tables.compression",
            json!("zstd"),
            "/temp_table/value/compression",
            [json!("snappy"), json!("zstd")],
        ),
        stage(
            "temp_tables.broadcast_threshold_mb",
            json!(64),
            json!({"driver_heap_bytes": 8 * GIB}),
            "/confs/spark.sql.autoBroadcastJoinThreshold/value",
            [json!(null), json!("67108864")],
        ),
        cleanup("temp_tables.max_table_age_hours", json!(30.0), tables(&[20]), [json!(["t0"]), json!([])]),
        cleanup("temp_tables.max_total_tables", json!(1), tables(&[1, 2]), [json!([]), json!(["t1"])]),
        cleanup("temp_tables.cleanup_batch_size", json!(1), tables(&[20, 30]), [json!(["t1", "t0"]), json!(["t1"])]),
    ]
}

fn pipeline() -> Vec<Effect> {
    let fixed = json!({"job": {"parallel_tasks": 4000}, "history": {"work_task_ms": 4_000_000, "driver_ms": 60_000}});
    let slow = |performance: u64| {
        json!({"wall_ms": 100_000, "stages": [
            {"name": "a", "wall_ms": 50_000, "expected_ms": 500 * performance}, {"name": "b", "wall_ms": 50_000},
        ]})
    };
    let review = |key, value, question, becomes| Effect {
        point: Review,
        ..launch(key, value, question, "/bottlenecks/0/kind", becomes)
    };
    let ended =
        json!({"now_ms": 9, "pipeline_ended": true, "tables": [{"name": "t", "bytes": 1, "last_access_ms": 9}]});
    vec![
        Effect {
            beside: json!({
                "autoscaling.min_executors": 1, "autoscaling.max_executors": 1000, "autoscaling.target_processing_time_minutes": 2.0,
            }),
            ..launch("pipeline.optimization_target", json!("memory"), fixed, "/executors/value", [json!(16), json!(1)])
        },
        stage(
            "pipeline.stage_optimization",
            json!(false),
            json!({"job": {"input_bytes": 10 * GIB}}),
            "/confs/spark.sql.shuffle.partitions/value",
            [json!("80"), json!(null)],
        ),
        launch(
            "pipeline.memory_management",
            json!(false),
            json!({}),
            "/confs/spark.executor.memory/value",
            [json!("8192m"), json!(null)],
        ),
        review("pipeline.performance_monitoring", json!(false), slow(60), [json!("slower_than_expected"), json!(null)]),
        review("pipeline.performance_threshold", json!(0.95), slow(90), [json!(null), json!("slower_than_expected")]),
        cleanup("pipeline.auto_cleanup", json!(false), ended, [json!(["t"]), json!([])]),
    ]
}

fn monitoring_and_cost() -> Vec<Effect> {
    let run =
        |executors: u64, work_ms: u64| json!({"executors": executors, "run_ms": 100_000, "work_task_ms": work_ms});
    let runs =
        json!({"job": {"parallel_tasks": 1000}, "history": {"runs": [run(2, 100), run(2, 100), run(2, 40_000_000)]}});
    let work =
        || json!({"job": {"parallel_tasks": 4000}, "history": {"work_task_ms": 14_400_000, "driver_ms": 600_000}});
    let dear = json!({"cost.executor_hour_price": 0.5, "cost.budget_per_run": 0.01});
    vec![
        launch(
            "monitoring.track_performance",
            json!(false),
            runs.clone(),
            "/executors/grade",
            [json!("B"), json!("C")],
        ),
        launch("monitoring.performance_history_size", json!(1), runs, "/executors/value", [json!(2), json!(6)]),
        launch("cost.executor_hour_price", json!(0.5), work(), "/cost/value/micros", [json!(null), json!(750_000)]),
        Effect {
            beside: json!({"cost.executor_hour_price": 0.5, "pipeline.optimization_target": "speed"}),
            ..launch("cost.budget_per_run", json!(1.0), work(), "/executors/value", [json!(20), json!(6)])
        },
        Effect {
            beside: dear,
            ..launch(
                "cost.currency",
                json!("EUR"),
                work(),
                "/cost/trace/notes/0",
                [json!("it is over the budget by 0.66 USD"), json!("it is over the budget by 0.66 EUR")],
            )
        },
    ]
}

#[test]
fn each_key_changes_a_decision() {
    let all: Vec<Effect> =
        [autoscaling(), guards(), temp_tables(), pipeline(), monitoring_and_cost()].into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for effect in &all {
        let seen = [answer(effect, None), answer(effect, Some(&effect.value))]
            .map(|answer| answer.pointer(effect.place).cloned().unwrap_or_default());
        if seen != effect.becomes || seen[0] == seen[1] {
            wrong.push(format!("{}: {} is {} and then {}", effect.key, effect.place, seen[0], seen[1]));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));

    let told: BTreeSet<String> =
        all.iter().map(|effect| effect.key).chain(APPLIED_BY_HOST_OR_PACKAGE).map(str::to_owned).collect();
    let known: BTreeSet<String> = keys().map(|key| key.path()).collect();
    assert_eq!(told, known, "every key is here, once");
    assert_eq!(all.len() + APPLIED_BY_HOST_OR_PACKAGE.len(), known.len());
}
