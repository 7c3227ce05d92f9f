//! What a run leaves behind: `runs/<application id>/run.json`, `report.txt` and Spark's event log.
//!
//! Every change is first appended to `journal.jsonl`, so that nothing is lost when the host is killed; `run.json` is the sum
//! of the changes, written whole beside itself and renamed, so that it can be read at any moment. What a run is, how it
//! changes and how it is told is [`sparkwright_record`]'s; here is what reads and writes its files.

mod earlier;
mod reader;
mod recorder;

pub use earlier::earlier_runs;
pub(crate) use reader::host_lives;
pub use reader::{ReadError, find, list, policy_of, read};
pub use recorder::Recorder;
pub use sparkwright_record::{
    ApplicationIdentity, CachedPlan, Change, ExecutorEvent, FORMAT, Fault, Found, MOST_DECISIONS, ModuleIdentity,
    PolicyIdentity, RecordedDecision, RecordedJob, RecordedReview, RoundTrips, Run, RunState, Totals, explain, report,
    review_prose, told_bottleneck, told_recommendation,
};

/// The file that holds a run.
pub(crate) const RUN: &str = "run.json";
/// The file that holds the resolved policy that decided.
pub(crate) const POLICY: &str = "policy.json";
/// The file that holds the changes that are not in it yet, and those before.
pub(crate) const JOURNAL: &str = "journal.jsonl";
