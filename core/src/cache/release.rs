//! When a plan that Sparkwright cached is let go.

use serde::Serialize;

use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::Bytes;

/// A kept result is let go once it has gone unused for this many times the usual gap between its uses.
pub const GAPS_BEFORE_RELEASE: u64 = 10;
/// ... but not sooner than this.
pub const LEAST_IDLE_MS: u64 = 60_000;

/// A plan that Sparkwright cached, as it stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CacheEntryFacts {
    /// Its name: the hash of its plan.
    pub id: alloc::string::String,
    /// Bytes in memory, on all executors.
    pub memory_bytes: Bytes,
    /// Bytes on disk.
    pub disk_bytes: Bytes,
    /// Its partitions.
    pub partitions: u32,
    /// Those that are there.
    pub cached_partitions: u32,
    /// How long nothing has used it.
    pub idle_ms: u64,
    /// The mean time between its uses; unknown when absent.
    pub mean_gap_ms: Option<u64>,
}

crate::members::read_over_defaults!(CacheEntryFacts {
    id,
    memory_bytes,
    disk_bytes,
    partitions,
    cached_partitions,
    idle_ms,
    mean_gap_ms,
});

/// Decides whether an entry is let go.
#[must_use]
pub fn release(policy: &ResolvedPolicy, entry: &CacheEntryFacts) -> Decision<bool> {
    let oldest_ms = crate::units::floor_u64(policy.temp_tables.max_table_age_hours * 3_600_000.0);
    let by_gap = entry.mean_gap_ms.map_or(oldest_ms, |gap| gap.saturating_mul(GAPS_BEFORE_RELEASE).max(LEAST_IDLE_MS));
    let limit = by_gap.min(oldest_ms);
    let idle = Along {
        input: "going unused for",
        unit: Unit::Milliseconds,
        at: entry.idle_ms,
        least: 0,
        most: u64::MAX,
        step: 1,
    };
    Trace::new(
        "cache.release",
        "released when unused for 10 times the usual gap between its uses; at least 1 min, at most temp_tables.max_table_age_hours",
        Unit::None,
    )
    .input("unused for", entry.idle_ms, Unit::Milliseconds, "measured")
    .input("usual gap between uses", entry.mean_gap_ms, Unit::Milliseconds, "measured")
    .input("age limit", oldest_ms, Unit::Milliseconds, policy.origin("temp_tables.max_table_age_hours"))
    .unbounded(entry.idle_ms > limit)
    .flips(idle.flips(|idle_ms| idle_ms > limit))
    .decide(entry.idle_ms > limit, Grade::A)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_after_ten_gaps_but_never_within_a_minute() {
        let go = |idle_ms, mean_gap_ms| {
            release(&ResolvedPolicy::default(), &CacheEntryFacts { idle_ms, mean_gap_ms, ..CacheEntryFacts::default() })
                .value
        };
        assert!(!go(59_000, Some(1)));
        assert!(go(60_001, Some(1)));
        assert!(!go(99_000, Some(10_000)));
        assert!(go(100_001, Some(10_000)));
        assert!(!go(3_600_000, None));
        assert!(go(12 * 3_600_000 + 1, None));
    }
}
