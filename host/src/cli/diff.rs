//! `sparkwright diff`.

mod condition;
mod told;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sparkwright_core::abi::codes;
use sparkwright_core::cost::Prices;
use sparkwright_replay::compare::compare;
use sparkwright_replay::log::Log;
use sparkwright_replay::trace::Trace;

use super::logs::{Named, logs};
use super::policy_options::{PolicyOptions, prepared_launch};
use super::terminal::{counted, print, print_json, progress};
use super::{Exit, Failure};
use crate::engine::Prepared;
use crate::file_error::FileError;
use crate::launch::plan::PlanError;
use crate::replay::{self, NotSteered, Steering};
use crate::steering::{Mode, SteeringSetup};
use condition::Condition;
use told::{Side, Told, ToldRun};

/// Replays runs under two policies: what each would have taken under both, the worst first.
///
/// A policy's changes are judged by what really ran: the launch plan and the controller of each policy steer a replay of every log, with the same start-up
/// times of executors, drawn from those that the log shows. What a log can't tell of one policy it can't tell of the other either: differences are
/// surer than the numbers themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright diff main.yaml mine.yaml --runs runs            the recorded runs in `runs`
  sparkwright diff main.yaml mine.yaml --runs logs/*.zst --environment production
  sparkwright diff main.yaml mine.yaml --runs runs --last 20 --fail-on 'time > +5%' --junit diff.xml

A condition is: time, executor_time, cost or denied, of all runs together; < or >; a share as +5% (for denied a number of runs). `any` before it
asks it of each run: 'any time > +20%'.

Exit codes: 0 fine, 1 a condition of --fail-on holds, 2 a policy or a log can't be used, 3 Sparkwright or a policy module failed.")]
pub struct Diff {
    /// Policy file as it is.
    old: PathBuf,
    /// Policy file as it would be.
    new: PathBuf,
    /// Spark event logs, recorded runs, or folders that hold some of them.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    runs: Vec<PathBuf>,
    /// Only the newest so many of them.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Environment of both policies; each one's `default_environment` if not given.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Label of every run for the policies' rules, as team=risk. Repeatable.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = super::policy_options::label)]
    labels: Vec<(String, String)>,
    /// End with 1 where this holds, as 'time > +5%'. Repeatable.
    #[arg(long = "fail-on", value_name = "CONDITION", value_parser = Condition::read)]
    fail_on: Vec<Condition>,
    /// Print a JSON object.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, for a pull request.
    #[arg(long)]
    markdown: bool,
    /// Write what came of the conditions and of each run as JUnit XML too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Diff {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (old, new) = (self.policy(&self.old)?, self.policy(&self.new)?);
        let logs = logs(&self.runs, self.last)?;
        let mut told = Told::new(&old.setup.policy.cost.currency);
        for (done, Named { log, name, .. }) in logs.iter().enumerate() {
            if logs.len() > 1 {
                progress(&format!("replaying run {} of {} under both policies", done + 1, logs.len()));
            }
            match self.compared(name, log, &old, &new)? {
                Ok(run) => told.runs.push(run),
                Err(why) => told.refused.push(told::Refused { name: name.clone(), why }),
            }
        }
        if logs.len() > 1 {
            progress("");
        }
        if told.runs.is_empty() {
            let refused = told.refused.first().map_or_else(String::new, |it| format!(": `{}`: {}", it.name, it.why));
            return Err(Failure::new(format!("none of {} can be replayed{refused}", counted(logs.len(), "log")))
                .help("name logs of applications that ran at least one job to its end"));
        }
        told.sort();
        told.conditions = condition::held(&self.fail_on, &told);
        if let Some(path) = &self.junit {
            let xml = told.junit().map_err(Failure::own_fault)?;
            fs::write(path, xml).map_err(FileError::of("write the results to", path))?;
        }
        if self.json {
            print_json(&told)?;
        } else if self.markdown {
            print(&told.markdown());
        } else {
            print(&told.text());
        }
        Ok(if told.conditions.iter().any(|condition| condition.holds) { Exit::Findings } else { Exit::Fine })
    }

    fn policy(&self, file: &Path) -> Result<Ready, Failure> {
        let options = PolicyOptions {
            policy: Some(file.to_owned()),
            environment: self.environment.clone(),
            set: Vec::new(),
            labels: self.labels.clone(),
            module: None,
        };
        let setup = options.launch(Mode::Act)?;
        let prepared = prepared_launch(&setup)??;
        Ok(Ready { prices: Prices::of(&setup.policy), setup, prepared })
    }

    /// A run under both; inside is why the log can't tell.
    fn compared(&self, name: &str, path: &Path, old: &Ready, new: &Ready) -> Result<Result<ToldRun, String>, Failure> {
        let log = match replay::read(path) {
            Ok(log) => log,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let trace = match Trace::of(&log) {
            Ok(trace) => trace,
            Err(why) => return Ok(Err(why.to_string())),
        };
        let (as_old, as_new) = (old.steering(&log, &trace)?, new.steering(&log, &trace)?);
        let (as_old, as_new) = match (as_old, as_new) {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => return Ok(Ok(ToldRun::denied(name, &trace, old.err(), new.err()))),
        };
        let starts = as_old.manager.starts.clone();
        let (mut held_old, mut held_new) = (None, None);
        let compared = compare(
            &trace,
            &starts,
            |starts| {
                let (run, held) = as_old.run(&as_old.manager.starting(starts))?;
                held_old.get_or_insert(held);
                Ok::<_, NotSteered>(run)
            },
            |starts| {
                let (run, held) = as_new.run(&as_new.manager.starting(starts))?;
                held_new.get_or_insert(held);
                Ok(run)
            },
        )?;
        let sides = (
            Side::of(&compared.old, &old.prices, held_old.unwrap_or_default()),
            Side::of(&compared.new, &new.prices, held_new.unwrap_or_default()),
        );
        Ok(Ok(ToldRun::of(name, &trace, &compared, sides, (&as_old.launch, &as_new.launch))))
    }
}

/// A policy that can decide.
struct Ready {
    setup: SteeringSetup,
    prepared: Prepared,
    prices: Prices,
}

impl Ready {
    /// Steering of a run; inside is what the policy denies it with.
    fn steering<'a>(&'a self, log: &Log, trace: &'a Trace) -> Result<Result<Steering<'a>, String>, Failure> {
        match Steering::of(&self.setup.policy, &self.prepared, log, trace, &self.setup.labels) {
            Ok(steering) => Ok(Ok(steering)),
            Err(PlanError::Refused(refused)) if refused.code == codes::DENIED => Ok(Err(refused.message)),
            Err(error) => Err(error.into()),
        }
    }
}
