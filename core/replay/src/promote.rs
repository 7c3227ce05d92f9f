//! Whether runs are evidence enough that a policy does well: how each would have gone under it, by replay, against how it went.
//!
//! Each run gives one factor of its time and one of its executor time; both replays have the same errors, which cancel in their ratio. A run's cost to
//! the policy's target is `alpha * ln(time) + (1 - alpha) * ln(executor time)`, as where starts are chosen. The interval of the mean holds what differs
//! from run to run, what start-up times may be, and what a replay may be off by.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sparkwright_core::executor::shared_work::elasticity_weight;
use sparkwright_core::policy::OptimizationTarget;
use sparkwright_core::trace::Grade;

use crate::compare::{Compared, Difference};

/// So many runs at least: of fewer, one that is unlike the others decides.
pub const LEAST_RUNS: usize = 5;
/// A log whose own replay is further off is not counted: the same bound holds for every usable log of the tests.
pub const TRUSTED_ERROR: f64 = 0.08;
/// A policy may cost so much more, as a share, and still count as no worse: less than a replay can tell.
const NO_WORSE: f64 = 0.02;
/// No single run may take this many times as long.
const HARM: f64 = 1.25;
/// The normal distribution leaves one of twenty beyond this, so that an interval holds nine of ten.
const ONE_SIDED: f64 = 1.645;
/// More runs than this are not asked for: nobody waits for them.
const MOST_ASKED_FOR: f64 = 200.0;

/// A factor with its interval: 0.9 is a tenth less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// The most likely one.
    pub expected: f64,
    /// It is hardly less.
    pub low: f64,
    /// It is hardly more.
    pub high: f64,
}

/// What one run says.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The run.
    pub name: String,
    /// Its time under the policy, over its time as it was.
    pub time: Factor,
    /// Its executor time under the policy, over that as it was.
    pub executor_time: Factor,
    /// How well its log knows it.
    pub grade: Grade,
}

impl Evidence {
    /// Of a run that was replayed as it was (`old`) and under the policy (`new`).
    #[must_use]
    pub fn of(name: &str, compared: &Compared) -> Self {
        let factor = |was_us: i64, by: Difference| {
            let of = |by_us: i64| (was_us + by_us).max(1) as f64 / was_us.max(1) as f64;
            Factor { expected: of(by.expected), low: of(by.low), high: of(by.high) }
        };
        Self {
            name: name.to_string(),
            time: factor(compared.old.time_us, compared.time_us),
            executor_time: factor(compared.old.executor_us, compared.executor_us),
            grade: compared.grade,
        }
    }

    /// What a replay may be off by at other executors, as a share of the time (one standard deviation). Source: replays of programs of known tasks
    /// on other numbers of executors, nineteen of twenty within 12 %; beyond twice the recorded number nothing was measured.
    const fn doubt(&self) -> f64 {
        match self.grade {
            Grade::A | Grade::B => 0.06,
            Grade::C => 0.12,
        }
    }
}

/// What runs say of a policy together.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether that is enough to let the policy act.
    pub enough: bool,
    /// The geometric mean of the runs' time factors; absent without runs.
    pub time: Option<Factor>,
    /// The same of their executor time.
    pub executor_time: Option<Factor>,
    /// What is missing, a sentence each; empty where it is enough.
    pub missing: Vec<String>,
}

/// Judges the runs by what the policy's target weighs; `denied` are runs that the policy would not have let start, with its message.
#[must_use]
pub fn verdict(target: OptimizationTarget, runs: &[Evidence], denied: &[(String, String)]) -> Verdict {
    let alpha = elasticity_weight(target);
    let mut missing = Vec::new();
    if runs.len() < LEAST_RUNS {
        let more = LEAST_RUNS - runs.len();
        let s = if more == 1 { "" } else { "s" };
        missing.push(format!("{more} more run{s} that can be replayed: there are {} of {LEAST_RUNS}", runs.len()));
    }
    for (name, why) in denied {
        missing.push(format!("`{name}` would not start: the policy denies it ({why})"));
    }
    for run in runs.iter().filter(|run| run.time.low > HARM) {
        missing.push(format!("`{}` would take {} longer", run.name, percent(run.time.expected - 1.0)));
    }
    let cost = mean(runs, |run| {
        let of = |time: f64, executors: f64| alpha * libm::log(time) + (1.0 - alpha) * libm::log(executors);
        Spread::of(
            of(run.time.expected, run.executor_time.expected),
            of(run.time.low, run.executor_time.low),
            of(run.time.high, run.executor_time.high),
            run.doubt(),
        )
    });
    if let Some(cost) = cost {
        missing.extend(undecided(&cost, target, runs.len()));
    }
    let of = |factor: fn(&Evidence) -> Factor| {
        let mean = mean(runs, |run| {
            let it = factor(run);
            Spread::of(libm::log(it.expected), libm::log(it.low), libm::log(it.high), run.doubt())
        })?;
        let at = |by: f64| libm::exp(mean.mean + by * mean.error);
        Some(Factor { expected: at(0.0), low: at(-mean.quantile), high: at(mean.quantile) })
    };
    Verdict {
        enough: missing.is_empty(),
        time: of(|run| run.time),
        executor_time: of(|run| run.executor_time),
        missing,
    }
}

/// Why it is not known to be no worse for its target; nothing where it is.
fn undecided(cost: &Mean, target: OptimizationTarget, runs: usize) -> Option<String> {
    let (low, high) = (cost.mean - cost.quantile * cost.error, cost.mean + cost.quantile * cost.error);
    if high <= NO_WORSE {
        return None;
    }
    let word = target.word();
    if low > NO_WORSE {
        let by = percent(libm::exp(cost.mean) - 1.0);
        return Some(format!("it is worse for `{word}`: time and executor time, so weighted, cost {by} more"));
    }
    let share = |cost: f64| format!("{:+.0} %", (libm::exp(cost) - 1.0) * 100.0);
    let interval = format!("between {} and {} for `{word}`", share(low), share(high));
    // As many as make the interval narrow enough, if they are like these.
    let each = cost.error * libm::sqrt(runs as f64);
    let needed = libm::pow(ONE_SIDED * each / (NO_WORSE - cost.mean).max(1e-9), 2.0) - runs as f64;
    Some(if cost.mean < NO_WORSE && needed <= MOST_ASKED_FOR {
        format!(
            "what it costs is not known well enough, {interval}: about {:.0} more runs like these would tell",
            libm::ceil(needed).max(1.0)
        )
    } else {
        format!("what it costs is not known well enough, {interval}, and more runs like these would hardly tell")
    })
}

/// One run's value with the variance of what is not known of it.
struct Spread {
    value: f64,
    variance: f64,
}

impl Spread {
    fn of(value: f64, one: f64, other: f64, doubt: f64) -> Self {
        // Both ends of an interval of nine in ten.
        let lags = (other - one) / (2.0 * ONE_SIDED);
        Self { value, variance: lags * lags + doubt * doubt }
    }
}

/// A mean over runs.
struct Mean {
    mean: f64,
    /// Its standard error.
    error: f64,
    /// So many errors on either side hold nine of ten.
    quantile: f64,
}

fn mean(runs: &[Evidence], of: impl Fn(&Evidence) -> Spread) -> Option<Mean> {
    let n = runs.len() as f64;
    if runs.is_empty() {
        return None;
    }
    let all: Vec<Spread> = runs.iter().map(of).collect();
    let mean = all.iter().map(|one| one.value).sum::<f64>() / n;
    let between = all.iter().map(|one| (one.value - mean) * (one.value - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let within = all.iter().map(|one| one.variance).sum::<f64>() / n;
    Some(Mean { mean, error: libm::sqrt((between + within) / n), quantile: quantile(n - 1.0) })
}

/// What Student's distribution leaves one of twenty beyond. Source: Abramowitz and Stegun, 26.7.5.
fn quantile(freedom: f64) -> f64 {
    let (z, freedom) = (ONE_SIDED, freedom.max(1.0));
    let (cube, fifth) = (z * z * z, z * z * z * z * z);
    z + (cube + z) / (4.0 * freedom) + (5.0 * fifth + 16.0 * cube + 3.0 * z) / (96.0 * freedom * freedom)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use OptimizationTarget::{Balanced, Memory, Speed};

    fn runs(factors: &[(f64, f64)]) -> Vec<Evidence> {
        let exact = |value: f64| Factor { expected: value, low: 0.99 * value, high: 1.01 * value };
        factors
            .iter()
            .map(|(time, executors)| Evidence {
                name: "run".to_string(),
                time: exact(*time),
                executor_time: exact(*executors),
                grade: Grade::B,
            })
            .collect()
    }

    #[test]
    fn few_runs_are_not_enough_however_good_they_are() {
        let good = verdict(Balanced, &runs(&[(0.9, 0.6); 4]), &[]);
        assert!(!good.enough);
        assert_eq!(good.missing, ["1 more run that can be replayed: there are 4 of 5"]);
        let none = verdict(Balanced, &[], &[]);
        assert_eq!((none.enough, none.time, none.missing.len()), (false, None, 1));
    }

    #[test]
    fn runs_that_agree_are_enough_and_the_target_weighs_them() {
        // A fifth longer for a third less: right where executor time counts, wrong where time does.
        let all = runs(&[(1.2, 0.66), (1.22, 0.62), (1.18, 0.7), (1.2, 0.64), (1.2, 0.68), (1.21, 0.66)]);
        let memory = verdict(Memory, &all, &[]);
        assert!(memory.enough, "{memory:?}");
        assert!(memory.time.is_some_and(|time| time.low < 1.2 && 1.2 < time.high), "{memory:?}");
        let speed = verdict(Speed, &all, &[]);
        assert!(!speed.enough && speed.missing.iter().any(|why| why.contains("worse for `speed`")), "{speed:?}");
    }

    #[test]
    fn a_policy_that_changes_nothing_is_no_worse_once_there_are_runs_enough() {
        let few = verdict(Balanced, &runs(&[(1.0, 1.0); 5]), &[]);
        assert!(few.missing.iter().any(|why| why.contains("more runs like these would tell")), "{few:?}");
        let many = verdict(Balanced, &runs(&[(1.0, 1.0); 60]), &[]);
        assert!(many.enough, "{many:?}");
    }

    #[test]
    fn harm_to_one_run_and_a_denial_stand_in_the_way() {
        let mut all = runs(&[(0.9, 0.5); 20]);
        all.extend(runs(&[(1.5, 0.5)]));
        let harmed = verdict(Balanced, &all, &[("nightly".to_string(), "too large".to_string())]);
        assert_eq!(
            harmed.missing,
            ["`nightly` would not start: the policy denies it (too large)", "`run` would take 50 % longer"]
        );
    }

    #[test]
    fn student_s_quantiles() {
        for (freedom, expected) in [(4.0, 2.132), (9.0, 1.833), (30.0, 1.697), (1e9, 1.645)] {
            assert!((quantile(freedom) - expected).abs() < 0.02, "{freedom}: {}", quantile(freedom));
        }
    }
}
