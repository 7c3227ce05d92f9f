//! `sparkwright clean`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use super::{Failure, print};
use crate::cleaning::{self, Options, Report, Session, State};

/// Where Spark keeps tables unless `spark.sql.warehouse.dir` says otherwise.
const USUAL_WAREHOUSE: &str = "spark-warehouse";

/// Something is left that should be looked at.
const LEFT: u8 = 1;

/// Removes the temp tables that killed Spark sessions left in a warehouse.
///
/// A session that stores temp tables locks a file in the warehouse for as long as its driver lives. Where nobody holds that lock any
/// more, the session's tables are nobody's: their folders go, and then the file. Tables of live sessions, tables that Sparkwright did not
/// make, and whatever a symbolic link points to are never touched. The next session that makes temp tables in a warehouse cleans it
/// as well; this is for when there is none. Spark need not run, or be installed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright clean --dry-run                       what would go from ./spark-warehouse
  sparkwright clean --warehouse /data/warehouse     the folder that `spark.sql.warehouse.dir` names
  sparkwright clean --json | jq .bytes              for scripts

A metastore (Hive) that names such tables is told by the next session that makes temp tables with it; clean only removes files.
Exit codes: 0 nothing is left of dead sessions, 1 something could not be removed or told (it says what), 2 there is no such warehouse.")]
pub struct Clean {
    /// The warehouse: a folder of this machine.
    #[arg(long, value_name = "DIR")]
    warehouse: Option<PathBuf>,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    /// Print what was found and done as one JSON object.
    #[arg(long)]
    json: bool,
    /// Take a session that no lock can tell of (taken on another machine, or where files can't be locked) for dead when its lease was not
    /// renewed for this many hours; without it such sessions are left alone.
    #[arg(long, value_name = "HOURS", value_parser = hours, allow_negative_numbers = true)]
    unlocked_after: Option<Duration>,
}

fn hours(text: &str) -> Result<Duration, String> {
    let hours: f64 = text.parse().map_err(|_| "a number of hours is wanted, as 12 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(hours * 3600.0).map_err(|_| "a number of hours is wanted that is not negative".into())
}

impl Clean {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let options = Options { dry_run: self.dry_run, unlocked_after: self.unlocked_after };
        let usual = PathBuf::from(USUAL_WAREHOUSE);
        if self.warehouse.is_none() && !usual.exists() {
            return Err(Failure::new(format!("there is no {USUAL_WAREHOUSE} in this folder"))
                .help("name the warehouse with --warehouse: the folder that spark.sql.warehouse.dir names"));
        }
        let warehouse = self.warehouse.unwrap_or(usual);
        if let Some((scheme, _)) =
            warehouse.to_str().and_then(|text| text.split_once(':')).filter(|_| !warehouse.exists())
        {
            return Err(Failure::new(format!("{} is an address, not a folder", warehouse.display())).help(if scheme == "file" {
                "write the path alone, as /data/warehouse"
            } else {
                "a warehouse that is not on this machine is cleaned by the next session that makes temp tables in it"
            }));
        }
        let report = cleaning::clean(&warehouse, &options).map_err(|error| {
            Failure::new(error.to_string()).help("--warehouse names the folder that spark.sql.warehouse.dir names")
        })?;
        print(&if self.json { serde_json::to_string_pretty(&report)? + "\n" } else { told(&report) });
        Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(LEFT) })
    }
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    for session in report.in_state(State::Dead) {
        text += &format!("{}, dead{}\n", session.session, whose(session));
        for folder in &session.folders {
            let done = match (&folder.error, report.dry_run) {
                (Some(error), _) => format!("left: {}", error.escape_debug()),
                (None, true) => "would go".to_owned(),
                (None, false) => "removed".to_owned(),
            };
            text += &format!(
                "  {}, {} in {} files: {done}\n",
                folder.name.escape_debug(),
                ByteSize(folder.bytes),
                folder.files
            );
        }
    }
    for session in report.in_state(State::Live) {
        text += &format!("{}, live{}: left alone\n", session.session, whose(session));
    }
    for problem in &report.problems {
        text += &format!("left: {}\n", problem.escape_debug());
    }
    let dead = report.in_state(State::Dead).count();
    let what = if report.dry_run { "would go" } else { "removed" };
    text + &format!(
        "{}: {dead} dead sessions, {} live; {} in {} files {what}\n",
        report.warehouse.display(),
        report.in_state(State::Live).count(),
        ByteSize(report.bytes),
        report.files,
    )
}

/// The application and process of a session. A lease's texts are anybody's: they reach the terminal escaped.
fn whose(session: &Session) -> String {
    let mut text = String::new();
    if let Some(application) = &session.application {
        text += &format!(", {}", application.escape_debug());
    }
    if let (Some(pid), Some(host)) = (session.pid, &session.host) {
        text += &format!(", process {pid} on {}", host.escape_debug());
    }
    text
}
