//! What goes into `control` and what comes out.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::decision::{Confs, answer};
use crate::facts::Manager;
use crate::policy::{ExistingDynamicAllocation, ResolvedPolicy};
use crate::trace::Decision;
use crate::units::Bytes;

/// What ended within this long is recent, where a question asks for a share of recent tasks.
pub const RECENT_MS: u64 = 60_000;

/// Who may move the executors of this application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Controller {
    /// Nobody can: a `local[n]` master, or an application whose executors are fixed.
    #[default]
    Nobody,
    /// This policy alone: Spark's dynamic allocation is on and pinned.
    Policy,
    /// Spark's own dynamic allocation, which the user turned on.
    Spark,
}

impl Controller {
    /// Who may move the executors that `manager` gives out: this policy where Spark's dynamic allocation is on and `pinned`, so that
    /// nothing but the policy moves them, or where it is on and the policy takes over.
    #[must_use]
    pub fn of(policy: &ResolvedPolicy, manager: Manager, dynamic_allocation: bool, pinned: bool) -> Self {
        let takes_over = policy.autoscaling.existing_dynamic_allocation == ExistingDynamicAllocation::TakeOver;
        match (manager.scales() && dynamic_allocation, pinned || takes_over) {
            (false, _) => Self::Nobody,
            (true, true) => Self::Policy,
            (true, false) => Self::Spark,
        }
    }
}

/// What an executor is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExecutorState {
    /// It works or waits for work.
    Active,
    /// It was told to go; so from the moment on at which the host passed a removal on.
    Leaving,
    /// Nobody knows (facts were lost).
    #[default]
    Unknown,
}

/// One executor as it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ExecutorFacts {
    /// Spark's name for it.
    pub id: String,
    /// What it is doing.
    pub state: ExecutorState,
    /// Tasks that it runs now.
    pub running_tasks: u32,
    /// How long it has run no task; 0 while it runs one.
    pub idle_ms: u64,
    /// Cached blocks that it holds.
    pub cached_bytes: Bytes,
    /// Its storage memory in all.
    pub storage_bytes: Bytes,
    /// Shuffle output that it holds for jobs that still run.
    pub active_shuffle_bytes: Bytes,
}

crate::members::read_over_defaults!(ExecutorFacts {
    id,
    state,
    running_tasks,
    idle_ms,
    cached_bytes,
    storage_bytes,
    active_shuffle_bytes,
});

/// The running application at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ControlInput {
    /// Unix time.
    pub now_ms: u64,
    /// By how much local time is ahead of Unix time at the place of the run.
    pub utc_offset_minutes: i32,
    /// What the user says of the run, for the policy's rules.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub labels: ByName<String>,
    /// Unix time of the newest fact: the driver's last sign of life, not its last event, for an application at rest has
    /// no events and must not look stale.
    pub facts_at_ms: u64,
    /// Whether facts were lost on the way, so that counts may be wrong.
    pub facts_lost: bool,
    /// Who may move the executors.
    pub controller: Controller,
    /// Tasks of running stages that wait for a slot.
    pub pending_tasks: u64,
    /// Tasks that run.
    pub running_tasks: u64,
    /// Tasks of the largest stage that has ended; 0 where none has.
    pub largest_ended_stage_tasks: u64,
    /// Cores of one executor; Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_cores: Option<u32>,
    /// `spark.task.cpus`; Spark's default where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cpus: Option<u32>,
    /// The executors, each once.
    pub executors: Vec<ExecutorFacts>,
    /// Executors that were asked for and are not there yet, those asked for at the start included.
    pub executors_coming: u32,
    /// The most executors that the cluster has room for or a quota allows; unknown when absent.
    pub quota_executors: Option<u32>,
    /// The executors that the declared stage that runs was planned with ([`crate::stage`]); absent where none runs, or where it wants none in
    /// particular. They are the need then, instead of what the tasks fill.
    pub planned_executors: Option<u32>,
    /// The mean run time of a task of the running stages; unknown when absent.
    pub mean_task_ms: Option<u64>,
    /// How long an executor takes from asking to its registration, measured here ([`super::StartUps`]); unknown when absent.
    pub executor_start_ms: Option<u64>,
    /// The share of recent task time spent in garbage collection.
    pub gc_share: Option<f64>,
    /// The share of recent tasks that failed.
    pub failure_share: Option<f64>,
    /// Whether decommissioning moves blocks to other executors.
    pub block_migration: bool,
    /// The controller's memory: what the last answer gave as `state`; the default at the start.
    pub state: ControlState,
}

crate::members::read_over_defaults!(ControlInput {
    now_ms,
    utc_offset_minutes,
    labels,
    facts_at_ms,
    facts_lost,
    controller,
    pending_tasks,
    running_tasks,
    largest_ended_stage_tasks,
    executor_cores,
    task_cpus,
    executors,
    executors_coming,
    quota_executors,
    planned_executors,
    mean_task_ms,
    executor_start_ms,
    gc_share,
    failure_share,
    block_migration,
    state,
});

/// A number of executors and when it was last true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NeedAt {
    /// Unix time.
    pub at_ms: u64,
    /// Executors needed, or the target then.
    pub executors: u32,
}

/// Which way the last move went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More executors.
    Up,
    /// Fewer.
    Down,
}

/// What the controller remembers from tick to tick. Bounded in size whatever goes in.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ControlState {
    /// The last target; absent before the first decision.
    pub target: Option<u32>,
    /// Executors that the next step of the ramp adds (1, 2, 4, 8 …).
    pub ramp_step: u32,
    /// When the ramp last added.
    pub ramp_at_ms: u64,
    /// Needs within the down window, largest kept for each slice of it.
    pub needs: Vec<NeedAt>,
    /// Targets within the last minute, for the growth limit; none from before a planned move.
    pub minute_targets: Vec<NeedAt>,
    /// Targets within the down window, for the shrink limit; none from before a planned move.
    pub window_targets: Vec<NeedAt>,
    /// The direction of the last move that was no plan's.
    pub last_direction: Option<Direction>,
    /// When it was.
    pub last_move_ms: u64,
    /// When the direction changed, within the last hour.
    pub reversals_ms: Vec<u64>,
    /// Ticks in a row without new facts.
    pub stale_ticks: u32,
    /// The newest fact seen.
    pub facts_at_ms: u64,
    /// When the controller last looked, by the clock of that time; where the clock goes back, every time here goes back
    /// with it.
    pub now_ms: u64,
    /// Whether the last answer was for real: where it was not, `target` says nothing of the executors there are.
    pub acting: bool,
    /// Since when there are fewer executors than were asked for, or when they were last asked for again.
    pub short_since_ms: Option<u64>,
    /// Since when tasks no longer fill the executors there are; absent while they do.
    pub slack_since_ms: Option<u64>,
    /// How long it took until they did again, the last few times.
    pub gaps_ms: Vec<u64>,
    /// Executors beyond the need within the time that an idle one stays.
    pub spare: Vec<NeedAt>,
    /// The most executors that tasks would have filled so far.
    pub most_needed: u32,
    /// Whether a task of the application has ended: until then nothing is known of its work.
    pub worked: bool,
}

crate::members::read_over_defaults!(ControlState {
    target,
    ramp_step,
    ramp_at_ms,
    needs,
    minute_targets,
    window_targets,
    last_direction,
    last_move_ms,
    reversals_ms,
    stale_ticks,
    facts_at_ms,
    now_ms,
    acting,
    short_since_ms,
    slack_since_ms,
    gaps_ms,
    spare,
    most_needed,
    worked,
});

/// A guard that kept the controller from a move it would have made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Held {
    /// The guard's policy key or name, as `autoscaling.guards.cooldown_seconds`.
    pub guard: Cow<'static, str>,
    /// What it held back, in a sentence.
    pub because: Cow<'static, str>,
    /// The target that it would have been.
    pub wanted: u32,
}

answer! {
    /// What the controller wants.
    ControlAnswer at Control {
        /// How many executors there should be.
        target: Decision<u32> = "Executors" as "executors" in Executors;
        /// Whether `target` is to be asked of Spark now: the policy is the controller, and the target changed, executors go,
        /// or some have been missing for a minute and are asked for again.
        apply: bool;
        /// Executors to decommission now, in this order.
        remove: Vec<String>;
        /// Guards that held a move back.
        held: Vec<Held>;
        /// What to fall back to when the host is lost: as many as the application would have had without a policy.
        executors_if_lost: Option<u32>;
        /// When to ask again.
        next_tick_ms: u64;
        /// The controller's memory, to be given back with the next question.
        state: ControlState;
    }
}

impl Confs for ControlAnswer {}
