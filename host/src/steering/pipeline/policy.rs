//! The policy that a pipeline goes by: its own file or the host's, under the overrides that it brings.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::error::ErrorBody;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::steering::{LAUNCH_MODULE_MS, PROFILE_LIMITS};
use sparkwright_policy::{Override, render};

use super::messages::{OpenRequest, Refusal};
use crate::engine::{Budget, EngineError, Prepared, RestartingSession, prepared};
use crate::launch::policy_source::{Chosen, PolicyError, choose_with};
use crate::record::PolicyIdentity;
use crate::steering::setup::SteeringSetup;

/// A policy that decides for one connection.
#[derive(Debug)]
pub(super) struct OpenPolicy {
    /// The policy.
    pub(super) policy: ResolvedPolicy,
    identity: PolicyIdentity,
    warnings: Vec<String>,
    /// Ready to decide.
    pub(super) prepared: Arc<Result<Prepared, EngineError>>,
    session: RestartingSession,
    from: Layers,
}

/// What a policy was resolved from.
#[derive(Debug, Clone)]
struct Layers {
    path: Option<PathBuf>,
    environment: Option<String>,
    overrides: Vec<Override>,
}

impl OpenPolicy {
    /// Resolves what `request` asks for, on the host's own policy (`launch`) where it names none.
    ///
    /// # Errors
    /// The file can't be read; file, environment or override are wrong; or the module refuses the policy.
    pub(super) fn open(
        request: &OpenRequest,
        launch: &SteeringSetup,
        host: &Arc<Result<Prepared, EngineError>>,
    ) -> Result<Self, Refusal> {
        let own = request.policy.is_none();
        let environment = request.environment.clone().or_else(|| {
            let host = &launch.policy.environment;
            (own && !host.is_empty()).then(|| host.clone())
        });
        let own_path = || (!launch.identity.file.is_empty()).then(|| PathBuf::from(&launch.identity.file));
        let mut overrides = if own { launch.set.iter().map(|set| Override::set(set)).collect() } else { Vec::new() };
        overrides.extend(request.change.as_ref().and_then(fragment));
        let from = Layers { path: request.policy.clone().or_else(own_path), environment, overrides };
        if own && request.environment.is_none() && request.change.as_ref().and_then(fragment).is_none() {
            // The very policy that the host decides by, whatever became of its file.
            let prepared = Arc::clone(host);
            let session = session_of(&prepared)?;
            let (policy, identity) = (launch.policy.clone(), launch.identity.clone());
            return Ok(Self { policy, identity, warnings: Vec::new(), prepared, session, from });
        }
        let chosen = from.choose()?;
        let mut warnings: Vec<String> =
            chosen.warnings.iter().map(|warning| render(warning, false).trim_end().to_owned()).collect();
        if own && chosen.identity.sha256 != launch.identity.sha256 {
            warnings.push(format!(
                "the policy file {} has changed since the host read it: this pipeline goes by the new text",
                chosen.identity.file
            ));
        }
        let prepared = Arc::new(Ok(prepare(host, &chosen)?));
        let session = session_of(&prepared)?;
        Ok(Self { policy: chosen.policy, identity: chosen.identity, warnings, prepared, session, from })
    }

    /// Asks for a decision, under `change` as one more layer where there is one.
    ///
    /// # Errors
    /// The module fails or answers with an error, or the change is wrong.
    pub(super) fn ask(
        &mut self,
        point: DecisionPoint,
        input: &Value,
        change: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let Some(change) = change.and_then(fragment) else { return ask(&mut self.session, point, input) };
        let mut from = self.from.clone();
        from.overrides.push(change);
        let prepared = Arc::new(Ok(prepare(&self.prepared, &from.choose()?)?));
        ask(&mut session_of(&prepared)?, point, input)
    }

    /// What `open` answers: the policy, and the limits of what the pipeline has done by itself.
    pub(super) fn described(&self) -> Value {
        let module = self.prepared.as_ref().as_ref().map(|prepared| prepared.module().sha256().to_owned());
        json!({
            "policy": self.policy,
            "origins": self.policy.origins,
            "warnings": self.warnings,
            "identity": self.identity,
            "module_sha256": module.ok(),
            "limits": PROFILE_LIMITS,
        })
    }
}

impl Layers {
    fn choose(&self) -> Result<Chosen, PolicyError> {
        choose_with(self.path.as_deref(), self.environment.as_deref(), &self.overrides)
    }
}

/// An override as a layer; none where it says nothing.
fn fragment(change: &Value) -> Option<Override> {
    let says_something = !change.is_null() && change.as_object().is_none_or(|members| !members.is_empty());
    // On lines of its own, so that a diagnostic shows the line that is meant.
    says_something.then(|| Override::fragment("config", &serde_json::to_string_pretty(change).unwrap_or_default()))
}

/// The module of the host under another policy.
fn prepare(host: &Result<Prepared, EngineError>, chosen: &Chosen) -> Result<Prepared, Refusal> {
    let module = host.as_ref().map_err(unusable)?.module();
    if let Some(pinned) = &chosen.module_sha256
        && !pinned.eq_ignore_ascii_case(module.sha256())
    {
        return Err(EngineError::WrongHash { found: module.sha256().to_owned(), pinned: pinned.clone() }.into());
    }
    Ok(prepared(&chosen.policy, module)?)
}

fn session_of(prepared: &Result<Prepared, EngineError>) -> Result<RestartingSession, Refusal> {
    Ok(RestartingSession::new(prepared.as_ref().map_err(unusable)?.clone())?)
}

fn unusable(error: &EngineError) -> Refusal {
    Refusal::module(format!("the policy module can't be used: {error}"))
}

fn ask(session: &mut RestartingSession, point: DecisionPoint, input: &Value) -> Result<Value, Refusal> {
    let answer: Result<Value, ErrorBody> = session.ask(point, input, Budget::millis(LAUNCH_MODULE_MS))?;
    Ok(answer?)
}
