//! Begins and ends declared stages: their executors go to the controller, their confs into the session, and both are taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sparkwright_core::steering::DRIVER_ACTS_WITHIN_MS;

use super::declared::Wanted;
use super::steered::Steered;
use crate::clock::now_ms;
use crate::review::{DeclaredStage, StageMeasure};
use crate::spark::protocol::{Acted, Command};

/// How long a pipeline waits for the driver to do what it was told.
const PATIENCE: Duration = Duration::from_millis(DRIVER_ACTS_WITHIN_MS);

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

/// Begins a stage: it is measured from here on, its executors go to the controller and its confs into the session.
pub(super) fn begin(steered: &Steered, name: &str, wanted: Wanted) -> Begun {
    // First what is already on its way, so that nothing of before is measured.
    let _ = caught_up(steered);
    let (executors, storage_bytes) = steered.size();
    let measure = DeclaredStage::begin(name, now_ms(), executors, storage_bytes);
    let asks = wanted.executors.is_some();
    let keys: Vec<String> = wanted.confs.keys().cloned().collect();
    let (number, puts_aside) = steered.declared.begin(wanted, measure);
    if asks {
        steered.scaling.look_now();
    }
    let mut refused = if keys.is_empty() { BTreeMap::new() } else { settle_confs(steered) };
    refused.retain(|key, _| keys.contains(key));
    Begun { number, puts_aside, refused }
}

/// Ends a stage, takes back what it asked for, and says what it came to.
pub(super) fn end(steered: &Steered, number: u64) -> Option<StageMeasure> {
    let _ = caught_up(steered);
    let ended = steered.declared.end(number, now_ms())?;
    if ended.wanted.executors.is_some() {
        steered.scaling.look_now();
    }
    if !ended.wanted.confs.is_empty() {
        let _ = settle_confs(steered);
    }
    Some(ended.measure)
}

/// Waits until the events that the driver has sent so far are taken in: what it answers comes behind them.
fn caught_up(steered: &Steered) -> Result<Acted, String> {
    steered.driver.tell_and_wait(|id| Command::Conf { id, set: BTreeMap::new() }, PATIENCE)
}

/// Makes the session's confs those of the stages that run; gives the keys that are not as they were asked for, with why.
fn settle_confs(steered: &Steered) -> BTreeMap<String, String> {
    let mut standing = steered.declared.in_session();
    let wanted = steered.declared.confs();
    let mut refused = BTreeMap::new();
    let gone = standing.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), String::new()));
    let mut set: BTreeMap<String, String> = gone.collect();
    for (key, value) in wanted {
        let managed = steered.managed_keys().contains(&key.as_str());
        if !managed {
            let keys = steered.managed_keys().join(", ");
            refused.insert(key, format!("not a key that is set for a stage; those are {keys}"));
        } else if value.is_empty() {
            refused.insert(key, "an empty value".to_owned());
        } else if standing.get(&key) != Some(&value) {
            set.insert(key, value);
        }
    }
    if set.is_empty() {
        return refused;
    }
    let answered = steered.driver.tell_and_wait(|id| Command::Conf { id, set: set.clone() }, PATIENCE);
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
