//! What is declared of a decision.

use crate::abi::DecisionPoint;
use crate::confs::SparkKey;
use crate::trace::Unit;

/// A decision that an answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The decision point that is answered.
    pub point: DecisionPoint,
    /// Its name: as a rule that of its member in the answer.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The unit of its value.
    pub unit: Unit,
    /// The Spark configurations that it may set.
    pub sets: &'static [SparkKey],
}
