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
        let worth_it = |executor: &ExecutorFacts| moves_cached || executor.cached_bytes.get() == 0;
        let (mut removable, mut others) = (Vec::new(), Vec::new());
        let mut worth_going = 0;
        for executor in removal::removable(&input.executors, input.block_migration) {
            worth_going += u32::from(worth_it(executor));
            let idle_for_long = worth_it(executor) && executor.idle_ms >= stay_ms;
            if idle_for_long { &mut removable } else { &mut others }.push(executor);
        }
        let rested = saturating_u32(removable.len() as u64);
        removable.append(&mut others);
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
