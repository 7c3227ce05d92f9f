//! The moments of a run, one after the other: which stages' tasks run, and what the driver does where none runs.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::driver::Driver;
use super::kind::Kind;
use super::stage::{Stage, Times};
use crate::log::Log;
use crate::trace::executors;

/// A run's time, taken apart.
pub(super) struct Timeline {
    /// The attempts of stages that ran.
    pub(super) stages: Vec<Stage>,
    /// Their times.
    pub(super) times: Vec<Times>,
    /// Time without a task, in milliseconds.
    pub(super) driver: BTreeMap<Kind, f64>,
    /// The most tasks that could run at a time.
    pub(super) slots: u32,
    /// When the application started.
    pub(super) start_ms: i64,
    /// When the first task was launched.
    pub(super) first_task_ms: Option<i64>,
}

impl Timeline {
    /// Whether a stage reads a shuffle.
    pub(super) fn reads_shuffle(&self, stage: i64) -> bool {
        self.stages.iter().any(|attempt| attempt.id() == stage && attempt.reads_shuffle)
    }

    /// The run's time.
    pub(super) fn whole_ms(&self) -> f64 {
        self.driver.values().sum::<f64>() + self.times.iter().map(Times::all).sum::<f64>()
    }
}

/// What changes at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A task of the stage at this place ends.
    TaskEnds(usize),
    /// A query or job ends.
    AskedEnds,
    /// So many slots are gone.
    SlotsGo(u32),
    /// So many slots are there.
    SlotsCome(u32),
    /// A query or job begins.
    AskedBegins,
    /// A task of the stage at this place is launched.
    TaskBegins(usize),
}

/// Takes a log apart.
pub(super) fn of(log: &Log) -> Timeline {
    let firsts = log.jobs.values().map(|job| job.started_ms).chain(log.executions.values().map(|(from, _)| *from));
    let start_ms = log.started_ms.or(firsts.min()).unwrap_or(log.last_ms);
    let end_ms = log.ended_ms.unwrap_or(log.last_ms).max(start_ms);
    let (executors, _) = executors::of(log, start_ms);
    let mut changes: Vec<(i64, Change)> = Vec::new();
    for executor in &executors.served {
        changes.push((executor.added_ms, Change::SlotsCome(executor.slots)));
        changes.extend(executor.removed_ms.map(|at_ms| (at_ms, Change::SlotsGo(executor.slots))));
    }
    let jobs = log.jobs.values().map(|job| (job.started_ms, job.ended_ms));
    for (from_ms, to_ms) in jobs.chain(log.executions.values().copied()) {
        changes.extend([(from_ms, Change::AskedBegins), (to_ms.unwrap_or(end_ms), Change::AskedEnds)]);
    }
    let ran = log.stages.iter().filter(|(_, stage)| !stage.ran.is_empty());
    let mut stages: Vec<Stage> = Vec::new();
    for (key, logged) in ran {
        for task in &logged.ran {
            changes.extend([
                (task.launched_ms, Change::TaskBegins(stages.len())),
                (task.finished_ms.max(task.launched_ms), Change::TaskEnds(stages.len())),
            ]);
        }
        stages.push(Stage::of(*key, logged, log, &executors));
    }
    changes.sort_unstable();
    let first_task_ms = stages.iter().map(|stage| stage.first_launch_ms).min();
    let mut state = State {
        times: alloc::vec![Times::default(); stages.len()],
        driver: Driver::of(log, first_task_ms, &executors.served),
        running: BTreeMap::new(),
        asked: 0,
        slots: 0,
        most_slots: 0,
    };
    let mut now_ms = start_ms;
    for (at_ms, change) in changes {
        let until_ms = at_ms.clamp(now_ms, end_ms);
        state.pass(now_ms, until_ms, &stages);
        now_ms = until_ms;
        state.change(change);
    }
    state.pass(now_ms, end_ms, &stages);
    Timeline {
        times: state.times,
        driver: state.driver.spent,
        slots: state.most_slots,
        stages,
        start_ms,
        first_task_ms,
    }
}

struct State {
    times: Vec<Times>,
    driver: Driver,
    /// How many tasks of each stage run, by its place; none that are 0.
    running: BTreeMap<usize, i64>,
    /// Queries and jobs that are open.
    asked: i64,
    slots: u32,
    most_slots: u32,
}

impl State {
    fn change(&mut self, change: Change) {
        match change {
            Change::TaskBegins(stage) => *self.running.entry(stage).or_default() += 1,
            Change::TaskEnds(stage) => {
                let left = self.running.entry(stage).or_default();
                *left -= 1;
                if *left == 0 {
                    self.running.remove(&stage);
                }
            }
            Change::AskedBegins => self.asked += 1,
            Change::AskedEnds => self.asked -= 1,
            Change::SlotsCome(slots) => {
                self.slots = self.slots.saturating_add(slots);
                self.most_slots = self.most_slots.max(self.slots);
            }
            Change::SlotsGo(slots) => self.slots = self.slots.saturating_sub(slots),
        }
    }

    /// Lets time pass in which nothing changes.
    fn pass(&mut self, from_ms: i64, to_ms: i64, stages: &[Stage]) {
        let ms = (to_ms - from_ms) as f64;
        if ms <= 0.0 {
            return;
        }
        let running: i64 = self.running.values().filter(|tasks| **tasks > 0).sum();
        if running == 0 {
            self.driver.pass(from_ms, to_ms, self.asked > 0, self.slots > 0);
            return;
        }
        let at = |place: &usize| stages.get(*place);
        let waiting = self.running.keys().filter_map(at).any(|stage| from_ms < stage.last_launch_ms);
        let half_idle = !waiting && running.saturating_mul(2) <= i64::from(self.slots);
        for (place, tasks) in &self.running {
            let (Some(stage), Some(times)) = (at(place), self.times.get_mut(*place)) else { continue };
            let part = ms * *tasks as f64 / running as f64;
            let few = half_idle && i64::from(stage.tasks).saturating_mul(2) <= i64::from(self.slots);
            times.add(stage, from_ms, part, few);
        }
    }
}
