//! What a log says of a run's time: its causes, what other sizes would have done, and the answer in a sentence.

use sparkwright_core::printable;
use sparkwright_core::trace::render_ms;
use sparkwright_record::{
    Found, FoundAdvice, FoundCause, FoundExecutorTime, FoundWork, GainMs, MOST_WORK_TOLD, NowAndThen, percent, stages,
};
use sparkwright_replay::advice::{Advice, WORTH, advice, enough};
use sparkwright_replay::causes::{Cause, Spent, spent};
use sparkwright_replay::curve::{Point, curve, usual_sizes};
use sparkwright_replay::executor_time::{ExecutorTime, Work, WorkTime, executor_time};
use sparkwright_replay::log::Log;
use sparkwright_replay::trace::{NoTrace, Trace};

/// Stages that the answer names, at most.
const STAGES_NAMED: usize = 3;

/// What replays say of other sizes.
struct Sizes {
    /// The most executors at a time, and tasks that one runs at once.
    recorded: (u32, u32),
    /// So many more would have been enough.
    enough: Option<Point>,
    advice: Vec<Advice>,
}

/// Finds what a run's time went to, and replays it at other sizes.
#[must_use]
pub fn found(log: &Log) -> Found {
    let trace = Trace::of(log);
    // Times of two clocks have no order, and nothing follows from them.
    let of_two_clocks = matches!(trace, Err(NoTrace::Clocks { .. }));
    let sizes = trace.map(|trace| {
        let curve = curve(&trace, &usual_sizes(&trace));
        let advice = advice(log, &trace, &curve.points);
        Sizes { recorded: curve.recorded, enough: enough(&trace, &curve.points), advice }
    });
    let spent = if of_two_clocks { Spent::default() } else { spent(log) };
    Found {
        answer: answer(&log.application, &spent, sizes.as_ref().ok()),
        run_ms: whole_ms(spent.run_ms),
        causes: spent.causes.iter().map(cause_found).collect(),
        advice: sizes.as_ref().map_or(&[][..], |sizes| &sizes.advice[..]).iter().map(advice_found).collect(),
        executor_time: (!of_two_clocks).then(|| executor_time_found(executor_time(log))),
        advice_from_share: WORTH,
        unknown: sizes.err().map(|why| why.to_string()),
    }
}

/// How long it took, where most of it went, and what more slots would have done.
fn answer(name: &str, spent: &Spent, sizes: Option<&Sizes>) -> String {
    let mut parts = vec![render_ms(whole_ms(spent.run_ms))];
    parts.extend(most(spent));
    if let Some(sizes) = sizes {
        let slots = |executors: u32| u64::from(executors) * u64::from(sizes.recorded.1);
        parts.push(match &sizes.enough {
            Some(point) => {
                let time = render_ms(u64::try_from(point.time_us / 1_000).unwrap_or(0));
                format!("on {} slots instead of {} about {time}", slots(point.executors), slots(sizes.recorded.0))
            }
            None => format!("more than its {} slots would not have saved a twentieth", slots(sizes.recorded.0)),
        });
    }
    format!("{}: {}", printable::line(name), parts.join("; "))
}

/// What took the most: few stages that took more than half of the run, else the first cause.
fn most(spent: &Spent) -> Option<String> {
    let first = spent.causes.first()?;
    let most = spent.stages.iter().take(STAGES_NAMED).scan(0.0, |sum, (_, share)| {
        *sum += share;
        Some(*sum)
    });
    let enough = most.enumerate().find(|(_, sum)| *sum > 0.5);
    let Some((last, share)) = enough.filter(|_| !first.stages.is_empty()) else {
        return Some(format!("{} of it: {}", percent(first.share), first.kind.title()));
    };
    let named: Vec<String> = spent.stages.iter().take(last + 1).map(|(stage, _)| stage.to_string()).collect();
    let verb = if named.len() == 1 { "takes" } else { "take" };
    Some(format!("{} {verb} {} of it ({})", stages(&named), percent(share), first.kind.title()))
}

fn cause_found(cause: &Cause) -> FoundCause {
    let named: Vec<String> = cause.stages.iter().map(ToString::to_string).collect();
    FoundCause {
        cause: cause.kind.word().to_owned(),
        title: cause.kind.title().to_owned(),
        r#where: if named.is_empty() { "driver".to_owned() } else { stages(&named) },
        stages: cause.stages.clone(),
        time_ms: whole_ms(cause.time_ms),
        share: cause.share,
        evidence: cause.evidence.clone(),
        helps: cause.helps.to_owned(),
    }
}

/// What the time of executors went to; nothing where the log has times of two clocks.
#[must_use]
pub fn executor_time_of(log: &Log) -> Option<FoundExecutorTime> {
    (!matches!(Trace::of(log), Err(NoTrace::Clocks { .. }))).then(|| executor_time_found(executor_time(log)))
}

fn executor_time_found(time: ExecutorTime) -> FoundExecutorTime {
    let mut work: Vec<FoundWork> = time
        .work
        .into_iter()
        .map(|WorkTime { work, name, executor_ms }| {
            let (query, job) = match work {
                Work::Query(query) => (Some(query), None),
                Work::Job(job) => (None, Some(job)),
            };
            FoundWork { query, job, what: name, executor_ms }
        })
        .collect();
    let others = work.split_off(work.len().min(MOST_WORK_TOLD));
    FoundExecutorTime {
        whole_ms: time.whole_ms,
        work,
        others: others.len() as u64,
        others_ms: others.iter().map(|work| work.executor_ms).sum(),
        pinned_ms: time.pinned_ms,
        idle_ms: time.idle_ms,
    }
}

fn advice_found(advice: &Advice) -> FoundAdvice {
    let gain = &advice.gain;
    FoundAdvice {
        key: advice.key.to_owned(),
        now: advice.now,
        set_to: advice.set_to,
        gain_ms: GainMs { expected: gain.expected_us / 1_000, low: gain.low_us / 1_000, high: gain.high_us / 1_000 },
        executor_seconds: NowAndThen {
            now: advice.executor_us.0 as f64 / 1e6,
            then: advice.executor_us.1 as f64 / 1e6,
        },
        because: advice.because.clone(),
    }
}

/// The cast saturates.
fn whole_ms(ms: f64) -> u64 {
    ms as u64
}
