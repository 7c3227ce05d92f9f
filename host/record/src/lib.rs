//! The record of a run: what it holds, how it changes, how it is told.
//!
//! [`Run::apply`] is the only way in which a run changes, for the host that writes it and for readers, who complete what was
//! written of it from its journal ([`Run::complete`]). This crate does no I/O and reads no clock; it also compiles for
//! wasm32-unknown-unknown, so that the web page shows a run as the command does.

mod found;
mod journal;
mod lesson;
mod old;
mod report;
mod review;
mod run;
mod work;

pub use found::{
    Found, FoundAdvice, FoundCause, FoundExecutorTime, FoundWork, GainMs, MOST_WORK_TOLD, NowAndThen, percent, stages,
};
pub use journal::{JournalLine, NotARun};
pub use lesson::how_it_ended;
pub use report::{explain, report};
pub use review::{review_prose, spoken, told_bottleneck, told_recommendation};
pub use run::{
    ApplicationIdentity, CachedPlan, Change, ExecutorEvent, FORMAT, Fault, MOST_DECISIONS, MOST_WORK, ModuleIdentity,
    PolicyIdentity, RecordedDecision, RecordedJob, RecordedReview, RoundTrips, Run, RunState, Totals, Work,
    WorkLeftOut,
};
