//! Executors: how many tasks each runs at once, and from when until when it gets any.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::recorded::Recorded;
use super::statistics::median;
use super::timeline::most_at_once;
use super::{Executor, us};
use crate::log::{Log, LoggedExecutor, LoggedTask};
use crate::settings;

/// The default of `spark.dynamicAllocation.executorIdleTimeout`, in milliseconds.
const IDLE_TIMEOUT_MS: i64 = 60_000;

/// The default of `spark.dynamicAllocation.schedulerBacklogTimeout`, in milliseconds.
const BACKLOG_MS: i64 = 1_000;
/// Who waits for a backlog of this length leaves the executors to somebody else.
const PINNED_MS: i64 = 3_600_000;

/// The executors of a trace.
pub(crate) struct Executors {
    /// Those that registered or ran tasks.
    pub(crate) served: Vec<Executor>,
    /// Their places by those in the log.
    pub(crate) places: BTreeMap<usize, usize>,
}

/// The executors of a log, and how long the removal of an idle one took.
pub(crate) fn of(log: &Log, start_ms: i64) -> (Executors, i64) {
    let mut ran: BTreeMap<usize, Vec<&LoggedTask>> = BTreeMap::new();
    for task in log.stages.values().flat_map(|stage| &stage.ran) {
        ran.entry(task.executor).or_default().push(task);
    }
    let idle_timeout_ms = idle_timeout_ms(log);
    let (mut served, mut places, mut lags) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (place, logged) in log.executors.iter().enumerate() {
        let tasks = ran.get(&place);
        // Seen in a log put together by hand: executors of years later.
        let too_late = logged.added_ms.is_some_and(|at_ms| at_ms > log.ended_ms.unwrap_or(log.last_ms));
        let slots = match (logged.added_ms, tasks) {
            (Some(_), None) if too_late => continue,
            (Some(_), _) => slots(log, logged),
            // Its registration is not in the log: as many as it was seen to run at once.
            (None, Some(tasks)) => most_at_once(tasks.iter().map(|task| (task.launched_ms, task.finished_ms))),
            (None, None) => continue,
        };
        let added_ms = logged.added_ms.unwrap_or(start_ms);
        let removed_ms = logged.removed_ms.filter(|_| logged.added_ms.is_some());
        let mut serves_until_ms = removed_ms;
        if let (Some(timeout_ms), Some(gone_ms)) = (idle_timeout_ms, removed_ms) {
            let last_ms = tasks.into_iter().flatten().map(|task| task.finished_ms).max().unwrap_or(added_ms);
            // Spark gives no task to an executor that it has decided to remove; what remains is the manager's.
            if gone_ms - last_ms >= timeout_ms {
                lags.push(gone_ms - last_ms - timeout_ms);
                serves_until_ms = Some(last_ms + timeout_ms);
            }
        }
        places.insert(place, served.len());
        served.push(Executor {
            id: logged.id.clone(),
            host: if logged.host.is_empty() { logged.id.clone() } else { logged.host.clone() },
            asked_ms: start_ms,
            asked_before: None,
            added_ms,
            serves_until_ms,
            removed_ms,
            slots,
            profile: logged.profile,
        });
    }
    (Executors { served, places }, us(median(lags).unwrap_or(0)))
}

/// Finds when each executor was asked for. Where they are moved, by Spark's rule or by a policy, those beyond the initial number come for tasks that
/// wait, by Spark's ramp: all of them under its own rule, and under a policy of ours until the first task has ended. Others were asked for when the
/// tasks began to wait.
pub(super) fn note_asked(executors: &mut Executors, log: &Log, stages: &[Recorded<'_>]) {
    if !is_moved(log) {
        return;
    }
    let waits = backlogs(stages);
    let ramp = Ramp::of(log);
    let first_end_ms = stages.iter().flat_map(|stage| &stage.tasks).map(|task| task.finished_ms).min();
    let number = |key: &str| log.conf.get(key).and_then(|text| text.trim().parse::<usize>().ok());
    let keys = [
        "spark.dynamicAllocation.initialExecutors",
        "spark.executor.instances",
        "spark.dynamicAllocation.minExecutors",
    ];
    let initial = keys.into_iter().filter_map(number).max().unwrap_or(0);
    let mut by_time: Vec<&mut Executor> = executors.served.iter_mut().collect();
    by_time.sort_by_key(|executor| executor.added_ms);
    let mut of_backlog = (0, 0);
    for executor in by_time.into_iter().skip(initial) {
        // One that is there sooner than it could have been asked for came for the tasks before.
        let asked_by_ms = executor.added_ms - ramp.first_ms - 1;
        let before = waits.partition_point(|(from_ms, _)| *from_ms <= asked_by_ms);
        if let Some((from_ms, _)) = before.checked_sub(1).and_then(|last| waits.get(last)) {
            of_backlog = if of_backlog.0 == before { (before, of_backlog.1 + 1) } else { (before, 0) };
            let ramped_ms = from_ms.saturating_add(ramp.delay_ms(of_backlog.1));
            // Once a task has ended a policy of ours asks for all that it wants at once.
            let at_once_ms = first_end_ms.filter(|_| !ramp.sparks).map_or(ramped_ms, |end_ms| end_ms.max(*from_ms));
            let asked_ms = ramped_ms.min(at_once_ms);
            let soonest_ms = from_ms.saturating_add(ramp.first_ms);
            executor.asked_ms = if asked_ms < executor.added_ms { asked_ms } else { soonest_ms };
            executor.asked_before = Some(of_backlog.1);
        }
    }
}

/// How Spark asks for executors while tasks wait: one, two more, four more and so on. Source: `ExecutorAllocationManager` of Apache Spark.
struct Ramp {
    /// Whether its own rule moves the executors, and not a policy that pinned it.
    sparks: bool,
    first_ms: i64,
    each_ms: i64,
}

impl Ramp {
    fn of(log: &Log) -> Self {
        let duration = |key| log.conf.get(key).and_then(|text| settings::duration_ms(text.trim(), 1_000));
        let first_ms = duration("spark.dynamicAllocation.schedulerBacklogTimeout").unwrap_or(BACKLOG_MS);
        let each_ms = duration("spark.dynamicAllocation.sustainedSchedulerBacklogTimeout").unwrap_or(first_ms);
        if first_ms >= PINNED_MS {
            return Self { sparks: false, first_ms: BACKLOG_MS, each_ms: BACKLOG_MS };
        }
        Self { sparks: true, first_ms, each_ms }
    }

    /// From when tasks began to wait until an executor is asked for with so many asked for before it.
    fn delay_ms(&self, before: usize) -> i64 {
        let steps = (before + 1).ilog2();
        self.first_ms.saturating_add(self.each_ms.saturating_mul(i64::from(steps)))
    }
}

/// When tasks waited: from a stage's submission to its last launch, and on where another stage waits by then.
fn backlogs(stages: &[Recorded<'_>]) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = stages
        .iter()
        .filter_map(|stage| Some((stage.submitted_ms, stage.tasks.iter().map(|task| task.launched_ms).max()?)))
        .collect();
    all.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (from_ms, to_ms) in all {
        match merged.last_mut() {
            Some(last) if from_ms <= last.1 => last.1 = last.1.max(to_ms),
            _ => merged.push((from_ms, to_ms)),
        }
    }
    merged
}

/// Whether executors come and go by the load.
fn is_moved(log: &Log) -> bool {
    log.conf.get("spark.dynamicAllocation.enabled").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

/// When dynamic allocation removes an idle executor; nothing where it is off.
fn idle_timeout_ms(log: &Log) -> Option<i64> {
    let conf = |key| log.conf.get(key).map(|value| value.trim());
    is_moved(log).then_some(())?;
    let text = conf("spark.dynamicAllocation.executorIdleTimeout");
    Some(text.and_then(|text| settings::duration_ms(text, 1_000)).unwrap_or(IDLE_TIMEOUT_MS))
}

/// How many tasks an executor runs at once: by cores and by every other resource that its profile, or the configuration, gives to a task.
/// Source: `ResourceProfile.calculateTasksAndLimitingResource` of Apache Spark.
fn slots(log: &Log, executor: &LoggedExecutor) -> u32 {
    let number = |key: &str| log.conf.get(key).and_then(|text| text.trim().parse::<f64>().ok());
    let profile = log.profiles.get(&executor.profile);
    let own_cpus = profile.filter(|_| executor.profile != 0).map(|it| it.task.get("cpus").copied().unwrap_or(1.0));
    let cpus = own_cpus.or_else(|| number("spark.task.cpus")).filter(|cpus| *cpus >= 1.0).unwrap_or(1.0);
    let mut least = f64::from(executor.cores) / cpus;
    match profile {
        Some(profile) => {
            for (resource, amount) in profile.task.iter().filter(|(name, amount)| *name != "cpus" && **amount > 0.0) {
                if let Some(has) = profile.executor.get(resource).filter(|has| **has > 0.0) {
                    least = least.min(has / amount);
                }
            }
        }
        None => {
            let amounts =
                log.conf.keys().filter(|key| key.starts_with("spark.task.resource.") && key.ends_with(".amount"));
            for key in amounts {
                let of_executor = number(&key.replace("spark.task.", "spark.executor."));
                if let (Some(amount), Some(has)) = (number(key).filter(|amount| *amount > 0.0), of_executor) {
                    least = least.min(has / amount);
                }
            }
        }
    }
    // A hair under a whole number is that number: 1 / 0.1 of a device are ten tasks. The cast rounds down and saturates.
    ((least + 1e-9) as u32).max(1)
}
