//! What is kept of a log.

use alloc::string::String;
use alloc::vec::Vec;

use crate::coalescing::Adaptive;
use crate::log::StageKey;

/// A run as a replay needs it. Times of the log are Unix milliseconds, durations microseconds.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The application's name.
    pub application: String,
    /// The version of Spark, as (4, 3).
    pub spark_version: (u32, u32),
    /// When the application started.
    pub start_ms: i64,
    /// When it ended, or was last heard of.
    pub end_ms: i64,
    /// The executors that registered or ran tasks, in the order of the log.
    pub executors: Vec<Executor>,
    /// The jobs that ended, in the order in which they were started; the application's end is the last one ([`Job::THE_END`]) where it was later.
    pub jobs: Vec<Job>,
    /// Their stages that were submitted, in the order of submission; each attempt is one.
    pub stages: Vec<Stage>,
    /// What was learned of the whole application.
    pub driver: Driver,
    /// What adaptive execution coalesces by, where the number of tasks follows the cores.
    pub adaptive: Option<Adaptive>,
    /// Whether pools share slots (`spark.scheduler.mode` is FAIR), or jobs are taken in their order.
    pub fair_pools: bool,
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// Spark's name for it.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// When it was asked for, as far as the log shows: at the application's start, or since tasks began to wait.
    pub asked_ms: i64,
    /// How many were asked for before it while the same tasks waited; absent where it came for the start.
    pub asked_before: Option<usize>,
    /// When it registered.
    pub added_ms: i64,
    /// From when on it got no tasks; absent where it stayed. Under dynamic allocation that is before it is gone, and it is paid for until then.
    pub serves_until_ms: Option<i64>,
    /// When it was gone; absent where it stayed.
    pub removed_ms: Option<i64>,
    /// Tasks that it runs at once.
    pub slots: u32,
    /// Its resource profile.
    pub profile: i64,
}

/// What a job waits for before the driver starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The end of all these jobs, by their places; with none of them, the application's start.
    Ends(Vec<usize>),
    /// The start of another one: a thread of its own.
    Start(usize),
}

/// A job that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Spark's id, or [`Job::THE_END`].
    pub id: i64,
    /// When it was started and when it ended: what a replay is held to, and does not use.
    pub recorded_ms: (i64, i64),
    /// The SQL execution that it belongs to.
    pub execution: Option<String>,
    /// Its scheduler pool.
    pub pool: Option<String>,
    /// Its job group.
    pub group: Option<String>,
    /// What it waits for.
    pub after: After,
    /// How long the driver took from then to its start.
    pub gap_us: i64,
    /// Its stages, by their places, in the order of submission.
    pub stages: Vec<usize>,
    /// From the end of its last stage to its own; all of it where it has none.
    pub end_lag_us: i64,
}

impl Job {
    /// The application's end: a job without stages, which waits for all others.
    pub const THE_END: i64 = -1;
}

/// Where a stage's tasks were near to their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    /// Nowhere in particular.
    Anywhere,
    /// The cached partitions of an RDD.
    Cached(i64),
    /// The machines that hold most of the shuffles that it reads.
    MapOutputs,
}

/// An attempt of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its id and attempt.
    pub key: StageKey,
    /// Its job, by its place.
    pub job: usize,
    /// The stages whose output it reads, by their ids.
    pub parents: Vec<i64>,
    /// The attempts that it waits for, by their places.
    pub after: Vec<usize>,
    /// How long the driver took from then to its submission.
    pub gap_us: i64,
    /// From its submission to its first launch, where a slot was free.
    pub first_launch_us: i64,
    /// From the end of its last task to its own.
    pub end_lag_us: i64,
    /// Its attempts at tasks, in the order of launch.
    pub tasks: Vec<Task>,
    /// How many tasks it has.
    pub partitions: u32,
    /// Its resource profile.
    pub profile: i64,
    /// Where its tasks were near to their data.
    pub near: Near,
    /// Waits before a launch while slots were free, at the start of the stage: the number of the launch and how long.
    pub stalls: Vec<(usize, i64)>,
    /// RDDs of it that are kept in memory or on disk.
    pub cached: Vec<i64>,
    /// Of them, those that it made.
    pub makes: Vec<i64>,
    /// By how much a first task on a slot is longer than a later one, where the stage shows it.
    pub first_task_factor: Option<f64>,
}

/// An attempt at a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Which part of the stage.
    pub index: i64,
    /// How long it held its slot; of a speculated one until the first of its copies ended.
    pub slot_us: i64,
    /// Of it, how long the executor ran it.
    pub run_us: i64,
    /// Of it, how long it waited for shuffle blocks of others.
    pub fetch_wait_us: i64,
    /// What it read of shuffles, as written.
    pub shuffle_read_bytes: u64,
    /// Whether it ended with its result.
    pub well: bool,
    /// Whether later stages read what it wrote.
    pub map: bool,
    /// Which attempt at its part it is.
    pub turn: Turn,
    /// Whether it was a first task of its stage on a slot.
    pub first_on_slot: bool,
}

/// When an attempt at a task comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// With the stage; after it, if it fails, the attempt at this place.
    First(Option<usize>),
    /// After another one; after it, if it fails, the attempt at this place.
    Again(Option<usize>),
    /// Beside another one, as its copy: no run of its own in a replay.
    Copy,
}

/// What was learned of the whole application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Driver {
    /// The median from a stage's submission to its first launch.
    pub first_launch_us: i64,
    /// From an executor's registration to its first task, where tasks waited.
    pub join_us: i64,
    /// What a launch takes, one after another.
    pub dispatch_us: i64,
    /// From a task's end to the next launch on its slot, where the stage had tasks left.
    pub hand_over_us: i64,
    /// From the moment on at which an idle executor got no tasks any more to its removal.
    pub removal_us: i64,
    /// `spark.locality.wait`.
    pub locality_wait_us: i64,
}

/// Milliseconds as microseconds.
pub(crate) const fn us(ms: i64) -> i64 {
    ms.saturating_mul(1_000)
}
