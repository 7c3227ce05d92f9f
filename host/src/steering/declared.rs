//! The declared stages that run, of all pipelines of an application: what each asks of executors and of the session, and what it
//! measures.
//!
//! Pipelines may overlap. What the stage that began last asks for is in force; when it ends, what the one before it asked for is again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::lock::lock;
use crate::engine::{EngineError, Prepared};
use crate::review::{DeclaredStage, StageMeasure};
use crate::spark::events::Event;

/// Executors that a stage was planned with.
#[derive(Debug, Clone)]
pub(super) struct PlannedExecutors {
    /// How many.
    pub(super) executors: u32,
    /// The policy that planned them: its bounds are the ones that hold for them.
    pub(super) prepared: Arc<Result<Prepared, EngineError>>,
    /// The most that the cluster has room for under that policy; unknown when absent.
    pub(super) quota: Option<u32>,
}

/// What a stage asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) executors: Option<PlannedExecutors>,
    /// Session confs by key.
    pub(super) confs: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Running {
    number: u64,
    wanted: Wanted,
    measure: DeclaredStage,
}

/// A stage that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What it had asked for.
    pub(super) wanted: Wanted,
    /// What it came to.
    pub(super) measure: StageMeasure,
}

/// The stages that run, the one that began last at the end.
#[derive(Debug, Default)]
struct Stages {
    /// The number of the last one that began.
    begun: u64,
    running: Vec<Running>,
}

/// The declared stages of an application.
#[derive(Debug, Default)]
pub(super) struct Declared {
    in_session: Mutex<BTreeMap<String, String>>,
    stages: Mutex<Stages>,
}

impl Declared {
    /// What stands in the session because a stage asked for it.
    ///
    /// INVARIANT: held while the driver is told, so that what it is told last is what is true; and so never taken by the threads that
    /// take in events or answer questions, nor by whoever holds another lock.
    pub(super) fn in_session(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        lock(&self.in_session)
    }

    /// A stage begins; gives its number, by which it is ended, and the stage whose executors it puts aside while it runs.
    pub(super) fn begin(&self, wanted: Wanted, measure: DeclaredStage) -> (u64, Option<String>) {
        let mut stages = lock(&self.stages);
        let planned = |stage: &&Running| wanted.executors.is_some() && stage.wanted.executors.is_some();
        let puts_aside = stages.running.iter().rev().find(planned).map(|stage| stage.measure.name().to_owned());
        stages.begun += 1;
        let number = stages.begun;
        stages.running.push(Running { number, wanted, measure });
        (number, puts_aside)
    }

    /// A stage ends at `now_ms`; nothing where none of that number runs.
    pub(super) fn end(&self, number: u64, now_ms: u64) -> Option<Ended> {
        let ended = {
            let mut stages = lock(&self.stages);
            let at = stages.running.iter().position(|stage| stage.number == number)?;
            stages.running.remove(at)
        };
        Some(Ended { wanted: ended.wanted, measure: ended.measure.end(now_ms) })
    }

    /// The executors in force.
    pub(super) fn executors(&self) -> Option<PlannedExecutors> {
        lock(&self.stages).running.iter().rev().find_map(|stage| stage.wanted.executors.clone())
    }

    /// The session confs in force, by key.
    pub(super) fn confs(&self) -> BTreeMap<String, String> {
        lock(&self.stages).running.iter().flat_map(|stage| stage.wanted.confs.clone()).collect()
    }

    /// Whether any stage runs.
    pub(super) fn runs_any(&self) -> bool {
        !lock(&self.stages).running.is_empty()
    }

    /// Takes in an event for every stage that runs, after which there are so many executors whose cached blocks hold so much memory.
    pub(super) fn take(&self, event: &Event, executors: u32, storage_bytes: u64) {
        for stage in &mut lock(&self.stages).running {
            stage.measure.take(event, executors, storage_bytes);
        }
    }
}
