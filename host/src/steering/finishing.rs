//! The end of an application: its record is closed, Spark's event log kept beside it, and the run reviewed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::facts::PastRun;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::lesson::{Lesson, PlanLesson, RunEnd};
use sparkwright_core::steering::{
    EVENT_LOG_WITHIN_MS, OUTCOME_WITHIN_MS, STARTS_REPLAYED_WITHIN_MS, STORE_TAKES_WITHIN_MS,
};
use sparkwright_core::units::saturating_u32;

use super::driver::lives;
use super::lock::lock;
use super::setup::{Mode, SteeringSetup, kept};
use super::steered::Steered;
use crate::clock::now_ms;
use crate::engine::{EngineError, Prepared};
use crate::launch::attempt::Outcome;
use crate::launch::event_log::{DIR, ENABLED, on_this_machine};
use crate::lesson::{lesson, starts};
use crate::private;
use crate::record::{self, Change, RecordedReview, Recorder};
use crate::review::{self, Log, redacted};
use crate::spark::protocol::Hello;
use crate::store::Store;

/// The event log's name in a run's folder.
const EVENT_LOG: &str = "eventlog";
/// Where Spark writes event logs if nothing is said.
const SPARKS_DIR: &str = "file:///tmp/spark-events";
/// How often it is looked whether Spark has finished its event log.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends the record.
pub(super) fn finish(steered: &Steered) {
    let ended_ms = now_ms();
    steered.queries.recorded();
    let ids = lock(&steered.outcomes).plans();
    let uses: BTreeMap<String, u32> = {
        let history = lock(&steered.queries.history);
        ids.into_iter().map(|id| (id.clone(), history.uses_from_cache(&id))).collect()
    };
    lock(&steered.outcomes).finish(&steered.recorder, &uses);
    let uncompleted = lock(&steered.application).work.uncompleted();
    for work in uncompleted {
        steered.recorder.note(Change::Work(work));
    }
    steered.recorder.note(Change::Totals(steered.totals()));
    let mut taught = None;
    if let Some(folder) = steered.recorder.folder() {
        match event_log(&steered.launch, &steered.hello, &folder) {
            Some(Ok(path)) => {
                let (launch, prepared) = (&steered.launch, (*steered.prepared).as_ref());
                // As `explain` and `review` find it. Known before the review, which takes its time: a host that is killed meanwhile leaves a run that ended.
                steered.recorder.note(Change::EventLog { path: path.clone() });
                let read = review::read(&folder.join(&path)).map_err(|error| error.to_string());
                let run = record_review(&steered.recorder, launch, prepared, read.as_ref());
                taught = Some((read, run));
            }
            Some(Err(error)) => steered.recorder.fault(format!("Spark's event log is not kept: {error}")),
            None if steered.launch.named_store() => {
                steered.recorder.fault("the run teaches nothing: it left no event log on this machine");
            }
            None => {}
        }
    }
    steered.recorder.note(Change::Ended { at_ms: ended_ms });
    if let Some((log, run)) = taught {
        let plans = {
            let application = lock(&steered.application);
            lock(&steered.queries.history).lessons(|execution| application.ended_task_ms(execution))
        };
        let prepared = (*steered.prepared).as_ref().ok();
        keep_lesson(&steered.recorder, &steered.launch, (log.as_ref(), prepared), run.map(|run| (run, plans)));
    }
    steered.recorder.finish();
}

/// The event log of an application that ends, by its path from the run's folder: the one that is kept there, else the application's own where it
/// writes one on this machine. Nothing where there is none.
fn event_log(launch: &SteeringSetup, hello: &Hello, folder: &Path) -> Option<io::Result<String>> {
    // An application may name a folder of its own in its code.
    let named = hello.text(DIR).and_then(on_this_machine);
    if let Some(from) = launch.event_log_dir.as_ref().filter(|ours| named.is_none() || named.as_ref() == Some(*ours)) {
        let log = match finished_log(from, hello)? {
            Ok(log) => log,
            Err(error) => return Some(Err(error)),
        };
        return Some(keep(&log, folder));
    }
    if !hello.flag(ENABLED) {
        return None;
    }
    let from = on_this_machine(hello.text(DIR).unwrap_or(SPARKS_DIR))?;
    // What Spark has not finished of its own is nobody's fault here.
    Some(Ok(finished_log(&from, hello)?.ok()?.display().to_string()))
}

/// Moves an event log into a run's folder, without what may be secret; gives its path from there.
pub(super) fn keep(log: &Path, folder: &Path) -> io::Result<String> {
    let kept = redacted::write(log, &folder.join(EVENT_LOG));
    // Spark's own has the secrets, so it goes even where no other could be written.
    let removed = if log.is_dir() { fs::remove_dir_all(log) } else { fs::remove_file(log) };
    kept.and(removed).map(|()| EVENT_LOG.to_owned())
}

/// Waits for Spark to finish its event log of an application; nothing where there is none. Of a driver that was killed it is what there is.
fn finished_log(from: &Path, hello: &Hello) -> Option<io::Result<PathBuf>> {
    let deadline = Instant::now() + Duration::from_millis(EVENT_LOG_WITHIN_MS);
    // Spark finishes its log after it has stopped its plugins.
    loop {
        // Asked first: what a driver has not finished that is gone, nobody will.
        let gone = !lives(hello.driver_pid);
        let its = |name: &str| !hello.application.is_empty() && name.contains(&hello.application);
        let found = logs(from, its)?.into_iter().max_by_key(|(_, finished)| *finished);
        match found {
            Some((path, finished)) if finished || gone => return Some(Ok(path)),
            found if gone || Instant::now() > deadline => {
                let unfinished = |(path, _): (PathBuf, bool)| {
                    let why = format!("Spark has not finished it; `{}` has all that Spark writes", path.display());
                    Err(io::Error::new(io::ErrorKind::TimedOut, why))
                };
                return found.map(unfinished);
            }
            _ => thread::sleep(LOOK_EVERY),
        }
    }
}

/// The logs in a folder by their names, each with whether Spark has finished it; none where the folder can't be read.
pub(super) fn logs(folder: &Path, wanted: impl Fn(&str) -> bool) -> Option<Vec<(PathBuf, bool)>> {
    let paths = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        wanted(&name).then(|| {
            // Of a rolling log, whose folder has its name from the beginning, a file in it says so.
            let unfinished = |name: &str| name.ends_with(".inprogress");
            let within = fs::read_dir(&path).into_iter().flatten().flatten();
            let finished =
                !unfinished(&name) && !within.into_iter().any(|file| unfinished(&file.file_name().to_string_lossy()));
            (path, finished)
        })
    });
    Some(named.collect())
}

/// Records the review of the run that left this event log, and gives the run as a history has it; without an answer the record says why there is none.
pub(super) fn record_review(
    recorder: &Recorder,
    launch: &SteeringSetup,
    prepared: Result<&Prepared, &EngineError>,
    log: Result<&Log, &String>,
) -> Option<PastRun> {
    // Why there is no module stands in the record already.
    let prepared = prepared.ok()?;
    let reviewed = log.map_err(Clone::clone).and_then(|log| {
        let name = recorder.with_run(|run| run.application.name.clone());
        let root_and_own = launch.record.as_deref().zip(recorder.folder());
        let earlier = root_and_own.map_or_else(Vec::new, |(root, own)| record::earlier_runs(root, &own, &name));
        let asked =
            review::ask(prepared, &log.measured, &earlier, launch.input_bytes).map_err(|error| error.to_string())?;
        let answer = asked.map_err(|refused| refused.to_string())?;
        // A log that brings out a bug of ours still has its record.
        let found = catch_unwind(AssertUnwindSafe(|| review::found(&log.replayed)));
        let found = found.map_err(|_| "sparkwright stopped at a bug of its own".to_owned())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        Ok((answer, found))
    });
    match reviewed {
        Ok((answer, found)) => {
            let run = answer.past_run;
            let currency = launch.policy.cost.currency.clone();
            recorder.note(Change::Review(Box::new(RecordedReview { answer, currency, found: Some(found) })));
            Some(run)
        }
        Err(why) => {
            recorder.fault(format!("the run could not be reviewed: {why}"));
            None
        }
    }
}

/// Leaves what the run teaches in the store; without one that takes it the record says why.
pub(super) fn keep_lesson(
    recorder: &Recorder,
    launch: &SteeringSetup,
    (log, prepared): (Result<&Log, &String>, Option<&Prepared>),
    run: Option<(PastRun, Vec<PlanLesson>)>,
) {
    // Why there is no log or no review stands in the record already.
    let (true, Ok(log), Some(run)) = (launch.lessons.is_some() || launch.lesson.is_some(), log, run) else { return };
    let outcome = launch.outcome.as_deref().and_then(outcome);
    if !log.measured.ended() && outcome.is_none_or(Outcome::is_well) {
        if launch.named_store() {
            recorder.fault("the run teaches nothing: its event log has no end");
        }
        return;
    }
    let job = launch.lessons.as_ref().map_or("", |lessons| lessons.job.as_str());
    let lesson = lesson(log, outcome, run, (job, &launch.labels), launch.mode.word());
    let mut lesson = if launch.mode == Mode::Act { told(lesson, launch) } else { lesson };
    if let Some(prepared) = prepared.filter(|_| launch.lessons.is_some() && lesson.ended != RunEnd::Failed) {
        let within = Some(Duration::from_millis(STARTS_REPLAYED_WITHIN_MS));
        match starts(log, (&launch.policy, prepared), &launch.labels, within) {
            Ok(starts) => lesson.starts = starts,
            Err(why) => recorder.fault(format!("the lesson does not say what other starts would have taken: {why}")),
        }
    }
    // `submit` asks only of an application that failed.
    if let Some(path) = launch.lesson.as_ref().filter(|_| outcome.is_some_and(|outcome| !outcome.is_well())) {
        let written =
            serde_json::to_vec(&lesson).map_err(io::Error::other).and_then(|bytes| private::replace(path, &bytes));
        if let Err(error) = written {
            recorder.fault(format!("what the run taught is not known to `submit`: {error}"));
        }
    }
    if let Some(lessons) = &launch.lessons {
        let within = Duration::from_millis(STORE_TAKES_WITHIN_MS);
        if let Err(error) = Store::at(&lessons.store.url, within).and_then(|store| store.keep(&lesson)) {
            recorder.fault(format!("the run's lesson is not kept: {error}"));
        }
    }
    if let Some(path) = &launch.outcome {
        let _ = fs::rename(path, kept(path));
    }
}

/// The lesson with what the run's own plan had promised, and what it was told of earlier ones.
fn told(lesson: Lesson, launch: &SteeringSetup) -> Lesson {
    let promised_ms = launch.plan.as_ref().and_then(PlanLaunchAnswer::promised_ms);
    let again = launch.learned.iter().filter(|plan| plan.comes_again()).count();
    let plans_told = Some(saturating_u32(again as u64));
    Lesson { plans_told, run: PastRun { promised_ms, ..lesson.run }, ..lesson }
}

/// How the driver's process ended. Nobody knows of one that stops its Spark and goes on for longer than is waited.
fn outcome(path: &Path) -> Option<Outcome> {
    let deadline = Instant::now() + Duration::from_millis(OUTCOME_WITHIN_MS);
    loop {
        let outcome = Outcome::read(path);
        if outcome.is_some() || Instant::now() > deadline {
            return outcome;
        }
        thread::sleep(LOOK_EVERY);
    }
}
