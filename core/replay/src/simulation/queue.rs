//! Which stage's tasks come first.
//!
//! FIFO: the earliest job's, then the earliest stage's. FAIR: the pool's that runs the fewest tasks, and in it as before. Sources:
//! `FIFOSchedulingAlgorithm`, `FairSchedulingAlgorithm` and `TaskSchedulerImpl.resourceOffers` of Apache Spark; pools are taken to have weight 1 and no
//! minimum share, for a log does not have the file that says otherwise.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::log::StageKey;
use crate::trace::Trace;

/// The pool of jobs that name none.
const DEFAULT_POOL: &str = "default";

/// A stage in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    job: i64,
    key: StageKey,
    pub(super) stage: usize,
}

#[derive(Debug, Default)]
struct Pool {
    name: String,
    waiting: BTreeSet<Place>,
    running: u64,
}

/// The stages whose tasks wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The pools, one where jobs are taken in their order.
    pools: Vec<Pool>,
    /// The pool of each job, by places.
    of_job: Vec<usize>,
    /// The order of the pools in the round of offers that goes on.
    round: Vec<usize>,
}

impl Queue {
    pub(super) fn of(trace: &Trace) -> Self {
        let mut queue = Self::default();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for job in &trace.jobs {
            let name = if trace.fair_pools { job.pool.as_deref().unwrap_or(DEFAULT_POOL) } else { DEFAULT_POOL };
            let pool = *known.entry(name).or_insert_with(|| {
                queue.pools.push(Pool { name: name.to_string(), ..Pool::default() });
                queue.pools.len() - 1
            });
            queue.of_job.push(pool);
        }
        queue
    }

    fn pool(&mut self, job: usize) -> Option<&mut Pool> {
        self.pools.get_mut(*self.of_job.get(job)?)
    }

    /// A stage of a job, by its place, has tasks that wait.
    pub(super) fn put(&mut self, job: usize, id: i64, key: StageKey, stage: usize) {
        if let Some(pool) = self.pool(job) {
            pool.waiting.insert(Place { job: id, key, stage });
        }
    }

    /// The stage that comes first. The order of pools stands for a round: an executor that registers gives all its slots to one.
    pub(super) fn first(&mut self) -> Option<(usize, Place)> {
        if self.round.is_empty() {
            self.round = (0..self.pools.len()).collect();
            let by = |at: &usize| self.pools.get(*at).map(|pool| (pool.running, pool.name.as_str()));
            self.round.sort_by(|one, other| by(one).cmp(&by(other)));
        }
        self.round.iter().find_map(|at| Some((*at, *self.pools.get(*at)?.waiting.first()?)))
    }

    /// A round of offers is over.
    pub(super) fn ends_round(&mut self) {
        self.round.clear();
    }

    /// Takes a stage out, of the pool that [`Self::first`] gave.
    pub(super) fn take(&mut self, pool: usize, place: &Place) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.waiting.remove(place);
        }
    }

    /// Puts it back.
    pub(super) fn put_back(&mut self, pool: usize, place: Place) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.waiting.insert(place);
        }
    }

    /// A task of a job runs.
    pub(super) fn runs(&mut self, job: usize) {
        if let Some(pool) = self.pool(job) {
            pool.running += 1;
        }
    }

    /// A task of a job has ended.
    pub(super) fn ends(&mut self, job: usize) {
        if let Some(pool) = self.pool(job) {
            pool.running = pool.running.saturating_sub(1);
        }
    }
}
