//! The stages as a log has them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::kept::Job;
use crate::log::{Ended, Log, LoggedStage, LoggedTask, StageKey};

/// By how much a stage's recorded times may miss those of its job: they are taken by different threads.
const BESIDE_ITS_JOB_MS: i64 = 5;

/// An attempt of a stage as the log has it, with its job.
pub(super) struct Recorded<'a> {
    pub(super) key: StageKey,
    pub(super) job: usize,
    pub(super) logged: &'a LoggedStage,
    pub(super) submitted_ms: i64,
    /// Its tasks in the order of launch, without those that only say that an output was lost.
    pub(super) tasks: Vec<&'a LoggedTask>,
}

/// The stages that were submitted, in that order, each with the first job that had it; and to each job its stages.
pub(super) fn of<'a>(log: &'a Log, jobs: &mut [Job]) -> Vec<Recorded<'a>> {
    let mut having: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (place, job) in jobs.iter().enumerate() {
        for stage in log.jobs.get(&job.id).into_iter().flat_map(|job| &job.stages) {
            having.entry(*stage).or_default().push(place);
        }
    }
    let mut all: Vec<Recorded<'a>> = log
        .stages
        .iter()
        .filter_map(|(key, logged)| {
            let submitted_ms = logged.submitted_ms?;
            let during = |place: &&usize| {
                jobs.get(**place).is_some_and(|job| {
                    job.recorded_ms.0 <= submitted_ms + BESIDE_ITS_JOB_MS
                        && submitted_ms <= job.recorded_ms.1 + BESIDE_ITS_JOB_MS
                })
            };
            let id = |place: &&usize| jobs.get(**place).map_or(i64::MAX, |job| job.id);
            let job = *having.get(&key.stage)?.iter().filter(during).min_by_key(id)?;
            let mut tasks: Vec<&LoggedTask> = logged.ran.iter().filter(|task| task.end != Ended::Resubmitted).collect();
            tasks.sort_by_key(|task| (task.launched_ms, task.id));
            Some(Recorded { key: *key, job, logged, submitted_ms, tasks })
        })
        .collect();
    all.sort_by_key(|stage| (stage.submitted_ms, stage.key));
    for (place, stage) in all.iter().enumerate() {
        if let Some(job) = jobs.get_mut(stage.job) {
            job.stages.push(place);
        }
    }
    all
}
