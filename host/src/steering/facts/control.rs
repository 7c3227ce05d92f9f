//! What is known of a running application at a tick of its controller.

use sparkwright_core::control::{ControlInput, Controller};

use super::executors::Executors;
use crate::clock::utc_offset_minutes;
use crate::steering::declared::PlannedExecutors;
use crate::steering::lock::lock;
use crate::steering::setup::Mode;
use crate::steering::steered::Steered;

/// The application at `now_ms`, while a declared stage runs with `plan` where one does.
pub(in crate::steering) fn question(steered: &Steered, now_ms: u64, plan: Option<&PlannedExecutors>) -> ControlInput {
    let launch = steered.launch.plan.as_ref();
    let state = steered.scaling.state();
    let size = Executors::of(steered);
    let executor_start_ms = lock(&steered.outcomes).executor_start_ms();
    let controller =
        if steered.acts() || steered.launch.mode == Mode::Shadow { steered.controller() } else { Controller::Nobody };
    let application = lock(&steered.application);
    let (pending_tasks, running_tasks) = application.tasks();
    let (gc_share, failure_share) = application.recent_shares();
    // Before the first decision, what the launch plan asked for is on its way.
    let asked_for = state.target.or_else(|| launch.map(|plan| plan.initial_executors.value));
    let coming = asked_for.map_or(0, |target| target.saturating_sub(application.live_executors()));
    ControlInput {
        now_ms,
        utc_offset_minutes: utc_offset_minutes(),
        labels: steered.launch.labels.clone(),
        facts_at_ms: application.facts_at_ms(),
        facts_lost: application.facts_lost(),
        controller,
        pending_tasks,
        running_tasks,
        largest_ended_stage_tasks: application.largest_ended_stage_tasks(),
        executor_cores: size.cores,
        task_cpus: size.task_cpus,
        executors: application.executor_facts(now_ms),
        executors_coming: if controller == Controller::Policy { coming } else { 0 },
        quota_executors: match plan {
            Some(plan) => plan.quota,
            None => launch.map(|plan| plan.max_executors),
        },
        planned_executors: plan.map(|plan| plan.executors),
        mean_task_ms: application.mean_task_ms(),
        executor_start_ms,
        gc_share,
        failure_share,
        block_migration: steered.hello.migrates_blocks(),
        state,
    }
}
