//! The one shape in which this crate, and every policy module, says that a question can't be answered.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why a question has no answer: what stands under `error` in the envelope of [`crate::abi`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// What kind of error it is, in one word of snake case that programs may rely on.
    pub code: Cow<'static, str>,
    /// What is wrong, for people: lower case, no full stop.
    pub message: String,
    /// Where in the input or the policy it is, as `executors[2].idle_ms`; absent where there is no such place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl ErrorBody {
    /// An error of kind `code`, which has no place in the input.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), path: None }
    }

    /// The same error, found at `path`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "`{path}`: {} ({})", self.message, self.code),
            None => write!(f, "{} ({})", self.message, self.code),
        }
    }
}

impl core::error::Error for ErrorBody {}
