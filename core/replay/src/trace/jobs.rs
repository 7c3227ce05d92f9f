//! What each job waits for, and how long the driver takes then.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::stages::Recorded;
use super::{After, Job, us};
use crate::log::Log;

/// How much newer an event elsewhere may be than the last end within a job's own SQL execution, which is then what it waited for: a notebook's
/// cells may all be in one execution.
const OF_ITS_OWN_MS: i64 = 1_000;

/// The jobs that ended, in the order of their starts.
pub(super) fn that_ended(log: &Log) -> Vec<Job> {
    let mut jobs: Vec<Job> = log
        .jobs
        .iter()
        .filter_map(|(id, job)| {
            Some(Job {
                id: *id,
                recorded_ms: (job.started_ms, job.ended_ms?),
                execution: job.execution.clone(),
                pool: job.pool.clone(),
                group: job.group.clone(),
                after: After::Ends(Vec::new()),
                gap_us: 0,
                stages: Vec::new(),
                end_lag_us: 0,
            })
        })
        .collect();
    jobs.sort_by_key(|job| (job.recorded_ms.0, job.id));
    jobs
}

/// Finds what each job waits for: the jobs of its own SQL execution that had just ended; on a quiet driver everything before it; and where other
/// threads are at work, the newest event, an end or a start.
pub(super) fn waits(jobs: &mut [Job], start_ms: i64) {
    let mut past = Past::default();
    for place in 0..jobs.len() {
        past.go_to(jobs, place);
        let Some(job) = jobs.get_mut(place) else { break };
        (job.after, job.gap_us) = past.wait_of(job, start_ms);
        past.running.insert((job.recorded_ms.1, place), job.recorded_ms.0);
    }
}

/// What had happened when a job was started.
#[derive(Default)]
struct Past {
    /// Jobs that run, by their end and place, and when they were started.
    running: BTreeMap<(i64, usize), i64>,
    /// Jobs that had ended and that no other one which had ended waited for, with their ends: who waits for these waits for all before them.
    ended: BTreeSet<(usize, i64)>,
    /// The same of each SQL execution.
    of_execution: BTreeMap<String, BTreeSet<(usize, i64)>>,
    /// The end that came last.
    last: Option<(usize, i64)>,
}

impl Past {
    /// Lets end what had ended when the job at `place` was started.
    fn go_to(&mut self, jobs: &[Job], place: usize) {
        let Some(now_ms) = jobs.get(place).map(|job| job.recorded_ms.0) else { return };
        while let Some(((end_ms, ended), _)) = self.running.pop_first() {
            if end_ms > now_ms {
                self.running.insert((end_ms, ended), jobs.get(ended).map_or(i64::MIN, |job| job.recorded_ms.0));
                return;
            }
            let Some(job) = jobs.get(ended) else { continue };
            if self.last.is_none_or(|(_, last_ms)| last_ms < end_ms) {
                self.last = Some((ended, end_ms));
            }
            let own = job.execution.as_ref().map(|it| self.of_execution.entry(it.clone()).or_default());
            for set in [Some(&mut self.ended), own].into_iter().flatten() {
                set.insert((ended, end_ms));
                if let After::Ends(others) = &job.after {
                    for other in others {
                        let end_ms = jobs.get(*other).map_or(i64::MIN, |job| job.recorded_ms.1);
                        set.remove(&(*other, end_ms));
                    }
                }
            }
        }
    }

    fn wait_of(&self, job: &Job, start_ms: i64) -> (After, i64) {
        // Jobs run in any number of threads; an execution has its own, so that its jobs tell more than others.
        let newest = |places: &mut dyn Iterator<Item = (usize, i64)>| {
            places.reduce(|best, one| if (one.1, best.0) > (best.1, one.0) { one } else { best })
        };
        let mut running = self.running.iter().map(|((_, place), started_ms)| (*place, *started_ms));
        let running = newest(&mut running);
        let newest_ms = running.into_iter().chain(self.last).map(|(_, at_ms)| at_ms).max().unwrap_or(i64::MIN);
        let last_ms = |ended: &BTreeSet<(usize, i64)>| ended.iter().map(|(_, end_ms)| *end_ms).max();
        let own = job.execution.as_ref().and_then(|it| self.of_execution.get(it));
        let own = own.filter(|ended| last_ms(ended).is_some_and(|end_ms| newest_ms - end_ms <= OF_ITS_OWN_MS));
        let (after, from_ms) = match (own, running, self.last) {
            (Some(own), _, _) => ends(own),
            (None, Some((_, started_ms)), Some((last, ended_ms))) if ended_ms >= started_ms => {
                (After::Ends([last].to_vec()), Some(ended_ms))
            }
            (None, Some((other, started_ms)), _) => (After::Start(other), Some(started_ms)),
            (None, None, _) => ends(&self.ended),
        };
        (after, us((job.recorded_ms.0 - from_ms.unwrap_or(start_ms)).max(0)))
    }
}

fn ends(of: &BTreeSet<(usize, i64)>) -> (After, Option<i64>) {
    (After::Ends(of.iter().map(|(place, _)| *place).collect()), of.iter().map(|(_, end_ms)| *end_ms).max())
}

/// From the end of each job's last stage to its own.
pub(super) fn end_lags(jobs: &mut [Job], stages: &[Recorded<'_>]) {
    for job in jobs {
        let ends = job.stages.iter().filter_map(|place| stages.get(*place)?.logged.completed_ms);
        let from = ends.max().unwrap_or(job.recorded_ms.0);
        job.end_lag_us = us((job.recorded_ms.1 - from).max(0));
    }
}
