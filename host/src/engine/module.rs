//! A module that was found fit, and a policy prepared for it.

use std::sync::Arc;

use sparkwright_core::abi::{self, Description};
use wasmtime::{Linker, Module};

use super::envelope::read_envelope;
use super::error::EngineError;
use super::inspect::{Export, Inspection};
use super::instance::Instance;
use super::shared::{Compiled, Exports, Shared};
use super::{EngineInner, PolicyEngine};

/// A policy module that may be run. Cheap to clone.
#[derive(Clone)]
pub struct PolicyModule {
    pub(super) shared: Arc<Shared>,
}

impl std::fmt::Debug for PolicyModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyModule").field("sha256", &self.sha256()).finish_non_exhaustive()
    }
}

impl PolicyModule {
    /// Takes a module that was inspected and compiled, and asks it for its version.
    pub(super) fn new(
        engine: Arc<EngineInner>,
        module: &Module,
        compiled: Compiled,
        mut inspection: Inspection,
    ) -> Result<Self, EngineError> {
        let pre = Linker::new(module.engine())
            .instantiate_pre(module)
            .map_err(|error| EngineError::NotStarted { reason: format!("{error:#}") })?;
        let mut shared =
            Shared { exports: Exports::of(module)?, engine, pre, inspection: inspection.clone(), compiled };
        let setup = shared.engine.setup;
        let found = Instance::start(&shared, setup)?.abi_version(&shared, setup)?;
        if found != abi::VERSION {
            return Err(EngineError::WrongVersion { found, wanted: abi::VERSION });
        }
        inspection.abi_version = Some(found);
        shared.inspection = inspection;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.shared.inspection.sha256
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared.inspection.size
    }

    /// What it offers.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.shared.inspection.exports
    }

    /// All that its bytes say.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.shared.inspection
    }

    /// Where its compiled code came from.
    #[must_use]
    pub fn compiled(&self) -> &Compiled {
        &self.shared.compiled
    }

    /// The engine that runs it.
    #[must_use]
    pub fn engine(&self) -> PolicyEngine {
        PolicyEngine { inner: Arc::clone(&self.shared.engine) }
    }

    /// What it answers about itself.
    ///
    /// # Errors
    /// Any failure of the call.
    pub fn describe(&self) -> Result<Description, EngineError> {
        let setup = self.shared.engine.setup;
        Instance::start(&self.shared, setup)?
            .describe(&self.shared, setup, |answer| read_envelope("describe", answer))?
            .map_err(|error| EngineError::Rubbish { call: "describe", reason: format!("an error: {error}") })
    }
}

/// A module together with a policy that it accepts: the only thing that makes a [`Session`](super::Session). Cheap to clone.
#[derive(Clone)]
pub struct Prepared {
    pub(super) module: PolicyModule,
    pub(super) policy: Arc<[u8]>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("module", &self.module).field("policy_bytes", &self.policy.len()).finish()
    }
}

impl Prepared {
    /// The module.
    #[must_use]
    pub const fn module(&self) -> &PolicyModule {
        &self.module
    }

    /// The resolved policy, as JSON.
    #[must_use]
    pub fn policy(&self) -> &[u8] {
        &self.policy
    }
}
