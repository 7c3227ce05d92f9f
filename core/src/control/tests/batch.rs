//! What the controller does for batch jobs, which know their demand.

use super::*;
use OptimizationTarget::{Balanced, Memory, Quality, Speed};

fn toward(target: OptimizationTarget) -> ResolvedPolicy {
    let mut policy = free(1, 50);
    policy.pipeline.optimization_target = target;
    policy
}

/// Ticks of a second each; gives every target.
fn ticks(policy: &ResolvedPolicy, input: &mut ControlInput, seconds: u64) -> Vec<u32> {
    let mut targets = Vec::new();
    for _ in 0..seconds {
        input.now_ms += 1_000;
        input.facts_at_ms = input.now_ms;
        let answer = control(policy, input);
        targets.push(answer.target.value);
        input.state = answer.state;
    }
    targets
}

/// Two executors of four that are busy, and two that were idle for `idle_ms`.
fn half_idle(idle_ms: u64, cached: u64) -> Vec<ExecutorFacts> {
    let mut there = busy(4);
    for executor in &mut there {
        executor.storage_bytes = Bytes(1_000);
    }
    for executor in &mut there[2..] {
        (executor.running_tasks, executor.idle_ms, executor.cached_bytes) = (0, idle_ms, Bytes(cached));
    }
    there
}

#[test]
fn tasks_that_wait_have_all_their_executors_asked_for_at_once() {
    for (target, known, asked) in [
        (Speed, None, 36),
        (Quality, None, 31),
        (Balanced, None, 31),
        // Even where the work ends before an executor starts: more of it may come.
        (Balanced, Some((10, 60_000)), 31),
        // 30 tasks of 100 s: 2 850 s are left after 5 s, and each executor wants 7.5 s of them.
        (Memory, Some((100_000, 5_000)), 30),
        // 30 tasks of 2 s: 58 s, 10 s of them done after 5 s.
        (Memory, Some((2_000, 5_000)), 6),
        (Memory, Some((10, 60_000)), 2),
        (Memory, None, 2),
    ] {
        let mut input = after(2, at(NOW, 28, busy(2)));
        if let Some((task, start)) = known {
            (input.mean_task_ms, input.executor_start_ms) = (Some(task), Some(start));
        }
        let answer = control(&toward(target), &input);
        assert_eq!((answer.target.value, answer.held.as_slice()), (asked, &[][..]), "{target:?} {known:?}");
    }
}

/// On a machine of two cores, seven executors that start beside the first one keep its tasks from starting.
#[test]
fn until_a_task_has_ended_the_ramp_is_sparks() {
    for target in [Speed, Quality, Balanced, Memory] {
        let mut input = after(1, at(NOW, 28, Vec::new()));
        input.state.worked = false;
        assert_eq!(ticks(&toward(target), &mut input, 4), [1, 2, 4, 8], "{target:?}");
    }
    // One has: what waits is asked for at once, and from then on.
    let mut input = after(1, at(NOW, 28, busy(1)));
    (input.state.worked, input.mean_task_ms) = (false, Some(100));
    assert_eq!(ticks(&toward(Balanced), &mut input, 1), [30]);
    (input.pending_tasks, input.mean_task_ms) = (40, None);
    assert_eq!(ticks(&toward(Balanced), &mut input, 1), [42]);
}

/// A stage that is shorter than the time between two looks is never seen with a task that has ended.
#[test]
fn tasks_that_came_and_went_between_two_looks_have_ended() {
    let mut input = after(1, at(NOW, 4, busy(1)));
    input.state.worked = false;
    assert_eq!(ticks(&toward(Balanced), &mut input, 1), [1]);
    (input.pending_tasks, input.running_tasks) = (0, 0);
    input.executors[0].running_tasks = 0;
    ticks(&toward(Balanced), &mut input, 1);
    (input.pending_tasks, input.running_tasks) = (4, 0);
    assert_eq!(ticks(&toward(Balanced), &mut input, 1), [5]);
}

#[test]
fn more_is_asked_for_than_waits_until_that_many_were_needed_once() {
    let policy = toward(Speed);
    let mut input = after(1, at(NOW, 3, busy(1)));
    assert_eq!(ticks(&policy, &mut input, 1), [10]);
    // On their way they stay asked for.
    input.executors_coming = 9;
    assert_eq!(ticks(&policy, &mut input, 2), [10, 10]);
    // Four are in use and six are not: they were never needed, and go after ten seconds, or as long as one takes to start.
    (input.executors, input.executors_coming, input.pending_tasks) = (busy(10), 0, 0);
    for executor in &mut input.executors[4..] {
        (executor.running_tasks, executor.idle_ms) = (0, 500);
    }
    (input.running_tasks, input.executor_start_ms) = (4, Some(12_000));
    let targets = ticks(&policy, &mut input, 13);
    assert_eq!((targets[10], targets[12]), (10, 4), "{targets:?}");
    // The same need again asks for no more than itself.
    (input.executors, input.pending_tasks) = (busy(3), 1);
    input.running_tasks = 3;
    assert_eq!(ticks(&policy, &mut input, 1), [4]);
}

/// Short jobs of four tasks each: before one has ended, more may come; after it, no more than four has to be expected.
#[test]
fn stages_like_those_that_have_ended_have_nobody_asked_for_beyond_them() {
    for (largest, asked) in [(0, 10), (3, 10), (4, 4), (100, 4)] {
        let mut input = after(1, at(NOW, 3, busy(1)));
        input.largest_ended_stage_tasks = largest;
        assert_eq!(ticks(&toward(Speed), &mut input, 1), [asked], "{largest}");
    }
}

#[test]
fn an_idle_executor_stays_for_what_having_it_back_costs() {
    for (target, start_ms, stays_ms) in [
        (Speed, 4_000, 24_000),
        (Quality, 4_000, 20_000),
        (Balanced, 4_000, 8_000),
        (Memory, 4_000, 4_444),
        (Balanced, 50_000, 60_000),
    ] {
        for (idle_ms, left) in [(stays_ms - 1, 4), (stays_ms, 2)] {
            let mut input = after(4, at(NOW, 0, half_idle(idle_ms, 0)));
            input.executor_start_ms = Some(start_ms);
            let answer = control(&toward(target), &input);
            assert_eq!(answer.target.value, left, "{target:?} {idle_ms}");
            assert_eq!(answer.remove.len(), 4 - left as usize, "{target:?} {idle_ms}");
            assert_eq!(answer.held, [], "it is no guard that keeps it");
            let text = answer.target.trace.render("");
            assert_eq!(text.contains("idle for less than the time that pays"), left == 4, "{text}");
        }
    }
}

/// A quota that falls does not wait.
#[test]
fn what_is_above_the_bounds_goes_at_once() {
    let mut input = after(4, at(NOW, 0, half_idle(1, 0)));
    input.quota_executors = Some(3);
    let answer = control(&toward(Speed), &input);
    assert_eq!((answer.target.value, answer.remove.len()), (3, 1));
}

#[test]
fn cached_data_moves_on_unless_time_is_all_that_counts() {
    for (target, left) in [(Speed, 4), (Quality, 2), (Balanced, 2), (Memory, 2)] {
        let mut input = after(4, at(NOW, 0, half_idle(60_000, 10)));
        input.block_migration = true;
        assert_eq!(control(&toward(target), &input).target.value, left, "{target:?}");
    }
}

/// Spark spreads tasks over all executors, so that none is idle for long.
#[test]
fn executors_that_were_too_many_all_the_time_go_though_none_is_idle() {
    let policy = toward(Balanced);
    let mut input = after(6, at(NOW, 0, busy(6)));
    (input.executor_start_ms, input.state.most_needed) = (Some(10_000), 6);
    for executor in &mut input.executors[2..] {
        (executor.running_tasks, executor.idle_ms) = (0, 300);
    }
    input.running_tasks = 2;
    let targets = ticks(&policy, &mut input, 21);
    assert_eq!((targets[18], targets[20]), (6, 2), "as long as having them back costs, 20 s: {targets:?}");
}

/// Pauses that come again and again are waited for, where that costs less than another start.
#[test]
fn gaps_of_before_are_waited_for() {
    for (gaps, left) in [(vec![], 2), (vec![25_000], 4), (vec![25_000, 26_000], 4), (vec![300_000, 300_000], 2)] {
        let mut input = after(4, at(NOW, 0, half_idle(24_000, 0)));
        input.executor_start_ms = Some(4_000);
        input.state.gaps_ms = gaps.clone();
        assert_eq!(control(&toward(Quality), &input).target.value, left, "{gaps:?}");
    }
}

#[test]
fn changes_of_direction_never_make_tasks_wait() {
    let mut policy = guarded(1, 50);
    policy.guards.direction_changes_an_hour = 1;
    let mut input = after(4, at(NOW, 100, busy(4)));
    input.state.last_direction = Some(Direction::Down);
    input.state.reversals_ms = vec![NOW - 1_000_000];
    assert_eq!(control(&policy, &input).target.value, 8);
}
