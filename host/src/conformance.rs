//! Whether a policy module keeps to the contract (`sparkwright inspect --conformance FILE MODULE`).
//!
//! Three kinds of checks, all run on the module under wasmtime: *vectors*, a language-neutral list of questions with the
//! answers that they must have ([`Vector`]); *behaviour*, what the contract asks of every module whatever it decides ([`behaviour`]);
//! and *differential*, that the module's answer is byte for byte the one that this program's own rules give
//! ([`differential`]).

mod behaviour;
mod compare;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate;

use crate::engine::{Budget, EngineError, PolicyModule, Session};

pub use behaviour::behaviour;
pub use compare::Difference;

/// What a question may cost here: nobody waits, and the machine may be busy.
const BUDGET: Budget = Budget::millis(5_000);

/// The largest file of vectors that is read, in bytes.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

/// One question and the answer that it must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// What it shows, and where the numbers come from.
    pub note: String,
    /// The resolved policy; keys that are left out have their built-in default.
    #[serde(default = "empty_object")]
    pub policy: Value,
    /// The decision point.
    pub point: DecisionPoint,
    /// The question.
    #[serde(default = "empty_object")]
    pub input: Value,
    /// The whole envelope, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// A part of the envelope: each member named here must be there with that value; a list must have that many elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
    /// The most fuel that it may use, where the module is metered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Why a file of vectors can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorsError {
    /// It is too long.
    #[error("the file has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest size read.
        limit: usize,
    },
    /// It isn't a list of vectors.
    #[error("this is no list of vectors (`note`, `policy`, `point`, `input`, `expect` or `contains`): {reason}")]
    Unreadable {
        /// What the parser said, with the place.
        reason: String,
    },
    /// A vector expects nothing, or twice.
    #[error("the vector `{note}` needs one of `expect` and `contains`")]
    NoExpectation {
        /// Its note.
        note: String,
    },
}

/// Reads vectors from YAML, or from JSON, which is YAML too.
///
/// # Errors
/// Why the text isn't a list of vectors.
pub fn read_vectors(text: &str) -> Result<Vec<Vector>, VectorsError> {
    if text.len() > MAX_FILE_BYTES {
        return Err(VectorsError::TooLarge { size: text.len(), limit: MAX_FILE_BYTES });
    }
    let unreadable = |reason: String| VectorsError::Unreadable { reason };
    let vectors: Vec<Vector> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?
    } else {
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| unreadable(error.to_string()))?
    };
    match vectors.iter().find(|vector| vector.expect.is_some() == vector.contains.is_some()) {
        Some(vector) => Err(VectorsError::NoExpectation { note: vector.note.clone() }),
        None => Ok(vectors),
    }
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// What was wrong; absent when nothing was.
    pub failure: Option<String>,
}

/// All that was checked, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures() == 0
    }

    /// How many checks failed.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.checks.iter().filter(|check| check.failure.is_some()).count()
    }

    /// Adds the checks of another report.
    pub fn extend(&mut self, other: Self) {
        self.checks.extend(other.checks);
    }

    fn note(&mut self, name: impl Into<String>, outcome: Result<(), String>) {
        self.checks.push(Check { name: name.into(), failure: outcome.err() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.failure {
                None => writeln!(f, "ok    {}", check.name)?,
                Some(why) => {
                    writeln!(f, "WRONG {}", check.name)?;
                    for line in why.lines() {
                        writeln!(f, "      {line}")?;
                    }
                }
            }
        }
        writeln!(f, "{} of {} checks passed", self.checks.len() - self.failures(), self.checks.len())
    }
}

/// Asks each vector's question of a fresh instance.
#[must_use]
pub fn run(module: &PolicyModule, vectors: &[Vector]) -> Report {
    let mut report = Report::default();
    for vector in vectors {
        report.note(&vector.note, check(module, vector));
    }
    report
}

fn check(module: &PolicyModule, vector: &Vector) -> Result<(), String> {
    let text = |error: EngineError| error.to_string();
    let bytes = |value: &Value| serde_json::to_vec(value).map_err(|error| error.to_string());
    let session = module.prepare(&bytes(&vector.policy)?).and_then(|prepared| prepared.session()).map_err(text)?;
    let (answer, session) = session.eval(vector.point, &bytes(&vector.input)?, BUDGET).map_err(text)?;
    if let (Some(used), Some(most)) = (session.fuel_used(), vector.fuel)
        && used > most
    {
        return Err(format!("it used {used} units of fuel; {most} are allowed"));
    }
    let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    let difference = match (&vector.expect, &vector.contains) {
        (Some(expected), _) => compare::exact(expected, &answer),
        (None, Some(part)) => compare::contains(part, &answer),
        (None, None) => None,
    };
    difference.map_or(Ok(()), |difference| Err(difference.to_string()))
}

/// Asks the module and this program's own rules the same question; gives the session back when both say the same bytes.
///
/// # Errors
/// Where the answers differ, or why the module gave none.
pub fn differential(
    native: &evaluate::Prepared,
    session: Session,
    point: DecisionPoint,
    input: &[u8],
) -> Result<Session, Disagreement> {
    let ours = evaluate::evaluate(native, point, input);
    let (theirs, session) = session.eval(point, input, BUDGET)?;
    if ours == theirs {
        return Ok(session);
    }
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or(Value::Null);
    Err(Disagreement::Bytes(compare::exact(&parsed(&ours), &parsed(&theirs)).unwrap_or_else(|| {
        // The same values in other bytes: another order of members, or another way to write a number.
        Difference::whole(&String::from_utf8_lossy(&ours), &String::from_utf8_lossy(&theirs))
    })))
}

/// Why module and native rules don't agree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Disagreement {
    /// The module gave no answer.
    #[error(transparent)]
    Failed(#[from] EngineError),
    /// It gave another answer; `expected` is that of the native rules.
    #[error("the module's answer is not the native one: {0}")]
    Bytes(Difference),
}
