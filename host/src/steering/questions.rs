//! Answers the plugin's question about each query.

use std::io::{BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::cache::release::CacheEntryFacts;
use sparkwright_core::control::Controller;
use sparkwright_core::decision::Answer as _;
use sparkwright_core::facts::Manager;
use sparkwright_core::memory::{DEFAULT_MEMORY_FRACTION, DEFAULT_STORAGE_FRACTION};
use sparkwright_core::query::{PlanNode, PlanQueryAnswer, PlanQueryInput};
use sparkwright_core::steering::QUESTION_MODULE_MS;
use sparkwright_core::units::{Bytes, GIB};

use super::decider::Decider;
use super::run::{Steered, lock, read_line};
use crate::clock::{now_ms, utc_offset_minutes};
use crate::record::RecordedDecision;
use crate::spark::protocol::{Answer, Ask, CacheOrder};

/// Round trips of which the time is kept.
const MOST_TRIPS: usize = 10_000;

/// Answers questions until the plugin asks no more.
pub(super) fn answer_all(steered: &Steered, mut reader: BufReader<UnixStream>, mut writer: UnixStream) {
    let mut decider = Decider::new(&steered.prepared);
    let mut line = Vec::new();
    while matches!(read_line(&mut reader, &mut line), Ok(true)) {
        let answer = match serde_json::from_slice::<Ask>(&line) {
            Ok(ask) => answer(steered, &mut decider, ask),
            Err(error) => {
                // Without its number the question can't be answered: the plugin's wait ends by itself.
                steered.recorder.fault(format!("a question could not be read: {error}"));
                continue;
            }
        };
        let mut reply = serde_json::to_vec(&answer).unwrap_or_default();
        reply.push(b'\n');
        if writer.write_all(&reply).is_err() {
            break;
        }
    }
}

fn answer(steered: &Steered, decider: &mut Decider, ask: Ask) -> Answer {
    steered.questions.fetch_add(1, Ordering::Relaxed);
    let number = ask.ask;
    if let Some(trip_us) = ask.last_trip_us {
        let mut trips = lock(&steered.trips_us);
        if trips.len() < MOST_TRIPS {
            trips.push(trip_us);
        }
    }
    let execution = ask.execution;
    let question = question(steered, ask);
    match decider.ask::<PlanQueryAnswer>(DecisionPoint::PlanQuery, &question, QUESTION_MODULE_MS) {
        Ok(decided) => {
            lock(&steered.history).remember(&question.nodes, &decided.shares, execution, question.now_ms);
            record(steered, &question.nodes, &decided, execution, question.now_ms);
            if !steered.acts() {
                return Answer::Decided {
                    answer: number,
                    confs: Default::default(),
                    cache: Vec::new(),
                    uncache: Vec::new(),
                };
            }
            let cache =
                decided.cache.into_iter().map(|choice| CacheOrder { hash: choice.hash, level: choice.level }).collect();
            Answer::Decided {
                answer: number,
                confs: decided.confs.into_iter().collect(),
                cache,
                uncache: decided.uncache,
            }
        }
        Err(none) => {
            steered.undecided.fetch_add(1, Ordering::Relaxed);
            steered.recorder.fault(format!("no decision for a query, which Spark plans as it would: {none}"));
            Answer::Undecided { answer: number, none }
        }
    }
}

/// The question as `core` has it: what the plugin sent, with what earlier queries showed and what the cluster is.
fn question(steered: &Steered, ask: Ask) -> PlanQueryInput {
    let now = now_ms();
    let local = steered.manager() == Manager::Local;
    let driver_heap = steered.hello.driver_max_memory_bytes;
    let (nodes, live, cores_seen) = {
        let application = lock(&steered.application);
        let history = lock(&steered.history);
        let nodes: Vec<PlanNode> = history.describe(ask.nodes, |execution| application.ended_task_ms(execution));
        (nodes, application.live_executors(), application.executor_cores())
    };
    let target = lock(&steered.control).target.unwrap_or(0);
    let cores = if local {
        steered.hello.default_parallelism.unwrap_or(1).max(1)
    } else {
        cores_seen.or_else(|| steered.conf_whole("spark.executor.cores")).unwrap_or(1).max(1)
    };
    let executors = if local { 1 } else { live.max(target).max(1) };
    let heap = if local { driver_heap } else { steered.conf_memory("spark.executor.memory") };
    let share = |key, default: f64| steered.conf(key).and_then(|text| text.trim().parse().ok()).unwrap_or(default);
    let entries = {
        let history = lock(&steered.history);
        ask.entries
            .into_iter()
            .map(|entry| {
                let (idle_ms, mean_gap_ms) = history.idle(&entry.id, now);
                CacheEntryFacts {
                    id: entry.id,
                    memory_bytes: Bytes(entry.memory_bytes),
                    disk_bytes: Bytes(entry.disk_bytes),
                    partitions: entry.partitions,
                    cached_partitions: entry.cached_partitions,
                    idle_ms,
                    mean_gap_ms,
                }
            })
            .collect()
    };
    // The driver holds no cached data unless it is the only executor.
    let storage = ask.executors.into_iter().filter(|executor| local || executor.id != "driver").collect();
    PlanQueryInput {
        now_ms: now,
        utc_offset_minutes: utc_offset_minutes(),
        labels: steered.launch.labels.clone(),
        adaptive: ask.adaptive,
        nodes,
        truncated: ask.truncated,
        entries,
        executors: storage,
        slots: executors.saturating_mul(cores / steered.task_cpus()).max(1),
        executor_cores: cores,
        // Spark's own default where nothing is said.
        executor_heap_bytes: Bytes(heap.unwrap_or(GIB)),
        driver_heap_bytes: driver_heap.map(Bytes),
        memory_fraction: share("spark.memory.fraction", DEFAULT_MEMORY_FRACTION),
        storage_fraction: share("spark.memory.storageFraction", DEFAULT_STORAGE_FRACTION),
        scaling: steered.controller() == Controller::Policy,
        confs: ask.confs.into_iter().collect(),
    }
}

fn record(steered: &Steered, nodes: &[PlanNode], decided: &PlanQueryAnswer, execution: Option<i64>, now: u64) {
    let acts = steered.acts();
    let mut numbers = Vec::new();
    for made in decided.decisions() {
        let applied = acts && made.in_force;
        let decision = RecordedDecision { execution, ..RecordedDecision::of(now, &made, "query", applied) };
        let number = steered.recorder.decision(decision);
        match made.hash {
            Some(hash) if applied && decided.cache.iter().any(|choice| choice.hash == hash) => {
                let subject = made.subject.unwrap_or_default();
                lock(&steered.outcomes).plan_chosen(hash, number, subject, &made.text(""));
            }
            Some(_) => {}
            None => numbers.push(number),
        }
    }
    if let Some(execution) = execution
        && !numbers.is_empty()
        && !nodes.is_empty()
    {
        lock(&steered.outcomes).query_decided(execution, numbers);
    }
}
