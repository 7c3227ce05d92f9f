//! What is known of a query that Spark is about to plan.

use sparkwright_core::cache::release::CacheEntryFacts;
use sparkwright_core::control::Controller;
use sparkwright_core::query::PlanQueryInput;
use sparkwright_core::units::Bytes;

use super::executors::Executors;
use crate::clock::{now_ms, utc_offset_minutes};
use crate::spark::application::DRIVER;
use crate::spark::protocol::{Ask, EntryStorage};
use crate::steering::lock::lock;
use crate::steering::steered::Steered;

/// What the plugin asks about, with what earlier queries showed and what the cluster is.
pub(in crate::steering) fn question(steered: &Steered, ask: Ask) -> PlanQueryInput {
    let now_ms = now_ms();
    let hello = &steered.hello;
    let local = !steered.manager().scales();
    let running = Executors::of(steered);
    let nodes = {
        let application = lock(&steered.application);
        let mut history = lock(&steered.queries.history);
        history.describe(ask.nodes, |execution| application.ended_task_ms(execution))
    };
    let known = PlanQueryInput {
        now_ms,
        utc_offset_minutes: utc_offset_minutes(),
        labels: steered.launch.labels.clone(),
        adaptive: ask.adaptive,
        nodes,
        truncated: ask.truncated,
        entries: entries(steered, ask.entries, now_ms),
        // The driver holds no cached data unless it is the only executor.
        executors: ask.executors.into_iter().filter(|executor| local || executor.id != DRIVER).collect(),
        slots: None,
        running_executors: Some(running.count),
        target_executors: steered.scaling.target(),
        executor_cores: running.cores,
        task_cpus: running.task_cpus,
        executor_heap_bytes: running.heap_bytes,
        driver_heap_bytes: hello.driver_max_memory_bytes.map(Bytes),
        memory_fraction: hello.share("spark.memory.fraction"),
        storage_fraction: hello.share("spark.memory.storageFraction"),
        scaling: steered.controller() == Controller::Policy,
        confs: ask.confs.into_iter().collect(),
    };
    // By core's own rules, for a pinned module that is older than they are: it reads nothing as no slot and no heap.
    PlanQueryInput { slots: Some(known.slots()), executor_heap_bytes: Some(known.heap().heap_bytes), ..known }
}

/// Our cached plans, with what is known of their use.
fn entries(steered: &Steered, entries: Vec<EntryStorage>, now_ms: u64) -> Vec<CacheEntryFacts> {
    let history = lock(&steered.queries.history);
    entries
        .into_iter()
        .map(|entry| {
            let (idle_ms, mean_gap_ms) = history.idle(&entry.id, now_ms);
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
}
