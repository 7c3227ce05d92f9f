//! The policy file that is open: its text, what it says for each environment, and what is wrong with it.

use std::rc::Rc;

use serde_json::Value as Json;
use sparkwright_core::policy::key::Key;
use sparkwright_core::policy::{Layer, ResolvedPolicy};
use sparkwright_policy::{Diagnostic, PolicyFile, Severity, built_in, parse, resolved_digest};

/// An environment of the file and what it resolves to.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its policy, or why it has none.
    pub policy: Result<Rc<ResolvedPolicy>, Vec<Diagnostic>>,
}

/// A policy file as it is read.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file's name.
    pub name: String,
    /// Its text.
    pub text: Rc<str>,
    /// The file.
    pub file: PolicyFile,
    /// What is wrong with it or probably unintended, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Its environments, in the order of the text; the built-in policy alone where it has none.
    pub environments: Vec<Environment>,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

/// A value of a policy with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The value, as the resolved policy has it.
    pub json: Json,
    /// The layer that it came from.
    pub layer: Layer,
}

impl Document {
    /// Reads a text. It never fails: what is wrong is in `diagnostics`.
    #[must_use]
    pub fn read(name: &str, text: &str) -> Self {
        let (file, mut diagnostics) = parse(name, text);
        diagnostics.extend(file.lint());
        diagnostics.sort_by_key(|it| (it.line, it.column, it.severity));
        let named: Vec<Option<String>> = match file.environments().count() {
            0 => vec![None],
            _ => file.environments().map(|name| Some(name.to_owned())).collect(),
        };
        let environments = named
            .into_iter()
            .map(|name| Environment {
                policy: file.resolve(name.as_deref(), &[]).map(Rc::new),
                name: name.unwrap_or_default(),
            })
            .collect();
        Self { name: name.to_owned(), text: text.into(), file, diagnostics, environments }
    }

    /// How many errors and how many warnings it has.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let of = |severity| self.diagnostics.iter().filter(|it| it.severity == severity).count();
        (of(Severity::Error), of(Severity::Warning))
    }

    /// The environment of a name, or else the default one, or else the first.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        let find = |name: &str| self.environments.iter().find(|environment| environment.name == name);
        find(name).or_else(|| find(self.file.default_environment()?)).or_else(|| self.environments.first())
    }

    /// The policy of an environment.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<Rc<ResolvedPolicy>> {
        self.environment(name)?.policy.as_ref().ok().cloned()
    }

    /// Whether a layer itself writes a key: `global_optimization`, or an environment's.
    #[must_use]
    pub fn writes(&self, environment: Option<&str>, key: &Key) -> bool {
        self.file.written(environment, &key.path()).is_some()
    }
}

/// The value of a key in a policy.
#[must_use]
pub fn value_of(policy: &ResolvedPolicy, key: &Key) -> Option<Value> {
    let section = key.section.rsplit('.').next()?;
    let layer = policy.origins.get(&key.path()).copied().unwrap_or(Layer::BuiltIn);
    Some(Value { json: policy.values().get(section)?.get(key.name)?.clone(), layer })
}

/// The built-in value of a key.
#[must_use]
pub fn built_in_value(key: &Key) -> Json {
    built_in(&key.path()).unwrap_or_default()
}

/// The digest of a policy in its resolved canonical form.
#[must_use]
pub fn digest_of(policy: &ResolvedPolicy) -> String {
    resolved_digest(policy)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sparkwright_core::policy::keys;
    use sparkwright_policy::DEFAULT_POLICY;

    #[test]
    fn the_default_policy_has_three_environments_and_no_error() {
        let document = Document::read("config.yaml", DEFAULT_POLICY);
        let names: Vec<&str> = document.environments.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["development", "staging", "production"]);
        assert_eq!(document.counts().0, 0);
        assert_eq!(document.environment("nowhere").unwrap().name, "development");
        let policy = document.policy("production").unwrap();
        for key in keys() {
            assert!(value_of(&policy, key).is_some(), "{}", key.path());
        }
        let most = keys().find(|key| key.name == "max_executors").unwrap();
        let value = value_of(&policy, most).unwrap();
        assert_eq!((value.json, value.layer), (20.into(), Layer::Environment));
        assert!(document.writes(Some("production"), most) && !document.writes(None, most));
    }

    #[test]
    fn rubbish_is_a_document_with_errors() {
        for text in ["", "a: [", "a:\n\tb: 1", "environments: {a: {optimization: {autoscaling: {min_executors: 0}}}}"] {
            let document = Document::read("x.yaml", text);
            assert!(!document.environments.is_empty());
            assert!(text.is_empty() || document.counts().0 > 0, "{text}");
        }
    }
}
