//! Spark's listener events, in the JSON of its event log: the parts that anything here reads. One parser serves a live application, a
//! recorded log and its replay.

mod call_site;
mod scans;
mod task;

pub use call_site::call_site;
pub use scans::Scans;
pub use task::{
    ExecutorPeaks, InputRead, Locality, ShuffleRead, ShuffleWrite, TaskEnd, TaskEndReason, TaskInfo, TaskKind,
    TaskMetrics, TaskStart,
};

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

/// A listener event. What nothing here reads is [`Event::Other`].
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The log's first line.
    LogStart(LogStart),
    /// The application started.
    ApplicationStart(ApplicationStart),
    /// The application ended.
    ApplicationEnd(ApplicationEnd),
    /// The application's configuration is known.
    Environment(Environment),
    /// What executors and tasks of a resource profile ask for.
    ResourceProfileAdded(ResourceProfileAdded),
    /// An executor registered.
    ExecutorAdded(ExecutorAdded),
    /// An executor went; a decommissioned one may go twice.
    ExecutorRemoved(ExecutorRemoved),
    /// An executor's block manager registered.
    BlockManagerAdded(BlockManagerAdded),
    /// A job started.
    JobStart(JobStart),
    /// A job ended.
    JobEnd(JobEnd),
    /// A stage was submitted.
    StageSubmitted(StageEvent),
    /// A stage ended, in whatever way.
    StageCompleted(StageEvent),
    /// A task started.
    TaskStart(TaskStart),
    /// A task ended, in whatever way.
    TaskEnd(Box<TaskEnd>),
    /// A cached block came, moved or went.
    BlockUpdated(BlockEvent),
    /// An RDD was unpersisted.
    UnpersistRdd(UnpersistRdd),
    /// A SQL execution started.
    SqlStart(SqlStart),
    /// The plan of a SQL execution, where adaptive execution made it anew.
    SqlReplanned(Scans),
    /// A SQL execution ended.
    SqlEnd(SqlEnd),
    /// What the driver measured for metrics of a SQL execution.
    DriverMetrics(DriverMetrics),
    /// Anything else.
    Other,
}

#[derive(Deserialize)]
struct EventName<'a> {
    #[serde(rename = "Event", borrow)]
    event: Cow<'a, str>,
}

impl Event {
    /// Reads one line. Its name first: what is not read is then skipped without being built, and a physical plan in it may be
    /// nested as deeply as Spark likes.
    ///
    /// # Errors
    /// The line is not an event, or one that is read lacks what is read of it.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        Self::read_if(line, |_| true)
    }

    /// Reads one line where its event is wanted, by its name without `SparkListener`; what is not is [`Event::Other`].
    ///
    /// # Errors
    /// The line is not an event, or one that is wanted lacks what is read of it.
    pub fn read_if(line: &[u8], wanted: impl Fn(&str) -> bool) -> serde_json::Result<Self> {
        fn of<'a, T: Deserialize<'a>>(line: &'a [u8]) -> serde_json::Result<T> {
            serde_json::from_slice(line)
        }
        let event = match leading_name(line) {
            Some(name) => Cow::Borrowed(name),
            None => of::<EventName<'_>>(line)?.event,
        };
        let name = event.strip_prefix("org.apache.spark.sql.execution.ui.").unwrap_or(&event);
        let name = name.strip_prefix("SparkListener").unwrap_or(name);
        if !wanted(name) {
            return Ok(Self::Other);
        }
        Ok(match name {
            "LogStart" => Self::LogStart(of(line)?),
            "ApplicationStart" => Self::ApplicationStart(of(line)?),
            "ApplicationEnd" => Self::ApplicationEnd(of(line)?),
            "EnvironmentUpdate" => Self::Environment(of(line)?),
            "ResourceProfileAdded" => Self::ResourceProfileAdded(of(line)?),
            "ExecutorAdded" => Self::ExecutorAdded(of(line)?),
            "ExecutorRemoved" => Self::ExecutorRemoved(of(line)?),
            "BlockManagerAdded" => Self::BlockManagerAdded(of(line)?),
            "JobStart" => Self::JobStart(of(line)?),
            "JobEnd" => Self::JobEnd(of(line)?),
            "StageSubmitted" => Self::StageSubmitted(of(line)?),
            "StageCompleted" => Self::StageCompleted(of(line)?),
            "TaskStart" => Self::TaskStart(of(line)?),
            "TaskEnd" => Self::TaskEnd(of(line)?),
            "BlockUpdated" => Self::BlockUpdated(of(line)?),
            "UnpersistRDD" => Self::UnpersistRdd(of(line)?),
            "SQLExecutionStart" => Self::SqlStart(SqlStart { scans: Scans::of(line), ..of(line)? }),
            "SQLAdaptiveExecutionUpdate" => Self::SqlReplanned(Scans::of(line)),
            "DriverAccumUpdates" => Self::DriverMetrics(of(line)?),
            "SQLExecutionEnd" => Self::SqlEnd(of(line)?),
            _ => Self::Other,
        })
    }
}

/// The event's name where the line begins with it, as Spark writes every line.
fn leading_name(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(br#"{"Event":""#)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (name, rest) = rest.split_at_checked(end)?;
    rest.starts_with(b"\"").then(|| core::str::from_utf8(name).ok()).flatten()
}

/// See [`Event::LogStart`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogStart {
    /// As `4.3.0`.
    #[serde(rename = "Spark Version")]
    pub spark_version: String,
}

/// See [`Event::ApplicationStart`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationStart {
    /// Its name.
    #[serde(rename = "App Name")]
    pub name: String,
    /// When.
    #[serde(rename = "Timestamp")]
    pub at_ms: u64,
}

/// See [`Event::Environment`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Environment {
    /// Spark's configuration.
    #[serde(rename = "Spark Properties", default)]
    pub spark: BTreeMap<String, String>,
}

/// See [`Event::ResourceProfileAdded`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ResourceProfileAdded {
    /// The profile; 0 is the application's default.
    #[serde(rename = "Resource Profile Id")]
    pub profile: i64,
    /// What an executor has of each resource.
    #[serde(rename = "Executor Resource Requests", default)]
    pub executor: BTreeMap<String, ResourceAmount>,
    /// What a task takes of each resource.
    #[serde(rename = "Task Resource Requests", default)]
    pub task: BTreeMap<String, ResourceAmount>,
}

/// How much of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ResourceAmount {
    /// Pieces; a task may take a part of one.
    #[serde(rename = "Amount", default)]
    pub amount: f64,
}

/// See [`Event::ExecutorAdded`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecutorAdded {
    /// When.
    #[serde(rename = "Timestamp")]
    pub at_ms: u64,
    /// The executor.
    #[serde(rename = "Executor ID")]
    pub executor: String,
    /// What it has.
    #[serde(rename = "Executor Info")]
    pub info: ExecutorInfo,
}

/// What an executor has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecutorInfo {
    /// Its machine.
    #[serde(rename = "Host", default)]
    pub host: String,
    /// Its cores.
    #[serde(rename = "Total Cores", default)]
    pub cores: u32,
    /// Its resource profile.
    #[serde(rename = "Resource Profile Id", default)]
    pub profile: i64,
}

/// See [`Event::ExecutorRemoved`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExecutorRemoved {
    /// When.
    #[serde(rename = "Timestamp")]
    pub at_ms: u64,
    /// The executor.
    #[serde(rename = "Executor ID")]
    pub executor: String,
    /// Why.
    #[serde(rename = "Removed Reason", default)]
    pub reason: String,
}

/// See [`Event::BlockManagerAdded`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockManagerAdded {
    /// Whose it is.
    #[serde(rename = "Block Manager ID")]
    pub manager: BlockManagerId,
    /// Its storage memory.
    #[serde(rename = "Maximum Memory", default)]
    pub storage_bytes: u64,
}

/// Whose block manager it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockManagerId {
    /// The executor; `driver` for the driver.
    #[serde(rename = "Executor ID")]
    pub executor: String,
}

/// See [`Event::JobStart`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobStart {
    /// The job.
    #[serde(rename = "Job ID")]
    pub job: i64,
    /// Every stage in its lineage, those included whose output is there already.
    #[serde(rename = "Stage IDs", default)]
    pub stages: Vec<i64>,
    /// The same with what is known of each; absent in logs of old versions.
    #[serde(rename = "Stage Infos", default)]
    pub infos: Vec<StageInfo>,
    /// When.
    #[serde(rename = "Submission Time", default)]
    pub at_ms: u64,
    /// Its local properties.
    #[serde(rename = "Properties", default)]
    pub properties: Option<BTreeMap<String, Option<String>>>,
}

impl JobStart {
    /// The SQL execution that the job belongs to.
    #[must_use]
    pub fn execution(&self) -> Option<i64> {
        self.property("spark.sql.execution.id")?.parse().ok()
    }

    /// A local property of the thread that started the job.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.as_ref()?.get(key)?.as_deref()
    }
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StageInfo {
    /// Its id.
    #[serde(rename = "Stage ID")]
    pub stage: i64,
    /// Which attempt.
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    /// Its tasks.
    #[serde(rename = "Number of Tasks", default)]
    pub tasks: u32,
    /// What it does, as `count at flights.py:12`.
    #[serde(rename = "Stage Name", default)]
    pub name: String,
    /// The stages whose output it reads.
    #[serde(rename = "Parent IDs", default)]
    pub parents: Vec<i64>,
    /// When it was submitted.
    #[serde(rename = "Submission Time", default)]
    pub submitted_ms: Option<u64>,
    /// When it ended.
    #[serde(rename = "Completion Time", default)]
    pub completed_ms: Option<u64>,
    /// Why it failed; absent where it did not.
    #[serde(rename = "Failure Reason", default)]
    pub failure: Option<String>,
    /// The resource profile of its tasks.
    #[serde(rename = "Resource Profile Id", default)]
    pub profile: i64,
    /// The RDDs that it is made of.
    #[serde(rename = "RDD Info", default)]
    pub rdds: Vec<RddInfo>,
}

/// An RDD of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RddInfo {
    /// Its id.
    #[serde(rename = "RDD ID")]
    pub rdd: i64,
    /// How many partitions it has.
    #[serde(rename = "Number of Partitions", default)]
    pub partitions: u64,
    /// Whether, and where, it is kept.
    #[serde(rename = "Storage Level", default)]
    pub level: BlockLevel,
}

/// See [`Event::ApplicationEnd`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationEnd {
    /// When.
    #[serde(rename = "Timestamp")]
    pub at_ms: u64,
    /// The driver's exit code; Spark says it since 4.0.
    #[serde(rename = "ExitCode", default)]
    pub exit_code: Option<i32>,
}

/// See [`Event::JobEnd`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobEnd {
    /// The job.
    #[serde(rename = "Job ID")]
    pub job: i64,
    /// When.
    #[serde(rename = "Completion Time", default)]
    pub at_ms: u64,
    /// How.
    #[serde(rename = "Job Result", default)]
    pub result: JobResult,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct JobResult {
    /// `JobSucceeded` or `JobFailed`.
    #[serde(rename = "Result", default)]
    pub result: String,
}

impl JobEnd {
    /// Whether it failed or was cancelled.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.result.result == "JobFailed"
    }
}

/// See [`Event::StageSubmitted`] and [`Event::StageCompleted`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StageEvent {
    /// The stage.
    #[serde(rename = "Stage Info")]
    pub stage: StageInfo,
}

/// See [`Event::UnpersistRdd`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UnpersistRdd {
    /// The RDD.
    #[serde(rename = "RDD ID")]
    pub rdd: i64,
}

/// See [`Event::SqlStart`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SqlStart {
    /// The execution.
    #[serde(rename = "executionId")]
    pub execution: i64,
    /// What the program called, as `count at flights.py:12`.
    #[serde(default)]
    pub description: String,
    /// When, milliseconds.
    pub time: u64,
    /// The scans of its plan.
    #[serde(skip)]
    pub scans: Scans,
}

/// See [`Event::DriverMetrics`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DriverMetrics {
    /// Accumulators with their values.
    #[serde(rename = "accumUpdates", default)]
    pub updates: Vec<(i64, i64)>,
}

/// See [`Event::SqlEnd`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SqlEnd {
    /// The execution.
    #[serde(rename = "executionId")]
    pub execution: i64,
    /// When, milliseconds.
    pub time: u64,
    /// Why it failed; absent or empty when it did not.
    #[serde(default, rename = "errorMessage")]
    pub error: Option<String>,
}

/// See [`Event::BlockUpdated`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockEvent {
    /// The block.
    #[serde(rename = "Block Updated Info")]
    pub block: BlockUpdated,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockUpdated {
    /// Whose block manager holds it.
    #[serde(rename = "Block Manager ID")]
    pub manager: BlockManagerId,
    /// Its name, as `rdd_4_2`.
    #[serde(rename = "Block ID")]
    pub block: String,
    /// Bytes in memory; 0 when it went.
    #[serde(rename = "Memory Size", default)]
    pub memory_bytes: u64,
    /// Bytes on disk.
    #[serde(rename = "Disk Size", default)]
    pub disk_bytes: u64,
    /// How it is stored.
    #[serde(rename = "Storage Level", default)]
    pub level: BlockLevel,
}

impl BlockUpdated {
    /// Bytes in memory and on disk. A block that moved away by decommission is told with its old size and no replica.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if self.level.replication == Some(0) { 0 } else { self.memory_bytes.saturating_add(self.disk_bytes) }
    }
}

/// How a block is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct BlockLevel {
    /// Its replicas; 0 when it went.
    #[serde(rename = "Replication")]
    pub replication: Option<u32>,
    /// Whether in memory.
    #[serde(rename = "Use Memory", default)]
    pub memory: bool,
    /// Whether on disk.
    #[serde(rename = "Use Disk", default)]
    pub disk: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloc::format;

    #[test]
    fn a_task_end_of_spark_4_is_read() {
        let line = r#"{"Event":"SparkListenerTaskEnd","Stage ID":3,"Stage Attempt ID":0,"Task Type":"ShuffleMapTask",
            "Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":7,"Index":1,"Attempt":0,"Launch Time":100,
            "Executor ID":"2","Host":"127.0.0.1","Locality":"ANY","Speculative":false,"Finish Time":350,"Failed":false,"Killed":false},
            "Task Metrics":{"Executor Run Time":240,"JVM GC Time":10,"Shuffle Write Metrics":{"Shuffle Bytes Written":512}}}"#;
        let Event::TaskEnd(end) = Event::read(line.as_bytes()).unwrap() else { unreachable!("a task end") };
        assert_eq!((end.stage, end.info.executor.as_str(), end.info.finish_ms), (3, "2", 350));
        assert_eq!(end.metrics.unwrap().shuffle_write.bytes, 512);
    }

    /// Of a lost executor Spark has no peaks, and writes -1 for the first of them.
    #[test]
    fn a_task_of_a_lost_executor_is_read() {
        let line = |peaks: &str| {
            format!(
                r#"{{"Event":"SparkListenerTaskEnd","Stage ID":3,"Task End Reason":{{"Reason":"ExecutorLostFailure"}},
                "Task Info":{{"Task ID":7,"Index":1,"Attempt":0,"Launch Time":100,"Executor ID":"2","Host":"h","Locality":"ANY",
                "Speculative":false,"Finish Time":350,"Failed":true,"Killed":false}},"Task Executor Metrics":{peaks}}}"#
            )
        };
        for (peaks, bytes) in [
            (r#"{"JVMHeapMemory":-1}"#, 0),
            (r#"{"JVMHeapMemory":null}"#, 0),
            ("{}", 0),
            ("null", 0),
            (r#"{"JVMHeapMemory":7}"#, 7),
        ] {
            let Event::TaskEnd(end) = Event::read(line(peaks).as_bytes()).unwrap() else { unreachable!("a task end") };
            assert_eq!(end.heap_peak_bytes(), bytes, "{peaks}");
        }
    }

    #[test]
    fn unknown_events_are_passed_over() {
        assert_eq!(Event::read(br#"{"Event":"SparkListenerSomethingNew","x":1}"#).unwrap(), Event::Other);
        assert!(Event::read(br#"{"Event":"SparkListenerJobEnd"}"#).is_err());
        assert!(Event::read(br#"{"sparkwright":"bye"}"#).is_err());
    }

    #[test]
    fn a_plan_of_any_depth_is_passed_over() {
        let plan = format!("{}{}", r#"{"children":["#.repeat(5_000), "]}".repeat(5_000));
        let prefix = "org.apache.spark.sql.execution.ui.SparkListenerSQL";
        let start = format!(r#"{{"Event":"{prefix}ExecutionStart","sparkPlanInfo":{plan},"executionId":4,"time":9}}"#);
        assert_eq!(
            Event::read(start.as_bytes()).unwrap(),
            Event::SqlStart(SqlStart { execution: 4, description: String::new(), time: 9, scans: Scans::default() })
        );
        let update = format!(r#"{{"Event":"{prefix}AdaptiveExecutionUpdate","executionId":4,"sparkPlanInfo":{plan}}}"#);
        assert_eq!(Event::read(update.as_bytes()).unwrap(), Event::SqlReplanned(Scans::default()));
    }

    #[test]
    fn what_the_driver_measured_is_read() {
        let line = r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates","executionId":0,"accumUpdates":[[4,17],[5,-1]]}"#;
        let metrics = DriverMetrics { updates: [(4, 17), (5, -1)].into() };
        assert_eq!(Event::read(line.as_bytes()).unwrap(), Event::DriverMetrics(metrics));
    }
}
