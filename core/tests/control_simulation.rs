//! `control` in a loop with a toy cluster: executors of one core that take a while to start and run tasks of one length.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use sparkwright_core::control::{ControlInput, ControlState, Controller, ExecutorFacts, ExecutorState, control};
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_core::units::Bytes;

const TICK_MS: u64 = 100;
const START_MS: u64 = 4_500;
const TASK_MS: u64 = 500;

struct Executor {
    id: u32,
    /// When it can run its first task.
    from_ms: u64,
    /// When its task ends.
    busy_until_ms: u64,
    /// When its last task ended.
    idle_since_ms: u64,
}

/// What a run of the simulation showed.
struct Run {
    /// Every change of the target, as seconds since the start and the target.
    targets: Vec<(u64, u32)>,
    /// When the last task ended.
    done_ms: u64,
    /// Executors at the end.
    left: usize,
    /// Whether a removed executor was running a task.
    killed: bool,
}

/// `tasks` tasks on `start` executors, watched for `seconds`.
fn run(policy: &ResolvedPolicy, start: u32, tasks: u64, seconds: u64) -> Run {
    run_planned(policy, start, tasks, seconds, None)
}

/// As [`run`], with all tasks in one declared stage that was planned with so many executors.
fn run_planned(policy: &ResolvedPolicy, start: u32, tasks: u64, seconds: u64, plan: Option<u32>) -> Run {
    let new = |id, from_ms| Executor { id, from_ms, busy_until_ms: 0, idle_since_ms: from_ms };
    let mut executors: Vec<_> = (1..=start).map(|id| new(id, 0)).collect();
    let (mut next_id, mut waiting, mut state, mut next_tick) = (start + 1, tasks, ControlState::default(), 0);
    let mut seen = Run { targets: Vec::new(), done_ms: 0, left: 0, killed: false };
    for now in (0..seconds * 1_000).step_by(TICK_MS as usize) {
        for executor in executors.iter_mut().filter(|e| e.from_ms <= now && e.busy_until_ms <= now) {
            if executor.busy_until_ms > 0 {
                executor.idle_since_ms = executor.busy_until_ms;
                seen.done_ms = seen.done_ms.max(executor.busy_until_ms);
                executor.busy_until_ms = 0;
            }
            if waiting > 0 {
                waiting -= 1;
                executor.busy_until_ms = now + TASK_MS;
            }
        }
        if now < next_tick {
            continue;
        }
        let facts: Vec<_> = executors
            .iter()
            .filter(|e| e.from_ms <= now)
            .map(|e| ExecutorFacts {
                id: e.id.to_string(),
                state: ExecutorState::Active,
                running_tasks: u32::from(e.busy_until_ms > 0),
                idle_ms: if e.busy_until_ms > 0 { 0 } else { now - e.idle_since_ms },
                storage_bytes: Bytes::mib(100),
                ..ExecutorFacts::default()
            })
            .collect();
        let running: u64 = facts.iter().map(|e| u64::from(e.running_tasks)).sum();
        let answer = control(
            policy,
            &ControlInput {
                now_ms: 1_000_000 + now,
                facts_at_ms: 1_000_000 + now,
                controller: Controller::Policy,
                planned_executors: plan.filter(|_| waiting + running > 0),
                pending_tasks: waiting,
                running_tasks: running,
                executors_coming: executors.iter().filter(|e| e.from_ms > now).count() as u32,
                executors: facts,
                mean_task_ms: Some(TASK_MS),
                executor_start_ms: Some(START_MS),
                block_migration: true,
                state,
                ..ControlInput::default()
            },
        );
        for id in &answer.remove {
            let place = executors.iter().position(|e| e.id.to_string() == *id).unwrap();
            seen.killed |= executors.remove(place).busy_until_ms > 0;
        }
        let target = answer.target.value;
        if answer.apply {
            // Spark calls off what it was asked for before, then asks for more.
            executors.retain(|e| e.from_ms <= now || e.id - start <= target);
            while executors.len() < target as usize {
                executors.push(new(next_id, now + START_MS));
                next_id += 1;
            }
        }
        if seen.targets.last().is_none_or(|(_, last)| *last != target) {
            seen.targets.push((now / 1_000, target));
        }
        next_tick = answer.next_tick_ms - 1_000_000;
        state = answer.state;
    }
    assert_eq!(waiting, 0);
    seen.left = executors.len();
    seen
}

fn policy(max: u32) -> ResolvedPolicy {
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.min_executors = 2;
    policy.autoscaling.max_executors = max;
    policy
}

/// With the guards of a service that never ends.
fn guarded(max: u32) -> ResolvedPolicy {
    let mut policy = policy(max);
    policy.guards.dead_band_up = 0.05;
    policy.guards.dead_band_down = 0.10;
    policy.guards.down_window_seconds = 300;
    policy.guards.cooldown_seconds = 120;
    policy.guards.max_growth_a_minute = 2.0;
    policy.guards.max_shrink_a_window = 0.40;
    policy.guards.direction_changes_an_hour = 4;
    policy
}

/// 30 s of work: all executors are asked for at once, and go when having them back would cost as much as they have idled.
#[test]
fn sixty_short_tasks_go_from_two_to_six_and_back() {
    let run = run(&policy(6), 2, 60, 100);
    let targets: Vec<_> = run.targets.iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, [6, 2], "{:?}", run.targets);
    // Twice the start-up of 4.5 s, and a tick.
    let back = run.targets.last().unwrap().0 * 1_000;
    assert!((8_000..=11_000).contains(&(back - run.done_ms)), "{back} ms, done {} ms", run.done_ms);
    // 15 s on two executors; 4.5 s on two and the rest on six.
    assert!(run.done_ms < 8_500, "{} ms", run.done_ms);
    assert_eq!((run.left, run.killed), (2, false));
}

/// With the guards that services want: at most doubling within the minute, and 40 % a window down.
#[test]
fn guards_double_within_a_minute_and_go_back_in_steps() {
    let run = run(&guarded(6), 2, 60, 1_000);
    let targets: Vec<_> = run.targets.iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, [4, 3, 2], "{:?}", run.targets);
    assert_eq!((run.left, run.killed), (2, false));
}

/// A job that is long enough gets to its maximum, a doubling each minute.
#[test]
fn a_long_job_gets_all_it_may_have() {
    let run = run(&guarded(20), 2, 6_000, 1_500);
    assert_eq!(run.targets.iter().map(|(_, target)| *target).max(), Some(20), "{:?}", run.targets);
    let first = |n| run.targets.iter().find(|(_, target)| *target >= n).unwrap().0;
    assert!(first(5) >= 60 && first(9) >= 120 && first(20) <= 240, "{:?}", run.targets);
    assert!(!run.killed);
}

/// Where executors matter more than time, none is asked for that the work does not outlast.
#[test]
fn memory_asks_for_no_executor_that_comes_too_late() {
    let mut policy = policy(20);
    policy.pipeline.optimization_target = OptimizationTarget::Memory;
    assert_eq!(run(&policy, 2, 30, 30).targets, [(0, 2)]);
    assert_eq!(run(&policy, 2, 600, 300).targets.iter().map(|(_, target)| *target).max(), Some(20));
}

/// A plan's executors are asked for at once whatever the guards are, and go back in steps, none of them from a task.
#[test]
fn a_planned_stage_has_its_executors_before_a_reaction_would() {
    let (planned, unplanned) = (run_planned(&guarded(20), 2, 600, 2_500, Some(12)), run(&guarded(20), 2, 600, 2_500));
    let targets: Vec<_> = planned.targets.iter().map(|(_, target)| *target).collect();
    assert_eq!((planned.targets[0], targets.as_slice()), ((0, 12), &[12, 8, 5, 3, 2][..]), "{:?}", planned.targets);
    // 300 s of work: on 12 from 4.5 s on, against 2, 4 after 5 s, 8 after a minute.
    assert!(planned.done_ms < 31_000 && unplanned.done_ms > 60_000, "{} and {} ms", planned.done_ms, unplanned.done_ms);
    assert_eq!((planned.left, planned.killed), (2, false));
}
