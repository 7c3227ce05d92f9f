//! The tasks of a stage that wait for a slot, by where they are near to their data.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;

use super::data::Data;
use super::executors::Executors;
use crate::trace::{Near, Stage};

/// From so many map or reduce tasks on Spark does not look where map outputs lie.
/// Source: `SHUFFLE_PREF_MAP_THRESHOLD` and `SHUFFLE_PREF_REDUCE_THRESHOLD` of `DAGScheduler`.
const OUTPUTS_LOOKED_AT: u64 = 1_000;
/// The share of a shuffle's outputs from which on a machine is near. Source: `REDUCER_PREF_LOCS_FRACTION` of `DAGScheduler`.
const NEAR_FROM: f64 = 0.2;

/// Waiting tasks, by their places in the stage.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    /// Near nowhere in particular.
    Anywhere(VecDeque<usize>),
    /// Near on some machines.
    Hosts {
        /// Which.
        near: BTreeSet<String>,
        /// The tasks.
        tasks: VecDeque<usize>,
    },
    /// Each near to one executor, or to none.
    Executors {
        /// By the place of the executor that has their partition.
        near: BTreeMap<usize, VecDeque<usize>>,
        /// Without one.
        other: VecDeque<usize>,
    },
}

impl Default for Pending {
    fn default() -> Self {
        Self::Anywhere(VecDeque::new())
    }
}

impl Pending {
    pub(super) fn anywhere(tasks: impl Iterator<Item = usize>) -> Self {
        Self::Anywhere(tasks.collect())
    }

    /// Tasks of a stage by where their data lies now.
    pub(super) fn near(stage: &Stage, tasks: &[usize], data: &Data, executors: &Executors) -> Self {
        let anywhere = || Self::anywhere(tasks.iter().copied());
        match stage.near {
            Near::Anywhere => anywhere(),
            Near::MapOutputs => {
                let outputs = data.by_host(&stage.parents, executors);
                let all: u64 = outputs.values().sum();
                let near: BTreeSet<String> = outputs
                    .into_iter()
                    .filter(|(_, here)| *here as f64 >= NEAR_FROM * all as f64)
                    .map(|(host, _)| host)
                    .collect();
                let looked_at = all < OUTPUTS_LOOKED_AT && u64::from(stage.partitions) < OUTPUTS_LOOKED_AT;
                if near.is_empty() || !looked_at {
                    return anywhere();
                }
                Self::Hosts { near, tasks: tasks.iter().copied().collect() }
            }
            Near::Cached(rdd) => {
                let (mut near, mut other) = (BTreeMap::new(), VecDeque::new());
                for place in tasks {
                    let index = stage.tasks.get(*place).map(|task| task.index);
                    let holder = index.and_then(|index| data.cached_on(rdd, index));
                    match holder.filter(|holder| executors.is_there(*holder)) {
                        Some(holder) => near.entry(holder).or_insert_with(VecDeque::new).push_back(*place),
                        None => other.push_back(*place),
                    }
                }
                Self::Executors { near, other }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Anywhere(tasks) | Self::Hosts { tasks, .. } => tasks.is_empty(),
            Self::Executors { near, other } => other.is_empty() && near.values().all(VecDeque::is_empty),
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Anywhere(tasks) | Self::Hosts { tasks, .. } => tasks.len(),
            Self::Executors { near, other } => other.len() + near.values().map(VecDeque::len).sum::<usize>(),
        }
    }

    /// An attempt that follows one that failed: it comes first, and nearness counts no more. Source: `TaskSetManager.dequeueTaskFromList` of
    /// Apache Spark takes what was added last.
    pub(super) fn put_back(&mut self, task: usize) {
        match self {
            Self::Anywhere(tasks) | Self::Hosts { tasks, .. } => tasks.push_front(task),
            Self::Executors { other, .. } => other.push_front(task),
        }
    }

    /// The task that an executor gets; with `relaxed` one that is near elsewhere too.
    pub(super) fn take_for(
        &mut self,
        executor: usize,
        host: &str,
        relaxed: bool,
        is_there: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self {
            Self::Anywhere(tasks) => tasks.pop_front(),
            Self::Hosts { near, tasks } => (relaxed || near.contains(host)).then(|| tasks.pop_front()).flatten(),
            Self::Executors { near, other } => {
                if let Some(task) = near.get_mut(&executor).and_then(VecDeque::pop_front) {
                    return Some(task);
                }
                if let Some(task) = other.pop_front() {
                    return Some(task);
                }
                near.retain(|_, tasks| !tasks.is_empty());
                // What was near to an executor that is gone is near to none.
                if let Some(gone) = near.keys().copied().find(|holder| !is_there(*holder)) {
                    return near.get_mut(&gone)?.pop_front();
                }
                if !relaxed {
                    return None;
                }
                let most = near.iter().max_by_key(|(holder, tasks)| (tasks.len(), core::cmp::Reverse(**holder)));
                let most = most.map(|(holder, _)| *holder)?;
                near.get_mut(&most)?.pop_front()
            }
        }
    }
}
