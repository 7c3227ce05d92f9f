//! `sparkwright replay`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sparkwright_core::cost::Prices;
use sparkwright_core::printable;
use sparkwright_core::trace::{Grade, render_micros, render_ms};
use sparkwright_replay::curve::{Curve, curve, usual_sizes};
use sparkwright_replay::log::Log;
use sparkwright_replay::steered::SteeredRun;
use sparkwright_replay::trace::{NoTrace, Trace};

use super::logs::event_log;
use super::policy_options::{PolicyOptions, prepared_launch};
use super::terminal::{counted, note, print, print_json, table};
use super::{Exit, Failure};
use crate::replay::{self, NotSteered, Steering};
use crate::steering::Mode;

/// Computes what a run would have taken on other executors, or under another policy, from its Spark event log.
///
/// First it replays the run as it was and says how far off it is. A is the recorded number of executors, B up to twice or half of it, C beyond; what a
/// log can't know is refused.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Recorded run (`last`, its id or its folder), or any Spark event log: a file or a folder, compressed or not.
    run: String,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Numbers of executors, as 4,8,16; around the recorded number if not given.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    executors: Vec<u32>,
    /// Replay Spark's own dynamic allocation as well, with the application's settings.
    #[arg(long)]
    spark_dynamic_allocation: bool,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let path = event_log(&self.run, &self.record)?;
        let log = replay::read(&path)?;
        if log.unread_lines > 0 {
            note(&format!("{} lines of `{}` are not known events and are left out", log.unread_lines, path.display()));
        }
        let trace = Trace::of(&log).map_err(|why| not_replayed(&path.display().to_string(), why))?;
        let sizes = if self.executors.is_empty() { usual_sizes(&trace) } else { self.executors.clone() };
        let launch = self.policy.launch(Mode::Act)?;
        let prices = Prices::of(&launch.policy);
        let currency = launch.policy.cost.currency.clone();
        let mut told = Told::of(&log, &trace, &curve(&trace, &sizes), &prices);
        // Prices come from a policy in any case.
        if self.policy.names_any() {
            let prepared = prepared_launch(&launch)??;
            let steering = Steering::of(&launch.policy, &prepared, &log, &trace, &launch.labels)?;
            let (run, _) = steering.run(&steering.manager)?;
            told.steered.push(Steered::of("the policy", &run, &prices));
        }
        if self.spark_dynamic_allocation {
            told.steered.push(Steered::of("Spark's dynamic allocation", &replay::by_spark(&log, &trace), &prices));
        }
        if self.json {
            print_json(&told)?;
        } else {
            print(&told.text(&currency));
        }
        Ok(Exit::Fine)
    }
}

fn not_replayed(path: &str, why: NoTrace) -> Failure {
    let failure = Failure::new(format!("`{path}` can't be replayed: {why}"));
    match why {
        NoTrace::NoJob | NoTrace::NoTask => {
            failure.help("name the log of an application that ran at least one job to its end")
        }
        NoTrace::Clocks { .. } => {
            failure.help("name the log as Spark wrote it: nothing can be computed from such times")
        }
    }
}

impl From<NotSteered> for Failure {
    fn from(error: NotSteered) -> Self {
        match error {
            NotSteered::Engine(error) => error.into(),
            NotSteered::Refused(refused) => refused.into(),
            late @ NotSteered::TooLong => Self::new(late.to_string()),
        }
    }
}

/// What is told of a run.
#[derive(Debug, Serialize)]
struct Told {
    application: String,
    /// Empty where the log does not say it.
    spark_version: String,
    wall_ms: i64,
    /// The most executors at a time, and tasks that one runs at once.
    recorded_executors: u32,
    slots_an_executor: u32,
    in_job_ms: InJob,
    curve: Vec<At>,
    refused: Vec<Refused>,
    steered: Vec<Steered>,
}

#[derive(Debug, Serialize)]
struct InJob {
    recorded: f64,
    replayed: f64,
}

#[derive(Debug, Serialize)]
struct At {
    executors: u32,
    time_ms: i64,
    low_ms: i64,
    high_ms: i64,
    executor_seconds: f64,
    /// Millionths of the policy's currency; absent where the policy has no price.
    cost: Option<u64>,
    grade: Grade,
}

#[derive(Debug, Serialize)]
struct Refused {
    executors: u32,
    why: String,
}

#[derive(Debug, Serialize)]
struct Steered {
    by: &'static str,
    time_ms: i64,
    in_job_ms: f64,
    executor_seconds: f64,
    most_executors: u32,
    cost: Option<u64>,
}

impl Steered {
    fn of(by: &'static str, run: &SteeredRun, prices: &Prices) -> Self {
        Self {
            by,
            time_ms: run.time_us / 1_000,
            in_job_ms: run.in_job.replayed_us as f64 / 1e3,
            executor_seconds: run.executor_us as f64 / 1e6,
            most_executors: run.most_executors,
            cost: cost(prices, run.executor_us),
        }
    }
}

fn cost(prices: &Prices, executor_us: i64) -> Option<u64> {
    prices.executor_time(u64::try_from(executor_us / 1_000).ok()?)
}

fn ms(ms: i64) -> String {
    render_ms(u64::try_from(ms).unwrap_or(0))
}

impl Told {
    fn of(log: &Log, trace: &Trace, of: &Curve, prices: &Prices) -> Self {
        Self {
            application: trace.application.clone(),
            spark_version: log.spark_version.clone(),
            wall_ms: trace.end_ms - trace.start_ms,
            recorded_executors: of.recorded.0,
            slots_an_executor: of.recorded.1,
            in_job_ms: InJob {
                recorded: of.in_job.recorded_us as f64 / 1e3,
                replayed: of.in_job.replayed_us as f64 / 1e3,
            },
            curve: of
                .points
                .iter()
                .map(|point| At {
                    executors: point.executors,
                    time_ms: point.time_us / 1_000,
                    low_ms: point.low_us / 1_000,
                    high_ms: point.high_us / 1_000,
                    executor_seconds: point.executor_us as f64 / 1e6,
                    cost: cost(prices, point.executor_us),
                    grade: point.grade,
                })
                .collect(),
            refused: of
                .refused
                .iter()
                .map(|refused| Refused { executors: refused.executors, why: refused.why.clone() })
                .collect(),
            steered: Vec::new(),
        }
    }

    fn text(&self, currency: &str) -> String {
        let name = printable::line(&self.application);
        let mut text = format!(
            "{name}: {} on {} of {}{}\n",
            ms(self.wall_ms),
            counted(self.recorded_executors as usize, "executor"),
            counted(self.slots_an_executor as usize, "slot"),
            if self.spark_version.is_empty() {
                String::new()
            } else {
                format!(" (Spark {})", printable::line(&self.spark_version))
            },
        );
        let off = 100.0 * (self.in_job_ms.replayed / self.in_job_ms.recorded.max(1.0) - 1.0);
        text.push_str(&format!(
            "replayed as it was: {off:+.1} % of {} within jobs\n",
            ms(self.in_job_ms.recorded as i64)
        ));
        if !self.curve.is_empty() {
            let mut rows = table(["executors", "time", "between", "executor time", "cost", ""]);
            for at in &self.curve {
                rows.add_row([
                    at.executors.to_string(),
                    ms(at.time_ms),
                    format!("{} and {}", ms(at.low_ms), ms(at.high_ms)),
                    ms((at.executor_seconds * 1e3) as i64),
                    priced(at.cost, currency),
                    format!("{:?}: {}", at.grade, if at.grade == Grade::A { "as it was" } else { at.grade.meaning() }),
                ]);
            }
            text.push_str(&format!("{rows}\n"));
        }
        for refused in &self.refused {
            let executors = counted(refused.executors as usize, "executor");
            text.push_str(&format!("{executors}: no answer; {}\n", refused.why));
        }
        for run in &self.steered {
            text.push_str(&format!(
                "under {}: {} ({} within jobs), at most {}, {} of executor time{}\n",
                run.by,
                ms(run.time_ms),
                ms(run.in_job_ms as i64),
                counted(run.most_executors as usize, "executor"),
                ms((run.executor_seconds * 1e3) as i64),
                run.cost.map(|_| format!(", {}", priced(run.cost, currency))).unwrap_or_default(),
            ));
        }
        text
    }
}

fn priced(cost: Option<u64>, currency: &str) -> String {
    cost.map_or_else(|| "-".to_owned(), |cost| format!("{} {currency}", render_micros(cost)))
}
