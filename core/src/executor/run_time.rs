//! How the run time follows the number of executors: by a model learned from earlier runs, else by sharing out the work.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::guess;
use super::shared_work::{elastic_executors, executors_for_deadline};
use crate::decision::Value;
use crate::facts::{History, JobFacts, PastRun};
use crate::history::inputs::Inputs;
use crate::history::{whole, window};
use crate::policy::ResolvedPolicy;
use crate::predict::{LEAST_SETTINGS, Predictor, Refusal, Run};
use crate::trace::{Decision, Grade, Scalar, Trace, Unit, render_ms};
use crate::units::{Bytes, ceil_u64, floor_u64, saturating_u32};

/// The most runs, the latest, that are learned from: learning tries the model on each setting that is left out.
pub const MOST_RUNS: usize = 50;

/// The model of a job's run time.
#[derive(Debug, Clone, PartialEq)]
pub enum RunTime {
    /// Learned from runs with different numbers of executors.
    Learned {
        /// The model.
        predictor: Predictor,
        /// The size of this job's input, in the unit of the model.
        scale: f64,
        /// Its run times.
        curve: Curve,
    },
    /// Work that executors share and time that they don't shorten: `t(n) = S + W / (c * n)`.
    Shared {
        /// Sum of task time, W.
        work_ms: u64,
        /// Driver time and critical path, S.
        serial_ms: u64,
        /// Tasks that an executor runs at a time, c.
        tasks_an_executor: u32,
        /// B where the work is known from history, C where it is guessed from the size of the input.
        grade: Grade,
    },
}

/// Run times of a learned model, one for each number of executors that it says something of and that the policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    /// The first number of executors.
    first: u32,
    /// The run time of each.
    times_ms: Vec<u64>,
    /// The shortest run time up to each: it never rises, so that a deadline is found by halving.
    shortest_ms: Vec<u64>,
}

/// A predicted time in whole milliseconds, the nearest: a fit is exact to far less than one.
fn whole_ms(ms: f64) -> u64 {
    floor_u64(ms + 0.5)
}

impl Curve {
    fn of(predictor: &Predictor, scale: f64, most: u32) -> Option<Self> {
        let (first, last) = predictor.executors_in_reach();
        let times_ms: Vec<u64> =
            (first..=last.min(most)).map_while(|n| Some(whole_ms(predictor.predict(scale, n).ok()?.run_ms))).collect();
        let mut shortest = *times_ms.first()?;
        let shortest_ms = times_ms
            .iter()
            .map(|ms| {
                shortest = shortest.min(*ms);
                shortest
            })
            .collect();
        Some(Self { first, times_ms, shortest_ms })
    }

    fn at(&self, executors: u32) -> Option<u64> {
        self.times_ms.get(executors.checked_sub(self.first)? as usize).copied()
    }

    /// Numbers of executors with their run times.
    fn points(&self) -> impl Iterator<Item = (u32, u64)> {
        (self.first..).zip(self.times_ms.iter().copied())
    }

    /// The fewest executors that meet a deadline.
    fn meets(&self, deadline_ms: u64) -> Option<u32> {
        let place = self.shortest_ms.partition_point(|ms| *ms > deadline_ms);
        (place < self.shortest_ms.len()).then(|| saturating_u32(u64::from(self.first) + place as u64))
    }
}

/// A run time with what it may be off by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunTimeEstimate {
    /// The run time.
    pub run_ms: u64,
    /// It will hardly be shorter; unknown for a rule of thumb.
    pub low_ms: Option<u64>,
    /// It will hardly be longer; unknown for a rule of thumb.
    pub high_ms: Option<u64>,
}

/// Where nothing says by how much a predicted run time may be off, a run may take so many times it.
const USUAL_ERROR: f64 = 1.25;

impl RunTimeEstimate {
    /// The longest run time that it promises; nothing for a guess.
    #[must_use]
    pub fn promised_ms(&self, grade: Grade) -> Option<u64> {
        (grade != Grade::C).then(|| self.high_ms.unwrap_or_else(|| ceil_u64(self.run_ms as f64 * USUAL_ERROR)))
    }
}

impl Value for RunTimeEstimate {
    fn scalar(&self) -> Scalar {
        self.run_ms.into()
    }

    fn text(&self, _: Unit) -> String {
        let time = render_ms(self.run_ms);
        match (self.low_ms, self.high_ms) {
            (Some(low), Some(high)) => alloc::format!("{time}, between {} and {}", render_ms(low), render_ms(high)),
            _ => time,
        }
    }
}

/// What earlier runs are learned from: each with its scale, which is the size of its input where every run and this job have one.
fn learn(policy: &ResolvedPolicy, job: &JobFacts, history: &History) -> Result<RunTime, Refusal> {
    let latest: Vec<PastRun> = whole(window(policy, history, MOST_RUNS)).collect();
    let inputs = Inputs::of(job.input_bytes, history);
    // Runs of as many executors on a little more each night are one setting; what differs between them is chance.
    let counts: BTreeSet<u32> = latest.iter().map(|run| run.executors).collect();
    let scaled = inputs.next.is_some()
        && latest.iter().all(|run| inputs.of_run(run).is_some())
        && (inputs.are_said() || counts.len() >= LEAST_SETTINGS);
    let scale = |bytes: Option<Bytes>| if scaled { bytes.unwrap_or_default().get() as f64 } else { 1.0 };
    let runs = latest.iter().map(|run| Run {
        executors: run.executors,
        scale: scale(inputs.of_run(run)),
        run_ms: run.run_ms as f64,
    });
    let predictor = Predictor::learn(&runs.collect::<Vec<_>>())?;
    let scale = scale(inputs.next);
    match Curve::of(&predictor, scale, policy.autoscaling.max_executors) {
        Some(curve) => Ok(RunTime::Learned { predictor, scale, curve }),
        None => Err(predictor.out_of_reach()),
    }
}

impl RunTime {
    /// The model of this job, and why its runs gave none where there are runs; no model where nothing says how much work there is.
    #[must_use]
    pub fn of(
        policy: &ResolvedPolicy,
        job: &JobFacts,
        history: &History,
        tasks_an_executor: u32,
    ) -> (Option<Self>, Option<Refusal>) {
        let refused = match learn(policy, job, history) {
            Ok(learned) => return (Some(learned), None),
            Err(refusal) => (!history.runs.is_empty()).then_some(refusal),
        };
        (Self::shared(policy, job, history, tasks_an_executor), refused)
    }

    /// The work shared out: its sum from history, else from the size of the input.
    fn shared(policy: &ResolvedPolicy, job: &JobFacts, history: &History, tasks_an_executor: u32) -> Option<Self> {
        let serial_ms = history.driver_ms.unwrap_or(0).saturating_add(history.critical_path_ms.unwrap_or(0));
        let grade = if history.work_task_ms.is_some() { Grade::B } else { Grade::C };
        let work_ms = history.work_task_ms.or_else(|| guess::work_ms(policy, job))?;
        Some(Self::Shared { work_ms, serial_ms, tasks_an_executor: tasks_an_executor.max(1), grade })
    }

    /// The model at another size of input, as `job` has it; nothing where the size makes no difference to it.
    #[must_use]
    pub fn with_input(&self, policy: &ResolvedPolicy, job: &JobFacts) -> Option<Self> {
        match self {
            Self::Shared { serial_ms, tasks_an_executor, grade: Grade::C, .. } => {
                let work_ms = guess::work_ms(policy, job)?;
                let (serial_ms, tasks_an_executor) = (*serial_ms, *tasks_an_executor);
                Some(Self::Shared { work_ms, serial_ms, tasks_an_executor, grade: Grade::C })
            }
            _ => None,
        }
    }

    /// How well founded it is.
    #[must_use]
    pub const fn grade(&self) -> Grade {
        match self {
            Self::Learned { .. } => Grade::B,
            Self::Shared { grade, .. } => *grade,
        }
    }

    /// The run time with so many executors; nothing beyond the model's reach.
    #[must_use]
    pub fn run_ms(&self, executors: u32) -> Option<u64> {
        match self {
            Self::Learned { curve, .. } => curve.at(executors.max(1)),
            Self::Shared { work_ms, serial_ms, tasks_an_executor, .. } => {
                let slots = u64::from(executors.max(1)).saturating_mul(u64::from(*tasks_an_executor));
                Some(serial_ms.saturating_add(work_ms.div_ceil(slots)))
            }
        }
    }

    /// The fewest executors that meet a deadline; nothing where no number does.
    #[must_use]
    pub fn executors_for(&self, deadline_ms: u64) -> Option<u64> {
        match self {
            Self::Shared { work_ms, serial_ms, tasks_an_executor, .. } => {
                executors_for_deadline(*work_ms, *tasks_an_executor, deadline_ms, *serial_ms)
            }
            Self::Learned { curve, .. } => curve.meets(deadline_ms).map(u64::from),
        }
    }

    /// The largest number of executors that still pays: the last whose step gains at least `1 - alpha` of what it adds.
    #[must_use]
    pub fn knee(&self, alpha: f64) -> Option<u64> {
        match self {
            Self::Shared { grade: Grade::C, .. } => None,
            Self::Shared { work_ms, serial_ms, tasks_an_executor, .. } => {
                elastic_executors(work_ms / u64::from(*tasks_an_executor), *serial_ms, alpha)
            }
            Self::Learned { curve, .. } => {
                let mut points = curve.points();
                let (mut knee, mut before) = points.next()?;
                for (next, after) in points {
                    let gained = libm::log(before.max(1) as f64 / after.max(1) as f64);
                    if gained < (1.0 - alpha) * libm::log(f64::from(next) / f64::from(knee)) {
                        break;
                    }
                    (knee, before) = (next, after);
                }
                Some(u64::from(knee))
            }
        }
    }

    /// The number of executors, at most `most`, with which the run is shortest of those that are allowed: the fewest of several.
    #[must_use]
    pub fn fastest(&self, most: u32, allowed: impl Fn(u32, u64) -> bool) -> Option<u32> {
        match self {
            // Its time only falls, and its cost only rises, with the number: the largest that is allowed is the fastest.
            Self::Shared { .. } => largest_that(most.max(1), |n| self.run_ms(n).is_some_and(|ms| allowed(n, ms))),
            Self::Learned { curve, .. } => curve
                .points()
                .filter(|(n, ms)| *n <= most && allowed(*n, *ms))
                .min_by_key(|(n, ms)| (*ms, *n))
                .map(|(n, _)| n),
        }
    }

    /// The number of executors, at most `most`, that needs the least executor time: the fewest of several.
    #[must_use]
    pub fn cheapest(&self, most: u32) -> Option<u32> {
        match self {
            Self::Shared { .. } => Some(1),
            Self::Learned { curve, .. } => curve
                .points()
                .filter(|(n, _)| *n <= most)
                .min_by_key(|(n, ms)| (u64::from(*n).saturating_mul(*ms), *n))
                .map(|(n, _)| n),
        }
    }

    /// The run time with so many executors as a decision; nothing beyond the model's reach.
    #[must_use]
    pub fn estimate(&self, executors: u32) -> Option<Decision<RunTimeEstimate>> {
        let run_ms = self.run_ms(executors)?;
        match self {
            Self::Learned { predictor, scale, .. } => {
                let prediction = predictor.predict(*scale, executors.max(1)).ok()?;
                let model = predictor.model();
                let error = predictor.mean_error();
                let mut trace = Trace::new(
                    "run_time",
                    "learned from earlier runs; a + b * scale / n + c * ln n + d * n, fitted by relative non-negative least squares; nine \
                     of ten runs that were left out lie in the interval",
                    Unit::Milliseconds,
                )
                .input("executors, n", executors, Unit::Executors, "executors")
                .input("settings seen", predictor.settings() as u64, Unit::None, "history")
                .input("mean error on runs left out", error, Unit::None, "history")
                .unbounded(run_ms);
                for (name, value) in ["a", "b", "c", "d", "e"].into_iter().zip(model.coefficients) {
                    trace = trace.input(name, value, Unit::None, "fitted");
                }
                if model.hinge.is_some() {
                    trace = trace.note(
                        "e * max(0, h * scale / n - 1) is added: below a certain number of executors the data stops fitting in memory",
                    );
                }
                let value = RunTimeEstimate {
                    run_ms,
                    low_ms: Some(ceil_u64(prediction.low_ms)),
                    high_ms: Some(ceil_u64(prediction.high_ms)),
                };
                Some(trace.decide(value, Grade::B))
            }
            Self::Shared { work_ms, serial_ms, tasks_an_executor, grade } => {
                let trace = Trace::new(
                    "run_time",
                    "the work shared by all slots, after what no executor shortens; serial time + sum of task time / (executors * slots of an executor)",
                    Unit::Milliseconds,
                )
                .input("executors", executors, Unit::Executors, "executors")
                .input("slots of an executor", *tasks_an_executor, Unit::Tasks, "cores / spark.task.cpus")
                .input("sum of task time", *work_ms, Unit::Milliseconds, work_source(*grade))
                .input("time that executors do not shorten", *serial_ms, Unit::Milliseconds, "history")
                .unbounded(run_ms);
                Some(trace.decide(RunTimeEstimate { run_ms, low_ms: None, high_ms: None }, *grade))
            }
        }
    }
}

/// Where a sum of task time came from.
pub(super) const fn work_source(grade: Grade) -> &'static str {
    match grade {
        Grade::C => "16 MiB a second and core times the factor below, a rule of thumb",
        Grade::A | Grade::B => "history",
    }
}

/// The largest number from 1 to `most` that fits, where everything below a number that fits does too.
fn largest_that(most: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut good, mut bad) = (0_u64, u64::from(most) + 1);
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        if fits(saturating_u32(middle)) { good = middle } else { bad = middle }
    }
    (good > 0).then(|| saturating_u32(good))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::PastRun;
    use alloc::vec;

    fn history(times: impl IntoIterator<Item = (u32, u64)>) -> History {
        let runs =
            times.into_iter().map(|(executors, run_ms)| PastRun { executors, run_ms, ..PastRun::default() }).collect();
        History { runs, ..History::default() }
    }

    fn policy() -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.max_executors = 100;
        policy
    }

    #[test]
    fn nights_that_differ_by_what_they_scan_are_no_settings_of_their_own() {
        let run = |executors, scanned_gib, minutes: u64| PastRun {
            executors,
            scanned_bytes: Some(Bytes::gib(scanned_gib)),
            run_ms: minutes * 60_000,
            work_task_ms: Some(10_000_000),
            ..PastRun::default()
        };
        let history = History { runs: vec![run(4, 100, 58), run(4, 101, 59), run(5, 102, 57)], ..History::default() };
        let (_, refused) = RunTime::of(&policy(), &JobFacts::default(), &history, 4);
        assert_eq!(refused, Some(Refusal::TooFewSettings { settings: 2 }));
    }

    #[test]
    fn without_runs_the_work_is_shared_out() {
        let job = JobFacts { input_bytes: Some(Bytes::gib(1)), ..JobFacts::default() };
        let (model, refused) = RunTime::of(&policy(), &job, &History::default(), 4);
        let model = model.unwrap();
        assert_eq!((model.grade(), refused), (Grade::C, None));
        // 64 s of work on 4 cores, on 8, on 12.
        assert_eq!([1, 2, 3].map(|n| model.run_ms(n)), [Some(16_000), Some(8_000), Some(5_334)]);
        assert_eq!(model.executors_for(8_000), Some(2));
        let history = History { driver_ms: Some(1_000), ..History::default() };
        let with_driver = RunTime::of(&policy(), &job, &history, 4).0.unwrap();
        assert_eq!(with_driver.fastest(10, |n, ms| u64::from(n) * ms <= 20_000), Some(4), "5 * 4.2 s are over it");
        assert_eq!(with_driver.fastest(10, |_, _| false), None);
        assert_eq!(RunTime::of(&policy(), &JobFacts::default(), &History::default(), 4), (None, None));
    }

    #[test]
    fn runs_are_learned_from_and_say_when_they_are_too_few() {
        let time = |n: u32| (n, 10_000 + 400_000 / u64::from(n) + 500 * u64::from(n));
        let (model, refused) = RunTime::of(&policy(), &JobFacts::default(), &history([2, 4, 8, 16].map(time)), 4);
        let model = model.unwrap();
        assert_eq!((model.grade(), refused), (Grade::B, None));
        let at_ten = model.run_ms(10).unwrap();
        assert!(at_ten.abs_diff(time(10).1) < 500, "{at_ten}");
        assert_eq!(model.run_ms(33), None, "beyond its reach");
        // t falls until n = sqrt(400000 / 500) = 28.
        assert!((27..=29).contains(&model.fastest(100, |_, _| true).unwrap()));
        assert!(model.knee(0.1).unwrap() < model.knee(0.5).unwrap());
        assert!(model.knee(0.5).unwrap() < model.knee(0.95).unwrap());
        assert_eq!(model.executors_for(64_000), Some(8));
        let estimate = model.estimate(10).unwrap().value;
        assert!(estimate.low_ms.unwrap() < estimate.run_ms && estimate.run_ms < estimate.high_ms.unwrap());

        let (model, refused) = RunTime::of(&policy(), &JobFacts::default(), &history([time(2), time(4)]), 4);
        assert_eq!((model, refused), (None, Some(Refusal::TooFewSettings { settings: 2 })));
    }
}
