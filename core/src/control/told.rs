//! What a decision of the controller says of itself: its rule, its inputs, and what a reader should know.

use alloc::format;

use super::bounds::Bounds;
use super::contract::{ControlInput, Controller};
use super::counts::ExecutorCounts;
use super::guards::key;
use crate::executor::slots;
use crate::policy::ResolvedPolicy;
use crate::trace::{Trace, Unit};

/// What the rule worked with beside facts.
pub(super) struct Beside {
    /// Tasks that an executor runs at once.
    pub(super) each: u32,
    /// The last target.
    pub(super) last: Option<u32>,
    /// The largest need of the down window.
    pub(super) largest_need: u32,
    /// How long an idle executor stays.
    pub(super) stay_ms: u64,
}

/// The trace with the inputs of the rule.
pub(super) fn rule(
    policy: &ResolvedPolicy,
    input: &ControlInput,
    counts: &ExecutorCounts<'_>,
    beside: Beside,
) -> Trace {
    let Beside { each, last, largest_need, stay_ms } = beside;
    let seen = "measured, this run";
    let trace = match input.planned_executors {
        Some(plan) => Trace::new(
            "control.plan",
            "as many as the declared stage that runs was planned with; at once, except for pauses, executors that must stay, and bounds",
            Unit::Executors,
        )
        .input("planned executors", plan, Unit::Executors, "plan_stage"),
        None => Trace::new(
            "control.demand",
            "enough for the tasks that run and wait; need = ceil((running + pending tasks) / slots of an executor), at once while tasks \
             wait (until one has ended by 1, 2, 4, 8 ... as Spark's ExecutorAllocationManager; target memory: where the work lasts), down when having an \
             executor back costs less than keeping it",
            Unit::Executors,
        ),
    };
    trace
        .fact("pending_tasks", "pending tasks", input.pending_tasks, Unit::Tasks, seen)
        .fact("running_tasks", "running tasks", input.running_tasks, Unit::Tasks, seen)
        .fact(
            "executor_cores",
            "executor cores",
            input.executor_cores.unwrap_or(slots::DEFAULT_CORES),
            Unit::Cores,
            "spark.executor.cores",
        )
        .input("spark.task.cpus", input.task_cpus.unwrap_or(slots::DEFAULT_TASK_CPUS), Unit::Cores, "spark.task.cpus")
        .input("slots of an executor", each, Unit::Tasks, "cores / cores a task")
        .fact("executors", "executors registered", counts.staying, Unit::Executors, seen)
        .input("executors requested and not registered yet", input.executors_coming, Unit::Executors, seen)
        .fact("mean_task_ms", "mean task time", input.mean_task_ms, Unit::Milliseconds, seen)
        .fact("executor_start_ms", "executor start-up time", input.executor_start_ms, Unit::Milliseconds, seen)
        .input("an idle executor stays", stay_ms, Unit::Milliseconds, "start-up time / (1 - alpha)")
        .input("last target", last, Unit::Executors, "the last decision")
        .input("largest need of the down window", largest_need, Unit::Executors, policy.origin(key::DOWN_WINDOW))
}

/// The trace with everything else that a reader should know.
pub(super) fn notes(
    mut trace: Trace,
    policy: &ResolvedPolicy,
    input: &ControlInput,
    bounds: Bounds,
    ask_again: bool,
) -> Trace {
    if !policy.autoscaling.enable_autoscaling {
        let origin = policy.origin("autoscaling.enable_autoscaling");
        trace = trace.note(format!("only decided, not applied: autoscaling is off ({origin})"));
    }
    match input.controller {
        Controller::Policy => {}
        Controller::Nobody => {
            trace = trace.note("only decided, not applied: nothing can move this application's executors");
        }
        Controller::Spark => {
            trace = trace.note("only decided, not applied: the user turned Spark's dynamic allocation on");
        }
    }
    if input.state.now_ms > input.now_ms {
        trace = trace.note("the clock went back: counted as no time passed");
    }
    if bounds.least() < bounds.min {
        trace = trace.note("fewer executors than min_executors: max_executors or the quota is lower, and wins");
    }
    if ask_again {
        trace = trace.note("executors have been missing for a minute: they are requested again");
    }
    trace
}
