//! A module's exports one by one, for the conformance runner: what a session would never ask.

use sparkwright_core::abi::Loaded;
use sparkwright_core::error::ErrorBody;

use super::Budget;
use super::envelope::read_envelope;
use super::error::EngineError;
use super::instance::Instance;
use super::module::PolicyModule;

/// What a module made of an input, in bytes.
pub(crate) type Answer = Vec<u8>;

/// A bare instance of a module.
pub(crate) struct Probe {
    module: PolicyModule,
    instance: Instance,
    budget: Budget,
}

impl Probe {
    /// A fresh instance with no policy loaded.
    pub(crate) fn start(module: &PolicyModule, budget: Budget) -> Result<Self, EngineError> {
        Ok(Self { instance: Instance::start(&module.shared, budget)?, module: module.clone(), budget })
    }

    /// `alloc`, its answer unchecked.
    pub(crate) fn alloc(&mut self, length: u32) -> Result<u32, EngineError> {
        self.instance.bare_alloc(&self.module.shared, length, self.budget)
    }

    /// `free`.
    pub(crate) fn free(&mut self, pointer: u32, length: u32) -> Result<(), EngineError> {
        self.instance.bare_free(&self.module.shared, pointer, length, self.budget)
    }

    /// `load`: the handle, or why there is none.
    pub(crate) fn load(&mut self, policy: &[u8]) -> Result<Result<i32, ErrorBody>, EngineError> {
        let loaded = self
            .instance
            .load(&self.module.shared, policy, self.budget, |answer| read_envelope::<Loaded>("load", answer))?;
        Ok(loaded.map(|loaded| loaded.handle))
    }

    /// `eval`: the envelope's bytes as they come.
    pub(crate) fn eval(&mut self, handle: i32, point: i32, input: &[u8]) -> Result<Answer, EngineError> {
        self.instance.eval(&self.module.shared, handle, point, input, self.budget, |answer| Ok(answer.to_vec()))
    }
}
