//! The end of an application: its record is closed, Spark's event log kept beside it, and the run reviewed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::facts::PastRun;
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::steering::{EVENT_LOG_WITHIN_MS, LAUNCH_MODULE_MS};

use super::driver::lives;
use super::lock::lock;
use super::setup::SteeringSetup;
use super::steered::Steered;
use crate::engine::Budget;
use crate::record::{self, Change, RecordedReview};
use crate::review::{self, redacted};
use crate::spark::protocol::Hello;

/// The event log's name in a run's folder.
const EVENT_LOG: &str = "eventlog";
/// Of so many records the newest are looked at for earlier runs of the same application.
const MOST_RECORDS: usize = 100;
/// How often it is looked whether Spark has finished its event log.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends the record.
pub(super) fn finish(steered: &Steered) {
    steered.queries.recorded();
    let ids = lock(&steered.outcomes).plans();
    let uses: BTreeMap<String, u32> = {
        let history = lock(&steered.queries.history);
        ids.into_iter().map(|id| (id.clone(), history.uses_from_cache(&id))).collect()
    };
    lock(&steered.outcomes).finish(&steered.recorder, &uses);
    steered.recorder.note(Change::Totals(steered.totals()));
    let folder = steered.recorder.folder();
    if let Some(folder) = folder {
        match keep_event_log(&steered.launch, &steered.hello, &folder) {
            Some(Ok(())) => {
                record_review(steered, &folder.join(EVENT_LOG));
                steered.recorder.note(Change::EventLog { path: EVENT_LOG.to_owned() });
            }
            Some(Err(error)) => steered.recorder.fault(format!("Spark's event log is not kept: {error}")),
            None => {}
        }
    }
    steered.recorder.finish();
}

/// Keeps Spark's event log of an application in its run's folder, without what may be secret; nothing where there is none. Of a driver that
/// was killed it is what there is.
fn keep_event_log(launch: &SteeringSetup, hello: &Hello, folder: &Path) -> Option<io::Result<()>> {
    let from = launch.event_log_dir.as_ref()?;
    let deadline = Instant::now() + Duration::from_millis(EVENT_LOG_WITHIN_MS);
    // Spark finishes its log after it has stopped its plugins.
    loop {
        // Asked first: what a driver has not finished that is gone, nobody will.
        let gone = !lives(hello.driver_pid);
        let found = log_of(from, &hello.application)?;
        if let Some((path, _)) = found.as_ref().filter(|(_, finished)| *finished || gone) {
            let kept = redacted::write(path, &folder.join(EVENT_LOG));
            // Spark's own has the secrets, so it goes even where no other could be written.
            let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            return Some(kept.and(removed));
        }
        if gone || Instant::now() > deadline {
            let unfinished = |(path, _): (PathBuf, bool)| {
                let why = format!("Spark has not finished it; `{}` has all that Spark writes", path.display());
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            };
            return found.map(unfinished);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// The log of an application in a folder, and whether Spark has finished it; none where the folder can't be read.
fn log_of(folder: &Path, application: &str) -> Option<Option<(PathBuf, bool)>> {
    let named = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let its = !application.is_empty() && name.contains(application);
        its.then(|| {
            // Of a rolling log, whose folder has its name from the beginning, a file in it says so.
            let unfinished = |name: &str| name.ends_with(".inprogress");
            let within = fs::read_dir(&path).into_iter().flatten().flatten();
            let finished =
                !unfinished(&name) && !within.into_iter().any(|file| unfinished(&file.file_name().to_string_lossy()));
            (path, finished)
        })
    });
    Some(named.max_by_key(|(_, finished)| *finished))
}

/// Records the review of the run that left this event log; without an answer the record says why there is none.
fn record_review(steered: &Steered, log: &Path) {
    let Ok(prepared) = steered.prepared.as_ref() else { return };
    let reviewed = review::read(log).map_err(|error| error.to_string()).and_then(|log| {
        let question = log.measured.question(&earlier_runs(steered), None);
        let session = prepared.session().map_err(|error| error.to_string())?;
        let asked = session.ask::<ReviewAnswer>(DecisionPoint::Review, &question, Budget::millis(LAUNCH_MODULE_MS));
        let (answer, _) = asked.map_err(|error| error.to_string())?;
        answer.map_err(|refused| refused.to_string())
    });
    match reviewed {
        Ok(answer) => {
            let currency = steered.launch.policy.cost.currency.clone();
            steered.recorder.note(Change::Review(Box::new(RecordedReview { answer, currency })));
        }
        Err(why) => steered.recorder.fault(format!("the run could not be reviewed: {why}")),
    }
}

/// Reviewed runs of the same application under the same folder, the oldest first.
fn earlier_runs(steered: &Steered) -> Vec<PastRun> {
    let Some(root) = steered.launch.record.as_deref() else { return Vec::new() };
    let own = steered.recorder.folder();
    let mut runs: Vec<PastRun> = record::list(root)
        .into_iter()
        .filter(|folder| Some(folder) != own.as_ref())
        .take(MOST_RECORDS)
        .filter_map(|folder| record::read(&folder).ok())
        .filter(|run| run.application.name == steered.hello.name)
        .filter_map(|run| Some(run.review?.answer.past_run))
        .collect();
    runs.reverse();
    runs
}
