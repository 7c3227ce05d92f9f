//! Questions made from a seed: typical ones, and the same with odd values in odd places.

use serde_json::{Value, json};
use sparkwright_core::abi::DecisionPoint;

/// Policies that differ in what matters to the rules.
#[allow(dead_code, reason = "not every test asks under all of them")]
pub const POLICIES: [&str; 4] = [
    "{}",
    r#"{"environment":"production","autoscaling":{"min_executors":4,"max_executors":20,"target_processing_time_minutes":60.0},"pipeline":{"optimization_target":"quality"},"temp_tables":{"max_table_age_hours":24.0},"origins":{"autoscaling.max_executors":"environment"}}"#,
    r#"{"environment":"development","autoscaling":{"enable_autoscaling":false,"min_executors":1,"max_executors":4},"temp_tables":{"enable_caching":false},"pipeline":{"optimization_target":"speed"}}"#,
    r#"{"autoscaling":{"executor_scaling_factor":3.7,"target_executor_memory":8589934592,"max_executors":100000},"guards":{"cooldown_seconds":0,"down_window_seconds":0,"max_growth_a_minute":1000.0},"temp_tables":{"cache_strategy":"aggressive","broadcast_threshold_mb":8192},"cost":{"executor_hour_price":0.37,"budget_per_run":2.5}}"#,
];

/// Numbers from a seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A typical question: about ten executors, or about ten plan nodes.
pub fn sample(random: &mut Random, point: DecisionPoint) -> Value {
    match point {
        DecisionPoint::Control => control(random),
        DecisionPoint::PlanQuery => plan_query(random),
        DecisionPoint::PlanLaunch => plan_launch(random),
        DecisionPoint::PlanStage => plan_stage(random),
        DecisionPoint::PlanCleanup => plan_cleanup(random),
        DecisionPoint::Review => review(random),
    }
}

fn spill(random: &mut Random) -> Value {
    if random.below(6) > 0 {
        return Value::Null;
    }
    json!({"spilled_bytes": random.range(0, 1 << 34), "shuffle_bytes": random.range(0, 1 << 36), "tasks": random.range(0, 300), "largest_over_mean": 1.0 + 5.0 * random.share()})
}

fn shuffled(random: &mut Random) -> Value {
    if random.below(4) > 0 {
        return Value::Null;
    }
    json!({"bytes": random.range(0, 1 << 40), "leaf_bytes": random.range(0, 1 << 36)})
}

fn control(random: &mut Random) -> Value {
    let now = 1_700_000_000_000 + random.range(0, 10_000_000);
    let count = random.range(7, 14);
    let executors: Vec<_> = (0..count)
        .map(|id| {
            let running = random.range(0, 5);
            json!({
                "id": id.to_string(), "state": random.pick(&["active", "active", "active", "leaving", "unknown"]),
                "running_tasks": running, "idle_ms": if running > 0 { 0 } else { random.range(0, 600_000) },
                "cached_bytes": random.range(0, 2) * random.range(0, 1 << 31), "storage_bytes": 1_u64 << 31,
                "active_shuffle_bytes": random.range(0, 2) * random.range(0, 1 << 28),
            })
        })
        .collect();
    let needs = |random: &mut Random| -> Vec<Value> {
        (0..random.range(0, 6)).map(|n| json!({"at_ms": now - n * 20_000, "executors": random.range(1, 20)})).collect()
    };
    json!({
        "now_ms": now, "facts_at_ms": now - random.range(0, 3_000), "facts_lost": random.below(20) == 0,
        "controller": random.pick(&["policy", "policy", "policy", "spark", "nobody"]),
        "pending_tasks": random.range(0, 300), "running_tasks": random.range(0, 40),
        "executor_cores": random.range(1, 6), "task_cpus": 1, "executors": executors,
        "executors_coming": random.range(0, 4), "quota_executors": random.range(1, 40),
        "planned_executors": if random.below(4) == 0 { json!(random.range(0, 40)) } else { Value::Null },
        "mean_task_ms": random.range(10, 20_000), "executor_start_ms": random.range(1_000, 60_000),
        "gc_share": random.share() * 0.4, "failure_share": random.share() * 0.4, "block_migration": random.below(2) == 0,
        "state": {
            "target": random.range(1, 20), "ramp_step": random.range(1, 8), "ramp_at_ms": now - 1_000,
            "needs": needs(random), "minute_targets": needs(random), "window_targets": needs(random),
            "last_direction": random.pick(&["up", "down"]), "last_move_ms": now - random.range(0, 400_000),
            "reversals_ms": [now - 10_000], "stale_ticks": random.range(0, 4), "facts_at_ms": now - 3_000,
        },
    })
}

fn plan_query(random: &mut Random) -> Value {
    let count = random.range(9, 16);
    let nodes: Vec<_> = (0..count)
        .map(|n| {
            let scan = n + 2 >= count;
            json!({
                "parent": if n == 0 { Value::Null } else { json!(n - 1) },
                "operator": if scan { "LogicalRelation" } else { random.pick(&["Join", "Project", "Filter", "Aggregate", "Sort"]) },
                "hash": format!("{:016x}", random.range(0, 40)),
                "bytes": random.range(0, 1 << 36), "rows": random.range(0, 1 << 24), "row_bytes": random.range(4, 400),
                "join": random.pick(&["inner_equi", "outer_equi", "semi_equi", "cross_or_range"]),
                "format": if scan { json!("parquet") } else { Value::Null },
                "path": if scan { json!("file:/data/flights") } else { Value::Null },
                "why_not": if random.below(8) == 0 { json!("rand()") } else { Value::Null },
                "cached": random.pick(&["no", "no", "no", "user", "ours"]), "seen": random.range(0, 6), "learned_uses": random.range(0, 6),
                "asked_columns": if random.below(2) == 0 { json!(format!("60:{:016x}", random.range(0, 1 << 40))) } else { Value::Null },
                "shuffled": shuffled(random), "learned_shuffled": shuffled(random),
                "mean_gap_ms": random.range(100, 100_000), "measured_task_ms": random.range(10, 1_000_000),
                "measured_share": random.share(), "spill": spill(random), "released_by_user": random.below(10) == 0, "source_changes": random.range(0, 2),
            })
        })
        .collect();
    let executors: Vec<_> = (0..random.range(1, 9))
        .map(|id| json!({"id": id.to_string(), "max_storage_bytes": 1_u64 << 31, "free_storage_bytes": random.range(0, 1 << 31)}))
        .collect();
    json!({
        "now_ms": 1_700_000_000_000_u64, "adaptive": random.below(4) > 0, "nodes": nodes, "executors": executors,
        "entries": [{"id": "rdd_1", "memory_bytes": random.range(0, 1 << 30), "disk_bytes": 0, "partitions": 8,
                     "cached_partitions": random.range(0, 9), "idle_ms": random.range(0, 10_000_000), "mean_gap_ms": 5_000}],
        "slots": random.range(1, 65), "executor_cores": random.range(1, 6), "executor_heap_bytes": random.range(1, 17) << 30,
        "driver_heap_bytes": 2_u64 << 30, "memory_fraction": 0.6, "storage_fraction": 0.5, "scaling": random.below(2) == 0,
        "confs": {"spark.sql.shuffle.partitions": {"value": "200", "owner": random.pick(&["default", "user", "ours"])},
                  "spark.sql.adaptive.enabled": {"value": "true", "owner": "default"}},
    })
}

fn plan_launch(random: &mut Random) -> Value {
    let candidates: Vec<_> = (0..random.range(0, 8).saturating_sub(4))
        .map(|n| {
            let nodes = cluster(random)["nodes"].take();
            json!({"name": format!("cluster {n}"), "nodes": nodes, "executor_hour_micros": random.range(0, 1 << 21)})
        })
        .collect();
    json!({"job": job(random), "cluster": cluster(random), "history": history(random), "candidates": candidates})
}

fn job(random: &mut Random) -> Value {
    json!({
        "input_bytes": random.range(0, 1 << 42), "processing": random.pick(&["ml", "etl", "query", "general"]),
        "target": random.pick(&["speed", "memory", "balanced", "quality"]), "uses": random.range(0, 10),
        "working_set_bytes": random.range(0, 1 << 38), "parallel_tasks": random.range(1, 4_000),
        "result_bytes": random.range(0, 1 << 32), "file_bytes": sizes(random, 1 << 31), "files_splittable": true,
    })
}

/// Often none; else a few sizes.
fn sizes(random: &mut Random, below: u64) -> Vec<u64> {
    (0..random.range(0, 40).saturating_sub(20)).map(|_| random.range(0, below)).collect()
}

fn cluster(random: &mut Random) -> Value {
    json!({
        "manager": random.pick(&["standalone", "yarn", "kubernetes", "local", "unstated"]), "spark_version": "4.1.0",
        "nodes": [{"count": random.range(1, 50), "cores": random.range(1, 65), "memory_bytes": random.range(1, 513) << 30}],
        "quota_cores": random.range(1, 400), "driver_machine_bytes": 16_u64 << 30, "task_cpus": 1,
        "python": random.below(2) == 0, "user_confs": {"spark.executor.memory": random.pick(&["4g", "512m", "x"])},
    })
}

/// Earlier runs: often of a job whose time follows its executors, so that there is something to learn, often of any time at all.
fn history(random: &mut Random) -> Value {
    let (serial, work) = (random.range(1_000, 100_000), random.range(10_000, 10_000_000));
    let lawful = random.below(2) == 0;
    let runs: Vec<_> = (0..random.range(0, 9))
        .map(|_| {
            let executors = random.range(1, 20);
            let run_ms = if lawful { serial + work / executors + random.range(0, 500) } else { random.range(10_000, 10_000_000) };
            json!({
                "executors": executors, "run_ms": run_ms, "input_bytes": if lawful { json!(1_u64 << 33) } else { Value::Null },
                "work_task_ms": work, "driver_ms": serial, "gc_share": random.share() * 0.2, "spilled_bytes": random.range(0, 2) << 30,
                "shuffle_skew": random.share() * 6.0, "task_peak_bytes": random.range(0, 1 << 31),
            })
        })
        .collect();
    json!({
        "work_task_ms": if lawful { Value::Null } else { json!(random.range(0, 1 << 34)) }, "critical_path_ms": random.range(0, 1 << 20),
        "driver_ms": random.range(0, 1 << 20), "task_peak_bytes": random.range(0, 1 << 32), "gc_share": random.share(), "runs": runs,
    })
}

fn plan_stage(random: &mut Random) -> Value {
    let mut job = job(random);
    job["stage"] = json!(random.pick(&[
        "data_loading",
        "preprocessing",
        "feature_selection",
        "model_training",
        "prediction",
        "evaluation"
    ]));
    let next: Vec<_> = (0..random.range(0, 4))
        .map(|_| {
            json!({
                "kind": random.pick(&["scan", "equi_join", "group_by", "sort", "range_filter"]),
                "columns": [random.pick(&["day", "carrier", "größe"])], "key_skew": random.share() * 9.0,
            })
        })
        .collect();
    json!({
        "name": "features", "job": job, "data_grade": random.pick(&["A", "B", "C"]), "rows": random.range(0, 1 << 40), "next": next,
        "columns": {"all": random.range(0, 200), "text": random.range(0, 40), "nested": random.range(0, 9)},
        "key_skew": random.share() * 9.0, "partition_bytes": sizes(random, 1 << 30), "cluster": cluster(random), "history": history(random),
        "executors": {"count": random.range(0, 30), "cores": random.range(1, 6), "heap_bytes": random.range(1, 17) << 30},
        "driver_heap_bytes": random.range(1, 9) << 30,
    })
}

fn plan_cleanup(random: &mut Random) -> Value {
    let now = 1_700_000_000_000_u64;
    let tables: Vec<_> = (0..random.range(0, 70))
        .map(|n| {
            json!({
                "name": format!("sparkwright_temp_{n}"), "bytes": random.range(0, 1 << 36),
                "last_access_ms": now - random.range(0, 200_000_000), "rebuild_ms": random.range(0, 1_000_000),
                "remaining_uses": random.range(0, 6) / 4, "readers": random.range(0, 6) / 5,
            })
        })
        .collect();
    json!({"now_ms": now, "pipeline_ended": random.below(4) == 0, "tables": tables})
}

fn review(random: &mut Random) -> Value {
    let stages: Vec<_> = (0..random.range(1, 14))
        .map(|n| {
            let median = random.range(1, 20_000);
            json!({
                "name": format!("stage {n}"), "wall_ms": random.range(1, 600_000), "expected_ms": random.range(1, 600_000),
                "tasks": random.range(1, 4_000), "failed_tasks": random.range(0, 8) / 7, "task_ms": random.range(1, 10_000_000),
                "median_task_ms": median, "longest_task_ms": median + random.range(0, 100_000), "gc_ms": random.range(0, 2_000_000),
                "wait_ms": random.range(0, 200_000), "spilled_bytes": random.range(0, 2) * random.range(0, 1 << 34),
                "read_bytes": random.range(0, 1 << 38), "shuffle_read_bytes": random.range(0, 2) * random.range(0, 1 << 38),
                "median_partition_bytes": random.range(0, 1 << 29),
                "largest_partition_bytes": random.range(0, 1 << 33),
            })
        })
        .collect();
    let earlier: Vec<_> = (0..random.range(0, 60)).map(|_| random.range(1_000, 2_000_000)).collect();
    json!({
        "critical_path_ms": random.range(0, 1_000_000), "input_bytes": random.range(0, 1 << 38), "task_peak_bytes": random.range(0, 1 << 32),
        "wall_ms": random.range(1, 2_000_000), "driver_ms": random.range(0, 1_000_000), "executor_ms": random.range(0, 40_000_000),
        "executors": random.range(1, 30), "executor_cores": random.range(1, 6), "executor_heap_bytes": random.range(1, 17) << 30,
        "slots": random.range(1, 121), "shuffle_partitions": random.range(1, 4_000), "stages": stages, "history_ms": earlier,
    })
}

/// The same question with a few of its values changed for odd ones.
#[allow(dead_code, reason = "not every test does")]
pub fn mutated(random: &mut Random, mut question: Value) -> Value {
    if random.below(4) > 0 {
        let rate = 10 + random.below(60);
        mutate(random, &mut question, rate);
    }
    question
}

fn mutate(random: &mut Random, value: &mut Value, rate: usize) {
    match value {
        Value::Object(members) => {
            let gone: Vec<_> = members.keys().filter(|_| random.below(rate) == 0).cloned().collect();
            members.retain(|key, _| !gone.contains(key));
            members.values_mut().for_each(|value| mutate(random, value, rate));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|value| mutate(random, value, rate)),
        Value::Number(_) if random.below(rate) == 0 => {
            *value = match random.below(9) {
                0 | 1 => json!(0),
                2 => json!(1),
                3 => json!(u32::MAX),
                4 if random.below(4) == 0 => json!(u64::MAX),
                5 if random.below(8) == 0 => json!(-1),
                6 if random.below(8) == 0 => json!(1.5e300),
                _ => json!(random.next() >> random.below(64)),
            };
        }
        _ if random.below(rate * 30) == 0 => {
            *value = [json!(null), json!([]), json!({}), json!("ä\u{1F600}\"\\"), json!(true)][random.below(5)].clone();
        }
        _ => {}
    }
}
