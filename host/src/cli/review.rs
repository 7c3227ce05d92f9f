//! `sparkwright review` and `sparkwright history`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::facts::{History, PastRun};
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::steering::LAUNCH_MODULE_MS;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::{Failure, print};
use crate::engine::{Budget, Prepared};
use crate::launch::history_file;
use crate::record;
use crate::review::{self, Log};
use crate::steering::Mode;

/// What held a run up, and what would help: by Spark's event log, whoever wrote it.
#[derive(Debug, Args)]
pub struct Review {
    #[command(flatten)]
    policy: PolicyOptions,
    /// A recorded run (`last`, its id or its folder), or an event log of Spark: a file, plain or zstd, or a rolling folder.
    run: String,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Earlier runs of the job, for the trend: a JSON file of runs.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Review {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let policy = prepared(&self.policy)?;
        let history = self.history.as_deref().map(history_file::read).transpose()?.unwrap_or_default();
        let log = read(&event_log(&self.run, &self.record)?)?;
        let answer = ask(&policy.0, &log, &history.runs, None)?;
        if self.json {
            print(&(serde_json::to_string_pretty(&answer)? + "\n"));
        } else {
            print(&format!("{}: {}", log.measured.name, record::review_prose(&answer, &policy.1)));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Sums up runs as the history that `plan`, `submit` and `check` take: JSON on standard output, the oldest run first.
#[derive(Debug, Args)]
pub struct HistoryOf {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Recorded runs or event logs of Spark, of one and the same job.
    #[arg(required = true)]
    runs: Vec<String>,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// How much each of them read, as 100GB: work then follows the size of the input.
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
}

impl HistoryOf {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let policy = prepared(&self.policy)?;
        let mut runs: Vec<(u64, PastRun)> = Vec::new();
        for name in &self.runs {
            let log = read(&event_log(name, &self.record)?)?;
            if !log.measured.ended() {
                eprintln!("sparkwright: `{name}` has no end and is left out: its time would be too short");
                continue;
            }
            runs.push((log.measured.started_ms(), ask(&policy.0, &log, &[], self.input_bytes)?.past_run));
        }
        runs.sort_by_key(|(started_ms, _)| *started_ms);
        let history = History { runs: runs.into_iter().map(|(_, run)| run).collect(), ..History::default() };
        // Only what there is: what is absent is taken from the runs.
        print(&(serde_json::to_string_pretty(&serde_json::json!({ "runs": history.runs }))? + "\n"));
        Ok(ExitCode::SUCCESS)
    }
}

/// The policy, ready to decide, and its currency.
fn prepared(options: &PolicyOptions) -> Result<(Prepared, String), Failure> {
    let launch = options.launch(Mode::Act)?;
    let prepared = prepared_launch(&launch)??;
    Ok((prepared, launch.policy.cost.currency.clone()))
}

/// The event log that is meant: a path that is there, else the log of a recorded run.
fn event_log(name: &str, root: &Path) -> Result<PathBuf, Failure> {
    let path = Path::new(name);
    if path.exists() && !path.join("run.json").is_file() {
        return Ok(path.to_owned());
    }
    let folder = if path.join("run.json").is_file() { path.to_owned() } else { record::find(root, name)? };
    let run = record::read(&folder)?;
    let Some(log) = run.event_log else {
        return Err(Failure::new(format!("the run in {} has no event log", folder.display())).help(
            "runs keep one where `monitoring.enable_metrics_collection` is true and the application did not write its own; \
             name the log itself",
        ));
    };
    Ok(folder.join(log))
}

fn read(path: &Path) -> Result<Log, Failure> {
    let log = review::read(path).map_err(|error| {
        Failure::new(error.to_string())
            .help("name a run, or an event log of Spark: a file, plain or zstd, or a rolling folder")
    })?;
    if log.measured.is_empty() {
        return Err(Failure::new(format!("`{}` is no event log of Spark", path.display()))
            .help("Spark writes one with `--conf spark.eventLog.enabled=true`"));
    }
    if log.unread > 0 {
        eprintln!(
            "sparkwright: {} lines of {} are no events that are known, and are left out",
            log.unread,
            path.display()
        );
    }
    if !log.measured.ended() {
        eprintln!("sparkwright: {} has no end: the run is reviewed as far as it goes", path.display());
    }
    Ok(log)
}

fn ask(policy: &Prepared, log: &Log, earlier: &[PastRun], input_bytes: Option<Bytes>) -> Result<ReviewAnswer, Failure> {
    let question = log.measured.question(earlier, input_bytes);
    let (answer, _) = policy.session()?.ask(DecisionPoint::Review, &question, Budget::millis(LAUNCH_MODULE_MS))?;
    answer.map_err(|refused: sparkwright_core::error::ErrorBody| Failure::new(refused.to_string()))
}
