//! Which task runs where and when, and what becomes of it.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::data::Data;
use super::executors::Executors;
use super::pending::Pending;
use super::queue::Place;
use super::state::{Happens, Launch, Simulation};
use crate::log::StageKey;
use crate::trace::{Near, Stage, Task, Turn};

/// From so many map or reduce tasks on Spark does not look where map outputs lie.
/// Source: `SHUFFLE_PREF_MAP_THRESHOLD` and `SHUFFLE_PREF_REDUCE_THRESHOLD` of `DAGScheduler`.
const OUTPUTS_LOOKED_AT: u64 = 1_000;
/// The share of a shuffle's outputs from which on a machine is near. Source: `REDUCER_PREF_LOCS_FRACTION` of `DAGScheduler`.
const NEAR_FROM: f64 = 0.2;

impl Simulation<'_> {
    pub(super) fn tasks_wait(&mut self, place: usize) {
        let Some(stage) = self.stage(place) else { return };
        let first: Vec<usize> = if self.model.attempts {
            let opens = |task: &Task| matches!(task.turn, Turn::First(_));
            stage.tasks.iter().enumerate().filter(|(_, task)| opens(task)).map(|(at, _)| at).collect()
        } else {
            (0..stage.tasks.len()).collect()
        };
        let pending = if self.model.locality && self.trace.driver.locality_wait_us > 0 {
            near(stage, &first, &self.data, &self.executors)
        } else {
            Pending::anywhere(first.iter().copied())
        };
        let (job, key) = (stage.job, stage.key);
        if let Some(run) = self.stages.get_mut(place) {
            run.left = first.len();
            run.pending = pending;
        }
        self.open.insert(place);
        self.enqueue(place, job, key);
    }

    fn enqueue(&mut self, place: usize, job: usize, key: StageKey) {
        let id = self.trace.jobs.get(job).map_or(i64::MAX, |job| job.id);
        self.queue.put(job, id, key, place);
    }

    /// Launches what can be launched now, one task after another.
    pub(super) fn launch(&mut self, now_us: i64) {
        let mut refused: Vec<(usize, Place)> = Vec::new();
        while let Some((pool, first)) = self.queue.first() {
            if self.stages.get(first.stage).is_none_or(|run| run.pending.is_empty()) {
                self.queue.take(pool, &first);
                continue;
            }
            if self.busy_until_us > now_us {
                if self.looks_at_us.is_none() {
                    self.at(self.busy_until_us, Happens::Look);
                    self.looks_at_us = Some(self.busy_until_us);
                }
                break;
            }
            match self.choose(first.stage, now_us) {
                Some((executor, task)) => self.start(first.stage, task, executor, now_us),
                None => {
                    self.queue.take(pool, &first);
                    refused.push((pool, first));
                }
            }
        }
        for (pool, place) in refused {
            self.queue.put_back(pool, place);
        }
        if self.looks_at_us.is_none() {
            self.queue.ends_round();
        }
    }

    /// A free slot for a stage and the task for it, as Spark's delay scheduling would choose them.
    fn choose(&mut self, place: usize, now_us: i64) -> Option<(usize, usize)> {
        let stage = self.stage(place)?;
        let profile = stage.profile;
        if !self.executors.any(profile) {
            return None;
        }
        let run = self.stages.get(place)?;
        if self.model.locality
            && let Some((_, wait_us)) = stage.stalls.iter().find(|(launch, _)| *launch == run.launched)
        {
            let until_us = run.last_launch_us + wait_us;
            if now_us < until_us {
                let launched = run.launched;
                if run.holds != Some((launched, until_us)) {
                    self.at(until_us, Happens::Look);
                    if let Some(run) = self.stages.get_mut(place) {
                        run.holds = Some((launched, until_us));
                    }
                }
                return None;
            }
        }
        let wait_us = self.trace.driver.locality_wait_us;
        let run = self.stages.get_mut(place)?;
        let relaxed = run.refused_since_us.is_some_and(|since_us| now_us - since_us >= wait_us);
        let (found, refused) = self.executors.choose(profile, &mut run.pending, relaxed);
        if found.is_none() {
            if !refused {
                run.refused_since_us = None;
            } else if run.refused_since_us.is_none() {
                run.refused_since_us = Some(now_us);
                self.at(now_us + wait_us, Happens::Look);
            }
        }
        found
    }

    fn start(&mut self, place: usize, at: usize, executor: usize, now_us: i64) {
        let Some(task) = self.task(place, at) else { return };
        let Some(stage) = self.stage(place) else { return };
        let (near, factor, job) = (stage.near, stage.first_task_factor, stage.job);
        self.queue.runs(job);
        let mut slot_us = task.slot_us;
        let first_on_slot = self.executors.takes(executor, place, self.launches.len());
        if self.model.waves
            && let Some(factor) = factor
            && first_on_slot != task.first_on_slot
        {
            let times = if first_on_slot { factor } else { 1.0 / factor };
            // Rounded down: the cast saturates, and durations are not negative.
            slot_us = (slot_us as f64 * times) as i64;
        }
        if self.model.locality
            && let Near::Cached(rdd) = near
            && let Some(lost_on) = self.data.cached_on(rdd, task.index)
            && !self.executors.is_there(lost_on)
        {
            // The partition went with its executor: it is made again, here.
            slot_us += self.made_us(rdd, task.index);
            self.data.caches(rdd, task.index, executor);
        }
        let launch = self.launches.len();
        self.launches.push(Launch { stage: place, task: at, executor, slot_us });
        self.at(now_us + slot_us, Happens::TaskEnds(launch));
        let dispatch_us = if self.model.dispatch { self.trace.driver.dispatch_us } else { 0 };
        self.busy_until_us = self.busy_until_us.max(now_us) + dispatch_us;
        if let Some(run) = self.stages.get_mut(place) {
            run.launched += 1;
            run.last_launch_us = now_us;
            if self.trace.spark_version < (3, 1) {
                // Before SPARK-18886 every launch began the wait anew.
                run.refused_since_us = None;
            }
        }
    }

    /// How long the task that made a cached partition took.
    fn made_us(&self, rdd: i64, index: i64) -> i64 {
        let makers = self.trace.stages.iter().filter(|stage| stage.makes.contains(&rdd));
        let made = makers.flat_map(|stage| &stage.tasks).rfind(|task| task.index == index && task.well);
        made.map_or(0, |task| task.slot_us)
    }

    pub(super) fn task_ends(&mut self, launch: usize, now_us: i64) {
        let Some(Launch { stage: place, task: at, executor, slot_us }) = self.launches.get(launch).copied() else {
            return;
        };
        let hand_over_us = if self.model.hand_over { self.trace.driver.hand_over_us } else { 0 };
        if self.executors.returns(executor, launch, now_us, hand_over_us > 0) {
            self.at(now_us + hand_over_us, Happens::SlotIsFree(executor));
        }
        let Some(task) = self.task(place, at) else { return };
        if let Some(job) = self.stage(place).map(|stage| stage.job) {
            self.queue.ends(job);
        }
        self.wrote(place, &task, executor);
        if let Some(run) = self.stages.get_mut(place) {
            run.ended_tasks += 1;
            run.ended_us += slot_us;
        }
        let next = match task.turn {
            Turn::First(next) | Turn::Again(next) if self.model.attempts => next,
            _ => None,
        };
        if let Some(next) = next {
            self.again(place, next);
            return;
        }
        let Some(run) = self.stages.get_mut(place) else { return };
        run.left = run.left.saturating_sub(1);
        if run.left == 0 && !run.ended {
            run.ended = true;
            self.open.remove(&place);
            let (lag_us, tasks) = self.stage(place).map_or((0, 0), |stage| (stage.end_lag_us, stage.partitions));
            self.largest_ended_stage = self.largest_ended_stage.max(u64::from(tasks));
            self.at(now_us + self.model.gap(self.model.end_lags, lag_us), Happens::StageEnds(place));
        }
    }

    /// Notes where a task's output lies.
    fn wrote(&mut self, place: usize, task: &Task, executor: usize) {
        if !task.well {
            return;
        }
        if let Some(remade) = place.checked_sub(self.trace.stages.len()) {
            let stage = self.remade.get(remade);
            let number = stage.and_then(|stage| stage.tasks.iter().position(|one| one == task));
            self.data.remade(place, number, executor);
            return;
        }
        let Some(stage) = self.trace.stages.get(place) else { return };
        for rdd in &stage.cached {
            self.data.cached(*rdd, task.index, executor, &self.executors);
        }
        if task.map {
            self.data.wrote(stage.key.stage, task.index, executor);
        }
    }

    /// Puts an attempt at a task back into the queue.
    fn again(&mut self, place: usize, task: usize) {
        let Some((job, key)) = self.stage(place).map(|stage| (stage.job, stage.key)) else { return };
        if let Some(run) = self.stages.get_mut(place) {
            run.pending.put_back(task);
        }
        self.enqueue(place, job, key);
    }
}

/// Tasks of a stage by where their data lies now.
fn near(stage: &Stage, tasks: &[usize], data: &Data, executors: &Executors) -> Pending {
    let anywhere = || Pending::anywhere(tasks.iter().copied());
    match stage.near {
        Near::Anywhere => anywhere(),
        Near::MapOutputs => {
            let outputs = data.by_host(&stage.parents, executors);
            let all: u64 = outputs.values().sum();
            let near: BTreeSet<String> = outputs
                .into_iter()
                .filter(|(_, here)| *here as f64 >= NEAR_FROM * all as f64)
                .map(|(host, _)| host)
                .collect();
            let looked_at = all < OUTPUTS_LOOKED_AT && u64::from(stage.partitions) < OUTPUTS_LOOKED_AT;
            if near.is_empty() || !looked_at {
                return anywhere();
            }
            Pending::Hosts { near, tasks: tasks.iter().copied().collect() }
        }
        Near::Cached(rdd) => {
            let (mut near, mut other) = (BTreeMap::new(), VecDeque::new());
            for place in tasks {
                let index = stage.tasks.get(*place).map(|task| task.index);
                let holder = index.and_then(|index| data.cached_on(rdd, index));
                match holder.filter(|holder| executors.is_there(*holder)) {
                    Some(holder) => near.entry(holder).or_insert_with(VecDeque::new).push_back(*place),
                    None => other.push_back(*place),
                }
            }
            Pending::Executors { near, other }
        }
    }
}
