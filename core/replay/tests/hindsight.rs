//! The limit: what the best schedule of executors would have cost, chosen by who knows the whole run. Slow and obvious: every schedule of a small family
//! is replayed. No controller can know that much; each target's stays within a quarter of it.
//!
//! A schedule says how many executors each job has, and whether those without a task go at once or stay for the next job. They are asked for so early
//! that they are there as the job starts. The first job has a choice of its own, and all later ones the same.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use sparkwright_core::executor::shared_work::elasticity_weight;
use sparkwright_replay::simulation::{Allocation, Manager, Model, Moment, Wanted, replay_steered};
use sparkwright_replay::trace::Trace;
use support::clusters::{TARGETS, by_policy, standalone};
use support::loads::loads;

const MOST: u32 = 8;
const LOOK_US: i64 = 50_000;

/// What one job has.
#[derive(Debug, Clone, Copy)]
struct Choice {
    executors: u32,
    /// Whether executors without a task stay for the next job.
    stay: bool,
}

/// A schedule, carried out by who knows when each job starts.
struct Schedule<'a> {
    first: Choice,
    later: Choice,
    /// The driver's time before each job.
    gaps_us: &'a [i64],
    start_us: i64,
    /// Jobs that have started, and since when none runs.
    jobs: usize,
    idle_since_us: Option<i64>,
    pending: u64,
}

impl Schedule<'_> {
    fn of(&self, job: usize) -> Choice {
        if job == 0 { self.first } else { self.later }
    }
}

impl Allocation for Schedule<'_> {
    fn every_us(&self) -> i64 {
        LOOK_US
    }

    fn sees_stages(&self) -> bool {
        true
    }

    fn look(&mut self, moment: &Moment) -> Wanted {
        if moment.pending > self.pending {
            self.jobs += 1;
        }
        self.pending = moment.pending;
        let busy = moment.pending + moment.running > 0;
        let since_us = *self.idle_since_us.get_or_insert(moment.now_us);
        if busy {
            self.idle_since_us = None;
        }
        let next_is_near = self
            .gaps_us
            .get(self.jobs)
            .is_some_and(|gap_us| !busy && moment.now_us - since_us + self.start_us + LOOK_US >= *gap_us);
        if next_is_near {
            return Wanted { executors: Some(self.of(self.jobs).executors), remove: Vec::new() };
        }
        let here = self.of(self.jobs.saturating_sub(1));
        let staying = moment.executors.iter().filter(|executor| !executor.leaving);
        if moment.pending > 0 {
            return Wanted { executors: Some(here.executors), remove: Vec::new() };
        }
        // One stays in any case, as the controller's least.
        let without_task: Vec<usize> = staying.clone().filter(|it| it.running == 0).map(|it| it.place).collect();
        let keep = if staying.count() == without_task.len() { 1 } else { 0 };
        let remove = if here.stay { Vec::new() } else { without_task.into_iter().skip(keep).collect() };
        Wanted { executors: None, remove }
    }
}

/// Run time and executor time under every schedule.
fn all(trace: &Trace, cluster: &Manager) -> Vec<(f64, f64)> {
    let gaps_us: Vec<i64> = trace.jobs.iter().filter(|job| !job.stages.is_empty()).map(|job| job.gap_us).collect();
    let choices = || (1..=MOST).flat_map(|executors| [true, false].map(|stay| Choice { executors, stay }));
    let schedules = choices().flat_map(|first| choices().map(move |later| (first, later)));
    let replays = schedules.map(|(first, later)| {
        let start_us = cluster.initial_start_us[0];
        let mut schedule =
            Schedule { first, later, gaps_us: &gaps_us, start_us, jobs: 0, idle_since_us: None, pending: 0 };
        let replayed = replay_steered(trace, &Model::OTHER_SIZES, cluster, &mut schedule);
        assert!(replayed.jobs.iter().all(Option::is_some), "every job ends: {first:?} {later:?}");
        (replayed.end_us() as f64, replayed.executor_us() as f64)
    });
    replays.collect()
}

fn cost((time, executors): (f64, f64), alpha: f64) -> f64 {
    alpha * time.ln() + (1.0 - alpha) * executors.ln()
}

#[test]
fn no_target_costs_a_quarter_more_than_the_best_in_hindsight() {
    let cluster = standalone(1, MOST, 3_000);
    let loads = loads().map(|(name, trace)| {
        let schedules = all(&trace, &cluster);
        (name, trace, schedules)
    });
    for target in TARGETS {
        let alpha = elasticity_weight(target);
        let (mut sum, mut count) = (0.0, 0.0);
        for (name, trace, schedules) in &loads {
            let ours = by_policy(trace, &cluster, true, target);
            let cheaper = |one: &&(f64, f64), other: &&(f64, f64)| cost(**one, alpha).total_cmp(&cost(**other, alpha));
            let least = *schedules.iter().min_by(cheaper).unwrap();
            let ratio = (cost(ours, alpha) - cost(least, alpha)).exp();
            eprintln!(
                "{target:?}, {name}: {ratio:.3} of the best in hindsight; {:.0} s at {:.0} executor-seconds, the best {:.0} s at {:.0}",
                ours.0 / 1e6,
                ours.1 / 1e6,
                least.0 / 1e6,
                least.1 / 1e6
            );
            (sum, count) = (sum + ratio.ln(), count + 1.0);
        }
        let mean = f64::exp(sum / count);
        eprintln!("{target:?}: {mean:.3} in the geometric mean");
        assert!(mean <= 1.25, "{target:?}: {mean}");
    }
}
