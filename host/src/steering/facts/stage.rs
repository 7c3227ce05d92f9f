//! What is known of a declared stage that a pipeline asks about.

use sparkwright_core::facts::ClusterFacts;
use sparkwright_core::memory::DEFAULT_HEAP;
use sparkwright_core::stage::{PlanStageInput, RunningExecutors};
use sparkwright_core::units::Bytes;

use super::executors::Executors;
use super::known::Known;
use crate::clock::{now_ms, utc_offset_minutes};

/// What the host knows of it: all but the stage's own data, which the pipeline tells.
pub(super) fn facts(known: &Known<'_>) -> PlanStageInput {
    let (executors, driver_heap_bytes, cluster) = match known.application {
        Some((steered, cluster)) => {
            let Executors { count, cores, heap_bytes, .. } = Executors::of(steered);
            let heap = steered.hello.driver_max_memory_bytes.map(Bytes);
            // Both or neither, for a pinned module that is older than the choice: it reads executors with all their members alone.
            let heap_bytes = Some(heap_bytes.unwrap_or(DEFAULT_HEAP));
            let running = cores.map(|cores| RunningExecutors { count, cores: Some(cores), heap_bytes });
            (running, heap, cluster.clone())
        }
        None => (None, None, ClusterFacts::default()),
    };
    PlanStageInput {
        now_ms: now_ms(),
        utc_offset_minutes: utc_offset_minutes(),
        labels: known.launch.labels.clone(),
        name: known.subject.to_owned(),
        cluster,
        executors,
        driver_heap_bytes,
        ..PlanStageInput::default()
    }
}
