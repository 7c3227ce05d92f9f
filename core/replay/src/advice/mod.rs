//! What would have made a run shorter, by replay: a key, what it is and what to set it to, and the time that the same run would have saved.
//!
//! An advice is given where a key can change the run and the replay says that it saves [`WORTH`] of it at least, with the smallest gain of its interval
//! above nothing. What a log can't know is no advice: what a heap would have changed, whether a file can be split, what a program does by itself.

mod conf;
mod executors;
mod given;
mod initial;
mod partitions;

use alloc::vec::Vec;

use conf::is_local;
pub use given::{Advice, Gain, WORTH};

use crate::curve::Point;
use crate::log::Log;
use crate::trace::{Trace, us};
use sparkwright_core::trace::Grade;

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
