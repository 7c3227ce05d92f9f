//! Which stage's tasks come first: the earliest job, then the earliest stage. Source: `FIFOSchedulingAlgorithm` of Apache Spark.

use alloc::collections::BTreeSet;

use crate::log::StageKey;

/// A stage in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    job: i64,
    key: StageKey,
    pub(super) stage: usize,
}

/// The stages whose tasks wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    places: BTreeSet<Place>,
}

impl Queue {
    pub(super) fn put(&mut self, job: i64, key: StageKey, stage: usize) {
        self.places.insert(Place { job, key, stage });
    }

    pub(super) fn put_back(&mut self, place: Place) {
        self.places.insert(place);
    }

    pub(super) fn first(&self) -> Option<Place> {
        self.places.first().copied()
    }

    pub(super) fn take(&mut self, place: &Place) {
        self.places.remove(place);
    }
}
