//! Who asks for executors and lets them go while a replay runs, and what a cluster manager does then.

use alloc::vec::Vec;

use super::start_times::StartTimes;

/// What a cluster manager does. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Tasks that an executor of it runs at once.
    pub slots: u32,
    /// Its resource profile.
    pub profile: i64,
    /// Executors asked for at the start.
    pub initial: u32,
    /// The most that it gives.
    pub most: u32,
    /// From the application's start to the registration of those, one after another, again from the first when all were used.
    pub initial_start_us: Vec<i64>,
    /// From asking to registration of all others: as measured, or as drawn.
    pub starts: StartTimes,
    /// From when an executor is told to go and runs no task until it is gone; it is paid for until then.
    pub removal_us: i64,
    /// A request that is younger can be called off; an older one was granted.
    pub called_off_within_us: Option<i64>,
    /// Whether what a decommissioned executor holds moves to others.
    pub moves_blocks: bool,
    /// Whether map outputs outlive their executors.
    pub shuffle_service: bool,
    /// Executors on a machine.
    pub on_a_host: u32,
}

/// An executor as an allocation sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutorNow {
    /// Its place, its name in answers.
    pub place: usize,
    /// Whether it was told to go.
    pub leaving: bool,
    /// Tasks that run on it.
    pub running: u32,
    /// Since when it runs none; 0 while it runs one.
    pub idle_us: i64,
    /// Whether it holds cached partitions.
    pub holds_cached: bool,
    /// Whether it holds map outputs that a running execution may read.
    pub holds_shuffle: bool,
}

/// A replay at one moment, as an allocation sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Since the start of the application.
    pub now_us: i64,
    /// Tasks of running stages that wait.
    pub pending: u64,
    /// Tasks that run.
    pub running: u64,
    /// Tasks of running stages that have ended, and how long they took together.
    pub ended: (u64, i64),
    /// Tasks of the largest stage that has ended.
    pub largest_ended_stage: u64,
    /// Executors that are there.
    pub executors: Vec<ExecutorNow>,
    /// Executors that were asked for and are not there.
    pub coming: u32,
    /// How long executors take from asking to their registration, as seen so far.
    pub start_us: Option<i64>,
}

/// What an allocation wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// So many executors in all; as many as there are where absent.
    pub executors: Option<u32>,
    /// These are to go, by their places.
    pub remove: Vec<usize>,
}

/// Who moves the executors of a replay.
pub trait Allocation {
    /// How often it looks.
    fn every_us(&self) -> i64;
    /// Whether it looks in between as well, when a stage was submitted.
    fn sees_stages(&self) -> bool {
        false
    }
    /// What it wants now.
    fn look(&mut self, moment: &Moment) -> Wanted;
}
