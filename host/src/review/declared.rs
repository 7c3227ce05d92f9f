//! A declared stage of a pipeline as it runs: everything that Spark does from its begin to its end, in one account.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparkwright_core::review::StageFacts;
use sparkwright_core::review::critical_path::{Job, Step, critical_path_ms};
use sparkwright_core::units::Bytes;

use super::covered::Covered;

use super::tasks::{Task, at_rank, usual_peak_bytes};
use crate::spark::events::{Event, StageInfo, TaskEnd};

/// Medians are taken of no more tasks than this: of every second, fourth, eighth … task where there are more.
const MOST_TASKS: usize = 100_000;
/// The longest chain is looked for among no more of Spark's stages than this.
const MOST_SPARK_STAGES: usize = 20_000;

/// Executors over a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Executors {
    /// When it began.
    pub at_begin: u32,
    /// At the most.
    pub most: u32,
    /// When it ended.
    pub at_end: u32,
}

/// What a declared stage came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StageMeasure {
    /// All its jobs as one stage.
    pub measured: StageFacts,
    /// Spark's jobs that began in it.
    pub jobs: u64,
    /// Of its wall time, what nothing of Spark's ran in.
    pub driver_ms: u64,
    /// The longest chain of its tasks that wait for each other; unknown with very many of Spark's stages.
    pub critical_path_ms: Option<u64>,
    /// The 95th percentile of a task's peak execution memory; unknown where no task sorted, joined or aggregated.
    pub task_peak_bytes: Option<u64>,
    /// Executors.
    pub executors: Executors,
    /// Executors times the time that they were there.
    pub executor_ms: u64,
    /// The most that cached blocks held of the executors' memory at a time.
    pub peak_storage_bytes: u64,
}

/// Adds up what happens while a declared stage runs.
#[derive(Debug)]
pub struct DeclaredStage {
    name: String,
    from_ms: u64,
    sums: StageFacts,
    sample: Vec<Task>,
    /// One of so many tasks is in the sample.
    one_of: u64,
    busy: Covered,
    active: Covered,
    running: BTreeMap<(i64, i64), u64>,
    steps: BTreeMap<i64, Step>,
    too_many_steps: bool,
    jobs: BTreeMap<i64, Job>,
    executors: Executors,
    counted_at_ms: u64,
    executor_ms: u64,
    peak_storage_bytes: u64,
}

impl DeclaredStage {
    /// A stage that begins at `from_ms`, with so many executors whose cached blocks hold so much memory.
    #[must_use]
    pub fn begin(name: &str, from_ms: u64, executors: u32, storage_bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            from_ms,
            sums: StageFacts::default(),
            sample: Vec::new(),
            one_of: 1,
            busy: Covered::default(),
            active: Covered::default(),
            running: BTreeMap::new(),
            steps: BTreeMap::new(),
            too_many_steps: false,
            jobs: BTreeMap::new(),
            executors: Executors { at_begin: executors, most: executors, at_end: executors },
            counted_at_ms: from_ms,
            executor_ms: 0,
            peak_storage_bytes: storage_bytes,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes in an event, after which there are so many executors whose cached blocks hold so much memory. What began before the stage
    /// is not its own.
    pub fn take(&mut self, event: &Event, executors: u32, storage_bytes: u64) {
        self.peak_storage_bytes = self.peak_storage_bytes.max(storage_bytes);
        match event {
            Event::ExecutorAdded(added) => self.executors_are(executors, added.at_ms),
            Event::ExecutorRemoved(removed) => self.executors_are(executors, removed.at_ms),
            Event::JobStart(job) if job.at_ms >= self.from_ms => {
                let stages = job.stages.clone();
                self.jobs.insert(job.job, Job { stages, from_ms: job.at_ms, to_ms: u64::MAX });
            }
            Event::JobEnd(end) => {
                if let Some(job) = self.jobs.get_mut(&end.job) {
                    job.to_ms = end.at_ms;
                }
            }
            Event::StageSubmitted(stage) => {
                let StageInfo { stage, attempt, submitted_ms, .. } = &stage.stage;
                if let Some(at_ms) = submitted_ms.filter(|at_ms| *at_ms >= self.from_ms) {
                    self.running.insert((*stage, *attempt), at_ms);
                }
            }
            Event::StageCompleted(stage) => self.spark_stage_ended(&stage.stage),
            Event::TaskEnd(end) if end.info.launch_ms >= self.from_ms => self.task_ended(end),
            _ => {}
        }
    }

    fn executors_are(&mut self, executors: u32, at_ms: u64) {
        let at_ms = at_ms.max(self.counted_at_ms);
        let held_ms = (at_ms - self.counted_at_ms).saturating_mul(u64::from(self.executors.at_end));
        self.executor_ms = self.executor_ms.saturating_add(held_ms);
        self.counted_at_ms = at_ms;
        self.executors.at_end = executors;
        self.executors.most = self.executors.most.max(executors);
    }

    fn spark_stage_ended(&mut self, info: &StageInfo) {
        let submitted = self.running.remove(&(info.stage, info.attempt)).or(info.submitted_ms);
        if let (Some(from), Some(to)) = (submitted, info.completed_ms)
            && from >= self.from_ms
        {
            self.active.add(from, to);
        }
        if let Some(step) = self.steps.get_mut(&info.stage) {
            step.parents.clone_from(&info.parents);
        }
    }

    fn task_ended(&mut self, end: &TaskEnd) {
        if end.info.failed || end.info.killed {
            self.sums.failed_tasks += u64::from(end.info.failed);
            return;
        }
        let task = Task::of(end);
        let sums = &mut self.sums;
        sums.task_ms = sums.task_ms.saturating_add(task.run_ms);
        sums.gc_ms = sums.gc_ms.saturating_add(task.gc_ms);
        sums.spilled_bytes = Bytes(sums.spilled_bytes.get().saturating_add(task.spilled_bytes));
        sums.read_bytes = Bytes(sums.read_bytes.get().saturating_add(task.read_bytes));
        sums.shuffle_read_bytes = Bytes(sums.shuffle_read_bytes.get().saturating_add(task.shuffle_read_bytes));
        sums.longest_task_ms = sums.longest_task_ms.max(task.wall_ms());
        sums.largest_partition_bytes = sums.largest_partition_bytes.max(Bytes(task.read_bytes));
        self.busy.add(task.from_ms, task.to_ms);
        if self.steps.len() < MOST_SPARK_STAGES || self.steps.contains_key(&end.stage) {
            let step = self.steps.entry(end.stage).or_default();
            step.longest_task_ms = step.longest_task_ms.max(task.wall_ms());
        } else {
            self.too_many_steps = true;
        }
        if sums.tasks.is_multiple_of(self.one_of) {
            self.sample.push(task);
        }
        sums.tasks += 1;
        if self.sample.len() > MOST_TASKS {
            let mut keep = false;
            self.sample.retain(|_| {
                keep = !keep;
                keep
            });
            self.one_of = self.one_of.saturating_mul(2);
        }
    }

    /// What it comes to when it ends at `to_ms`.
    #[must_use]
    pub fn end(mut self, to_ms: u64) -> StageMeasure {
        let to_ms = to_ms.max(self.from_ms);
        let wall_ms = to_ms - self.from_ms;
        self.executors_are(self.executors.at_end, to_ms);
        for from in std::mem::take(&mut self.running).into_values() {
            self.active.add(from, to_ms);
        }
        let busy_ms = self.busy.ms();
        let mut spark = self.active;
        spark.add_all(&self.busy);
        let sorted = |of: fn(&Task) -> u64| {
            let mut values: Vec<u64> = self.sample.iter().map(of).collect();
            values.sort_unstable();
            values
        };
        let jobs: BTreeSet<i64> = self.jobs.keys().copied().collect();
        for job in self.jobs.values_mut() {
            job.to_ms = job.to_ms.min(to_ms);
        }
        StageMeasure {
            measured: StageFacts {
                name: self.name,
                wall_ms,
                median_task_ms: at_rank(&sorted(Task::wall_ms), 50).unwrap_or(0),
                median_partition_bytes: Bytes(at_rank(&sorted(|task| task.read_bytes), 50).unwrap_or(0)),
                // Something of Spark's was to be done and no task of it ran.
                wait_ms: spark.ms().saturating_sub(busy_ms).min(wall_ms),
                ..self.sums
            },
            jobs: jobs.len() as u64,
            driver_ms: wall_ms.saturating_sub(spark.ms()),
            critical_path_ms: (!self.too_many_steps).then(|| critical_path_ms(&self.steps, self.jobs.into_values())),
            task_peak_bytes: usual_peak_bytes(self.sample.iter().map(|task| task.peak_bytes)),
            executors: self.executors,
            executor_ms: self.executor_ms,
            peak_storage_bytes: self.peak_storage_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(json: &str) -> Event {
        Event::read(json.as_bytes()).unwrap()
    }

    fn task(stage: u32, from: u64, to: u64, read: u64) -> Event {
        event(&format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{stage},"Task Info":{{"Executor ID":"1","Launch Time":{from},"Finish Time":{to}}},
            "Task Metrics":{{"Executor Run Time":{},"JVM GC Time":1,"Disk Bytes Spilled":5,"Peak Execution Memory":{read},
            "Input Metrics":{{"Bytes Read":{read}}}}}}}"#,
            to - from
        ))
    }

    fn spark_stage(event_name: &str, id: u32, parents: &str, submitted: u64, completed: &str) -> Event {
        event(&format!(
            r#"{{"Event":"SparkListener{event_name}","Stage Info":{{"Stage ID":{id},"Number of Tasks":2,"Parent IDs":{parents},
            "Submission Time":{submitted}{completed}}}}}"#
        ))
    }

    #[test]
    fn everything_from_begin_to_end_is_one_stage() {
        let mut stage = DeclaredStage::begin("train", 1_000, 2, 10);
        let added = event(
            r#"{"Event":"SparkListenerExecutorAdded","Timestamp":2000,"Executor ID":"3","Executor Info":{"Total Cores":2}}"#,
        );
        let job = |id: u32, at: u64, stages: &str| {
            event(&format!(
                r#"{{"Event":"SparkListenerJobStart","Job ID":{id},"Submission Time":{at},"Stage IDs":{stages}}}"#
            ))
        };
        let events = [
            // A job of before, whose last task is late.
            job(0, 900, "[0]"),
            task(0, 950, 1_100, 77),
            job(1, 1_200, "[1,2]"),
            spark_stage("StageSubmitted", 1, "[]", 1_200, ""),
            task(1, 1_300, 1_800, 10),
            task(1, 1_300, 1_700, 30),
            spark_stage("StageCompleted", 1, "[]", 1_200, r#","Completion Time":1800"#),
            spark_stage("StageSubmitted", 2, "[1]", 1_800, ""),
        ];
        for event in &events {
            stage.take(event, 2, 10);
        }
        stage.take(&added, 3, 500);
        for event in [
            task(2, 1_900, 2_500, 20),
            spark_stage("StageCompleted", 2, "[1]", 1_800, r#","Completion Time":2500"#),
            event(r#"{"Event":"SparkListenerJobEnd","Job ID":1,"Completion Time":2500}"#),
        ] {
            stage.take(&event, 3, 400);
        }
        let measure = stage.end(3_000);
        let facts = &measure.measured;
        assert_eq!((facts.name.as_str(), facts.wall_ms, facts.tasks, facts.task_ms), ("train", 2_000, 3, 1_500));
        assert_eq!((facts.median_task_ms, facts.longest_task_ms, facts.gc_ms), (500, 600, 3));
        assert_eq!((facts.read_bytes, facts.largest_partition_bytes), (Bytes(60), Bytes(30)));
        assert_eq!((facts.median_partition_bytes, facts.spilled_bytes), (Bytes(20), Bytes(15)));
        // Spark had something to do from 1200 to 2500; tasks ran for 500 + 600 of it.
        assert_eq!((facts.wait_ms, measure.driver_ms), (200, 700));
        assert_eq!((measure.jobs, measure.critical_path_ms), (1, Some(1_100)));
        assert_eq!(measure.task_peak_bytes, Some(30));
        assert_eq!(measure.executors, Executors { at_begin: 2, most: 3, at_end: 3 });
        assert_eq!(measure.executor_ms, 2 * 1_000 + 3 * 1_000);
        assert_eq!(measure.peak_storage_bytes, 500);
    }

    #[test]
    fn a_stage_without_jobs_is_the_driver_s_own() {
        let measure = DeclaredStage::begin("fit", 500, 0, 0).end(700);
        assert_eq!((measure.measured.wall_ms, measure.driver_ms, measure.jobs), (200, 200, 0));
        // A clock that went back is no time.
        assert_eq!(DeclaredStage::begin("fit", 500, 1, 0).end(400), DeclaredStage::begin("fit", 500, 1, 0).end(500));
    }

    #[test]
    fn sums_stay_exact_where_medians_are_sampled() {
        let mut stage = DeclaredStage::begin("many", 0, 1, 0);
        let tasks = MOST_TASKS as u64 * 2 + 3;
        let one = task(1, 0, 10, 4);
        for _ in 0..tasks {
            stage.take(&one, 1, 0);
        }
        assert!(stage.sample.len() <= MOST_TASKS);
        let facts = stage.end(10).measured;
        assert_eq!((facts.tasks, facts.task_ms, facts.read_bytes), (tasks, tasks * 10, Bytes(tasks * 4)));
        assert_eq!((facts.median_task_ms, facts.wait_ms), (10, 0));
    }
}
