//! Events, one by one, into a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::run::{Cached, EventLog, Executor, SqlExecution, Stage, Task};

/// The events that count here, in Spark's own words. Members that are not named are passed over unread.
#[derive(Deserialize)]
#[serde(tag = "Event")]
enum Event {
    #[serde(rename = "SparkListenerApplicationStart", rename_all = "PascalCase")]
    ApplicationStart {
        #[serde(rename = "App Name")]
        name: String,
        #[serde(rename = "App ID")]
        id: Option<String>,
        timestamp: u64,
    },
    #[serde(rename = "SparkListenerApplicationEnd", rename_all = "PascalCase")]
    ApplicationEnd { timestamp: u64 },
    #[serde(rename = "SparkListenerEnvironmentUpdate")]
    Environment {
        #[serde(rename = "Spark Properties", default)]
        spark: BTreeMap<String, String>,
    },
    #[serde(rename = "SparkListenerExecutorAdded", rename_all = "PascalCase")]
    ExecutorAdded {
        timestamp: u64,
        #[serde(rename = "Executor ID")]
        id: String,
        #[serde(rename = "Executor Info")]
        info: ExecutorInfo,
    },
    #[serde(rename = "SparkListenerExecutorRemoved", rename_all = "PascalCase")]
    ExecutorRemoved {
        timestamp: u64,
        #[serde(rename = "Executor ID")]
        id: String,
        #[serde(rename = "Removed Reason", default)]
        reason: String,
    },
    #[serde(rename = "SparkListenerJobStart")]
    JobStart {},
    #[serde(rename = "SparkListenerStageSubmitted")]
    StageSubmitted {
        #[serde(rename = "Stage Info")]
        info: StageInfo,
    },
    #[serde(rename = "SparkListenerStageCompleted")]
    StageCompleted {
        #[serde(rename = "Stage Info")]
        info: StageInfo,
    },
    #[serde(rename = "SparkListenerTaskEnd")]
    TaskEnd {
        #[serde(rename = "Stage ID")]
        stage: u64,
        #[serde(rename = "Task Info")]
        info: TaskInfo,
        #[serde(rename = "Task Metrics", default)]
        metrics: Option<TaskMetrics>,
    },
    #[serde(rename = "SparkListenerBlockUpdated")]
    BlockUpdated {
        #[serde(rename = "Block Updated Info")]
        info: BlockInfo,
    },
    #[serde(rename = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart", rename_all = "camelCase")]
    SqlStart {
        execution_id: u64,
        description: String,
        physical_plan_description: String,
        #[serde(default)]
        modified_configs: BTreeMap<String, String>,
        time: u64,
    },
    #[serde(rename = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd", rename_all = "camelCase")]
    SqlEnd {
        execution_id: u64,
        time: u64,
        #[serde(default)]
        error_message: Option<String>,
    },
}

#[derive(Deserialize)]
struct ExecutorInfo {
    #[serde(rename = "Total Cores")]
    cores: u32,
}

#[derive(Deserialize)]
struct StageInfo {
    #[serde(rename = "Stage ID")]
    id: u64,
    #[serde(rename = "Stage Name")]
    name: String,
    #[serde(rename = "Number of Tasks")]
    tasks: u64,
    #[serde(rename = "Submission Time", default)]
    submitted: Option<u64>,
    #[serde(rename = "Completion Time", default)]
    completed: Option<u64>,
    #[serde(rename = "RDD Info", default)]
    rdds: Vec<RddInfo>,
}

#[derive(Deserialize)]
struct RddInfo {
    #[serde(rename = "RDD ID")]
    id: u64,
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Scope", default)]
    scope: String,
    #[serde(rename = "Storage Level", default)]
    level: StorageLevel,
}

#[derive(Default, Deserialize)]
struct StorageLevel {
    #[serde(rename = "Use Memory", default)]
    memory: bool,
    #[serde(rename = "Use Disk", default)]
    disk: bool,
    #[serde(rename = "Replication")]
    replication: Option<u32>,
}

#[derive(Deserialize)]
struct TaskInfo {
    #[serde(rename = "Launch Time")]
    launched: u64,
    #[serde(rename = "Finish Time")]
    finished: u64,
    #[serde(rename = "Executor ID")]
    executor: String,
    #[serde(rename = "Failed", default)]
    failed: bool,
    #[serde(rename = "Killed", default)]
    killed: bool,
}

#[derive(Default, Deserialize)]
struct TaskMetrics {
    #[serde(rename = "Executor CPU Time", default)]
    cpu_ns: u64,
    #[serde(rename = "Disk Bytes Spilled", default)]
    spilled: u64,
}

#[derive(Deserialize)]
struct BlockInfo {
    #[serde(rename = "Block Manager ID")]
    manager: BlockManager,
    #[serde(rename = "Block ID")]
    block: String,
    #[serde(rename = "Memory Size", default)]
    memory: u64,
    #[serde(rename = "Disk Size", default)]
    disk: u64,
    #[serde(rename = "Storage Level", default)]
    level: StorageLevel,
}

#[derive(Deserialize)]
struct BlockManager {
    #[serde(rename = "Executor ID")]
    executor: String,
}

/// The kinds of [`Event`]: a line of another kind is not parsed at all.
const KINDS: [&str; 12] = [
    "SparkListenerApplicationStart",
    "SparkListenerApplicationEnd",
    "SparkListenerEnvironmentUpdate",
    "SparkListenerExecutorAdded",
    "SparkListenerExecutorRemoved",
    "SparkListenerJobStart",
    "SparkListenerStageSubmitted",
    "SparkListenerStageCompleted",
    "SparkListenerTaskEnd",
    "SparkListenerBlockUpdated",
    "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",
    "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd",
];

/// A run in the making.
#[derive(Default)]
pub(super) struct Fold {
    log: EventLog,
    started: bool,
    last_ms: u64,
    /// Bytes of each block by (RDD, executor, block).
    blocks: BTreeMap<(u64, String, String), u64>,
    names: BTreeMap<u64, String>,
    tables: BTreeSet<u64>,
    peaks: BTreeMap<u64, u64>,
}

impl Fold {
    pub(super) fn line(&mut self, line: &str) -> serde_json::Result<()> {
        // The first member of each line is always the kind.
        let kind = line.strip_prefix(r#"{"Event":""#).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        if KINDS.contains(&kind) {
            let mut json = serde_json::Deserializer::from_str(line);
            // Plans in Spark's events are nested deeper than what a parser of strangers' JSON allows.
            json.disable_recursion_limit();
            self.event(Event::deserialize(&mut json)?);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Option<EventLog> {
        if !self.log.complete {
            self.log.ended_ms = self.last_ms.max(self.log.started_ms);
        }
        for (rdd, peak_bytes) in self.peaks {
            self.log.cached.push(Cached {
                rdd,
                name: self.names.get(&rdd).cloned().unwrap_or_default(),
                is_table: self.tables.contains(&rdd),
                peak_bytes,
            });
        }
        self.started.then_some(self.log)
    }

    fn event(&mut self, event: Event) {
        let log = &mut self.log;
        let at_ms = match event {
            Event::ApplicationStart { name, id, timestamp } => {
                self.started = true;
                log.name = name;
                log.application_id = id.unwrap_or_default();
                log.started_ms = timestamp;
                timestamp
            }
            Event::ApplicationEnd { timestamp } => {
                log.complete = true;
                log.ended_ms = timestamp;
                timestamp
            }
            Event::Environment { spark } => {
                log.conf = spark;
                0
            }
            Event::ExecutorAdded { timestamp, id, info } => {
                log.executors.push(Executor { id, cores: info.cores, added_ms: timestamp, removed: None });
                timestamp
            }
            Event::ExecutorRemoved { timestamp, id, reason } => {
                // One that is decommissioned is removed twice: the first time is when it counts.
                if let Some(one) = log.executors.iter_mut().find(|one| one.id == id && one.removed.is_none()) {
                    one.removed = Some((timestamp, reason));
                }
                self.blocks.retain(|(_, executor, _), _| *executor != id);
                timestamp
            }
            Event::JobStart {} => {
                log.jobs += 1;
                0
            }
            Event::StageSubmitted { info } => self.stage_submitted(info),
            Event::StageCompleted { info } => {
                if let Some(stage) = log.stages.iter_mut().rev().find(|stage| stage.id == info.id) {
                    stage.completed_ms = info.completed;
                }
                info.completed.unwrap_or_default()
            }
            Event::TaskEnd { stage, info, metrics } => {
                let metrics = metrics.unwrap_or_default();
                log.tasks.push(Task {
                    stage,
                    executor: info.executor,
                    launched_ms: info.launched,
                    finished_ms: info.finished,
                    succeeded: !info.failed && !info.killed,
                    cpu_ns: metrics.cpu_ns,
                    spilled_bytes: metrics.spilled,
                });
                info.finished
            }
            Event::BlockUpdated { info } => {
                self.block(info);
                0
            }
            Event::SqlStart { execution_id, description, physical_plan_description, modified_configs, time } => {
                log.executions.push(SqlExecution {
                    id: execution_id,
                    description,
                    plan: physical_plan_description,
                    modified_configs,
                    started_ms: time,
                    ended_ms: None,
                    error: None,
                });
                time
            }
            Event::SqlEnd { execution_id, time, error_message } => {
                if let Some(one) = log.executions.iter_mut().rev().find(|one| one.id == execution_id) {
                    one.ended_ms = Some(time);
                    one.error = error_message.filter(|text| !text.is_empty());
                }
                time
            }
        };
        self.last_ms = self.last_ms.max(at_ms);
    }

    fn stage_submitted(&mut self, info: StageInfo) -> u64 {
        for rdd in info.rdds.into_iter().filter(|rdd| rdd.level.memory || rdd.level.disk) {
            // The scope is JSON: {"id":"12","name":"InMemoryTableScan"}; a table that was filled by `df.rdd` has another, and a name.
            if rdd.scope.contains("InMemoryTableScan") || rdd.name.starts_with("In-memory table ") {
                self.tables.insert(rdd.id);
            }
            self.names.insert(rdd.id, rdd.name);
        }
        let submitted_ms = info.submitted.unwrap_or(self.last_ms);
        self.log.stages.push(Stage {
            id: info.id,
            name: info.name,
            tasks: info.tasks,
            submitted_ms,
            completed_ms: None,
        });
        submitted_ms
    }

    fn block(&mut self, info: BlockInfo) {
        // rdd_<RDD>_<partition>; other blocks are broadcasts, shuffles and streams.
        let Some(rdd) = info.block.strip_prefix("rdd_").and_then(|rest| rest.split('_').next()) else { return };
        let Ok(rdd) = rdd.parse::<u64>() else { return };
        // A block that moved away by decommission is told with its old size and no replica.
        let bytes = if info.level.replication == Some(0) { 0 } else { info.memory + info.disk };
        self.blocks.insert((rdd, info.manager.executor, info.block), bytes);
        let total: u64 = self.blocks.values().sum();
        self.log.peak_cached_bytes = self.log.peak_cached_bytes.max(total);
        let own: u64 = self.blocks.iter().filter(|((id, _, _), _)| *id == rdd).map(|(_, bytes)| bytes).sum();
        let peak = self.peaks.entry(rdd).or_default();
        *peak = (*peak).max(own);
    }
}
