//! What an application was steered with, in numbers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock::lock;
use crate::clock::own_cpu_ms;
use crate::record::{RoundTrips, Totals};

/// Round trips of which the time is kept.
const MOST_TRIPS: usize = 10_000;

/// Counted as it happens, by any thread.
#[derive(Debug, Default)]
pub(super) struct Counters {
    questions: AtomicU64,
    undecided: AtomicU64,
    trips_us: Mutex<Vec<u64>>,
    ticks: AtomicU64,
    events: AtomicU64,
    events_lost: AtomicU64,
    held_up_ms: AtomicU64,
    plugin_cpu_ms: AtomicU64,
    pipeline_decisions: AtomicU64,
}

impl Counters {
    /// A query is asked about; the question before it took this long, from asking to the answer in hand.
    pub(super) fn question(&self, last_trip_us: Option<u64>) {
        self.questions.fetch_add(1, Ordering::Relaxed);
        if let Some(trip_us) = last_trip_us {
            let mut trips = lock(&self.trips_us);
            if trips.len() < MOST_TRIPS {
                trips.push(trip_us);
            }
        }
    }

    /// A query got no decision.
    pub(super) fn undecided(&self) {
        self.undecided.fetch_add(1, Ordering::Relaxed);
    }

    /// The controller decided.
    pub(super) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// An event came.
    pub(super) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Events were lost.
    pub(super) fn lost(&self, events: u64) {
        self.events_lost.fetch_add(events, Ordering::Relaxed);
    }

    /// The plugin says at its end how long queries were with it and what its threads took.
    pub(super) fn goodbye(&self, held_up_ms: u64, plugin_cpu_ms: u64) {
        self.held_up_ms.store(held_up_ms, Ordering::Relaxed);
        self.plugin_cpu_ms.store(plugin_cpu_ms, Ordering::Relaxed);
    }

    /// A pipeline wants a decision recorded; says whether that is one of the first `most`.
    pub(super) fn pipeline_decision(&self, most: u64) -> bool {
        self.pipeline_decisions.fetch_add(1, Ordering::Relaxed) < most
    }

    /// The sums as they stand, with the application's tasks, their run time, and how many failed.
    pub(super) fn totals(&self, (tasks, task_ms, failed_tasks): (u64, u64, u64)) -> Totals {
        Totals {
            questions: self.questions.load(Ordering::Relaxed),
            undecided: self.undecided.load(Ordering::Relaxed),
            ticks: self.ticks.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            events_lost: self.events_lost.load(Ordering::Relaxed),
            tasks,
            failed_tasks,
            task_ms,
            round_trips: RoundTrips::of(&lock(&self.trips_us)),
            host_cpu_ms: own_cpu_ms(),
            plugin_cpu_ms: self.plugin_cpu_ms.load(Ordering::Relaxed),
            held_up_ms: self.held_up_ms.load(Ordering::Relaxed),
        }
    }
}
