//! Asks the policy module for a launch plan.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::by_name::ByName;
use sparkwright_core::facts::{ClusterFacts, History, JobFacts, ProcessingType};
use sparkwright_core::launch::{PlanLaunchAnswer, PlanLaunchInput};
use sparkwright_core::steering::LAUNCH_MODULE_MS;
use sparkwright_core::units::Bytes;

use crate::clock;
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

/// What is known of an application that nobody says more about than its input.
#[must_use]
pub fn launch_facts(
    cluster: ClusterFacts,
    input_bytes: Option<Bytes>,
    labels: &ByName<String>,
    history: History,
) -> PlanLaunchInput {
    let job = JobFacts { input_bytes, processing: ProcessingType::General, ..JobFacts::default() };
    PlanLaunchInput {
        now_ms: clock::now_ms(),
        utc_offset_minutes: clock::utc_offset_minutes(),
        labels: labels.clone(),
        cluster,
        job,
        history,
        ..PlanLaunchInput::default()
    }
}

/// What the record says where there is no plan.
pub(crate) fn no_launch_plan(error: &PlanError) -> String {
    format!("there is no launch plan, the application starts as it would alone: {error}")
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
