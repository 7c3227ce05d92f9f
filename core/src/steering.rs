//! Limits beside a live application: how long a decision may take and when steering is given up. They bound what a fault of
//! ours can cost; every shell takes them from here. The plugin gets them with the host's welcome, the Python package with the
//! answer to `open`.

use serde::Serialize;

use crate::control;
use crate::policy::ResolvedPolicy;

/// How long a query waits for its decision, from the moment the plugin starts to ask.
pub const QUESTION_TIMEOUT_MS: u64 = 100;
/// Of it, what the module itself may take; the rest is for the way there and back.
pub const QUESTION_MODULE_MS: u64 = 50;
/// Unanswered questions in a row after which an application is unsteered for the rest of its life.
pub const MISSES_BEFORE_UNSTEERED: u32 = 3;
/// What the module may take for a tick of the controller.
pub const CONTROL_MODULE_MS: u64 = 200;
/// What the module may take for a launch plan, and for whatever else nothing of Spark's waits for.
pub const LAUNCH_MODULE_MS: u64 = 1_000;
/// What starting a module and loading a policy into it may take.
pub const SETUP_MODULE_MS: u64 = LAUNCH_MODULE_MS;
/// Failures of the module in a row after which it is not asked any more.
pub const MODULE_FAILURES_BEFORE_GIVING_UP: u32 = 5;
/// Listener events that wait for a slow host before they are dropped.
pub const EVENT_QUEUE_LENGTH: u32 = 10_000;
/// Questions that wait for a slow host; one more counts as unanswered at once.
pub const QUESTION_QUEUE_LENGTH: u32 = 64;
/// SQL executions of the application whose answers the plugin remembers. Spark tells the end of each; one whose end got lost must not be
/// kept for ever.
pub const OPEN_EXECUTIONS_AT_MOST: u32 = 1_000;
/// How often the plugin asks Spark's block managers what the cached plans hold. A query never waits for it.
pub const STORAGE_LOOK_MS: u64 = 1_000;
/// Columns of a sub-plan of which the plugin tells which are asked for: a lesson has 500 sub-plans, and these take 64 bytes of each.
pub const COLUMNS_AT_MOST: u32 = 256;
/// Stack frames that the plugin looks at to tell a query from `explain` and `persist`, and one of MLlib from an RDD that the program holds. Seen on 4.3: 78
/// from the rule to the algorithm of MLlib that asks.
pub const STACK_FRAMES_AT_MOST: u32 = 160;
/// A host that did not run for this long was stopped or starved, and its record says so: by then it may have missed enough
/// questions for the application to be unsteered.
pub const HOST_STALLED_MS: u64 = QUESTION_TIMEOUT_MS * MISSES_BEFORE_UNSTEERED as u64;
/// The time to the controller's next tick where no answer names one.
pub const TICK_WITHOUT_ANSWER_MS: u64 = 1_000;
/// The least time between two ticks, however soon an answer wants the next one.
pub const LEAST_TICK_MS: u64 = 10;
/// How long `submit` waits for its host to listen before the application starts without it.
pub const HOST_LISTENS_WITHIN_MS: u64 = 5_000;
/// How long a standalone master may take to say which workers it has.
pub const MASTER_ANSWERS_WITHIN_MS: u64 = 300;
/// How long a connection may take to say who it is, and how long an application's own may be waited for.
pub const HELLO_WITHIN_MS: u64 = 2_000;
/// How long a driver may leave what the host sends it unread.
pub const DRIVER_READS_WITHIN_MS: u64 = 1_000;
/// How long a pipeline waits until its driver has done what it was told.
pub const DRIVER_ACTS_WITHIN_MS: u64 = 2_000;
/// How long the host waits for the last events of a driver that is gone.
pub const LAST_EVENTS_WITHIN_MS: u64 = 2_000;
/// How long the host waits for Spark to finish its event log once the application has ended.
pub const EVENT_LOG_WITHIN_MS: u64 = 5_000;
/// How long a person waits for the answer to a question about all jobs of a store.
pub const STORE_LISTS_WITHIN_MS: u64 = 60_000;
/// How long the plan of a driver that starts waits for the lessons of earlier runs: its plugin waits 2 s for the plan.
pub const STORE_ANSWERS_WHILE_STARTING_MS: u64 = 1_000;
/// How long a plan waits for the lessons of earlier runs.
pub const STORE_ANSWERS_WITHIN_MS: u64 = 2_000;
/// How long a run that has ended waits for its process to end too, to know how it did.
pub const OUTCOME_WITHIN_MS: u64 = 10_000;
/// How long `submit` waits to know what a run teaches that failed, before it ends or runs again.
pub const LESSON_WITHIN_MS: u64 = 20_000;
/// How long `submit` waits for the host to keep a lesson where its own end would be the host's.
pub const KEPT_WITHIN_MS: u64 = 5_000 + STARTS_REPLAYED_WITHIN_MS;
/// How long a run that has ended is replayed with other numbers of executors at the start, before its lesson goes without them.
pub const STARTS_REPLAYED_WITHIN_MS: u64 = 2_000;
/// How long a run that has ended waits for the store to take its lesson.
pub const STORE_TAKES_WITHIN_MS: u64 = 10_000;
/// How long a pipeline may leave an answer unread before it is given up.
pub const PIPELINE_READS_WITHIN_MS: u64 = 10_000;
/// Pipelines at a time: each has an instance of the module of its own, and the application's questions need theirs.
pub const PIPELINES_AT_MOST: usize = 16;
/// Source files that an automatically cached plan may have, since each use looks at all of them.
pub const FILES_AT_MOST: u32 = 1_000;
/// How long a file must have been left alone before its modification time tells its content.
pub const FILES_SETTLED_MS: u64 = 2_000;
/// Files of one folder from which on the plugin lists the folder instead of asking for each file, on remote file systems.
pub const LIST_FOLDER_FROM: u32 = 4;
/// A size above this is unknown: Spark then has `spark.sql.defaultSizeInBytes` (2^63 - 1) in it, scaled by the columns that are read.
pub const UNKNOWN_ABOVE_BYTES: u64 = 1 << 60;
/// Plans of more operators than this are not sent whole, and nothing of them is cached.
pub const NODES_AT_MOST: u32 = 400;

/// What a file may have that the command reads as a whole: a policy, a module, a history. Whatever has more is something else.
pub const INPUT_FILE_BYTES_AT_MOST: u64 = 64 << 20;
/// What a file of a record may have; that of a day's run has some tens of MiB.
pub const RECORD_FILE_BYTES_AT_MOST: u64 = 1 << 30;

/// How often a driver gives a sign of life, in milliseconds: twice a tick of the controller, which counts ticks without one,
/// and never more than 20 times a second.
#[must_use]
pub fn alive_ms(policy: &ResolvedPolicy) -> u64 {
    (control::tick_ms(policy) / 2).max(50)
}

/// Limits of a DataFrame's profile, which is made without a job while a program waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProfileLimits {
    /// File sizes that are told; of more files, so many evenly from the smallest to the largest.
    pub file_sizes_at_most: u32,
    /// Parquet files whose footers are read for their rows; rows of more files are unknown. A remote footer takes tens of milliseconds.
    pub footers_at_most: u32,
    /// How long reading footers may take in all, in milliseconds.
    pub footers_ms: u64,
    /// See [`UNKNOWN_ABOVE_BYTES`].
    pub unknown_above_bytes: u64,
}

/// The limits of each profile.
pub const PROFILE_LIMITS: ProfileLimits = ProfileLimits {
    file_sizes_at_most: 1_000,
    footers_at_most: 256,
    footers_ms: 2_000,
    unknown_above_bytes: UNKNOWN_ABOVE_BYTES,
};
