//! What is computed: when and where each task of a trace runs.
//!
//! Events in the order of their times: executors come and go, the driver starts jobs and stages, launches tasks one after another on free slots as
//! Spark's scheduler would (`driver`, `queue`, `launching`, `pending`), and hears of their ends. Times are microseconds since the start of the application.

mod allocation;
mod data;
mod driver;
mod executors;
mod launching;
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

use crate::trace::{After, Stage, Task, Trace, us};
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
