//! Executors at the start of an application that Spark's dynamic allocation moves.

use alloc::format;

use sparkwright_core::trace::render_ms;

use super::conf::{flag, is_steered};
use super::given::{Advice, Gain, WORTH};
use crate::allocations::SparkAllocation;
use crate::compare::compare;
use crate::curve::recorded;
use crate::log::Log;
use crate::simulation::{Manager, StartTimes};
use crate::steered::{SteeredRun, steered};
use crate::trace::{Trace, us};

/// More executors than the rule began with, where they save time: the fewest that come near to the best of those tried, each twice the one before.
pub(super) fn advice(log: &Log, trace: &Trace) -> Option<Advice> {
    // A policy of ours moves executors by itself, and its initial number is the policy's.
    if !flag(log, "spark.dynamicAllocation.enabled") || is_steered(log) {
        return None;
    }
    let run_us = us(trace.end_ms - trace.start_ms);
    let slots = Manager::of(trace, 0, u32::MAX).slots;
    let rule = SparkAllocation::of(log, slots);
    let run = |initial: u32, starts: &StartTimes| -> SteeredRun {
        let mut rule = rule.starting_with(initial);
        let manager = Manager::of(trace, initial, rule.most).starting(starts);
        steered(trace, &manager, &mut rule)
    };
    let starts = Manager::of(trace, 0, u32::MAX).starts;
    let now = rule.initial();
    let as_it_was = run(now, &starts);
    // Platforms have initial numbers of their own, which no log tells: where the rule as configured does not come to the run's time, it was another one.
    if (as_it_was.time_us - run_us).abs() as f64 > WORTH * run_us as f64 {
        return None;
    }
    let most = as_it_was.most_executors.min(recorded(trace).0);
    let mut tried = alloc::vec![(now, as_it_was)];
    let mut next = now.max(1).saturating_mul(2);
    while next < most {
        tried.push((next, run(next, &starts)));
        next = next.saturating_mul(2);
    }
    if most > now {
        tried.push((most, run(most, &starts)));
    }
    let shortest_us = tried.iter().map(|(_, run)| run.time_us).min()?;
    let near = |run: &SteeredRun| (run.time_us - shortest_us) as f64 <= WORTH * run_us as f64;
    let (initial, _) = tried.into_iter().find(|(_, run)| near(run)).filter(|(initial, _)| *initial > now)?;
    let compared = compare::<core::convert::Infallible>(
        trace,
        &starts,
        |starts| Ok(run(now, starts)),
        |starts| Ok(run(initial, starts)),
    )
    .ok()?;
    let saved = compared.time_us;
    let gain = Gain { expected_us: -saved.expected, low_us: -saved.high, high_us: -saved.low };
    let took = |run: &SteeredRun| render_ms(u64::try_from(run.time_us / 1_000).unwrap_or(0));
    gain.is_worth(run_us).then(|| Advice {
        key: "spark.dynamicAllocation.initialExecutors",
        now: u64::from(now),
        set_to: u64::from(initial),
        gain,
        executor_us: (compared.old.executor_us, compared.new.executor_us),
        because: format!(
            "Spark asks for one executor, then two, then four, a second apart: {} instead of {} where {initial} are there at the start",
            took(&compared.new),
            took(&compared.old)
        ),
    })
}
