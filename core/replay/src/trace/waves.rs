//! First tasks of a stage on a slot last longer than later ones: classes are loaded, connections made, caches are cold.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Task;
use super::executors::Executors;
use super::recorded::Recorded;
use super::statistics::median;

/// Tasks in all that show a difference, at least.
const TASKS_AT_LEAST: usize = 8;
/// First tasks that show it, at least.
const FIRST_AT_LEAST: usize = 2;
/// Later tasks that show it, at least.
const LATER_AT_LEAST: usize = 4;
/// A first task is no more than so many times as long.
const FACTOR_AT_MOST: f64 = 20.0;
/// A smaller difference is none.
const FACTOR_AT_LEAST: f64 = 1.05;

/// The tasks that were the first of their stage on their slot, by their places.
pub(super) fn first_on_slot(stage: &Recorded<'_>, executors: &Executors) -> BTreeSet<usize> {
    let mut launched: BTreeMap<usize, u32> = BTreeMap::new();
    let mut first = BTreeSet::new();
    for (place, task) in stage.tasks.iter().enumerate() {
        let slots =
            executors.places.get(&task.executor).and_then(|at| executors.served.get(*at)).map_or(1, |it| it.slots);
        let count = launched.entry(task.executor).or_default();
        if *count < slots {
            first.insert(place);
        }
        *count += 1;
    }
    first
}

/// By how much a first task is longer than a later one: the ratio of the medians, where enough of both ran and it is more than a hair.
pub(super) fn factor(tasks: &[Task]) -> Option<f64> {
    let (first, later): (Vec<&Task>, Vec<&Task>) = tasks.iter().partition(|task| task.first_on_slot);
    if first.len() < FIRST_AT_LEAST || later.len() < LATER_AT_LEAST || tasks.len() < TASKS_AT_LEAST {
        return None;
    }
    let typical = |tasks: Vec<&Task>| median(tasks.iter().map(|task| task.slot_us).collect());
    let factor = typical(first)? as f64 / typical(later)?.max(1_000) as f64;
    (factor > FACTOR_AT_LEAST).then(|| factor.min(FACTOR_AT_MOST))
}
