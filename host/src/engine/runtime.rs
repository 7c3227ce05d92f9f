//! What every instance runs on: the engine of wasmtime with its clock, and the limits that it is held to.

use std::path::PathBuf;
use std::time::Duration;

use sparkwright_core::steering::QUESTION_TIMEOUT_MS;
use wasmtime::Engine;

use super::cache::Cache;
use super::settings::Kind;
use super::ticker::Ticker;

/// What one question may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The wall-clock time after which the module is stopped, exact to a tick or two of the engine.
    pub time: Duration,
    /// The fuel after which it is stopped; counts only in an engine that is metered.
    pub fuel: u64,
}

impl Budget {
    /// A limit on time alone.
    #[must_use]
    pub const fn time(time: Duration) -> Self {
        Self { time, fuel: u64::MAX }
    }

    /// A limit on time alone, in milliseconds.
    #[must_use]
    pub const fn millis(ms: u64) -> Self {
        Self::time(Duration::from_millis(ms))
    }
}

impl Default for Budget {
    /// What a query of Spark waits for its plan.
    fn default() -> Self {
        Self::millis(QUESTION_TIMEOUT_MS)
    }
}

/// What modules and sessions of an engine share.
pub(super) struct EngineInner {
    // Before the engine, so that the clock stops first.
    pub(super) ticker: Ticker,
    pub(super) engine: Engine,
    pub(super) kind: Kind,
    pub(super) cache: Option<Result<Cache, String>>,
    /// The command that compiles modules of others.
    pub(super) compiler: Option<PathBuf>,
    pub(super) setup: Budget,
}
