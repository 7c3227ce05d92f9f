//! Takes in what the driver says: Spark's events, what came of commands, what became of cached plans.

use std::io::BufReader;
use std::os::unix::net::UnixStream;

use super::lock::lock;
use super::steered::Steered;
use crate::clock::now_ms;
use crate::record::Change;
use crate::spark::application::ExecutorChange;
use crate::spark::events::Event;
use crate::spark::lines::read_whole;
use crate::spark::protocol::{Acted, Report};

/// What a line of the plugin's own begins with; all others are Spark's.
const OURS: &[u8] = b"{\"sparkwright\"";

/// Takes in what the driver says until it says no more.
pub(super) fn take_all(steered: &Steered, mut reader: BufReader<UnixStream>) {
    let mut line = Vec::new();
    let mut said_bye = false;
    loop {
        match read_whole(&mut reader, &mut line) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                steered.recorder.fault(format!("the driver's events could not be read any more: {error}"));
                break;
            }
        }
        lock(&steered.application).heard(now_ms());
        if !line.starts_with(OURS) {
            take_event(steered, &line);
            continue;
        }
        match serde_json::from_slice::<Report>(&line) {
            Ok(Report::Bye { held_up_ms, plugin_cpu_ms }) => {
                steered.counters.goodbye(held_up_ms, plugin_cpu_ms);
                said_bye = true;
                break;
            }
            Ok(report) => take_report(steered, report),
            Err(error) => {
                steered.recorder.fault(format!("the plugin said something that is not in the protocol: {error}"));
            }
        }
    }
    let listened = steered.driver.ends();
    if !said_bye && listened {
        steered
            .recorder
            .fault("the driver's connection ended without a goodbye: the application was killed, or its driver failed");
    }
}

fn take_event(steered: &Steered, line: &[u8]) {
    steered.counters.event();
    let Ok(event) = Event::read(line) else {
        // One event in another form than we know makes counts uncertain, and the controller careful.
        if !lock(&steered.application).facts_lost() {
            let start = String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned();
            steered
                .recorder
                .fault(format!("a listener event could not be read, executors stay as they are from here on: {start}"));
        }
        lock(&steered.application).lose_facts();
        return;
    };
    let now = now_ms();
    let (change, completed) = {
        let mut application = lock(&steered.application);
        (application.take(&event, now), application.work.completed())
    };
    for work in completed {
        steered.recorder.note(Change::Work(work));
    }
    if steered.declared.runs_any() {
        let (executors, storage_bytes) = steered.size();
        steered.declared.take(&event, executors, storage_bytes);
    }
    match change {
        Some(ExecutorChange::Added { at_ms, executor, .. }) => {
            let count = lock(&steered.application).live_executors();
            lock(&steered.outcomes).executor_added(&steered.recorder, at_ms, count);
            steered.executor_event(at_ms, "added", executor, count, String::new());
        }
        Some(ExecutorChange::Removed { at_ms, executor, reason }) => {
            let count = lock(&steered.application).live_executors();
            lock(&steered.outcomes).executor_removed(&steered.recorder, at_ms, &executor);
            steered.executor_event(at_ms, "removed", executor, count, reason);
        }
        None => {}
    }
    if matches!(event, Event::StageSubmitted(_)) {
        // Tasks wait: to ask for their executors a tick later is a tick lost.
        steered.scaling.look_now();
    }
    if let Event::SqlEnd(end) = event {
        steered.queries.recorded();
        let work = lock(&steered.application).work.execution(end.execution);
        lock(&steered.queries.history).ended(end.execution, work.unwrap_or_default(), now);
        lock(&steered.outcomes).query_ended(&steered.recorder, end.execution, work);
    }
}

fn take_report(steered: &Steered, report: Report) {
    match report {
        Report::Acted(acted) => {
            let Some(Acted { id, ok, error, took_ms, .. }) = steered.driver.acted(acted) else { return };
            let undone = lock(&steered.outcomes).acted(&steered.recorder, id, ok, error.as_deref(), took_ms);
            lock(&steered.application).staying(&undone);
        }
        Report::Entry { id, state, why, error } => {
            steered.queries.recorded();
            let now = now_ms();
            if state == "cached" {
                lock(&steered.queries.history).cached(&id, now);
                lock(&steered.outcomes).plan_cached(&steered.recorder, &id, now);
            } else {
                let uses = {
                    let mut history = lock(&steered.queries.history);
                    history.dropped(&id, &why);
                    history.uses_from_cache(&id)
                };
                let why = error.map_or_else(|| why.clone(), |error| format!("{why}: {error}"));
                lock(&steered.outcomes).plan_dropped(&steered.recorder, &id, &why, uses, now);
            }
        }
        Report::Storage { entries } => {
            for entry in entries {
                let uses = lock(&steered.queries.history).uses_from_cache(&entry.id);
                lock(&steered.outcomes).plan_holds(&steered.recorder, &entry, uses);
            }
        }
        Report::Dropped { events } => {
            steered.counters.lost(events);
            lock(&steered.application).lose_facts();
            steered.recorder.fault(
                "listener events were lost because the host was too slow: executors stay as they are from here on",
            );
        }
        Report::Unsteered { reason } => {
            steered.driver.stops_listening();
            steered.recorder.fault(format!("the application is unsteered from here on: {reason}"));
        }
        Report::Alive {} | Report::Bye { .. } => {}
    }
}
