//! Asks the policy module for a decision, and stops asking one that keeps failing.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::steering::MODULE_FAILURES_BEFORE_GIVING_UP;

use crate::engine::{Budget, EngineError, Prepared, RestartingSession};

/// A source of decisions for one thread.
#[derive(Debug)]
pub struct Decider {
    session: Result<RestartingSession, String>,
    given_up: bool,
}

impl Decider {
    /// Takes decisions from `prepared`.
    #[must_use]
    pub fn new(prepared: &Result<Prepared, EngineError>) -> Self {
        let session = match prepared {
            Ok(prepared) => RestartingSession::new(prepared.clone()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Self { session, given_up: false }
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no decision, in a sentence; the application stays as it is.
    pub fn ask<A: DeserializeOwned>(
        &mut self,
        point: DecisionPoint,
        question: &impl Serialize,
        module_ms: u64,
    ) -> Result<A, String> {
        let session = self.session.as_mut().map_err(|error| error.clone())?;
        if self.given_up {
            return Err(format!(
                "the policy module failed {MODULE_FAILURES_BEFORE_GIVING_UP} times in a row and is not asked any more"
            ));
        }
        let answer = session.ask(point, question, Budget::millis(module_ms));
        self.given_up = session.failures_in_a_row() >= MODULE_FAILURES_BEFORE_GIVING_UP;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refusal)) => Err(format!("the policy module answered {}: {refusal}", point.name())),
            Err(error) => Err(format!("the policy module failed at {}: {error}", point.name())),
        }
    }
}
