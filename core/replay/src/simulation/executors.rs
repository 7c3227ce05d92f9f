//! The executors of a replay: who is there, which slots are free, and whose turn it is.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::pending::Pending;

/// An executor that a replay can use. Times are microseconds since the start of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// When it registers.
    pub from_us: i64,
    /// From when on it gets no tasks; absent where it stays.
    pub until_us: Option<i64>,
    /// Tasks that it runs at once.
    pub slots: u32,
    /// Its resource profile.
    pub profile: i64,
    /// Its machine.
    pub host: String,
}

/// How far an executor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was asked for and is not there.
    Coming,
    /// It takes tasks.
    Serves,
    /// It ends its tasks and takes no more; what it holds can be read.
    Leaves,
    /// It is gone, and what it held with it.
    Gone,
}

/// An executor of a replay.
#[derive(Debug, Clone)]
pub(super) struct Executor {
    pub(super) phase: Phase,
    /// When it was asked for; absent for one that is there by the log.
    pub(super) asked_us: Option<i64>,
    /// When it registers, from which on it is paid for.
    pub(super) from_us: i64,
    /// When it was gone, or called off.
    pub(super) gone_us: Option<i64>,
    /// Whether it was called off before it came, and so never paid for.
    pub(super) called_off: bool,
    /// Launches that run on it.
    pub(super) running: Vec<usize>,
    pub(super) idle_since_us: i64,
    slots: u32,
    free: u32,
    profile: i64,
    host: String,
    /// Launches of each stage on it.
    started: BTreeMap<usize, u32>,
}

/// All of them, by their places.
#[derive(Debug, Default)]
pub(super) struct Executors {
    pub(super) all: Vec<Executor>,
    /// Those that serve, by profile, in turn.
    rings: BTreeMap<i64, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    turn: VecDeque<usize>,
    free: u64,
}

impl Executors {
    pub(super) fn of(offered: &[Offered]) -> Self {
        let mut executors = Self::default();
        for one in offered {
            executors.add(one, None);
        }
        executors
    }

    /// Adds one that is coming, and gives its place.
    pub(super) fn add(&mut self, offered: &Offered, asked_us: Option<i64>) -> usize {
        self.all.push(Executor {
            phase: Phase::Coming,
            asked_us,
            from_us: offered.from_us,
            gone_us: None,
            called_off: false,
            running: Vec::new(),
            idle_since_us: 0,
            slots: offered.slots,
            free: 0,
            profile: offered.profile,
            host: offered.host.clone(),
            started: BTreeMap::new(),
        });
        self.all.len() - 1
    }

    pub(super) fn arrives(&mut self, place: usize, now_us: i64) {
        let Some(executor) = self.all.get_mut(place).filter(|executor| executor.phase == Phase::Coming) else { return };
        executor.phase = Phase::Serves;
        executor.free = executor.slots;
        executor.idle_since_us = now_us;
        let ring = self.rings.entry(executor.profile).or_default();
        ring.turn.push_back(place);
        ring.free += u64::from(executor.slots);
    }

    /// It takes no tasks any more. Those that run on it go on.
    fn stops(&mut self, place: usize) {
        let Some(executor) = self.all.get_mut(place) else { return };
        if let Some(ring) = self.rings.get_mut(&executor.profile) {
            ring.free = ring.free.saturating_sub(u64::from(executor.free));
            ring.turn.retain(|other| *other != place);
        }
        executor.free = 0;
    }

    /// It is gone, whatever runs on it.
    pub(super) fn goes(&mut self, place: usize, now_us: i64) {
        self.stops(place);
        if let Some(executor) = self.all.get_mut(place).filter(|executor| executor.phase != Phase::Gone) {
            executor.called_off = executor.phase == Phase::Coming;
            executor.phase = Phase::Gone;
            executor.gone_us = Some(now_us);
        }
    }

    /// It goes as soon as its tasks have ended.
    pub(super) fn leaves(&mut self, place: usize, now_us: i64) {
        match self.all.get_mut(place) {
            Some(executor) if executor.phase == Phase::Serves && !executor.running.is_empty() => {
                executor.phase = Phase::Leaves;
                self.stops(place);
            }
            Some(_) => self.goes(place, now_us),
            None => {}
        }
    }

    /// Whether what it holds can be read.
    pub(super) fn is_there(&self, place: usize) -> bool {
        self.all.get(place).is_some_and(|it| matches!(it.phase, Phase::Serves | Phase::Leaves))
    }

    pub(super) fn host(&self, place: usize) -> String {
        self.all.get(place).map(|executor| executor.host.clone()).unwrap_or_default()
    }

    /// Whether an executor of this profile has a free slot.
    pub(super) fn any(&self, profile: i64) -> bool {
        self.rings.get(&profile).is_some_and(|ring| ring.free > 0)
    }

    /// The next executor with a free slot that takes one of the tasks, and the task; and whether one was there that took none.
    pub(super) fn choose(
        &mut self,
        profile: i64,
        pending: &mut Pending,
        relaxed: bool,
    ) -> (Option<(usize, usize)>, bool) {
        let Some(ring) = self.rings.get_mut(&profile) else { return (None, false) };
        let mut refused = false;
        for _ in 0..ring.turn.len() {
            let Some(place) = ring.turn.pop_front() else { break };
            ring.turn.push_back(place);
            let Some(executor) = self.all.get(place).filter(|executor| executor.free > 0) else { continue };
            let there =
                |other: usize| self.all.get(other).is_some_and(|it| matches!(it.phase, Phase::Serves | Phase::Leaves));
            if let Some(task) = pending.take_for(place, &executor.host, relaxed, there) {
                return (Some((place, task)), refused);
            }
            refused = true;
        }
        (None, refused)
    }

    /// A launch takes a slot; whether it is one of the stage's first on this executor.
    pub(super) fn takes(&mut self, place: usize, stage: usize, launch: usize) -> bool {
        let Some(executor) = self.all.get_mut(place) else { return false };
        executor.free = executor.free.saturating_sub(1);
        executor.running.push(launch);
        if let Some(ring) = self.rings.get_mut(&executor.profile) {
            ring.free = ring.free.saturating_sub(1);
        }
        let started = executor.started.entry(stage).or_default();
        let first = *started < executor.slots;
        *started = started.saturating_add(1);
        first
    }

    /// A launch has ended. Whether its slot is to be freed later, which is so where `later` and the executor still serves.
    pub(super) fn returns(&mut self, place: usize, launch: usize, now_us: i64, later: bool) -> bool {
        let Some(executor) = self.all.get_mut(place) else { return false };
        if let Some(at) = executor.running.iter().position(|running| *running == launch) {
            executor.running.swap_remove(at);
        }
        if executor.running.is_empty() {
            executor.idle_since_us = now_us;
            if executor.phase == Phase::Leaves {
                self.goes(place, now_us);
                return false;
            }
        }
        if later && self.all.get(place).is_some_and(|executor| executor.phase == Phase::Serves) {
            return true;
        }
        self.frees_slot(place);
        false
    }

    pub(super) fn frees_slot(&mut self, place: usize) {
        let serves = |executor: &&mut Executor| executor.phase == Phase::Serves;
        let Some(executor) = self.all.get_mut(place).filter(serves) else { return };
        executor.free += 1;
        if let Some(ring) = self.rings.get_mut(&executor.profile) {
            ring.free += 1;
        }
    }

    /// Those that serve, by their places.
    pub(super) fn serving(&self) -> impl Iterator<Item = (usize, &Executor)> {
        self.all.iter().enumerate().filter(|(_, executor)| executor.phase == Phase::Serves)
    }

    /// Those that are coming, by their places.
    pub(super) fn coming(&self) -> impl Iterator<Item = (usize, &Executor)> {
        self.all.iter().enumerate().filter(|(_, executor)| executor.phase == Phase::Coming)
    }
}
