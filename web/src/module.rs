//! The policy module as the page asks it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sparkwright_core::abi::{DecisionPoint, Envelope};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::policy::ResolvedPolicy;

use crate::shell;

/// An instance of `policy.wasm` with a policy in it.
#[derive(Debug)]
pub struct Prepared {
    handle: u32,
}

impl Drop for Prepared {
    fn drop(&mut self) {
        shell::release(self.handle);
    }
}

impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
    }
}

/// What the page itself could not do, told as the module tells its errors.
fn failed(code: &'static str, why: impl std::fmt::Display) -> ErrorBody {
    ErrorBody::new(code, why.to_string())
}

impl Prepared {
    /// Loads a policy into a fresh instance.
    ///
    /// # Errors
    /// What the module or the browser says.
    pub fn of(policy: &ResolvedPolicy) -> Result<Self, ErrorBody> {
        let brief = String::from_utf8(policy.brief_json()).unwrap_or_default();
        let handle = shell::prepare(&brief).map_err(|error| failed("not_loaded", shell::message(&error)))?;
        Ok(Self { handle })
    }

    /// Asks one question.
    ///
    /// # Errors
    /// What the module says, or that it trapped or gave no answer.
    pub fn ask<A: DeserializeOwned>(&self, point: DecisionPoint, question: &impl Serialize) -> Result<A, ErrorBody> {
        let question = serde_json::to_string(question).map_err(|error| failed("bad_input", error))?;
        let envelope = shell::ask(self.handle, point.number(), &question)
            .map_err(|error| failed("module_failed", shell::message(&error)))?;
        // As everywhere in the page by `from_slice`: each way to read is compiled for each type.
        serde_json::from_slice::<Envelope<A>>(envelope.as_bytes())
            .map_err(|error| failed("bad_answer", error))?
            .into_result()
    }
}
