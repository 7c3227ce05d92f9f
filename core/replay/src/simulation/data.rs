//! Where cached partitions and map outputs lie.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::executors::Executors;

/// Outputs by what made them. Executors are named by their places.
#[derive(Debug, Default)]
pub(super) struct Data {
    /// The executor of each cached partition, by RDD and partition.
    cached: BTreeMap<i64, BTreeMap<i64, usize>>,
    /// The executor of each map output, by stage and task.
    maps: BTreeMap<i64, BTreeMap<i64, usize>>,
    /// What a stage makes again, by its place: stages and tasks.
    again: BTreeMap<usize, Vec<(i64, i64)>>,
    /// Whether map outputs go with their executors: there is no shuffle service, and nothing moves them.
    pub(super) maps_are_lost: bool,
}

impl Data {
    /// A task made a cached partition; one that lies on a living executor already stays there.
    pub(super) fn cached(&mut self, rdd: i64, index: i64, executor: usize, executors: &Executors) {
        let place = self.cached.entry(rdd).or_default().entry(index).or_insert(executor);
        if !executors.is_there(*place) {
            *place = executor;
        }
    }

    /// A cached partition was made again.
    pub(super) fn caches(&mut self, rdd: i64, index: i64, executor: usize) {
        self.cached.entry(rdd).or_default().insert(index, executor);
    }

    /// Where a cached partition lies, or lay when its executor was there.
    pub(super) fn cached_on(&self, rdd: i64, index: i64) -> Option<usize> {
        self.cached.get(&rdd)?.get(&index).copied()
    }

    /// A map task wrote its output.
    pub(super) fn wrote(&mut self, stage: i64, index: i64, executor: usize) {
        self.maps.entry(stage).or_default().insert(index, executor);
    }

    /// How many outputs of these stages lie on each machine.
    pub(super) fn by_host(&self, stages: &[i64], executors: &Executors) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (executor, outputs) in self.maps_by_executor(stages.iter().copied()) {
            *all.entry(executors.host(executor)).or_default() += outputs;
        }
        all
    }

    /// How many outputs of these stages lie on each executor.
    pub(super) fn maps_by_executor(&self, stages: impl Iterator<Item = i64>) -> BTreeMap<usize, u64> {
        let mut all = BTreeMap::new();
        for executor in stages.filter_map(|stage| self.maps.get(&stage)).flat_map(BTreeMap::values) {
            *all.entry(*executor).or_default() += 1;
        }
        all
    }

    /// Executors with cached partitions.
    pub(super) fn with_cached(&self) -> BTreeSet<usize> {
        self.cached.values().flat_map(BTreeMap::values).copied().collect()
    }

    /// Outputs of these stages whose executors are gone.
    pub(super) fn lost(&self, stages: &[i64], executors: &Executors) -> Vec<(i64, i64)> {
        if !self.maps_are_lost {
            return Vec::new();
        }
        let outputs = stages.iter().filter_map(|stage| Some((*stage, self.maps.get(stage)?)));
        let lost = |at: &usize| !executors.is_there(*at);
        outputs
            .flat_map(|(stage, of)| of.iter().filter(|(_, at)| lost(at)).map(move |(index, _)| (stage, *index)))
            .collect()
    }

    /// A stage at `place` makes these outputs again.
    pub(super) fn remakes(&mut self, place: usize, lost: &[(i64, i64)]) {
        self.again.insert(place, lost.to_vec());
    }

    /// It made one of them.
    pub(super) fn remade(&mut self, place: usize, number: Option<usize>, executor: usize) {
        let output = number.and_then(|number| self.again.get(&place)?.get(number).copied());
        if let Some((stage, index)) = output {
            self.wrote(stage, index, executor);
        }
    }

    /// What an executor that is decommissioned holds moves to others, in turn.
    pub(super) fn moves(&mut self, from: usize, to: &[usize]) {
        let held = self.cached.values_mut().chain(self.maps.values_mut());
        for (number, place) in held.flat_map(BTreeMap::values_mut).filter(|place| **place == from).enumerate() {
            if let Some(other) = number.checked_rem(to.len()).and_then(|turn| to.get(turn)) {
                *place = *other;
            }
        }
    }
}
