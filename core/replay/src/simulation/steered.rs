//! A cluster whose executors somebody moves: what is asked for comes later, and what is to go ends its tasks first.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use sparkwright_core::control::StartUps;

use super::allocation::{Allocation, ExecutorNow, Manager, Moment};
use super::executors::{Offered, Phase};
use super::start_times::{Starts, in_turn};
use super::state::{Happens, Simulation};
use crate::trace::us;

/// A cluster and who moves its executors.
pub(super) struct Steered<'a> {
    pub(super) manager: &'a Manager,
    pub(super) allocation: &'a mut dyn Allocation,
    starts: Starts,
    start_ups: StartUps,
    seen: BTreeSet<usize>,
    /// When the next look is due.
    pub(super) looks_at_us: i64,
}

impl<'a> Steered<'a> {
    pub(super) fn of(manager: &'a Manager, allocation: &'a mut dyn Allocation) -> Self {
        Self {
            manager,
            allocation,
            starts: Starts::default(),
            start_ups: StartUps::default(),
            seen: BTreeSet::new(),
            looks_at_us: 0,
        }
    }
}

impl Simulation<'_> {
    /// Asks for the executors that the application starts with.
    pub(super) fn ask_for_the_first(&mut self, manager: &Manager) {
        for number in 0..manager.initial {
            self.ask(manager, 0, in_turn(&manager.initial_start_us, number as usize));
        }
    }

    /// Asks for one more executor, which takes so long to start.
    fn ask(&mut self, manager: &Manager, now_us: i64, start_us: i64) {
        let host = self.executors.all.len() / (manager.on_a_host.max(1) as usize);
        let offered = Offered {
            from_us: now_us + start_us,
            until_us: None,
            slots: manager.slots,
            profile: manager.profile,
            host: format!("host {host}"),
        };
        let place = self.executors.add(&offered, Some(now_us));
        self.at(offered.from_us + self.join_us(), Happens::Arrives(place));
    }

    /// Lets the allocation look, and does what it wants.
    pub(super) fn look(&mut self, steered: &mut Steered<'_>, now_us: i64) {
        let moment = self.moment(steered, now_us);
        if moment.pending == 0 {
            steered.starts.none_waits();
        }
        let wanted = steered.allocation.look(&moment);
        if let Some(executors) = wanted.executors.filter(|_| wanted.remove.is_empty()) {
            let there = u32::try_from(self.executors.serving().count()).unwrap_or(u32::MAX) + moment.coming;
            for _ in there..executors.min(steered.manager.most) {
                let start_us = steered.starts.next(&steered.manager.starts);
                self.ask(steered.manager, now_us, start_us);
            }
            self.call_off(steered.manager, there.saturating_sub(executors), now_us);
        }
        for place in wanted.remove {
            if steered.manager.moves_blocks {
                let others: Vec<usize> =
                    self.executors.serving().map(|(other, _)| other).filter(|it| *it != place).collect();
                self.data.moves(place, &others);
            }
            self.executors.leaves(place, now_us);
        }
    }

    /// Calls off the newest requests that can still be.
    fn call_off(&mut self, manager: &Manager, count: u32, now_us: i64) {
        let young = |asked_us: Option<i64>| match (asked_us, manager.called_off_within_us) {
            (Some(asked_us), Some(within_us)) => now_us - asked_us < within_us,
            (asked_us, None) => asked_us.is_some(),
            (None, _) => false,
        };
        let mut coming: Vec<(i64, usize)> = self
            .executors
            .coming()
            .filter(|(_, executor)| young(executor.asked_us))
            .map(|(place, executor)| (executor.from_us, place))
            .collect();
        coming.sort_unstable_by(|one, other| other.cmp(one));
        for (_, place) in coming.into_iter().take(count as usize) {
            self.executors.goes(place, now_us);
        }
    }

    fn moment(&self, steered: &mut Steered<'_>, now_us: i64) -> Moment {
        let (mut pending, mut ended) = (0, (0, 0));
        for run in self.open.iter().filter_map(|place| self.stages.get(*place)) {
            pending += run.pending.len() as u64;
            ended = (ended.0 + run.ended_tasks, ended.1 + run.ended_us);
        }
        let cached = self.data.with_cached();
        let shuffle = if steered.manager.shuffle_service { BTreeMap::new() } else { self.shuffle_in_use() };
        let mut executors = Vec::new();
        for (place, executor) in self.executors.all.iter().enumerate() {
            if !matches!(executor.phase, Phase::Serves | Phase::Leaves) {
                continue;
            }
            if steered.seen.insert(place)
                && let Some(asked_us) = executor.asked_us
            {
                steered.start_ups.note(u64::try_from((executor.from_us - asked_us) / 1_000).unwrap_or(0));
            }
            let busy = !executor.running.is_empty();
            executors.push(ExecutorNow {
                place,
                leaving: executor.phase == Phase::Leaves,
                running: u32::try_from(executor.running.len()).unwrap_or(u32::MAX),
                idle_us: if busy { 0 } else { (now_us - executor.idle_since_us).max(0) },
                holds_cached: cached.contains(&place),
                holds_shuffle: shuffle.contains_key(&place),
            });
        }
        Moment {
            now_us,
            pending,
            running: executors.iter().map(|executor| u64::from(executor.running)).sum(),
            ended,
            largest_ended_stage: self.largest_ended_stage,
            executors,
            coming: u32::try_from(self.executors.coming().count()).unwrap_or(u32::MAX),
            start_us: steered.start_ups.usual_ms().and_then(|ms| i64::try_from(ms).ok()).map(us),
        }
    }

    /// Map outputs of jobs that run, or that belong to an execution of which a job has run and another is still to come, by executor.
    fn shuffle_in_use(&self) -> BTreeMap<usize, u64> {
        let stages: BTreeSet<i64> = self
            .jobs
            .iter()
            .zip(&self.trace.jobs)
            .filter(|(run, _)| run.started_us.is_some() && run.ended_us.is_none())
            .flat_map(|(_, job)| &job.stages)
            .filter_map(|place| self.trace.stages.get(*place))
            .flat_map(|stage| stage.parents.iter().copied().chain([stage.key.stage]))
            .collect();
        self.data.maps_by_executor(stages.into_iter())
    }
}
