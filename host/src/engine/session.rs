//! Sessions: a running instance with a policy loaded, used up by its first failure.

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::error::ErrorBody;

use super::envelope::read_envelope;
use super::error::EngineError;
use super::instance::Instance;
use super::module::Prepared;
use super::runtime::Budget;

/// An instance with a policy loaded, ready for questions.
///
/// A question takes the session and gives it back with the answer. When the question fails there is no session any more: what
/// state the instance is in is unknown, and it is gone with it. [`RestartingSession`] starts a new one then.
pub struct Session {
    instance: Instance,
    prepared: Prepared,
    handle: i32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("prepared", &self.prepared).finish_non_exhaustive()
    }
}

impl Prepared {
    /// A fresh instance with the policy loaded.
    ///
    /// # Errors
    /// Any failure of starting it or of loading the policy.
    pub fn session(&self) -> Result<Session, EngineError> {
        let (instance, handle) = Instance::with_policy(&self.module.shared, &self.policy)?;
        Ok(Session { instance, prepared: self.clone(), handle })
    }
}

impl Session {
    /// Asks in bytes: the input's JSON in, the envelope's JSON out, checked to be an envelope and nothing further.
    ///
    /// # Errors
    /// Any failure of the call. An envelope that holds an error is an answer, not a failure.
    pub fn eval(self, point: DecisionPoint, input: &[u8], budget: Budget) -> Result<(Vec<u8>, Self), EngineError> {
        self.eval_number(point.number(), input, budget)
    }

    /// As [`eval`](Self::eval), for any number as decision point.
    ///
    /// # Errors
    /// Any failure of the call.
    pub fn eval_number(mut self, point: i32, input: &[u8], budget: Budget) -> Result<(Vec<u8>, Self), EngineError> {
        let answer = self.raw(point, input, budget, |answer| {
            read_envelope::<IgnoredAny>("eval", answer)?.ok();
            Ok(answer.to_vec())
        })?;
        Ok((answer, self))
    }

    /// Asks in types: what the module answers, or why it doesn't.
    ///
    /// # Errors
    /// Any failure of the call, an answer of another type among them.
    pub fn ask<A: DeserializeOwned>(
        mut self,
        point: DecisionPoint,
        question: &impl Serialize,
        budget: Budget,
    ) -> Result<(Result<A, ErrorBody>, Self), EngineError> {
        let input =
            serde_json::to_vec(question).map_err(|error| EngineError::BadQuestion { reason: error.to_string() })?;
        let answer = self.raw(point.number(), &input, budget, |answer| read_envelope("eval", answer))?;
        Ok((answer, self))
    }

    /// The fuel that the last question used: the same on every machine. Nothing without metering.
    #[must_use]
    pub fn fuel_used(&self) -> Option<u64> {
        self.instance.fuel_used()
    }

    fn raw<R>(
        &mut self,
        point: i32,
        input: &[u8],
        budget: Budget,
        read: impl FnOnce(&[u8]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let shared = &self.prepared.module.shared;
        self.instance.eval(shared, self.handle, point, input, budget, read)
    }
}

/// A policy that answers for as long as a run lasts: a session that is replaced by a fresh one after a failure.
#[derive(Debug)]
pub struct RestartingSession {
    prepared: Prepared,
    session: Option<Session>,
    failures: u64,
    failures_in_a_row: u32,
    fuel_used: Option<u64>,
}

impl RestartingSession {
    /// Starts with a session at hand.
    ///
    /// # Errors
    /// No session can be made.
    pub fn new(prepared: Prepared) -> Result<Self, EngineError> {
        Ok(Self { session: Some(prepared.session()?), prepared, failures: 0, failures_in_a_row: 0, fuel_used: None })
    }

    /// As [`Session::eval`]; the next question after a failure meets a fresh instance.
    ///
    /// # Errors
    /// Any failure of this question, or of starting a fresh session for it.
    pub fn eval(&mut self, point: DecisionPoint, input: &[u8], budget: Budget) -> Result<Vec<u8>, EngineError> {
        self.with(|session| session.eval(point, input, budget))
    }

    /// As [`Session::ask`]; the next question after a failure meets a fresh instance.
    ///
    /// # Errors
    /// Any failure of this question, or of starting a fresh session for it.
    pub fn ask<A: DeserializeOwned>(
        &mut self,
        point: DecisionPoint,
        question: &impl Serialize,
        budget: Budget,
    ) -> Result<Result<A, ErrorBody>, EngineError> {
        self.with(|session| session.ask(point, question, budget))
    }

    /// How many questions failed so far.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// How many questions failed since the last one that was answered.
    #[must_use]
    pub const fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// The fuel that the last answered question used. Nothing without metering.
    #[must_use]
    pub const fn fuel_used(&self) -> Option<u64> {
        self.fuel_used
    }

    /// The policy behind it.
    #[must_use]
    pub const fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    fn with<R>(
        &mut self,
        question: impl FnOnce(Session) -> Result<(R, Session), EngineError>,
    ) -> Result<R, EngineError> {
        let session = match self.session.take() {
            Some(session) => Ok(session),
            None => self.prepared.session(),
        };
        match session.and_then(question) {
            Ok((answer, session)) => {
                self.fuel_used = session.fuel_used();
                self.session = Some(session);
                self.failures_in_a_row = 0;
                Ok(answer)
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                Err(error)
            }
        }
    }
}
