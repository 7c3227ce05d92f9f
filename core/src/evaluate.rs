//! A question as bytes in, its answer as bytes out: what every shell around the decisions calls.
//!
//! The policy module, the host's native comparison and the tests all go through [`evaluate`], so that there is one place where
//! JSON becomes a question and an answer becomes JSON. It never panics, whatever the bytes are, and the same bytes give
//! the same answer everywhere.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::abi::{self, DecisionPoint, Description, Envelope, codes};
use crate::cleanup::plan_cleanup;
use crate::control::control;
use crate::error::ErrorBody;
use crate::json::read;
use crate::launch::plan_launch;
use crate::policy::ResolvedPolicy;
use crate::query::plan_query;
use crate::review::review;
use crate::rules::{RuleOutcome, Ruled, Rules};
use crate::stage::plan_stage;

/// A policy that was read and found fit for use: the only thing that [`evaluate`] takes.
#[derive(Debug, Clone)]
pub struct Prepared {
    policy: ResolvedPolicy,
    rules: Rules,
}

impl Prepared {
    /// Reads a resolved policy from JSON.
    ///
    /// # Errors
    /// `input_too_large`, or `bad_policy` where the bytes aren't a resolved policy or its values contradict each other.
    pub fn from_json(json: &[u8]) -> Result<Self, ErrorBody> {
        Self::new(read(json, codes::BAD_POLICY)?)
    }

    /// Checks a resolved policy and reads the conditions of its rules.
    ///
    /// # Errors
    /// `bad_policy` where its values contradict each other, or a condition can't be read.
    pub fn new(policy: ResolvedPolicy) -> Result<Self, ErrorBody> {
        policy.validate().map_err(|(path, message)| ErrorBody::new(codes::BAD_POLICY, message).at(path))?;
        let rules = Rules::read(&policy.rules)?;
        Ok(Self { policy, rules })
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &ResolvedPolicy {
        &self.policy
    }
}

/// The decision points that this crate answers, by number.
pub const SUPPORTED: &[DecisionPoint] = &DecisionPoint::ALL;

/// Answers one question: the input's JSON in, the envelope's JSON out.
#[must_use]
pub fn evaluate(prepared: &Prepared, point: DecisionPoint, input: &[u8]) -> Vec<u8> {
    // One line a decision point.
    let answer = match point {
        DecisionPoint::PlanLaunch => decide(prepared, point, input, plan_launch),
        DecisionPoint::PlanQuery => decide(prepared, point, input, |policy, question| Ok(plan_query(policy, question))),
        DecisionPoint::Control => decide(prepared, point, input, |policy, question| Ok(control(policy, question))),
        DecisionPoint::PlanStage => decide(prepared, point, input, plan_stage),
        DecisionPoint::PlanCleanup => {
            decide(prepared, point, input, |policy, question| Ok(plan_cleanup(policy, question)))
        }
        DecisionPoint::Review => decide(prepared, point, input, |policy, question| Ok(review(policy, question))),
    };
    answer.unwrap_or_else(|error| error_envelope(&error))
}

/// As [`evaluate`], for a decision point given by its number in the contract.
#[must_use]
pub fn evaluate_number(prepared: &Prepared, number: i32, input: &[u8]) -> Vec<u8> {
    match DecisionPoint::from_number(number) {
        Some(point) => evaluate(prepared, point, input),
        None => error_envelope(&ErrorBody::new(
            codes::UNKNOWN_DECISION_POINT,
            alloc::format!("there is no decision point {number}"),
        )),
    }
}

/// What a module made of this crate says of itself.
#[must_use]
pub fn describe(name: &str, version: &str) -> Vec<u8> {
    ok_envelope(&Description {
        name: name.to_owned(),
        version: version.to_owned(),
        abi: abi::VERSION,
        decision_points: SUPPORTED.iter().map(|point| point.name().to_owned()).collect(),
    })
}

/// The envelope of an answer.
#[must_use]
pub fn ok_envelope<T: Serialize>(answer: &T) -> Vec<u8> {
    #[derive(Serialize)]
    struct Ok<'a, T> {
        ok: &'a T,
    }
    match serde_json::to_vec(&Ok { ok: answer }) {
        Ok(json) if json.len() <= abi::MAX_ANSWER_BYTES => json,
        Ok(json) => error_envelope(&ErrorBody::new(
            codes::ANSWER_TOO_LARGE,
            alloc::format!("the answer has {} bytes; {} are allowed", json.len(), abi::MAX_ANSWER_BYTES),
        )),
        // Can't happen: every map key of an answer is text.
        Err(error) => error_envelope(&ErrorBody::new("internal", error.to_string())),
    }
}

/// The envelope of an error.
#[must_use]
pub fn error_envelope(error: &ErrorBody) -> Vec<u8> {
    // A struct of texts always has a JSON form.
    serde_json::to_vec(&Envelope::<()>::Error(error.clone())).unwrap_or_default()
}

/// Reads the input, decides under the policy's rules, and puts the answer into its envelope.
fn decide<I: DeserializeOwned, A: Serialize>(
    prepared: &Prepared,
    point: DecisionPoint,
    input: &[u8],
    decision: impl FnOnce(&ResolvedPolicy, &I) -> Result<A, ErrorBody>,
) -> Result<Vec<u8>, ErrorBody> {
    let question: I = read(input, codes::BAD_INPUT)?;
    if prepared.rules.is_empty() {
        return Ok(ok_envelope(&decision(&prepared.policy, &question)?));
    }
    let (facts, ruled) = under_rules(prepared, point, input)?;
    let answer = ok_envelope(&decision(&ruled.policy, &question)?);
    approved(prepared, point, &facts, ruled, answer)
}

/// The question as conditions see it, and the policy under the rules that hold for it.
#[inline(never)]
fn under_rules<'a>(
    prepared: &'a Prepared,
    point: DecisionPoint,
    input: &[u8],
) -> Result<(Value, Ruled<'a>), ErrorBody> {
    let facts: Value = read(input, codes::BAD_INPUT)?;
    let ruled = prepared.rules.apply(&prepared.policy, point, &facts)?;
    Ok((facts, ruled))
}

/// The answer, once the rules that forbid by what was decided have nothing against it.
#[inline(never)]
fn approved(
    prepared: &Prepared,
    point: DecisionPoint,
    facts: &Value,
    mut ruled: Ruled<'_>,
    answer: Vec<u8>,
) -> Result<Vec<u8>, ErrorBody> {
    // Through the bytes that are made anyway: a second form of each answer would make the module much larger.
    let told: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if let Some(told) = told.get("ok") {
        prepared.rules.approve(&ruled.policy, point, facts, told, &mut ruled.outcomes)?;
    }
    Ok(with_rules(answer, &ruled.outcomes))
}

/// An answer's envelope with what came of the policy's rules as its last member, `rules`.
fn with_rules(mut envelope: Vec<u8>, outcomes: &[RuleOutcome]) -> Vec<u8> {
    if envelope.starts_with(br#"{"ok":{"#) && envelope.ends_with(b"}}") {
        let rules = serde_json::to_vec(outcomes).unwrap_or_default();
        envelope.truncate(envelope.len() - 2);
        if !envelope.ends_with(b"{") {
            envelope.push(b',');
        }
        envelope.extend_from_slice(br#""rules":"#);
        envelope.extend_from_slice(&rules);
        envelope.extend_from_slice(b"}}");
    }
    envelope
}
