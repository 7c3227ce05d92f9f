//! What a run's time was: recorded, and replayed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::simulation::Replayed;
use crate::trace::{Trace, us};

/// Time within jobs: the sum over groups of jobs from the first start to the last end. Jobs of one SQL execution that follow each other without
/// a pause between them are a group, and every other job is one. What the program does between its queries is none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InJobTime {
    /// As it was.
    pub recorded_us: i64,
    /// As it was replayed.
    pub replayed_us: i64,
}

impl InJobTime {
    /// Of a replay. Jobs that the replay never ended, for want of executors, count as recorded.
    #[must_use]
    pub fn of(trace: &Trace, replayed: &Replayed) -> Self {
        let mut time = Self { recorded_us: 0, replayed_us: 0 };
        for group in groups(trace) {
            let recorded =
                |place: &usize| trace.jobs.get(*place).map(|job| (us(job.recorded_ms.0), us(job.recorded_ms.1)));
            let replayed = |place: &usize| replayed.jobs.get(*place).copied().flatten();
            time.recorded_us += span(group.iter().filter_map(recorded));
            time.replayed_us += span(group.iter().filter_map(replayed));
        }
        time
    }

    /// By how much the replay is longer than what was recorded: 0.01 is one percent; nothing where there was no time.
    #[must_use]
    pub fn error(&self) -> f64 {
        if self.recorded_us == 0 { 0.0 } else { self.replayed_us as f64 / self.recorded_us as f64 - 1.0 }
    }
}

fn span(times: impl Iterator<Item = (i64, i64)>) -> i64 {
    times.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))).map_or(0, |(from, to)| to - from)
}

/// Jobs that are one piece of work for the program, by their places.
fn groups(trace: &Trace) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, job) in trace.jobs.iter().enumerate() {
        let last_of =
            |group: &Vec<usize>| group.last().and_then(|last| trace.jobs.get(*last)).map(|last| last.recorded_ms.1);
        let known = job.execution.as_deref().and_then(|execution| open.get(execution).copied());
        let goes_on = known.filter(|at| groups.get(*at).and_then(last_of) >= Some(job.recorded_ms.0));
        match goes_on.and_then(|at| groups.get_mut(at)) {
            Some(group) => group.push(place),
            None => {
                if let Some(execution) = job.execution.as_deref() {
                    open.insert(execution, groups.len());
                }
                groups.push([place].to_vec());
            }
        }
    }
    groups
}
