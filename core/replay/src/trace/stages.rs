//! What each stage waits for, how long the driver takes then and until its first launch, and its tasks.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::executors::Executors;
use super::placement::{self, Placed};
use super::recorded::Recorded;
use super::scheduler::Scheduler;
use super::statistics::median;
use super::{Job, Near, Stage, Task, Turn, us, waves};
use crate::log::{Ended, LoggedTask};

/// By how much a stage may be submitted before the end of one that it waited for is noted.
const BEFORE_THE_END_MS: i64 = 2;

/// The stages of a trace, and the median from submission to first launch.
pub(super) struct Stages {
    pub(super) all: Vec<Stage>,
    pub(super) first_launch_us: i64,
}

pub(super) fn of(
    recorded: &[Recorded<'_>],
    jobs: &[Job],
    scheduler: &Scheduler,
    executors: &Executors,
    locality_wait_us: i64,
) -> Stages {
    let mut placed = Placed::default();
    let mut latencies = Vec::new();
    let mut all = Vec::with_capacity(recorded.len());
    let mut waited = Vec::with_capacity(recorded.len());
    for (place, stage) in recorded.iter().enumerate() {
        let (after, gap_us) = wait_of(recorded, jobs, place, stage);
        let mut first_launch_us = 0;
        let mut free = true;
        if let Some(first) = stage.tasks.first() {
            first_launch_us = us((first.launched_ms - stage.submitted_ms).max(0));
            free = scheduler.was_free(stage, first.launched_ms);
            if free {
                latencies.push(first_launch_us);
            }
        }
        waited.push(!free);
        let near = placed.near(stage);
        let stalls = match near {
            Near::Anywhere => placement::stalls(stage, scheduler, locality_wait_us),
            Near::Cached(_) | Near::MapOutputs => Vec::new(),
        };
        let first_on_slot = waves::first_on_slot(stage, executors);
        let tasks = tasks(stage, &first_on_slot);
        all.push(Stage {
            key: stage.key,
            job: stage.job,
            parents: stage.logged.parents.clone(),
            after,
            gap_us,
            first_launch_us,
            end_lag_us: end_lag_us(stage),
            first_task_factor: waves::factor(&tasks),
            tasks,
            partitions: stage.logged.tasks,
            profile: scheduler.profile(stage.logged.profile),
            near,
            stalls,
            cached: stage.logged.cached.clone(),
            makes: placed.makes(stage),
        });
    }
    let first_launch_us = median(latencies).unwrap_or(0);
    // How long one waited for a slot is computed, and not kept.
    for (stage, waited) in all.iter_mut().zip(waited) {
        if waited {
            stage.first_launch_us = stage.first_launch_us.min(first_launch_us);
        }
    }
    Stages { all, first_launch_us }
}

/// The attempts that a stage waited for, and what the driver took after them.
fn wait_of(recorded: &[Recorded<'_>], jobs: &[Job], place: usize, stage: &Recorded<'_>) -> (Vec<usize>, i64) {
    let Some(job) = jobs.get(stage.job) else { return (Vec::new(), 0) };
    let mut from_ms = job.recorded_ms.0;
    let mut after = Vec::new();
    for other in job.stages.iter().copied().filter(|other| *other != place) {
        let Some(earlier) = recorded.get(other) else { continue };
        let Some(ended_ms) = earlier.logged.completed_ms else { continue };
        let again = earlier.key.stage == stage.key.stage && earlier.key.attempt < stage.key.attempt;
        let reads = again || stage.logged.parents.contains(&earlier.key.stage);
        // Where two wait for each other by their recorded times, the one that was submitted first did not.
        let before = (earlier.submitted_ms, earlier.key) < (stage.submitted_ms, stage.key);
        if reads && before && ended_ms <= stage.submitted_ms + BEFORE_THE_END_MS {
            after.push(other);
            from_ms = from_ms.max(ended_ms);
        }
    }
    (after, us((stage.submitted_ms - from_ms).max(0)))
}

/// From the end of a stage's last task to its own. One without tasks lasted as it did.
fn end_lag_us(stage: &Recorded<'_>) -> i64 {
    let Some(ended_ms) = stage.logged.completed_ms else { return 0 };
    if stage.tasks.is_empty() {
        return us((ended_ms - stage.submitted_ms).max(0));
    }
    let counts = |task: &&&LoggedTask| task.end == Ended::Well || stage.logged.failed;
    let last_ms = stage.tasks.iter().filter(counts).map(|task| task.finished_ms).max();
    last_ms.map_or(0, |last_ms| us((ended_ms - last_ms).max(0)))
}

/// The attempts at tasks, each with the one that follows where it fails.
fn tasks(stage: &Recorded<'_>, first_on_slot: &BTreeSet<usize>) -> Vec<Task> {
    let mut parts: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (place, task) in stage.tasks.iter().enumerate() {
        parts.entry(task.index).or_default().push(place);
    }
    let mut tasks: Vec<Task> = stage
        .tasks
        .iter()
        .enumerate()
        .map(|(place, task)| Task {
            index: task.index,
            slot_us: us((task.finished_ms - task.launched_ms).max(0)),
            run_us: us(task.run_ms),
            fetch_wait_us: us(task.fetch_wait_ms),
            shuffle_read_bytes: task.shuffle_read_bytes,
            well: task.end == Ended::Well,
            map: task.kind == crate::events::TaskKind::Map,
            turn: Turn::First(None),
            first_on_slot: first_on_slot.contains(&place),
        })
        .collect();
    for places in parts.values().filter(|places| places.len() > 1) {
        let logged = |place: &usize| stage.tasks.get(*place);
        if places.iter().any(|place| logged(place).is_some_and(|task| task.speculative)) {
            // One task that lasts until the first of its copies ended well; a copy takes a slot that nothing else wanted.
            let won = places.iter().find(|place| logged(place).is_some_and(|task| task.end == Ended::Well));
            let ended = won.or(places.last()).and_then(logged).map(|task| task.finished_ms);
            let mut copies = places.iter();
            if let (Some(first), Some(ended_ms)) = (copies.next(), ended) {
                let launched_ms = logged(first).map_or(ended_ms, |task| task.launched_ms);
                if let Some(task) = tasks.get_mut(*first) {
                    task.slot_us = us((ended_ms - launched_ms).max(0));
                    task.well = true;
                }
            }
            for copy in copies {
                if let Some(task) = tasks.get_mut(*copy) {
                    task.turn = Turn::Copy;
                }
            }
            continue;
        }
        for (at, place) in places.iter().enumerate() {
            let next = places.get(at + 1).copied();
            if let Some(task) = tasks.get_mut(*place) {
                task.turn = if at == 0 { Turn::First(next) } else { Turn::Again(next) };
            }
        }
    }
    tasks
}
