//! The options with which a policy is named.

use std::path::{Path, PathBuf};

use clap::Args;
use sparkwright_core::policy::ResolvedPolicy;

use super::Failure;
use super::terminal::{Stream, tell_diagnostics};
use crate::assets::compiled_folder;
use crate::engine::{EngineError, Prepared, module_bytes, prepared_by};
use crate::launch::policy_source::{self, Chosen};
use crate::steering::{Mode, SteeringSetup};

/// Which policy decides.
#[derive(Debug, Clone, Args)]
pub struct PolicyOptions {
    /// Policy file; the built-in default policy if not given.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Environment of the policy file; its `default_environment` if not given.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Override one value of the policy for this run, as autoscaling.max_executors=8. Repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Label of the run for the policy's rules, as team=risk. Repeatable.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Policy module to use instead of the built-in one.
    #[arg(long, value_name = "FILE.wasm", hide_short_help = true)]
    pub module: Option<PathBuf>,
}

impl PolicyOptions {
    /// Whether any of them is given that says which policy decides.
    #[must_use]
    pub fn names_any(&self) -> bool {
        self.policy.is_some() || self.environment.is_some() || !self.set.is_empty() || self.module.is_some()
    }

    /// The policy that is meant.
    ///
    /// # Errors
    /// It can't be read, or is wrong.
    pub fn choose(&self) -> Result<Chosen, Failure> {
        Ok(policy_source::choose(self.policy.as_deref(), self.environment.as_deref(), &self.set)?)
    }

    /// A launch of that policy, with nothing planned yet.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn launch(&self, mode: Mode) -> Result<SteeringSetup, Failure> {
        let chosen = self.choose()?;
        tell_diagnostics(Stream::Err, &chosen.warnings);
        Ok(SteeringSetup {
            mode,
            policy: chosen.policy,
            identity: chosen.identity,
            module_sha256: chosen.module_sha256,
            set: self.set.clone(),
            labels: self.labels.iter().cloned().collect(),
            module: self.module.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            ..SteeringSetup::default()
        })
    }
}

/// A label as it is written on the command line.
///
/// # Errors
/// It is no pair.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    pair.filter(|(key, _)| !key.is_empty()).ok_or_else(|| format!("`{text}` is not KEY=VALUE; write it as team=risk"))
}

/// A policy ready to decide by a module: a file's or the one inside this program. Inside is why not, where the module can't be used.
///
/// # Errors
/// The file can't be read.
pub fn prepared(
    policy: &ResolvedPolicy,
    module: Option<&Path>,
    pinned_sha256: Option<&str>,
) -> Result<Result<Prepared, EngineError>, Failure> {
    let bytes = module_bytes(module).map_err(|error| {
        Failure::new(format!("can't read the policy module {error}"))
            .help("check the path, or leave --module out for the built-in module")
    })?;
    Ok(prepared_by(policy, &bytes, pinned_sha256, compiled_folder()))
}

/// The policy of a launch, ready to decide, as [`prepared`] has it.
///
/// # Errors
/// The module's file can't be read.
pub fn prepared_launch(launch: &SteeringSetup) -> Result<Result<Prepared, EngineError>, Failure> {
    prepared(&launch.policy, launch.module.as_deref(), launch.module_sha256.as_deref())
}
