//! What is known of temp tables that a pipeline asks about: the time alone, for the tables are its own.

use sparkwright_core::cleanup::PlanCleanupInput;

use crate::clock::now_ms;

/// What the host knows of them.
pub(super) fn facts() -> PlanCleanupInput {
    PlanCleanupInput { now_ms: now_ms(), ..PlanCleanupInput::default() }
}
