//! The jobs of the server's store: what its runs left, and what the next one starts with.

use serde::Deserialize;
use sparkwright_core::facts::PastRun;
use sparkwright_core::lesson::RunEnd;
use sparkwright_core::trace::{Grade, Trace};

use crate::server::{encoded, get, read};

/// What a run of a job left.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JobRun {
    /// When it started, Unix time.
    pub started_ms: u64,
    /// How it ended.
    pub ended: RunEnd,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// What else it was and took.
    pub run: PastRun,
}

/// A job of the store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JobRow {
    /// Its name.
    pub job: String,
    /// How many of its runs left a lesson.
    pub runs: u32,
    /// The newest.
    pub last: JobRun,
}

/// The jobs of the store.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Jobs {
    /// By their names.
    pub jobs: Vec<JobRow>,
    /// Where there is no store: that, and how to have one.
    pub no_store: Option<String>,
}

/// A decision about the next run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Decided {
    /// What was decided.
    pub title: String,
    /// The value, as people read it.
    pub text: String,
    /// How well founded it is.
    pub grade: Grade,
    /// Why, in a sentence.
    pub why: String,
    /// Why, in full.
    pub trace: Trace,
}

/// What the next run starts with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Next {
    /// In the order in which people read them.
    pub decisions: Vec<Decided>,
}

/// A job with its runs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OneJob {
    /// The newest first.
    pub runs: Vec<JobRun>,
    /// Nothing where it is not known.
    pub next: Option<Next>,
    /// Why it is not.
    pub next_unknown: Option<String>,
}

/// The jobs of the store.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn all() -> Result<Jobs, String> {
    read("the list of jobs", &get("./jobs.json").await?)
}

/// A job of the store.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn one(name: &str) -> Result<OneJob, String> {
    read("the job", &get(&format!("./jobs/{}.json", encoded(name))).await?)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A run of a job, as the server tells it.
    pub(crate) fn run(started_ms: u64, run_ms: u64, ended: &str) -> JobRun {
        let text = format!(
            r#"{{"format":1,"job":"nightly","started_ms":{started_ms},"ended":"{ended}","executor_ms":{},
                "run":{{"executors":4,"run_ms":{run_ms},"gc_share":0.125,"from_a_later_version":1}},"plans":[]}}"#,
            4 * run_ms
        );
        read("a run", &text).unwrap()
    }

    #[test]
    fn what_the_server_tells_is_read() {
        let text = r#"{"jobs":[{"job":"a/b","runs":2,"last":{"started_ms":1,"ended":"in_a_later_way","executor_ms":0,"run":{}}}]}"#;
        let jobs: Jobs = read("the list", text).unwrap();
        assert_eq!(jobs.jobs.first().map(|row| (row.runs, row.last.ended)), Some((2, RunEnd::Unknown)));
        let none: Jobs = read("the list", r#"{"jobs":[],"no_store":"name one"}"#).unwrap();
        assert_eq!((none.jobs.len(), none.no_store.as_deref()), (0, Some("name one")));
        let one: OneJob =
            read("it", r#"{"job":"a","runs":[],"next":null,"next_unknown":"the policy is wrong"}"#).unwrap();
        assert_eq!((one.next, one.next_unknown.as_deref()), (None, Some("the policy is wrong")));
        assert_eq!((run(1, 2, "failed").ended, run(1, 2, "well").run.gc_share), (RunEnd::Failed, Some(0.125)));
    }
}
