//! A run on other numbers of executors: how long, for how many executor-seconds, and how sure that is.

use alloc::string::String;
use alloc::vec::Vec;

use sparkwright_core::trace::Grade;

use crate::adaptive::on_cores;
use crate::measure::InJobTime;
use crate::simulation::{Model, Offered, replay, replay_on};
use crate::trace::{Near, Trace, us};

/// What else a log can't know of another size: contention of cores, sizes of map outputs, evictions. Measured on 606 logs of two TPC-DS queries at
/// 3 to 24 executors, with [`fetch waits`](Trace) as the rest of the interval: 92 and 72 % of the runs were within.
const UNKNOWN: f64 = 0.08;
/// Within so many times the recorded number a replay is a prediction, beyond it an estimate.
const PREDICTED_WITHIN: f64 = 2.0;

/// A number of executors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How many.
    pub executors: u32,
    /// The application's time, from its start to its end.
    pub time_us: i64,
    /// Not less, most likely.
    pub low_us: i64,
    /// Not more, most likely.
    pub high_us: i64,
    /// Executor time.
    pub executor_us: i64,
    /// A at the recorded number, B within twice, C beyond.
    pub grade: Grade,
}

/// A number that is not answered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How many executors.
    pub executors: u32,
    /// What is missing.
    pub why: String,
}

/// What a run was, and what it would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The most executors that the run had at a time, and tasks that one runs at once.
    pub recorded: (u32, u32),
    /// Time within jobs, recorded and replayed: the replay's own error.
    pub in_job: InJobTime,
    /// In the order asked for.
    pub points: Vec<Point>,
    /// Those without an answer.
    pub refused: Vec<Refused>,
}

/// The numbers of executors that a run is replayed at where nobody names any: a quarter, a half, two, three and four times as many as it had, itself
/// among them.
#[must_use]
pub fn usual_sizes(trace: &Trace) -> Vec<u32> {
    let (recorded, _) = recorded(trace);
    let mut sizes =
        [recorded.div_ceil(4), recorded.div_ceil(2), recorded, recorded.saturating_mul(3).div_ceil(2)].to_vec();
    sizes.extend([2, 3, 4].map(|times| recorded.saturating_mul(times)));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Replays a run at each of these numbers of executors.
#[must_use]
pub fn curve(trace: &Trace, executors: &[u32]) -> Curve {
    let recorded = recorded(trace);
    let same = replay(trace, &Model::FULL);
    let in_job = InJobTime::of(trace, &same);
    let (mut points, mut refused) = (Vec::new(), Vec::new());
    for count in executors {
        match refusal(trace, recorded.0, *count) {
            Some(why) => refused.push(Refused { executors: *count, why }),
            None => points.push(point(trace, recorded, *count, &in_job)),
        }
    }
    Curve { recorded, in_job, points, refused }
}

/// The most tasks that could run at a time.
#[must_use]
pub fn slots(trace: &Trace) -> u32 {
    let (executors, slots) = recorded(trace);
    executors.saturating_mul(slots)
}

/// The most executors at a time and the slots of most of them.
pub(crate) fn recorded(trace: &Trace) -> (u32, u32) {
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for executor in &trace.executors {
        changes.push((executor.added_ms, 1));
        changes.extend(executor.removed_ms.map(|removed_ms| (removed_ms, -1)));
    }
    changes.sort_unstable();
    let (mut now, mut most) = (0, 1);
    for (_, by) in changes {
        now += by;
        most = most.max(now);
    }
    let mut slots: Vec<u32> = trace.executors.iter().map(|executor| executor.slots).collect();
    slots.sort_unstable();
    (most.unsigned_abs(), slots.get(slots.len() / 2).copied().unwrap_or(1))
}

fn refusal(trace: &Trace, recorded: u32, count: u32) -> Option<String> {
    if count == 0 {
        return Some("an application without an executor does nothing".into());
    }
    let profiles =
        trace.executors.iter().any(|executor| Some(executor.profile) != trace.executors.first().map(|it| it.profile));
    if profiles {
        return Some(
            "its executors have several resource profiles, and how many there are of each is not asked for".into(),
        );
    }
    let reads_cached = trace.stages.iter().any(|stage| matches!(stage.near, Near::Cached(_)));
    (reads_cached && count < recorded).then(|| {
        "it reads what it cached, and the log does not say how large that is: whether it fits on fewer executors is not known".into()
    })
}

/// So many executors, each as late as they were: the first of ten as the first tenth of those recorded.
fn offered(trace: &Trace, (_, slots): (u32, u32), count: u32) -> Vec<Offered> {
    let first_launch_ms = trace.jobs.first().map_or(trace.start_ms, |job| job.recorded_ms.0);
    let mut lags: Vec<i64> = trace.executors.iter().map(|executor| us(executor.added_ms - trace.start_ms)).collect();
    lags.sort_unstable();
    // Executors that came for a backlog, or for others that were lost, say when that was, and not how long one takes to start.
    let early = lags.iter().filter(|lag| **lag <= us(first_launch_ms - trace.start_ms)).count();
    if trace.executors.iter().any(|executor| executor.removed_ms.is_some()) {
        lags.truncate(early.max(1));
    }
    let profile = trace.executors.first().map_or(0, |executor| executor.profile);
    (0..count)
        .map(|number| {
            let place = (number as usize * lags.len()) / (count as usize).max(1);
            let from_us = lags.get(place).copied().unwrap_or(0);
            let host = trace.executors.get(number as usize % trace.executors.len().max(1));
            let host = host.map_or_else(String::new, |executor| executor.host.clone());
            Offered { from_us, until_us: None, slots, profile, host }
        })
        .collect()
}

fn point(trace: &Trace, recorded: (u32, u32), count: u32, in_job: &InJobTime) -> Point {
    let offered = offered(trace, recorded, count);
    let cores = |executors: u32| u64::from(executors) * u64::from(recorded.1);
    let other = on_cores(trace, cores(recorded.0), cores(count));
    let replayed = replay_on(&other, &Model::OTHER_SIZES, &offered);
    let time_us = replayed.end_us();
    let ratio = f64::from(count) / f64::from(recorded.0.max(1));
    let grade = if count == recorded.0 {
        Grade::A
    } else if (1.0 / PREDICTED_WITHIN..=PREDICTED_WITHIN).contains(&ratio) {
        Grade::B
    } else {
        Grade::C
    };
    let (low_us, high_us) = if grade == Grade::A {
        let error = in_job.error().abs();
        (scaled(time_us, 1.0 - error), scaled(time_us, 1.0 + error))
    } else {
        let waits =
            [1.0 / ratio, ratio].map(|by| replay_on(&waiting(&other, by), &Model::OTHER_SIZES, &offered).end_us());
        let low = waits.iter().copied().fold(time_us, i64::min);
        let high = waits.iter().copied().fold(time_us, i64::max);
        (scaled(low, 1.0 - UNKNOWN), scaled(high, 1.0 + UNKNOWN))
    };
    Point { executors: count, time_us, low_us, high_us, executor_us: replayed.executor_us(), grade }
}

/// Rounded down; the cast saturates.
fn scaled(time_us: i64, by: f64) -> i64 {
    (time_us as f64 * by) as i64
}

/// The same with waits for shuffle blocks so many times as long.
fn waiting(trace: &Trace, by: f64) -> Trace {
    let mut other = trace.clone();
    for task in other.stages.iter_mut().flat_map(|stage| &mut stage.tasks) {
        let more = scaled(task.fetch_wait_us, by) - task.fetch_wait_us;
        task.slot_us = (task.slot_us + more).max(0);
    }
    other
}
