//! A run as it is recorded, and the only way in which it changes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sparkwright_core::answers;
use sparkwright_core::control::Held;
use sparkwright_core::decision::{Made, Set, Told};
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::trace::{Grade, Scalar, Trace, Unit};

use crate::Found;

/// The form of `run.json` that this version writes; `old.rs` reads the ones before.
pub const FORMAT: u32 = 2;
/// More decisions than this are counted but not kept.
pub const MOST_DECISIONS: usize = 5_000;
/// More queries and jobs than this are summed up but not kept one by one.
pub const MOST_WORK: usize = 2_000;

/// The application that a run is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationIdentity {
    /// Spark's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Spark's version.
    pub spark: String,
    /// Java's version.
    pub java: String,
    /// The master URL.
    pub master: String,
    /// The driver's process.
    pub driver_pid: u32,
}

/// The job that a run is one of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedJob {
    /// Its name.
    pub name: String,
    /// Where the name is from, in a few words.
    pub from: String,
    /// The store of its lessons.
    pub store: String,
    /// Earlier runs that the launch plan goes by; unknown where nobody read their lessons.
    pub earlier_runs: Option<u32>,
}

/// The policy that decided.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyIdentity {
    /// The file; empty for the embedded default.
    pub file: String,
    /// The environment.
    pub environment: String,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// SHA-256 of the resolved policy's canonical form.
    pub resolved_sha256: String,
}

/// The module that decided.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleIdentity {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The application runs, or the host was lost with it: the reader tells which.
    #[default]
    Running,
    /// The application ended and the host saw it.
    Ended,
    /// The host was lost before the application ended.
    HostLost,
}

/// A decision as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedDecision {
    /// Its number in the run, from 1.
    pub number: u64,
    /// When it was made.
    pub at_ms: u64,
    /// The decision point.
    pub point: Cow<'static, str>,
    /// What was decided.
    pub name: Cow<'static, str>,
    /// About what.
    pub subject: String,
    /// The SQL execution that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<i64>,
    /// The sub-plan that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The value.
    pub value: Scalar,
    /// How well founded it is.
    pub grade: Grade,
    /// Why.
    pub trace: Trace,
    /// Whether it was carried out: not in `shadow`, and not where something else has a say.
    pub applied: bool,
    /// The Spark configurations that it sets; they were set where it was carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<Set>,
    /// Guards that held it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

impl RecordedDecision {
    /// A decision of an answer, not numbered yet; `subject` says what it is about where the answer does not.
    #[must_use]
    pub fn of(at_ms: u64, made: &Made<'_>, subject: &str, applied: bool) -> Self {
        Self {
            number: 0,
            at_ms,
            point: Cow::Borrowed(made.point.name()),
            name: Cow::Owned(made.name.to_owned()),
            subject: made.subject.unwrap_or(subject).to_owned(),
            execution: None,
            hash: made.hash.map(str::to_owned),
            value: made.value.clone(),
            grade: made.grade,
            trace: made.trace.clone(),
            applied,
            sets: made.sets.clone(),
            held: Vec::new(),
            outcome: None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        answers::find(&self.point, &self.name)
            .map_or_else(|| Cow::Owned(self.name.replace('_', " ")), |declared| Cow::Borrowed(declared.title))
    }

    /// The unit of its value.
    #[must_use]
    pub fn unit(&self) -> Unit {
        answers::find(&self.point, &self.name).map_or(self.trace.unit, |declared| declared.unit)
    }

    /// The value as people read it.
    #[must_use]
    pub fn rendered_value(&self) -> String {
        self.value.render(self.unit())
    }

    /// It as `plan --json` tells a decision.
    #[must_use]
    pub fn told(&self) -> Told {
        Told {
            name: self.name.clone().into_owned(),
            title: self.title().into_owned(),
            point: self.point.clone().into_owned(),
            value: self.value.clone(),
            unit: self.unit(),
            text: self.rendered_value(),
            grade: self.grade,
            applied: self.applied,
            sets: self.sets.clone(),
            why: self.trace.why(),
            trace: self.trace.clone(),
        }
    }
}

/// An executor that came or went, or a number of them that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutorEvent {
    /// When.
    pub at_ms: u64,
    /// `asked`, `added`, `leaving` or `removed`.
    pub change: Cow<'static, str>,
    /// The executor; empty for `asked`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub executor: String,
    /// Executors after it (for `asked`, the number asked for).
    pub count: u32,
    /// Why, in Spark's words or ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A plan that was cached without being asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CachedPlan {
    /// The hash of its plan.
    pub id: String,
    /// What it is, in a few words.
    pub subject: String,
    /// When it was cached.
    pub cached_ms: u64,
    /// When it went.
    pub dropped_ms: Option<u64>,
    /// Why it went.
    pub why: String,
    /// Its storage level.
    pub level: String,
    /// The most bytes that it held in memory.
    pub memory_bytes: u64,
    /// The most bytes that it held on disk.
    pub disk_bytes: u64,
    /// Queries that read it.
    pub uses: u32,
}

/// Something that went wrong on our side, or made the application unsteered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When.
    pub at_ms: u64,
    /// What happened, and what followed.
    pub what: String,
    /// How often it happened, where it was said once for many.
    pub times: u64,
}

/// What a SQL execution, or a job outside of any, took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// The SQL execution; absent for a job outside of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<i64>,
    /// The job, where it is outside of any SQL execution, as those of RDDs and of most of MLlib are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// What the program called, in Spark's words.
    pub what: String,
    /// When it started.
    pub started_ms: u64,
    /// When it ended; absent where that was not seen.
    pub ended_ms: Option<u64>,
    /// Its tasks.
    pub tasks: u64,
    /// Sum of their run times.
    pub task_ms: u64,
    /// Whether it failed or was cancelled.
    pub failed: bool,
}

/// Queries and jobs that are only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkLeftOut {
    /// How many.
    pub count: u64,
    /// Their tasks.
    pub tasks: u64,
    /// Sum of their tasks' run times.
    pub task_ms: u64,
}

/// Sums over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Questions answered.
    pub questions: u64,
    /// Questions that got no decision.
    pub undecided: u64,
    /// Ticks of the controller.
    pub ticks: u64,
    /// Spark's events taken in.
    pub events: u64,
    /// Spark's events lost on the way.
    pub events_lost: u64,
    /// Tasks ended.
    pub tasks: u64,
    /// Tasks failed.
    pub failed_tasks: u64,
    /// Sum of the tasks' run times.
    pub task_ms: u64,
    /// How long questions took, from the plugin's asking to the answer in its hand.
    pub round_trips: Option<RoundTrips>,
    /// Processor time that the host itself took.
    pub host_cpu_ms: u64,
    /// Processor time that the plugin's threads took in the driver; known at the end.
    pub plugin_cpu_ms: u64,
    /// How long queries waited for the plugin in all, the questions' way and answer included; known at the end.
    pub held_up_ms: u64,
}

/// How long questions took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RoundTrips {
    /// Half of them took less.
    pub p50_us: u64,
    /// All but one in a hundred took less.
    pub p99_us: u64,
    /// The longest.
    pub longest_us: u64,
}

impl RoundTrips {
    /// What these times come to; nothing when there are none.
    #[must_use]
    pub fn of(times_us: &[u64]) -> Option<Self> {
        let mut sorted = times_us.to_vec();
        sorted.sort_unstable();
        let at = |hundredths: usize| sorted.get((sorted.len().saturating_sub(1)) * hundredths / 100).copied();
        Some(Self { p50_us: at(50)?, p99_us: at(99)?, longest_us: at(100)? })
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The form of this file.
    pub format: u32,
    /// The application.
    pub application: ApplicationIdentity,
    /// The job that it is a run of, a [`RecordedJob`] as JSON; absent where it neither learns nor teaches. The page is smaller without its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Value>,
    /// `act`, `shadow` or `off`.
    pub mode: String,
    /// The policy.
    pub policy: PolicyIdentity,
    /// The module.
    pub module: ModuleIdentity,
    /// The host's process.
    pub host_pid: u32,
    /// How far the run is.
    pub state: RunState,
    /// When the host met the application.
    pub started_ms: u64,
    /// When the application ended.
    pub ended_ms: Option<u64>,
    /// The newest change.
    pub updated_ms: u64,
    /// The decisions.
    pub decisions: Vec<RecordedDecision>,
    /// Decisions that were made but not kept, because there are too many or the disk was full.
    pub decisions_left_out: u64,
    /// Queries, and jobs outside of them, in the order in which they ended: every task belongs to one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Work>,
    /// More of them than are kept.
    pub work_left_out: WorkLeftOut,
    /// Executors over time.
    pub executors: Vec<ExecutorEvent>,
    /// Plans cached without being asked for.
    pub cached_plans: Vec<CachedPlan>,
    /// What went wrong.
    pub faults: Vec<Fault>,
    /// Sums.
    pub totals: Totals,
    /// What held it up, and what would help: once it has ended and left an event log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<RecordedReview>,
    /// Spark's event log, relative to the folder of this file or absolute.
    pub event_log: Option<String>,
    /// The last line of the journal that is in this file.
    pub journal_line: u64,
}

/// A review as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedReview {
    /// The review.
    pub answer: ReviewAnswer,
    /// The currency of its costs.
    pub currency: String,
    /// What its time went to: a [`Found`] as JSON; absent in records of versions before there was such. The page reads what it shows of it, and is
    /// smaller without the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
}

impl RecordedReview {
    /// What its time went to; absent where it was not recorded.
    #[must_use]
    pub fn found(&self) -> Option<Found> {
        serde_json::from_value(self.found.clone()?).ok()
    }
}

/// A change of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A decision was made.
    Decision(Box<RecordedDecision>),
    /// It is known what came of a decision.
    Outcome {
        /// The decision's number.
        number: u64,
        /// What came of it.
        outcome: String,
    },
    /// A decision was carried out after it was recorded.
    Applied {
        /// The decision's number.
        number: u64,
        /// How.
        outcome: String,
    },
    /// A decision was not carried out after all.
    NotApplied {
        /// The decision's number.
        number: u64,
        /// Why.
        outcome: String,
    },
    /// An executor came or went.
    Executor {
        /// What it did; in a member of its own, as it has a `change` too.
        event: ExecutorEvent,
    },
    /// A plan was cached, or what is known of it changed.
    CachedPlan(CachedPlan),
    /// A query, or a job outside of any, has ended with all of its tasks.
    Work(Work),
    /// Something went wrong.
    Fault(Fault),
    /// Sums.
    Totals(Totals),
    /// The application ended.
    Ended {
        /// When.
        at_ms: u64,
    },
    /// It was reviewed.
    Review(Box<RecordedReview>),
    /// The job that it is a run of is known.
    Job {
        /// A [`RecordedJob`] as JSON.
        job: Value,
    },
    /// Spark's event log was found.
    EventLog {
        /// Where.
        path: String,
    },
}

impl Run {
    /// How long the application took in milliseconds: by its event log where it was reviewed, else from when the host met it until it ended or the
    /// record was last changed.
    #[must_use]
    pub fn took_ms(&self) -> u64 {
        let logged = self.review.as_ref().and_then(|review| review.found.as_ref()?.get("run_ms")?.as_u64());
        logged
            .filter(|ms| *ms > 0)
            .unwrap_or_else(|| self.ended_ms.unwrap_or(self.updated_ms).saturating_sub(self.started_ms))
    }

    /// The job that it is a run of; nothing where it neither learns nor teaches.
    #[must_use]
    pub fn recorded_job(&self) -> Option<RecordedJob> {
        serde_json::from_value(self.job.clone()?).ok()
    }

    /// Makes a change, which reached the host at `at_ms`.
    pub fn apply(&mut self, change: Change, at_ms: u64) {
        self.updated_ms = self.updated_ms.max(at_ms);
        match change {
            Change::Decision(decision) => {
                if self.decisions.len() >= MOST_DECISIONS {
                    self.decisions_left_out += 1;
                } else {
                    self.decisions.push(*decision);
                }
            }
            Change::Outcome { number, outcome } => {
                if let Some(decision) = self.decision_mut(number) {
                    decision.outcome = Some(outcome);
                }
            }
            Change::Applied { number, outcome } => {
                if let Some(decision) = self.decision_mut(number) {
                    decision.applied = true;
                    decision.outcome = Some(outcome);
                }
            }
            Change::NotApplied { number, outcome } => {
                if let Some(decision) = self.decision_mut(number) {
                    decision.applied = false;
                    decision.outcome = Some(outcome);
                }
            }
            Change::Executor { event } => self.executors.push(event),
            Change::CachedPlan(plan) => {
                match self.cached_plans.iter_mut().rev().find(|known| known.id == plan.id && known.dropped_ms.is_none())
                {
                    Some(known) => *known = plan,
                    None => self.cached_plans.push(plan),
                }
            }
            Change::Fault(fault) => match self.faults.iter_mut().find(|known| known.what == fault.what) {
                Some(known) => known.times += fault.times,
                None => self.faults.push(fault),
            },
            Change::Work(work) if self.work.len() < MOST_WORK => self.work.push(work),
            Change::Work(Work { tasks, task_ms, .. }) => {
                let left_out = &mut self.work_left_out;
                left_out.count += 1;
                left_out.tasks += tasks;
                left_out.task_ms += task_ms;
            }
            Change::Totals(totals) => self.totals = totals,
            Change::Ended { at_ms } => {
                self.state = RunState::Ended;
                self.ended_ms = Some(at_ms);
            }
            Change::Review(review) => self.review = Some(*review),
            Change::Job { job } => self.job = Some(job),
            Change::EventLog { path } => self.event_log = Some(path),
        }
    }

    fn decision_mut(&mut self, number: u64) -> Option<&mut RecordedDecision> {
        self.decisions.iter_mut().rev().find(|decision| decision.number == number)
    }
}
