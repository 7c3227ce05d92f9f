//! Who answers a pipeline.

use std::sync::Arc;

use crate::engine::{EngineError, Prepared};
use crate::steering::setup::SteeringSetup;
use crate::steering::steered::Steered;

/// Who answers: a host with the application that it steers, or alone.
#[derive(Clone)]
pub(in crate::steering) struct Host {
    pub(in crate::steering) launch: Arc<SteeringSetup>,
    /// The host's own policy.
    pub(in crate::steering) prepared: Arc<Result<Prepared, EngineError>>,
    /// The application; none where nothing is steered.
    pub(in crate::steering) steered: Option<Arc<Steered>>,
}
