//! What goes into `plan_cleanup` and what comes out.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::abi::DecisionPoint;
use crate::decision::{Answer, Declared, Made};
use crate::trace::{Decision, Unit};
use crate::units::Bytes;

/// A temp table as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TempTableFacts {
    /// Its name.
    pub name: String,
    /// What it takes, in memory and on disk.
    pub bytes: Bytes,
    /// When it was last written or read, Unix time.
    pub last_access_ms: u64,
    /// How long it would take to make it again; unknown when absent.
    pub rebuild_ms: Option<u64>,
    /// Stages still to come that use it.
    pub remaining_uses: u32,
    /// Queries that read it just now.
    pub readers: u32,
}

crate::members::read_over_defaults!(TempTableFacts {
    name,
    bytes,
    last_access_ms,
    rebuild_ms,
    remaining_uses,
    readers,
});

/// When old temp tables are looked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanCleanupInput {
    /// Unix time.
    pub now_ms: u64,
    /// Whether the pipeline that made them has ended.
    pub pipeline_ended: bool,
    /// The tables.
    pub tables: Vec<TempTableFacts>,
}

crate::members::read_over_defaults!(PlanCleanupInput { now_ms, pipeline_ended, tables });

/// What was decided about one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TableDecision {
    /// Its name.
    pub table: String,
    /// Whether it is dropped.
    #[serde(flatten)]
    pub decision: Decision<bool>,
}

/// Which temp tables go.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PlanCleanupAnswer {
    /// The tables to drop now, in this order.
    pub drop: Vec<String>,
    /// Tables that may be dropped too, once these are gone: ask again.
    pub postponed: u32,
    /// Every table, in the order in which they would be dropped.
    pub decisions: Vec<TableDecision>,
}

impl Answer for PlanCleanupAnswer {
    const DECISIONS: &'static [Declared] = &[Declared {
        point: DecisionPoint::PlanCleanup,
        name: "drop",
        title: "Drop of a temp table",
        unit: Unit::None,
        sets: &[],
    }];

    fn decisions(&self) -> Vec<Made<'_>> {
        self.decisions.iter().map(TableDecision::made).collect()
    }
}

impl TableDecision {
    fn made(&self) -> Made<'_> {
        let declared = PlanCleanupAnswer::DECISIONS.first();
        let made = Made::listed(DecisionPoint::PlanCleanup, declared, "drop", &self.decision, |_: &str| None);
        Made { subject: Some(&self.table), in_force: self.decision.value, ..made }
    }
}
