//! Tasks as Spark's listener events tell of them.

use alloc::string::String;

use serde::Deserialize;

/// See [`super::Event::TaskStart`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskStart {
    /// Its stage.
    #[serde(rename = "Stage ID")]
    pub stage: i64,
    /// Its stage's attempt.
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    /// The task.
    #[serde(rename = "Task Info")]
    pub info: TaskInfo,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskInfo {
    /// Its id, one for each attempt.
    #[serde(rename = "Task ID", default)]
    pub task: i64,
    /// Where it runs.
    #[serde(rename = "Executor ID", default)]
    pub executor: String,
    /// Which part of the stage it is.
    #[serde(rename = "Index", default)]
    pub index: i64,
    /// Which attempt at that part it is, from 0.
    #[serde(rename = "Attempt", default)]
    pub attempt: u32,
    /// How near its data is to it.
    #[serde(rename = "Locality", default)]
    pub locality: Locality,
    /// Whether it is a copy of a task that takes long.
    #[serde(rename = "Speculative", default)]
    pub speculative: bool,
    /// When it was launched.
    #[serde(rename = "Launch Time", default)]
    pub launch_ms: u64,
    /// When it finished; 0 while it runs.
    #[serde(rename = "Finish Time", default)]
    pub finish_ms: u64,
    /// Whether it failed.
    #[serde(rename = "Failed", default)]
    pub failed: bool,
    /// Whether it was killed.
    #[serde(rename = "Killed", default)]
    pub killed: bool,
}

/// How near a task's data is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Locality {
    /// In its own process: a cached block.
    #[serde(rename = "PROCESS_LOCAL")]
    Process,
    /// On its machine.
    #[serde(rename = "NODE_LOCAL")]
    Node,
    /// Nowhere in particular.
    #[serde(rename = "NO_PREF")]
    NoPreference,
    /// On its rack.
    #[serde(rename = "RACK_LOCAL")]
    Rack,
    /// Anywhere, or what a version of Spark calls otherwise.
    #[default]
    #[serde(other)]
    Any,
}

/// See [`super::Event::TaskEnd`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskEnd {
    /// Its stage.
    #[serde(rename = "Stage ID")]
    pub stage: i64,
    /// Its stage's attempt.
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    /// `ShuffleMapTask` where others read what it writes, `ResultTask` otherwise.
    #[serde(rename = "Task Type", default)]
    pub kind: TaskKind,
    /// How it ended.
    #[serde(rename = "Task End Reason", default)]
    pub reason: TaskEndReason,
    /// The task.
    #[serde(rename = "Task Info")]
    pub info: TaskInfo,
    /// What it took; absent for a task that never ran.
    #[serde(rename = "Task Metrics", default)]
    pub metrics: Option<TaskMetrics>,
    /// The most that its executor took while it ran, as far as the executor looked: at each heartbeat, and so nothing of a short task.
    #[serde(rename = "Task Executor Metrics", default)]
    pub executor: Option<ExecutorPeaks>,
}

/// The most that an executor took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ExecutorPeaks {
    /// Heap in use, garbage included, in bytes; under 0 where the executor was lost before it said anything.
    #[serde(rename = "JVMHeapMemory")]
    pub heap_bytes: Option<i64>,
}

impl TaskEnd {
    /// The most of its executor's heap that was seen in use while it ran; 0 where nothing was.
    #[must_use]
    pub fn heap_peak_bytes(&self) -> u64 {
        self.executor.and_then(|peaks| u64::try_from(peaks.heap_bytes?).ok()).unwrap_or(0)
    }
}

/// What a task's result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum TaskKind {
    /// A shuffle: later stages read it.
    #[serde(rename = "ShuffleMapTask")]
    Map,
    /// The driver, or a sink.
    #[default]
    #[serde(other)]
    Result,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct TaskEndReason {
    /// `Success`, `Resubmitted`, `ExceptionFailure`, `ExecutorLostFailure`, `TaskKilled` and others.
    #[serde(rename = "Reason", default)]
    pub reason: String,
    /// The class of the exception that failed it.
    #[serde(rename = "Class Name", default)]
    pub class: Option<String>,
    /// Why its executor was lost.
    #[serde(rename = "Loss Reason", default)]
    pub loss: Option<String>,
}

/// What a task took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct TaskMetrics {
    /// Its run time.
    #[serde(rename = "Executor Run Time", default)]
    pub run_ms: u64,
    /// Of it, garbage collection.
    #[serde(rename = "JVM GC Time", default)]
    pub gc_ms: u64,
    /// Bytes spilled to disk.
    #[serde(rename = "Disk Bytes Spilled", default)]
    pub spilled_bytes: u64,
    /// What those were in memory before they were spilled.
    #[serde(rename = "Memory Bytes Spilled", default)]
    pub spilled_memory_bytes: u64,
    /// The most memory that its sorts, joins and aggregates held at a time.
    #[serde(rename = "Peak Execution Memory", default)]
    pub peak_bytes: u64,
    /// Its result, as it came to the driver.
    #[serde(rename = "Result Size", default)]
    pub result_bytes: u64,
    /// What it wrote for a shuffle.
    #[serde(rename = "Shuffle Write Metrics", default)]
    pub shuffle_write: ShuffleWrite,
    /// What it read from a shuffle.
    #[serde(rename = "Shuffle Read Metrics", default)]
    pub shuffle_read: ShuffleRead,
    /// What it read from sources and caches.
    #[serde(rename = "Input Metrics", default)]
    pub input: InputRead,
}

impl TaskMetrics {
    /// What it read: of a shuffle, or else of sources and caches.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        let shuffled = self.shuffle_read.bytes();
        if shuffled > 0 { shuffled } else { self.input.bytes }
    }
}

/// What a task read from a shuffle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ShuffleRead {
    /// Bytes from other machines.
    #[serde(rename = "Remote Bytes Read", default)]
    pub remote_bytes: u64,
    /// Bytes from its own.
    #[serde(rename = "Local Bytes Read", default)]
    pub local_bytes: u64,
    /// How long it waited for them.
    #[serde(rename = "Fetch Wait Time", default)]
    pub wait_ms: u64,
    /// Rows, or what stands for them.
    #[serde(rename = "Total Records Read", default)]
    pub records: u64,
}

impl ShuffleRead {
    /// All that it read, as it was written: compressed.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.remote_bytes.saturating_add(self.local_bytes)
    }
}

/// What a task read from sources and caches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct InputRead {
    /// Bytes.
    #[serde(rename = "Bytes Read", default)]
    pub bytes: u64,
    /// Rows, or what stands for them.
    #[serde(rename = "Records Read", default)]
    pub records: u64,
}

/// What a task wrote for a shuffle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ShuffleWrite {
    /// Bytes.
    #[serde(rename = "Shuffle Bytes Written", default)]
    pub bytes: u64,
}
