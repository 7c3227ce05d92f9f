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

#[derive(Debug, Clone)]
struct Executor {
    from_us: i64,
    gone_us: Option<i64>,
    slots: u32,
    free: u32,
    profile: i64,
    host: String,
    there: bool,
    /// Launches that run on it.
    running: Vec<usize>,
    /// Launches of each stage on it, as far as they are first ones on their slot.
    started: BTreeMap<usize, u32>,
    idle_since_us: i64,
}

/// All of them, by their places.
#[derive(Debug, Default)]
pub(super) struct Executors {
    all: Vec<Executor>,
    /// Those that are there, by profile, in turn.
    rings: BTreeMap<i64, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    turn: VecDeque<usize>,
    free: u64,
}

impl Executors {
    pub(super) fn of(offered: &[Offered]) -> Self {
        let all = offered.iter().map(|offered| Executor {
            from_us: offered.from_us,
            gone_us: offered.until_us,
            slots: offered.slots,
            free: 0,
            profile: offered.profile,
            host: offered.host.clone(),
            there: false,
            running: Vec::new(),
            started: BTreeMap::new(),
            idle_since_us: 0,
        });
        Self { all: all.collect(), rings: BTreeMap::new() }
    }

    pub(super) fn arrives(&mut self, place: usize, now_us: i64) {
        let Some(executor) = self.all.get_mut(place) else { return };
        if executor.gone_us.is_some_and(|gone_us| gone_us <= now_us) {
            return;
        }
        executor.there = true;
        executor.free = executor.slots;
        executor.idle_since_us = now_us;
        let ring = self.rings.entry(executor.profile).or_default();
        ring.turn.push_back(place);
        ring.free += u64::from(executor.slots);
    }

    /// It gets no tasks any more; those that run on it go on.
    pub(super) fn leaves(&mut self, place: usize, now_us: i64) {
        let Some(executor) = self.all.get_mut(place).filter(|executor| executor.there) else { return };
        executor.there = false;
        executor.gone_us = Some(now_us);
        if let Some(ring) = self.rings.get_mut(&executor.profile) {
            ring.free = ring.free.saturating_sub(u64::from(executor.free));
            ring.turn.retain(|other| *other != place);
        }
        executor.free = 0;
    }

    pub(super) fn is_there(&self, place: usize) -> bool {
        self.all.get(place).is_some_and(|executor| executor.there)
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
            let there = |other: usize| self.all.get(other).is_some_and(|executor| executor.there);
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

    /// A launch has ended. Whether its slot is to be freed later, which is so where `later` and the executor is still there.
    pub(super) fn returns(&mut self, place: usize, launch: usize, now_us: i64, later: bool) -> bool {
        let Some(executor) = self.all.get_mut(place) else { return false };
        if let Some(at) = executor.running.iter().position(|running| *running == launch) {
            executor.running.swap_remove(at);
        }
        if executor.running.is_empty() {
            executor.idle_since_us = now_us;
        }
        if later && executor.there {
            return true;
        }
        self.frees_slot(place);
        false
    }

    pub(super) fn frees_slot(&mut self, place: usize) {
        let Some(executor) = self.all.get_mut(place).filter(|executor| executor.there) else { return };
        executor.free += 1;
        if let Some(ring) = self.rings.get_mut(&executor.profile) {
            ring.free += 1;
        }
    }

    /// When each registered, and until when it was there.
    pub(super) fn times(&self) -> Vec<(i64, Option<i64>)> {
        self.all.iter().map(|executor| (executor.from_us, executor.gone_us)).collect()
    }
}
