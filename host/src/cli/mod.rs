//! The `sparkwright` command: parses, calls the library, prints.

mod check;
mod clean;
mod compile;
mod decide;
mod diff;
mod explain;
mod failure;
mod fleet;
mod inspect;
mod jobs;
mod learn;
mod logs;
mod plan;
mod policy_options;
mod promote;
mod replay;
mod review;
mod schema;
mod serve;
mod store_options;
mod submit;
mod terminal;
mod test;
mod web;

use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Signal, getrlimit};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use failure::{Exit, Failure};

/// Decides how Apache Spark applications scale, partition and cache, from one policy file.
///
/// The policy runs as WebAssembly beside the driver: it can compute and nothing else. Whatever fails on Sparkwright's side,
/// the application ends as it would have without it.
#[derive(Debug, Parser)]
#[command(
    name = "sparkwright",
    version,
    propagate_version = true,
    after_help = "\
Examples:
  sparkwright submit app.py                        steer an application on this machine
  sparkwright submit --policy config.yaml --environment production --master spark://host:7077 app.py
  sparkwright submit --mode shadow app.py          only decide and record
  sparkwright explain last                         every decision of the last run, and why
  sparkwright review last                          what slowed the last run down
  sparkwright fleet /var/spark-events              what slows many runs down
  sparkwright replay last                          what it would have taken on other executors
  sparkwright diff old.yaml new.yaml --runs runs   what a change of the policy would have done to earlier runs
  sparkwright promote --runs runs                  whether shadow runs are evidence enough to let a policy act
  sparkwright jobs --store lessons nightly         the runs of a job, and what the next one starts with
  sparkwright plan --input-bytes 100GB --type etl  what a job of this input size would start with
  sparkwright check config.yaml                    find mistakes in a policy file
  sparkwright test config.yaml                     run the tests of a policy file
  sparkwright web config.yaml                      edit a policy and see what it decides
  sparkwright clean --dry-run                      list temp tables that killed sessions left

Exit codes:
  0  fine
  1  something was found: warnings (`check --strict`), failed tests, leftovers (`clean`)
  2  an argument, a file or a policy is wrong; nothing was started
  3  Sparkwright or the policy module failed
`submit` ends with the application's own exit code once it has started it.

Colours: only on terminals; NO_COLOR=1 switches them off, CLICOLOR_FORCE=1 on."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Submit(submit::Submit),
    Plan(plan::Plan),
    Explain(explain::Explain),
    Runs(explain::Runs),
    Review(review::Review),
    Replay(replay::Replay),
    Diff(diff::Diff),
    Promote(promote::Promote),
    Fleet(fleet::Fleet),
    History(review::HistoryOf),
    Learn(learn::Learn),
    Jobs(jobs::Jobs),
    Check(check::Check),
    Test(test::Test),
    Schema(schema::Schema),
    Web(web::Web),
    Clean(clean::Clean),
    Inspect(inspect::Inspect),
    Plugin(serve::Plugin),
    Serve(serve::Serve),
    Tethered(serve::Tethered),
    Decide(decide::Decide),
    Compile(compile::Compile),
}

impl Command {
    fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Submit(submit) => submit.run(),
            Self::Plan(plan) => plan.run(),
            Self::Explain(explain) => explain.run(),
            Self::Runs(runs) => runs.run(),
            Self::Review(review) => review.run(),
            Self::Replay(replay) => replay.run(),
            Self::Diff(diff) => diff.run(),
            Self::Promote(promote) => promote.run(),
            Self::Fleet(fleet) => fleet.run(),
            Self::History(history) => history.run(),
            Self::Learn(learn) => learn.run(),
            Self::Jobs(jobs) => jobs.run(),
            Self::Check(check) => check.run(),
            Self::Test(test) => test.run(),
            Self::Schema(schema) => schema.run(),
            Self::Web(web) => web.run(),
            Self::Clean(clean) => clean.run(),
            Self::Inspect(inspect) => inspect.run(),
            Self::Plugin(plugin) => plugin.run(),
            Self::Serve(serve) => serve.run(),
            Self::Tethered(tethered) => tethered.run(),
            Self::Decide(decide) => decide.run(),
            Self::Compile(compile) => compile.run(),
        }
    }
}

/// Where a process may open fewer, something is up with its descriptors.
const DESCRIPTORS_OF_A_SHELL: u64 = 64;

/// A write beyond the limit on the size of files (`ulimit -f`) ends a process that leaves its signal alone. One that takes it gets an error, which is
/// told like any other. What this process turns into or starts has the signal as it was.
fn take_the_signal_of_a_full_file() {
    // tokio stops at a panic where it gets no descriptors. Without it the limit ends this process, as it does others.
    let few = getrlimit(Resource::Nofile).current.is_some_and(|most| most < DESCRIPTORS_OF_A_SHELL);
    if few {
        return;
    }
    let Ok(runtime) = Builder::new_current_thread().enable_io().build() else { return };
    let _inside = runtime.enter();
    let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let command = Arguments::parse().command;
    take_the_signal_of_a_full_file();
    // A panic has said on standard error where it was.
    let done = catch_unwind(|| command.run())
        .unwrap_or_else(|_| Err(Failure::own_fault("sparkwright stopped at a bug of its own")));
    done.unwrap_or_else(Failure::report).into()
}
