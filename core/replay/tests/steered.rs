//! A run whose executors somebody moves: Spark's own rule, a policy's controller, and nobody.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use sparkwright_core::control::{ControlInput, control};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::log::Log;
use sparkwright_replay::simulation::{Allocation, Manager, Model, Moment, StartTimes, Wanted, replay_steered};
use sparkwright_replay::trace::Trace;

const START_MS: i64 = 1_700_000_000_000;

/// Jobs of so many tasks of a second, with so much of the driver's time before each, as one executor of one slot ran them.
fn bursts(jobs: i64, tasks: i64, gap_ms: i64) -> Trace {
    let mut log = Log::default();
    let mut line = |text: String| log.take_line(text.as_bytes());
    line(format!(r#"{{"Event":"SparkListenerApplicationStart","App Name":"bursts","Timestamp":{START_MS}}}"#));
    line(format!(
        r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{START_MS},"Executor ID":"1","Executor Info":{{"Host":"h","Total Cores":1}}}}"#
    ));
    let mut now = START_MS;
    for job in 0..jobs {
        now += gap_ms;
        let from = now;
        line(format!(
            r#"{{"Event":"SparkListenerJobStart","Job ID":{job},"Submission Time":{from},"Stage IDs":[{job}]}}"#
        ));
        for task in 0..tasks {
            line(format!(
                r#"{{"Event":"SparkListenerTaskEnd","Stage ID":{job},"Task End Reason":{{"Reason":"Success"}},"Task Info":{{"Task ID":{},"Index":{task},"Launch Time":{now},"Executor ID":"1","Finish Time":{}}}}}"#,
                job * tasks + task,
                now + 1_000
            ));
            now += 1_000;
        }
        line(format!(
            r#"{{"Event":"SparkListenerStageCompleted","Stage Info":{{"Stage ID":{job},"Number of Tasks":{tasks},"Submission Time":{from},"Completion Time":{now}}}}}"#
        ));
        line(format!(r#"{{"Event":"SparkListenerJobEnd","Job ID":{job},"Completion Time":{now}}}"#));
    }
    Trace::of(&log).unwrap()
}

fn manager(initial: u32, most: u32) -> Manager {
    Manager {
        slots: 1,
        profile: 0,
        initial,
        most,
        initial_start_us: vec![3_000_000],
        starts: StartTimes::alike(&[3_000_000]),
        removal_us: 0,
        called_off_within_us: None,
        moves_blocks: true,
        shuffle_service: false,
        on_a_host: 1,
    }
}

/// One more after a second of backlog, then two, four, eight, a second apart; a minute after the last task they go.
#[test]
fn spark_s_rule_doubles_and_lets_go_after_a_minute() {
    let trace = bursts(2, 120, 100_000);
    let replayed = replay_steered(&trace, &Model::FULL, &manager(1, 16), &mut SparkAllocation::new(1, 16, 1, 1));
    let asked: Vec<i64> = replayed.executors.iter().take(16).map(|(from_us, _)| from_us / 1_000_000 - 3).collect();
    // The first with the application, the others 100 s later.
    let expected = [[0].as_slice(), &[101], &[102; 2], &[103; 4], &[104; 8]].concat();
    assert_eq!(asked, expected);
    let first_end_us = replayed.jobs[0].unwrap().1;
    let gone =
        replayed.executors.iter().filter(|(_, to_us)| (to_us - first_end_us - 60_000_000).abs() < 2_000_000).count();
    assert_eq!(gone, 15, "{:?}", replayed.executors);
}

/// What a guard holds back is slower; what a controller may have, it does not exceed; and all of it ends.
#[test]
fn a_policy_keeps_its_bounds_and_every_job_ends() {
    let trace = bursts(3, 200, 30_000);
    let mut policy = ResolvedPolicy::default();
    (policy.autoscaling.min_executors, policy.autoscaling.max_executors) = (2, 10);
    let mut time = |growth: f64| {
        policy.guards.max_growth_a_minute = growth;
        let manager = manager(2, 100);
        let decide = |facts: &ControlInput| Some(control(&policy, facts));
        let mut allocation = PolicyAllocation::new(decide, &manager, START_MS, 1_000_000);
        let replayed = replay_steered(&trace, &Model::FULL, &manager, &mut allocation);
        assert!(replayed.jobs.iter().all(Option::is_some));
        assert_eq!(replayed.launches, 600);
        let at_once = |at: i64| replayed.executors.iter().filter(|(from, to)| *from <= at && at < *to).count();
        let most = replayed.executors.iter().map(|(from, _)| at_once(*from)).max().unwrap();
        assert!(most <= 10, "{most}");
        replayed.end_us()
    };
    assert!(time(2.0) > time(1_000.0));
}

/// Asks for nothing.
struct Nobody;

impl Allocation for Nobody {
    fn every_us(&self) -> i64 {
        1_000_000
    }

    fn look(&mut self, _moment: &Moment) -> Wanted {
        Wanted::default()
    }
}

#[test]
fn without_executors_a_replay_ends_and_says_so() {
    let replayed = replay_steered(&bursts(1, 3, 10), &Model::FULL, &manager(0, 4), &mut Nobody);
    assert_eq!(replayed.jobs, [None]);
    assert_eq!(replayed.executor_us(), 0);
}

/// A policy of ours pins Spark's rule by its timeouts; without it they would not be there. What the user set stays.
#[test]
fn the_timeouts_that_a_policy_pinned_are_not_the_applications() {
    let idle_s = |own: &str| {
        let mut log = Log::default();
        for (key, value) in
            [("spark.dynamicAllocation.executorIdleTimeout", "86400s"), ("spark.sparkwright.ownConfs", own)]
        {
            log.conf.insert(key.to_owned(), value.to_owned());
        }
        SparkAllocation::of(&log, 1).idle_us / 1_000_000
    };
    assert_eq!(idle_s("spark.driver.memory,spark.dynamicAllocation.executorIdleTimeout"), 60);
    assert_eq!(idle_s("spark.driver.memory"), 86_400);
}
