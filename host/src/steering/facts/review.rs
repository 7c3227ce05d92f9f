//! What is known of a pipeline's run that it wants reviewed: what its stages come to, and what they ran on.

use sparkwright_core::review::ReviewInput;
use sparkwright_core::review::critical_path::in_series;
use sparkwright_core::units::Bytes;

use super::executors::Executors;
use super::known::Known;
use crate::review::StageMeasure;

/// What the host knows of it.
pub(super) fn facts(known: &Known<'_>) -> ReviewInput {
    let ended = known.ended;
    let sum = |of: fn(&StageMeasure) -> u64| ended.iter().fold(0, |sum: u64, stage| sum.saturating_add(of(stage)));
    let summed_up = ReviewInput {
        driver_ms: sum(|stage| stage.driver_ms),
        executor_ms: sum(|stage| stage.executor_ms),
        critical_path_ms: in_series(ended.iter().map(|stage| stage.critical_path_ms)),
        task_peak_bytes: ended.iter().filter_map(|stage| stage.task_peak_bytes).max().map(Bytes),
        ..ReviewInput::default()
    };
    let Some((steered, _)) = known.application else { return summed_up };
    let now = Executors::of(steered);
    let known = ReviewInput {
        executors: ended.iter().map(|stage| stage.executors.most).fold(now.count, u32::max),
        executor_cores: now.cores,
        task_cpus: now.task_cpus,
        executor_heap_bytes: now.heap_bytes,
        shuffle_partitions: steered.hello.whole("spark.sql.shuffle.partitions"),
        ..summed_up
    };
    // By core's own rule, for a pinned module that is older than it.
    ReviewInput { slots: Some(known.slots()), ..known }
}
