//! What holds for `control` whatever goes in, over random sequences of inputs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use sparkwright_core::control::{
    ControlAnswer, ControlInput, ControlState, Controller, Direction, ExecutorFacts, ExecutorState, NeedAt, control,
};
use sparkwright_core::executor::slots::tasks_an_executor;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::Bytes;

/// A state in JSON never gets longer than this.
const MOST_STATE_BYTES: usize = 24 * 1024;

/// Small numbers mostly, and now and then the end of the range.
fn number(usual: u64) -> impl Strategy<Value = u64> {
    prop_oneof![9 => 0..=usual, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

fn number32(usual: u32) -> impl Strategy<Value = u32> {
    prop_oneof![9 => 0..=usual, 1 => Just(u32::MAX), 1 => any::<u32>()]
}

fn share() -> impl Strategy<Value = Option<f64>> {
    proptest::option::weighted(0.3, prop_oneof![8 => 0.0..0.5, 1 => any::<f64>(), 1 => Just(f64::NAN)])
}

fn executor() -> impl Strategy<Value = ExecutorFacts> {
    let state = prop_oneof![
        8 => Just(ExecutorState::Active), 1 => Just(ExecutorState::Leaving), 1 => Just(ExecutorState::Unknown)
    ];
    let busy = prop_oneof![6 => Just(0), 2 => number32(4)];
    let bytes = || prop_oneof![6 => Just(0), 2 => number(1_000)];
    (state, busy, number(600_000), bytes(), number(2_000), bytes()).prop_map(
        |(state, running_tasks, idle_ms, cached, storage, shuffle)| ExecutorFacts {
            id: String::new(),
            state,
            running_tasks,
            idle_ms,
            cached_bytes: Bytes(cached),
            storage_bytes: Bytes(storage),
            active_shuffle_bytes: Bytes(shuffle),
        },
    )
}

fn executors() -> impl Strategy<Value = Vec<ExecutorFacts>> {
    vec(executor(), 0..30).prop_map(|mut executors| {
        for (id, executor) in (1..).zip(&mut executors) {
            executor.id = format!("{id}");
        }
        executors
    })
}

/// An input whose time is the time since the one before.
fn input() -> impl Strategy<Value = ControlInput> {
    let controller =
        prop_oneof![6 => Just(Controller::Policy), 1 => Just(Controller::Nobody), 1 => Just(Controller::Spark)];
    let who =
        (controller, any::<bool>(), proptest::bool::weighted(0.05), proptest::option::weighted(0.2, number32(30)));
    let work = (number(200), number(100), number32(8), number32(3), number32(10));
    let plan = proptest::option::weighted(0.2, number32(40));
    let measured = (
        proptest::option::weighted(0.5, number(60_000)),
        proptest::option::weighted(0.5, number(30_000)),
        share(),
        share(),
    );
    let time = prop_oneof![8 => 0..5_000_u64, 3 => 5_000..400_000_u64, 1 => Just(u64::MAX), 1 => any::<u64>()];
    (who, work, plan, measured, executors(), time).prop_map(|(who, work, plan, measured, executors, now_ms)| {
        ControlInput {
            now_ms,
            facts_at_ms: now_ms,
            facts_lost: who.2,
            controller: who.0,
            block_migration: who.1,
            quota_executors: who.3,
            planned_executors: plan,
            pending_tasks: work.0,
            running_tasks: work.1,
            largest_ended_stage_tasks: work.0 / 2,
            executor_cores: Some(work.2),
            task_cpus: Some(work.3),
            executors_coming: work.4,
            mean_task_ms: measured.0,
            executor_start_ms: measured.1,
            gc_share: measured.2,
            failure_share: measured.3,
            executors,
            state: ControlState::default(),
            ..ControlInput::default()
        }
    })
}

prop_compose! {
    fn policy()(
        min in 1..20_u32,
        more in 0..30_u32,
        enabled in proptest::bool::weighted(0.9),
        bands in (0.0..0.3, 0.0..0.3),
        window in prop_oneof![Just(0), 1..30_u32, 1..600_u32],
        cooldown in prop_oneof![Just(0), 1..200_u32],
        growth in 1.0..4.0,
        shrink in 0.0..=1.0,
        turns in 1..10_u32,
    ) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.min_executors = min;
        policy.autoscaling.max_executors = min + more;
        policy.autoscaling.enable_autoscaling = enabled;
        policy.guards.dead_band_up = bands.0;
        policy.guards.dead_band_down = bands.1;
        policy.guards.down_window_seconds = window;
        policy.guards.cooldown_seconds = cooldown;
        policy.guards.max_growth_a_minute = growth;
        policy.guards.max_shrink_a_window = shrink;
        policy.guards.direction_changes_an_hour = turns;
        policy
    }
}

/// Any policy that can be written down, sensible or not.
fn wild_policy() -> impl Strategy<Value = ResolvedPolicy> {
    (policy(), vec(any::<f64>(), 7), vec(any::<u32>(), 6)).prop_map(|(mut policy, reals, wholes)| {
        policy.guards.dead_band_up = reals[0];
        policy.guards.dead_band_down = reals[1];
        policy.guards.max_growth_a_minute = reals[2];
        policy.guards.max_shrink_a_window = reals[3];
        policy.guards.pause_above_gc = reals[4];
        policy.guards.pause_above_failures = reals[5];
        policy.guards.tick_seconds = reals[6];
        policy.autoscaling.min_executors = wholes[0];
        policy.autoscaling.max_executors = wholes[1];
        policy.guards.down_window_seconds = wholes[2];
        policy.guards.cooldown_seconds = wholes[3];
        policy.guards.stale_ticks = wholes[4];
        policy.guards.direction_changes_an_hour = wholes[5];
        policy
    })
}

/// A memory that no answer ever gave.
fn wild_state() -> impl Strategy<Value = ControlState> {
    let entries = || {
        vec((any::<u64>(), any::<u32>()), 0..200)
            .prop_map(|list| list.into_iter().map(|(at_ms, executors)| NeedAt { at_ms, executors }).collect::<Vec<_>>())
    };
    let direction = prop_oneof![Just(None), Just(Some(Direction::Up)), Just(Some(Direction::Down))];
    (
        (any::<Option<u32>>(), any::<u32>(), any::<[u64; 4]>(), any::<u32>(), any::<[bool; 2]>(), any::<Option<u64>>()),
        (entries(), entries(), entries(), direction, vec(any::<u64>(), 0..200)),
        (any::<Option<u64>>(), vec(any::<u64>(), 0..200), entries(), any::<u32>()),
    )
        .prop_map(|((target, ramp_step, times, stale_ticks, acting, short), lists, idle)| ControlState {
            target,
            ramp_step,
            ramp_at_ms: times[0],
            needs: lists.0,
            minute_targets: lists.1,
            window_targets: lists.2,
            last_direction: lists.3,
            last_move_ms: times[1],
            reversals_ms: lists.4,
            stale_ticks,
            facts_at_ms: times[2],
            now_ms: times[3],
            acting: acting[0],
            short_since_ms: short,
            slack_since_ms: idle.0,
            gaps_ms: idle.1,
            spare: idle.2,
            most_needed: idle.3,
            worked: acting[1],
        })
}

/// One answer after the other, each with the state of the one before; time adds up.
fn play(policy: &ResolvedPolicy, inputs: Vec<ControlInput>) -> Vec<(ControlInput, ControlAnswer)> {
    let (mut state, mut now) = (ControlState::default(), 1_000_000_u64);
    inputs
        .into_iter()
        .map(|mut input| {
            now = now.saturating_add(input.now_ms);
            (input.now_ms, input.facts_at_ms, input.state) = (now, now, state.clone());
            let answer = control(policy, &input);
            state = answer.state.clone();
            (input, answer)
        })
        .collect()
}

/// What holds for any answer to any question.
fn check_one(policy: &ResolvedPolicy, input: &ControlInput, answer: &ControlAnswer) {
    let target = answer.target.value;
    let (min, max) = (policy.autoscaling.min_executors.max(1), policy.autoscaling.max_executors.max(1));
    // The upper bounds win over the minimum, and nothing over one executor.
    let most = max.min(input.quota_executors.unwrap_or(u32::MAX).max(1));
    assert!(target <= most, "over the maximum or the quota");
    assert!(target >= min.min(most), "under the minimum");

    let acting = policy.autoscaling.enable_autoscaling && input.controller == Controller::Policy;
    assert!(acting || (!answer.apply && answer.remove.is_empty() && answer.executors_if_lost.is_none()));
    assert!(answer.remove.is_empty() || answer.apply);

    let by_id: BTreeMap<_, _> = input.executors.iter().map(|e| (e.id.as_str(), e)).collect();
    let mut going: Vec<_> = answer.remove.iter().map(|id| by_id[id.as_str()]).collect();
    for executor in &going {
        assert_eq!(executor.state, ExecutorState::Active);
        assert_eq!((executor.running_tasks, executor.active_shuffle_bytes), (0, Bytes(0)));
        assert!(input.block_migration || executor.cached_bytes == Bytes(0));
    }
    let sum = |bytes: &mut dyn Iterator<Item = u64>| bytes.map(u128::from).sum::<u128>();
    let moving = sum(&mut going.iter().map(|e| e.cached_bytes.get()));
    let mut staying =
        input.executors.iter().filter(|e| e.state == ExecutorState::Active).filter(|e| !answer.remove.contains(&e.id));
    let room = sum(&mut staying.by_ref().map(|e| e.storage_bytes.get().saturating_sub(e.cached_bytes.get())));
    assert!(moving == 0 || moving <= room, "no room for {moving} bytes in {room}");
    going.dedup_by_key(|e| e.id.clone());
    assert_eq!(going.len(), answer.remove.len(), "named twice");
    if !answer.remove.is_empty() {
        let there = input.executors.iter().filter(|e| e.state != ExecutorState::Leaving).count();
        let after = there - answer.remove.len();
        assert!(after >= target as usize && after >= min.min(most) as usize, "too many go");
        // Those of which nobody knows what they do are no help when it comes to the minimum.
        let known = input.executors.iter().filter(|e| e.state == ExecutorState::Active).count();
        assert!(known - answer.remove.len() >= min.min(most) as usize, "too many known ones go");
    }

    if let Some(plan) = input.planned_executors {
        check_plan(plan.max(min).min(most), answer);
    }

    let json = serde_json::to_string(answer).unwrap();
    let state = serde_json::to_string(&answer.state).unwrap();
    assert!(state.len() <= MOST_STATE_BYTES, "{} bytes", state.len());
    assert_eq!(serde_json::from_str::<ControlAnswer>(&json).unwrap().state, answer.state);
    // The same input gives the same bytes.
    assert_eq!(serde_json::to_string(&control(policy, input)).unwrap(), json);

    let bounds = &answer.target.trace.bounds;
    assert_eq!(bounds.first().unwrap().before, answer.target.trace.unbounded);
    assert!(bounds.windows(2).all(|pair| pair[0].after == pair[1].before));
    assert_eq!(bounds.last().unwrap().after, target.into());
    assert!(answer.next_tick_ms >= input.now_ms);
}

/// A plan is followed at once; all that holds it are pauses, and a move down executors that may not go.
fn check_plan(wanted: u32, answer: &ControlAnswer) {
    const PAUSES: [&str; 4] = [
        "facts_lost",
        "autoscaling.guards.stale_ticks",
        "autoscaling.guards.pause_above_gc",
        "autoscaling.guards.pause_above_failures",
    ];
    match answer.held.first().map(|held| held.guard.as_ref()) {
        None => assert_eq!(answer.target.value, wanted),
        Some("protected") => assert!(answer.target.value > wanted),
        Some(pause) => assert!(PAUSES.contains(&pause), "a plan held by {pause}"),
    }
    assert!(answer.held.len() <= 1, "{:?}", answer.held);
}

/// Inputs over which only the guards move the target: one controller, no quota, nothing that pauses for long or keeps
/// executors from going.
fn calm() -> impl Strategy<Value = ControlInput> {
    let time = prop_oneof![4 => 500..3_000_u64, 4 => 3_000..70_000_u64, 1 => 70_000..400_000_u64];
    let gc = proptest::option::weighted(0.1, 0.0..0.4);
    let plan = proptest::option::weighted(0.1, 0..45_u32);
    (time, plan, 0..8_u64, 0..40_u64, gc).prop_map(|(now_ms, plan, pending_tasks, running_tasks, gc_share)| {
        ControlInput {
            now_ms,
            planned_executors: plan,
            pending_tasks,
            running_tasks,
            gc_share,
            controller: Controller::Policy,
            executors: (1..=40)
                .map(|id: u32| ExecutorFacts {
                    id: id.to_string(),
                    state: ExecutorState::Active,
                    ..ExecutorFacts::default()
                })
                .collect(),
            ..ControlInput::default()
        }
    })
}

fn scaled(n: u32, factor: f64) -> u32 {
    (f64::from(n) * factor - 1e-6).ceil() as u32
}

proptest! {
    // A case is a whole run, so a quarter of the usual number.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn any_sequence_keeps_the_bounds_and_the_protected(policy in policy(), inputs in vec(input(), 1..40)) {
        for (input, answer) in play(&policy, inputs) {
            check_one(&policy, &input, &answer);
        }
    }

    #[test]
    fn nothing_panics_or_grows_whatever_goes_in(
        policy in wild_policy(), state in wild_state(), mut input in input(), now in any::<u64>()
    ) {
        (input.state, input.now_ms) = (state, now);
        let answer = control(&policy, &input);
        check_one(&policy, &input, &answer);
    }

    /// Clocks that jump to and fro neither break the bounds nor let the state grow.
    #[test]
    fn clocks_may_jump(policy in policy(), inputs in vec((input(), any::<u64>()), 1..30)) {
        let mut state = ControlState::default();
        for (mut input, now) in inputs {
            (input.now_ms, input.state) = (now, state);
            let answer = control(&policy, &input);
            check_one(&policy, &input, &answer);
            state = answer.state;
        }
    }

    #[test]
    fn moves_keep_cool_down_growth_and_shrinking(policy in policy(), inputs in vec(calm(), 2..80)) {
        let mut policy = policy;
        policy.autoscaling.enable_autoscaling = true;
        let guards = &policy.guards;
        // When, the target, and whether it is a plan's: such a move is no reaction, and what limits those counts from it on.
        let steps: Vec<_> = play(&policy, inputs)
            .into_iter()
            .map(|(input, answer)| (input.now_ms, answer.target.value, input.planned_executors.is_some()))
            .collect();
        let moved_by_plan: Vec<_> = std::iter::once(false)
            .chain(steps.windows(2).map(|pair| pair[1].2 && pair[0].1 != pair[1].1))
            .collect();

        // No turn inside the cool-down, and none down after too many of them in an hour; up they go whatever was before.
        let (mut last, mut turns) = (None, Vec::new());
        for pair in steps.windows(2) {
            let ((_, before, _), (now, after, planned)) = (pair[0], pair[1]);
            if before == after || planned {
                continue;
            }
            let up = after > before;
            if let Some((was_up, at)) = last && was_up != up {
                prop_assert!(now - at >= u64::from(guards.cooldown_seconds) * 1_000, "turned after {} ms", now - at);
                turns.push((now, up));
            }
            last = Some((up, now));
        }
        for (n, (at, _)) in turns.iter().enumerate().filter(|(_, (_, up))| !up) {
            let before = turns[..n].iter().filter(|(turn, _)| at - turn < 3_600_000).count();
            prop_assert!(before < guards.direction_changes_an_hour as usize);
        }

        // Over any minute and any window.
        for (n, (from, before, _)) in steps.iter().enumerate() {
            let later = steps.iter().zip(&moved_by_plan).skip(n + 1).take_while(|(_, planned)| !**planned);
            for ((to, after, _), _) in later {
                if to - from < 60_000 {
                    prop_assert!(*after <= scaled(*before, guards.max_growth_a_minute), "{before} to {after}");
                }
                if to - from < u64::from(guards.down_window_seconds) * 1_000 {
                    let floor = scaled(*before, 1.0 - guards.max_shrink_a_window);
                    prop_assert!(*after >= floor.min(before - 1), "{before} to {after}");
                }
            }
        }
    }

    /// The target falls no lower than the largest need of the window.
    #[test]
    fn down_only_to_the_largest_need(policy in policy(), inputs in vec(calm(), 2..80)) {
        let mut policy = policy;
        policy.autoscaling.enable_autoscaling = true;
        let window = u64::from(policy.guards.down_window_seconds) * 1_000;
        let steps = play(&policy, inputs);
        let need = |input: &ControlInput| {
            let each = u64::from(tasks_an_executor(input.executor_cores, input.task_cpus));
            let of_tasks = input.pending_tasks.saturating_add(input.running_tasks).div_ceil(each);
            input.planned_executors.map_or(of_tasks, u64::from)
        };
        for (n, (now, answer)) in steps.iter().enumerate().skip(1).filter(|(_, (now, _))| now.planned_executors.is_none()) {
            let (target, before) = (answer.target.value, steps[n - 1].1.target.value);
            let within = steps[..=n].iter().filter(|(then, _)| now.now_ms - then.now_ms < window);
            let largest = within.map(|(then, _)| need(then)).max().unwrap_or(0);
            prop_assert!(target >= before || u64::from(target) >= largest.min(u64::from(before)));
        }
    }

    /// A job at rest gives back everything above the minimum, unless the policy says that nothing may shrink.
    #[test]
    fn idleness_ends_at_the_minimum(policy in policy(), start in 1..50_u32) {
        let mut policy = policy;
        policy.autoscaling.enable_autoscaling = true;
        policy.guards.max_shrink_a_window = policy.guards.max_shrink_a_window.max(0.1);
        let (min, max) = (policy.autoscaling.min_executors, policy.autoscaling.max_executors);
        let mut there: Vec<_> = (1..=start)
            .map(|id| ExecutorFacts { id: id.to_string(), state: ExecutorState::Active, ..ExecutorFacts::default() })
            .collect();
        let mut state = ControlState::default();
        for tick in 0..200_u64 {
            let now_ms = 1_000_000 + tick * 60_000;
            let answer = control(&policy, &ControlInput {
                now_ms, facts_at_ms: now_ms, controller: Controller::Policy, executors: there.clone(), state,
                ..ControlInput::default()
            });
            there.retain(|e| !answer.remove.contains(&e.id));
            state = answer.state;
            prop_assert!(there.len() >= start.min(min) as usize);
        }
        let windows = 200 * 60 / u64::from(policy.guards.down_window_seconds.max(60));
        if windows >= 40 {
            prop_assert_eq!(there.len(), start.min(min) as usize, "of {}, max {}", start, max);
        }
    }
}
