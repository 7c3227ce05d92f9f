//! What runs teach: the lesson of one, from its event log and its review; where it is kept, and what earlier ones say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sparkwright_core::by_name::ByName;
use sparkwright_core::facts::{History, PastRun, StartTried};
use sparkwright_core::job_name::{Called, JobName, job_name};
use sparkwright_core::lesson::{self, LESSON_FORMAT, LearnedPlans, Lesson, PlanLesson, RunEnd};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::saturating_u32;
use sparkwright_record::FoundExecutorTime;
use sparkwright_replay::trace::Trace;

use crate::assets::lessons_folder;
use crate::digest::sha256_hex;
use crate::engine::Prepared;
use crate::launch::attempt::Outcome;
use crate::record::RecordedJob;
use crate::replay::{self, NotSteered, StartsError};
use crate::review::{Log, executor_time_of};
use crate::store::{Store, StoreError};

/// The variable that names a store.
pub const STORE: &str = "SPARKWRIGHT_STORE";

/// The job that a run is one of, and the store where it leaves what it teaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lessons {
    /// The job that it is a run of; empty as long as nobody knows it.
    pub job: String,
    /// Where that name is from, in a few words.
    pub from: String,
    /// The store.
    pub store: StoreAddress,
    /// Earlier runs that the launch plan goes by; unknown as long as nobody has read their lessons.
    #[serde(default)]
    pub earlier_runs: Option<u32>,
}

/// Letters of the mark of a folder: enough for what one user has.
const FOLDER_MARK: usize = 6;

/// The word that is no store.
pub const NO_STORE: &str = "none";

/// A store that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreAddress {
    /// A folder, or the address of an object store.
    pub url: String,
    /// Whether somebody named it. Where nobody did it is the user's own folder, and who did not ask for lessons is not told of each that is missed.
    pub named: bool,
}

/// What lessons say.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// Of the job's runs.
    pub history: History,
    /// Of its queries.
    pub plans: LearnedPlans,
}

impl Lessons {
    /// Those of a run of this job, nothing of which is read yet. None where nothing tells its job from others, and nobody named the store: there
    /// everything that this user runs would be one job.
    #[must_use]
    pub fn of(job: JobName, store: StoreAddress) -> Option<Self> {
        let told = job.lasts() || store.named;
        told.then(|| Self { job: job.name, from: job.from.to_owned(), store, earlier_runs: None })
    }

    /// Those of a run of a job that is known only later.
    #[must_use]
    pub const fn of_unmet(store: StoreAddress) -> Self {
        Self { job: String::new(), from: String::new(), store, earlier_runs: None }
    }

    /// What the lessons of the job's earlier runs on such a master say, with others that are at hand. Beside it, how many of the store's objects are no lessons, or why
    /// there are none within so long.
    pub fn learned(
        &mut self,
        within: Duration,
        master: &str,
        at_hand: &[Lesson],
    ) -> (Learned, Result<usize, StoreError>) {
        let mut all = at_hand.to_vec();
        let read = Store::at(&self.store.url, within).and_then(|store| store.lessons(&self.job));
        let unread = read.map(|mut read| {
            lesson::keep_of_master(&mut read.lessons, lesson::master_kind(master));
            self.earlier_runs = Some(saturating_u32(lesson::in_order(&read.lessons).len() as u64));
            all.extend(read.lessons);
            read.unread
        });
        (Learned { history: lesson::history(&all), plans: lesson::plans(&all) }, unread)
    }

    /// The job, as a record has it; nothing as long as nobody knows it.
    #[must_use]
    pub fn recorded(&self) -> Option<RecordedJob> {
        let Self { job, from, store, earlier_runs } = self;
        let recorded = || RecordedJob {
            name: job.clone(),
            from: from.clone(),
            store: store.url.clone(),
            earlier_runs: *earlier_runs,
        };
        (!job.is_empty()).then(recorded)
    }
}

/// What the record says where nothing is kept at its first meeting any more, because of this.
#[must_use]
pub fn nothing_kept_at_once(why: &str) -> String {
    format!("what earlier runs used again is not kept at its first meeting, for ten runs: {why}")
}

/// What the record says where a plan goes without lessons.
#[must_use]
pub fn no_lessons(error: &StoreError) -> String {
    format!("the launch plan goes without lessons: {error}")
}

/// The store that is meant: what is given, else what the environment says, else what the policy does, else this user's folder; none where that is
/// `none`. A folder's address is absolute: a host runs elsewhere.
#[must_use]
pub fn store_address(given: Option<&str>, policy: &ResolvedPolicy) -> Option<StoreAddress> {
    let said = [given.map(str::to_owned), std::env::var(STORE).ok(), Some(policy.monitoring.store.clone())];
    let mut said = said.into_iter().flatten().map(|address| address.trim().to_owned());
    let Some(address) = said.find(|address| !address.is_empty()) else {
        return lessons_folder().map(|url| StoreAddress { url, named: false });
    };
    if address.eq_ignore_ascii_case(NO_STORE) {
        return None;
    }
    let url = if address.contains(':') || address.starts_with('~') {
        address
    } else {
        std::path::absolute(&address).map_or(address, |path| path.display().to_string())
    };
    Some(StoreAddress { url, named: true })
}

/// A mark of the folder that a file is in, the same whatever digits (dates, releases) its path has.
#[must_use]
pub fn folder_mark(file: &str) -> String {
    let path = file.split(['?', '#']).next().unwrap_or(file);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let lasting: String = folder.chars().filter(|c| !c.is_ascii_digit()).collect();
    sha256_hex(lasting.as_bytes()).chars().take(FOLDER_MARK).collect()
}

/// The lesson of a run that left this log, of which the policy's review made `run`; `labels` are what the user said of it.
#[must_use]
pub fn lesson(
    log: &Log,
    outcome: Option<Outcome>,
    (run, plans): (PastRun, Vec<PlanLesson>),
    (job, labels): (&str, &ByName<String>),
    mode: &str,
) -> Lesson {
    let ended = ended(log, outcome);
    // A log that brings out a bug of ours is a lesson all the same.
    let time = catch_unwind(AssertUnwindSafe(|| executor_time_of(&log.replayed))).ok().flatten();
    let executor_ms = log.measured.question(&[], None).executor_ms;
    // Of a log without executors the driver's own slots are taken apart, which nobody holds for it.
    let time = time.filter(|time| time.idle_ms + time.pinned_ms <= executor_ms as f64);
    let part = |of: fn(&FoundExecutorTime) -> f64| time.as_ref().map(|time| of(time) as u64);
    let master = log.replayed.conf.get("spark.master").map_or("", String::as_str);
    // A program that did its work got over what it lacked.
    let lacked = log.measured.lacked().filter(|_| ended != RunEnd::Well);
    Lesson {
        format: LESSON_FORMAT,
        job: job.to_owned(),
        application: log.replayed.conf.get("spark.app.id").cloned().unwrap_or_default(),
        started_ms: log.measured.started_ms(),
        mode: mode.to_owned(),
        spark: log.replayed.spark_version.clone(),
        ended,
        last_job_failed: log.replayed.last_job_failed,
        master: lesson::master_kind(master).to_owned(),
        executor_ms,
        idle_ms: part(|time| time.idle_ms),
        pinned_ms: part(|time| time.pinned_ms),
        labels: lesson::kept_labels(labels),
        run,
        plans,
        ..Lesson::default()
    }
    .with_lacked(lacked)
}

/// What a run would have taken with other numbers of executors at the start, under this policy; nothing where its log does not tell.
///
/// # Errors
/// Why that is not known: the policy's module failed or denied the run, or a bug of ours stopped it. Where it takes longer than `within` nothing is said.
pub fn starts(
    log: &Log,
    (policy, prepared): (&ResolvedPolicy, &Prepared),
    labels: &ByName<String>,
    within: Option<Duration>,
) -> Result<Vec<StartTried>, String> {
    let until = within.map(|within| Instant::now() + within);
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let log = &log.replayed;
        // What can't be replayed is a run all the same.
        Trace::of(log).map_or(Ok(Vec::new()), |trace| replay::starts(policy, prepared, &[(log, &trace)], labels, until))
    }));
    match tried.map_err(|_| String::from("sparkwright stopped at a bug of its own"))? {
        // A long run that is not replayed in time is nobody's fault.
        Err(StartsError::NotSteered(NotSteered::TooLong)) => Ok(Vec::new()),
        tried => tried.map_err(|error| error.to_string()),
    }
}

/// How the run ended: as its process did, else as far as its log says.
fn ended(log: &Log, outcome: Option<Outcome>) -> RunEnd {
    let log = &log.replayed;
    match (outcome, log.exit_code) {
        (Some(Outcome { code: Some(0), .. }), _) => RunEnd::Well,
        (Some(_), _) => RunEnd::Failed,
        (None, Some(code)) if code != 0 => RunEnd::Failed,
        (None, _) if log.last_job_failed => RunEnd::Failed,
        (None, _) => RunEnd::Unknown,
    }
}

/// The job of a run of which only its event log is known.
#[must_use]
pub fn job_of(job: Option<&str>, application: &str) -> JobName {
    job_name(&Called { job, application: Some(application), ..Called::default() })
}

/// The job of a run that is started here: what is said of it, and what the orchestrator says in the environment.
#[must_use]
pub fn job_here(job: Option<&str>, label: Option<&str>, application: Option<&str>, main: Option<&str>) -> JobName {
    let says = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let (dag, task) = (says("AIRFLOW_CTX_DAG_ID"), says("AIRFLOW_CTX_TASK_ID"));
    let (dagster, step) = (says("DAGSTER_RUN_JOB_NAME"), says("DAGSTER_RUN_STEP_KEY"));
    job_name(&Called {
        job,
        label,
        airflow: dag.as_deref().zip(task.as_deref()),
        dagster: dagster.as_deref().map(|job| (job, step.as_deref())),
        application,
        main,
    })
}
