//! `sparkwright jobs`.

use clap::{Args, Subcommand};
use serde::Serialize;
use sparkwright_core::cost::Prices;
use sparkwright_core::decision::Answer as _;
use sparkwright_core::history::setback::TAKEN_BACK;
use sparkwright_core::lesson::{Lesson, in_order, plans};
use sparkwright_core::steering::STORE_LISTS_WITHIN_MS;
use sparkwright_core::trace::{render_micros, render_ms};
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;
use sparkwright_record::{how_it_ended, percent};

use super::policy_options::{PolicyOptions, prepared_launch};
use super::store_options::{StoreOptions, tell_unread};
use super::terminal::{counted, print, print_json, table};
use super::{Exit, Failure};
use crate::clock;
use crate::jobs::{AllJobs, OneJob, next_start};
use crate::lesson::nothing_kept_at_once;
use crate::spending::{Spending, by_label};
use crate::steering::{Mode, SteeringSetup};
use crate::store::{Known, Read, Store};

/// Shows the jobs of a store; of one its runs, and what the next one will start with.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Jobs {
    #[command(subcommand)]
    forget: Option<Change>,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// The job to show; all of them if not given.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Input size of the next run, as 100GB.
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
    /// Sum up what the runs of all jobs took by the values of this label (`submit --label team=risk`).
    #[arg(long, value_name = "LABEL", conflicts_with_all = ["name", "input_bytes"])]
    by: Option<String>,
    /// With --by: only runs that started in the last so many days.
    #[arg(long, value_name = "DAYS", requires = "by", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: Option<u64>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Removes the lessons of a job: its next run is planned as its first one was.
    Forget(Forget),
}

#[derive(Debug, Args)]
struct Forget {
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    store: StoreOptions,
    /// The job.
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Serialize)]
struct ByLabel<'a> {
    by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u64>,
    currency: &'a str,
    /// The most executor time first.
    groups: Vec<Group<'a>>,
    /// What all of them took together.
    spent: Spending,
}

#[derive(Serialize)]
struct Group<'a> {
    /// The label's value; null for runs without it.
    value: Option<&'a str>,
    #[serde(flatten)]
    spent: Spending,
}

impl Jobs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if let Some(Change::Forget(forget)) = &self.forget {
            let policy = forget.policy.launch(Mode::Act)?.policy;
            let forgotten = forget.store.required(&policy, STORE_LISTS_WITHIN_MS)?.forget(&forget.name)?;
            print(&format!("{} of `{}` removed\n", counted(forgotten, "lesson"), forget.name));
            return Ok(if forgotten > 0 { Exit::Fine } else { Exit::Findings });
        }
        let launch = self.policy.launch(Mode::Act)?;
        let store = self.store.required(&launch.policy, STORE_LISTS_WITHIN_MS)?;
        if let Some(label) = &self.by {
            return self.by_label(&launch, label, &store);
        }
        match &self.name {
            Some(name) => {
                let read = store.lessons(name)?;
                if read.lessons.is_empty() {
                    return Err(Failure::new(format!("no run of `{name}` has left a lesson in this store"))
                        .help("`sparkwright jobs` lists those that have"));
                }
                self.one(&launch, name, &read)
            }
            None => self.all(&store.jobs()?),
        }
    }

    fn all(&self, jobs: &[Known]) -> Result<Exit, Failure> {
        let all = AllJobs::of(jobs);
        if self.json {
            print_json(&all)?;
            return Ok(Exit::Fine);
        }
        if all.jobs.is_empty() {
            print("no run has left a lesson in this store\n");
            return Ok(Exit::Fine);
        }
        let mut table = table(["job", "runs", "last", "ended", "run time", "executors", "executor memory"]);
        for row in &all.jobs {
            table.add_row([
                row.job.to_owned(),
                row.runs.to_string(),
                day(row.last.started_ms),
                ended(row.last),
                render_ms(row.last.run.run_ms),
                row.last.run.executors.to_string(),
                row.last.run.executor_heap_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            ]);
        }
        print(&format!("{table}\n"));
        Ok(Exit::Fine)
    }

    fn one(&self, launch: &SteeringSetup, name: &str, read: &Read) -> Result<Exit, Failure> {
        tell_unread(read.unread);
        let prepared = prepared_launch(launch)??;
        let plan = next_start(&prepared, &read.lessons, &launch.labels, self.input_bytes)?;
        let currency = &launch.policy.cost.currency;
        let prices = Prices::of(&launch.policy);
        if self.json {
            print_json(&OneJob::of(name, &read.lessons, prices, Ok((&plan, currency))))?;
            return Ok(Exit::Fine);
        }
        let mut runs = table([
            "started",
            "ended",
            "input",
            "run time",
            "executors",
            "executor time",
            "unused",
            "cost",
            "executor memory",
            "GC",
            "spilled",
        ]);
        for lesson in &read.lessons {
            let run = &lesson.run;
            runs.add_row([
                day(lesson.started_ms),
                ended(lesson),
                run.input_bytes.or(run.scanned_bytes).map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
                render_ms(run.run_ms),
                run.executors.to_string(),
                render_ms(lesson.executor_ms),
                unused(&Spending::of([lesson], prices)),
                cost(prices.executor_time(lesson.executor_ms), currency),
                run.executor_heap_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
                run.gc_share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
                run.spilled_bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            ]);
        }
        let mut next = table(["the next run starts with", "value", "how sure", "why"]);
        for made in plan.decisions() {
            next.add_row([
                made.title.to_owned(),
                made.text(currency),
                format!("{:?}: {}", made.grade, made.grade.meaning()),
                made.trace.why(),
            ]);
        }
        print(&format!("{name}: {}\n{runs}\n\n", counted(read.lessons.len(), "run")));
        if let Some(newest) = read.lessons.iter().find(|lesson| !lesson.starts.is_empty()) {
            let mut starts = table(["executors at the start", "run time", "executor time", "cost"]);
            for start in &newest.starts {
                starts.add_row([
                    start.executors.to_string(),
                    render_ms(start.run_ms),
                    render_ms(start.executor_ms),
                    cost(prices.executor_time(start.executor_ms), currency),
                ]);
            }
            print(&format!("The run of {} by replay, under its policy:\n{starts}\n\n", day(newest.started_ms)));
        }
        print(&format!("{next}\n"));
        for made in plan.decisions() {
            for note in made.trace.notes.iter().filter(|note| note.starts_with(TAKEN_BACK)) {
                print(&format!("\n{} {}, {note}\n", made.title, made.text(currency)));
            }
        }
        if let Some(why) = plans(&read.lessons).taken_back {
            print(&format!("\n{}\n", nothing_kept_at_once(&why)));
        }
        Ok(Exit::Fine)
    }
}

impl Jobs {
    /// What the runs of all jobs took, by the values of a label.
    fn by_label(&self, launch: &SteeringSetup, label: &str, store: &Store) -> Result<Exit, Failure> {
        let since_ms =
            self.days.map_or(0, |days| clock::now_ms().saturating_sub(days.saturating_mul(24 * 60 * 60 * 1_000)));
        let read = store.since(since_ms)?;
        tell_unread(read.unread);
        let (prices, currency) = (Prices::of(&launch.policy), &launch.policy.cost.currency);
        // A run may be known by two names of jobs.
        let lessons = in_order(&read.lessons);
        let groups = by_label(&lessons, label, prices);
        let spent = Spending::of(lessons.iter().copied(), prices);
        if self.json {
            let groups = groups.into_iter().map(|(value, spent)| Group { value, spent }).collect();
            print_json(&ByLabel { by: label, days: self.days, currency, groups, spent })?;
            return Ok(Exit::Fine);
        }
        let mut table = table([label, "runs", "executor time", "of all", "unused", "cost"]);
        let all = groups.iter().map(|(value, spent)| (value.unwrap_or("(none)"), spent)).chain([("all", &spent)]);
        for (value, of) in all {
            table.add_row([
                value.to_owned(),
                of.runs.to_string(),
                render_ms(of.executor_ms),
                share(of.executor_ms, spent.executor_ms),
                unused(of),
                cost(of.cost_micros, currency),
            ]);
        }
        print(&format!("{table}\n"));
        Ok(Exit::Fine)
    }
}

/// What of the executors' time ran nothing, and what of that had cached blocks.
fn unused(spent: &Spending) -> String {
    let known_ms = spent.executor_ms.saturating_sub(spent.unknown_ms);
    if known_ms == 0 {
        return "-".to_owned();
    }
    let idle = share(spent.idle_ms.saturating_add(spent.pinned_ms), known_ms);
    if spent.pinned_ms == 0 {
        idle
    } else {
        format!("{idle} ({} with cached blocks)", share(spent.pinned_ms, known_ms))
    }
}

fn share(part_ms: u64, whole_ms: u64) -> String {
    if whole_ms == 0 { "-".to_owned() } else { percent(part_ms as f64 / whole_ms as f64) }
}

fn cost(micros: Option<u64>, currency: &str) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format!("{} {currency}", render_micros(micros)))
}

/// How a run ended, and what it lacked.
fn ended(lesson: &Lesson) -> String {
    how_it_ended(lesson.ended, lesson.run.lacked)
}

/// A time as people write it, by this machine's clock.
fn day(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(
        || at_ms.to_string(),
        |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%F %H:%M").to_string(),
    )
}
