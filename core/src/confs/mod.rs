//! Spark configurations that answers set: which there are, when each counts, and what the user set stands.

mod keys;

pub use keys::*;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::by_name::ByName;
use crate::policy::ResolvedPolicy;

/// When a Spark configuration can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfWhen {
    /// Only before the application starts.
    Submit,
    /// When a session is made, or on a running session.
    Session,
    /// At any time.
    Runtime,
}

impl ConfWhen {
    /// The word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Session => "session",
            Self::Runtime => "runtime",
        }
    }
}

/// A Spark configuration that a decision may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparkKey {
    /// Spark's key.
    pub key: &'static str,
    /// When it can be set.
    pub when: ConfWhen,
}

impl SparkKey {
    const fn submit(key: &'static str) -> Self {
        Self { key, when: ConfWhen::Submit }
    }

    const fn session(key: &'static str) -> Self {
        Self { key, when: ConfWhen::Session }
    }
}

/// A Spark configuration that a plan sets, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfSetting {
    /// Its value, as Spark reads it.
    pub value: String,
    /// When it can be set.
    pub when: ConfWhen,
    /// Why it is set, in a sentence.
    pub because: Cow<'static, str>,
}

/// The configurations of a plan as they are collected; what the user set stands.
pub(crate) struct Settings<'a> {
    policy: &'a ResolvedPolicy,
    /// Whether the user set a key.
    user: &'a dyn Fn(&str) -> bool,
    confs: ByName<ConfSetting>,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(policy: &'a ResolvedPolicy, user: &'a dyn Fn(&str) -> bool) -> Self {
        Self { policy, user, confs: ByName::new() }
    }

    /// Whether a key may be set: not one that the user set, unless the policy names it (`autoscaling.overwrite_user_confs`).
    pub(crate) fn may_set(&self, key: SparkKey) -> bool {
        !(self.user)(key.key) || self.policy.autoscaling.overwrite_user_confs.iter().any(|name| name == key.key)
    }

    /// Sets a key, where it may be set.
    pub(crate) fn set(&mut self, key: SparkKey, value: impl Into<String>, because: &'static str) {
        if self.may_set(key) {
            self.force(key, value.into(), because);
        }
    }

    /// Sets a key, whoever set it before.
    pub(crate) fn force(&mut self, key: SparkKey, value: String, because: &'static str) {
        let setting = ConfSetting { value, when: key.when, because: Cow::Borrowed(because) };
        self.confs.insert(key.key.to_owned(), setting);
    }

    /// The values alone, by key.
    pub(crate) fn values(self) -> ByName<String> {
        self.confs.into_iter().map(|(key, setting)| (key, setting.value)).collect()
    }

    pub(crate) fn done(self) -> ByName<ConfSetting> {
        self.confs
    }
}
