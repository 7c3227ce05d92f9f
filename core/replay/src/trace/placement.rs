//! Where tasks were near to their data, and where a launch waited for a near slot.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::recorded::Recorded;
use super::scheduler::Scheduler;
use super::{Near, us};
use crate::events::Locality;

/// The share of a stage's tasks that were near, from which on that was what they waited for.
const NEAR_SHARE: f64 = 0.8;
/// A pause before a launch that is one.
const STALL_MS: i64 = 1_000;
/// How many times `spark.locality.wait` a pause may last: one wait for each level of nearness.
const LEVELS: i64 = 3;

/// Where cached partitions had been made.
#[derive(Default)]
pub(super) struct Placed {
    /// When each RDD that is kept was first made.
    made_ms: BTreeMap<i64, i64>,
}

impl Placed {
    /// Where a stage's tasks were near to their data. Stages are asked for in the order of their submission.
    pub(super) fn near(&self, stage: &Recorded<'_>) -> Near {
        let share = |of: Locality| {
            let near = stage.tasks.iter().filter(|task| task.locality == of).count();
            near as f64 / stage.tasks.len().max(1) as f64
        };
        let there = |rdd: &&i64| self.made_ms.get(*rdd).is_some_and(|made_ms| *made_ms <= stage.submitted_ms);
        let cached = stage.logged.cached.iter().filter(there).max();
        match cached {
            Some(rdd) if share(Locality::Process) >= NEAR_SHARE => Near::Cached(*rdd),
            _ if !stage.logged.parents.is_empty() && share(Locality::Node) >= NEAR_SHARE => Near::MapOutputs,
            _ => Near::Anywhere,
        }
    }

    /// The RDDs that a stage made first.
    pub(super) fn makes(&mut self, stage: &Recorded<'_>) -> Vec<i64> {
        let Some(ended_ms) = stage.logged.completed_ms.filter(|_| !stage.tasks.is_empty()) else { return Vec::new() };
        let mut makes = Vec::new();
        for rdd in &stage.logged.cached {
            if !self.made_ms.contains_key(rdd) {
                self.made_ms.insert(*rdd, ended_ms);
                makes.push(*rdd);
            }
        }
        makes
    }
}

/// Launches that came a second or more after the one before although slots were free and no executor joined: waits for a near slot.
pub(super) fn stalls(stage: &Recorded<'_>, scheduler: &Scheduler, locality_wait_us: i64) -> Vec<(usize, i64)> {
    let longest_ms = LEVELS * (locality_wait_us / 1_000).max(STALL_MS);
    let mut stalls = Vec::new();
    for (place, pair) in stage.tasks.windows(2).enumerate() {
        let [one, next] = pair else { continue };
        let (from, to) = (one.launched_ms, next.launched_ms);
        let ms = to - from;
        if (STALL_MS..=longest_ms).contains(&ms)
            && scheduler.free_at(stage, &[from + ms / 10, from + ms / 2, to - 1])
            && !scheduler.joined_within(from, to)
        {
            stalls.push((place + 1, us(ms)));
        }
    }
    stalls
}
