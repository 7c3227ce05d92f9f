//! A policy made ready to decide: which bytes decide, and in how few words a policy is told to them.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use sparkwright_core::policy::ResolvedPolicy;

use super::{EngineError, EngineOptions, PolicyEngine, PolicyModule, Prepared};
use crate::assets::{POLICY_MODULE, POLICY_MODULE_SHA256};
use crate::bounded_file;

/// The bytes of a policy module: a file's, or those of the module inside this program.
///
/// # Errors
/// The file can't be read.
pub fn module_bytes(file: Option<&Path>) -> io::Result<Cow<'static, [u8]>> {
    let Some(path) = file else { return Ok(POLICY_MODULE.into()) };
    bounded_file::named(path)
        .map(Into::into)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// A policy made ready to decide by a module.
///
/// # Errors
/// The module refuses the policy, or fails.
pub fn prepared(policy: &ResolvedPolicy, module: &PolicyModule) -> Result<Prepared, EngineError> {
    // Built-in values go without saying only where they are the same: in the module that was built with this host.
    if module.sha256() == *POLICY_MODULE_SHA256 {
        return module.prepare(&policy.brief_json());
    }
    let whole = serde_json::to_vec(policy).map_err(|error| EngineError::BadQuestion { reason: error.to_string() })?;
    module.prepare(&whole)
}

/// The same by the bytes of a module, on an engine of its own that keeps compiled code in `cache_dir`: for the `sparkwright` command, which it starts
/// again to compile.
///
/// # Errors
/// The module is refused, also where it is not the pinned one; or it refuses the policy, or fails.
pub fn prepared_by(
    policy: &ResolvedPolicy,
    module: &[u8],
    pinned_sha256: Option<&str>,
    cache_dir: Option<PathBuf>,
) -> Result<Prepared, EngineError> {
    let engine =
        PolicyEngine::new(EngineOptions { cache_dir, compiler: Some(this_program()?), ..EngineOptions::default() })?;
    prepared(policy, &engine.load_module(module, pinned_sha256)?)
}

/// The file of the program that runs, as the compiler of modules.
///
/// # Errors
/// The system can't say which it is.
pub fn this_program() -> Result<PathBuf, EngineError> {
    std::env::current_exe()
        .map_err(|error| EngineError::Setup { reason: format!("can't find the file of this very program: {error}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_module_of_this_program_is_told_no_more_than_what_differs() {
        let mut policy = ResolvedPolicy::default();
        policy.autoscaling.max_executors = 7;
        let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
        let own = prepared(&policy, &engine.load_module(POLICY_MODULE, None).unwrap()).unwrap();
        assert_eq!(own.policy(), policy.brief_json());
        // The same code under another digest: a custom section of four bytes more.
        let other = [POLICY_MODULE, &[0, 2, 1, b'x']].concat();
        let other = prepared(&policy, &engine.load_module(&other, None).unwrap()).unwrap();
        assert_eq!(other.policy(), serde_json::to_vec(&policy).unwrap());
    }

    #[test]
    fn a_module_that_is_not_there_is_named() {
        let error = module_bytes(Some(Path::new("/nowhere/policy.wasm"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/policy.wasm"), "{error}");
        assert_eq!(module_bytes(None).unwrap(), POLICY_MODULE);
    }
}
