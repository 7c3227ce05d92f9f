#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod batch;
mod plan;

use super::past::{HOUR_MS, MINUTE_MS};
use super::*;
use crate::policy::{Layer, OptimizationTarget};
use crate::units::Bytes;
use alloc::string::{String, ToString};
use alloc::vec;

/// A policy with the built-in guards, which hold nothing back unless something is wrong.
fn free(min: u32, max: u32) -> ResolvedPolicy {
    let mut policy = ResolvedPolicy::default();
    policy.autoscaling.min_executors = min;
    policy.autoscaling.max_executors = max;
    policy
}

/// The same, with executors put above time.
fn saving(min: u32, max: u32) -> ResolvedPolicy {
    let mut policy = free(min, max);
    policy.pipeline.optimization_target = OptimizationTarget::Memory;
    policy
}

/// A policy that keeps reactions steady by every guard there is.
fn guarded(min: u32, max: u32) -> ResolvedPolicy {
    let mut policy = free(min, max);
    policy.guards.dead_band_up = 0.05;
    policy.guards.dead_band_down = 0.10;
    policy.guards.down_window_seconds = 300;
    policy.guards.cooldown_seconds = 120;
    policy.guards.max_growth_a_minute = 2.0;
    policy.guards.max_shrink_a_window = 0.40;
    policy.guards.direction_changes_an_hour = 4;
    policy
}

/// `n` executors of one core, idle for so long that they may go whatever is known of their start-up.
fn executors(n: u32) -> Vec<ExecutorFacts> {
    (1..=n)
        .map(|id| ExecutorFacts {
            id: id.to_string(),
            state: ExecutorState::Active,
            idle_ms: 60_000,
            ..ExecutorFacts::default()
        })
        .collect()
}

/// `n` executors that run a task each.
fn busy(n: u32) -> Vec<ExecutorFacts> {
    let mut executors = executors(n);
    for executor in &mut executors {
        (executor.running_tasks, executor.idle_ms) = (1, 0);
    }
    executors
}

fn at(now_ms: u64, pending_tasks: u64, executors: Vec<ExecutorFacts>) -> ControlInput {
    let running_tasks = executors.iter().map(|e| u64::from(e.running_tasks)).sum();
    ControlInput {
        now_ms,
        facts_at_ms: now_ms,
        controller: Controller::Policy,
        pending_tasks,
        running_tasks,
        executors,
        ..ControlInput::default()
    }
}

/// `input` after the target was `target` for longer than any window, and no executor was one too many until now.
fn after(target: u32, mut input: ControlInput) -> ControlInput {
    let needed = vec![NeedAt { at_ms: NOW - 1, executors: 0 }];
    input.state =
        ControlState { target: Some(target), acting: true, spare: needed, worked: true, ..ControlState::default() };
    input
}

fn guards_of(answer: &ControlAnswer) -> Vec<&str> {
    answer.held.iter().map(|held| held.guard.as_ref()).collect()
}

const NOW: u64 = 100_000_000;

/// Source: ExecutorAllocationManagerSuite, Apache Spark: "add executors" (min 1, max 10, initial 1, 1000 tasks).
#[test]
fn the_ramp_is_sparks_where_nothing_is_known_of_the_work() {
    let policy = saving(1, 10);
    let mut input = after(1, at(NOW, 1_000, Vec::new()));
    let mut targets = Vec::new();
    for tick in 0..6 {
        input.now_ms = NOW + tick * 1_000;
        input.facts_at_ms = input.now_ms;
        let answer = control(&policy, &input);
        targets.push(answer.target.value);
        input.state = answer.state;
    }
    assert_eq!(targets, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn the_ramp_waits_a_second_between_steps() {
    let policy = saving(1, 10);
    let mut input = after(1, at(NOW, 1_000, Vec::new()));
    let mut targets = Vec::new();
    for ms in [0, 400, 999, 1_000, 1_999, 2_000, 2_999, 3_000] {
        input.now_ms = NOW + ms;
        input.facts_at_ms = input.now_ms;
        let answer = control(&policy, &input);
        targets.push(answer.target.value);
        input.state = answer.state;
    }
    assert_eq!(targets, [1, 1, 1, 2, 2, 4, 4, 8]);
}

/// Source: ExecutorAllocationManagerSuite, Apache Spark: "removing executors ... never goes under min".
#[test]
fn removing_idle_executors_never_goes_under_the_minimum() {
    let answer = control(&free(5, 10), &after(10, at(NOW, 0, executors(10))));
    assert_eq!(answer.target.value, 5);
    assert_eq!(answer.remove, ["1", "2", "3", "4", "5"]);
    let answer = control(&free(5, 10), &after(5, at(NOW, 0, executors(5))));
    assert!(answer.remove.is_empty());
}

/// Source: KEP-853, story 2: scale down one of 1000 every 600 s.
#[test]
fn a_thousand_stay_for_the_window_and_then_one_goes() {
    let mut policy = guarded(1, 1_000);
    policy.guards.down_window_seconds = 600;
    policy.guards.max_shrink_a_window = 0.001;
    policy.guards.dead_band_down = 0.0;
    let mut input = at(NOW, 0, executors(1_000));
    let mut targets = Vec::new();
    for minute in 0..=20 {
        input.now_ms = NOW + minute * MINUTE_MS;
        input.facts_at_ms = input.now_ms;
        let answer = control(&policy, &input);
        targets.push(answer.target.value);
        input.state = answer.state;
    }
    let expected: Vec<_> = (0..=20).map(|minute| 1_000 - minute / 10).collect();
    assert_eq!(targets, expected);
}

/// Source: KEP-853, story 5: the largest recommendation of 600 s, a tick a minute: 10 stays until its window has passed.
#[test]
fn down_only_to_the_largest_need_of_the_window() {
    let mut policy = free(1, 20);
    policy.guards.down_window_seconds = 600;
    let mut input = after(10, at(NOW, 0, executors(10)));
    let mut targets = Vec::new();
    for (minute, need) in (0..).zip([10, 9, 8, 9, 9, 8, 9, 8, 9, 8, 7]) {
        input.now_ms = NOW + minute * MINUTE_MS;
        input.facts_at_ms = input.now_ms;
        input.running_tasks = need;
        let answer = control(&policy, &input);
        targets.push(answer.target.value);
        input.state = answer.state;
    }
    assert_eq!(targets, [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9]);
}

#[test]
fn first_call_starts_at_what_is_there() {
    for (there, coming, target, apply) in [(3, 2, 5, false), (0, 0, 2, true), (9, 0, 6, true), (0, 4, 4, false)] {
        let mut input = at(NOW, 0, executors(there));
        input.executors_coming = coming;
        let answer = control(&guarded(2, 6), &input);
        assert_eq!((answer.target.value, answer.apply), (target, apply), "{there} + {coming}");
        // Only what is above the maximum goes before the window has passed.
        assert_eq!(answer.remove.len(), there.saturating_sub(6) as usize);
    }
}

#[test]
fn each_guard_holds_and_says_so() {
    type Change = fn(&mut ControlInput);
    /// Name, what differs from the free case, last target, pending tasks, executors, guard, target after.
    type Row = (&'static str, Change, u32, u64, Vec<ExecutorFacts>, &'static str, u32);
    let rows: Vec<Row> = vec![
        ("lost", |i| i.facts_lost = true, 4, 100, busy(4), key::FACTS_LOST, 4),
        ("gc", |i| i.gc_share = Some(0.21), 4, 100, busy(4), key::PAUSE_GC, 4),
        ("failures", |i| i.failure_share = Some(0.31), 4, 100, busy(4), key::PAUSE_FAILURES, 4),
        (
            "stale",
            |i| {
                i.facts_at_ms = 7;
                (i.state.facts_at_ms, i.state.stale_ticks) = (7, 2);
            },
            4,
            100,
            busy(4),
            key::STALE,
            4,
        ),
        ("up by 4 %", |_| {}, 25, 1, busy(25), key::DEAD_BAND_UP, 25),
        ("down by 5 %", |_| {}, 20, 0, busy(19), key::DEAD_BAND_DOWN, 20),
        (
            "cool-down up",
            |i| (i.state.last_direction, i.state.last_move_ms) = (Some(Direction::Down), NOW - 119_000),
            4,
            100,
            busy(4),
            key::COOLDOWN,
            4,
        ),
        (
            "cool-down down",
            |i| (i.state.last_direction, i.state.last_move_ms) = (Some(Direction::Up), NOW - 119_000),
            4,
            0,
            executors(4),
            key::COOLDOWN,
            4,
        ),
        (
            "fifth change of direction",
            |i| {
                i.state.last_direction = Some(Direction::Up);
                i.state.reversals_ms = (0..4).map(|n| NOW - 3_000_000 + n).collect();
            },
            4,
            0,
            executors(4),
            key::DIRECTION_CHANGES,
            4,
        ),
        ("growth", |_| {}, 4, 100, busy(4), key::GROWTH, 8),
        (
            "window",
            |i| i.state.needs = vec![NeedAt { at_ms: NOW - 299_000, executors: 10 }],
            10,
            0,
            executors(10),
            key::DOWN_WINDOW,
            10,
        ),
        ("shrinking", |_| {}, 10, 0, executors(10), key::SHRINK, 6),
        ("protected", |i| i.running_tasks = 0, 10, 0, busy(10), key::PROTECTED, 10),
    ];
    for (name, change, last, pending, executors, guard, target) in rows {
        let mut input = after(last, at(NOW, pending, executors));
        change(&mut input);
        let answer = control(&guarded(2, 50), &input);
        assert_eq!(answer.target.value, target, "{name}: {:?}", answer.held);
        assert!(guards_of(&answer).contains(&guard), "{name}: {:?}", answer.held);
        assert!(answer.held.iter().all(|held| held.wanted != target || held.guard != guard), "{name}");
        let named = |bound: &crate::trace::Bound| bound.name.starts_with(guard) && bound.changed();
        assert!(answer.target.trace.bounds.iter().any(named), "{name}");
    }
}

#[test]
fn a_pause_ends_where_its_reason_ends() {
    for (gc_share, failure_share) in [(Some(0.2), Some(0.3)), (None, None), (Some(f64::NAN), Some(f64::NAN))] {
        let mut input = after(4, at(NOW, 100, busy(4)));
        (input.gc_share, input.failure_share) = (gc_share, failure_share);
        assert_eq!(control(&guarded(2, 50), &input).target.value, 8);
    }
}

#[test]
fn facts_are_stale_after_three_ticks_without_any() {
    let mut input = after(4, at(NOW, 1_000, busy(4)));
    let mut paused = Vec::new();
    for tick in 0..5 {
        input.now_ms = NOW + tick * 60_000;
        let answer = control(&guarded(2, 50), &input);
        paused.push(guards_of(&answer).contains(&key::STALE));
        input.state = answer.state;
        // A second question at the same moment is not a tick.
        input.state = control(&guarded(2, 50), &input).state;
    }
    assert_eq!(paused, [false, false, false, true, true]);
    input.facts_at_ms += 1;
    assert!(control(&guarded(2, 50), &input).held.is_empty());
}

/// While facts are missing the executors there are count as needed, so that the window starts anew.
#[test]
fn lost_facts_keep_the_window_closed() {
    let mut input = after(10, at(NOW, 0, executors(10)));
    input.facts_lost = true;
    let answer = control(&guarded(2, 50), &input);
    assert_eq!(answer.target.value, 10);
    let mut input = at(NOW + 1_000, 0, executors(10));
    input.state = answer.state;
    let answer = control(&guarded(2, 50), &input);
    assert_eq!((answer.target.value, guards_of(&answer)), (10, vec![key::DOWN_WINDOW]));
}

#[test]
fn the_quota_wins_over_everything_but_one_executor() {
    for (quota, target) in [(Some(0), 1), (Some(1), 1), (Some(3), 3), (Some(10), 8), (None, 8)] {
        let mut input = after(8, at(NOW, 0, busy(8)));
        input.pending_tasks = 0;
        input.quota_executors = quota;
        let answer = control(&guarded(2, 20), &input);
        assert_eq!(answer.target.value, target, "{quota:?}");
        // They run tasks: the target falls, but none is removed.
        assert!(answer.remove.is_empty());
        assert_eq!(answer.executors_if_lost, Some(quota.unwrap_or(20).clamp(1, 20)));
    }
}

#[test]
fn a_target_falls_only_by_those_that_can_go() {
    let mut executors = busy(10);
    for executor in executors.iter_mut().take(3) {
        (executor.running_tasks, executor.idle_ms) = (0, 60_000);
    }
    executors[0].active_shuffle_bytes = Bytes(1);
    executors[3].state = ExecutorState::Unknown;
    let mut input = after(10, at(NOW, 0, executors));
    input.running_tasks = 1;
    let answer = control(&free(1, 20), &input);
    assert_eq!(answer.target.value, 8);
    assert_eq!(answer.remove, ["2", "3"]);
    assert!(answer.apply);
    assert_eq!(guards_of(&answer), [key::PROTECTED]);
    assert_eq!(answer.held[0].wanted, 1);
}

/// Executors that were only asked for are called off before any is removed.
#[test]
fn coming_executors_are_called_off_first() {
    let mut input = after(8, at(NOW, 0, executors(4)));
    input.executors_coming = 4;
    input.running_tasks = 4;
    input.state.last_direction = Some(Direction::Up);
    let answer = control(&saving(1, 20), &input);
    assert_eq!((answer.target.value, answer.remove.len(), answer.apply), (4, 0, true));
}

/// A plan of eight was called off at the first look, before the first job.
#[test]
fn executors_of_the_start_come() {
    for target in [OptimizationTarget::Balanced, OptimizationTarget::Memory] {
        let mut policy = free(1, 20);
        policy.pipeline.optimization_target = target;
        let mut input = at(NOW, 0, Vec::new());
        input.executors_coming = 8;
        let mut look = |executors: Vec<ExecutorFacts>, coming: u32, pending: u64| {
            let running = executors.iter().map(|executor| u64::from(executor.running_tasks)).sum();
            (input.executors, input.executors_coming) = (executors, coming);
            (input.pending_tasks, input.running_tasks) = (pending, running);
            (input.now_ms, input.facts_at_ms) = (input.now_ms + 1_000, input.now_ms + 1_000);
            let answer = control(&policy, &input);
            input.state = answer.state;
            (answer.target.value, answer.remove.len())
        };
        assert_eq!(look(Vec::new(), 8, 0), (8, 0), "no job yet");
        assert_eq!(look(Vec::new(), 8, 1), (8, 0), "one task waits");
        assert_eq!(look(busy(1), 7, 0), (8, 0), "it runs");
        let mut rested = busy(3);
        rested[1].running_tasks = 0;
        rested[1].idle_ms = 2_000;
        assert_eq!(look(rested.clone(), 5, 0), (8, 0), "one has just come");
        rested[1].idle_ms = 60_000;
        let (target, _) = look(rested, 5, 0);
        assert!(target < 8, "one was idle for a minute: {target}");
    }
}

#[test]
fn shadow_decides_and_does_nothing() {
    let mut off = free(2, 20);
    off.autoscaling.enable_autoscaling = false;
    let rows = [
        (free(2, 20), Controller::Spark, "only decided, not applied: the user turned Spark's dynamic allocation on"),
        (free(2, 20), Controller::Nobody, "only decided, not applied: nothing can move this application's executors"),
        (
            off,
            Controller::Policy,
            "only decided, not applied: autoscaling is off (autoscaling.enable_autoscaling, built-in)",
        ),
    ];
    for (policy, controller, note) in rows {
        for (pending, executors, target) in [(100, busy(4), 20), (0, executors(4), 2)] {
            let mut input = after(4, at(NOW, pending, executors));
            input.state.acting = false;
            input.controller = controller;
            let answer = control(&policy, &input);
            assert_eq!(answer.target.value, target);
            assert!(!answer.apply && answer.remove.is_empty());
            assert_eq!(answer.executors_if_lost, None);
            assert!(answer.target.trace.notes.iter().any(|n| n == note), "{:?}", answer.target.trace.notes);
        }
    }
}

/// What a shadow dreamt of is not what there is when the policy takes over.
#[test]
fn taking_over_starts_at_what_is_there() {
    let mut input = after(20, at(NOW, 100, busy(4)));
    input.state.acting = false;
    let answer = control(&guarded(2, 20), &input);
    assert_eq!((answer.target.value, answer.apply), (8, true));
}

#[test]
fn missing_executors_are_asked_for_again_once_a_minute() {
    let policy = guarded(2, 20);
    let mut input = after(4, at(NOW, 0, busy(3)));
    input.running_tasks = 4;
    let mut asked = Vec::new();
    for second in 0..=130 {
        input.now_ms = NOW + second * 1_000;
        input.facts_at_ms = input.now_ms;
        let answer = control(&policy, &input);
        if answer.apply {
            asked.push(second);
        }
        input.state = answer.state;
    }
    assert_eq!(asked, [60, 120]);
}

#[test]
fn a_clock_that_goes_back_is_no_time_passed() {
    let policy = saving(2, 20);
    let mut input = after(4, at(NOW, 100, busy(4)));
    let mut answer = control(&policy, &input);
    assert_eq!(answer.target.value, 4);
    // An hour back: the first step of the ramp still waits for its second.
    for (ms, target) in [(0, 4), (999, 4), (1_000, 5), (1_000, 5), (2_000, 7)] {
        input.now_ms = NOW - HOUR_MS + ms;
        input.facts_at_ms += 1;
        input.state = answer.state;
        answer = control(&policy, &input);
        assert_eq!(answer.target.value, target, "{ms}");
    }
}

#[test]
fn the_trace_names_source_inputs_and_bounds_in_order() {
    let mut policy = guarded(2, 6);
    policy.origins.insert("autoscaling.max_executors".to_string(), Layer::Environment);
    let mut input = after(4, at(NOW, 96, busy(4)));
    input.quota_executors = Some(5);
    let answer = control(&policy, &input);
    let trace = &answer.target.trace;
    assert_eq!((answer.target.value, answer.target.grade), (5, Grade::A));
    assert!(trace.formula.contains("ExecutorAllocationManager"));
    assert_eq!(trace.unbounded, 100_u32.into());
    let names: Vec<_> = trace.bounds.iter().map(|bound| bound.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "more for what comes next",
            "autoscaling.guards.max_growth_a_minute, built-in",
            "autoscaling.min_executors, built-in",
            "autoscaling.max_executors, environment",
            "quota of the cluster",
        ]
    );
    for pair in trace.bounds.windows(2) {
        assert_eq!(pair[0].after, pair[1].before);
    }
    assert_eq!(trace.bounds.last().unwrap().after, 5_u32.into());
    assert!(trace.inputs.iter().all(|input| !input.from.is_empty()));
    let text: String = trace.render("");
    assert!(text.contains("computed 100"), "{text}");
}

#[test]
fn nothing_overflows_at_the_ends() {
    let mut policy = guarded(u32::MAX, 0);
    policy.guards.tick_seconds = f64::NAN;
    policy.guards.down_window_seconds = u32::MAX;
    policy.guards.max_growth_a_minute = f64::NAN;
    policy.guards.max_shrink_a_window = f64::INFINITY;
    let input = ControlInput {
        now_ms: u64::MAX,
        facts_at_ms: u64::MAX,
        pending_tasks: u64::MAX,
        running_tasks: u64::MAX,
        executor_cores: Some(0),
        task_cpus: Some(0),
        executors_coming: u32::MAX,
        mean_task_ms: Some(u64::MAX),
        executor_start_ms: Some(0),
        executors: executors(2),
        ..ControlInput::default()
    };
    let answer = control(&policy, &input);
    assert_eq!((answer.target.value, answer.next_tick_ms), (1, u64::MAX));
    assert_eq!(control(&ResolvedPolicy::default(), &ControlInput::default()).target.value, 2);
}

#[test]
fn only_pinned_or_taken_over_allocation_is_the_policy_s() {
    use crate::facts::Manager::{Local, Standalone};
    use crate::policy::ExistingDynamicAllocation::{Shadow, TakeOver};
    for (existing, manager, dynamic, pinned, controller) in [
        (Shadow, Local, true, true, Controller::Nobody),
        (TakeOver, Local, true, false, Controller::Nobody),
        (Shadow, Standalone, false, false, Controller::Nobody),
        (TakeOver, Standalone, false, true, Controller::Nobody),
        (Shadow, Standalone, true, true, Controller::Policy),
        (TakeOver, Standalone, true, false, Controller::Policy),
        (Shadow, Standalone, true, false, Controller::Spark),
    ] {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.existing_dynamic_allocation = existing;
        let told = (existing, manager, dynamic, pinned);
        assert_eq!(Controller::of(&policy, manager, dynamic, pinned), controller, "{told:?}");
    }
}
