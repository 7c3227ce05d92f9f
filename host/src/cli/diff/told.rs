//! What `diff` tells: for programs, for people, for a pull request, and for a test report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use sparkwright_core::cost::Prices;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::printable;
use sparkwright_core::trace::{Grade, render_micros, render_ms};
use sparkwright_replay::compare::{Compared, Difference};
use sparkwright_replay::steered::SteeredRun;
use sparkwright_replay::trace::Trace;

use crate::cli::terminal::{counted, table};

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// The worst first: what is denied now, then by how much longer it takes.
    pub(super) runs: Vec<ToldRun>,
    /// Logs that can't tell.
    pub(super) refused: Vec<Refused>,
    pub(super) conditions: Vec<Held>,
    #[serde(skip)]
    currency: String,
}

/// A log that can't tell, and why.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) name: String,
    pub(super) why: String,
}

/// A condition, and whether it holds.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) condition: String,
    pub(super) holds: bool,
}

/// A run under both policies.
#[derive(Debug, Serialize)]
pub(super) struct ToldRun {
    name: String,
    application: String,
    /// Whether anything of it would be decided otherwise.
    changed: bool,
    time_ms: Sides<i64>,
    executor_seconds: Sides<f64>,
    cost: Sides<u64>,
    most_executors: Sides<u32>,
    /// How many ticks of the controller each guard held back.
    held: Sides<BTreeMap<String, u32>>,
    /// Why it may not run at all.
    denied: Sides<String>,
    /// By how much longer it takes, and how much more executor time; absent where one of them does not let it run.
    difference: Option<Differences>,
    /// Spark configurations that it would start with: those that differ.
    confs: BTreeMap<String, Sides<String>>,
    grade: Grade,
}

/// A value under each policy; absent where there is none.
#[derive(Debug, Serialize)]
struct Sides<T> {
    old: Option<T>,
    new: Option<T>,
}

#[derive(Debug, Serialize)]
struct Differences {
    time_ms: Between,
    executor_seconds: Between,
}

/// A difference that nine of ten draws of start-up times hold between its ends.
#[derive(Debug, Serialize)]
struct Between {
    expected: f64,
    low: f64,
    high: f64,
}

impl Between {
    fn of(difference: Difference, unit_us: f64) -> Self {
        let in_unit = |us: i64| us as f64 / unit_us;
        Self { expected: in_unit(difference.expected), low: in_unit(difference.low), high: in_unit(difference.high) }
    }
}

/// A run under one policy.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) time_ms: i64,
    pub(super) executor_seconds: f64,
    pub(super) cost: Option<u64>,
    most_executors: u32,
    held: BTreeMap<String, u32>,
}

impl Side {
    pub(super) fn of(run: &SteeredRun, prices: &Prices, held: BTreeMap<String, u32>) -> Self {
        Self {
            time_ms: run.time_us / 1_000,
            executor_seconds: run.executor_us as f64 / 1e6,
            cost: u64::try_from(run.executor_us / 1_000).ok().and_then(|ms| prices.executor_time(ms)),
            most_executors: run.most_executors,
            held,
        }
    }
}

impl ToldRun {
    pub(super) fn of(
        name: &str,
        trace: &Trace,
        compared: &Compared,
        (old, new): (Side, Side),
        (launch_old, launch_new): (&PlanLaunchAnswer, &PlanLaunchAnswer),
    ) -> Self {
        let keys: BTreeSet<&str> = launch_old.confs.keys().chain(launch_new.confs.keys()).map(String::as_str).collect();
        let value = |launch: &PlanLaunchAnswer, key: &str| launch.confs.get(key).map(|setting| setting.value.clone());
        let confs: BTreeMap<String, Sides<String>> = keys
            .into_iter()
            .map(|key| (key.to_owned(), Sides { old: value(launch_old, key), new: value(launch_new, key) }))
            .filter(|(_, sides)| sides.old != sides.new)
            .collect();
        let same = compared.old == compared.new && compared.time_us == Difference::of(Vec::new());
        Self {
            name: name.to_owned(),
            application: trace.application.clone(),
            changed: !same || !confs.is_empty(),
            time_ms: Sides { old: Some(old.time_ms), new: Some(new.time_ms) },
            executor_seconds: Sides { old: Some(old.executor_seconds), new: Some(new.executor_seconds) },
            cost: Sides { old: old.cost, new: new.cost },
            most_executors: Sides { old: Some(old.most_executors), new: Some(new.most_executors) },
            held: Sides { old: Some(old.held), new: Some(new.held) },
            denied: Sides { old: None, new: None },
            difference: Some(Differences {
                time_ms: Between::of(compared.time_us, 1e3),
                executor_seconds: Between::of(compared.executor_us, 1e6),
            }),
            confs,
            grade: compared.grade,
        }
    }

    /// A run that one of the policies, or both, do not let run.
    pub(super) fn denied(name: &str, trace: &Trace, old: Option<String>, new: Option<String>) -> Self {
        let none = || Sides { old: None, new: None };
        Self {
            name: name.to_owned(),
            application: trace.application.clone(),
            changed: old.is_some() != new.is_some(),
            time_ms: Sides { old: None, new: None },
            executor_seconds: Sides { old: None, new: None },
            cost: Sides { old: None, new: None },
            most_executors: Sides { old: None, new: None },
            held: none(),
            denied: Sides { old, new },
            difference: None,
            confs: BTreeMap::new(),
            grade: Grade::A,
        }
    }

    /// Whether the new policy forbids what the old one let run.
    pub(super) const fn newly_denied(&self) -> bool {
        self.denied.new.is_some() && self.denied.old.is_none()
    }

    /// Both sides; nothing where one of them does not let it run.
    pub(super) fn sides(&self) -> Option<(Side, Side)> {
        let side = |time_ms, executor_seconds, cost, most_executors| Side {
            time_ms,
            executor_seconds,
            cost,
            most_executors,
            held: BTreeMap::new(),
        };
        Some((
            side(self.time_ms.old?, self.executor_seconds.old?, self.cost.old, self.most_executors.old?),
            side(self.time_ms.new?, self.executor_seconds.new?, self.cost.new, self.most_executors.new?),
        ))
    }

    /// By what share it takes longer.
    fn longer(&self) -> f64 {
        match (self.time_ms.old, self.time_ms.new) {
            (Some(old), Some(new)) if old > 0 => new as f64 / old as f64 - 1.0,
            _ if self.newly_denied() => f64::INFINITY,
            _ => 0.0,
        }
    }

    /// Guards that hold back more or less than before.
    fn guards(&self) -> String {
        let (Some(old), Some(new)) = (&self.held.old, &self.held.new) else { return String::new() };
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let told = names.into_iter().filter_map(|name| {
            let (before, after) = (old.get(name).copied().unwrap_or(0), new.get(name).copied().unwrap_or(0));
            (before != after).then(|| format!("{} {before} -> {after}", name.rsplit('.').next().unwrap_or(name)))
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

impl Told {
    pub(super) fn new(currency: &str) -> Self {
        Self { runs: Vec::new(), refused: Vec::new(), conditions: Vec::new(), currency: currency.to_owned() }
    }

    /// The worst first.
    pub(super) fn sort(&mut self) {
        self.runs.sort_by(|one, other| other.longer().total_cmp(&one.longer()).then_with(|| one.name.cmp(&other.name)));
    }

    /// The answer in a line.
    fn summary(&self) -> String {
        let changed: Vec<&ToldRun> = self.runs.iter().filter(|run| run.changed).collect();
        let runs = counted(self.runs.len(), "run");
        if changed.is_empty() {
            return format!("nothing of {runs} would be decided otherwise");
        }
        let sum = |of: fn(&Side) -> f64| {
            let both = self.runs.iter().filter_map(ToldRun::sides);
            both.fold((0.0, 0.0), |sum, (old, new)| (sum.0 + of(&old), sum.1 + of(&new)))
        };
        let share = |(old, new): (f64, f64)| {
            if old > 0.0 { format!("{:+.1} %", (new / old - 1.0) * 100.0) } else { "-".to_owned() }
        };
        let (time, executors) = (sum(|side| side.time_ms as f64), sum(|side| side.executor_seconds));
        let denied = self.runs.iter().filter(|run| run.newly_denied()).count();
        let denied = if denied == 0 { String::new() } else { format!(", {} denied", counted(denied, "run")) };
        format!(
            "{} of {runs} would be decided otherwise: time {}, executor time {}{denied}",
            changed.len(),
            share(time),
            share(executors)
        )
    }

    fn rows(&self) -> Vec<[String; 7]> {
        self.runs.iter().filter(|run| run.changed).map(|run| self.row(run)).collect()
    }

    fn row(&self, run: &ToldRun) -> [String; 7] {
        let name = printable::line(&run.name).into_owned();
        let Some((old, new)) = run.sides() else {
            let why = run.denied.new.as_ref().or(run.denied.old.as_ref()).map_or("", String::as_str);
            let which = if run.newly_denied() { "denied" } else { "no longer denied" };
            return [
                name,
                which.to_owned(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                why.to_owned(),
            ];
        };
        let time = |ms: i64| render_ms(u64::try_from(ms).unwrap_or(0));
        let seconds = |seconds: f64| time((seconds * 1e3) as i64);
        let price = |cost: Option<u64>| {
            cost.map_or_else(|| "-".to_owned(), |cost| format!("{} {}", render_micros(cost), self.currency))
        };
        let between = run.difference.as_ref().map_or_else(String::new, |it| {
            let share = |ms: f64| format!("{:+.1}", 100.0 * ms / (old.time_ms as f64).max(1.0));
            format!("{} % ({} to {})", share(it.time_ms.expected), share(it.time_ms.low), share(it.time_ms.high))
        });
        [
            name,
            format!("{} -> {}", time(old.time_ms), time(new.time_ms)),
            between,
            format!("{} -> {}", seconds(old.executor_seconds), seconds(new.executor_seconds)),
            format!("{} -> {}", price(old.cost), price(new.cost)),
            format!("{:?}", run.grade),
            run.guards(),
        ]
    }

    const HEADS: [&'static str; 7] = ["run", "time", "longer by", "executor time", "cost", "grade", "guards, denials"];

    fn confs(&self) -> Vec<String> {
        let mut confs: BTreeMap<String, (BTreeSet<String>, usize)> = BTreeMap::new();
        for run in &self.runs {
            for (key, sides) in &run.confs {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
                let (changes, runs) = confs.entry(key.clone()).or_default();
                changes.insert(format!("{} -> {}", value(&sides.old), value(&sides.new)));
                *runs += 1;
            }
        }
        let told = confs.into_iter().map(|(key, (changes, runs))| {
            format!("{key}: {} ({})", changes.into_iter().collect::<Vec<_>>().join(", "), counted(runs, "run"))
        });
        told.collect()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        let rows = self.rows();
        if !rows.is_empty() {
            let mut shown = table(Self::HEADS);
            for row in rows {
                shown.add_row(row);
            }
            text.push_str(&format!("{shown}\n"));
        }
        for conf in self.confs() {
            text.push_str(&format!("starts with other {conf}\n"));
        }
        for refused in &self.refused {
            text.push_str(&format!("{}: no answer; {}\n", printable::line(&refused.name), refused.why));
        }
        for condition in &self.conditions {
            text.push_str(&format!(
                "{}: {}\n",
                condition.condition,
                if condition.holds { "HOLDS" } else { "does not hold" }
            ));
        }
        text
    }

    /// For a pull request.
    pub(super) fn markdown(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let mut text = format!("**{}**\n", cell(&self.summary()));
        let rows = self.rows();
        if !rows.is_empty() {
            text.push_str(&format!("\n| {} |\n|{}\n", Self::HEADS.join(" | "), "---|".repeat(Self::HEADS.len())));
            for row in rows {
                text.push_str(&format!("| {} |\n", row.map(|it| cell(&it)).join(" | ")));
            }
        }
        let lists = [
            self.confs().into_iter().map(|conf| format!("starts with other {conf}")).collect::<Vec<_>>(),
            self.refused.iter().map(|it| format!("{}: no answer; {}", it.name, it.why)).collect(),
            self.conditions
                .iter()
                .map(|it| format!("`{}`: {}", it.condition, if it.holds { "**holds**" } else { "does not hold" }))
                .collect(),
        ];
        for lines in lists.iter().filter(|lines| !lines.is_empty()) {
            text.push('\n');
            lines.iter().for_each(|line| text.push_str(&format!("- {}\n", cell(line))));
        }
        text
    }

    /// For a test report: a case for each condition and each run; a run fails where it is denied now.
    pub(super) fn junit(&self) -> Result<String, String> {
        let mut suite = TestSuite::new("sparkwright diff");
        let failed = |message: String| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message);
            status
        };
        for condition in &self.conditions {
            let status = if condition.holds { failed(self.summary()) } else { TestCaseStatus::success() };
            suite.add_test_case(TestCase::new(format!("not {}", condition.condition), status));
        }
        for run in &self.runs {
            let status = match (&run.denied.new, run.newly_denied()) {
                (Some(why), true) => failed(format!("denied: {why}")),
                _ => TestCaseStatus::success(),
            };
            let mut case = TestCase::new(run.name.clone(), status);
            case.set_classname(run.application.clone());
            if let Some(ms) = run.time_ms.new {
                case.set_time(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
            }
            suite.add_test_case(case);
        }
        let mut report = quick_junit::Report::new("sparkwright diff");
        report.add_test_suite(suite);
        report.to_string().map_err(|error| format!("the results can't be written as JUnit XML: {error}"))
    }
}
