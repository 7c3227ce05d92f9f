//! The policy module as the page asks it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::error::ErrorBody;
use sparkwright_core::json::from_slice;
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
        answer(&envelope)
    }
}

/// What an answer stands in, `sparkwright_core::abi::Envelope`, as an object with one of two members.
#[derive(Deserialize)]
struct Answered<A> {
    ok: Option<A>,
    error: Option<ErrorBody>,
}

/// The answer in an envelope.
fn answer<A: DeserializeOwned>(envelope: &str) -> Result<A, ErrorBody> {
    // As everywhere in the page by this one: each way to read is compiled for each type, and others read lists as objects too.
    match from_slice(envelope.as_bytes()) {
        Ok(Answered { ok: Some(answer), .. }) => Ok(answer),
        Ok(Answered { error: Some(error), .. }) => Err(error),
        Ok(_) => Err(failed("bad_answer", "it is empty")),
        Err(error) => Err(failed("bad_answer", error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sparkwright_core::abi::{Envelope, Loaded};

    #[test]
    fn an_answer_is_taken_out_of_its_envelope() {
        let read = |envelope: &Envelope<Loaded>| answer::<Loaded>(&serde_json::to_string(envelope).unwrap());
        assert_eq!(read(&Envelope::Ok(Loaded { handle: 7 })), Ok(Loaded { handle: 7 }));
        let error = ErrorBody::new("bad_input", "no").at("a[1]");
        assert_eq!(read(&Envelope::Error(error.clone())), Err(error));
        for rubbish in ["", "{}", "[]", "{\"ok\":null}", "{\"ok\":[7]}"] {
            assert_eq!(answer::<Loaded>(rubbish).unwrap_err().code, "bad_answer", "{rubbish}");
        }
    }
}
