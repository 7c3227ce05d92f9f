//! What an event log says, as far as a replay needs it: each line is taken in and forgotten.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::events::{Event, JobStart, Locality, ResourceAmount, StageInfo, TaskEnd, TaskKind, call_site};

/// An attempt of a stage: the stage's id and the attempt's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageKey {
    /// Spark's id of the stage.
    pub stage: i64,
    /// Which attempt, from 0.
    pub attempt: i64,
}

/// A log. Times are Unix milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The application's name.
    pub application: String,
    /// The version of Spark that wrote it.
    pub spark_version: String,
    /// When the application started, if that is said.
    pub started_ms: Option<i64>,
    /// When it ended, if that is said.
    pub ended_ms: Option<i64>,
    /// The driver's exit code, if that is said.
    pub exit_code: Option<i32>,
    /// Whether the last job that ended had failed.
    pub last_job_failed: bool,
    /// The newest time of the application's own in the log. Executors' comings and goings are other machines' word for it, and may be of another clock.
    pub last_ms: i64,
    /// Spark's configuration.
    pub conf: BTreeMap<String, String>,
    /// Executors in the order in which they are first named.
    pub executors: Vec<LoggedExecutor>,
    /// Jobs by their ids.
    pub jobs: BTreeMap<i64, LoggedJob>,
    /// Stages by their ids and attempts.
    pub stages: BTreeMap<StageKey, LoggedStage>,
    /// SQL executions: when each was started, and when it ended if that is said.
    pub executions: BTreeMap<i64, (i64, Option<i64>)>,
    /// Where the program asked for SQL executions, as `count at flights.py:12`; others are described by words of somebody's own.
    pub called: BTreeMap<i64, String>,
    /// RDDs that were unpersisted, with the newest time in the log by then.
    pub unpersisted: BTreeMap<i64, i64>,
    /// Resource profiles by their ids.
    pub profiles: BTreeMap<i64, LoggedProfile>,
    /// Lines that are no event, or lack what is read of them.
    pub unread_lines: u64,
    names: BTreeMap<String, usize>,
}

/// An executor.
#[derive(Debug, Clone, Default)]
pub struct LoggedExecutor {
    /// Spark's name for it.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// When it registered, if that is said.
    pub added_ms: Option<i64>,
    /// When it was gone, if that is said.
    pub removed_ms: Option<i64>,
    /// Why.
    pub reason: String,
    /// Its cores.
    pub cores: u32,
    /// Its resource profile.
    pub profile: i64,
}

/// A job.
#[derive(Debug, Clone, Default)]
pub struct LoggedJob {
    /// When it was started.
    pub started_ms: i64,
    /// When it ended, if that is said.
    pub ended_ms: Option<i64>,
    /// The stages in its lineage.
    pub stages: Vec<i64>,
    /// The outermost SQL execution that it belongs to.
    pub execution: Option<String>,
    /// Its scheduler pool.
    pub pool: Option<String>,
    /// Its job group.
    pub group: Option<String>,
}

/// An attempt of a stage.
#[derive(Debug, Clone, Default)]
pub struct LoggedStage {
    /// What it does.
    pub name: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// The stages whose output it reads.
    pub parents: Vec<i64>,
    /// When it was submitted, if it was.
    pub submitted_ms: Option<i64>,
    /// When it ended, if that is said.
    pub completed_ms: Option<i64>,
    /// Whether it failed.
    pub failed: bool,
    /// Why, in Spark's words; empty where it did not.
    pub why_failed: String,
    /// How many of its tasks failed, by the class of the exception or Spark's word for the reason.
    pub failures: BTreeMap<String, u64>,
    /// The resource profile of its tasks.
    pub profile: i64,
    /// Its RDDs that are kept in memory or on disk.
    pub cached: Vec<i64>,
    /// Its tasks that ended, in the order of the log.
    pub ran: Vec<LoggedTask>,
}

/// A task that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedTask {
    /// Spark's id of the attempt.
    pub id: i64,
    /// Which part of the stage.
    pub index: i64,
    /// Its executor, by its place in [`Log::executors`].
    pub executor: usize,
    /// When it was launched.
    pub launched_ms: i64,
    /// When it was finished.
    pub finished_ms: i64,
    /// How near its data was.
    pub locality: Locality,
    /// Whether it is a copy of one that takes long.
    pub speculative: bool,
    /// How it ended.
    pub end: Ended,
    /// What its result is for.
    pub kind: TaskKind,
    /// How long the executor ran it, its start-up and the way of its result left out.
    pub run_ms: i64,
    /// How long it waited for shuffle blocks of others.
    pub fetch_wait_ms: i64,
    /// What it read of shuffles, as written.
    pub shuffle_read_bytes: u64,
    /// What it read of sources and caches.
    pub input_bytes: u64,
    /// Rows that it read, of sources, caches and shuffles.
    pub records: u64,
    /// Of its run, garbage collection.
    pub gc_ms: i64,
    /// What it spilled, as it was in memory.
    pub spilled_memory_bytes: u64,
    /// What it spilled, as it was written to disk.
    pub spilled_bytes: u64,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With its result.
    Well,
    /// It had ended well, and its output was lost with its executor: no run of its own.
    Resubmitted,
    /// It was killed: another copy was faster, or its stage was given up.
    Killed,
    /// With its executor.
    Lost,
    /// It failed.
    Badly,
}

/// A resource profile.
#[derive(Debug, Clone, Default)]
pub struct LoggedProfile {
    /// What an executor has.
    pub executor: BTreeMap<String, f64>,
    /// What a task takes.
    pub task: BTreeMap<String, f64>,
}

impl Log {
    /// Takes in a line. One that can't be read is counted.
    pub fn take_line(&mut self, line: &[u8]) {
        match Event::read_if(line, is_wanted) {
            Ok(event) => self.take(&event),
            Err(_) => self.unread_lines += 1,
        }
    }

    /// Takes in an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::LogStart(start) => self.spark_version.clone_from(&start.spark_version),
            Event::ApplicationStart(start) => {
                self.application.clone_from(&start.name);
                self.started_ms = Some(self.heard(start.at_ms));
            }
            Event::ApplicationEnd(end) => {
                self.ended_ms = Some(ms(end.at_ms));
                self.exit_code = end.exit_code;
            }
            Event::Environment(environment) => self.conf.clone_from(&environment.spark),
            Event::ResourceProfileAdded(added) => {
                let amounts = |of: &BTreeMap<String, ResourceAmount>| {
                    of.iter().map(|(name, it)| (name.clone(), it.amount)).collect()
                };
                let profile = LoggedProfile { executor: amounts(&added.executor), task: amounts(&added.task) };
                self.profiles.insert(added.profile, profile);
            }
            Event::ExecutorAdded(added) => {
                let at_ms = ms(added.at_ms);
                let executor = self.executor(&added.executor);
                if let Some(executor) = self.executors.get_mut(executor) {
                    executor.added_ms = Some(at_ms);
                    executor.host.clone_from(&added.info.host);
                    executor.cores = added.info.cores;
                    executor.profile = added.info.profile;
                }
            }
            Event::ExecutorRemoved(removed) => {
                let at_ms = ms(removed.at_ms);
                let executor = self.executor(&removed.executor);
                // A decommissioned one is removed twice.
                if let Some(executor) = self.executors.get_mut(executor).filter(|known| known.removed_ms.is_none()) {
                    executor.removed_ms = Some(at_ms);
                    executor.reason.clone_from(&removed.reason);
                }
            }
            Event::UnpersistRdd(gone) => {
                self.unpersisted.insert(gone.rdd, self.last_ms);
            }
            Event::JobStart(start) => self.job(start),
            Event::JobEnd(end) => {
                let at_ms = self.heard(end.at_ms);
                self.last_job_failed = end.failed();
                if let Some(job) = self.jobs.get_mut(&end.job) {
                    job.ended_ms = Some(at_ms);
                }
            }
            Event::StageSubmitted(stage) | Event::StageCompleted(stage) => self.stage(&stage.stage),
            Event::TaskEnd(end) => self.task(end),
            Event::SqlStart(start) => {
                let at_ms = self.heard(start.time);
                self.executions.entry(start.execution).or_insert((at_ms, None));
                let called = call_site(&start.description);
                if !called.is_empty() {
                    self.called.insert(start.execution, called.to_string());
                }
            }
            Event::SqlEnd(end) => {
                let at_ms = self.heard(end.time);
                self.executions.entry(end.execution).or_insert((at_ms, None)).1 = Some(at_ms);
            }
            _ => {}
        }
    }

    fn heard(&mut self, at_ms: u64) -> i64 {
        let at_ms = ms(at_ms);
        self.last_ms = self.last_ms.max(at_ms);
        at_ms
    }

    fn executor(&mut self, id: &str) -> usize {
        if let Some(known) = self.names.get(id) {
            return *known;
        }
        let next = self.executors.len();
        self.names.insert(id.to_string(), next);
        self.executors.push(LoggedExecutor { id: id.to_string(), ..LoggedExecutor::default() });
        next
    }

    fn job(&mut self, start: &JobStart) {
        let at_ms = self.heard(start.at_ms);
        let stages = if start.infos.is_empty() {
            start.stages.clone()
        } else {
            start.infos.iter().map(|info| info.stage).collect()
        };
        for info in &start.infos {
            self.stage(info);
        }
        let property = |key| start.property(key).filter(|value| !value.is_empty()).map(str::to_string);
        let execution =
            ["spark.sql.execution.root.id", "spark.sql.execution.root.execution.id", "spark.sql.execution.id"]
                .into_iter()
                .find_map(property);
        let (pool, group) = (property("spark.scheduler.pool"), property("spark.jobGroup.id"));
        let job = LoggedJob { started_ms: at_ms, ended_ms: None, stages, execution, pool, group };
        self.jobs.insert(start.job, job);
    }

    fn stage(&mut self, info: &StageInfo) {
        let key = StageKey { stage: info.stage, attempt: info.attempt };
        let stage = self.stages.entry(key).or_default();
        stage.name.clone_from(&info.name);
        stage.tasks = info.tasks;
        stage.profile = info.profile;
        if let Some(why) = info.failure.as_ref().filter(|why| !why.is_empty()) {
            stage.failed = true;
            stage.why_failed.clone_from(why);
        }
        if !info.parents.is_empty() {
            stage.parents.clone_from(&info.parents);
        }
        let time = |at: Option<u64>| at.filter(|at| *at > 0).map(ms);
        stage.submitted_ms = time(info.submitted_ms).or(stage.submitted_ms);
        stage.completed_ms = time(info.completed_ms).or(stage.completed_ms);
        let kept = info.rdds.iter().filter(|rdd| rdd.level.memory || rdd.level.disk);
        stage.cached = kept.map(|rdd| rdd.rdd).collect();
    }

    fn task(&mut self, end: &TaskEnd) {
        let (launched_ms, finished_ms) = (ms(end.info.launch_ms), self.heard(end.info.finish_ms));
        let executor = self.executor(&end.info.executor);
        let metrics = end.metrics.as_ref();
        let task = LoggedTask {
            id: end.info.task,
            index: end.info.index,
            executor,
            launched_ms,
            finished_ms,
            locality: end.info.locality,
            speculative: end.info.speculative,
            end: match end.reason.reason.as_str() {
                "Success" => Ended::Well,
                "Resubmitted" => Ended::Resubmitted,
                "TaskKilled" => Ended::Killed,
                "ExecutorLostFailure" | "FetchFailed" => Ended::Lost,
                _ => Ended::Badly,
            },
            kind: end.kind,
            run_ms: metrics.map_or(0, |it| ms(it.run_ms)),
            fetch_wait_ms: metrics.map_or(0, |it| ms(it.shuffle_read.wait_ms)),
            shuffle_read_bytes: metrics.map_or(0, |it| it.shuffle_read.bytes()),
            input_bytes: metrics.map_or(0, |it| it.input.bytes),
            records: metrics.map_or(0, |it| it.input.records.saturating_add(it.shuffle_read.records)),
            gc_ms: metrics.map_or(0, |it| ms(it.gc_ms)),
            spilled_memory_bytes: metrics.map_or(0, |it| it.spilled_memory_bytes),
            spilled_bytes: metrics.map_or(0, |it| it.spilled_bytes),
        };
        let key = StageKey { stage: end.stage, attempt: end.attempt };
        let stage = self.stages.entry(key).or_default();
        if matches!(task.end, Ended::Badly | Ended::Lost) {
            let reason = &end.reason;
            let why = reason.class.as_ref().or(reason.loss.as_ref()).unwrap_or(&reason.reason);
            *stage.failures.entry(why.clone()).or_default() += 1;
        }
        stage.ran.push(task);
    }

    /// The version of Spark, as (4, 3); (3, 1) where it is not said.
    #[must_use]
    pub fn version(&self) -> (u32, u32) {
        let mut numbers = self.spark_version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
            (Some(Ok(major)), _) => (major, 0),
            _ => (3, 1),
        }
    }
}

/// Whether anything is read of an event, by its name without `SparkListener`. Most lines after ends of tasks are starts of tasks and updates of blocks.
#[must_use]
pub fn is_wanted(name: &str) -> bool {
    !matches!(name, "TaskStart" | "BlockUpdated")
}

fn ms(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}
