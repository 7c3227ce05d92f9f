//! What a log says for each cause, in words, and what is done about it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sparkwright_core::trace::render_ms;
use sparkwright_core::units::Bytes;

use super::driver::is_shell;
use super::kind::Kind;
use super::stage::median;
use super::timeline::Timeline;
use crate::log::{Ended, Log, LoggedStage, LoggedTask};

/// Stages that are told of.
const STAGES_TOLD: usize = 3;

fn time(ms: i64) -> String {
    render_ms(u64::try_from(ms).unwrap_or(0))
}

/// What the log says: a sentence for each of the stages with the most time, or one for the driver.
pub(super) fn of(kind: Kind, log: &Log, timeline: &Timeline, stages: &[(i64, f64)]) -> Vec<String> {
    match kind {
        Kind::StartUp => start_up(log, timeline),
        Kind::IdleShell => [if is_shell(log) {
            "no query and no job was open, and the application is a shell"
        } else {
            "no query and no job was open"
        }
        .to_string()]
        .to_vec(),
        Kind::Program => {
            ["no query and no job was open: what the program did then is not in the log".to_string()].to_vec()
        }
        Kind::Driver => ["a query or a job was open, executors were there, and no task ran".to_string()].to_vec(),
        Kind::NoExecutor => {
            lost(log).into_iter().chain(["a query or a job was open, and there was no executor".to_string()]).collect()
        }
        _ => {
            let told =
                stages.iter().take(STAGES_TOLD).filter_map(|(stage, ms)| Some((*stage, attempts(log, *stage)?, *ms)));
            let mut sentences: Vec<String> =
                told.map(|(stage, attempts, ms)| sentence(kind, log, timeline, stage, &attempts, ms)).collect();
            if kind == Kind::LostExecutors {
                sentences.extend(lost(log));
            }
            sentences
        }
    }
}

fn start_up(log: &Log, timeline: &Timeline) -> Vec<String> {
    let since = |at_ms: i64| time(at_ms - timeline.start_ms);
    let executor = log.executors.iter().filter_map(|executor| executor.added_ms).min();
    let mut sentences: Vec<String> = executor
        .map(|at_ms| format!("the first executor registered {} after the application's start", since(at_ms)))
        .into_iter()
        .collect();
    let job = log.jobs.values().map(|job| job.started_ms).min();
    sentences.extend(job.map(|at_ms| format!("the first job came after {}", since(at_ms))));
    sentences.extend(timeline.first_task_ms.map(|at_ms| format!("the first task after {}", since(at_ms))));
    sentences
}

/// Why executors were lost, the most frequent reasons first.
fn lost(log: &Log) -> Vec<String> {
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    for executor in log.executors.iter().filter(|executor| executor.removed_ms.is_some()) {
        *reasons.entry(executor.reason.lines().next().unwrap_or_default()).or_default() += 1;
    }
    let mut reasons: Vec<(&str, u32)> = reasons.into_iter().filter(|(reason, _)| !reason.is_empty()).collect();
    reasons.sort_by_key(|(_, times)| core::cmp::Reverse(*times));
    reasons
        .into_iter()
        .take(STAGES_TOLD)
        .map(|(reason, times)| format!("executors that went, {times}: {reason}"))
        .collect()
}

/// All attempts of a stage.
fn attempts(log: &Log, stage: i64) -> Option<Vec<&LoggedStage>> {
    let attempts: Vec<&LoggedStage> =
        log.stages.iter().filter(|(key, _)| key.stage == stage).map(|(_, logged)| logged).collect();
    (!attempts.is_empty()).then_some(attempts)
}

/// A distribution's middle and end.
struct Spread {
    median: i64,
    most: i64,
}

fn spread(tasks: &[&LoggedTask], of: impl Fn(&LoggedTask) -> i64) -> Spread {
    let values: Vec<i64> = tasks.iter().map(|task| of(task)).collect();
    Spread { most: values.iter().copied().max().unwrap_or(0), median: median(values) }
}

fn sentence(kind: Kind, log: &Log, timeline: &Timeline, stage: i64, attempts: &[&LoggedStage], ms: f64) -> String {
    let ran: Vec<&LoggedTask> = attempts.iter().flat_map(|logged| &logged.ran).collect();
    let well: Vec<&LoggedTask> = ran.iter().copied().filter(|task| task.end == Ended::Well).collect();
    let times = spread(&well, |task| task.finished_ms - task.launched_ms);
    let sum = |of: &dyn Fn(&LoggedTask) -> u64| well.iter().map(|task| of(task)).fold(0, u64::saturating_add);
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let name = attempts.first().map_or("", |logged| logged.name.as_str());
    let tasks = well.len();
    let said = match kind {
        Kind::TaskFailures | Kind::LostExecutors => failures(attempts, &ran),
        Kind::SkewedRows => {
            let rows = spread(&well, |task| whole(task.records));
            let bytes = spread(&well, |task| whole(task.shuffle_read_bytes.saturating_add(task.input_bytes)));
            let size = |value: i64| Bytes(u64::try_from(value).unwrap_or(0));
            format!(
                "{tasks} tasks: the median takes {} and reads {} in {} records, the longest {} and the most {} in {}",
                time(times.median),
                size(bytes.median),
                rows.median,
                time(times.most),
                size(bytes.most),
                rows.most
            )
        }
        Kind::SlowHost => slow_host(log, &well),
        Kind::Stragglers => {
            format!(
                "{tasks} tasks: the median takes {}, the longest {}, on as many rows",
                time(times.median),
                time(times.most)
            )
        }
        Kind::FewScanTasks | Kind::FewTasks | Kind::FewShufflePartitions | Kind::OneTask => {
            format!("{} on {} slots, the median takes {}", counted(tasks), timeline.slots, time(times.median))
        }
        Kind::WarmUp => format!(
            "{tasks} tasks: the median takes {}, first ones on their slots up to {}",
            time(times.median),
            time(times.most)
        ),
        Kind::GarbageCollection => {
            let held = sum(&|task| held_ms(task));
            let collected = sum(&|task| u64::try_from(task.gc_ms).unwrap_or(0).min(held_ms(task)));
            format!("{:.0} % of the tasks' time", 100.0 * collected as f64 / held.max(1) as f64)
        }
        Kind::Spill => format!(
            "{tasks} tasks spilled {} of memory, {} on disk; they read {}",
            Bytes(sum(&|task| task.spilled_memory_bytes)),
            Bytes(sum(&|task| task.spilled_bytes)),
            Bytes(sum(&|task| task.shuffle_read_bytes.max(task.input_bytes)))
        ),
        Kind::ShuffleFetch => format!(
            "tasks waited {} for {}",
            time(whole(sum(&|task| u64::try_from(task.fetch_wait_ms).unwrap_or(0)))),
            Bytes(sum(&|task| task.shuffle_read_bytes))
        ),
        _ => format!(
            "{} on {} slots, {:.1} waves; the median takes {}, the longest {}",
            counted(tasks),
            timeline.slots,
            tasks as f64 / f64::from(timeline.slots.max(1)),
            time(times.median),
            time(times.most)
        ),
    };
    // The cast saturates, and time is not negative.
    format!("stage {stage} ({name}), {}: {said}", time(ms as i64))
}

/// The machine whose tasks take longest, and how long those of the others take.
fn slow_host(log: &Log, well: &[&LoggedTask]) -> String {
    let mut by_host: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for task in well {
        let host = log.executors.get(task.executor).map_or("", |executor| executor.host.as_str());
        by_host.entry(host).or_default().push(task.finished_ms - task.launched_ms);
    }
    let slowest = by_host.iter().map(|(host, times)| (median(times.clone()), *host)).max().unwrap_or_default();
    let others = by_host.iter().filter(|(host, _)| **host != slowest.1).flat_map(|(_, times)| times.iter().copied());
    format!(
        "the median task takes {} on {}, {} elsewhere, on as many rows",
        time(slowest.0),
        slowest.1,
        time(median(others.collect()))
    )
}

fn held_ms(task: &LoggedTask) -> u64 {
    u64::try_from(task.finished_ms - task.launched_ms).unwrap_or(0)
}

fn counted(tasks: usize) -> String {
    if tasks == 1 { "one task".to_string() } else { format!("{tasks} tasks") }
}

fn failures(attempts: &[&LoggedStage], ran: &[&LoggedTask]) -> String {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (why, times) in attempts.iter().flat_map(|logged| &logged.failures) {
        *all.entry(why.lines().next().unwrap_or_default()).or_default() += times;
    }
    let mut all: Vec<(&str, u64)> = all.into_iter().collect();
    all.sort_by_key(|(_, times)| core::cmp::Reverse(*times));
    let failed: u64 = all.iter().map(|(_, times)| times).sum();
    let reasons: Vec<String> = all.iter().take(STAGES_TOLD).map(|(why, times)| format!("{times} of {why}")).collect();
    let end = if attempts.iter().any(|logged| logged.failed) { "; the stage was given up" } else { "" };
    format!("{failed} of {} attempts failed: {}{end}", ran.len(), reasons.join(", "))
}

/// What is done about it, where that is known.
pub(super) const fn helps(kind: Kind, shuffled: bool) -> &'static str {
    match kind {
        Kind::SkewedRows if shuffled => {
            "joins: adaptive execution splits large partitions (spark.sql.adaptive.skewJoin); a grouping needs a second key (salt); more \
             executors or more partitions of the same key do not help"
        }
        Kind::SkewedRows => {
            "splits are no smaller than a file's row groups: write it with smaller ones, or repartition after the read; more executors do not help"
        }
        Kind::FewScanTasks => {
            "more splits, where the files can be split (spark.sql.files.maxPartitionBytes); else repartition after the read, and cache what \
             is read again; spark.sql.shuffle.partitions does nothing for a scan"
        }
        Kind::FewTasks => "more partitions, where the program names their number; no key of Spark SQL changes it",
        Kind::TaskFailures => {
            "the exception, in the executors' logs; attempts again (spark.task.maxFailures) only repeat it"
        }
        Kind::SlowHost => "that host; speculation runs its tasks again elsewhere (spark.speculation)",
        Kind::Spill => "fewer bytes a task: more shuffle partitions, or more memory for each slot",
        Kind::GarbageCollection => "a larger heap for each slot: more executor memory, or fewer cores an executor",
        Kind::OneTask => {
            "a result that one task makes (a global limit, sort or aggregate) takes its time on any number of executors"
        }
        Kind::IdleShell => "nothing of the queries: end the session, or let executors go while it waits",
        _ => "",
    }
}
