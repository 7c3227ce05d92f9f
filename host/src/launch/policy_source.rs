//! Where a policy comes from: a file, or the one that travels inside the binary.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_policy::{DEFAULT_POLICY, Diagnostic, Override, PolicyFile, resolved_digest};

use crate::bounded_file;
use crate::record::PolicyIdentity;

/// What messages call the built-in policy.
pub const EMBEDDED: &str = "the built-in config.yaml";

/// A policy that was resolved for one environment.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The policy.
    pub policy: ResolvedPolicy,
    /// Which policy that is.
    pub identity: PolicyIdentity,
    /// The SHA-256 that the file pins the module to.
    pub module_sha256: Option<String>,
    /// What is worth a warning.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file can't be read.
    #[error("can't read the policy file `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file or an override is wrong.
    #[error("the policy can't be used")]
    Wrong {
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
    },
}

impl PolicyError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_not_there(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// The text of a policy file; the embedded one when absent.
///
/// # Errors
/// The file can't be read.
pub fn read_text(path: Option<&Path>) -> Result<Cow<'static, str>, PolicyError> {
    let Some(path) = path else { return Ok(Cow::Borrowed(DEFAULT_POLICY)) };
    let unreadable = |source| PolicyError::Unreadable { path: path.to_owned(), source };
    bounded_file::named_text(path).map(Cow::Owned).map_err(unreadable)
}

/// Reads a policy file (the embedded one when absent); what is wrong with it comes beside it.
///
/// # Errors
/// The file can't be read.
pub fn read(path: Option<&Path>) -> Result<(PolicyFile, Vec<Diagnostic>), PolicyError> {
    Ok(parse(path, &read_text(path)?))
}

fn parse(path: Option<&Path>, text: &str) -> (PolicyFile, Vec<Diagnostic>) {
    let name = path.map_or_else(|| EMBEDDED.to_owned(), |path| path.display().to_string());
    sparkwright_policy::parse(&name, text)
}

/// Reads and resolves a policy, with single values of it overridden.
///
/// # Errors
/// The file can't be read, or something in it, the environment or an override is wrong.
pub fn choose(path: Option<&Path>, environment: Option<&str>, sets: &[String]) -> Result<Chosen, PolicyError> {
    let overrides: Vec<Override> = sets.iter().map(|set| Override::set(set)).collect();
    choose_with(path, environment, &overrides)
}

/// Reads and resolves a policy under overrides, the last of which is the highest.
///
/// # Errors
/// As [`choose`].
pub fn choose_with(
    path: Option<&Path>,
    environment: Option<&str>,
    overrides: &[Override],
) -> Result<Chosen, PolicyError> {
    choose_text(path, &read_text(path)?, environment, overrides)
}

/// The same by the text of the file, which was read already.
///
/// # Errors
/// Something in it, the environment or an override is wrong.
pub fn choose_text(
    path: Option<&Path>,
    text: &str,
    environment: Option<&str>,
    overrides: &[Override],
) -> Result<Chosen, PolicyError> {
    let (file, diagnostics) = parse(path, text);
    let (wrong, warnings): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(Diagnostic::is_error);
    if !wrong.is_empty() {
        return Err(PolicyError::Wrong { diagnostics: wrong });
    }
    let policy = file.resolve(environment, overrides).map_err(|diagnostics| PolicyError::Wrong { diagnostics })?;
    let identity = PolicyIdentity {
        file: path.map_or_else(String::new, |path| path.display().to_string()),
        environment: policy.environment.clone(),
        sha256: file.raw_digest().to_owned(),
        resolved_sha256: resolved_digest(&policy),
    };
    Ok(Chosen { policy, identity, module_sha256: file.module_sha256().map(str::to_owned), warnings })
}
