//! The clusters that a launch may choose from, and what came of each, as data.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::decision::{Member, Said};
use crate::facts::NodeFacts;
use crate::trace::Decision;

/// A cluster that the job could run on.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClusterCandidate {
    /// What people call it.
    pub name: String,
    /// Its machines.
    pub nodes: Vec<NodeFacts>,
    /// The most cores that the application may have there.
    pub quota_cores: Option<u32>,
    /// The price of one executor for one hour there, in millionths of the policy's currency; the policy's where absent.
    pub executor_hour_micros: Option<u64>,
}

crate::members::read_over_defaults!(ClusterCandidate { name, nodes, quota_cores, executor_hour_micros });

/// What the job would be on one of the clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CandidatePlan {
    /// The cluster's name.
    pub name: String,
    /// Executors; 0 where it does not fit.
    pub executors: u32,
    /// The predicted run time; absent where nothing says how much work there is.
    pub run_ms: Option<u64>,
    /// The predicted cost in millionths of the policy's currency; absent without a price.
    pub micros: Option<u64>,
    /// Whether it ends in the target time.
    pub in_time: bool,
    /// Whether it stays within the budget.
    pub in_budget: bool,
    /// Why it does not fit, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The choice among several clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterChoice {
    /// The cluster that the plan is for.
    pub cluster: Decision<String>,
    /// What the job would be on each, in the order of the question.
    pub candidates: Vec<CandidatePlan>,
}

impl Member for ClusterChoice {
    fn said(&self) -> Option<Said<'_>> {
        self.cluster.said()
    }
}
