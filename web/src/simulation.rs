//! An application that is played through the controller: work arrives, executors come and go as the policy says.
//!
//! The cluster here is a model and no Spark: every task takes the same time, an executor comes a fixed time after it was asked for, and
//! one that is let go is gone at once. What is asked for, and what is held back, is the policy's alone.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use sparkwright_core::control::{ControlAnswer, ControlInput, Controller, ExecutorFacts, ExecutorState};

/// Work that arrives at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// When, after the start.
    pub at_seconds: u32,
    /// How many tasks.
    pub tasks: u32,
    /// How long each takes.
    pub task_seconds: f64,
}

/// A load, and the cluster that it runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The work, in the order of its arrival.
    pub waves: Vec<Wave>,
    /// How long is looked at.
    pub seconds: u32,
    /// Executors at the start.
    pub executors: u32,
    /// Cores of each.
    pub cores: u32,
    /// From asking for an executor to its first task.
    pub start_seconds: u32,
}

/// The longest time that is looked at: six hours.
pub const MOST_SECONDS: u32 = 6 * 3_600;
/// The most tasks of a wave, and the most executors at the start.
pub const MOST_TASKS: u32 = 100_000;
/// See [`MOST_TASKS`].
pub const MOST_EXECUTORS: u32 = 1_000;
/// The most cores of an executor.
pub const MOST_CORES: u32 = 64;
/// The longest start of an executor.
pub const MOST_START_SECONDS: u32 = 3_600;
/// How long a task takes, from and to.
pub const TASK_SECONDS: std::ops::RangeInclusive<f64> = 0.1..=86_400.0;

impl Load {
    /// The load with every number at what the model can play at the least or the most.
    #[must_use]
    pub fn within_reach(mut self) -> Self {
        for wave in &mut self.waves {
            wave.tasks = wave.tasks.min(MOST_TASKS);
            // `max` first: it takes what is no number to the least.
            wave.task_seconds = wave.task_seconds.max(*TASK_SECONDS.start()).min(*TASK_SECONDS.end());
        }
        self.waves.sort_by_key(|wave| wave.at_seconds);
        self.seconds = self.seconds.clamp(1, MOST_SECONDS);
        self.executors = self.executors.min(MOST_EXECUTORS);
        self.cores = self.cores.clamp(1, MOST_CORES);
        self.start_seconds = self.start_seconds.min(MOST_START_SECONDS);
        self
    }
}

/// Loads to start from, with their names.
#[must_use]
pub fn examples() -> Vec<(&'static str, Load)> {
    let wave = |at_seconds, tasks, task_seconds| Wave { at_seconds, tasks, task_seconds };
    let load = |waves, seconds| Load { waves, seconds, executors: 2, cores: 4, start_seconds: 15 };
    vec![
        ("One burst", load(vec![wave(30, 2_000, 4.0)], 1_200)),
        ("A wave each five minutes", load((0..6).map(|n| wave(30 + 300 * n, 600, 5.0)).collect(), 1_800)),
        ("Steady work, then idle", load((0..20).map(|n| wave(30 * n, 120, 6.0)).collect(), 1_800)),
        ("A few long tasks at the end", load(vec![wave(30, 1_000, 5.0), wave(240, 3, 300.0)], 1_200)),
    ]
}

/// A moment of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Seconds after the start.
    pub at_seconds: u32,
    /// Tasks that wait.
    pub pending: u64,
    /// Tasks that run.
    pub running: u64,
    /// Executors that are there.
    pub executors: u32,
    /// What the controller said.
    pub answer: ControlAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Executor {
    number: u32,
    idle_since: u32,
}

/// A load on its way through time, a second at a step.
#[derive(Debug, Clone)]
pub struct Simulation {
    load: Load,
    now: u32,
    executors: Vec<Executor>,
    /// When each of the executors that were asked for comes.
    coming: Vec<u32>,
    next_number: u32,
    waiting: VecDeque<f64>,
    /// When each running task ends, and on which executor it runs.
    running: Vec<(f64, u32)>,
    state: sparkwright_core::control::ControlState,
    /// Tasks of the largest wave that has ended.
    largest_ended: u64,
}

/// A Unix time for second 0, at which no clock is small enough to run below zero.
const EPOCH_MS: u64 = 1_700_000_000_000;

impl Simulation {
    /// The load at its start.
    #[must_use]
    pub fn new(load: Load) -> Self {
        let executors = (0..load.executors).map(|number| Executor { number, idle_since: 0 }).collect();
        Self {
            next_number: load.executors,
            now: 0,
            executors,
            coming: Vec::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            state: Default::default(),
            largest_ended: 0,
            load,
        }
    }

    /// Whether all has been looked at.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.now > self.load.seconds
    }

    /// How much of it has been looked at, from 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        f64::from(self.now.min(self.load.seconds)) / f64::from(self.load.seconds.max(1))
    }

    /// The question at this second: work that came and ended is taken in first.
    pub fn question(&mut self) -> ControlInput {
        let now = self.now;
        let ended = |at: &f64| *at <= f64::from(now);
        if self.waiting.is_empty() && self.running.iter().all(|(ends, _)| ended(ends)) {
            let waves = self.load.waves.iter().filter(|wave| wave.at_seconds < now);
            self.largest_ended = waves.map(|wave| u64::from(wave.tasks)).max().unwrap_or(0);
        }
        for wave in self.load.waves.iter().filter(|wave| wave.at_seconds == now) {
            self.waiting.extend((0..wave.tasks).map(|_| wave.task_seconds));
        }
        let (here, later): (Vec<u32>, Vec<u32>) = self.coming.iter().partition(|at| **at <= now);
        self.coming = later;
        for _ in here {
            self.executors.push(Executor { number: self.next_number, idle_since: now });
            self.next_number += 1;
        }
        let time = f64::from(now);
        for (_, on) in self.running.iter().filter(|(ends, _)| *ends <= time) {
            // They stand in the order of their numbers.
            let at = self.executors.binary_search_by_key(on, |executor| executor.number);
            if let Some(executor) = at.ok().and_then(|at| self.executors.get_mut(at)) {
                executor.idle_since = now;
            }
        }
        self.running.retain(|(ends, _)| *ends > time);
        let mut busy: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, on) in &self.running {
            *busy.entry(*on).or_default() += 1;
        }
        for executor in &self.executors {
            let tasks = busy.entry(executor.number).or_default();
            while *tasks < self.load.cores {
                let Some(seconds) = self.waiting.pop_front() else { break };
                self.running.push((time + seconds, executor.number));
                *tasks += 1;
            }
        }
        let now_ms = EPOCH_MS + u64::from(now) * 1_000;
        let executors = self
            .executors
            .iter()
            .map(|executor| {
                let running_tasks = busy.get(&executor.number).copied().unwrap_or(0);
                let idle_ms = if running_tasks > 0 { 0 } else { u64::from(now - executor.idle_since.min(now)) * 1_000 };
                ExecutorFacts {
                    id: executor.number.to_string(),
                    state: ExecutorState::Active,
                    running_tasks,
                    idle_ms,
                    ..ExecutorFacts::default()
                }
            })
            .collect();
        let newest = self.load.waves.iter().rfind(|wave| wave.at_seconds <= now);
        ControlInput {
            now_ms,
            facts_at_ms: now_ms,
            controller: Controller::Policy,
            pending_tasks: self.waiting.len() as u64,
            running_tasks: self.running.len() as u64,
            largest_ended_stage_tasks: self.largest_ended,
            executor_cores: Some(self.load.cores),
            executors,
            executors_coming: self.coming.len() as u32,
            mean_task_ms: newest.map(|wave| (wave.task_seconds * 1e3) as u64),
            executor_start_ms: Some(u64::from(self.load.start_seconds) * 1_000),
            block_migration: true,
            state: self.state.clone(),
            ..ControlInput::default()
        }
    }

    /// Does what the controller said, and goes on to the next second.
    pub fn answered(&mut self, question: &ControlInput, answer: ControlAnswer) -> Moment {
        let moment = Moment {
            at_seconds: self.now,
            pending: question.pending_tasks,
            running: question.running_tasks,
            executors: question.executors.len() as u32,
            answer: answer.clone(),
        };
        if answer.apply {
            self.executors.retain(|executor| !answer.remove.contains(&executor.number.to_string()));
            let there = self.executors.len() + self.coming.len();
            let wanted = answer.target.value as usize;
            if wanted > there {
                self.coming.extend((there..wanted).map(|_| self.now + self.load.start_seconds));
            } else {
                // What was asked for and is not there yet is not asked for any more.
                self.coming.truncate(wanted.saturating_sub(self.executors.len()));
            }
        }
        self.state = answer.state;
        self.now += 1;
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright_core::control::control;
    use sparkwright_core::policy::ResolvedPolicy;

    fn played(load: Load) -> Vec<Moment> {
        let policy = ResolvedPolicy::default();
        let mut simulation = Simulation::new(load);
        let mut moments = Vec::new();
        while !simulation.is_over() {
            let question = simulation.question();
            let answer = control(&policy, &question);
            moments.push(simulation.answered(&question, answer));
        }
        moments
    }

    #[test]
    fn every_example_does_its_work_within_the_policy_s_bounds() {
        for (name, load) in examples() {
            let seconds = load.seconds;
            let moments = played(load);
            assert_eq!(moments.len() as u32, seconds + 1);
            let most = moments.iter().map(|it| it.executors).max().unwrap_or(0);
            assert!(most > 2 && most <= 20, "{name}: {most}");
            assert!(moments.iter().all(|it| it.executors >= 1), "{name}");
            assert_eq!(moments.last().map(|it| it.pending), Some(0), "{name}");
        }
    }

    #[test]
    fn a_load_from_anywhere_is_brought_within_reach() {
        let wild = Load {
            waves: vec![
                Wave { at_seconds: 9, tasks: u32::MAX, task_seconds: f64::NAN },
                Wave { at_seconds: 3, tasks: 1, task_seconds: f64::INFINITY },
            ],
            seconds: u32::MAX,
            executors: u32::MAX,
            cores: 0,
            start_seconds: u32::MAX,
        };
        let load = wild.within_reach();
        let waves: Vec<_> = load.waves.iter().map(|it| (it.at_seconds, it.tasks, it.task_seconds)).collect();
        assert_eq!(waves, [(3, 1, 86_400.0), (9, MOST_TASKS, 0.1)]);
        assert_eq!(
            (load.seconds, load.executors, load.cores, load.start_seconds),
            (MOST_SECONDS, MOST_EXECUTORS, 1, MOST_START_SECONDS)
        );
        for (name, load) in examples() {
            assert_eq!(load.clone().within_reach(), load, "{name}");
        }
    }

    #[test]
    fn after_the_work_executors_go() {
        let moments = played(examples().remove(0).1);
        let most = moments.iter().map(|it| it.executors).max();
        assert!(moments.last().map(|it| it.executors) < most);
    }
}
