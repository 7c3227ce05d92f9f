//! What the events of a run add up to, as `review` asks for it.

use std::collections::{BTreeMap, BTreeSet};

use sparkwright_core::facts::{PastRun, parse_spark_memory};
use sparkwright_core::out_of_memory::{self, Lacked, Memory};
use sparkwright_core::review::critical_path::{Job, Step, critical_path_ms};
use sparkwright_core::review::{ReviewInput, StageFacts};
use sparkwright_core::units::Bytes;

use super::covered::Covered;
use super::tasks::{Task, at_rank, usual_peak_bytes};
use crate::spark::application::DRIVER;
use crate::spark::events::{Event, SqlStart, StageInfo, TaskEnd};

/// More stages than this are not reviewed: the longest are.
const MOST_STAGES: usize = 1_000;

/// Accumulators that are remembered until a plan has them: the newest.
const MOST_UNCLAIMED: usize = 10_000;

/// Where no stage says why a query failed.
const NO_STAGE: i64 = -1;

/// One stage, all its attempts together.
#[derive(Debug, Clone, Default)]
struct Stage {
    name: String,
    parents: Vec<i64>,
    submitted_ms: Option<u64>,
    completed_ms: Option<u64>,
    tasks: Vec<Task>,
    /// How many tasks it has.
    planned: u64,
    /// Whether those are for all of its partitions.
    whole: bool,
    /// Whether it was tried more than once.
    again: bool,
    failed: u64,
}

impl Stage {
    const fn ran(&self) -> bool {
        !self.tasks.is_empty() || self.failed > 0
    }
}

#[derive(Debug, Clone, Copy)]
struct Executor {
    cores: u32,
    from_ms: u64,
    to_ms: Option<u64>,
}

/// A run by its events.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// The application's name.
    pub name: String,
    started_ms: Option<u64>,
    ended_ms: Option<u64>,
    last_ms: u64,
    conf: BTreeMap<String, String>,
    executors: BTreeMap<String, Executor>,
    stages: BTreeMap<i64, Stage>,
    jobs: BTreeMap<i64, Job>,
    heap_peak_bytes: u64,
    /// Accumulators of the size of the files that a scan reads.
    scans: BTreeSet<i64>,
    /// What was told of accumulators before any plan that has them: a kept plan is filled while its query is planned.
    unclaimed: BTreeMap<i64, i64>,
    /// The sizes that they had: the same files, read again, are as large, and another set of files hardly ever is to the byte.
    scanned: BTreeSet<u64>,
    /// Whether there were scans of something else, of which nobody knows how much they read.
    other_scans: bool,
    memory_failures: u64,
    /// The stage that failed last, and why.
    failed: Option<(i64, String)>,
    /// The memory for want of which an executor was lost last.
    lost: Option<Memory>,
    /// What the last job or query that ended failed for want of, with its stage.
    lacked: Option<(Memory, i64, String)>,
}

impl Measured {
    /// Takes in an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::ApplicationStart(start) => {
                self.started_ms = Some(start.at_ms);
                self.name.clone_from(&start.name);
                self.heard(start.at_ms);
            }
            Event::ApplicationEnd(end) => {
                self.ended_ms = Some(end.at_ms);
                self.heard(end.at_ms);
            }
            Event::Environment(environment) => self.conf.clone_from(&environment.spark),
            Event::ExecutorAdded(added) => {
                let executor = Executor { cores: added.info.cores, from_ms: added.at_ms, to_ms: None };
                self.executors.insert(added.executor.clone(), executor);
            }
            Event::ExecutorRemoved(removed) => {
                // A decommissioned one is removed twice.
                if let Some(executor) = self.executors.get_mut(&removed.executor) {
                    let lost = Memory::of_executor(&removed.reason).filter(|_| executor.to_ms.is_none());
                    self.memory_failures += u64::from(lost == Some(Memory::ExecutorHeap));
                    if executor.to_ms.is_none() {
                        self.lost = lost;
                    }
                    executor.to_ms.get_or_insert(removed.at_ms);
                }
            }
            Event::JobStart(job) => {
                let stages = job.stages.clone();
                self.jobs.insert(job.job, Job { stages, from_ms: job.at_ms, to_ms: u64::MAX });
            }
            Event::JobEnd(end) => {
                if let Some(job) = self.jobs.get_mut(&end.job) {
                    job.to_ms = end.at_ms;
                }
                if !end.failed() {
                    self.lost = None;
                }
                self.lacked = self.failed.take().filter(|_| end.failed()).and_then(|(stage, why)| {
                    let memory = Memory::of_stage_after(&why, self.lost)?;
                    Some((memory, stage, why))
                });
                self.heard(end.at_ms);
            }
            Event::StageSubmitted(stage) | Event::StageCompleted(stage) => self.stage(&stage.stage),
            Event::SqlStart(SqlStart { scans, .. }) | Event::SqlReplanned(scans) => {
                for accumulator in &scans.file_sizes {
                    match self.unclaimed.remove(accumulator) {
                        Some(bytes) => self.scanned.extend(u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)),
                        None => {
                            self.scans.insert(*accumulator);
                        }
                    }
                }
                self.other_scans |= scans.others > 0;
            }
            Event::DriverMetrics(metrics) => {
                for (accumulator, bytes) in &metrics.updates {
                    if self.scans.remove(accumulator) {
                        self.scanned.extend(u64::try_from(*bytes).ok().filter(|bytes| *bytes > 0));
                    } else {
                        self.unclaimed.insert(*accumulator, *bytes);
                    }
                }
                while self.unclaimed.len() > MOST_UNCLAIMED {
                    self.unclaimed.pop_first();
                }
            }
            Event::SqlEnd(end) => match end.error.as_deref().filter(|error| !error.is_empty()) {
                None => self.lacked = None,
                // Where one of its jobs failed, that tells more.
                Some(error) => {
                    let by_driver = || Some((Memory::of_query(error)?, NO_STAGE, error.to_owned()));
                    self.lacked = self.lacked.take().or_else(by_driver);
                }
            },
            Event::TaskEnd(end) => self.task(end),
            _ => {}
        }
    }

    fn heard(&mut self, at_ms: u64) {
        self.last_ms = self.last_ms.max(at_ms);
    }

    fn stage(&mut self, info: &StageInfo) {
        let stage = self.stages.entry(info.stage).or_default();
        stage.name.clone_from(&info.name);
        stage.parents.clone_from(&info.parents);
        stage.planned = info.tasks.into();
        let partitions = info.rdds.iter().map(|rdd| rdd.partitions).max();
        stage.whole = partitions == Some(stage.planned);
        stage.again |= info.attempt > 0;
        if let Some(why) = info.failure.as_ref().filter(|why| !why.is_empty()) {
            self.failed = Some((info.stage, why.clone()));
        }
        if let Some(at_ms) = info.submitted_ms {
            stage.submitted_ms = Some(stage.submitted_ms.map_or(at_ms, |known| known.min(at_ms)));
        }
        if let Some(at_ms) = info.completed_ms {
            stage.completed_ms = Some(stage.completed_ms.map_or(at_ms, |known| known.max(at_ms)));
            self.last_ms = self.last_ms.max(at_ms);
        }
    }

    fn task(&mut self, end: &TaskEnd) {
        self.heard(end.info.finish_ms);
        if end.info.executor != DRIVER {
            self.heap_peak_bytes = self.heap_peak_bytes.max(end.heap_peak_bytes());
        }
        let stage = self.stages.entry(end.stage).or_default();
        if end.info.failed || end.info.killed {
            let class = end.reason.class.as_deref().unwrap_or_default();
            self.memory_failures += u64::from(Memory::of_stage(class) == Some(Memory::ExecutorHeap));
            stage.failed += u64::from(end.info.failed);
            return;
        }
        stage.tasks.push(Task::of(end));
    }

    /// Whether there is anything to review.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.started_ms.is_none() && self.stages.is_empty()
    }

    /// How many stages ran that are too many for the review of the policy.
    #[must_use]
    pub fn stages_left_out(&self) -> usize {
        self.stages.values().filter(|stage| stage.ran()).count().saturating_sub(MOST_STAGES)
    }

    /// Whether the log has an end.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended_ms.is_some()
    }

    /// When the application began.
    #[must_use]
    pub fn started_ms(&self) -> u64 {
        let first_task = || self.stages.values().filter_map(|stage| stage.submitted_ms).min();
        self.started_ms.or_else(first_task).unwrap_or(0)
    }

    /// The question of a review, with earlier runs and what the user knows of the input.
    #[must_use]
    pub fn question(&self, earlier: &[PastRun], input_bytes: Option<Bytes>) -> ReviewInput {
        let from = self.started_ms();
        let to = self.ended_ms.unwrap_or(self.last_ms).max(from);
        let tasks = || self.stages.values().flat_map(|stage| &stage.tasks);
        let busy = tasks().map(|task| (task.from_ms.max(from), task.to_ms.min(to))).collect::<Covered>();
        let steps = self.stages.iter().map(|(id, stage)| {
            let longest_task_ms = stage.tasks.iter().map(|task| task.to_ms - task.from_ms).max().unwrap_or(0);
            (*id, Step { longest_task_ms, parents: stage.parents.clone() })
        });
        // Executors' times are other machines' word; those that came after the end are of another clock.
        let workers: Vec<Executor> = self.workers().into_iter().filter(|executor| executor.from_ms <= to).collect();
        let heap = self.conf.get(if self.local() { "spark.driver.memory" } else { "spark.executor.memory" });
        ReviewInput {
            wall_ms: to - from,
            driver_ms: (to - from).saturating_sub(busy.ms()),
            critical_path_ms: Some(critical_path_ms(&steps.collect(), self.jobs.values().cloned())),
            input_bytes,
            scanned_bytes: (!self.scanned.is_empty() && !self.other_scans)
                .then(|| Bytes(self.scanned.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)))),
            executors_at_start: self.executors_at_start(),
            task_peak_bytes: usual_peak_bytes(tasks().map(|task| task.peak_bytes)).map(Bytes),
            executor_ms: workers
                .iter()
                .map(|it| it.to_ms.unwrap_or(to).min(to).saturating_sub(it.from_ms.max(from)))
                .sum(),
            executors: most_at_once(&workers, to),
            executor_cores: workers.iter().map(|executor| executor.cores).max(),
            task_cpus: self.whole("spark.task.cpus"),
            executor_heap_bytes: heap.and_then(|text| parse_spark_memory(text)),
            memory_failures: Some(self.memory_failures),
            heap_peak_bytes: (self.heap_peak_bytes > 0).then_some(Bytes(self.heap_peak_bytes)),
            slots: None,
            shuffle_partitions: self.whole("spark.sql.shuffle.partitions"),
            local: self.local(),
            stages: self.longest_stages(),
            history_ms: earlier.iter().map(|run| run.run_ms).collect(),
        }
    }

    /// The memory for want of which the last job or query failed.
    #[must_use]
    pub fn lacked(&self) -> Option<Lacked> {
        let (memory, stage, why) = self.lacked.as_ref()?;
        let lacked = memory.lacked(why, self.local(), |key| self.conf.get(key).map(|value| value.trim()));
        let stage = self.stages.get(stage);
        let wanted_bytes = match lacked.memory {
            Memory::Results => {
                let mut results: Vec<u64> =
                    stage.iter().flat_map(|stage| &stage.tasks).map(|task| task.result_bytes).collect();
                results.sort_unstable();
                out_of_memory::all_results(why, stage.map_or(0, |stage| stage.planned), at_rank(&results, 50))
            }
            Memory::ExecutorHeap => stage.and_then(|stage| self.left_for_one(stage)),
            _ => None,
        };
        Some(Lacked { wanted_bytes, ..lacked })
    }

    /// What was left of a stage's shuffle for its one task that did not end; nothing where more of them did not.
    fn left_for_one(&self, stage: &Stage) -> Option<Bytes> {
        // Parts of it may have been written more than once, where executors were lost.
        let written = |id: &i64| {
            let parent = self.stages.get(id)?;
            let written = u128::from(sum(&parent.tasks, |task| task.shuffle_written_bytes));
            let all = (written * u128::from(parent.planned)).checked_div(parent.tasks.len() as u128)?;
            u64::try_from(all).ok()
        };
        let clear = stage.whole && (stage.tasks.is_empty() || !stage.again);
        if !clear || stage.tasks.len() as u64 + 1 != stage.planned {
            return None;
        }
        let all: u64 = stage.parents.iter().map(written).sum::<Option<u64>>()?;
        let left = all.saturating_sub(sum(&stage.tasks, |task| task.shuffle_read_bytes));
        (left > 0).then_some(Bytes(left))
    }

    /// The executors that Spark asked for at first, as it was configured: the largest of three with dynamic allocation
    /// (`Utils.getDynamicAllocationInitialExecutors`). Nobody knows where it took all that
    /// the cluster has.
    fn executors_at_start(&self) -> Option<u32> {
        let enabled = self.conf.get("spark.dynamicAllocation.enabled");
        let dynamic = enabled.is_some_and(|on| on.trim().eq_ignore_ascii_case("true"));
        let of_dynamic = |key: &str| self.whole(key).filter(|_| dynamic);
        self.whole("spark.executor.instances")
            .max(of_dynamic("spark.dynamicAllocation.initialExecutors"))
            .max(of_dynamic("spark.dynamicAllocation.minExecutors"))
    }

    fn whole(&self, key: &str) -> Option<u32> {
        self.conf.get(key)?.trim().parse().ok()
    }

    /// Whether the driver ran every task.
    fn local(&self) -> bool {
        self.executors.keys().all(|id| id == DRIVER)
    }

    /// The executors; with a local master the driver is one.
    fn workers(&self) -> Vec<Executor> {
        let local = self.local();
        self.executors.iter().filter(|(id, _)| local || *id != DRIVER).map(|(_, executor)| *executor).collect()
    }

    /// The stages that ran, in their order; the longest where there are too many.
    fn longest_stages(&self) -> Vec<StageFacts> {
        let mut stages: Vec<(i64, StageFacts)> =
            self.stages.iter().filter(|(_, stage)| stage.ran()).map(|(id, stage)| (*id, facts(*id, stage))).collect();
        if stages.len() > MOST_STAGES {
            stages.sort_by_key(|(_, stage)| std::cmp::Reverse(stage.wall_ms));
            stages.truncate(MOST_STAGES);
            stages.sort_by_key(|(id, _)| *id);
        }
        stages.into_iter().map(|(_, facts)| facts).collect()
    }
}

/// A sum over tasks.
fn sum(tasks: &[Task], of: impl Fn(&Task) -> u64) -> u64 {
    tasks.iter().fold(0, |sum: u64, task| sum.saturating_add(of(task)))
}

fn facts(id: i64, stage: &Stage) -> StageFacts {
    let tasks = &stage.tasks;
    let sum = |of: fn(&Task) -> u64| sum(tasks, of);
    let sorted = |of: fn(&Task) -> u64| {
        let mut values: Vec<u64> = tasks.iter().map(of).collect();
        values.sort_unstable();
        values
    };
    let (times, sizes) = (sorted(|task| task.to_ms - task.from_ms), sorted(|task| task.read_bytes));
    let first = tasks.iter().map(|task| task.from_ms).min().unwrap_or(0);
    let last = tasks.iter().map(|task| task.to_ms).max().unwrap_or(0);
    let from = stage.submitted_ms.unwrap_or(first);
    let wall_ms = stage.completed_ms.unwrap_or(last).saturating_sub(from);
    let busy = tasks.iter().map(|task| (task.from_ms, task.to_ms)).collect::<Covered>();
    StageFacts {
        name: format!("stage {id}: {}", stage.name),
        wall_ms,
        expected_ms: None,
        tasks: tasks.len() as u64,
        failed_tasks: stage.failed,
        task_ms: sum(|task| task.run_ms),
        median_task_ms: at_rank(&times, 50).unwrap_or(0),
        longest_task_ms: times.last().copied().unwrap_or(0),
        gc_ms: sum(|task| task.gc_ms),
        wait_ms: wall_ms.saturating_sub(busy.ms()),
        spilled_bytes: Bytes(sum(|task| task.spilled_bytes)),
        read_bytes: Bytes(sum(|task| task.read_bytes)),
        shuffle_read_bytes: Bytes(sum(|task| task.shuffle_read_bytes)),
        median_partition_bytes: Bytes(at_rank(&sizes, 50).unwrap_or(0)),
        largest_partition_bytes: Bytes(sizes.last().copied().unwrap_or(0)),
    }
}

/// The most executors that there were at a time.
fn most_at_once(executors: &[Executor], end_ms: u64) -> u32 {
    let at = |moment: u64| {
        executors
            .iter()
            .filter(|it| it.from_ms <= moment && moment < it.to_ms.unwrap_or(end_ms.max(it.from_ms + 1)))
            .count()
    };
    let most = executors.iter().map(|executor| at(executor.from_ms)).max().unwrap_or(0);
    u32::try_from(most).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn measured(lines: &[&str]) -> Measured {
        let mut measured = Measured::default();
        for line in lines {
            measured.take(&Event::read(line.as_bytes()).unwrap());
        }
        measured
    }

    fn task(stage: u32, from: u64, to: u64, read: u64) -> String {
        format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{stage},"Task Info":{{"Executor ID":"1","Launch Time":{from},"Finish Time":{to}}},
            "Task Metrics":{{"Executor Run Time":{},"JVM GC Time":1,"Peak Execution Memory":{read},"Shuffle Read Metrics":{{"Local Bytes Read":{read}}}}}}}"#,
            to - from
        )
    }

    #[test]
    fn a_run_of_two_stages_is_measured() {
        let tasks = [task(0, 1_000, 3_000, 10), task(0, 1_500, 2_500, 20), task(1, 4_000, 4_500, 90)];
        let stage = |id: u32, parents: &str, from: u64, to: u64| {
            format!(
                r#"{{"Event":"SparkListenerStageCompleted","Stage Info":{{"Stage ID":{id},"Stage Name":"s","Number of Tasks":2,"Parent IDs":{parents},
                "Submission Time":{from},"Completion Time":{to}}}}}"#
            )
        };
        let (first, second) = (stage(0, "[]", 900, 3_000), stage(1, "[0]", 3_500, 4_500));
        let lines = [
            r#"{"Event":"SparkListenerApplicationStart","App Name":"a","Timestamp":0}"#,
            r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.executor.memory":"2g","spark.sql.shuffle.partitions":"8"}}"#,
            r#"{"Event":"SparkListenerExecutorAdded","Timestamp":500,"Executor ID":"1","Executor Info":{"Total Cores":2}}"#,
            r#"{"Event":"SparkListenerJobStart","Job ID":0,"Submission Time":800,"Stage IDs":[0,1]}"#,
            &tasks[0],
            &tasks[1],
            &first,
            &tasks[2],
            &second,
            r#"{"Event":"SparkListenerJobEnd","Job ID":0,"Completion Time":4600}"#,
            r#"{"Event":"SparkListenerApplicationEnd","Timestamp":5000}"#,
        ];
        let run = measured(&lines).question(&[], None);
        // Tasks ran from 1000 to 3000 and from 4000 to 4500.
        assert_eq!((run.wall_ms, run.driver_ms, run.critical_path_ms), (5_000, 2_500, Some(2_500)));
        assert_eq!((run.executors, run.executor_cores, run.slots(), run.executor_ms), (1, Some(2), 2, 4_500));
        assert_eq!((run.executor_heap_bytes, run.shuffle_partitions), (Some(Bytes::gib(2)), Some(8)));
        assert_eq!(run.task_peak_bytes, Some(Bytes(90)));
        let stage = &run.stages[0];
        assert_eq!((stage.wall_ms, stage.tasks, stage.task_ms, stage.wait_ms), (2_100, 2, 3_000, 100));
        assert_eq!((stage.median_task_ms, stage.longest_task_ms, stage.gc_ms), (1_000, 2_000, 2));
        assert_eq!(
            (stage.read_bytes, stage.median_partition_bytes, stage.largest_partition_bytes),
            (Bytes(30), Bytes(10), Bytes(20))
        );
        assert_eq!(run.stages[1].name, "stage 1: s");
    }

    #[test]
    fn files_that_are_read_again_count_once_and_the_start_is_as_configured() {
        let ui = "org.apache.spark.sql.execution.ui.SparkListener";
        let plan = |event: &str, accumulator: u32| {
            format!(
                r#"{{"Event":"{ui}{event}","executionId":0,"time":1,"sparkPlanInfo":{{"nodeName":"Scan parquet ","children":[],
                "metrics":[{{"name":"size of files read","accumulatorId":{accumulator},"metricType":"size"}}]}}}}"#
            )
        };
        let told =
            |updates: &str| format!(r#"{{"Event":"{ui}DriverAccumUpdates","executionId":0,"accumUpdates":{updates}}}"#);
        let started =
            |confs: &str| format!(r#"{{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{{{confs}}}}}"#);
        let (first, again, replanned) =
            (plan("SQLExecutionStart", 3), plan("SQLExecutionStart", 8), plan("SQLAdaptiveExecutionUpdate", 9));
        let lines = [
            first,
            // Another metric's accumulator, of the number of files.
            told("[[3,1000],[4,7]]"),
            again,
            told("[[8,1000]]"),
            replanned,
            told("[[9,50],[9,60]]"),
            told("[[3,9999],[10,5]]"),
            // While a query is planned, before its start: what it keeps is computed then.
            told("[[20,7000],[21,5]]"),
            plan("SQLExecutionStart", 20),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(measured(&lines).question(&[], None).scanned_bytes, Some(Bytes(8_050)));
        assert_eq!(Measured::default().question(&[], None).scanned_bytes, None);
        let jdbc = plan("SQLExecutionStart", 11)
            .replace("Scan parquet ", "Scan JDBCRelation")
            .replace("size of files", "rows");
        let with_jdbc: Vec<&str> = lines.iter().copied().chain([jdbc.as_str()]).collect();
        assert_eq!(measured(&with_jdbc).question(&[], None).scanned_bytes, None, "nobody knows how much that read");
        let start = |confs: &str| measured(&[&started(confs)]).question(&[], None).executors_at_start;
        let initial = r#""spark.dynamicAllocation.initialExecutors":"6""#;
        assert_eq!(start(""), None);
        assert_eq!(start(initial), None, "dynamic allocation is off");
        assert_eq!(start(r#""spark.executor.instances":"4""#), Some(4));
        let dynamic = format!(r#""spark.dynamicAllocation.enabled":"true",{initial}"#);
        assert_eq!(start(&dynamic), Some(6));
        assert_eq!(start(&format!(r#"{dynamic},"spark.executor.instances":"9""#)), Some(9));
        assert_eq!(start(&format!(r#"{dynamic},"spark.dynamicAllocation.minExecutors":"7""#)), Some(7));
    }

    #[test]
    fn a_log_without_an_end_or_without_anything_is_measured_as_far_as_it_goes() {
        let cut = measured(&[
            r#"{"Event":"SparkListenerApplicationStart","App Name":"a","Timestamp":100}"#,
            &task(0, 200, 700, 1),
        ]);
        assert!(!cut.ended() && !cut.is_empty());
        assert_eq!(cut.question(&[], None).wall_ms, 600);
        let none = Measured::default();
        assert!(none.is_empty());
        assert_eq!(none.question(&[], None).wall_ms, 0);
    }
}
