//! What would have made a run shorter, by replay: a key, what it is and what to set it to, and the time that the same run would have saved.
//!
//! An advice is given where a key can change the run and the replay says that it saves [`WORTH`] of it at least, with the smallest gain of its interval
//! above nothing. What a log can't know is no advice: what a heap would have changed, whether a file can be split, what a program does by itself.

mod executors;
mod initial;
mod partitions;

use alloc::string::String;
use alloc::vec::Vec;

use crate::curve::Point;
use crate::log::Log;
use crate::trace::{Trace, us};
use sparkwright_core::trace::Grade;

/// What saves less of the run is no advice. Source: a replay at another size is off by about as much (3 to 5 %).
pub const WORTH: f64 = 0.05;

/// What a run would have saved, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// By the replay.
    pub expected_us: i64,
    /// Not less, most likely.
    pub low_us: i64,
    /// Not more, most likely.
    pub high_us: i64,
}

impl Gain {
    /// Whether it is worth an advice on a run of this length.
    fn is_worth(&self, run_us: i64) -> bool {
        self.low_us > 0 && self.expected_us as f64 >= WORTH * run_us as f64
    }
}

/// A key to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The key: Spark's, or the field of the platform that made the cluster.
    pub key: &'static str,
    /// What it was.
    pub now: u64,
    /// What to set it to.
    pub set_to: u64,
    /// What that saves.
    pub gain: Gain,
    /// Executor time as it was and as it would be, microseconds.
    pub executor_us: (i64, i64),
    /// Why, in a sentence.
    pub because: String,
}

/// What would have made a run shorter, the most first; `points` are its replays on other numbers of executors.
#[must_use]
pub fn advice(log: &Log, trace: &Trace, points: &[Point]) -> Vec<Advice> {
    if is_local(log) {
        // Cores and heap are those of the process: its master decides, and no key of an executor.
        return partitions::advice(log, trace).into_iter().collect();
    }
    let mut all: Vec<Advice> = executors::advice(log, trace, points).into_iter().collect();
    all.extend(initial::advice(log, trace));
    all.extend(partitions::advice(log, trace));
    all.sort_by_key(|advice| core::cmp::Reverse(advice.gain.expected_us));
    all
}

/// The fewest executors that come within [`WORTH`] of the run's shortest time, where they save as much: what more slots would do, whether a key gives them
/// or not.
#[must_use]
pub fn enough(trace: &Trace, points: &[Point]) -> Option<Point> {
    let run_us = us(trace.end_ms - trace.start_ms);
    let recorded = points.iter().find(|point| point.grade == Grade::A)?;
    let enough = executors::enough(points, recorded, run_us)?;
    ((recorded.time_us - enough.time_us) as f64 >= WORTH * run_us as f64).then_some(*enough)
}

/// Whether the driver runs the tasks.
fn is_local(log: &Log) -> bool {
    conf(log, "spark.master").is_some_and(|master| master.starts_with("local"))
}

fn conf<'a>(log: &'a Log, key: &str) -> Option<&'a str> {
    log.conf.get(key).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn whole(log: &Log, key: &str) -> Option<u64> {
    conf(log, key)?.parse().ok()
}

fn flag(log: &Log, key: &str) -> bool {
    conf(log, key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}
