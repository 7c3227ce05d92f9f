//! Spark's dynamic allocation. Source: `ExecutorAllocationManager` and `ExecutorMonitor` of Apache Spark 4.3.

use alloc::vec::Vec;

use crate::log::Log;
use crate::settings::duration_ms;
use crate::simulation::{Allocation, Moment, Wanted};

/// How often Spark looks.
const EVERY_US: i64 = 100_000;

/// Spark's rule with its settings, each `spark.dynamicAllocation.…`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkAllocation {
    /// `minExecutors`.
    pub least: u32,
    /// `maxExecutors`.
    pub most: u32,
    /// `executorAllocationRatio`.
    pub ratio: f64,
    /// `schedulerBacklogTimeout`.
    pub backlog_us: i64,
    /// `sustainedSchedulerBacklogTimeout`.
    pub sustained_us: i64,
    /// `executorIdleTimeout`.
    pub idle_us: i64,
    /// Tasks that an executor runs at once.
    pub slots: u32,
    target: u32,
    adds: u32,
    adds_at_us: Option<i64>,
    /// Until the first job, or the first executor that is idle for too long, the initial number stands.
    initializing: bool,
}

impl SparkAllocation {
    /// With Spark's defaults, between these bounds.
    #[must_use]
    pub const fn new(least: u32, most: u32, initial: u32, slots: u32) -> Self {
        Self {
            least,
            most,
            ratio: 1.0,
            backlog_us: 1_000_000,
            sustained_us: 1_000_000,
            idle_us: 60_000_000,
            slots,
            target: if initial > least { initial } else { least },
            adds: 1,
            adds_at_us: None,
            initializing: true,
        }
    }

    /// As the application of a log was configured, with executors of so many slots.
    #[must_use]
    pub fn of(log: &Log, slots: u32) -> Self {
        let conf = |key: &str| log.conf.get(key).map(|text| text.trim());
        let number = |key: &str| conf(key).and_then(|text| text.parse::<u32>().ok());
        // A policy of ours pins Spark's rule by its timeouts: those are not the application's.
        let ours = conf("spark.sparkwright.ownConfs").unwrap_or_default();
        let is_ours = |key: &str| ours.split(',').any(|one| one.trim() == key);
        let seconds = |key: &str| {
            conf(key)
                .filter(|_| !is_ours(key))
                .and_then(|text| duration_ms(text, 1_000))
                .map(|ms| ms.saturating_mul(1_000))
        };
        let least = number("spark.dynamicAllocation.minExecutors").unwrap_or(0);
        let initial = [number("spark.dynamicAllocation.initialExecutors"), number("spark.executor.instances")];
        let initial = initial.into_iter().flatten().max().unwrap_or(least);
        let most = number("spark.dynamicAllocation.maxExecutors").unwrap_or(u32::MAX);
        let mut rule = Self::new(least, most, initial, slots);
        if let Some(ratio) = conf("spark.dynamicAllocation.executorAllocationRatio").and_then(|text| text.parse().ok())
        {
            rule.ratio = ratio;
        }
        if let Some(us) = seconds("spark.dynamicAllocation.schedulerBacklogTimeout") {
            (rule.backlog_us, rule.sustained_us) = (us, us);
        }
        if let Some(us) = seconds("spark.dynamicAllocation.sustainedSchedulerBacklogTimeout") {
            rule.sustained_us = us;
        }
        if let Some(us) = seconds("spark.dynamicAllocation.executorIdleTimeout") {
            rule.idle_us = us;
        }
        rule
    }

    /// The same with another number of executors at the start.
    #[must_use]
    pub fn starting_with(&self, initial: u32) -> Self {
        Self { target: initial.max(self.least).min(self.most), ..*self }
    }

    /// Executors at the start.
    #[must_use]
    pub const fn initial(&self) -> u32 {
        self.target
    }

    fn need(&self, moment: &Moment) -> u32 {
        let tasks = (moment.pending + moment.running) as f64;
        let executors = libm::ceil(tasks * self.ratio / f64::from(self.slots.max(1)));
        // The cast saturates.
        executors as u32
    }

    fn update(&mut self, need: u32, there: u32, now_us: i64) {
        if self.initializing {
            return;
        }
        if need < self.target {
            (self.target, self.adds) = (need.max(self.least), 1);
        } else if self.adds_at_us.is_some_and(|at_us| now_us >= at_us) {
            let before = self.target;
            let next = before.max(there).saturating_add(self.adds).min(need).min(self.most).max(self.least);
            self.target = next.max(before);
            self.adds = if next.checked_sub(before) == Some(self.adds) { self.adds.saturating_mul(2) } else { 1 };
            self.adds_at_us = Some(now_us + self.sustained_us);
        }
    }
}

impl Allocation for SparkAllocation {
    fn every_us(&self) -> i64 {
        EVERY_US
    }

    fn look(&mut self, moment: &Moment) -> Wanted {
        if moment.pending > 0 {
            self.adds_at_us.get_or_insert(moment.now_us + self.backlog_us);
            self.initializing = false;
        } else {
            (self.adds_at_us, self.adds) = (None, 1);
        }
        let serving = || moment.executors.iter().filter(|executor| !executor.leaving);
        let there = u32::try_from(serving().count()).unwrap_or(u32::MAX);
        let over: Vec<usize> = serving()
            .filter(|it| it.running == 0 && it.idle_us >= self.idle_us && !it.holds_cached && !it.holds_shuffle)
            .map(|executor| executor.place)
            .collect();
        self.initializing &= over.is_empty();
        let before = self.target;
        self.update(self.need(moment), there, moment.now_us);
        let spare = there.saturating_sub(self.least.max(self.target)) as usize;
        let remove: Vec<usize> = over.into_iter().take(spare).collect();
        Wanted { executors: (self.target != before).then_some(self.target), remove }
    }
}
