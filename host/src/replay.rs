//! Event logs replayed: read here, computed by `sparkwright-replay`, a policy's controller in the loop where one is asked.

use std::path::Path;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::control::{ControlAnswer, ControlInput};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::steering::CONTROL_MODULE_MS;
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::log::Log;
use sparkwright_replay::simulation::Manager;
use sparkwright_replay::steered::{SteeredRun, steered};
use sparkwright_replay::trace::Trace;

use crate::engine::{Budget, EngineError, Prepared, RestartingSession};
use crate::review::EventLogError;

/// Reads an event log: its file, its folder, or a folder that holds one.
///
/// # Errors
/// There is no log, or it can't be read.
pub fn read(path: &Path) -> Result<Log, EventLogError> {
    let mut log = Log::default();
    sparkwright_event_log::each_line(path, |line| log.take_line(line))?;
    Ok(log)
}

/// Why a policy could not steer a replay.
#[derive(Debug, thiserror::Error)]
pub enum NotSteered {
    /// The policy module failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It refused a question.
    #[error("the policy module refused a question of the controller: {}", .0.message)]
    Refused(ErrorBody),
}

/// What a run would have taken with a policy's controller.
///
/// # Errors
/// The policy module failed, or refused a question.
pub fn by_policy(trace: &Trace, policy: &ResolvedPolicy, prepared: &Prepared) -> Result<SteeredRun, NotSteered> {
    let scaling = &policy.autoscaling;
    let manager = Manager::of(trace, scaling.min_executors, scaling.max_executors);
    let mut session = RestartingSession::new(prepared.clone())?;
    let mut failed = None;
    let control = |facts: &ControlInput| {
        if failed.is_some() {
            return None;
        }
        match session.ask::<ControlAnswer>(DecisionPoint::Control, facts, Budget::millis(CONTROL_MODULE_MS)) {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(refused)) => {
                failed = Some(NotSteered::Refused(refused));
                None
            }
            Err(error) => {
                failed = Some(NotSteered::Engine(error));
                None
            }
        }
    };
    let every_us = sparkwright_core::control::tick_ms(policy).saturating_mul(1_000);
    let every_us = i64::try_from(every_us).unwrap_or(i64::MAX);
    let mut allocation = PolicyAllocation::new(control, &manager, trace.start_ms, every_us);
    let run = steered(trace, &manager, &mut allocation);
    drop(allocation);
    failed.map_or(Ok(run), Err)
}

/// What a run would have taken with Spark's dynamic allocation, as its application was configured.
#[must_use]
pub fn by_spark(log: &Log, trace: &Trace) -> SteeredRun {
    let kind = Manager::of(trace, 0, u32::MAX);
    let mut rule = SparkAllocation::of(log, kind.slots);
    let manager = Manager::of(trace, rule.initial(), rule.most);
    steered(trace, &manager, &mut rule)
}
