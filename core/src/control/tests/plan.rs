//! What a declared stage's plan does to the controller.

use super::*;

/// `input` while a stage runs that was planned with so many executors.
fn under(plan: u32, mut input: ControlInput) -> ControlInput {
    input.planned_executors = Some(plan);
    input
}

/// No ramp and none of the guards that keep reactions steady: with each of them in the way a plan is followed at once.
#[test]
fn a_plan_is_followed_at_once() {
    type Change = fn(&mut ControlInput);
    /// Name, what would hold a reaction, last target, plan, executors.
    type Row = (&'static str, Change, u32, u32, Vec<ExecutorFacts>);
    let rows: Vec<Row> = vec![
        ("no task is there yet", |_| {}, 2, 12, executors(2)),
        ("growth limit and ramp", |i| (i.pending_tasks, i.state.ramp_step) = (100, 1), 4, 40, busy(4)),
        ("ramp not due", |i| (i.pending_tasks, i.state.ramp_at_ms) = (100, NOW - 1), 4, 40, busy(4)),
        ("fewer than the tasks would fill", |i| i.pending_tasks = 1_000, 4, 6, busy(4)),
        ("dead band up", |_| {}, 25, 26, busy(25)),
        ("dead band down", |_| {}, 25, 24, executors(25)),
        ("work ends first", |i| (i.mean_task_ms, i.executor_start_ms) = (Some(100), Some(4_500)), 4, 12, busy(4)),
        (
            "cool-down up",
            |i| (i.state.last_direction, i.state.last_move_ms) = (Some(Direction::Down), NOW - 1),
            4,
            12,
            busy(4),
        ),
        (
            "cool-down down",
            |i| (i.state.last_direction, i.state.last_move_ms) = (Some(Direction::Up), NOW - 1),
            12,
            4,
            executors(12),
        ),
        (
            "changes of direction",
            |i| {
                i.state.last_direction = Some(Direction::Down);
                i.state.reversals_ms = (0..4).map(|n| NOW - 3_000_000 + n).collect();
            },
            4,
            12,
            busy(4),
        ),
        ("down window", |i| i.state.needs = vec![NeedAt { at_ms: NOW - 1, executors: 20 }], 20, 3, executors(20)),
        ("shrink limit", |_| {}, 20, 3, executors(20)),
    ];
    for (name, change, last, plan, executors) in rows {
        let (there, mut input) = (executors.len(), under(plan, after(last, at(NOW, 0, executors))));
        change(&mut input);
        let remembered = (input.state.last_direction, input.state.last_move_ms, input.state.reversals_ms.clone());
        let answer = control(&guarded(2, 50), &input);
        assert_eq!((answer.target.value, answer.apply), (plan, true), "{name}: {:?}", answer.held);
        assert_eq!(answer.held, [], "{name}");
        assert_eq!(answer.remove.len(), there.saturating_sub(plan as usize), "{name}");
        let state = answer.state;
        assert_eq!((state.last_direction, state.last_move_ms, state.reversals_ms), remembered, "{name}: no reversal");
    }
}

#[test]
fn bounds_quota_pauses_and_the_protected_hold_a_plan() {
    for (plan, quota, target) in
        [(0, None, 2), (1, None, 2), (9, None, 9), (99, None, 50), (99, Some(7), 7), (9, Some(0), 1)]
    {
        let mut input = under(plan, after(4, at(NOW, 0, executors(4))));
        input.quota_executors = quota;
        assert_eq!(control(&guarded(2, 50), &input).target.value, target, "{plan} {quota:?}");
    }
    type Change = fn(&mut ControlInput);
    let pauses: [(&str, Change); 3] = [
        (key::FACTS_LOST, |i| i.facts_lost = true),
        (key::PAUSE_GC, |i| i.gc_share = Some(0.21)),
        (key::PAUSE_FAILURES, |i| i.failure_share = Some(0.31)),
    ];
    for (guard, change) in pauses {
        for plan in [2, 9] {
            let mut input = under(plan, after(4, at(NOW, 0, executors(4))));
            change(&mut input);
            let answer = control(&guarded(2, 50), &input);
            assert_eq!((answer.target.value, answer.remove.len()), (4, 0), "{guard}");
            assert_eq!((guards_of(&answer), answer.held[0].wanted), (vec![guard], plan));
        }
    }
    let mut executors = busy(10);
    for executor in executors.iter_mut().take(3) {
        (executor.running_tasks, executor.idle_ms) = (0, 5_000);
    }
    executors[0].active_shuffle_bytes = Bytes(1);
    let answer = control(&guarded(2, 50), &under(4, after(10, at(NOW, 0, executors))));
    assert_eq!((answer.target.value, guards_of(&answer)), (8, vec![key::PROTECTED]));
    assert_eq!(answer.remove, ["2", "3"]);
}

/// What limits reactions counts from the plan on: neither its growth nor its shrinking is taken for one of them, and what it needed is
/// needed for a window after it.
#[test]
fn reactions_go_on_from_where_a_plan_ends() {
    let policy = guarded(1, 100);
    let mut input = under(20, after(2, at(NOW, 0, executors(2))));
    input.state = control(&policy, &input).state;
    // The plan ends: what it needed stays for the down window, and tasks may double it within the minute.
    (input.planned_executors, input.now_ms, input.facts_at_ms) = (None, NOW + 1_000, NOW + 1_000);
    input.executors = executors(20);
    let idle = control(&policy, &input);
    assert_eq!((idle.target.value, guards_of(&idle)), (20, vec![key::DOWN_WINDOW]));
    (input.pending_tasks, input.state.ramp_step) = (1_000, 64);
    assert_eq!(control(&policy, &input).target.value, 40);

    // 18 of 30 could not go at once; of those, and not of the 30, 40 % go when the plan has ended.
    let mut some = executors(30);
    for executor in some.iter_mut().take(18) {
        (executor.running_tasks, executor.idle_ms) = (1, 0);
    }
    let mut input = under(4, after(30, at(NOW, 0, some)));
    input.state = control(&policy, &input).state;
    assert_eq!(input.state.target, Some(18));
    (input.planned_executors, input.now_ms, input.facts_at_ms) = (None, NOW + 1_000, NOW + 1_000);
    (input.executors, input.running_tasks) = (executors(18), 0);
    assert_eq!(control(&policy, &input).target.value, 11);
}

#[test]
fn a_plan_says_that_it_is_one() {
    let answer = control(&guarded(2, 10), &under(12, after(4, at(NOW, 3, busy(4)))));
    let trace = &answer.target.trace;
    assert_eq!((answer.target.value, answer.target.grade, trace.rule.as_ref()), (10, Grade::C, "control.plan"));
    assert_eq!(trace.unbounded, 12_u32.into());
    assert!(trace.inputs.iter().any(|input| input.name == "planned executors" && input.value == 12_u32.into()));
    let changed: Vec<_> =
        trace.bounds.iter().filter(|bound| bound.changed()).map(|bound| bound.name.as_ref()).collect();
    assert_eq!(changed, ["autoscaling.max_executors, built-in"]);
    let text = trace.render("");
    assert!(text.contains("it would be 9 with a plan of 9 or less"), "{text}");
    // Without one nothing is said of any.
    let answer = control(&guarded(2, 10), &after(4, at(NOW, 3, busy(4))));
    assert!(!answer.target.trace.render("").contains("plan"), "{}", answer.target.trace.render(""));
}

/// A plan for an application that the policy does not move is decided and not applied.
#[test]
fn a_plan_in_the_shadow_stays_one() {
    let mut input = under(12, after(4, at(NOW, 0, executors(4))));
    (input.controller, input.state.acting) = (Controller::Spark, false);
    let answer = control(&guarded(2, 50), &input);
    assert_eq!((answer.target.value, answer.apply, answer.remove.len()), (12, false, 0));
}
