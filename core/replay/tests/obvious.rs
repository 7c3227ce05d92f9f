//! Against an obvious scheduler: programs drawn at random run on it, millisecond by millisecond, and leave a log. The replay of that log on any
//! number of executors must take exactly as long as the obvious scheduler on as many.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_wrap)]

use std::fmt::Write as _;

use proptest::prelude::*;
use sparkwright_replay::log::Log;
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Model, Offered, replay, replay_on};
use sparkwright_replay::trace::Trace;

const START_MS: i64 = 1_700_000_000_000;

/// A stage: the driver's time before it, and how long each task takes.
#[derive(Debug, Clone)]
struct Stage {
    gap_ms: i64,
    /// Whether it reads each of the job's earlier stages.
    reads: Vec<bool>,
    tasks_ms: Vec<i64>,
    /// Tasks that fail once, after so long.
    fail_ms: Vec<Option<i64>>,
    end_lag_ms: i64,
}

#[derive(Debug, Clone)]
struct Job {
    gap_ms: i64,
    stages: Vec<Stage>,
    end_lag_ms: i64,
    pool: u8,
}

/// Threads of jobs that begin together; jobs of a thread follow each other.
#[derive(Debug, Clone)]
struct Program {
    jobs: Vec<Job>,
    fair: bool,
}

fn stage() -> impl Strategy<Value = Stage> {
    let tasks = prop::collection::vec((1_i64..400, prop::option::weighted(0.1, 1_i64..100)), 1..12);
    (0_i64..50, prop::collection::vec(any::<bool>(), 4), tasks, 0_i64..20).prop_map(
        |(gap_ms, reads, tasks, end_lag_ms)| {
            let (tasks_ms, fail_ms) = tasks.into_iter().unzip();
            Stage { gap_ms, reads, tasks_ms, fail_ms, end_lag_ms }
        },
    )
}

fn program() -> impl Strategy<Value = Program> {
    let job = (0_i64..300, prop::collection::vec(stage(), 1..4), 0_i64..20, 0_u8..2)
        .prop_map(|(gap_ms, stages, end_lag_ms, pool)| Job { gap_ms, stages, end_lag_ms, pool });
    (prop::collection::vec(job, 1..5), any::<bool>()).prop_map(|(jobs, fair)| Program { jobs, fair })
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Waits,
    FailsFirst,
    Runs,
    Done,
}

struct Running {
    job: usize,
    stage: usize,
    task: usize,
    executor: usize,
    ends_ms: i64,
    launched_ms: i64,
    attempt: u32,
    id: usize,
}

/// Runs a program on executors of some slots, each job after the one before, and gives the time of its last job's end and the log.
fn obvious(program: &Program, executors: usize, slots: usize) -> (i64, String) {
    let mut log = String::new();
    let mut line = |text: String| writeln!(log, "{text}").unwrap();
    line(r#"{"Event":"SparkListenerLogStart","Spark Version":"4.3.0"}"#.to_owned());
    line(format!(r#"{{"Event":"SparkListenerApplicationStart","App Name":"obvious","Timestamp":{START_MS}}}"#));
    let mode = if program.fair { "FAIR" } else { "FIFO" };
    line(format!(
        r#"{{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{{"spark.scheduler.mode":"{mode}","spark.locality.wait":"0s"}}}}"#
    ));
    for executor in 0..executors {
        line(format!(
            r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{START_MS},"Executor ID":"{executor}","Executor Info":{{"Host":"h{executor}","Total Cores":{slots}}}}}"#
        ));
    }
    let mut now = 0_i64;
    let (mut stage_id, mut task_id) = (0, 0);
    let mut last_end = 0;
    for (number, job) in program.jobs.iter().enumerate() {
        now += job.gap_ms;
        let first_stage = stage_id;
        stage_id += job.stages.len();
        let parents = |at: usize| -> Vec<usize> { (0..at).filter(|other| job.stages[at].reads[*other]).collect() };
        let info = |at: usize, more: &str| {
            let ids: Vec<String> = parents(at).iter().map(|it| (first_stage + it).to_string()).collect();
            format!(
                r#""Stage Info":{{"Stage ID":{},"Stage Attempt ID":0,"Number of Tasks":{},"Parent IDs":[{}]{more}}}"#,
                first_stage + at,
                job.stages[at].tasks_ms.len(),
                ids.join(",")
            )
        };
        let ids: Vec<String> = (0..job.stages.len()).map(|at| (first_stage + at).to_string()).collect();
        line(format!(
            r#"{{"Event":"SparkListenerJobStart","Job ID":{number},"Submission Time":{},"Stage IDs":[{}],"Properties":{{"spark.scheduler.pool":"p{}"}}}}"#,
            START_MS + now,
            ids.join(","),
            job.pool
        ));
        // When each stage is submitted, once that is known, and when it ended.
        let mut submitted: Vec<Option<i64>> = vec![None; job.stages.len()];
        let mut ended: Vec<Option<i64>> = vec![None; job.stages.len()];
        let mut told = vec![false; job.stages.len()];
        let mut parts: Vec<Vec<Part>> = job
            .stages
            .iter()
            .map(|stage| {
                stage.fail_ms.iter().map(|fail| if fail.is_some() { Part::FailsFirst } else { Part::Waits }).collect()
            })
            .collect();
        // Those that failed come first, the last of them before the others.
        let mut again: Vec<Vec<usize>> = vec![Vec::new(); job.stages.len()];
        let mut running: Vec<Running> = Vec::new();
        let mut free = vec![slots; executors];
        let job_start = now;
        while ended.iter().any(|end| end.is_none_or(|end| end > now)) {
            let mut over: Vec<Running> = Vec::new();
            running.sort_by_key(|task| (task.ends_ms, task.job));
            while running.first().is_some_and(|task| task.ends_ms <= now) {
                over.push(running.remove(0));
            }
            for task in over {
                free[task.executor] += 1;
                let failed = job.stages[task.stage].fail_ms[task.task].is_some() && task.attempt == 0;
                let reason = if failed { "ExceptionFailure" } else { "Success" };
                line(format!(
                    r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{},"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{{"Reason":"{reason}"}},"Task Info":{{"Task ID":{},"Index":{},"Attempt":{},"Launch Time":{},"Executor ID":"{}","Locality":"ANY","Speculative":false,"Finish Time":{},"Failed":{failed},"Killed":false}}}}"#,
                    first_stage + task.stage,
                    task.id,
                    task.task,
                    task.attempt,
                    START_MS + task.launched_ms,
                    task.executor,
                    START_MS + now,
                ));
                if failed {
                    again[task.stage].push(task.task);
                } else {
                    parts[task.stage][task.task] = Part::Done;
                }
                if parts[task.stage].iter().all(|part| *part == Part::Done) {
                    ended[task.stage] = Some(now + job.stages[task.stage].end_lag_ms);
                }
            }
            for at in 0..job.stages.len() {
                if submitted[at].is_none() {
                    let ends: Option<Vec<i64>> = parents(at).iter().map(|other| ended[*other]).collect();
                    if let Some(ends) = ends {
                        let from = ends.into_iter().max().unwrap_or(job_start);
                        if from <= now {
                            submitted[at] = Some(from + job.stages[at].gap_ms);
                        }
                    }
                }
                if submitted[at].is_some_and(|at_ms| at_ms <= now) && !told[at] {
                    told[at] = true;
                    let more = format!(r#","Submission Time":{}"#, START_MS + now);
                    line(format!(r#"{{"Event":"SparkListenerStageSubmitted",{}}}"#, info(at, &more)));
                }
            }
            for at in 0..job.stages.len() {
                if told[at] && submitted[at].is_some_and(|from| from <= now) {
                    loop {
                        let fresh = parts[at].iter().position(|part| matches!(part, Part::Waits | Part::FailsFirst));
                        let Some(executor) = (0..executors).find(|executor| free[*executor] > 0) else { break };
                        let (task, attempt) = match (again[at].pop(), fresh) {
                            (Some(failed), _) => (failed, 1),
                            (None, Some(task)) => (task, 0),
                            (None, None) => break,
                        };
                        let fails = parts[at][task] == Part::FailsFirst;
                        parts[at][task] = Part::Runs;
                        free[executor] -= 1;
                        let ms =
                            if fails { job.stages[at].fail_ms[task].unwrap() } else { job.stages[at].tasks_ms[task] };
                        running.push(Running {
                            job: number,
                            stage: at,
                            task,
                            executor,
                            ends_ms: now + ms,
                            launched_ms: now,
                            attempt,
                            id: task_id,
                        });
                        task_id += 1;
                    }
                }
            }
            now += 1;
        }
        for at in 0..job.stages.len() {
            let more = format!(
                r#","Submission Time":{},"Completion Time":{}"#,
                START_MS + submitted[at].unwrap(),
                START_MS + ended[at].unwrap()
            );
            line(format!(r#"{{"Event":"SparkListenerStageCompleted",{}}}"#, info(at, &more)));
        }
        now = ended.iter().flatten().max().unwrap() + job.end_lag_ms;
        line(format!(
            r#"{{"Event":"SparkListenerJobEnd","Job ID":{number},"Completion Time":{},"Job Result":{{"Result":"JobSucceeded"}}}}"#,
            START_MS + now
        ));
        last_end = now;
    }
    (last_end, log)
}

fn trace_of(text: &str) -> Trace {
    let mut log = Log::default();
    text.lines().for_each(|line| log.take_line(line.as_bytes()));
    assert_eq!(log.unread_lines, 0);
    Trace::of(&log).unwrap()
}

fn executors(count: usize, slots: usize) -> Vec<Offered> {
    let slots = u32::try_from(slots).unwrap();
    let one = |at: usize| Offered { from_us: 0, until_us: None, slots, profile: 0, host: format!("h{at}") };
    (0..count).map(one).collect()
}

proptest! {

    #[test]
    fn as_long_as_the_obvious_scheduler_on_any_number_of_executors(program in program(), recorded in 1_usize..5, other in 1_usize..6, slots in 1_usize..4) {
        let (took_ms, text) = obvious(&program, recorded, slots);
        let trace = trace_of(&text);
        // Obvious as it is, it launches at once and any number of tasks within a millisecond.
        let model = Model { dispatch: false, hand_over: false, ..Model::FULL };
        let end = |replayed: &sparkwright_replay::simulation::Replayed| replayed.jobs.last().copied().flatten().unwrap().1;
        let same = replay(&trace, &model);
        prop_assert_eq!(end(&same), took_ms * 1_000);
        prop_assert_eq!(InJobTime::of(&trace, &same).error(), 0.0);
        let (other_ms, _) = obvious(&program, other, slots);
        // At another size a stage's first launch may wait in one run and not in the other: how long is computed, never kept.
        prop_assert_eq!(end(&replay_on(&trace, &model, &executors(other, slots))), other_ms * 1_000);
    }
}
