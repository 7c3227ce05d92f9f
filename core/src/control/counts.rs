//! The executors that there are, and how many of them may go.

use alloc::vec::Vec;

use super::bounds::Bounds;
use super::contract::{ControlInput, ExecutorFacts, ExecutorState};
use super::removal;
use crate::units::saturating_u32;

/// The executors that there are.
pub(super) struct ExecutorCounts<'a> {
    /// Known to work or wait for work.
    pub(super) active: u32,
    /// Not told to go, those included of which nobody knows what they do: Spark counts them too.
    pub(super) staying: u32,
    /// Those and the ones that were asked for.
    pub(super) with_coming: u32,
    /// Which may go, in order: first those that were idle for long enough.
    pub(super) removable: Vec<&'a ExecutorFacts>,
    /// How many of them may go at once: the known ones never get fewer than the bounds demand.
    pub(super) removable_now: u32,
    /// How many of those hold nothing that is worth more than they cost.
    pub(super) worth_going: u32,
    /// How many are to: idle for long enough, or more than there may be.
    pub(super) going_now: u32,
}

impl<'a> ExecutorCounts<'a> {
    pub(super) fn of(input: &'a ControlInput, bounds: Bounds, stay_ms: u64, moves_cached: bool) -> Self {
        let count = |state: fn(ExecutorState) -> bool| {
            let some = input.executors.iter().filter(|e| state(e.state));
            saturating_u32(some.count() as u64)
        };
        let active = count(|state| state == ExecutorState::Active);
        let staying = count(|state| state != ExecutorState::Leaving);
        let mut removable = removal::removable(&input.executors, input.block_migration);
        let worth_it = |executor: &ExecutorFacts| moves_cached || executor.cached_bytes.get() == 0;
        let idle_for_long = |executor: &ExecutorFacts| worth_it(executor) && executor.idle_ms >= stay_ms;
        removable.sort_by_key(|executor| !idle_for_long(executor));
        let how_many = |which: &dyn Fn(&ExecutorFacts) -> bool| {
            saturating_u32(removable.iter().filter(|executor| which(executor)).count() as u64)
        };
        let (rested, worth_going) = (how_many(&idle_for_long), how_many(&worth_it));
        let removable_now = saturating_u32(removable.len() as u64).min(active.saturating_sub(bounds.least()));
        Self {
            active,
            staying,
            with_coming: staying.saturating_add(input.executors_coming),
            removable,
            removable_now,
            worth_going: worth_going.min(removable_now),
            going_now: rested.max(staying.saturating_sub(bounds.most())).min(removable_now),
        }
    }

    /// Lets so many go although they were not idle for long.
    pub(super) fn let_go(&mut self, spare: u32) {
        self.going_now = self.going_now.max(spare.min(self.worth_going));
    }
}
