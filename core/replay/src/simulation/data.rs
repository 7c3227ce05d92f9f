//! Where cached partitions and map outputs lie.

use alloc::collections::BTreeMap;
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
    /// Map outputs by stage and machine.
    hosts: BTreeMap<i64, BTreeMap<String, u64>>,
    /// What a stage makes again, by its place: stages and tasks.
    again: BTreeMap<usize, Vec<(i64, i64)>>,
    /// Whether map outputs outlive their executors: in an external shuffle service, or moved when it was decommissioned.
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
    pub(super) fn wrote(&mut self, stage: i64, index: i64, executor: usize, executors: &Executors) {
        self.maps.entry(stage).or_default().insert(index, executor);
        *self.hosts.entry(stage).or_default().entry(executors.host(executor)).or_default() += 1;
    }

    /// How many outputs of these stages lie on each machine.
    pub(super) fn by_host(&self, stages: &[i64]) -> BTreeMap<&str, u64> {
        let mut all = BTreeMap::new();
        for (host, outputs) in stages.iter().filter_map(|stage| self.hosts.get(stage)).flatten() {
            *all.entry(host.as_str()).or_default() += outputs;
        }
        all
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
    pub(super) fn remade(&mut self, place: usize, number: Option<usize>, executor: usize, executors: &Executors) {
        let output = number.and_then(|number| self.again.get(&place)?.get(number).copied());
        if let Some((stage, index)) = output {
            self.wrote(stage, index, executor, executors);
        }
    }
}
