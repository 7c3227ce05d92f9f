//! What the time of executors went to: each query, each job outside of one, and slots that were idle, with cached blocks on the executor or without.
//!
//! An executor's time is from its registration to its removal, or the end of the run. Each moment of it is divided among its slots: a slot that runs a task
//! is its query's; one that runs none is idle, or, where the executor runs nothing at all and holds blocks of a persisted RDD, theirs. So the parts add up to
//! the executors' time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::events::call_site;
use crate::log::{Log, LoggedStage};
use crate::trace::executors;

/// What executors worked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// An SQL execution, by the outermost one's id.
    Query(i64),
    /// A job that belongs to none, by its id.
    Job(i64),
}

/// The time of one query or job.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkTime {
    /// Which.
    pub work: Work,
    /// Where the program asked for it, as `count at flights.py:12`, or what its last stage does; empty where that is described by somebody's own words.
    pub name: String,
    /// Executor time, in milliseconds.
    pub executor_ms: f64,
}

/// What the time of executors went to, in milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExecutorTime {
    /// All of it: executors times the time that each was there.
    pub whole_ms: f64,
    /// Of it, queries and jobs, the most first.
    pub work: Vec<WorkTime>,
    /// Of it, of executors that ran nothing and had cached blocks: whether they would have gone without, nobody knows.
    pub pinned_ms: f64,
    /// Of it, other slots without a task.
    pub idle_ms: f64,
}

/// What changes on an executor at a moment; at one moment, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Ends(Work),
    /// An RDD is unpersisted.
    Frees(i64),
    /// It has blocks of an RDD.
    Holds(i64),
    Begins(Work),
}

/// Takes the executors' time apart.
#[must_use]
pub fn executor_time(log: &Log) -> ExecutorTime {
    let firsts = log.jobs.values().map(|job| job.started_ms).chain(log.executions.values().map(|(from, _)| *from));
    let start_ms = log.started_ms.or(firsts.min()).unwrap_or(log.last_ms);
    let end_ms = log.ended_ms.unwrap_or(log.last_ms).max(start_ms);
    let (executors, _) = executors::of(log, start_ms);
    let mut changes: Vec<Vec<(i64, Change)>> = executors.served.iter().map(|_| Vec::new()).collect();
    let (mut names, mut held) = (BTreeMap::new(), BTreeSet::new());
    let jobs = jobs_of_stages(log);
    for (key, stage) in &log.stages {
        let jobs = jobs.get(&key.stage).map_or(&[][..], Vec::as_slice);
        let Some(work) = work_of(jobs, stage) else { continue };
        let called = match work {
            Work::Query(id) => log.called.get(&id).map(String::as_str),
            Work::Job(_) => None,
        };
        names.insert(work, called.unwrap_or_else(|| call_site(&stage.name)));
        for task in &stage.ran {
            let Some(place) = executors.places.get(&task.executor) else { continue };
            let Some(of_executor) = changes.get_mut(*place) else { continue };
            let ends_ms = task.finished_ms.max(task.launched_ms);
            if ends_ms > task.launched_ms {
                of_executor.extend([(task.launched_ms, Change::Begins(work)), (ends_ms, Change::Ends(work))]);
            }
            for rdd in &stage.cached {
                let frees_ms = log.unpersisted.get(rdd).copied();
                // A task that ends later holds nothing of it any more.
                if frees_ms.is_none_or(|at_ms| at_ms > ends_ms) && held.insert((*place, *rdd)) {
                    of_executor.push((ends_ms, Change::Holds(*rdd)));
                    of_executor.extend(frees_ms.map(|at_ms| (at_ms, Change::Frees(*rdd))));
                }
            }
        }
    }
    let mut parts = Parts::default();
    for (executor, mut changes) in executors.served.iter().zip(changes) {
        changes.sort_unstable();
        let until_ms = executor.removed_ms.unwrap_or(end_ms).min(end_ms);
        parts.add(f64::from(executor.slots.max(1)), (executor.added_ms, until_ms), &changes);
    }
    let mut work: Vec<WorkTime> = parts
        .work
        .into_iter()
        .map(|(work, executor_ms)| WorkTime { work, name: names.get(&work).copied().unwrap_or("").into(), executor_ms })
        .collect();
    work.sort_by(|one, other| other.executor_ms.total_cmp(&one.executor_ms).then(one.work.cmp(&other.work)));
    ExecutorTime { whole_ms: parts.whole_ms, work, pinned_ms: parts.pinned_ms, idle_ms: parts.idle_ms }
}

/// What a stage ran for: the last job with it that was started by then, or that job's query.
fn work_of(jobs: &[(i64, Work)], stage: &LoggedStage) -> Option<Work> {
    let at_ms = stage.submitted_ms.or_else(|| stage.ran.iter().map(|task| task.launched_ms).min())?;
    let started = jobs.iter().rev().find(|(started_ms, _)| *started_ms <= at_ms);
    started.or(jobs.first()).map(|(_, work)| *work)
}

/// The jobs that have each stage, the oldest first: when they were started, and what they are.
fn jobs_of_stages(log: &Log) -> BTreeMap<i64, Vec<(i64, Work)>> {
    let mut of_stages: BTreeMap<i64, Vec<(i64, Work)>> = BTreeMap::new();
    for (id, job) in &log.jobs {
        let query = job.execution.as_ref().and_then(|query| query.parse().ok());
        let work = query.map_or(Work::Job(*id), Work::Query);
        for stage in &job.stages {
            of_stages.entry(*stage).or_default().push((job.started_ms, work));
        }
    }
    of_stages
}

#[derive(Debug, Default)]
struct Parts {
    whole_ms: f64,
    work: BTreeMap<Work, f64>,
    pinned_ms: f64,
    idle_ms: f64,
}

impl Parts {
    /// Adds the time of one executor with so many slots, from and until when, by what changed on it.
    fn add(&mut self, slots: f64, (from_ms, until_ms): (i64, i64), changes: &[(i64, Change)]) {
        let mut running: BTreeMap<Work, u32> = BTreeMap::new();
        let mut holds: BTreeSet<i64> = BTreeSet::new();
        let mut now_ms = from_ms;
        self.whole_ms += (until_ms - from_ms).max(0) as f64;
        for (at_ms, change) in changes.iter().copied().chain(core::iter::once((until_ms, Change::Frees(i64::MIN)))) {
            let to_ms = at_ms.clamp(now_ms, until_ms.max(now_ms));
            self.pass(slots, (to_ms - now_ms) as f64, &running, holds.is_empty());
            now_ms = to_ms;
            match change {
                Change::Begins(work) => *running.entry(work).or_insert(0) += 1,
                Change::Ends(work) => {
                    if let Some(tasks) = running.get_mut(&work) {
                        *tasks -= 1;
                        if *tasks == 0 {
                            running.remove(&work);
                        }
                    }
                }
                Change::Holds(rdd) => {
                    holds.insert(rdd);
                }
                Change::Frees(rdd) => {
                    holds.remove(&rdd);
                }
            }
        }
    }

    fn pass(&mut self, slots: f64, ms: f64, running: &BTreeMap<Work, u32>, holds_nothing: bool) {
        let tasks = f64::from(running.values().sum::<u32>());
        // By clocks that differ a little, more tasks than slots seem to run.
        let each = ms / slots.max(tasks);
        for (work, tasks) in running {
            *self.work.entry(*work).or_insert(0.0) += each * f64::from(*tasks);
        }
        let idle_ms = ms - each * tasks;
        if tasks > 0.0 || holds_nothing {
            self.idle_ms += idle_ms;
        } else {
            self.pinned_ms += idle_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{LoggedExecutor, LoggedJob, LoggedTask, StageKey};
    use alloc::vec;

    fn task(executor: usize, launched_ms: i64, finished_ms: i64) -> LoggedTask {
        let mut log = Log::default();
        log.take_line(br#"{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":0,"Index":0,"Attempt":0,"Launch Time":0,"Executor ID":"1","Host":"h","Locality":"ANY","Speculative":false,"Getting Result Time":0,"Finish Time":0,"Failed":false,"Killed":false,"Accumulables":[]}}"#);
        let known = log.stages.into_values().flat_map(|stage| stage.ran).next();
        let known = known.unwrap_or_else(|| unreachable!("the line is a task's"));
        LoggedTask { executor, launched_ms, finished_ms, ..known }
    }

    /// Two executors of two slots for ten seconds; a query on both, and a job that caches on the second.
    fn log() -> Log {
        let executor = |id: &str, added_ms, removed_ms| LoggedExecutor {
            id: id.into(),
            added_ms: Some(added_ms),
            removed_ms,
            cores: 2,
            ..LoggedExecutor::default()
        };
        let job = |started_ms, stages, execution: Option<&str>| LoggedJob {
            started_ms,
            stages,
            execution: execution.map(Into::into),
            ..LoggedJob::default()
        };
        let stage = |name: &str, submitted_ms, cached, ran| LoggedStage {
            name: name.into(),
            submitted_ms: Some(submitted_ms),
            cached,
            ran,
            ..LoggedStage::default()
        };
        let mut log = Log::default();
        (log.started_ms, log.ended_ms) = (Some(0), Some(10_000));
        log.executors = vec![executor("1", 0, Some(6_000)), executor("2", 2_000, None)];
        log.jobs = BTreeMap::from([(0, job(1_000, vec![0], Some("7"))), (1, job(4_000, vec![0, 1], None))]);
        log.stages = BTreeMap::from([
            (
                StageKey { stage: 0, attempt: 0 },
                stage(
                    "collect at a.py:1",
                    1_000,
                    vec![],
                    vec![task(0, 1_000, 3_000), task(0, 1_000, 2_000), task(1, 3_000, 3_000)],
                ),
            ),
            (
                StageKey { stage: 1, attempt: 0 },
                stage("count at secret 'words':2", 4_000, vec![5], vec![task(1, 4_000, 5_000)]),
            ),
        ]);
        log.unpersisted = BTreeMap::from([(5, 8_000)]);
        log
    }

    #[test]
    fn parts_add_up_to_the_executors_time() {
        let time = executor_time(&log());
        // The query: 1 s on two slots and 1 s on one; the job 1 s on one slot.
        let work: Vec<(Work, &str, f64)> =
            time.work.iter().map(|one| (one.work, one.name.as_str(), one.executor_ms)).collect();
        assert_eq!(work, [(Work::Query(7), "collect at a.py:1", 1_500.0), (Work::Job(1), "", 500.0)]);
        // The second executor runs nothing while it holds what was cached.
        assert_eq!((time.whole_ms, time.pinned_ms), (14_000.0, 3_000.0));
        assert_eq!(time.idle_ms, 14_000.0 - 2_000.0 - 3_000.0);
    }

    #[test]
    fn more_tasks_than_slots_share_them() {
        let mut crowded = log();
        let key = StageKey { stage: 0, attempt: 0 };
        crowded.stages.entry(key).or_default().ran = vec![task(0, 1_000, 2_000); 4];
        let time = executor_time(&crowded);
        assert_eq!(time.work.first().map(|one| one.executor_ms), Some(1_000.0));
        assert_eq!(executor_time(&Log::default()), ExecutorTime::default());
    }
}
