//! `sparkwright clean`.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use sparkwright_core::printable;

use super::terminal::{counted, print, print_json};
use super::{Exit, Failure};
use crate::cleaning::{self, Options, Report, Session, State};

/// Where Spark keeps tables unless `spark.sql.warehouse.dir` says otherwise.
const USUAL_WAREHOUSE: &str = "spark-warehouse";

/// Removes the temp tables that killed Spark sessions left in a warehouse.
///
/// A session that stores temp tables holds a lock on a file in the warehouse while its driver lives. Where that lock is free, the session
/// is dead: its table folders are removed, then the file. Tables of live sessions, tables that Sparkwright did not make, and targets of
/// symbolic links are never touched. The next session that makes temp tables in a warehouse cleans it too; use this command when there is
/// none. Spark need not run or be installed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sparkwright clean --dry-run                       what would be removed from ./spark-warehouse
  sparkwright clean --warehouse /data/warehouse     the folder that `spark.sql.warehouse.dir` names
  sparkwright clean --json | jq .bytes              for scripts

Only files are removed: a Hive metastore drops its entries with the next session that makes temp tables.
Exit codes: 0 nothing is left of dead sessions, 1 something could not be removed or read (it says what), 2 there is no such warehouse.")]
pub struct Clean {
    /// The warehouse, a folder of this machine; ./spark-warehouse if not given.
    #[arg(long, value_name = "DIR")]
    warehouse: Option<PathBuf>,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
    /// Print what was found and done as a JSON object.
    #[arg(long)]
    json: bool,
    /// Treat a session without a usable lock (of another machine, or where files can't be locked) as dead once its lease was not renewed for
    /// this many hours. Without this option such sessions are left alone.
    #[arg(long, value_name = "HOURS", value_parser = hours, allow_negative_numbers = true)]
    unlocked_after: Option<Duration>,
}

fn hours(text: &str) -> Result<Duration, String> {
    let hours: f64 = text.parse().map_err(|_| "expected a number of hours, as 12 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(hours * 3600.0).map_err(|_| "expected a number of hours that is not negative".into())
}

impl Clean {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let options = Options { dry_run: self.dry_run, unlocked_after: self.unlocked_after };
        let usual = PathBuf::from(USUAL_WAREHOUSE);
        if self.warehouse.is_none() && !usual.exists() {
            return Err(Failure::new(format!("there is no {USUAL_WAREHOUSE} in this folder"))
                .help("name it with --warehouse: the folder that spark.sql.warehouse.dir names"));
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
        let report = cleaning::clean(&warehouse, &options)?;
        if self.json {
            print_json(&report)?;
        } else {
            print(&told(&report));
        }
        Ok(if report.problems.is_empty() { Exit::Fine } else { Exit::Findings })
    }
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    for session in report.in_state(State::Dead) {
        text += &format!("{}, dead{}\n", session.session, whose(session));
        for folder in &session.folders {
            let done = match (&folder.error, report.dry_run) {
                (Some(error), _) => format!("left: {}", printable::line(error)),
                (None, true) => "would be removed".to_owned(),
                (None, false) => "removed".to_owned(),
            };
            text += &format!(
                "  {}, {} in {}: {done}\n",
                printable::line(&folder.name),
                ByteSize(folder.bytes),
                files(folder.files)
            );
        }
    }
    for session in report.in_state(State::Live) {
        text += &format!("{}, live{}: left alone\n", session.session, whose(session));
    }
    for problem in &report.problems {
        text += &format!("left: {}\n", printable::line(problem));
    }
    let dead = report.in_state(State::Dead).count();
    let what = if report.dry_run { "would be removed" } else { "removed" };
    text + &format!(
        "{}: {}, {} live; {} in {} {what}\n",
        report.warehouse.display(),
        counted(dead, "dead session"),
        report.in_state(State::Live).count(),
        ByteSize(report.bytes),
        files(report.files),
    )
}

fn files(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "file")
}

/// The application and process of a session, each on one line whatever a lease says.
fn whose(session: &Session) -> String {
    let mut text = String::new();
    if let Some(application) = &session.application {
        text += &format!(", {}", printable::line(application));
    }
    if let (Some(pid), Some(host)) = (session.pid, &session.host) {
        text += &format!(", process {pid} on {}", printable::line(host));
    }
    text
}
