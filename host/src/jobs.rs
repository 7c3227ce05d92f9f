//! What a store says of jobs: which there are; of one its runs, and what the next one starts with. `sparkwright jobs --json` prints these objects, and
//! the page is served them.

use serde::Serialize;
use sparkwright_core::by_name::ByName;
use sparkwright_core::cost::Prices;
use sparkwright_core::decision::Listed;
use sparkwright_core::facts::{ClusterFacts, JobFacts};
use sparkwright_core::launch::{PlanLaunchAnswer, PlanLaunchInput};
use sparkwright_core::lesson::{Lesson, history};
use sparkwright_core::units::Bytes;

use crate::clock;
use crate::engine::Prepared;
use crate::launch::plan::{PlanError, plan_launch};
use crate::spending::Spending;
use crate::store::Known;

/// The jobs of a store.
#[derive(Debug, Serialize)]
pub struct AllJobs<'a> {
    /// By their names.
    pub jobs: Vec<JobRow<'a>>,
}

/// A job of a store.
#[derive(Debug, Serialize)]
pub struct JobRow<'a> {
    /// Its name.
    pub job: &'a str,
    /// How many of its runs left a lesson.
    pub runs: usize,
    /// The newest.
    pub last: &'a Lesson,
}

impl<'a> AllJobs<'a> {
    /// Those that a store knows.
    #[must_use]
    pub fn of(known: &'a [Known]) -> Self {
        Self { jobs: known.iter().map(|Known { runs, last }| JobRow { job: &last.job, runs: *runs, last }).collect() }
    }
}

/// A job, its runs and its next one.
#[derive(Debug, Serialize)]
pub struct OneJob<'a> {
    /// Its name.
    pub job: &'a str,
    /// Its runs, the newest first.
    pub runs: &'a [Lesson],
    /// What they took together.
    pub spent: Spending,
    /// What the next one starts with; nothing where that is not known.
    pub next: Option<Listed<'a, PlanLaunchAnswer>>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_unknown: Option<&'a str>,
}

impl<'a> OneJob<'a> {
    /// A job with these runs, whose next one starts as planned, with money in the currency beside; or nobody knows how, and why.
    #[must_use]
    pub fn of(
        job: &'a str,
        runs: &'a [Lesson],
        prices: Prices,
        next: Result<(&'a PlanLaunchAnswer, &str), &'a str>,
    ) -> Self {
        let next_unknown = next.err();
        let spent = Spending::of(runs, prices);
        Self { job, runs, spent, next: next.ok().map(|(plan, currency)| Listed::of(plan, currency)), next_unknown }
    }
}

/// What the next run of a job starts with after these, by a policy; its input as large as somebody says, else as the runs before it had.
///
/// # Errors
/// The policy refuses, or the module fails.
pub fn next_start(
    prepared: &Prepared,
    runs: &[Lesson],
    labels: &ByName<String>,
    input_bytes: Option<Bytes>,
) -> Result<PlanLaunchAnswer, PlanError> {
    let facts = PlanLaunchInput {
        job: JobFacts { input_bytes, ..JobFacts::default() },
        cluster: ClusterFacts::default(),
        now_ms: clock::now_ms(),
        utc_offset_minutes: clock::utc_offset_minutes(),
        labels: labels.clone(),
        history: history(runs),
        candidates: Vec::new(),
    };
    plan_launch(prepared, &facts)
}
