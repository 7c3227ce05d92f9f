//! What the host has at hand when a pipeline asks.

use sparkwright_core::facts::ClusterFacts;

use crate::review::StageMeasure;
use crate::steering::setup::SteeringSetup;
use crate::steering::steered::Steered;

/// What the host knows when a pipeline asks.
#[derive(Clone, Copy)]
pub(in crate::steering) struct Known<'a> {
    /// What the host was started with.
    pub(in crate::steering) launch: &'a SteeringSetup,
    /// The application and its cluster; none where nothing is steered.
    pub(in crate::steering) application: Option<(&'a Steered, &'a ClusterFacts)>,
    /// The stages that the connection has ended.
    pub(in crate::steering) ended: &'a [StageMeasure],
    /// What is asked about.
    pub(in crate::steering) subject: &'a str,
}
