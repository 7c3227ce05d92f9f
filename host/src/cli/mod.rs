//! The `sparkwright` command: parses, calls the library, prints.

mod check;
mod clean;
mod decide;
mod explain;
mod failure;
mod inspect;
mod output;
mod plan;
mod policy_options;
mod review;
mod schema;
mod serve;
mod submit;
mod test;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use output::print;

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
  sparkwright submit app.py                                  steer an application on this machine, by the default policy
  sparkwright submit --policy config.yaml --environment production --master spark://host:7077 app.py in out
  sparkwright submit --mode shadow app.py                    only decide and record
  sparkwright explain last                                   every decision of the last run, and why
  sparkwright review last                                    what held the last run up, and what would help
  sparkwright plan --input-bytes 100GB --type etl            what a job of this size would start with
  sparkwright check config.yaml                              find mistakes in a policy file
  sparkwright test config.yaml                               run the tests that a policy file holds
  sparkwright web config.yaml                                open a policy in the browser: edit it, see what it decides and why
  sparkwright clean --dry-run                                what temp tables of killed sessions lie in ./spark-warehouse

Exit codes: 0 fine, 1 warnings (`check --strict`), failed tests (`test`) or something left (`clean`), 2 something is wrong with what was given and nothing was started;
`submit` ends with the application's own."
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
    History(review::HistoryOf),
    Check(check::Check),
    Test(test::Test),
    Schema(schema::Schema),
    Web(web::Web),
    Clean(clean::Clean),
    Inspect(inspect::Inspect),
    Plugin(serve::Plugin),
    Serve(serve::Serve),
    Decide(decide::Decide),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Submit(submit) => submit.run(),
        Command::Plan(plan) => plan.run(),
        Command::Explain(explain) => explain.run(),
        Command::Runs(runs) => runs.run(),
        Command::Review(review) => review.run(),
        Command::History(history) => history.run(),
        Command::Check(check) => check.run(),
        Command::Test(test) => test.run(),
        Command::Schema(schema) => schema.run(),
        Command::Web(web) => web.run(),
        Command::Clean(clean) => clean.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Plugin(plugin) => plugin.run(),
        Command::Serve(serve) => serve.run(),
        Command::Decide(decide) => decide.run(),
    };
    done.unwrap_or_else(|failure| failure.report())
}
