//! An advice and its gain.

use alloc::string::String;

/// What saves less of the run is no advice. Source: a replay at another size is off by about as much (3 to 5 %).
pub const WORTH: f64 = 0.05;

/// What a run would have saved, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// By the replay.
    pub expected_us: i64,
    /// Not less, most likely.
    pub low_us: i64,
    /// Not more, most likely.
    pub high_us: i64,
}

impl Gain {
    /// Whether it is worth an advice on a run of this length.
    pub(super) fn is_worth(&self, run_us: i64) -> bool {
        self.low_us > 0 && self.expected_us as f64 >= WORTH * run_us as f64
    }
}

/// A key to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The key: Spark's, or the field of the platform that made the cluster.
    pub key: &'static str,
    /// What it was.
    pub now: u64,
    /// What to set it to.
    pub set_to: u64,
    /// What that saves.
    pub gain: Gain,
    /// Executor time as it was and as it would be, microseconds.
    pub executor_us: (i64, i64),
    /// Why, in a sentence.
    pub because: String,
}
