//! Completes a question with what the host knows and the pipeline left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::facts::ClusterFacts;
use sparkwright_core::units::GIB;

use crate::clock::{now_ms, utc_offset_minutes};
use crate::launch::cluster::cluster_facts;
use crate::review::StageMeasure;
use crate::steering::Launch;
use crate::steering::run::{Steered, lock};

/// The cluster of an application, and what its user configured.
pub(super) fn cluster_of(steered: &Steered) -> ClusterFacts {
    let hello = &steered.hello;
    let user = hello.user_confs(&steered.launch.own_confs);
    ClusterFacts {
        block_migration: steered.migrates_blocks(),
        ..cluster_facts(&hello.master, &hello.spark, hello.python, user)
    }
}

/// The same with the size of its executors as they run: no other can be had any more.
pub(super) fn with_running_sizes(cluster: &ClusterFacts, steered: &Steered) -> ClusterFacts {
    let mut cluster = cluster.clone();
    for key in ["spark.executor.cores", "spark.executor.memory"] {
        if let Some(value) = steered.conf(key) {
            cluster.user_confs.insert(key.to_owned(), value.to_owned());
        }
    }
    cluster
}

/// Adds to the question of a decision point what it lacks. Members that the pipeline named stand.
pub(super) fn complete(
    point: DecisionPoint,
    input: &mut Map<String, Value>,
    subject: &str,
    launch: &Launch,
    application: Option<(&Steered, &ClusterFacts)>,
    ended: &[StageMeasure],
) {
    let timed = point != DecisionPoint::Review;
    if timed {
        fill(input, "now_ms", now_ms());
    }
    if timed && point != DecisionPoint::PlanCleanup {
        fill(input, "utc_offset_minutes", utc_offset_minutes());
        fill(input, "labels", json!(launch.labels));
    }
    if point == DecisionPoint::PlanStage {
        fill(input, "name", subject);
    }
    if point == DecisionPoint::Review {
        sum_up(input, ended);
    }
    let Some((steered, cluster)) = application else {
        if point == DecisionPoint::PlanLaunch {
            cluster_of_confs(input);
        }
        return;
    };
    match point {
        DecisionPoint::PlanLaunch | DecisionPoint::PlanStage => {
            fill_members(input, "cluster", json!(cluster));
            if point == DecisionPoint::PlanStage {
                let size = running(steered);
                if let (Some(cores), Some(heap_bytes)) = (size.cores, size.heap_bytes) {
                    fill(input, "executors", json!({"count": size.count, "cores": cores, "heap_bytes": heap_bytes}));
                }
                fill(input, "driver_heap_bytes", json!(steered.hello.driver_max_memory_bytes));
            }
        }
        DecisionPoint::Review => {
            let size = running(steered);
            let most = ended.iter().map(|stage| stage.executors.most).max().unwrap_or(0).max(size.count);
            let cores = size.cores.unwrap_or(1);
            fill(input, "executors", most);
            fill(input, "executor_cores", cores);
            fill(input, "executor_heap_bytes", size.heap_bytes.unwrap_or(GIB));
            fill(input, "slots", u64::from(most) * u64::from(cores / steered.task_cpus()));
            fill(input, "shuffle_partitions", json!(steered.conf_whole("spark.sql.shuffle.partitions")));
        }
        DecisionPoint::PlanQuery | DecisionPoint::Control | DecisionPoint::PlanCleanup => {}
    }
}

/// Before an application starts, its cluster is what the user's confs say: where they are told, and the cluster itself is not.
fn cluster_of_confs(input: &mut Map<String, Value>) {
    let Some(named) = input.get("cluster").and_then(Value::as_object) else { return };
    let Some(confs) = named.get("user_confs").and_then(Value::as_object) else { return };
    if named.contains_key("manager") {
        return;
    }
    let user: BTreeMap<String, String> =
        confs.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    // As spark-submit has it where no master is named.
    let master = user.get("spark.master").map_or("local[*]", String::as_str);
    let spark = named.get("spark_version").and_then(Value::as_str).unwrap_or_default();
    let python = named.get("python").and_then(Value::as_bool).unwrap_or(false);
    let cluster = cluster_facts(master, spark, python, user.clone());
    fill_members(input, "cluster", json!(cluster));
}

/// What the stages that this connection ended come to, as a review asks for it.
fn sum_up(input: &mut Map<String, Value>, ended: &[StageMeasure]) {
    if ended.is_empty() {
        return;
    }
    let sum = |of: fn(&StageMeasure) -> u64| ended.iter().fold(0, |sum: u64, stage| sum.saturating_add(of(stage)));
    fill(input, "driver_ms", sum(|stage| stage.driver_ms));
    fill(input, "executor_ms", sum(|stage| stage.executor_ms));
    let chain: Option<u64> = ended.iter().map(|stage| stage.critical_path_ms).sum();
    fill(input, "critical_path_ms", json!(chain));
    fill(input, "task_peak_bytes", json!(ended.iter().filter_map(|stage| stage.task_peak_bytes).max()));
}

/// Executors as they are; with a local master the driver is the one executor.
struct Running {
    count: u32,
    /// Unknown before there is one and where nothing is configured.
    cores: Option<u32>,
    heap_bytes: Option<u64>,
}

fn running(steered: &Steered) -> Running {
    let hello = &steered.hello;
    if !steered.manager().scales() {
        return Running { count: 1, cores: hello.default_parallelism, heap_bytes: hello.driver_max_memory_bytes };
    }
    let (count, seen) = {
        let application = lock(&steered.application);
        (application.live_executors(), application.executor_cores())
    };
    // Spark's own default where nothing is said.
    let heap = steered.conf_memory("spark.executor.memory").unwrap_or(GIB);
    Running { count, cores: seen.or_else(|| steered.conf_whole("spark.executor.cores")), heap_bytes: Some(heap) }
}

fn fill(input: &mut Map<String, Value>, member: &str, value: impl Into<Value>) {
    let known = input.entry(member).or_insert(Value::Null);
    if known.is_null() {
        *known = value.into();
    }
    // A member that must not be null is better left out.
    if input.get(member).is_some_and(Value::is_null) {
        input.remove(member);
    }
}

/// As [`fill`], member by member where the pipeline named some.
fn fill_members(input: &mut Map<String, Value>, member: &str, value: Value) {
    match (input.get_mut(member).and_then(Value::as_object_mut), value) {
        (Some(known), Value::Object(members)) => {
            members.into_iter().for_each(|(name, value)| fill(known, &name, value))
        }
        (_, value) => fill(input, member, value),
    }
}
