//! How many executors a job starts with, and the range in which they may move.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::guess;
use super::run_time::{RunTime, work_source};
use super::scaling::{self, Scaling};
use super::shared_work::elasticity_weight;
use super::slots::{executors_for, tasks_an_executor};
use super::start;
use crate::cost::Prices;
use crate::facts::{ClusterFacts, History, JobFacts, Manager};
use crate::history::inputs::Inputs;
use crate::history::setback::{Started, setback};
use crate::policy::{OptimizationTarget, ResolvedPolicy};
use crate::predict::Refusal;
use crate::trace::{Along, Decision, Flip, Grade, Trace, Unit, render_ms};
use crate::units::{Bytes, MIB, floor_u64, saturating_u32};

/// Spark reads files in pieces of this size (`spark.sql.files.maxPartitionBytes`).
pub const SCAN_SPLIT: Bytes = Bytes::mib(128);
/// Of the storage memory, the share that cached data should fill at most.
pub const STORAGE_FILL: f64 = 0.9;
/// The longest target time that flips are looked for at, as the policy key has it.
const MOST_MINUTES: f64 = 100_000.0;

/// The range of executors and the number in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutorCount {
    /// How many the job wants.
    pub wanted: Decision<u32>,
    /// How many it starts with.
    pub initial: Decision<u32>,
    /// Never fewer.
    pub least: u32,
    /// Never more.
    pub most: u32,
    /// How the run time follows the number; absent where nothing says how much work there is.
    pub model: Option<RunTime>,
}

/// What the count is decided from besides the policy.
#[derive(Debug, Clone, Copy)]
pub struct CountFacts<'a> {
    /// The job.
    pub job: &'a JobFacts,
    /// The cluster.
    pub cluster: &'a ClusterFacts,
    /// Its earlier runs.
    pub history: &'a History,
    /// Cores of one executor.
    pub cores: u32,
    /// Storage memory of one executor, `(H - R) * f`.
    pub storage_per_executor: Bytes,
    /// Data that the cache rule keeps in memory.
    pub cached_bytes: Bytes,
    /// The most executors that the cluster holds; unknown when absent.
    pub room: Option<u32>,
}

impl CountFacts<'_> {
    fn tasks_an_executor(&self) -> u32 {
        tasks_an_executor(Some(self.cores), self.cluster.task_cpus)
    }
}

/// Executors whose storage memory holds `bytes`: `ceil(D / (0.9 * S))`.
#[must_use]
pub fn executors_for_cache(bytes: Bytes, storage_per_executor: Bytes) -> u64 {
    let each = storage_per_executor.share(STORAGE_FILL).get();
    if each == 0 { 0 } else { bytes.get().div_ceil(each) }
}

/// What the count comes from, before it is told: the same for the decision and for the search for its flips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CountTerms {
    /// Executors that end the work in the target time; absent where no number does.
    for_deadline: Option<u64>,
    /// The same, or else what gets nearest.
    unbounded: u64,
    /// One slot for each parallel task.
    slots: u64,
    /// The elasticity of the target, as a floor for `speed` and a cap for the others.
    knee: Option<u64>,
    /// The storage memory for what is kept.
    cache: u64,
    /// What the budget pays for, or what is cheapest where it pays for nothing; absent where there is none.
    affordable: Option<u64>,
}

/// Where a bound comes from.
#[derive(Debug, Clone, Copy)]
enum By {
    /// A rule, in words.
    Rule(&'static str),
    /// A key of the policy.
    Key(&'static str),
}

/// The bounds that a number of executors goes through, recorded for a trace or, while flips are searched for, by nobody.
struct Bounds<'a>(Option<(&'a ResolvedPolicy, &'a mut Trace)>);

impl Bounds<'_> {
    fn at_least(&mut self, by: By, limit: u64, value: u64) -> u64 {
        self.pass(by, limit, value, value.max(limit))
    }

    fn at_most(&mut self, by: By, limit: u64, value: u64) -> u64 {
        self.pass(by, limit, value, value.min(limit))
    }

    fn pass(&mut self, by: By, limit: u64, before: u64, after: u64) -> u64 {
        if let Some((policy, trace)) = &mut self.0 {
            match by {
                By::Rule(words) => trace.bound(words, limit, before, after),
                By::Key(path) => trace.bound(policy.origin(path), limit, before, after),
            };
        }
        after
    }
}

/// A job's tasks that can run at a time: as told, else one for each split of its input.
fn parallel_tasks(job: &JobFacts) -> Option<u64> {
    job.parallel_tasks.map(u64::from).or_else(|| Some(job.input_bytes?.get().div_ceil(SCAN_SPLIT.get()).max(1)))
}

/// What of it hangs on the model alone, and on neither the target time nor the parallel tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ModelTerms {
    knee: Option<u64>,
    affordable: Option<u64>,
    /// What comes nearest to a target time that can't be met; absent where that is one slot a task.
    fastest: Option<u64>,
}

impl ModelTerms {
    fn of(policy: &ResolvedPolicy, facts: &CountFacts<'_>, model: &RunTime) -> Self {
        let target = facts.job.target.unwrap_or(policy.pipeline.optimization_target);
        let most = policy.autoscaling.max_executors.max(1);
        let prices = Prices::of(policy);
        let priced = prices.executor_hour_micros.is_some() && prices.budget_micros.is_some();
        let within = |n, ms| prices.affords(n, ms);
        let affordable = if priced { model.fastest(most, within).or_else(|| model.cheapest(most)) } else { None };
        let fastest = match model {
            RunTime::Learned { .. } => model.fastest(most, |_, _| true),
            RunTime::Shared { .. } => None,
        };
        let knee = model.knee(elasticity_weight(target));
        Self { knee, affordable: affordable.map(u64::from), fastest: fastest.map(u64::from) }
    }
}

impl CountTerms {
    fn of(
        policy: &ResolvedPolicy,
        facts: &CountFacts<'_>,
        model: &RunTime,
        model_terms: ModelTerms,
        deadline_ms: u64,
    ) -> Self {
        let job = facts.job;
        let slots = parallel_tasks(job).map_or(u64::MAX, |tasks| executors_for(tasks, facts.tasks_an_executor()));
        let for_deadline = model.executors_for(deadline_ms);
        let most = u64::from(policy.autoscaling.max_executors.max(1));
        let unbounded = for_deadline.or(model_terms.fastest).unwrap_or_else(|| slots.min(most)).max(1);
        let ModelTerms { knee, affordable, .. } = model_terms;
        let cache = executors_for_cache(facts.cached_bytes, facts.storage_per_executor);
        Self { for_deadline, unbounded, slots, knee, cache, affordable }
    }

    /// The number after all bounds, in their order.
    fn bounded(&self, policy: &ResolvedPolicy, facts: &CountFacts<'_>, mut to: Bounds<'_>) -> u64 {
        let scaling = &policy.autoscaling;
        let target = facts.job.target.unwrap_or(policy.pipeline.optimization_target);
        let mut value = to.at_most(By::Rule("one slot for each parallel task"), self.slots, self.unbounded);
        if let Some(knee) = self.knee {
            value = if target == OptimizationTarget::Speed {
                to.at_least(By::Rule("more executors still save enough"), knee.min(self.slots), value)
            } else {
                to.at_most(By::Rule("one more executor saves too little"), knee, value)
            };
        }
        if self.cache > 0 {
            value = to.at_least(By::Rule("storage memory for the cached data"), self.cache, value);
        }
        if let Some(affordable) = self.affordable {
            value = to.at_most(By::Key("cost.budget_per_run"), affordable, value);
        }
        value = to.at_least(By::Key("autoscaling.min_executors"), u64::from(scaling.min_executors), value);
        value = to.at_most(By::Key("autoscaling.max_executors"), u64::from(scaling.max_executors), value);
        if let Some(room) = facts.room {
            value = to.at_most(By::Rule("what the cluster or the quota holds"), u64::from(room.max(1)), value);
        }
        value
    }
}

/// Decides how many executors the job wants and starts with.
#[must_use]
pub fn executor_count(policy: &ResolvedPolicy, facts: &CountFacts<'_>) -> ExecutorCount {
    let CountFacts { job, history, cores, .. } = *facts;
    let scaling = &policy.autoscaling;
    let target = job.target.unwrap_or(policy.pipeline.optimization_target);
    let deadline_ms = floor_u64(scaling.target_processing_time_minutes * 60_000.0);
    let (model, refused) = RunTime::of(policy, job, history, facts.tasks_an_executor());
    let mut trace = Trace::new(
        "executors",
        "enough to end in the target time; at most one slot for each parallel task, until one more executor saves too little, at least what \
         holds the cached data, at most what the budget pays for, then min_executors and max_executors",
        Unit::Executors,
    )
    .input("optimization target", target.word(), Unit::None, policy.origin("pipeline.optimization_target"))
    .input("executor cores", cores, Unit::Cores, "executor.cores")
    .input("target time", deadline_ms, Unit::Milliseconds, policy.origin("autoscaling.target_processing_time_minutes"))
    .input("input size", job.input_bytes, Unit::Bytes, "job");
    if let Some(bytes) = history.next_scanned_bytes {
        trace = trace.input("files to scan, expected", bytes, Unit::Bytes, "history");
    }
    if let Some(task_cpus) = facts.cluster.task_cpus.filter(|cpus| *cpus > 1) {
        trace = trace.input("spark.task.cpus", task_cpus, Unit::Cores, "spark.task.cpus").input(
            "slots of an executor",
            facts.tasks_an_executor(),
            Unit::Tasks,
            "cores / cores a task",
        );
    }
    if let Some(refusal) = refused {
        trace = trace.note(not_learned(&refusal));
    }
    let Some(model) = model else {
        // Nothing says how much work there is: start small and let the running controller find the need.
        trace = trace
            .note("input size and earlier runs are unknown: starts at min_executors and grows on backlog")
            .unbounded(scaling.min_executors);
        let value = u64::from(scaling.min_executors);
        let terms = CountTerms {
            for_deadline: None,
            unbounded: value,
            slots: u64::MAX,
            knee: None,
            cache: 0,
            affordable: None,
        };
        let value = terms.bounded(policy, facts, Bounds(Some((policy, &mut trace))));
        return in_range(policy, facts, trace, value, Grade::C, None);
    };
    let model_terms = ModelTerms::of(policy, facts, &model);
    let terms = CountTerms::of(policy, facts, &model, model_terms, deadline_ms);
    trace = explain(policy, facts, &model, &terms, deadline_ms, trace);
    let value = terms.bounded(policy, facts, Bounds(Some((policy, &mut trace))));
    trace = trace.flips(flips(policy, facts, &model, model_terms, deadline_ms));
    let grade = model.grade();
    in_range(policy, facts, trace, value, grade, Some(model))
}

/// What is told of the model and of what no number of executors brings.
fn explain(
    policy: &ResolvedPolicy,
    facts: &CountFacts<'_>,
    model: &RunTime,
    terms: &CountTerms,
    deadline_ms: u64,
    mut trace: Trace,
) -> Trace {
    match model {
        RunTime::Learned { predictor, .. } => {
            trace = trace.input("runs learned from", predictor.settings() as u64, Unit::None, "history").input(
                "mean error on runs left out",
                predictor.mean_error(),
                Unit::None,
                "history",
            );
        }
        RunTime::Shared { work_ms, serial_ms, grade, .. } => {
            trace = trace.input("sum of task time", *work_ms, Unit::Milliseconds, work_source(*grade));
            if *serial_ms > 0 {
                trace = trace.input("time that executors do not shorten", *serial_ms, Unit::Milliseconds, "history");
            }
        }
    }
    if let Some(tasks) = parallel_tasks(facts.job) {
        trace = trace.input("parallel tasks", tasks, Unit::Tasks, "job, or one for each 128 MiB read");
    }
    if terms.for_deadline.is_none() {
        trace = trace.note(match model {
            RunTime::Shared { serial_ms, .. } => format!(
                "the target time can't be met by any number of executors: the serial part alone takes {} ({} too long)",
                render_ms(*serial_ms),
                render_ms(serial_ms.saturating_sub(deadline_ms))
            ),
            RunTime::Learned { .. } => {
                let nearest = model.run_ms(saturating_u32(terms.unbounded)).unwrap_or(u64::MAX);
                format!(
                    "the target time can't be met: earlier runs promise {} at best ({} too long)",
                    render_ms(nearest),
                    render_ms(nearest.saturating_sub(deadline_ms))
                )
            }
        });
    }
    if model.grade() == Grade::C {
        trace = trace.input(
            "factor of the processing type and executor_scaling_factor",
            guess::work_factor(policy, facts.job),
            Unit::None,
            policy.origin("autoscaling.executor_scaling_factor"),
        );
    }
    let prices = Prices::of(policy);
    if let (Some(price), Some(budget)) = (prices.executor_hour_micros, prices.budget_micros) {
        trace = trace
            .input("price of an executor-hour", price, Unit::Micros, policy.origin("cost.executor_hour_price"))
            .input("budget of a run", budget, Unit::Micros, policy.origin("cost.budget_per_run"));
        let affordable = terms.affordable.map(saturating_u32);
        if !affordable.is_some_and(|n| model.run_ms(n).is_some_and(|ms| prices.affords(n, ms))) {
            trace = trace.note("no number of executors stays within the budget: the cheapest is taken");
        }
    }
    trace.unbounded(terms.unbounded)
}

/// The nearest sizes of the input and target times at which another number of executors would be wanted.
fn flips(
    policy: &ResolvedPolicy,
    facts: &CountFacts<'_>,
    model: &RunTime,
    model_terms: ModelTerms,
    deadline_ms: u64,
) -> Vec<Flip> {
    let time = Along {
        input: "a target time of",
        unit: Unit::Milliseconds,
        at: deadline_ms,
        least: 1_000,
        most: floor_u64(MOST_MINUTES * 60_000.0),
        step: 1_000,
    };
    let mut flips = time.flips(|deadline_ms| {
        CountTerms::of(policy, facts, model, model_terms, deadline_ms).bounded(policy, facts, Bounds(None))
    });
    if let Some(bytes) = facts.job.input_bytes {
        let along =
            Along { input: "an input of", unit: Unit::Bytes, at: bytes.get(), least: 0, most: u64::MAX, step: MIB };
        flips.extend(along.flips(|bytes| {
            let job = JobFacts { input_bytes: Some(Bytes(bytes)), ..facts.job.clone() };
            let facts = &CountFacts { job: &job, ..*facts };
            match model.with_input(policy, &job) {
                Some(model) => {
                    let model_terms = ModelTerms::of(policy, facts, &model);
                    CountTerms::of(policy, facts, &model, model_terms, deadline_ms).bounded(policy, facts, Bounds(None))
                }
                None => {
                    CountTerms::of(policy, facts, model, model_terms, deadline_ms).bounded(policy, facts, Bounds(None))
                }
            }
        }));
    }
    flips
}

/// The cores that an executor will have: the plan's where it sets them or the user did, else those that executors had.
fn cores_to_come(facts: &CountFacts<'_>) -> u32 {
    let cluster = facts.cluster;
    let set = cluster.user("spark.executor.cores").is_some() || !cluster.nodes.is_empty();
    let had = facts.history.runs.iter().rev().filter(|run| run.steered).find_map(|run| run.executor_cores);
    had.filter(|_| !set && cluster.manager != Manager::Unstated).unwrap_or(facts.cores)
}

/// Why earlier runs were not learned from, for the trace.
fn not_learned(refusal: &Refusal) -> String {
    match refusal {
        Refusal::TooFewSettings { settings } => {
            format!("earlier runs are in {settings} different settings, too few to learn the run time from")
        }
        Refusal::ExplainsNothing { error } => format!(
            "earlier runs differ for other reasons than their executors: the best model is off by {} % on runs left out",
            floor_u64(error * 100.0 + 0.5)
        ),
        Refusal::OutOfReach { .. } => "earlier runs are too far from this one to say anything of it".into(),
    }
}

/// The range in which executors may move, and the number to start with.
fn in_range(
    policy: &ResolvedPolicy,
    facts: &CountFacts<'_>,
    mut trace: Trace,
    value: u64,
    grade: Grade,
    model: Option<RunTime>,
) -> ExecutorCount {
    let scaling = &policy.autoscaling;
    let local = facts.cluster.manager == Manager::Local;
    let room = facts.room.map_or(u32::MAX, |room| room.max(1));
    // A cluster with less room than the minimum wins over it: what isn't there can't be asked for.
    let most = scaling.max_executors.min(room).max(1);
    let least = scaling.min_executors.min(most).max(1);
    if local {
        trace = trace.note("a local master has no executors to add: the driver runs every task");
    }
    let value = saturating_u32(value);
    let moves = scaling.enable_autoscaling;
    let rule = |wanted: u32| if moves && grade == Grade::C { least.max(wanted / 2) } else { wanted };
    let along = Along {
        input: "wanted executors of",
        unit: Unit::Executors,
        at: u64::from(value),
        least: 1,
        most: u64::from(scaling.max_executors),
        step: 1,
    };
    let initial = Trace::new(
        "executors.initial",
        "all of them when their number is measured or predicted, or when autoscaling is off, else half; max(min_executors, executors / 2)",
        Unit::Executors,
    )
    .input("executors", value, Unit::Executors, "executors")
    .unbounded(rule(value));
    let initial = if local {
        // Spark itself has one executor there, the driver.
        initial.note("a local master runs every task in the driver").decide(1, Grade::A)
    } else {
        initial
            .flips(along.flips(|wanted| rule(saturating_u32(wanted)).clamp(least, most)))
            .decide(rule(value).clamp(least, most), grade)
    };
    let target = facts.job.target.unwrap_or(policy.pipeline.optimization_target);
    let target_from = policy.origin("pipeline.optimization_target");
    // Replays are of what earlier runs read.
    let (input, history) = (facts.job.input_bytes, facts.history);
    let of_this = moves && !local && Inputs::of(input, history).alike(input, history);
    let replayed = of_this.then(|| start::by_replay(target, target_from, &history.starts, (least, most)));
    let initial = replayed.flatten().unwrap_or(initial);
    let ours = !local && scaling::scaling(policy, facts.cluster).value != Scaling::User;
    let taken_back = setback(policy, facts.history, Started::Cores).filter(|_| ours);
    let initial =
        taken_back.map_or(initial, |setback| start::taken_back(&setback, cores_to_come(facts), (least, most)));
    ExecutorCount { wanted: trace.decide(value, grade), initial, least, most, model }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ProcessingType;
    use crate::units::GIB;

    fn facts<'a>(job: &'a JobFacts, cluster: &'a ClusterFacts, history: &'a History) -> CountFacts<'a> {
        CountFacts {
            job,
            cluster,
            history,
            cores: 4,
            storage_per_executor: Bytes::gib(4),
            cached_bytes: Bytes(0),
            room: None,
        }
    }

    fn policy(min: u32, max: u32, minutes: f64) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = min;
        policy.autoscaling.max_executors = max;
        policy.autoscaling.target_processing_time_minutes = minutes;
        policy
    }

    fn count(policy: &ResolvedPolicy, gib: u64, processing: ProcessingType) -> ExecutorCount {
        let job = JobFacts { input_bytes: Some(Bytes(gib * GIB)), processing, ..JobFacts::default() };
        executor_count(policy, &facts(&job, &ClusterFacts::default(), &History::default()))
    }

    /// The Python original multiplied by the type factor after the bounds: 100 GB of ML with at most 20 executors got 22, 10 GB of ETL got 0.
    #[test]
    fn the_bounds_come_after_the_type_factor() {
        for processing in [ProcessingType::Ml, ProcessingType::Etl, ProcessingType::Query, ProcessingType::General] {
            for gib in [0, 1, 10, 100, 1024, u64::MAX / GIB] {
                for (min, max) in [(1, 20), (4, 20), (1, 1), (2, 10)] {
                    let count = count(&policy(min, max, 60.0), gib, processing);
                    assert!((min..=max).contains(&count.wanted.value), "{gib} GiB: {}", count.wanted.value);
                    assert!((min..=count.wanted.value.max(min)).contains(&count.initial.value));
                }
            }
        }
    }

    #[test]
    fn the_deadline_decides_and_the_type_matters() {
        // 100 GiB at 16 MiB a second and core are 6400 core seconds: 1600 s on 4 cores, in 10 minutes 2.67 executors.
        let of = |processing| count(&policy(1, 100, 10.0), 100, processing).wanted.value;
        assert_eq!(of(ProcessingType::General), 3);
        assert_eq!(of(ProcessingType::Ml), 4);
        assert_eq!(of(ProcessingType::Etl), 3);
        assert_eq!(of(ProcessingType::Query), 2);
    }

    /// The run time that is told is of the work that the count was made for: 2 TB of ETL got 8 executors for an hour, and 1 h 2 min beside them.
    #[test]
    fn the_count_of_a_guess_meets_the_target_by_the_run_time_that_is_told() {
        let types = [ProcessingType::Ml, ProcessingType::Etl, ProcessingType::Query, ProcessingType::General];
        for (processing, gib) in types.into_iter().flat_map(|processing| [40, 300, 1863].map(|gib| (processing, gib))) {
            let mut policy = policy(1, 1000, 60.0);
            policy.autoscaling.executor_scaling_factor = 0.13;
            let count = count(&policy, gib, processing);
            let (n, model) = (count.wanted.value, count.model.unwrap());
            assert!(model.run_ms(n).unwrap() <= 3_600_000, "{processing:?}, {gib} GiB on {n}");
            assert!(n == 1 || model.run_ms(n - 1).unwrap() > 3_600_000, "{processing:?}, {gib} GiB on {n}");
        }
    }

    #[test]
    fn a_deadline_that_cannot_be_met_is_said_with_its_gap() {
        let history = History {
            work_task_ms: Some(10_000_000),
            critical_path_ms: Some(700_000),
            driver_ms: Some(20_000),
            ..History::default()
        };
        let job = JobFacts::default();
        let count = executor_count(&policy(1, 50, 10.0), &facts(&job, &ClusterFacts::default(), &history));
        assert!(count.wanted.trace.notes.iter().any(|note| note.contains("12 min 0 s (2 min 0 s too long)")));
        assert_eq!(count.wanted.grade, Grade::B);
        assert_eq!(count.initial.value, count.wanted.value);
    }

    #[test]
    fn cached_data_is_a_floor_under_the_count() {
        let job = JobFacts { input_bytes: Some(Bytes::gib(1)), ..JobFacts::default() };
        let cluster = ClusterFacts::default();
        let history = History::default();
        let with_cache = CountFacts { cached_bytes: Bytes::gib(37), ..facts(&job, &cluster, &history) };
        assert_eq!(executor_count(&policy(1, 50, 60.0), &with_cache).wanted.value, 11);
    }

    #[test]
    fn targets_differ_where_history_shows_the_serial_part() {
        let history = History { work_task_ms: Some(4_000_000), driver_ms: Some(60_000), ..History::default() };
        let of = |target| {
            let job = JobFacts { target: Some(target), parallel_tasks: Some(4000), ..JobFacts::default() };
            executor_count(&policy(1, 1000, 2.0), &facts(&job, &ClusterFacts::default(), &history)).wanted.value
        };
        // P = 1000 s, S = 60 s, the deadline leaves 60 s: 17 executors; the knee of "memory" is at 1, of "speed" at 316.
        assert_eq!(of(OptimizationTarget::Memory), 1);
        assert_eq!(of(OptimizationTarget::Balanced), 16);
        assert_eq!(of(OptimizationTarget::Quality), 17);
        assert_eq!(of(OptimizationTarget::Speed), 316);
    }

    #[test]
    fn nothing_known_starts_at_the_minimum() {
        let job = JobFacts::default();
        let count = executor_count(&policy(4, 20, 60.0), &facts(&job, &ClusterFacts::default(), &History::default()));
        assert_eq!((count.wanted.value, count.initial.value), (4, 4));
    }
}
