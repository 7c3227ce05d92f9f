//! Asks the policy module for a launch plan.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::launch::{PlanLaunchAnswer, PlanLaunchInput};
use sparkwright_core::steering::LAUNCH_MODULE_MS;

use crate::engine::{Budget, EngineError, Prepared};

/// Why there is no launch plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The policy refuses: what is asked for can't be.
    #[error("{0}")]
    Refused(sparkwright_core::error::ErrorBody),
    /// The module failed.
    #[error(transparent)]
    Module(#[from] EngineError),
}

/// The launch plan for these facts.
///
/// # Errors
/// The policy refuses, or the module fails.
pub fn plan_launch(prepared: &Prepared, facts: &PlanLaunchInput) -> Result<PlanLaunchAnswer, PlanError> {
    let session = prepared.session()?;
    let (answer, _) =
        session.ask::<PlanLaunchAnswer>(DecisionPoint::PlanLaunch, facts, Budget::millis(LAUNCH_MODULE_MS))?;
    answer.map_err(PlanError::Refused)
}
