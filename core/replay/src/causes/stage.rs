//! What the time of a stage went to, by its tasks' figures.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use sparkwright_core::executor::heap::HIGH_GC_SHARE;

use super::kind::Kind;
use crate::log::{Ended, Log, LoggedStage, LoggedTask, StageKey};
use crate::trace::executors::Executors;

/// A stage has stragglers where its longest task takes so many times as long as the median one.
const STRAGGLES_FROM: f64 = 2.0;
/// A task is one of them where it takes so many times as long.
const STRAGGLER_FROM: f64 = 1.5;
/// They have more rows, or are of a slow machine, where theirs are so many times as much as the others'.
const MORE_FROM: f64 = 1.5;
/// Less than this share of the tasks' time is not told apart from their work. Source: as for garbage collection.
const NOTICED_FROM: f64 = HIGH_GC_SHARE;
/// Later tasks that a first one on its slot is compared with, at least.
const LATER_AT_LEAST: usize = 4;

/// An attempt of a stage.
pub(super) struct Stage {
    pub(super) key: StageKey,
    /// Its tasks, as it was submitted.
    pub(super) tasks: u32,
    pub(super) first_launch_ms: i64,
    pub(super) last_launch_ms: i64,
    /// From when on none but stragglers run; absent where there are none.
    straggling_from_ms: Option<i64>,
    /// What they are.
    straggles: Straggles,
    /// What the tasks' time went to besides their work, as shares of it.
    shares: BTreeMap<Kind, f64>,
    /// All of it, where the stage was lost as a whole.
    whole: Option<Kind>,
    pub(super) reads_shuffle: bool,
    scans: bool,
    spilled: bool,
    several_waves: bool,
}

/// The time of a stage, in milliseconds of the run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    busy: f64,
    few: f64,
    straggling: f64,
}

impl Times {
    pub(super) const fn all(&self) -> f64 {
        self.busy + self.few + self.straggling
    }

    /// Adds time that began at a moment; `few`: no more than half of the slots had a task, and the stage has no more.
    pub(super) fn add(&mut self, stage: &Stage, from_ms: i64, ms: f64, few: bool) {
        if stage.straggling_from_ms.is_some_and(|at_ms| from_ms >= at_ms) {
            self.straggling += ms;
        } else if few {
            self.few += ms;
        } else {
            self.busy += ms;
        }
    }
}

/// Why a few tasks took longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Straggles {
    Rows,
    Host,
    Unknown,
}

impl Stage {
    pub(super) fn of(key: StageKey, logged: &LoggedStage, log: &Log, executors: &Executors) -> Self {
        let ran: Vec<&LoggedTask> = logged.ran.iter().filter(|task| task.end != Ended::Resubmitted).collect();
        let slot_ms = |task: &LoggedTask| (task.finished_ms - task.launched_ms).max(0);
        let well: Vec<&LoggedTask> = ran.iter().copied().filter(|task| task.end == Ended::Well).collect();
        let median_ms = median(well.iter().map(|task| slot_ms(task)).collect());
        let longest_ms = well.iter().map(|task| slot_ms(task)).max().unwrap_or(0);
        let straggles = well.len() > 1 && longest_ms as f64 >= STRAGGLES_FROM * median_ms.max(1) as f64;
        // From then on whoever still runs has run for longer than the median.
        let straggling_from_ms = straggles
            .then(|| ran.iter().map(|task| task.finished_ms.min(task.launched_ms + median_ms)).max())
            .flatten();
        let first_end_ms = well.iter().map(|task| task.finished_ms).min().unwrap_or(i64::MAX);
        let last_launch_ms = ran.iter().map(|task| task.launched_ms).max().unwrap_or(i64::MIN);
        Self {
            key,
            tasks: logged.tasks.max(1),
            first_launch_ms: ran.iter().map(|task| task.launched_ms).min().unwrap_or(i64::MAX),
            last_launch_ms,
            straggling_from_ms,
            straggles: why(&well, median_ms, log, slot_ms),
            shares: shares(&ran, &well, executors, slot_ms),
            whole: whole(key, logged),
            reads_shuffle: ran.iter().any(|task| task.shuffle_read_bytes > 0),
            scans: ran.iter().any(|task| task.input_bytes > 0),
            spilled: spilled(&well),
            several_waves: last_launch_ms >= first_end_ms,
        }
    }

    pub(super) const fn id(&self) -> i64 {
        self.key.stage
    }

    /// Its time by what it went to.
    pub(super) fn kinds(&self, times: &Times) -> Vec<(Kind, f64)> {
        if let Some(kind) = self.whole {
            return [(kind, times.all())].to_vec();
        }
        let straggling = match self.straggles {
            Straggles::Rows => Kind::SkewedRows,
            Straggles::Host => Kind::SlowHost,
            Straggles::Unknown => Kind::Stragglers,
        };
        let few = match (self.tasks, self.reads_shuffle) {
            (1, _) => Kind::OneTask,
            (_, true) => Kind::FewShufflePartitions,
            (_, false) if self.scans => Kind::FewScanTasks,
            (_, false) => Kind::FewTasks,
        };
        let busy = if self.spilled {
            Kind::Spill
        } else if self.several_waves {
            Kind::Waves
        } else {
            Kind::Work
        };
        let told: f64 = self.shares.values().sum();
        let mut kinds = [(straggling, times.straggling)].to_vec();
        for (kind, ms) in [(few, times.few), (busy, times.busy)] {
            kinds.extend(self.shares.iter().map(|(told, share)| (*told, ms * share)));
            kinds.push((kind, ms * (1.0 - told)));
        }
        kinds
    }
}

/// The median, the upper one of two; 0 of none.
pub(super) fn median(mut values: Vec<i64>) -> i64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}

/// Where a stage's time was lost as a whole: it was given up, or it did again what had been done.
fn whole(key: StageKey, logged: &LoggedStage) -> Option<Kind> {
    if key.attempt > 0 {
        return Some(Kind::LostExecutors);
    }
    if !logged.failed {
        return None;
    }
    let lost = logged.ran.iter().filter(|task| task.end == Ended::Lost).count();
    let failed = logged.ran.iter().filter(|task| task.end == Ended::Badly).count();
    // A stage that somebody cancelled failed of nothing.
    (lost + failed > 0).then_some(if lost > failed { Kind::LostExecutors } else { Kind::TaskFailures })
}

/// What spilled is a part of what was read that is worth a word: a tenth of it, as it was in memory.
fn spilled(well: &[&LoggedTask]) -> bool {
    let sum = |of: fn(&LoggedTask) -> u64| well.iter().map(|task| of(task) as f64).sum::<f64>();
    let read = sum(|task| task.shuffle_read_bytes.max(task.input_bytes));
    sum(|task| task.spilled_bytes) > 0.0 && sum(|task| task.spilled_memory_bytes) >= NOTICED_FROM * read
}

/// What the time of all attempts went to besides the work of those that ended well, as shares of it; what is under a tenth is left out.
fn shares(
    ran: &[&LoggedTask],
    well: &[&LoggedTask],
    executors: &Executors,
    slot_ms: impl Fn(&LoggedTask) -> i64,
) -> BTreeMap<Kind, f64> {
    let sum = |tasks: &[&LoggedTask], of: &dyn Fn(&LoggedTask) -> i64| -> f64 {
        tasks.iter().map(|task| of(task).max(0) as f64).sum()
    };
    let all = sum(ran, &slot_ms);
    let mut shares = BTreeMap::new();
    if all <= 0.0 {
        return shares;
    }
    let of_end =
        |end: Ended| ran.iter().filter(|task| task.end == end).map(|task| slot_ms(task).max(0) as f64).sum::<f64>();
    shares.insert(Kind::TaskFailures, of_end(Ended::Badly) / all);
    shares.insert(Kind::LostExecutors, of_end(Ended::Lost) / all);
    shares.insert(Kind::GarbageCollection, sum(well, &|task| task.gc_ms.min(slot_ms(task))) / all);
    shares.insert(Kind::ShuffleFetch, sum(well, &|task| task.fetch_wait_ms.min(slot_ms(task))) / all);
    shares.insert(Kind::WarmUp, warm_up_ms(well, executors, slot_ms) / all);
    // Time that failed tasks took is lost whatever its share.
    shares.retain(|kind, share| *share > if *kind < Kind::SkewedRows { 0.0 } else { NOTICED_FROM });
    // Warm-up, collections and waits may be of the same time.
    let told: f64 = shares.values().sum();
    if told > 1.0 {
        shares.values_mut().for_each(|share| *share /= told);
    }
    shares
}

/// By how much the first tasks on their slots took longer than later ones, where the same slots show later ones.
fn warm_up_ms(well: &[&LoggedTask], executors: &Executors, slot_ms: impl Fn(&LoggedTask) -> i64) -> f64 {
    let mut in_order = well.to_vec();
    in_order.sort_by_key(|task| (task.launched_ms, task.id));
    let mut launched: BTreeMap<usize, u32> = BTreeMap::new();
    let (first, later): (Vec<&LoggedTask>, Vec<&LoggedTask>) = in_order.into_iter().partition(|task| {
        let served = executors.places.get(&task.executor).and_then(|at| executors.served.get(*at));
        let count = launched.entry(task.executor).or_default();
        *count += 1;
        *count <= served.map_or(1, |executor| executor.slots)
    });
    let usual_ms = median(later.iter().map(|task| slot_ms(task)).collect());
    let longer = median(first.iter().map(|task| slot_ms(task)).collect()) as f64 >= STRAGGLER_FROM * usual_ms as f64;
    // Rows that are more are no warm-up.
    let rows = |tasks: &[&LoggedTask]| {
        median(tasks.iter().map(|task| i64::try_from(task.records).unwrap_or(i64::MAX)).collect())
    };
    let more = rows(&first) as f64 >= MORE_FROM * rows(&later) as f64 && rows(&first) > 0;
    if later.len() < LATER_AT_LEAST || !longer || more {
        return 0.0;
    }
    first.iter().map(|task| (slot_ms(task) - usual_ms).max(0) as f64).sum()
}

/// Why the tasks that took longest did.
fn why(well: &[&LoggedTask], median_ms: i64, log: &Log, slot_ms: impl Fn(&LoggedTask) -> i64) -> Straggles {
    let slow = |task: &&&LoggedTask| slot_ms(task) as f64 >= STRAGGLER_FROM * median_ms as f64;
    let (slow, others): (Vec<&LoggedTask>, Vec<&LoggedTask>) = well.iter().partition(|task| slow(task));
    let more = |of: fn(&LoggedTask) -> u64| {
        let usual = |tasks: &[&LoggedTask]| {
            median(tasks.iter().map(|task| i64::try_from(of(task)).unwrap_or(i64::MAX)).collect())
        };
        let (theirs, usual) = (usual(&slow), usual(&others));
        theirs > 0 && theirs as f64 >= MORE_FROM * usual as f64
    };
    if more(|task| task.records) || more(|task| task.shuffle_read_bytes.saturating_add(task.input_bytes)) {
        return Straggles::Rows;
    }
    let host = |task: &LoggedTask| log.executors.get(task.executor).map_or("", |executor| executor.host.as_str());
    let hosts: BTreeSet<&str> = slow.iter().map(|task| host(task)).collect();
    let elsewhere = others.iter().any(|task| !hosts.contains(host(task)));
    match hosts.first() {
        Some(one) if hosts.len() == 1 && elsewhere => {
            // Its other tasks have to be slow as well: one task is no machine.
            let theirs = median(well.iter().filter(|task| host(task) == *one).map(|task| slot_ms(task)).collect());
            let usual = median(well.iter().filter(|task| host(task) != *one).map(|task| slot_ms(task)).collect());
            if slow.len() > 1 && theirs as f64 >= MORE_FROM * usual as f64 {
                Straggles::Host
            } else {
                Straggles::Unknown
            }
        }
        _ => Straggles::Unknown,
    }
}
