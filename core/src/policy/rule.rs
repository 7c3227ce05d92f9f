//! A rule of a policy as data. Asking it is the work of [`crate::rules`].

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::abi::DecisionPoint;
use crate::by_name::ByName;

/// A rule of a policy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Its condition, in CEL.
    pub when: String,
    /// The decision points at which it is asked; all of them when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<DecisionPoint>,
    /// Keys with the values that they have where the condition holds, by full path, in the form of the resolved policy.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub set: ByName<Value>,
    /// Why the run is forbidden where the condition holds; for plans of launches and stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<String>,
}
