//! The declared stages that run, of all pipelines of an application: what each asks of executors and of the session, and what it
//! measures.
//!
//! Pipelines may overlap. What the stage that began last asks for is in force; when it ends, what the one before it asked for is again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::run::{Steered, lock};
use crate::clock::now_ms;
use crate::engine::{EngineError, Prepared};
use crate::review::{DeclaredStage, StageMeasure};
use crate::spark::events::Event;
use crate::spark::protocol::{Acted, Command};

/// How long a pipeline waits for the driver to do what it was told.
const PATIENCE: Duration = Duration::from_secs(2);

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
    name: String,
    wanted: Wanted,
    measure: DeclaredStage,
}

/// The stages that run, the one that began last at the end.
#[derive(Debug, Default)]
pub(super) struct Declared {
    stages: Mutex<(u64, Vec<Running>)>,
    /// What stands in the session because a stage asked for it. Held while the driver is told, so that what it is told last is
    /// what is true; never by the threads that take in events or answer questions.
    in_session: Mutex<BTreeMap<String, String>>,
}

/// A stage that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    /// By which it is ended.
    pub(super) number: u64,
    /// The stage whose executors it puts aside while it runs.
    pub(super) puts_aside: Option<String>,
    /// Confs that are not in force, with why.
    pub(super) refused: BTreeMap<String, String>,
}

impl Declared {
    /// The executors in force.
    pub(super) fn executors(&self) -> Option<PlannedExecutors> {
        lock(&self.stages).1.iter().rev().find_map(|stage| stage.wanted.executors.clone())
    }

    /// Takes in an event for every stage that runs; `size` gives the executors and the memory that cached blocks hold after it.
    pub(super) fn take(&self, event: &Event, size: impl FnOnce() -> (u32, u64)) {
        let mut stages = lock(&self.stages);
        if !stages.1.is_empty() {
            let (executors, storage_bytes) = size();
            stages.1.iter_mut().for_each(|stage| stage.measure.take(event, executors, storage_bytes));
        }
    }

    fn confs(&self) -> BTreeMap<String, String> {
        lock(&self.stages).1.iter().flat_map(|stage| stage.wanted.confs.clone()).collect()
    }
}

impl Steered {
    /// Begins a stage: it is measured from here on, its executors go to the controller and its confs into the session.
    pub(super) fn begin_stage(&self, name: &str, wanted: Wanted) -> Begun {
        // First what is already on its way, so that nothing of before is measured.
        let _ = self.caught_up();
        let (executors, storage_bytes) = self.size();
        let measure = DeclaredStage::begin(name, now_ms(), executors, storage_bytes);
        let asks = wanted.executors.is_some();
        let keys: Vec<String> = wanted.confs.keys().cloned().collect();
        let (number, puts_aside) = {
            let mut stages = lock(&self.declared.stages);
            let planned = |stage: &&Running| asks && stage.wanted.executors.is_some();
            let puts_aside = stages.1.iter().rev().find(planned).map(|stage| stage.name.clone());
            stages.0 += 1;
            let number = stages.0;
            stages.1.push(Running { number, name: name.to_owned(), wanted, measure });
            (number, puts_aside)
        };
        if asks {
            self.look_now();
        }
        let mut refused = if keys.is_empty() { BTreeMap::new() } else { self.settle_confs() };
        refused.retain(|key, _| keys.contains(key));
        Begun { number, puts_aside, refused }
    }

    /// Ends a stage, takes back what it asked for, and says what it came to.
    pub(super) fn end_stage(&self, number: u64) -> Option<StageMeasure> {
        let _ = self.caught_up();
        let ended = {
            let mut stages = lock(&self.declared.stages);
            let at = stages.1.iter().position(|stage| stage.number == number)?;
            stages.1.remove(at)
        };
        if ended.wanted.executors.is_some() {
            self.look_now();
        }
        let measure = ended.measure.end(now_ms());
        if !ended.wanted.confs.is_empty() {
            let _ = self.settle_confs();
        }
        Some(measure)
    }

    /// Executors, and the memory that cached blocks hold. With a local master the driver is the one executor.
    pub(super) fn size(&self) -> (u32, u64) {
        let application = lock(&self.application);
        let executors = if self.manager().scales() { application.registered_executors() } else { 1 };
        (executors, application.storage_bytes())
    }

    /// Waits until the events that the driver has sent so far are taken in: what it answers comes behind them.
    fn caught_up(&self) -> Result<Acted, String> {
        self.command_and_wait(|id| Command::Conf { id, set: BTreeMap::new() }, PATIENCE)
    }

    /// Makes the session's confs those of the stages that run; gives the keys that are not as they were asked for, with why.
    fn settle_confs(&self) -> BTreeMap<String, String> {
        let mut standing = lock(&self.declared.in_session);
        let wanted = self.declared.confs();
        let mut refused = BTreeMap::new();
        let gone = standing.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), String::new()));
        let mut set: BTreeMap<String, String> = gone.collect();
        for (key, value) in wanted {
            let managed = self.managed_keys().contains(&key.as_str());
            if !managed {
                refused.insert(
                    key,
                    format!("not a key that is set for a stage; those are {}", self.managed_keys().join(", ")),
                );
            } else if value.is_empty() {
                refused.insert(key, "an empty value".to_owned());
            } else if standing.get(&key) != Some(&value) {
                set.insert(key, value);
            }
        }
        if set.is_empty() {
            return refused;
        }
        let answered = self.command_and_wait(|id| Command::Conf { id, set: set.clone() }, PATIENCE);
        let why_not = |key: &str| match &answered {
            Err(why) => Some(why.clone()),
            Ok(acted) => conf_refused(acted, key),
        };
        for (key, value) in set {
            match why_not(&key) {
                // What was not taken back is asked to be at the next change again.
                Some(_) if value.is_empty() => {}
                Some(why) => {
                    refused.insert(key, why);
                }
                None if value.is_empty() => {
                    standing.remove(&key);
                }
                None => {
                    standing.insert(key, value);
                }
            }
        }
        refused
    }
}

/// Why the plugin did not set a key, if it did not.
fn conf_refused(acted: &Acted, key: &str) -> Option<String> {
    if let Some(refused) = acted.result.get("refused").and_then(Value::as_object) {
        return refused.get(key).map(|why| why.as_str().map_or_else(|| why.to_string(), str::to_owned));
    }
    let error = acted.error.as_deref().filter(|_| !acted.ok)?;
    match error.strip_prefix("not set: ") {
        Some(keys) => keys
            .split(", ")
            .any(|refused| refused == key)
            .then(|| "the user set it, and what the user set stands".to_owned()),
        None => Some(error.to_owned()),
    }
}
