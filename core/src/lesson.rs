//! What one run teaches the next ones of its job: a small file that is written once and never changed.
//!
//! It holds sums and sizes. It holds no data, no literals, and no names of columns, tables or paths.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::executor::start::mean;
use crate::facts::{History, PastRun, StartTried};
use crate::history::setback::{RUNS_AFTER_A_SETBACK, slower};
use crate::memory_kind::Memory;
use crate::out_of_memory::Lacked;
use crate::query::{Columns, ShuffledFacts};
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
    /// The kind of its master, see [`master_kind`]; empty where that is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub master: String,
    /// How it ended.
    pub ended: RunEnd,
    /// Whether the last of its jobs failed.
    pub last_job_failed: bool,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// Of that, slots that ran nothing; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// Of that, executors that ran nothing and had cached blocks; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_ms: Option<u64>,
    /// What the user said of the run, to sum up what it cost by; see [`kept_labels`].
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub labels: ByName<String>,
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
    /// What it would have taken with other numbers of executors at the start, its policy's controller in the replay; empty where nobody tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<StartTried>,
    /// How many sub-plans earlier runs had told it to keep at their first meeting, by their shape; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plans_told: Option<u32>,
}

impl Lesson {
    /// Whether it was steered.
    fn acted(&self) -> bool {
        self.mode == "act"
    }

    /// The run, as a history has it.
    #[must_use]
    pub fn past_run(&self) -> PastRun {
        PastRun { failed: self.ended == RunEnd::Failed, steered: self.acted(), ..self.run }
    }

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

/// Labels that a lesson holds at most.
pub const MOST_LABELS: usize = 20;
/// The longest name or value of a label that a lesson holds, in bytes.
pub const LONGEST_LABEL: usize = 200;

/// The labels of a run that its lesson holds: by their names, the first [`MOST_LABELS`] that are short enough.
#[must_use]
pub fn kept_labels(labels: &ByName<String>) -> ByName<String> {
    let short = labels.iter().filter(|(name, value)| name.len().max(value.len()) <= LONGEST_LABEL);
    short.take(MOST_LABELS).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Sub-plans that a lesson holds at most: with 300 bytes each, far below what a lesson may have.
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
    /// What the queries shuffled of which it was the outermost shuffle, the most of them; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffled: Option<ShuffledFacts>,
    /// The columns of its output that those queries asked for, all told; unknown when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// What earlier runs say of a shape that a query holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LearnedPlan {
    /// A hash of the shape.
    pub shape: String,
    /// Queries that hold the same sub-plan in a run, the fewest of the runs that count; 0 where not each of them held it.
    pub uses: u32,
    /// The mean time between them in the newest run; unknown when absent.
    #[serde(default)]
    pub gap_ms: Option<u64>,
    /// What the queries of a run shuffle of which it is the outermost shuffle, the most of the runs that count; unknown when absent.
    #[serde(default)]
    pub shuffled: Option<ShuffledFacts>,
    /// The columns of its output that queries asked for in each of the runs that count; unknown when absent.
    #[serde(default)]
    pub columns: Option<Columns>,
}

impl LearnedPlan {
    /// Whether it is kept at its first meeting.
    #[must_use]
    pub const fn comes_again(&self) -> bool {
        self.uses > 1
    }
}

/// What earlier runs say of sub-plans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LearnedPlans {
    /// Of each, by its shape.
    pub plans: Vec<LearnedPlan>,
    /// Why none is kept at its first meeting, where that made a run worse.
    pub taken_back: Option<String>,
}

/// Runs whose sub-plans count: the newest that did their work.
const RUNS_OF_PLANS: usize = 5;

/// What the lessons of a job, in any order, say of its next run's sub-plans: how many queries of a run hold each, and what they shuffle. Of several with one shape it is the one
/// that the fewest held, so that a query that is asked for each day of a month is used once and not thirty times. Shapes that not each of the runs held are
/// not counted on; runs that nobody asked about their queries tell nothing. None is
/// counted on where the first run that was told of some was worse than those before.
#[must_use]
pub fn plans(lessons: &[Lesson]) -> LearnedPlans {
    let taken_back = made_worse(lessons);
    let asked = |lesson: &&Lesson| ["act", "shadow"].contains(&lesson.mode.as_str()) && lesson.ended != RunEnd::Failed;
    let mut told: Vec<&Lesson> = lessons.iter().filter(asked).collect();
    told.sort_by_key(|lesson| core::cmp::Reverse(lesson.started_ms));
    told.truncate(RUNS_OF_PLANS);
    // The newest first, so that of its plans none is one too many.
    let mut learned: Vec<LearnedPlan> = Vec::new();
    let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for plan in told.iter().flat_map(|lesson| lesson.plans.iter().take(MOST_PLANS)) {
        let (at, runs) = places.entry(&plan.shape).or_insert((learned.len(), 0));
        *runs += 1;
        if let Some(known) = learned.get_mut(*at) {
            known.uses = known.uses.min(plan.fewest);
            known.shuffled = known.shuffled.max(plan.shuffled);
            known.columns =
                known.columns.take().zip(plan.columns.as_ref()).and_then(|(known, columns)| known.and(columns));
        } else {
            let PlanLesson { ref shape, fewest: uses, gap_ms, shuffled, ref columns, .. } = *plan;
            learned.push(LearnedPlan { shape: shape.clone(), uses, gap_ms, shuffled, columns: columns.clone() });
        }
    }
    // Where not each run used it, nobody knows whether the next one does.
    for (at, _) in places.into_values().filter(|(_, runs)| *runs < told.len() || taken_back.is_some()) {
        if let Some(plan) = learned.get_mut(at) {
            plan.uses = 0;
        }
    }
    learned.retain(|plan| plan.comes_again() || plan.shuffled.is_some());
    learned.truncate(MOST_PLANS);
    LearnedPlans { plans: learned, taken_back }
}

/// What was worse about the first run that was told of sub-plans than about those before, which were not, where that is one of the last ten steered runs.
fn made_worse(lessons: &[Lesson]) -> Option<String> {
    let acted: Vec<&Lesson> = in_order(lessons).into_iter().filter(|lesson| lesson.acted()).collect();
    let runs: Vec<PastRun> = acted.iter().map(|lesson| lesson.past_run()).collect();
    let told = |at: usize| acted.get(at).and_then(|lesson| lesson.plans_told);
    let last = acted.len().saturating_sub(RUNS_AFTER_A_SETBACK).max(1);
    (last..acted.len()).filter(|at| told(*at) > Some(0)).find_map(|at| {
        // One that failed tells nothing of how long it would have taken; the next one does.
        let failed = |at: &usize| told(*at) > Some(0) && runs.get(*at).is_some_and(|run| run.failed);
        let untold = (0..at).rev().skip_while(failed).take_while(|at| told(*at) == Some(0));
        let untold: Vec<&PastRun> = untold.filter_map(|at| runs.get(at)).collect();
        let run = runs.get(at)?;
        // What is kept takes memory.
        let lacked = |run: &PastRun| run.lacked == Some(Memory::ExecutorHeap);
        if lacked(run) && !untold.is_empty() && !untold.iter().any(|run| lacked(run)) {
            return Some(String::from("the first run after it lacked executor memory, those before it did not"));
        }
        let untold: Vec<&PastRun> = untold.into_iter().filter(|run| !run.failed).collect();
        slower(run, &untold)
    })
}

/// The kind of a master: `local`, `local-cluster`, `spark`, `yarn`, `k8s` or another's scheme.
#[must_use]
pub fn master_kind(master: &str) -> &str {
    let kind = master.split([':', '[']).next().unwrap_or(master);
    kind.trim()
}

/// Of lessons those that tell of runs on a master of this kind: what a job takes on one machine says little of a cluster. Where either is not known they count.
pub fn keep_of_master(lessons: &mut Vec<Lesson>, kind: &str) {
    lessons.retain(|lesson| kind.is_empty() || lesson.master.is_empty() || lesson.master == kind);
}

/// The lessons, the oldest first. Two runs that write the same object twice are one.
#[must_use]
pub fn in_order(lessons: &[Lesson]) -> Vec<&Lesson> {
    let mut told: Vec<&Lesson> = lessons.iter().collect();
    told.sort_by(|one, other| (one.started_ms, &one.application).cmp(&(other.started_ms, &other.application)));
    told.dedup_by(|one, other| one.application == other.application && one.started_ms == other.started_ms);
    told
}

/// What the lessons of a job, in any order, say of its next run: its runs, the oldest first.
#[must_use]
pub fn history(lessons: &[Lesson]) -> History {
    let in_order = in_order(lessons);
    let starts = starts(&in_order);
    History { runs: in_order.into_iter().map(Lesson::past_run).collect(), starts, ..History::default() }
}

/// Runs whose replays with other starts count: the newest.
const RUNS_OF_STARTS: usize = 5;

/// What the newest of these runs, the oldest first, would have taken together with other numbers of executors at the start, with executors of as many cores as the newest
/// had: numbers that were tried for each of them. Runs of which not half as many were tried as of another say nothing: a run of a holiday needs few, and one under a
/// lower `max_executors` was given few.
fn starts(in_order: &[&Lesson]) -> Vec<StartTried> {
    let tried = |lesson: &&&Lesson| !lesson.starts.is_empty() && lesson.ended != RunEnd::Failed;
    let mut told = in_order.iter().rev().filter(tried).peekable();
    let Some(cores) = told.peek().map(|newest| newest.run.executor_cores) else { return Vec::new() };
    let mut told: Vec<&&Lesson> =
        told.filter(|lesson| lesson.run.executor_cores == cores).take(RUNS_OF_STARTS).collect();
    let most = |lesson: &Lesson| lesson.starts.iter().map(|start| start.executors).max().unwrap_or(0);
    let widest = told.iter().map(|lesson| most(lesson)).max().unwrap_or(0);
    told.retain(|lesson| most(lesson) >= widest.div_ceil(2));
    let of_all = |start: &StartTried| {
        let with = |lesson: &&&Lesson| lesson.starts.iter().find(|other| other.executors == start.executors).copied();
        let runs: Option<Vec<StartTried>> = told.iter().map(with).collect();
        mean(&runs?)
    };
    told.first().map_or(&[][..], |newest| &newest.starts[..]).iter().filter_map(of_all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec;

    #[test]
    fn runs_on_another_kind_of_master_do_not_count() {
        for (master, kind) in [
            ("local[4]", "local"),
            ("local", "local"),
            ("local-cluster[2,1,1024]", "local-cluster"),
            ("spark://a:7077,b:7077", "spark"),
            ("yarn", "yarn"),
            ("k8s://https://host:6443", "k8s"),
            ("", ""),
        ] {
            assert_eq!(master_kind(master), kind);
        }
        let of = |master: &str| Lesson { master: master.into(), ..Lesson::default() };
        let mut lessons = [of("local"), of("yarn"), of("")].to_vec();
        keep_of_master(&mut lessons, "");
        assert_eq!(lessons.len(), 3);
        keep_of_master(&mut lessons, "yarn");
        let kept: Vec<&str> = lessons.iter().map(|lesson| lesson.master.as_str()).collect();
        assert_eq!(kept, ["yarn", ""]);
    }

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
    fn starts_are_those_that_the_newest_runs_have_in_common() {
        let tried = |executors, run_ms| StartTried { executors, run_ms, executor_ms: 100 };
        let run = |at, cores, starts: &[StartTried]| {
            let mut lesson = Lesson { starts: starts.to_vec(), ..lesson(at, 1, RunEnd::Well) };
            lesson.run.executor_cores = Some(cores);
            lesson
        };
        let lessons = [
            run(1, 2, &[tried(1, 9), tried(2, 9), tried(4, 9)]),
            run(2, 4, &[tried(1, 400), tried(2, 100)]),
            run(3, 4, &[tried(1, 100), tried(2, 100), tried(4, 50)]),
            run(4, 8, &[]),
            Lesson { ended: RunEnd::Failed, ..run(5, 4, &[tried(1, 1)]) },
        ];
        assert_eq!(history(&lessons).starts, [tried(1, 200), tried(2, 100)]);
        assert_eq!(history(&lessons[3..]).starts, []);
        let nightly: Vec<Lesson> = (0..7).map(|at| run(at, 4, &[tried(1, if at < 2 { 9_000 } else { 10 })])).collect();
        assert_eq!(history(&nightly).starts, [tried(1, 10)], "the newest five");
        let mut nights: Vec<Lesson> =
            (0..4).map(|at| run(at, 4, &[tried(2, 90), tried(20, 10), tried(40, 10)])).collect();
        nights.push(run(5, 4, &[tried(2, 5), tried(4, 5)]));
        assert_eq!(history(&nights).starts.last(), Some(&tried(40, 10)), "a small night caps nothing");
    }

    #[test]
    fn plans_that_made_a_run_slower_are_not_told_for_ten_runs() {
        let run = |at: u64, run_ms, plans_told| Lesson {
            mode: "act".into(),
            plans: vec![PlanLesson { shape: "a".into(), fewest: 3, ..PlanLesson::default() }],
            plans_told: Some(plans_told),
            ..lesson(at, run_ms, RunEnd::Well)
        };
        let mut lessons = vec![run(1, 1_000, 0)];
        assert_eq!(plans(&lessons).plans.len(), 1);
        lessons.push(run(2, 1_200, 1));
        assert_eq!(plans(&lessons).plans.len(), 1, "a run varies");
        let died = PastRun { lacked: Some(Memory::ExecutorHeap), ..PastRun::default() };
        lessons[1] = Lesson { run: died, ended: RunEnd::Failed, ..run(2, 0, 1) };
        assert!(plans(&lessons).taken_back.is_some_and(|why| why.contains("lacked executor memory")));
        lessons[1] = Lesson { plans_told: None, ..run(2, 9_000, 0) };
        assert_eq!(plans(&lessons).plans.len(), 1, "nobody knows what an older version told");
        lessons[1] = Lesson { ended: RunEnd::Failed, ..run(2, 9, 1) };
        lessons.push(run(3, 1_300, 1));
        assert!(plans(&lessons).taken_back.is_some(), "the one after a failure tells");
        lessons.truncate(1);
        lessons.push(run(2, 1_300, 1));
        for at in 3..13 {
            assert!(plans(&lessons).plans.is_empty() && plans(&lessons).taken_back.is_some(), "{at}");
            lessons.push(run(at, 1_000, 0));
        }
        assert_eq!(plans(&lessons).plans.len(), 1);
        lessons.push(run(13, 1_000, 1));
        lessons.push(run(14, 5_000, 1));
        assert_eq!(plans(&lessons).plans.len(), 1, "it is not the plans that made that one slow");
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
        let told: Vec<(String, u32)> = plans(&lessons).plans.into_iter().map(|plan| (plan.shape, plan.uses)).collect();
        assert_eq!(told, [("both".to_string(), 3)]);
        assert_eq!(plans(&[]), LearnedPlans::default());
        let shuffled = |mib| Some(ShuffledFacts { bytes: Bytes::mib(mib), leaf_bytes: Bytes::mib(9) });
        let wide = |mib| PlanLesson { shuffled: shuffled(mib), ..plan("wide", 1) };
        let lessons = [
            run(1, RunEnd::Well, vec![wide(7), plan("a", 3)]),
            run(2, RunEnd::Well, vec![PlanLesson { fewest: 4, ..wide(5) }]),
            run(3, RunEnd::Well, vec![plan("a", 3)]),
        ];
        let learned = LearnedPlan { shape: "wide".into(), shuffled: shuffled(7), ..LearnedPlan::default() };
        assert_eq!(plans(&lessons).plans, [learned], "the most of any run");
        let asked = |positions: &[u32]| {
            let columns = Some(Columns::at(9, positions.iter().copied()));
            run(1, RunEnd::Well, vec![PlanLesson { columns, ..plan("a", 2) }])
        };
        let columns = |lessons: &[Lesson]| plans(lessons).plans.remove(0).columns;
        assert_eq!(columns(&[asked(&[1, 2, 5]), asked(&[2, 5, 7])]), Some(Columns::at(9, [2, 5])), "of each run");
        assert_eq!(
            columns(&[asked(&[1]), run(2, RunEnd::Well, vec![plan("a", 2)])]),
            None,
            "an older one tells of none"
        );
        let many: Vec<Lesson> =
            (0..6).map(|at| run(at, RunEnd::Well, if at == 0 { vec![] } else { vec![plan("a", 2)] })).collect();
        assert_eq!(plans(&many).plans.len(), 1, "the newest five count");
        let mended = [run(1, RunEnd::Well, vec![plan("a", 2)]), run(2, RunEnd::Well, vec![])];
        assert_eq!(plans(&mended).plans, [], "a program that uses nothing again any more is believed");
    }
}
