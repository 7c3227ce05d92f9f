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
/// What the module may take for a launch plan.
pub const LAUNCH_MODULE_MS: u64 = 1_000;
/// Failures of the module in a row after which it is not asked any more.
pub const MODULE_FAILURES_BEFORE_GIVING_UP: u32 = 5;
/// Listener events that wait for a slow host before they are dropped.
pub const EVENT_QUEUE_LENGTH: u32 = 10_000;
/// A host that did not run for this long was stopped or starved, and its record says so: by then it may have missed enough
/// questions for the application to be unsteered.
pub const HOST_STALLED_MS: u64 = QUESTION_TIMEOUT_MS * MISSES_BEFORE_UNSTEERED as u64;
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
