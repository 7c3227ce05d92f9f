//! What the driver takes to launch tasks, and where slots were free.

use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::executors::Executors;
use super::recorded::Recorded;
use super::statistics::{median, weighted_median};
use super::timeline::Timeline;
use super::us;

/// Launches that follow each other within this are the driver's own pace; what takes longer waits for something.
const PACE_MS: i64 = 20;
/// Launches in a row that show the pace, at least.
const LAUNCHES_AT_LEAST: usize = 3;
/// Hand-overs that show how long one takes, at least.
const HAND_OVERS_AT_LEAST: usize = 5;
/// A hand-over takes no longer than this.
const HAND_OVER_AT_MOST_MS: i64 = 50;
/// An executor whose first task comes within this of its registration had been waited for.
const JOINS_WITHIN_MS: i64 = 2_000;
/// The same where no executor that was there began to work in between.
const JOINS_ALONE_WITHIN_MS: i64 = 60_000;

/// Slots and running tasks over time, by resource profile.
pub(super) struct Scheduler {
    /// From an executor's registration to its first task, where tasks waited.
    pub(super) join_us: i64,
    joins_ms: Vec<i64>,
    slots: BTreeMap<i64, Timeline>,
    running: BTreeMap<i64, Timeline>,
    profiles: BTreeSet<i64>,
}

impl Scheduler {
    pub(super) fn of(executors: &Executors, stages: &[Recorded<'_>]) -> Self {
        let join_ms = join_ms(executors, stages);
        let served = &executors.served;
        let mut slots: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        for executor in served {
            let changes = slots.entry(executor.profile).or_default();
            changes.push((executor.added_ms + join_ms, i64::from(executor.slots)));
            changes.extend(executor.serves_until_ms.map(|until_ms| (until_ms, -i64::from(executor.slots))));
        }
        let mut scheduler = Self {
            join_us: us(join_ms),
            joins_ms: served.iter().map(|executor| executor.added_ms + join_ms).collect(),
            slots: slots.into_iter().map(|(profile, changes)| (profile, Timeline::of(changes))).collect(),
            running: BTreeMap::new(),
            profiles: served.iter().map(|executor| executor.profile).collect(),
        };
        let mut running: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        for stage in stages {
            let changes = running.entry(scheduler.profile(stage.logged.profile)).or_default();
            changes.extend(stage.tasks.iter().flat_map(|task| [(task.launched_ms, 1), (task.finished_ms, -1)]));
        }
        scheduler.running = running.into_iter().map(|(profile, changes)| (profile, Timeline::of(changes))).collect();
        scheduler
    }

    /// The profile whose executors run tasks of `wanted`: itself, or where no executor has it, the default or any other.
    pub(super) fn profile(&self, wanted: i64) -> i64 {
        let known = |profile: i64| self.profiles.contains(&profile).then_some(profile);
        known(wanted).or_else(|| known(0)).or_else(|| self.profiles.first().copied()).unwrap_or(0)
    }

    /// Slots without a task at a time.
    fn free(&self, profile: i64, at_ms: i64, busy_at_ms: i64) -> i64 {
        let of = |timelines: &BTreeMap<i64, Timeline>, at| timelines.get(&profile).map_or(0, |it| it.at(at));
        of(&self.slots, at_ms) - of(&self.running, busy_at_ms)
    }

    /// Whether slots were free at all these times.
    pub(super) fn free_at(&self, stage: &Recorded<'_>, times_ms: &[i64]) -> bool {
        let profile = self.profile(stage.logged.profile);
        times_ms.iter().all(|at_ms| self.free(profile, *at_ms, *at_ms) > 0)
    }

    /// Whether slots were free from a stage's submission to its first launch.
    pub(super) fn was_free(&self, stage: &Recorded<'_>, first_launch_ms: i64) -> bool {
        let from = stage.submitted_ms;
        self.free_at(stage, &[from, from + (first_launch_ms - from) / 2, from.max(first_launch_ms - 1)])
    }

    /// Whether an executor joined within these times.
    pub(super) fn joined_within(&self, from_ms: i64, to_ms: i64) -> bool {
        self.joins_ms.iter().any(|joined_ms| (from_ms..=to_ms).contains(joined_ms))
    }

    /// What a launch takes: the pace of the first launches of a stage on the slots that were free then.
    pub(super) fn dispatch_us(&self, stages: &[Recorded<'_>]) -> i64 {
        let paces = stages.iter().filter_map(|stage| {
            let first_ms = stage.tasks.first()?.launched_ms;
            let free = self.free(self.profile(stage.logged.profile), first_ms, first_ms - 1);
            let within = stage.tasks.get(..usize::try_from(free).ok()?.min(stage.tasks.len()))?;
            let between = within.windows(2).filter_map(|pair| match pair {
                [one, next] => Some(next.launched_ms - one.launched_ms).filter(|ms| *ms <= PACE_MS),
                _ => None,
            });
            let between: Vec<i64> = between.collect();
            let count = i64::try_from(between.len()).ok().filter(|_| between.len() >= LAUNCHES_AT_LEAST)?;
            Some((us(between.iter().sum::<i64>()) / count, count.unsigned_abs()))
        });
        weighted_median(paces.collect()).unwrap_or(0)
    }
}

/// The median from an executor's registration to its first task, where tasks waited for it.
fn join_ms(executors: &Executors, stages: &[Recorded<'_>]) -> i64 {
    let mut firsts: BTreeMap<usize, i64> = BTreeMap::new();
    for task in stages.iter().flat_map(|stage| &stage.tasks) {
        if let Some(place) = executors.places.get(&task.executor) {
            let first = firsts.entry(*place).or_insert(task.launched_ms);
            *first = task.launched_ms.min(*first);
        }
    }
    let starts: Vec<i64> = firsts.values().copied().collect();
    let waits = executors.served.iter().enumerate().filter_map(|(place, executor)| {
        let (first_ms, added_ms) = (*firsts.get(&place)?, executor.added_ms);
        let ms = first_ms - added_ms;
        let alone = || !starts.iter().any(|other| added_ms <= *other && *other < first_ms - PACE_MS.max(50));
        let joined = ms < JOINS_WITHIN_MS || (ms < JOINS_ALONE_WITHIN_MS && alone());
        let waited = || {
            let launches = |stage: &Recorded<'_>| stage.tasks.last().map(|task| task.launched_ms);
            stages.iter().any(|stage| stage.submitted_ms <= added_ms && launches(stage) >= Some(first_ms))
        };
        (joined && waited()).then_some(ms)
    });
    median(waits.collect()).unwrap_or(0)
}

/// The median from a task's end to the next launch on its slot, while the stage of that one had been submitted.
pub(super) fn hand_over_us(executors: &Executors, stages: &[Recorded<'_>]) -> i64 {
    let mut ran: BTreeMap<usize, Vec<(i64, i64, i64)>> = BTreeMap::new();
    for stage in stages {
        for task in &stage.tasks {
            if let Some(place) = executors.places.get(&task.executor) {
                ran.entry(*place).or_default().push((task.launched_ms, task.finished_ms, stage.submitted_ms));
            }
        }
    }
    let mut took = Vec::new();
    for (place, mut tasks) in ran {
        let slots = executors.served.get(place).map_or(1, |executor| executor.slots as usize);
        tasks.sort_unstable();
        let mut ends = BinaryHeap::new();
        for (launched_ms, finished_ms, submitted_ms) in tasks {
            if ends.len() >= slots
                && let Some(Reverse(end_ms)) = ends.pop()
                && submitted_ms < end_ms
            {
                took.push(us(launched_ms - end_ms));
            }
            ends.push(Reverse(finished_ms));
        }
    }
    if took.len() < HAND_OVERS_AT_LEAST {
        return 0;
    }
    median(took).unwrap_or(0).clamp(0, us(HAND_OVER_AT_MOST_MS))
}
