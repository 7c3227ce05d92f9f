//! JSON Schemas of the contract: of what each decision point takes, of what it answers, and of what runs leave to the next ones.
//!
//! They are made from the types themselves, units and meanings included, so that they can't tell anything else than the code does. With
//! the feature `schema` only: a policy module needs none.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;

use schemars::{JsonSchema, Schema, SchemaGenerator, schema_for};

use crate::abi::DecisionPoint;
use crate::by_name::ByName;
use crate::cleanup::{PlanCleanupAnswer, PlanCleanupInput};
use crate::control::{ControlAnswer, ControlInput};
use crate::launch::{PlanLaunchAnswer, PlanLaunchInput};
use crate::lesson::Lesson;
use crate::query::{PlanQueryAnswer, PlanQueryInput};
use crate::review::{ReviewAnswer, ReviewInput};
use crate::stage::{PlanStageAnswer, PlanStageInput};

/// The schema of a decision point's question.
#[must_use]
pub fn question(point: DecisionPoint) -> Schema {
    match point {
        DecisionPoint::PlanLaunch => schema_for!(PlanLaunchInput),
        DecisionPoint::PlanStage => schema_for!(PlanStageInput),
        DecisionPoint::PlanQuery => schema_for!(PlanQueryInput),
        DecisionPoint::Control => schema_for!(ControlInput),
        DecisionPoint::PlanCleanup => schema_for!(PlanCleanupInput),
        DecisionPoint::Review => schema_for!(ReviewInput),
    }
}

/// The schema of a decision point's answer: what stands under `ok` in its envelope.
#[must_use]
pub fn answer(point: DecisionPoint) -> Schema {
    match point {
        DecisionPoint::PlanLaunch => schema_for!(PlanLaunchAnswer),
        DecisionPoint::PlanStage => schema_for!(PlanStageAnswer),
        DecisionPoint::PlanQuery => schema_for!(PlanQueryAnswer),
        DecisionPoint::Control => schema_for!(ControlAnswer),
        DecisionPoint::PlanCleanup => schema_for!(PlanCleanupAnswer),
        DecisionPoint::Review => schema_for!(ReviewAnswer),
    }
}

/// The schema of what a run teaches the next ones of its job, an object of a store.
#[must_use]
pub fn lesson() -> Schema {
    schema_for!(Lesson)
}

impl<T: JsonSchema> JsonSchema for ByName<T> {
    fn inline_schema() -> bool {
        <BTreeMap<String, T>>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        <BTreeMap<String, T>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <BTreeMap<String, T>>::json_schema(generator)
    }
}
