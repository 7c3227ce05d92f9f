//! Limits beside a live application: how long a decision may take and when steering is given up. They bound what a fault of
//! ours can cost; every shell takes them from here.

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
/// How long a pipeline may leave an answer unread before it is given up.
pub const PIPELINE_READS_WITHIN_MS: u64 = 10_000;
/// Pipelines at a time: each has an instance of the module of its own, and the application's questions need theirs.
pub const PIPELINES_AT_MOST: usize = 16;
/// Source files that an automatically cached plan may have, since each use looks at all of them.
pub const FILES_AT_MOST: u32 = 1_000;
/// How long a file must have been left alone before its modification time tells its content.
pub const FILES_SETTLED_MS: u64 = 2_000;
/// Plans of more operators than this are not sent whole, and nothing of them is cached.
pub const NODES_AT_MOST: u32 = 400;

/// How often a driver gives a sign of life, in milliseconds: twice a tick of the controller, which counts ticks without one,
/// and never more than 20 times a second.
#[must_use]
pub fn alive_ms(policy: &ResolvedPolicy) -> u64 {
    (control::tick_ms(policy) / 2).max(50)
}
