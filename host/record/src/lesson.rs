//! Words for what a run left to the next ones of its job.

use sparkwright_core::lesson::RunEnd;
use sparkwright_core::memory_kind::Memory;

/// How a run ended, and what it lacked.
#[must_use]
pub fn how_it_ended(ended: RunEnd, lacked: Option<Memory>) -> String {
    match (ended, lacked) {
        (RunEnd::Well, _) => "well".to_owned(),
        (RunEnd::Failed, Some(memory)) => ["failed: ", memory.name()].concat(),
        (RunEnd::Failed, None) => "failed".to_owned(),
        (RunEnd::Unknown, _) => "unknown".to_owned(),
    }
}
