//! What a run's time went to: every moment of it has one cause, and the shares of all causes add up to 1.
//!
//! A moment at which tasks run belongs to their stages, in proportion to their tasks; what it went to there is said by [`stage`](self) from the tasks'
//! own figures. A moment at which none runs belongs to the driver ([`driver`](self)): the start, a query that is planned or collected, the program's own
//! work, or a shell that waits. Nothing here is an estimate of what would help: that is asked of the replay.

mod driver;
mod evidence;
mod kind;
mod stage;
mod timeline;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use kind::Kind;

use crate::log::Log;

/// What a part of a run's time went to.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// What it is.
    pub kind: Kind,
    /// The stages that it was in, those with the most time first; empty where it was in none.
    pub stages: Vec<i64>,
    /// The time, in milliseconds of the run.
    pub time_ms: f64,
    /// That, as a share of the run.
    pub share: f64,
    /// What of the log says so, a sentence each.
    pub evidence: Vec<String>,
    /// What is done about it; empty where nothing is known to help.
    pub helps: &'static str,
}

/// What a run's time went to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spent {
    /// The run's time, in milliseconds.
    pub run_ms: f64,
    /// The most first; their shares add up to 1, but for a run that took no time, which has none.
    pub causes: Vec<Cause>,
    /// The share of each stage that ran, the largest first; with what went to no stage they add up to 1.
    pub stages: Vec<(i64, f64)>,
}

/// Finds what a run's time went to.
#[must_use]
pub fn spent(log: &Log) -> Spent {
    let timeline = timeline::of(log);
    let whole_ms: f64 = timeline.whole_ms();
    if whole_ms <= 0.0 {
        return Spent::default();
    }
    // By kind, then by stage.
    let mut spent: BTreeMap<Kind, BTreeMap<i64, f64>> = BTreeMap::new();
    for (kind, ms) in &timeline.driver {
        *spent.entry(*kind).or_default().entry(NO_STAGE).or_default() += ms;
    }
    for (stage, times) in timeline.stages.iter().zip(&timeline.times) {
        for (kind, ms) in stage.kinds(times) {
            *spent.entry(kind).or_default().entry(stage.id()).or_default() += ms;
        }
    }
    let mut causes: Vec<Cause> = spent
        .into_iter()
        .map(|(kind, by_stage)| {
            let time_ms = by_stage.values().sum::<f64>();
            let mut stages: Vec<(i64, f64)> = by_stage.into_iter().filter(|(stage, _)| *stage != NO_STAGE).collect();
            stages.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
            // A stage that is a hundredth of it explains nothing.
            stages.retain(|(_, ms)| *ms >= time_ms / 100.0);
            let evidence = evidence::of(kind, log, &timeline, &stages);
            let shuffled = stages.first().is_some_and(|(stage, _)| timeline.reads_shuffle(*stage));
            let helps = evidence::helps(kind, shuffled);
            let stages = stages.into_iter().map(|(stage, _)| stage).collect();
            Cause { kind, stages, time_ms, share: time_ms / whole_ms, evidence, helps }
        })
        .filter(|cause| cause.time_ms > 0.0)
        .collect();
    causes.sort_by(|one, other| other.time_ms.total_cmp(&one.time_ms).then(one.kind.cmp(&other.kind)));
    let mut stages: BTreeMap<i64, f64> = BTreeMap::new();
    for (stage, times) in timeline.stages.iter().zip(&timeline.times) {
        *stages.entry(stage.id()).or_default() += times.all() / whole_ms;
    }
    let mut stages: Vec<(i64, f64)> = stages.into_iter().collect();
    stages.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    Spent { run_ms: whole_ms, causes, stages }
}

/// Where time is in no stage.
const NO_STAGE: i64 = -1;

#[cfg(test)]
mod tests;
