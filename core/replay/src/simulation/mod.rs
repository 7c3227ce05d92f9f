//! What is computed: when and where each task of a trace runs.
//!
//! Events in the order of their times: executors come and go, the driver starts jobs and stages, launches tasks one after another on free slots as
//! Spark's scheduler would (`queue`, `placement`), and hears of their ends. Times are microseconds since the start of the application.

mod allocation;
mod data;
mod executors;
mod model;
mod pending;
mod queue;

use alloc::collections::{BTreeSet, BinaryHeap};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

pub use allocation::{Allocation, ExecutorNow, Manager, Moment, Wanted};
pub use executors::Offered;
pub use model::Model;

use crate::trace::{After, Near, Stage, Task, Trace, Turn, us};
use allocation::Steered;
use data::Data;
use executors::Executors;
use pending::Pending;
use queue::Queue;

/// What a replay gave. Times are microseconds since the start of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Start and end of each job of the trace, in its order; a job that never ran has none.
    pub jobs: Vec<Option<(i64, i64)>>,
    /// From when until when each executor is paid for, those that were called off before they came left out; until the last job's end at most.
    pub executors: Vec<(i64, i64)>,
    /// Launches of tasks.
    pub launches: u64,
}

impl Replayed {
    /// When the last job ended.
    #[must_use]
    pub fn end_us(&self) -> i64 {
        self.jobs.iter().flatten().map(|(_, end_us)| *end_us).max().unwrap_or(0)
    }

    /// Executor time, summed up.
    #[must_use]
    pub fn executor_us(&self) -> i64 {
        self.executors.iter().map(|(from_us, to_us)| (to_us - from_us).max(0)).sum()
    }
}

/// Replays a trace on the executors that it had.
#[must_use]
pub fn replay(trace: &Trace, model: &Model) -> Replayed {
    let offered: Vec<Offered> = trace.executors.iter().map(|executor| Offered::recorded(trace, executor)).collect();
    replay_on(trace, model, &offered)
}

/// Replays a trace on other executors.
#[must_use]
pub fn replay_on(trace: &Trace, model: &Model, offered: &[Offered]) -> Replayed {
    Simulation::new(trace, *model, offered).run(None)
}

/// Replays a trace on a cluster whose executors somebody moves.
#[must_use]
pub fn replay_steered(trace: &Trace, model: &Model, manager: &Manager, allocation: &mut dyn Allocation) -> Replayed {
    let mut simulation = Simulation::new(trace, *model, &[]);
    let mut steered = Steered::of(manager, allocation);
    simulation.data.maps_are_lost = !manager.shuffle_service && !manager.moves_blocks;
    for _ in 0..manager.initial {
        simulation.ask(&mut steered, 0);
    }
    simulation.at(0, Happens::Ticks);
    simulation.run(Some(steered))
}

/// Looks in a row with nothing else to come, after which nothing will: an hour of one each second.
const IDLE_LOOKS_AT_MOST: u32 = 3_600;

/// What happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// An executor can take tasks.
    Arrives(usize),
    /// An executor is lost, or gets no tasks any more.
    Leaves(usize),
    /// The driver starts a job.
    JobStarts(usize),
    /// The driver submits a stage.
    StageStarts(usize),
    /// The tasks of a stage can be launched.
    TasksWait(usize),
    /// A launch, by its number, has ended.
    TaskEnds(usize),
    /// A slot is free again.
    SlotIsFree(usize),
    /// A stage has ended.
    StageEnds(usize),
    /// A job has ended.
    JobEnds(usize),
    /// The driver looks again: it was busy, or waited for a near slot.
    Look,
    /// Who moves the executors looks.
    Ticks,
}

/// A launch.
#[derive(Debug, Clone, Copy)]
struct Launch {
    stage: usize,
    task: usize,
    executor: usize,
    slot_us: i64,
}

/// An attempt of a stage while it is replayed.
#[derive(Debug, Clone, Default)]
struct StageRun {
    /// Attempts that it still waits for.
    waits_for: usize,
    /// Parts that have not ended.
    left: usize,
    pending: Pending,
    /// Launches so far, and when the last one was.
    launched: usize,
    last_launch_us: i64,
    /// Since when no near slot was found.
    refused_since_us: Option<i64>,
    /// Until when a launch waits that waited in the log, and which.
    holds: Option<(usize, i64)>,
    /// The stage that waits for this one, which makes lost outputs again.
    remakes_for: Option<usize>,
    ended: bool,
    /// Tasks that have ended, and how long they took together.
    ended_tasks: u64,
    ended_us: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct JobRun {
    waits_for: usize,
    stages_left: usize,
    started_us: Option<i64>,
    ended_us: Option<i64>,
}

/// Who goes on when something has happened: places by places.
#[derive(Debug, Default)]
struct Following {
    jobs_after_end: Vec<Vec<usize>>,
    jobs_after_start: Vec<Vec<usize>>,
    stages: Vec<Vec<usize>>,
}

impl Following {
    fn of(trace: &Trace) -> Self {
        let mut following = Self {
            jobs_after_end: vec![Vec::new(); trace.jobs.len()],
            jobs_after_start: vec![Vec::new(); trace.jobs.len()],
            stages: vec![Vec::new(); trace.stages.len()],
        };
        let note = |of: &mut Vec<Vec<usize>>, at: usize, next: usize| {
            if let Some(list) = of.get_mut(at) {
                list.push(next);
            }
        };
        for (place, job) in trace.jobs.iter().enumerate() {
            match &job.after {
                After::Start(other) => note(&mut following.jobs_after_start, *other, place),
                After::Ends(others) => {
                    others.iter().for_each(|other| note(&mut following.jobs_after_end, *other, place));
                }
            }
        }
        for (place, stage) in trace.stages.iter().enumerate() {
            stage.after.iter().for_each(|other| note(&mut following.stages, *other, place));
        }
        following
    }
}

struct Simulation<'a> {
    trace: &'a Trace,
    model: Model,
    happens: BinaryHeap<Reverse<(i64, u64, Happens)>>,
    noted: u64,
    following: Following,
    jobs: Vec<JobRun>,
    jobs_left: usize,
    stages: Vec<StageRun>,
    /// Stages that are not in the trace: they make lost outputs again.
    remade: Vec<Stage>,
    executors: Executors,
    queue: Queue,
    data: Data,
    launches: Vec<Launch>,
    /// Stages whose tasks can be launched and have not all ended.
    open: BTreeSet<usize>,
    /// Until when the driver launches.
    busy_until_us: i64,
    looks_at_us: Option<i64>,
    /// Looks in a row with nothing else to come.
    idle_looks: u32,
}

impl<'a> Simulation<'a> {
    fn new(trace: &'a Trace, model: Model, offered: &[Offered]) -> Self {
        let mut simulation = Self {
            trace,
            model,
            happens: BinaryHeap::new(),
            noted: 0,
            following: Following::of(trace),
            jobs: vec![JobRun::default(); trace.jobs.len()],
            jobs_left: trace.jobs.len(),
            stages: vec![StageRun::default(); trace.stages.len()],
            remade: Vec::new(),
            executors: Executors::of(offered),
            queue: Queue::of(trace),
            data: Data::default(),
            launches: Vec::new(),
            open: BTreeSet::new(),
            busy_until_us: 0,
            looks_at_us: None,
            idle_looks: 0,
        };
        let join_us = simulation.join_us();
        for (place, executor) in offered.iter().enumerate() {
            simulation.at(executor.from_us + join_us, Happens::Arrives(place));
            if let Some(until_us) = executor.until_us {
                simulation.at(until_us, Happens::Leaves(place));
            }
        }
        for (place, job) in trace.jobs.iter().enumerate() {
            let waits_for = match &job.after {
                After::Start(_) => 1,
                After::Ends(others) => others.len(),
            };
            if let Some(run) = simulation.jobs.get_mut(place) {
                run.waits_for = waits_for;
            }
            if waits_for == 0 {
                // What it waits for is the start of the application: whatever the model, there is nothing else to start it by.
                simulation.at(job.gap_us, Happens::JobStarts(place));
            }
        }
        simulation
    }

    fn join_us(&self) -> i64 {
        if self.model.join { self.trace.driver.join_us } else { 0 }
    }

    fn at(&mut self, time_us: i64, happens: Happens) {
        self.noted += 1;
        self.happens.push(Reverse((time_us, self.noted, happens)));
    }

    fn stage(&self, place: usize) -> Option<&Stage> {
        let known = self.trace.stages.len();
        place.checked_sub(known).map_or_else(|| self.trace.stages.get(place), |at| self.remade.get(at))
    }

    fn task(&self, stage: usize, task: usize) -> Option<Task> {
        self.stage(stage)?.tasks.get(task).copied()
    }

    fn run(mut self, mut steered: Option<Steered<'_>>) -> Replayed {
        while self.jobs_left > 0
            && let Some(Reverse((now_us, _, happens))) = self.happens.pop()
        {
            match happens {
                Happens::Arrives(executor) => self.executors.arrives(executor, now_us),
                // What runs on an executor that was lost in the log had failed in the log: its next attempt follows by itself.
                Happens::Leaves(executor) => self.executors.goes(executor, now_us),
                Happens::JobStarts(job) => self.job_starts(job, now_us),
                Happens::StageStarts(stage) => self.stage_starts(stage, now_us),
                Happens::TasksWait(stage) => self.tasks_wait(stage),
                Happens::TaskEnds(launch) => self.task_ends(launch, now_us),
                Happens::SlotIsFree(executor) => self.executors.frees_slot(executor),
                Happens::StageEnds(stage) => self.stage_ends(stage, now_us),
                Happens::JobEnds(job) => self.job_ends(job, now_us),
                Happens::Look => {}
                Happens::Ticks => {
                    if let Some(steered) = &mut steered {
                        self.look(steered, now_us);
                    }
                }
            }
            if self.looks_at_us.is_some_and(|at_us| at_us <= now_us) {
                self.looks_at_us = None;
            }
            if self.looks_alone(happens) {
                break;
            }
            // A log tells milliseconds: what happens at the same time has all happened before anything is launched.
            if self.happens.peek().is_none_or(|Reverse((next_us, _, _))| *next_us > now_us) {
                self.launch(now_us);
            }
        }
        let jobs: Vec<Option<(i64, i64)>> = self.jobs.iter().map(|job| job.started_us.zip(job.ended_us)).collect();
        let end_us = jobs.iter().flatten().map(|(_, end_us)| *end_us).max().unwrap_or(0);
        let removal_us = steered.map_or(self.trace.driver.removal_us, |steered| steered.manager.removal_us);
        let came = self.executors.all.iter().filter(|executor| !executor.called_off && executor.from_us <= end_us);
        let paid = came.map(|executor| {
            let until_us = executor.gone_us.map_or(end_us, |gone_us| gone_us + removal_us);
            (executor.from_us, until_us.min(end_us))
        });
        Replayed { jobs, executors: paid.collect(), launches: self.launches.len() as u64 }
    }

    /// Whether looks alone have happened for a long time and nothing else is to come: work waits for executors that nobody asks for.
    fn looks_alone(&mut self, happens: Happens) -> bool {
        // Every look notes the next one, and whatever else is to come is noted too.
        self.idle_looks = if happens == Happens::Ticks && self.happens.len() <= 1 { self.idle_looks + 1 } else { 0 };
        self.idle_looks > IDLE_LOOKS_AT_MOST
    }

    fn job_starts(&mut self, place: usize, now_us: i64) {
        let Some(job) = self.trace.jobs.get(place) else { return };
        if let Some(run) = self.jobs.get_mut(place) {
            run.started_us = Some(now_us);
            run.stages_left = job.stages.len();
        }
        for next in self.following.jobs_after_start.get(place).cloned().unwrap_or_default() {
            // Two threads: how far one is when the other starts is no gap between jobs that a model could leave out.
            let gap_us = self.trace.jobs.get(next).map_or(0, |job| job.gap_us);
            self.at(now_us + gap_us, Happens::JobStarts(next));
        }
        if job.stages.is_empty() {
            self.at(now_us + job.end_lag_us, Happens::JobEnds(place));
        }
        for stage in &job.stages {
            let Some(kept) = self.trace.stages.get(*stage) else { continue };
            if let Some(run) = self.stages.get_mut(*stage) {
                run.waits_for = kept.after.len();
            }
            if kept.after.is_empty() {
                self.at(now_us + self.model.gap(self.model.stage_gaps, kept.gap_us), Happens::StageStarts(*stage));
            }
        }
    }

    fn stage_starts(&mut self, place: usize, now_us: i64) {
        let Some(stage) = self.stage(place) else { return };
        let (first_us, lag_us) = (stage.first_launch_us, stage.end_lag_us);
        if stage.tasks.is_empty() {
            self.at(now_us + lag_us, Happens::StageEnds(place));
            return;
        }
        let lost = self.data.lost(&stage.parents, &self.executors);
        if lost.is_empty() {
            self.at(now_us + self.model.gap(self.model.first_launch, first_us), Happens::TasksWait(place));
        } else {
            self.remake(place, &lost, now_us);
        }
    }

    /// Runs the map tasks again whose outputs are lost, before the stage that reads them.
    fn remake(&mut self, place: usize, lost: &[(i64, i64)], now_us: i64) {
        let Some((job, key, profile)) = self.stage(place).map(|stage| (stage.job, stage.key, stage.profile)) else {
            return;
        };
        let tasks: Vec<Task> = lost
            .iter()
            .filter_map(|(parent, index)| {
                let of_parent = self.trace.stages.iter().filter(|stage| stage.key.stage == *parent);
                let made = of_parent.flat_map(|stage| &stage.tasks).find(|task| task.index == *index && task.well);
                made.map(|task| Task { turn: Turn::First(None), ..*task })
            })
            .collect();
        let again = self.trace.stages.len() + self.remade.len();
        // Several parents may have lost outputs: the first one's name stands for all, for where they lie does not depend on it.
        let parent = lost.first().map_or(key.stage, |(parent, _)| *parent);
        self.data.remakes(again, lost);
        self.remade.push(Stage {
            key: crate::log::StageKey { stage: parent, attempt: i64::MAX },
            job,
            parents: Vec::new(),
            after: Vec::new(),
            gap_us: 0,
            first_launch_us: self.trace.driver.first_launch_us,
            end_lag_us: 0,
            partitions: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            tasks,
            profile,
            near: Near::Anywhere,
            stalls: Vec::new(),
            cached: Vec::new(),
            makes: Vec::new(),
            first_task_factor: None,
        });
        self.stages.push(StageRun { remakes_for: Some(place), ..StageRun::default() });
        self.at(now_us + self.trace.driver.first_launch_us, Happens::TasksWait(again));
    }

    fn tasks_wait(&mut self, place: usize) {
        let Some(stage) = self.stage(place) else { return };
        let first: Vec<usize> = if self.model.attempts {
            let opens = |task: &Task| matches!(task.turn, Turn::First(_));
            stage.tasks.iter().enumerate().filter(|(_, task)| opens(task)).map(|(at, _)| at).collect()
        } else {
            (0..stage.tasks.len()).collect()
        };
        let pending = if self.model.locality && self.trace.driver.locality_wait_us > 0 {
            Pending::near(stage, &first, &self.data, &self.executors)
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

    fn enqueue(&mut self, place: usize, job: usize, key: crate::log::StageKey) {
        let id = self.trace.jobs.get(job).map_or(i64::MAX, |job| job.id);
        self.queue.put(job, id, key, place);
    }

    /// Launches what can be launched now, one task after another.
    fn launch(&mut self, now_us: i64) {
        let mut refused: Vec<(usize, queue::Place)> = Vec::new();
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

    fn task_ends(&mut self, launch: usize, now_us: i64) {
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
            let lag_us = self.stage(place).map_or(0, |stage| stage.end_lag_us);
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

    fn stage_ends(&mut self, place: usize, now_us: i64) {
        let waiting = self.stages.get(place).and_then(|run| run.remakes_for);
        if let Some(waiting) = waiting {
            self.at(now_us, Happens::StageStarts(waiting));
            return;
        }
        for next in self.following.stages.get(place).cloned().unwrap_or_default() {
            let gap_us = self.trace.stages.get(next).map_or(0, |stage| stage.gap_us);
            let Some(run) = self.stages.get_mut(next) else { continue };
            run.waits_for = run.waits_for.saturating_sub(1);
            if run.waits_for == 0 {
                self.at(now_us + self.model.gap(self.model.stage_gaps, gap_us), Happens::StageStarts(next));
            }
        }
        let Some(job) = self.trace.stages.get(place).map(|stage| stage.job) else { return };
        let Some(run) = self.jobs.get_mut(job) else { return };
        run.stages_left = run.stages_left.saturating_sub(1);
        if run.stages_left == 0 {
            let lag_us = self.trace.jobs.get(job).map_or(0, |job| job.end_lag_us);
            self.at(now_us + self.model.gap(self.model.end_lags, lag_us), Happens::JobEnds(job));
        }
    }

    fn job_ends(&mut self, place: usize, now_us: i64) {
        if let Some(run) = self.jobs.get_mut(place) {
            run.ended_us = Some(now_us);
        }
        self.jobs_left = self.jobs_left.saturating_sub(1);
        for next in self.following.jobs_after_end.get(place).cloned().unwrap_or_default() {
            let gap_us = self.trace.jobs.get(next).map_or(0, |job| job.gap_us);
            let Some(run) = self.jobs.get_mut(next) else { continue };
            run.waits_for = run.waits_for.saturating_sub(1);
            if run.waits_for == 0 {
                self.at(now_us + self.model.gap(self.model.job_gaps, gap_us), Happens::JobStarts(next));
            }
        }
    }
}

impl Offered {
    /// An executor as it was.
    #[must_use]
    pub fn recorded(trace: &Trace, executor: &crate::trace::Executor) -> Self {
        Self {
            from_us: us(executor.added_ms - trace.start_ms),
            until_us: executor.serves_until_ms.map(|until_ms| us(until_ms - trace.start_ms)),
            slots: executor.slots,
            profile: executor.profile,
            host: executor.host.clone(),
        }
    }
}
