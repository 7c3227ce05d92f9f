//! `sparkwright promote`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use sparkwright_core::abi::codes;
use sparkwright_core::printable;
use sparkwright_core::trace::Grade;
use sparkwright_replay::compare::compare;
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::promote::{Evidence, Factor, TRUSTED_ERROR, Verdict, verdict};
use sparkwright_replay::simulation::{Model, replay};
use sparkwright_replay::steered::as_it_was;
use sparkwright_replay::trace::Trace;

use super::logs::{Named, logs};
use super::policy_options::{PolicyOptions, prepared_launch};
use super::terminal::{counted, print, print_json, progress, table};
use super::{Exit, Failure};
use crate::assets::PLUGIN_CLASS;
use crate::engine::Prepared;
use crate::launch::plan::PlanError;
use crate::record;
use crate::replay::{self, NotSteered, Steering};
use crate::steering::{Mode, SteeringSetup};

/// Says whether runs are evidence enough to let a policy act, and what is missing.
///
/// Each run that the policy did not steer (`submit --mode shadow` or `--mode off`, or any event log) is replayed under the policy and compared with how it
/// went: its time, its executor time, and what both are worth to the policy's `optimization_target`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright promote --policy config.yaml --environment production --runs runs
  sparkwright promote --environment production --runs logs/*.zst --last 20 --json

It is enough where five runs or more, with nine chances in ten, say that the policy is no worse for its target, no run would take a quarter \
longer, and none would be denied.

Exit codes: 0 enough, 1 not enough, 2 a policy or a log can't be used, 3 Sparkwright or the policy module failed.")]
pub struct Promote {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Spark event logs, recorded runs, or folders that hold some of them.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    runs: Vec<PathBuf>,
    /// Only the newest so many of them.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// What a log says of the policy.
enum Said {
    /// How the run would have gone.
    Run(Evidence),
    /// It would not have started.
    Denied(String),
    /// Nothing, and why.
    Nothing(String),
}

impl Promote {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let prepared = prepared_launch(&launch)??;
        let logs = logs(&self.runs, self.last)?;
        let (mut runs, mut denied, mut not_counted) = (Vec::new(), Vec::new(), Vec::new());
        for (done, named) in logs.iter().enumerate() {
            if logs.len() > 1 {
                progress(&format!("replaying run {} of {} under the policy", done + 1, logs.len()));
            }
            let name = named.name.clone();
            match said(named, &launch, &prepared)? {
                Said::Run(evidence) => runs.push(evidence),
                Said::Denied(why) => denied.push((name, why)),
                Said::Nothing(why) => not_counted.push(NotCounted { name, why }),
            }
        }
        if logs.len() > 1 {
            progress("");
        }
        runs.sort_by(|one, other| other.time.expected.total_cmp(&one.time.expected));
        let target = launch.policy.pipeline.optimization_target;
        let verdict = verdict(target, &runs, &denied);
        let told = Told {
            enough: verdict.enough,
            environment: launch.identity.environment.clone(),
            target: target.word(),
            time: verdict.time.map(FactorTold::of),
            executor_time: verdict.executor_time.map(FactorTold::of),
            missing: verdict.missing.clone(),
            runs: runs.iter().map(RunTold::of).collect(),
            not_counted,
        };
        if self.json {
            print_json(&told)?;
        } else {
            print(&told.text(&verdict));
        }
        Ok(if verdict.enough { Exit::Fine } else { Exit::Findings })
    }
}

/// What one log says of the policy.
///
/// # Errors
/// The policy module failed.
fn said(named: &Named, launch: &SteeringSetup, prepared: &Prepared) -> Result<Said, Failure> {
    if let Some(why) = named.recorded.as_deref().and_then(steered) {
        return Ok(Said::Nothing(why));
    }
    let log = match replay::read(&named.log) {
        Ok(log) => log,
        Err(error) => return Ok(Said::Nothing(error.to_string())),
    };
    let conf = |key: &str| log.conf.get(key).map_or("", String::as_str);
    let shadow = named.recorded.is_some() || conf("spark.sparkwright.mode") == Mode::Shadow.word();
    if conf("spark.plugins").contains(PLUGIN_CLASS) && !shadow {
        let why = "the plugin was in it, and its log does not say that nothing was applied: name the record of the run";
        return Ok(Said::Nothing(why.to_owned()));
    }
    let trace = match Trace::of(&log) {
        Ok(trace) => trace,
        Err(why) => return Ok(Said::Nothing(why.to_string())),
    };
    if trace.executors.iter().all(|executor| executor.id == "driver") {
        return Ok(Said::Nothing("it ran in one process: nothing is known of executors".to_owned()));
    }
    let error = InJobTime::of(&trace, &replay(&trace, &Model::FULL)).error();
    if error.abs() > TRUSTED_ERROR {
        return Ok(Said::Nothing(format!("its own replay is off by {:+.0} %", error * 100.0)));
    }
    let steering = match Steering::of(&launch.policy, prepared, &log, &trace, &launch.labels) {
        Ok(steering) => steering,
        Err(PlanError::Refused(refused)) if refused.code == codes::DENIED => return Ok(Said::Denied(refused.message)),
        Err(error) => return Err(error.into()),
    };
    let was = as_it_was(&trace);
    let starts = steering.manager.starts.clone();
    let compared = compare(
        &trace,
        &starts,
        |_| Ok::<_, NotSteered>(was),
        |starts| Ok(steering.run(&steering.manager.starting(starts))?.0),
    )?;
    Ok(Said::Run(Evidence::of(&named.name, &compared)))
}

/// Why a recorded run is no evidence: what it was with a policy is not what it would be without.
fn steered(folder: &Path) -> Option<String> {
    let run = match record::read(folder) {
        Ok(run) => run,
        Err(error) => return Some(format!("its record can't be read: {error}")),
    };
    (run.mode == Mode::Act.word()).then(|| {
        let by = printable::line(&run.policy.environment);
        format!("a policy steered it (environment {by}): `sparkwright diff` compares two policies")
    })
}

/// Everything, as programs read it.
#[derive(Debug, Serialize)]
struct Told {
    enough: bool,
    environment: String,
    target: &'static str,
    /// The geometric mean over the runs; absent without runs.
    time: Option<FactorTold>,
    executor_time: Option<FactorTold>,
    missing: Vec<String>,
    /// The worst first.
    runs: Vec<RunTold>,
    not_counted: Vec<NotCounted>,
}

#[derive(Debug, Serialize)]
struct NotCounted {
    name: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct RunTold {
    name: String,
    time: FactorTold,
    executor_time: FactorTold,
    grade: Grade,
}

/// A factor: 0.9 is a tenth less; nine of ten lie between `low` and `high`.
#[derive(Debug, Clone, Copy, Serialize)]
struct FactorTold {
    expected: f64,
    low: f64,
    high: f64,
}

impl FactorTold {
    const fn of(factor: Factor) -> Self {
        Self { expected: factor.expected, low: factor.low, high: factor.high }
    }

    /// As a change: `-8 % (-12 to -4)`.
    fn text(&self) -> String {
        let percent = |factor: f64| format!("{:+.0}", (factor - 1.0) * 100.0).replace("-0", "+0");
        format!("{} % ({} to {})", percent(self.expected), percent(self.low), percent(self.high))
    }
}

impl RunTold {
    fn of(evidence: &Evidence) -> Self {
        Self {
            name: evidence.name.clone(),
            time: FactorTold::of(evidence.time),
            executor_time: FactorTold::of(evidence.executor_time),
            grade: evidence.grade,
        }
    }
}

impl Told {
    fn text(&self, verdict: &Verdict) -> String {
        let (of, target) = (printable::line(&self.environment), self.target);
        let mut text = if verdict.enough {
            format!(
                "enough: {} say that `{of}` is no worse for its target, {target}\n",
                counted(self.runs.len(), "run")
            )
        } else {
            format!("not enough to let `{of}` act, with target {target}\n")
        };
        for missing in &self.missing {
            text.push_str(&format!("  missing: {}\n", printable::line(missing)));
        }
        if let (Some(time), Some(executor_time)) = (&self.time, &self.executor_time) {
            text.push_str(&format!(
                "of {} on average: run time {}, executor time {}\n",
                counted(self.runs.len(), "run"),
                time.text(),
                executor_time.text()
            ));
            let mut rows = table(["run", "run time", "executor time", ""]);
            for run in &self.runs {
                rows.add_row([
                    printable::line(&run.name).into_owned(),
                    run.time.text(),
                    run.executor_time.text(),
                    format!("{:?}: {}", run.grade, run.grade.meaning()),
                ]);
            }
            text.push_str(&format!("{rows}\n"));
        }
        for NotCounted { name, why } in &self.not_counted {
            text.push_str(&format!("not counted: `{}`: {}\n", printable::line(name), printable::line(why)));
        }
        text
    }
}
