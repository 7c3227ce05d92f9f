//! What one run teaches the next ones of its job: a small file that is written once and never changed.
//!
//! It holds sums and sizes. It holds no data, no literals, and no names of columns, tables or paths.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::facts::{History, PastRun};
use crate::out_of_memory::Lacked;
use crate::units::Bytes;

/// The format of a lesson; a reader reads every older one, and of a newer one what it knows.
pub const LESSON_FORMAT: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// With its work done: its process exited with 0.
    Well,
    /// With an exit code other than 0, by a signal, or its last job failed where nothing else is known.
    Failed,
    /// Nobody knows: a log alone does not tell. A Spark that stops on its own as its program ends logs exit code 0, whatever the program's was.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a run was and took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Lesson {
    /// See [`LESSON_FORMAT`].
    pub format: u32,
    /// The job that it is a run of.
    pub job: String,
    /// Spark's id of the application.
    pub application: String,
    /// When it started, Unix time.
    pub started_ms: u64,
    /// What steering did (`act`, `shadow`, `off`), or `log` where an event log taught it.
    pub mode: String,
    /// Spark's version.
    pub spark: String,
    /// How it ended.
    pub ended: RunEnd,
    /// Whether the last of its jobs failed.
    pub last_job_failed: bool,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// The run, as a history has it.
    pub run: PastRun,
    /// How much it had of the memory that [`PastRun::lacked`] names; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacked_had_bytes: Option<Bytes>,
    /// How much of that there was to hold, see [`Lacked::wanted_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacked_wanted_bytes: Option<Bytes>,
    /// Sub-plans of its queries that took long or came again, by their shape; no more than [`MOST_PLANS`].
    pub plans: Vec<PlanLesson>,
}

impl Lesson {
    /// What the run ended for want of.
    #[must_use]
    pub fn lacked(&self) -> Option<Lacked> {
        let (had_bytes, wanted_bytes) = (self.lacked_had_bytes, self.lacked_wanted_bytes);
        Some(Lacked { memory: self.run.lacked?, had_bytes, wanted_bytes })
    }

    /// The same with what the run ended for want of.
    #[must_use]
    pub fn with_lacked(self, lacked: Option<Lacked>) -> Self {
        Self {
            run: self.run.with_lacked(lacked),
            lacked_had_bytes: lacked.and_then(|lacked| lacked.had_bytes),
            lacked_wanted_bytes: lacked.and_then(|lacked| lacked.wanted_bytes),
            ..self
        }
    }
}

/// Sub-plans that a lesson holds at most: with 100 bytes each, far below what a lesson may have.
pub const MOST_PLANS: usize = 500;

/// What a run showed of the sub-plans of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanLesson {
    /// A hash of the shape.
    pub shape: String,
    /// Different sub-plans that had it: other files, other values.
    pub plans: u32,
    /// Queries that held one of them, all told.
    pub queries: u32,
    /// Queries that held the one that the fewest held.
    pub fewest: u32,
    /// The mean time between those queries, of the one where it is longest; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
    /// The most task time that one of them took; unknown when absent.
    pub task_ms: Option<u64>,
}

/// What earlier runs say of a shape that a query holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LearnedPlan {
    /// A hash of the shape.
    pub shape: String,
    /// Queries that hold the same sub-plan in a run, the fewest of the runs that count.
    pub uses: u32,
    /// The mean time between them in the newest run; unknown when absent.
    #[serde(default)]
    pub gap_ms: Option<u64>,
}

/// Runs whose sub-plans count: the newest that did their work.
const RUNS_OF_PLANS: usize = 5;

/// What the lessons of a job, in any order, say of its next run's sub-plans: how many queries of a run hold each. Of several with one shape it is the one
/// that the fewest held, so that a query that is asked for each day of a month is used once and not thirty times. Shapes that not each of the runs held are
/// left out; runs that nobody asked about their queries tell nothing.
#[must_use]
pub fn plans(lessons: &[Lesson]) -> Vec<LearnedPlan> {
    let asked = |lesson: &&Lesson| ["act", "shadow"].contains(&lesson.mode.as_str()) && lesson.ended != RunEnd::Failed;
    let mut told: Vec<&Lesson> = lessons.iter().filter(asked).collect();
    told.sort_by_key(|lesson| core::cmp::Reverse(lesson.started_ms));
    told.truncate(RUNS_OF_PLANS);
    let Some((newest, others)) = told.split_first() else { return Vec::new() };
    let by_shape = |lesson: &Lesson| -> BTreeMap<String, u32> {
        lesson.plans.iter().take(MOST_PLANS).map(|plan| (plan.shape.clone(), plan.fewest)).collect()
    };
    let others: Vec<BTreeMap<String, u32>> = others.iter().map(|lesson| by_shape(lesson)).collect();
    newest
        .plans
        .iter()
        .take(MOST_PLANS)
        .filter_map(|plan| {
            let fewest = others.iter().try_fold(plan.fewest, |fewest, run| Some(fewest.min(*run.get(&plan.shape)?)))?;
            (fewest > 1).then(|| LearnedPlan { shape: plan.shape.clone(), uses: fewest, gap_ms: plan.gap_ms })
        })
        .collect()
}

/// What the lessons of a job, in any order, say of its next run: its runs, the oldest first.
#[must_use]
pub fn history(lessons: &[Lesson]) -> History {
    let mut told: Vec<&Lesson> = lessons.iter().collect();
    told.sort_by(|one, other| (one.started_ms, &one.application).cmp(&(other.started_ms, &other.application)));
    // Two runs that write the same object twice are one.
    told.dedup_by(|one, other| one.application == other.application && one.started_ms == other.started_ms);
    let run = |lesson: &Lesson| PastRun { failed: lesson.ended == RunEnd::Failed, ..lesson.run };
    History { runs: told.into_iter().map(run).collect(), ..History::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec;

    fn lesson(started_ms: u64, run_ms: u64, ended: RunEnd) -> Lesson {
        Lesson {
            application: started_ms.to_string(),
            started_ms,
            ended,
            run: PastRun { run_ms, ..PastRun::default() },
            ..Lesson::default()
        }
    }

    #[test]
    fn runs_in_their_order_with_what_failed_as_such() {
        let lessons = [
            lesson(30, 3, RunEnd::Well),
            lesson(10, 1, RunEnd::Unknown),
            lesson(20, 2, RunEnd::Failed),
            lesson(30, 3, RunEnd::Well),
        ];
        let runs: Vec<(u64, bool)> = history(&lessons).runs.iter().map(|run| (run.run_ms, run.failed)).collect();
        assert_eq!(runs, [(1, false), (2, true), (3, false)]);
    }

    #[test]
    fn a_sub_plan_is_used_as_often_as_in_the_run_that_used_it_least() {
        let plan = |shape: &str, fewest| PlanLesson { shape: shape.into(), fewest, ..PlanLesson::default() };
        let run = |at, ended, plans| Lesson { plans, mode: "act".into(), ..lesson(at, 1, ended) };
        let lessons = [
            run(1, RunEnd::Well, vec![plan("both", 4), plan("days", 1), plan("gone", 9), plan("once", 1)]),
            run(3, RunEnd::Unknown, vec![plan("both", 3), plan("days", 1), plan("new", 2), plan("once", 2)]),
            run(4, RunEnd::Failed, vec![plan("both", 1)]),
            Lesson { mode: "off".into(), ..run(5, RunEnd::Well, vec![]) },
        ];
        let told: Vec<(String, u32)> = plans(&lessons).into_iter().map(|plan| (plan.shape, plan.uses)).collect();
        assert_eq!(told, [("both".to_string(), 3)]);
        assert_eq!(plans(&[]), []);
        let many: Vec<Lesson> =
            (0..6).map(|at| run(at, RunEnd::Well, if at == 0 { vec![] } else { vec![plan("a", 2)] })).collect();
        assert_eq!(plans(&many).len(), 1, "the newest five count");
        let mended = [run(1, RunEnd::Well, vec![plan("a", 2)]), run(2, RunEnd::Well, vec![])];
        assert_eq!(plans(&mended), [], "a program that uses nothing again any more is believed");
    }
}
