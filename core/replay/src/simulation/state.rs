//! The state of a replay: what has happened, and what is to come.

use alloc::collections::{BTreeSet, BinaryHeap};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::data::Data;
use super::executors::{Executors, Offered};
use super::model::Model;
use super::pending::Pending;
use super::queue::Queue;
use crate::trace::{After, Stage, Task, Trace};

/// What happens at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happens {
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
    /// Who moves the executors looks in between, for tasks wait.
    SeesTasks,
}

/// A launch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Launch {
    pub(super) stage: usize,
    pub(super) task: usize,
    pub(super) executor: usize,
    pub(super) slot_us: i64,
}

/// An attempt of a stage while it is replayed.
#[derive(Debug, Clone, Default)]
pub(super) struct StageRun {
    /// Attempts that it still waits for.
    pub(super) waits_for: usize,
    /// Parts that have not ended.
    pub(super) left: usize,
    pub(super) pending: Pending,
    /// Launches so far, and when the last one was.
    pub(super) launched: usize,
    pub(super) last_launch_us: i64,
    /// Since when no near slot was found.
    pub(super) refused_since_us: Option<i64>,
    /// Until when a launch waits that waited in the log, and which.
    pub(super) holds: Option<(usize, i64)>,
    /// The stage that waits for this one, which makes lost outputs again.
    pub(super) remakes_for: Option<usize>,
    pub(super) ended: bool,
    /// Tasks that have ended, and how long they took together.
    pub(super) ended_tasks: u64,
    pub(super) ended_us: i64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JobRun {
    pub(super) waits_for: usize,
    pub(super) stages_left: usize,
    pub(super) started_us: Option<i64>,
    pub(super) ended_us: Option<i64>,
}

/// Who goes on when something has happened: places by places.
#[derive(Debug, Default)]
pub(super) struct Following {
    pub(super) jobs_after_end: Vec<Vec<usize>>,
    pub(super) jobs_after_start: Vec<Vec<usize>>,
    pub(super) stages: Vec<Vec<usize>>,
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

pub(super) struct Simulation<'a> {
    pub(super) trace: &'a Trace,
    pub(super) model: Model,
    pub(super) happens: BinaryHeap<Reverse<(i64, u64, Happens)>>,
    pub(super) noted: u64,
    pub(super) following: Following,
    pub(super) jobs: Vec<JobRun>,
    pub(super) jobs_left: usize,
    pub(super) stages: Vec<StageRun>,
    /// Stages that are not in the trace: they make lost outputs again.
    pub(super) remade: Vec<Stage>,
    pub(super) executors: Executors,
    pub(super) queue: Queue,
    pub(super) data: Data,
    pub(super) launches: Vec<Launch>,
    /// Stages whose tasks can be launched and have not all ended.
    pub(super) open: BTreeSet<usize>,
    /// Tasks of the largest stage that has ended.
    pub(super) largest_ended_stage: u64,
    /// Until when the driver launches.
    pub(super) busy_until_us: i64,
    pub(super) looks_at_us: Option<i64>,
    /// Looks in a row with nothing else to come.
    pub(super) idle_looks: u32,
}

impl<'a> Simulation<'a> {
    pub(super) fn new(trace: &'a Trace, model: Model, offered: &[Offered]) -> Self {
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
            largest_ended_stage: 0,
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

    pub(super) fn join_us(&self) -> i64 {
        if self.model.join { self.trace.driver.join_us } else { 0 }
    }

    pub(super) fn at(&mut self, time_us: i64, happens: Happens) {
        self.noted += 1;
        self.happens.push(Reverse((time_us, self.noted, happens)));
    }

    pub(super) fn stage(&self, place: usize) -> Option<&Stage> {
        let known = self.trace.stages.len();
        place.checked_sub(known).map_or_else(|| self.trace.stages.get(place), |at| self.remade.get(at))
    }

    pub(super) fn task(&self, stage: usize, task: usize) -> Option<Task> {
        self.stage(stage)?.tasks.get(task).copied()
    }
}
