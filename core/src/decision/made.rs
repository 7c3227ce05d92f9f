//! A decision that was made, with what was declared of it.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::declared::Declared;
use super::value::Value;
use crate::abi::DecisionPoint;
use crate::by_name::ByName;
use crate::confs::{ConfSetting, ConfWhen};
use crate::trace::{Decision, Grade, Scalar, Trace, Unit};

/// A Spark configuration that a decision set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Spark's key.
    pub key: String,
    /// The value, as Spark reads it.
    pub value: String,
    /// When it counts.
    pub when: ConfWhen,
}

/// A decision of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Made<'a> {
    /// The decision point.
    pub point: DecisionPoint,
    /// Its name.
    pub name: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// The unit of its value.
    pub unit: Unit,
    /// What it is about, where the answer has many of its kind: a Spark key, a sub-plan's operator, a table.
    pub subject: Option<&'a str>,
    /// The sub-plan's hash, where it is about one.
    pub hash: Option<&'a str>,
    /// The value in a number or a word.
    pub value: Scalar,
    /// The value as people read it; money without its currency.
    pub(crate) text: String,
    /// How well founded it is.
    pub grade: Grade,
    /// Why.
    pub trace: &'a Trace,
    /// The Spark configurations that it set.
    pub sets: Vec<Set>,
    /// Whether the answer carries it out: it sets a configuration, or names what to cache, to let go or to drop.
    pub in_force: bool,
}

/// A decision in one JSON object, as `plan --json` and `explain --json` print it and the Python package gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The decision point.
    pub point: String,
    /// The value in a number or a word.
    pub value: Scalar,
    /// Its unit.
    pub unit: Unit,
    /// The value with its unit, as people read it.
    pub text: String,
    /// How well founded it is.
    pub grade: Grade,
    /// Whether it was carried out.
    pub applied: bool,
    /// The Spark configurations that it set.
    pub sets: Vec<Set>,
    /// Why, in a sentence.
    pub why: String,
    /// Why, in full.
    pub trace: Trace,
}

impl<'a> Made<'a> {
    /// A decision that an answer has in a list of its own. One that is not declared, of another module, has its name for a title.
    pub(crate) fn listed(
        point: DecisionPoint,
        declared: Option<&'static Declared>,
        name: &'a str,
        decision: &'a Decision<impl Value>,
        set: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let Decision { value, grade, trace } = decision;
        let said = Said { value, grade: *grade, trace };
        let unknown = Declared { point, name: "", title: "", unit: trace.unit, sets: &[] };
        let made = Self::new(declared.unwrap_or(&unknown), said, set);
        if declared.is_none() { Self { name, title: name, ..made } } else { made }
    }

    /// A decision of an answer, with the keys that `set` has a value for.
    pub(crate) fn new(declared: &Declared, said: Said<'a>, set: impl Fn(&str) -> Option<String>) -> Self {
        let sets: Vec<Set> = declared
            .sets
            .iter()
            .filter_map(|key| Some(Set { key: key.key.to_string(), value: set(key.key)?, when: key.when }))
            .collect();
        let Declared { point, name, title, unit, .. } = *declared;
        let Said { value, grade, trace } = said;
        let (text, value, in_force) = (value.text(unit), value.scalar(), !sets.is_empty());
        Self { point, name, title, unit, subject: None, hash: None, value, text, grade, trace, sets, in_force }
    }

    /// The value with its unit and what belongs beside it, as people read it; money in `currency`.
    #[must_use]
    pub fn text(&self, currency: &str) -> String {
        match self.unit {
            Unit::Micros if !currency.is_empty() => [&self.text, " ", currency].concat(),
            _ => self.text.clone(),
        }
    }

    /// It in one JSON object; `applied` says whether it was carried out.
    #[must_use]
    pub fn told(&self, currency: &str, applied: bool) -> Told {
        Told {
            name: self.name.to_string(),
            title: self.title.to_string(),
            point: self.point.name().to_string(),
            value: self.value.clone(),
            unit: self.unit,
            text: self.text(currency),
            grade: self.grade,
            applied,
            sets: self.sets.clone(),
            why: self.trace.why(),
            trace: self.trace.clone(),
        }
    }
}

/// What a member of an answer says.
pub(crate) struct Said<'a> {
    pub(crate) value: &'a dyn Value,
    pub(crate) grade: Grade,
    pub(crate) trace: &'a Trace,
}

/// A member of an answer that holds a decision, or may.
pub(crate) trait Member {
    fn said(&self) -> Option<Said<'_>>;
}

impl<T: Value> Member for Decision<T> {
    fn said(&self) -> Option<Said<'_>> {
        let Self { value, grade, trace } = self;
        Some(Said { value, grade: *grade, trace })
    }
}

impl<T: Member> Member for Option<T> {
    fn said(&self) -> Option<Said<'_>> {
        self.as_ref().and_then(Member::said)
    }
}

/// An answer's Spark configurations.
pub(crate) trait Confs {
    /// The value that the answer sets a key to.
    fn value_of(&self, _: &str) -> Option<String> {
        None
    }
}

impl Confs for ByName<ConfSetting> {
    fn value_of(&self, key: &str) -> Option<String> {
        self.get(key).map(|setting| setting.value.clone())
    }
}
