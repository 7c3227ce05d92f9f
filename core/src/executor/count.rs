//! How many executors a job starts with, and the range in which they may move.

use alloc::format;

use crate::facts::{ClusterFacts, History, JobFacts, ProcessingType, StageType};
use crate::policy::{OptimizationTarget, ResolvedPolicy};
use crate::trace::{Decision, Grade, Trace, Unit, render_ms};
use crate::units::{Bytes, MIB, ceil_u64, floor_u64, saturating_u32};

/// Spark reads files in pieces of this size (`spark.sql.files.maxPartitionBytes`).
pub const SCAN_SPLIT: Bytes = Bytes::mib(128);
/// Input that one core gets through in a second where nothing is known of the job.
pub const USUAL_BYTES_PER_CORE_SECOND: u64 = 16 * MIB;
/// Of the storage memory, the share that cached data should fill at most.
pub const STORAGE_FILL: f64 = 0.9;
/// `executor_scaling_factor` that changes nothing.
pub const NEUTRAL_SCALING_FACTOR: f64 = 0.1;

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

/// How strongly a target holds on to executors that gain little: the weight alpha of the elasticity rule.
#[must_use]
pub const fn elasticity_weight(target: OptimizationTarget) -> f64 {
    match target {
        OptimizationTarget::Speed => 0.95,
        OptimizationTarget::Quality => 0.8,
        OptimizationTarget::Balanced => 0.5,
        OptimizationTarget::Memory => 0.1,
    }
}

/// The factor of a processing type where no prediction exists.
#[must_use]
pub const fn type_factor(processing: ProcessingType) -> f64 {
    match processing {
        ProcessingType::Ml => 1.5,
        ProcessingType::Etl => 0.8,
        ProcessingType::Query => 0.6,
        ProcessingType::General => 1.0,
    }
}

/// The processing type that counts: the stage's where one is declared, else the job's.
#[must_use]
pub fn processing_of(job: &JobFacts) -> ProcessingType {
    job.stage.map_or(job.processing, StageType::processing)
}

/// Executors that meet a deadline: `ceil(W / (c * (T - DRV - CP)))`, or nothing when no number of executors does.
#[must_use]
pub fn executors_for_deadline(work_ms: u64, cores: u32, deadline_ms: u64, serial_ms: u64) -> Option<u64> {
    let left = deadline_ms.checked_sub(serial_ms).filter(|left| *left > 0)?;
    let each = u128::from(left) * u128::from(cores.max(1));
    u64::try_from(u128::from(work_ms).div_ceil(each)).ok()
}

/// The largest n with `-d ln t / d ln n >= 1 - alpha` for `t(n) = S + P / n`: `n = alpha * P / ((1 - alpha) * S)`.
///
/// `S` is the serial time and `P` the parallel work for one executor. Without serial time there is no largest n.
#[must_use]
pub fn elastic_executors(parallel_ms: u64, serial_ms: u64, alpha: f64) -> Option<u64> {
    (serial_ms > 0).then(|| floor_u64(alpha * parallel_ms as f64 / ((1.0 - alpha) * serial_ms as f64)).max(1))
}

/// Executors whose storage memory holds `bytes`: `ceil(D / (0.9 * S))`.
#[must_use]
pub fn executors_for_cache(bytes: Bytes, storage_per_executor: Bytes) -> u64 {
    let each = storage_per_executor.share(STORAGE_FILL).get();
    if each == 0 { 0 } else { bytes.get().div_ceil(each) }
}

/// Decides how many executors the job wants and starts with.
#[must_use]
pub fn executor_count(policy: &ResolvedPolicy, facts: CountFacts<'_>) -> ExecutorCount {
    let CountFacts { job, cluster, history, cores, .. } = facts;
    let scaling = &policy.autoscaling;
    let target = job.target.unwrap_or(policy.pipeline.optimization_target);
    let processing = processing_of(job);
    let serial_ms = history.driver_ms.unwrap_or(0).saturating_add(history.critical_path_ms.unwrap_or(0));
    let deadline_ms = floor_u64(scaling.target_processing_time_minutes * 60_000.0);
    let task_cpus = u64::from(cluster.task_cpus.max(1));

    let mut trace = Trace::new(
        "executors",
        "the number that ends the work in the target time, at most one slot a parallel task, at most what still pays by the \
         target's elasticity, at least what holds the cached data; then the bounds",
        Unit::Executors,
    )
    .input("optimization target", target.word(), Unit::None, policy.origin("pipeline.optimization_target"))
    .input("cores of an executor", cores, Unit::Cores, "executor.cores")
    .input("target time", deadline_ms, Unit::Milliseconds, policy.origin("autoscaling.target_processing_time_minutes"))
    .input("input", job.input_bytes, Unit::Bytes, "job");

    let predicted = history.work_task_ms.is_some();
    let work_ms = history.work_task_ms.or_else(|| {
        let seconds = job.input_bytes?.get() as f64 / USUAL_BYTES_PER_CORE_SECOND as f64;
        Some(ceil_u64(seconds * 1_000.0))
    });
    let parallel_tasks =
        job.parallel_tasks.map(u64::from).or_else(|| Some(job.input_bytes?.get().div_ceil(SCAN_SPLIT.get()).max(1)));

    let grade = match (predicted, work_ms) {
        (true, _) => Grade::B,
        _ => Grade::C,
    };
    let Some(work_ms) = work_ms else {
        // Nothing says how much work there is: start small and let the running controller find the need.
        trace = trace
            .note("neither the size of the input nor an earlier run is known: start at the minimum, grow on backlog")
            .unbounded(scaling.min_executors);
        return bounded(policy, facts, trace, u64::from(scaling.min_executors), Grade::C);
    };
    trace = trace.input(
        "sum of task time",
        work_ms,
        Unit::Milliseconds,
        if predicted { "history" } else { "16 MiB a second and core, a rule of thumb" },
    );
    if serial_ms > 0 {
        trace = trace.input("time that executors do not shorten", serial_ms, Unit::Milliseconds, "history");
    }

    let slots_cap = parallel_tasks.map_or(u64::MAX, |tasks| {
        u64::try_from((u128::from(tasks) * u128::from(task_cpus)).div_ceil(u128::from(cores.max(1))))
            .unwrap_or(u64::MAX)
    });
    if let Some(tasks) = parallel_tasks {
        trace = trace.input("parallel tasks", tasks, Unit::Tasks, "job, or one for each 128 MiB read");
    }
    let mut wanted = match executors_for_deadline(work_ms, cores, deadline_ms, serial_ms) {
        Some(wanted) => wanted,
        None => {
            let over = serial_ms.saturating_sub(deadline_ms);
            trace = trace.note(format!(
                "the target time can't be met by any number of executors: the serial part alone takes {} ({} too long)",
                render_ms(serial_ms),
                render_ms(over)
            ));
            slots_cap.min(u64::from(scaling.max_executors))
        }
    };
    if !predicted {
        let factor = type_factor(processing) * scaling.executor_scaling_factor / NEUTRAL_SCALING_FACTOR;
        trace = trace.input(
            "factor of the processing type and executor_scaling_factor",
            factor,
            Unit::None,
            policy.origin("autoscaling.executor_scaling_factor"),
        );
        wanted = ceil_u64(wanted as f64 * factor).max(1);
    }
    trace = trace.unbounded(wanted);

    // The unbounded number is the deadline's; what follows are bounds, each recorded in its order.
    let parallel_ms = work_ms / u64::from(cores.max(1));
    let knee = predicted.then(|| elastic_executors(parallel_ms, serial_ms, elasticity_weight(target))).flatten();
    wanted = trace.at_most("slots: one for each parallel task", slots_cap, wanted);
    if let Some(knee) = knee {
        wanted = if target == OptimizationTarget::Speed {
            trace.at_least("elasticity: up to here more executors still pay", knee.min(slots_cap), wanted)
        } else {
            trace.at_most("elasticity: beyond this more executors no longer pay", knee, wanted)
        };
    }
    let for_cache = executors_for_cache(facts.cached_bytes, facts.storage_per_executor);
    if for_cache > 0 {
        wanted = trace.at_least("cache: storage memory for what is kept", for_cache, wanted);
    }
    bounded(policy, facts, trace, wanted, grade)
}

/// The bounds of the policy and the cluster, which come last, and the number to start with.
fn bounded(
    policy: &ResolvedPolicy,
    facts: CountFacts<'_>,
    mut trace: Trace,
    wanted: u64,
    grade: Grade,
) -> ExecutorCount {
    let scaling = &policy.autoscaling;
    let room = facts.room.map_or(u32::MAX, |room| room.max(1));
    // A cluster with less room than the minimum wins over it: what isn't there can't be asked for.
    let most = scaling.max_executors.min(room).max(1);
    let least = scaling.min_executors.min(most).max(1);
    let mut value =
        trace.at_least(policy.origin("autoscaling.min_executors"), u64::from(scaling.min_executors), wanted);
    value = trace.at_most(policy.origin("autoscaling.max_executors"), u64::from(scaling.max_executors), value);
    if let Some(room) = facts.room {
        value = trace.at_most("room on the cluster or quota", u64::from(room.max(1)), value);
    }
    if facts.cluster.manager == crate::facts::Manager::Local {
        trace = trace.note("a local master has no executors to add: the driver runs every task");
    }
    let value = saturating_u32(value);
    let start = if grade == Grade::C { least.max(value / 2) } else { value };
    let initial = Trace::new(
        "executors.initial",
        "the wanted number when it is measured or predicted; otherwise max(minimum, wanted / 2)",
        Unit::Executors,
    )
    .input("wanted", value, Unit::Executors, "executors")
    .unbounded(start)
    .decide(start.clamp(least, most), grade);
    ExecutorCount { wanted: trace.decide(value, grade), initial, least, most }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        executor_count(policy, facts(&job, &ClusterFacts::default(), &History::default()))
    }

    /// Oracles, section 7: what the reference gets wrong must not happen.
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
        assert_eq!(of(ProcessingType::Ml), 5);
        assert_eq!(of(ProcessingType::Etl), 3);
        assert_eq!(of(ProcessingType::Query), 2);
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
        let count = executor_count(&policy(1, 50, 10.0), facts(&job, &ClusterFacts::default(), &history));
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
        assert_eq!(executor_count(&policy(1, 50, 60.0), with_cache).wanted.value, 11);
    }

    #[test]
    fn targets_differ_where_history_shows_the_serial_part() {
        let history = History { work_task_ms: Some(4_000_000), driver_ms: Some(60_000), ..History::default() };
        let of = |target| {
            let job = JobFacts { target: Some(target), parallel_tasks: Some(4000), ..JobFacts::default() };
            executor_count(&policy(1, 1000, 2.0), facts(&job, &ClusterFacts::default(), &history)).wanted.value
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
        let count = executor_count(&policy(4, 20, 60.0), facts(&job, &ClusterFacts::default(), &History::default()));
        assert_eq!((count.wanted.value, count.initial.value), (4, 4));
    }
}
