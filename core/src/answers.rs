//! The answers of all decision points: what they may decide, and what one that came as JSON decided.

use alloc::vec::Vec;

use crate::abi::DecisionPoint;
use crate::cleanup::PlanCleanupAnswer;
use crate::confs::{ConfWhen, SparkKey};
use crate::control::ControlAnswer;
use crate::decision::{Answer, Declared, Made};
use crate::launch::PlanLaunchAnswer;
use crate::query::PlanQueryAnswer;
use crate::review::ReviewAnswer;
use crate::stage::PlanStageAnswer;

/// An answer, of whichever decision point.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum AnyAnswer {
    /// Before the application starts.
    Launch(PlanLaunchAnswer),
    /// A declared stage begins.
    Stage(PlanStageAnswer),
    /// Spark is about to plan a query.
    Query(PlanQueryAnswer),
    /// The controller's tick.
    Control(ControlAnswer),
    /// Old temp tables are looked for.
    Cleanup(PlanCleanupAnswer),
    /// The run ends.
    Review(ReviewAnswer),
}

impl AnyAnswer {
    /// Reads what stands under `ok` in a decision point's envelope.
    ///
    /// # Errors
    /// It is no answer of that decision point.
    pub fn read(point: DecisionPoint, json: &serde_json::Value) -> Result<Self, serde_json::Error> {
        use serde::Deserialize as _;
        Ok(match point {
            DecisionPoint::PlanLaunch => Self::Launch(PlanLaunchAnswer::deserialize(json)?),
            DecisionPoint::PlanStage => Self::Stage(PlanStageAnswer::deserialize(json)?),
            DecisionPoint::PlanQuery => Self::Query(PlanQueryAnswer::deserialize(json)?),
            DecisionPoint::Control => Self::Control(ControlAnswer::deserialize(json)?),
            DecisionPoint::PlanCleanup => Self::Cleanup(PlanCleanupAnswer::deserialize(json)?),
            DecisionPoint::Review => Self::Review(ReviewAnswer::deserialize(json)?),
        })
    }

    /// Its decisions.
    #[must_use]
    pub fn decisions(&self) -> Vec<Made<'_>> {
        match self {
            Self::Launch(answer) => answer.decisions(),
            Self::Stage(answer) => answer.decisions(),
            Self::Query(answer) => answer.decisions(),
            Self::Control(answer) => answer.decisions(),
            Self::Cleanup(answer) => answer.decisions(),
            Self::Review(answer) => answer.decisions(),
        }
    }
}

/// What a decision point may decide.
#[must_use]
pub const fn declared(point: DecisionPoint) -> &'static [Declared] {
    match point {
        DecisionPoint::PlanLaunch => PlanLaunchAnswer::DECISIONS,
        DecisionPoint::PlanStage => PlanStageAnswer::DECISIONS,
        DecisionPoint::PlanQuery => PlanQueryAnswer::DECISIONS,
        DecisionPoint::Control => ControlAnswer::DECISIONS,
        DecisionPoint::PlanCleanup => PlanCleanupAnswer::DECISIONS,
        DecisionPoint::Review => ReviewAnswer::DECISIONS,
    }
}

/// What was declared of a decision, by its decision point's and its own name as a record has them.
#[must_use]
pub fn find(point: &str, name: &str) -> Option<&'static Declared> {
    let of = DecisionPoint::ALL.into_iter().find(|of| of.name() == point)?;
    declared(of).iter().find(|declared| declared.name == name)
}

/// Whether `submit` gives a launch plan's setting to the application: what counts only then, and session settings that no query's
/// own decision makes.
#[must_use]
pub fn given_at_submit(key: &str, when: ConfWhen) -> bool {
    let by_query = declared(DecisionPoint::PlanQuery).iter().flat_map(|it| it.sets).any(|set| set.key == key);
    when == ConfWhen::Submit || !by_query
}

/// The session configurations that a running application may be given: those that queries and declared stages set.
#[must_use]
pub fn managed_keys() -> Vec<&'static str> {
    let at_run_time = |key: &&SparkKey| key.when != ConfWhen::Submit;
    let declared = [DecisionPoint::PlanQuery, DecisionPoint::PlanStage].into_iter().flat_map(declared);
    let mut keys: Vec<&str> = declared.flat_map(|it| it.sets.iter().filter(at_run_time)).map(|key| key.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
