//! `sparkwright review` and `sparkwright history`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use sparkwright_core::facts::{PastRun, StartTried};
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;
use sparkwright_replay::log::Log as ReplayLog;
use sparkwright_replay::trace::Trace;

use super::logs::{event_log, recorded};
use super::policy_options::{PolicyOptions, prepared_launch};
use super::terminal::{note, print, print_json};
use super::{Exit, Failure};
use crate::engine::Prepared;
use crate::launch::history_file;
use crate::record::{self, Found};
use crate::replay::{self, StartsError};
use crate::review::{self, Log};
use crate::steering::{Mode, SteeringSetup};

/// Says what a run's time went to, and what would have made it shorter, from its Spark event log.
///
/// Every moment of the run has one cause: their percents add up to 100. An advice is a key, what it is and what to set it to; its gain is a replay's, with
/// an interval, and under a twentieth of the run there is none. The time of executors goes to queries, jobs and idle slots, with the cost where the policy has a price:
/// these add up as well.
#[derive(Debug, Args)]
pub struct Review {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Recorded run (`last`, its id or its folder), or any Spark event log: a file (plain or zstd) or a rolling folder. A recorded run is reviewed
    /// by the policy that decided in it where no other is named.
    run: String,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Earlier runs of the job, as `sparkwright history` prints them, for the trend.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Review {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let recorded = recorded(&self.run, &self.record)?;
        let launch = self.launch(recorded.as_deref())?;
        let policy = prepared_launch(&launch)??;
        if let Some(folder) = &recorded {
            tell_other_module(folder, &policy);
        }
        let log = read(&event_log(&self.run, &self.record)?)?;
        let earlier = match (&self.history, &recorded) {
            (Some(file), _) => history_file::read(file)?.runs,
            // As the run's own record has it.
            (None, Some(folder)) => {
                let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                let root = folder.parent().unwrap_or(Path::new("/"));
                record::earlier_runs(root, &folder, &log.measured.name)
            }
            (None, None) => Vec::new(),
        };
        let review = ask(&policy, &log, &earlier, None)?;
        let found = review::found(&log.replayed);
        if self.json {
            print_json(&Reviewed { found: &found, review: &review })?;
        } else {
            print(&found.text(&review, &launch.policy.cost.currency));
        }
        Ok(Exit::Fine)
    }

    /// The policy that is named; of a recorded run where none is, the one that decided in it.
    fn launch(&self, recorded: Option<&Path>) -> Result<SteeringSetup, Failure> {
        let Some(folder) = recorded.filter(|_| !self.policy.names_any()) else { return self.policy.launch(Mode::Act) };
        match record::policy_of(folder) {
            Some(policy) => Ok(SteeringSetup { policy, ..SteeringSetup::default() }),
            None => {
                note(
                    "the policy that decided in this run is not kept with it; the review goes by the default one (--policy names another)",
                );
                self.policy.launch(Mode::Act)
            }
        }
    }
}

/// Says where another policy module decided in a run than the one that reviews it: it may judge otherwise.
fn tell_other_module(folder: &Path, policy: &Prepared) {
    let here = policy.module().sha256();
    let decided = record::read(folder).map(|run| run.module.sha256).unwrap_or_default();
    let short = |sha256: &str| sha256.chars().take(12).collect::<String>();
    if !decided.is_empty() && decided != here {
        let (decided, here) = (short(&decided), short(here));
        note(&format!("policy module {decided} decided in this run; {here} reviews it, and may judge otherwise"));
    }
}

/// A review as programs read it: what the time went to, and what the policy says of the run.
#[derive(Serialize)]
struct Reviewed<'a> {
    #[serde(flatten)]
    found: &'a Found,
    #[serde(flatten)]
    review: &'a ReviewAnswer,
}

/// Summarizes runs of one job as the history that `plan`, `submit` and `check` read: JSON, the oldest run first.
///
/// Each run is replayed under this policy with one, two, four ... executors at the start (`starts`): the next plan starts with the number that costs least
/// for the policy's `optimization_target`.
#[derive(Debug, Args)]
pub struct HistoryOf {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Recorded runs or Spark event logs of the same job.
    #[arg(required = true)]
    runs: Vec<String>,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Input size of each run, as 100GB; plans then scale the work with the input size.
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
}

impl HistoryOf {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let policy = prepared_launch(&launch)??;
        let mut runs: Vec<(u64, PastRun)> = Vec::new();
        let mut traces: Vec<(ReplayLog, Trace)> = Vec::new();
        for name in &self.runs {
            let log = read(&event_log(name, &self.record)?)?;
            if !log.measured.ended() {
                note(&format!("`{name}` has no end and is left out: its run time would be too short"));
                continue;
            }
            runs.push((log.measured.started_ms(), ask(&policy, &log, &[], self.input_bytes)?.past_run));
            // What can't be replayed is a run all the same.
            if let Ok(trace) = Trace::of(&log.replayed) {
                traces.push((log.replayed, trace));
            }
        }
        runs.sort_by_key(|(started_ms, _)| *started_ms);
        let logged: Vec<(&ReplayLog, &Trace)> = traces.iter().map(|(log, trace)| (log, trace)).collect();
        let starts = replay::starts(&launch.policy, &policy, &logged, &launch.labels, None)?;
        let runs: Vec<PastRun> = runs.into_iter().map(|(_, run)| run).collect();
        // Only what there is: what is absent is taken from the runs.
        print_json(&Told { runs, starts })?;
        Ok(Exit::Fine)
    }
}

/// The history as it is printed.
#[derive(Serialize)]
struct Told {
    runs: Vec<PastRun>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    starts: Vec<StartTried>,
}

fn read(path: &Path) -> Result<Log, Failure> {
    let log = review::read(path)?;
    if log.measured.is_empty() {
        return Err(Failure::new(format!("`{}` is not an event log of Spark", path.display()))
            .help("Spark writes one with `--conf spark.eventLog.enabled=true`"));
    }
    if log.unread > 0 {
        let path = path.display();
        note(&format!("{} lines of `{path}` are not known events and are left out", log.unread));
    }
    let left_out = log.measured.stages_left_out();
    if left_out > 0 {
        note(&format!(
            "the policy's bottlenecks and history are of the longest stages: {left_out} shorter ones are left out"
        ));
    }
    if !log.measured.ended() {
        note(&format!("`{}` has no end: the run is reviewed as far as it goes", path.display()));
    }
    Ok(log)
}

fn ask(policy: &Prepared, log: &Log, earlier: &[PastRun], input_bytes: Option<Bytes>) -> Result<ReviewAnswer, Failure> {
    Ok(review::ask(policy, &log.measured, earlier, input_bytes)??)
}

impl From<StartsError> for Failure {
    fn from(error: StartsError) -> Self {
        match error {
            StartsError::Plan(error) => error.into(),
            StartsError::NotSteered(error) => error.into(),
        }
    }
}
