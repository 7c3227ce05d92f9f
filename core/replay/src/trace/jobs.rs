//! What each job waits for, and how long the driver takes then.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::recorded::Recorded;
use super::{After, Job, us};
use crate::log::Log;

/// How much newer an event elsewhere may be than the last end within a job's own SQL execution, which is then what it waited for: a notebook's
/// cells may all be in one execution.
const OF_ITS_OWN_MS: i64 = 1_000;

/// The jobs that ended, in the order of their starts; and where the application went on after them, its end.
pub(super) fn that_ended(log: &Log, end_ms: i64) -> Vec<Job> {
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
    // Executors are paid for until then, and whoever moves them may let them go.
    if jobs.iter().map(|job| job.recorded_ms.1).max().is_some_and(|last_ms| last_ms < end_ms) {
        jobs.push(Job {
            id: Job::THE_END,
            recorded_ms: (end_ms, end_ms),
            execution: None,
            pool: None,
            group: None,
            after: After::Ends(Vec::new()),
            gap_us: 0,
            stages: Vec::new(),
            end_lag_us: 0,
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    /// A job that ran from one second to another, in an execution or in none.
    fn job(id: i64, from_s: i64, to_s: i64, execution: &str) -> Job {
        Job {
            id,
            recorded_ms: (from_s * 1_000, to_s * 1_000),
            execution: (!execution.is_empty()).then(|| execution.to_string()),
            pool: None,
            group: None,
            after: After::Ends(Vec::new()),
            gap_us: 0,
            stages: Vec::new(),
            end_lag_us: 0,
        }
    }

    fn waits_of(mut jobs: Vec<Job>) -> Vec<(After, i64)> {
        waits(&mut jobs, 0);
        jobs.into_iter().map(|job| (job.after, job.gap_us / 1_000_000)).collect()
    }

    fn ends(places: &[usize]) -> After {
        After::Ends(places.to_vec())
    }

    #[test]
    fn one_thread_waits_for_what_came_before() {
        let found = waits_of([job(0, 2, 5, ""), job(1, 6, 7, "q"), job(2, 10, 11, "")].to_vec());
        // Who waits for the second waits for the first with it.
        assert_eq!(found, [(ends(&[]), 2), (ends(&[0]), 1), (ends(&[1]), 3)]);
    }

    #[test]
    fn an_execution_waits_for_all_its_jobs_and_a_thread_for_its_own() {
        let jobs = [
            // Two broadcasts at a time, and the join after both.
            job(0, 0, 4, "q"),
            job(1, 0, 5, "q"),
            job(2, 6, 9, "q"),
            // Another thread, which begins while that runs and goes on beside it.
            job(3, 7, 8, "r"),
            job(4, 8, 12, "r"),
        ];
        let found = waits_of(jobs.to_vec());
        assert_eq!(
            found,
            [(ends(&[]), 0), (After::Start(0), 0), (ends(&[0, 1]), 1), (After::Start(2), 1), (ends(&[3]), 0)]
        );
    }

    /// Seen in a Databricks notebook: all of its cells are in one execution, and another one runs for minutes between two of them.
    #[test]
    fn an_execution_of_long_ago_is_not_what_a_job_waits_for() {
        let found =
            waits_of([job(0, 0, 3, "notebook"), job(1, 4, 240, "write"), job(2, 241, 242, "notebook")].to_vec());
        assert_eq!(found, [(ends(&[]), 0), (ends(&[0]), 1), (ends(&[1]), 1)]);
    }

    #[test]
    fn many_jobs_take_no_longer_than_they_are() {
        let jobs: Vec<Job> = (0..50_000).map(|at| job(at, 2 * at, 2 * at + 1, "")).collect();
        let found = waits_of(jobs);
        assert_eq!(found.last(), Some(&(ends(&[49_998]), 1)));
    }
}
