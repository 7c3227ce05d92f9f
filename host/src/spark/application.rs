//! A running application as its events add up: executors, tasks, cached blocks, shuffle output, task time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sparkwright_core::control::{ExecutorFacts, ExecutorState, RECENT_MS};
use sparkwright_core::query::SpillFacts;
use sparkwright_core::units::Bytes;

use super::events::{Event, StageEvent, TaskEnd};
use super::work::Work;

/// More recent tasks than this are not kept.
const MOST_RECENT: usize = 2_000;
/// Spark's name for the driver among the executors.
pub const DRIVER: &str = "driver";

/// One executor.
#[derive(Debug, Clone, Default)]
struct Executor {
    cores: u32,
    running: u32,
    idle_since_ms: u64,
    storage_bytes: u64,
    cached: BTreeMap<String, u64>,
    shuffle: BTreeMap<i64, u64>,
    leaving: bool,
}

/// One running stage attempt.
#[derive(Debug, Clone, Default)]
struct Stage {
    tasks: u32,
    running: u32,
    succeeded: BTreeSet<i64>,
    ended: u64,
    ended_ms: u64,
    spilled_bytes: u64,
    shuffle_read_bytes: u64,
    largest_read_bytes: u64,
}

impl Stage {
    /// What it spilled, where it did and read a shuffle.
    fn spill(&self) -> Option<SpillFacts> {
        let mean = self.shuffle_read_bytes as f64 / self.ended.max(1) as f64;
        (self.spilled_bytes > 0 && mean > 0.0).then(|| SpillFacts {
            spilled_bytes: Bytes(self.spilled_bytes),
            shuffle_bytes: Bytes(self.shuffle_read_bytes),
            tasks: self.ended,
            largest_over_mean: self.largest_read_bytes as f64 / mean,
        })
    }
}

/// A task that ended not long ago.
#[derive(Debug, Clone, Copy)]
struct RecentTask {
    at_ms: u64,
    run_ms: u64,
    gc_ms: u64,
    failed: bool,
}

/// An executor that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorChange {
    /// It registered.
    Added {
        /// When.
        at_ms: u64,
        /// Which.
        executor: String,
        /// Its cores.
        cores: u32,
    },
    /// It went.
    Removed {
        /// When.
        at_ms: u64,
        /// Which.
        executor: String,
        /// Why, in Spark's words.
        reason: String,
    },
}

/// The application.
#[derive(Debug, Default)]
pub struct Application {
    executors: BTreeMap<String, Executor>,
    stages: BTreeMap<(i64, i64), Stage>,
    jobs: BTreeMap<i64, Vec<i64>>,
    /// What its tasks were for.
    pub work: Work,
    /// Bytes of memory that each cached block holds, by executor (the driver included) and block.
    stored: BTreeMap<(String, String), u64>,
    stored_bytes: u64,
    recent: VecDeque<RecentTask>,
    facts_at_ms: u64,
    largest_ended_stage_tasks: u64,
    total_tasks: u64,
    total_task_ms: u64,
    failed_tasks: u64,
    facts_lost: bool,
}

impl Application {
    /// The driver said something at `now_ms`.
    pub fn heard(&mut self, now_ms: u64) {
        self.facts_at_ms = now_ms;
    }

    /// Takes in an event that reached the host at `now_ms`; says which executor came or went.
    pub fn take(&mut self, event: &Event, now_ms: u64) -> Option<ExecutorChange> {
        match event {
            Event::ExecutorAdded(added) if added.executor != DRIVER => {
                let executor = self.executors.entry(added.executor.clone()).or_default();
                executor.cores = added.info.cores;
                executor.idle_since_ms = now_ms;
                return Some(ExecutorChange::Added {
                    at_ms: added.at_ms,
                    executor: added.executor.clone(),
                    cores: added.info.cores,
                });
            }
            // A decommissioned executor is removed twice; the second time there is nothing left to remove.
            Event::ExecutorRemoved(removed) => {
                self.executors.remove(&removed.executor)?;
                self.stored_no_more(|(executor, _)| *executor == removed.executor);
                return Some(ExecutorChange::Removed {
                    at_ms: removed.at_ms,
                    executor: removed.executor.clone(),
                    reason: removed.reason.clone(),
                });
            }
            Event::BlockManagerAdded(added) => {
                if let Some(executor) = self.executors.get_mut(&added.manager.executor) {
                    executor.storage_bytes = added.storage_bytes;
                }
            }
            Event::JobStart(job) => {
                self.work.job_started(job);
                self.jobs.insert(job.job, job.stages.clone());
            }
            Event::JobEnd(end) => {
                self.jobs.remove(&end.job);
                self.work.job_ended(end);
            }
            Event::StageSubmitted(StageEvent { stage }) => {
                let tasks = stage.tasks;
                self.stages.insert((stage.stage, stage.attempt), Stage { tasks, ..Stage::default() });
            }
            Event::StageCompleted(StageEvent { stage }) => {
                let ended = self.stages.remove(&(stage.stage, stage.attempt));
                if stage.failure.is_none() {
                    self.largest_ended_stage_tasks = self.largest_ended_stage_tasks.max(u64::from(stage.tasks));
                }
                if let Some(ended) = ended {
                    self.work.stage_shuffled(stage.stage, ended.shuffle_read_bytes);
                    if let Some(spill) = ended.spill() {
                        self.work.stage_spilled(stage.stage, spill);
                    }
                }
            }
            Event::TaskStart(start) => {
                self.work.task_started(start.stage);
                if let Some(stage) = self.stages.get_mut(&(start.stage, start.attempt)) {
                    stage.running += 1;
                }
                if let Some(executor) = self.executors.get_mut(&start.info.executor) {
                    executor.running += 1;
                }
            }
            Event::TaskEnd(end) => self.task_ended(end, now_ms),
            Event::BlockUpdated(update) => self.block_updated(&update.block),
            Event::UnpersistRdd(gone) => {
                let prefix = format!("rdd_{}_", gone.rdd);
                self.stored_no_more(|(_, block)| block.starts_with(&prefix));
                for executor in self.executors.values_mut() {
                    executor.cached.retain(|block, _| !block.starts_with(&prefix));
                }
            }
            Event::SqlStart(start) => self.work.execution_started(start),
            Event::SqlEnd(end) => self.work.execution_ended(end),
            _ => {}
        }
        None
    }

    fn task_ended(&mut self, end: &TaskEnd, now_ms: u64) {
        let info = &end.info;
        let metrics = end.metrics.clone().unwrap_or_default();
        let succeeded = !info.failed && !info.killed;
        if let Some(stage) = self.stages.get_mut(&(end.stage, end.attempt)) {
            stage.running = stage.running.saturating_sub(1);
            if succeeded {
                stage.succeeded.insert(info.index);
                stage.ended += 1;
                stage.ended_ms = stage.ended_ms.saturating_add(info.finish_ms.saturating_sub(info.launch_ms));
                let read = metrics.shuffle_read.bytes();
                stage.spilled_bytes = stage.spilled_bytes.saturating_add(metrics.spilled_bytes);
                stage.shuffle_read_bytes = stage.shuffle_read_bytes.saturating_add(read);
                stage.largest_read_bytes = stage.largest_read_bytes.max(read);
            }
        }
        if let Some(executor) = self.executors.get_mut(&info.executor) {
            executor.running = executor.running.saturating_sub(1);
            executor.idle_since_ms = now_ms;
            if metrics.shuffle_write.bytes > 0 {
                *executor.shuffle.entry(end.stage).or_insert(0) += metrics.shuffle_write.bytes;
            }
        }
        self.work.task_ended(end);
        self.total_tasks += 1;
        self.total_task_ms = self.total_task_ms.saturating_add(metrics.run_ms);
        self.failed_tasks += u64::from(info.failed);
        self.recent.push_back(RecentTask {
            at_ms: now_ms,
            run_ms: metrics.run_ms,
            gc_ms: metrics.gc_ms,
            failed: info.failed,
        });
        while self.recent.len() > MOST_RECENT || self.recent.front().is_some_and(|task| task.at_ms + RECENT_MS < now_ms)
        {
            self.recent.pop_front();
        }
    }

    fn block_updated(&mut self, block: &super::events::BlockUpdated) {
        if !block.block.starts_with("rdd_") {
            return;
        }
        let place = (block.manager.executor.clone(), block.block.clone());
        let memory_bytes = block.bytes().min(block.memory_bytes);
        let before =
            if memory_bytes > 0 { self.stored.insert(place, memory_bytes) } else { self.stored.remove(&place) };
        self.stored_bytes = self.stored_bytes.saturating_sub(before.unwrap_or(0)).saturating_add(memory_bytes);
        if let Some(executor) = self.executors.get_mut(&block.manager.executor) {
            let bytes = block.bytes();
            if bytes == 0 {
                executor.cached.remove(&block.block);
            } else {
                executor.cached.insert(block.block.clone(), bytes);
            }
        }
    }

    fn stored_no_more(&mut self, gone: impl Fn(&(String, String)) -> bool) {
        self.stored.retain(|place, bytes| {
            let goes = gone(place);
            if goes {
                self.stored_bytes = self.stored_bytes.saturating_sub(*bytes);
            }
            !goes
        });
    }

    /// Says that events were lost: from now on counts may be wrong.
    pub fn lose_facts(&mut self) {
        self.facts_lost = true;
    }

    /// Whether events were lost.
    #[must_use]
    pub fn facts_lost(&self) -> bool {
        self.facts_lost
    }

    /// Says that these executors were told to go.
    pub fn leaving(&mut self, executors: &[String]) {
        for id in executors {
            if let Some(executor) = self.executors.get_mut(id) {
                executor.leaving = true;
            }
        }
    }

    /// Says that these executors stay after all: the command to let them go failed.
    pub fn staying(&mut self, executors: &[String]) {
        for id in executors {
            if let Some(executor) = self.executors.get_mut(id) {
                executor.leaving = false;
            }
        }
    }

    /// When the newest fact arrived.
    #[must_use]
    pub fn facts_at_ms(&self) -> u64 {
        self.facts_at_ms
    }

    /// Executors that are there and not leaving.
    #[must_use]
    pub fn live_executors(&self) -> u32 {
        count(self.executors.values().filter(|executor| !executor.leaving).count())
    }

    /// Executors that are there, those included that were told to go.
    #[must_use]
    pub fn registered_executors(&self) -> u32 {
        count(self.executors.len())
    }

    /// Memory that cached blocks hold, on all executors and the driver.
    #[must_use]
    pub const fn storage_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Cores of an executor, where there is one.
    #[must_use]
    pub fn executor_cores(&self) -> Option<u32> {
        self.executors.values().map(|executor| executor.cores).filter(|cores| *cores > 0).max()
    }

    /// The executors as `control` sees them.
    #[must_use]
    pub fn executor_facts(&self, now_ms: u64) -> Vec<ExecutorFacts> {
        let active: BTreeSet<i64> = self.jobs.values().flatten().copied().collect();
        // With adaptive execution each shuffle is a job of its own, and the next one reads what it wrote.
        let in_use = |stage: &i64| active.contains(stage) || self.work.of_running_execution(*stage);
        self.executors
            .iter()
            .map(|(id, executor)| {
                let shuffle: u64 =
                    executor.shuffle.iter().filter(|(stage, _)| in_use(stage)).map(|(_, bytes)| *bytes).sum();
                let state = if executor.leaving {
                    ExecutorState::Leaving
                } else if self.facts_lost {
                    ExecutorState::Unknown
                } else {
                    ExecutorState::Active
                };
                ExecutorFacts {
                    id: id.clone(),
                    state,
                    running_tasks: executor.running,
                    idle_ms: if executor.running > 0 { 0 } else { now_ms.saturating_sub(executor.idle_since_ms) },
                    cached_bytes: Bytes(executor.cached.values().sum()),
                    storage_bytes: Bytes(executor.storage_bytes),
                    active_shuffle_bytes: Bytes(shuffle),
                }
            })
            .collect()
    }

    /// Tasks of running stages: those that wait and those that run.
    #[must_use]
    pub fn tasks(&self) -> (u64, u64) {
        self.stages.values().fold((0, 0), |(pending, running), stage| {
            let started = stage.running.saturating_add(count(stage.succeeded.len()));
            (pending + u64::from(stage.tasks.saturating_sub(started)), running + u64::from(stage.running))
        })
    }

    /// Tasks of the largest stage that has ended.
    #[must_use]
    pub const fn largest_ended_stage_tasks(&self) -> u64 {
        self.largest_ended_stage_tasks
    }

    /// Mean run time of the ended tasks of running stages.
    #[must_use]
    pub fn mean_task_ms(&self) -> Option<u64> {
        let (ended, ms) = self
            .stages
            .values()
            .fold((0u64, 0u64), |(ended, ms), stage| (ended + stage.ended, ms.saturating_add(stage.ended_ms)));
        ms.checked_div(ended)
    }

    /// Shares of recent task time in garbage collection, and of recent tasks that failed.
    #[must_use]
    pub fn recent_shares(&self) -> (Option<f64>, Option<f64>) {
        if self.recent.is_empty() {
            return (None, None);
        }
        let run: u64 = self.recent.iter().map(|task| task.run_ms).sum();
        let gc: u64 = self.recent.iter().map(|task| task.gc_ms).sum();
        let failed = self.recent.iter().filter(|task| task.failed).count();
        let gc_share = (run > 0).then(|| (gc as f64 / run as f64).min(1.0));
        (gc_share, Some(failed as f64 / self.recent.len() as f64))
    }

    /// Task time of a SQL execution that has ended well: one that failed says nothing of what all of its work costs.
    #[must_use]
    pub fn ended_task_ms(&self, execution: i64) -> Option<u64> {
        self.work.execution(execution).filter(|work| work.ended_ms.is_some() && !work.failed).map(|work| work.task_ms)
    }

    /// Tasks ended, their run time, and how many failed, over the whole run.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        (self.total_tasks, self.total_task_ms, self.failed_tasks)
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn take(application: &mut Application, json: &str) -> Option<ExecutorChange> {
        application.take(&Event::read(json.as_bytes()).unwrap(), 1_000)
    }

    fn with_a_running_stage() -> Application {
        let mut application = Application::default();
        for json in [
            r#"{"Event":"SparkListenerExecutorAdded","Timestamp":1,"Executor ID":"0","Executor Info":{"Host":"h","Total Cores":2}}"#,
            r#"{"Event":"SparkListenerJobStart","Job ID":1,"Stage IDs":[4],"Properties":{"spark.sql.execution.id":"9"}}"#,
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":9,"time":5}"#,
            r#"{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":4,"Stage Attempt ID":0,"Number of Tasks":5}}"#,
            r#"{"Event":"SparkListenerTaskStart","Stage ID":4,"Stage Attempt ID":0,"Task Info":{"Executor ID":"0","Index":0,"Launch Time":10}}"#,
            r#"{"Event":"SparkListenerTaskStart","Stage ID":4,"Stage Attempt ID":0,"Task Info":{"Executor ID":"0","Index":1,"Launch Time":10}}"#,
            r#"{"Event":"SparkListenerTaskEnd","Stage ID":4,"Stage Attempt ID":0,"Task Info":{"Executor ID":"0","Index":0,"Launch Time":10,"Finish Time":60},"Task Metrics":{"Executor Run Time":40,"JVM GC Time":4,"Shuffle Write Metrics":{"Shuffle Bytes Written":512}}}"#,
        ] {
            take(&mut application, json);
        }
        application
    }

    #[test]
    fn tasks_shuffle_and_time_add_up() {
        let mut application = with_a_running_stage();
        assert_eq!(application.tasks(), (3, 1));
        assert_eq!(application.mean_task_ms(), Some(50));
        let executor = &application.executor_facts(1_000)[0];
        assert_eq!((executor.running_tasks, executor.active_shuffle_bytes), (1, Bytes(512)));
        assert_eq!(application.recent_shares(), (Some(0.1), Some(0.0)));
        assert_eq!(application.ended_task_ms(9), None);
        // The next job of the execution reads what this one wrote.
        take(&mut application, r#"{"Event":"SparkListenerJobEnd","Job ID":1}"#);
        assert_eq!(application.executor_facts(1_000)[0].active_shuffle_bytes, Bytes(512));
        take(
            &mut application,
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd","executionId":9,"time":99}"#,
        );
        assert_eq!(application.ended_task_ms(9), Some(40));
        take(
            &mut application,
            r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd","executionId":9,"time":99,"errorMessage":"Job 1 cancelled"}"#,
        );
        assert_eq!(application.ended_task_ms(9), None);
        assert_eq!(application.executor_facts(1_000)[0].active_shuffle_bytes, Bytes(0));
    }

    #[test]
    fn a_failed_task_is_pending_again() {
        let mut application = with_a_running_stage();
        take(
            &mut application,
            r#"{"Event":"SparkListenerTaskEnd","Stage ID":4,"Stage Attempt ID":0,"Task Info":{"Executor ID":"0","Index":1,"Failed":true}}"#,
        );
        assert_eq!(application.tasks(), (4, 0));
        assert_eq!(application.recent_shares().1, Some(0.5));
    }

    #[test]
    fn a_decommissioned_executor_goes_once() {
        let mut application = with_a_running_stage();
        let gone = r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":7,"Executor ID":"0","Removed Reason":"Executor decommission"}"#;
        assert!(matches!(take(&mut application, gone), Some(ExecutorChange::Removed { .. })));
        assert_eq!(take(&mut application, gone), None);
        assert_eq!(application.live_executors(), 0);
    }

    #[test]
    fn storage_memory_is_that_of_blocks_that_are_there() {
        let mut application = with_a_running_stage();
        let block = |executor: &str, block: &str, memory: u64, disk: u64| {
            format!(
                r#"{{"Event":"SparkListenerBlockUpdated","Block Updated Info":{{"Block Manager ID":{{"Executor ID":"{executor}"}},"Block ID":"{block}","Storage Level":{{"Replication":1}},"Memory Size":{memory},"Disk Size":{disk}}}}}"#
            )
        };
        for update in [block("0", "rdd_3_1", 50, 7), block("driver", "rdd_33_0", 20, 0), block("0", "rdd_3_2", 0, 9)] {
            take(&mut application, &update);
        }
        assert_eq!(application.storage_bytes(), 70);
        take(&mut application, r#"{"Event":"SparkListenerUnpersistRDD","RDD ID":3}"#);
        assert_eq!(application.storage_bytes(), 20);
        take(&mut application, &block("0", "rdd_33_1", 5, 0));
        take(&mut application, r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":7,"Executor ID":"0"}"#);
        assert_eq!(application.storage_bytes(), 20);
    }

    #[test]
    fn cached_blocks_move_with_their_executor() {
        let mut application = with_a_running_stage();
        let block = |bytes, replication| {
            format!(
                r#"{{"Event":"SparkListenerBlockUpdated","Block Updated Info":{{"Block Manager ID":{{"Executor ID":"0"}},"Block ID":"rdd_3_1","Storage Level":{{"Use Memory":true,"Replication":{replication}}},"Memory Size":{bytes},"Disk Size":0}}}}"#
            )
        };
        for gone in [block(0, 1), block(77, 0)] {
            take(&mut application, &block(77, 1));
            assert_eq!(application.executor_facts(0)[0].cached_bytes, Bytes(77));
            assert_eq!(application.storage_bytes(), 77);
            take(&mut application, &gone);
            assert_eq!(application.executor_facts(0)[0].cached_bytes, Bytes(0));
            assert_eq!(application.storage_bytes(), 0);
        }
    }
}
