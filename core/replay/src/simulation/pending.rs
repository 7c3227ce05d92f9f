//! The tasks of a stage that wait for a slot, by where they are near to their data.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;

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
