//! Whether keeping a result pays.

use crate::executor::shared_work::elasticity_weight;
use crate::policy::{CacheStrategy, OptimizationTarget, ResolvedPolicy};
use crate::trace::{Decision, Grade, Trace, Unit};

/// What keeping a result costs besides write to the cache: one more plan and one more job boundary.
pub const FIXED_COST_MS: u64 = 50;

/// What the rule weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// How often the result is used in all, the computation that fills the cache included.
    pub uses: u64,
    /// How well the uses are known.
    pub uses_grade: Grade,
    /// Task time of compute once.
    pub recompute_ms: u64,
    /// How well that is known.
    pub recompute_grade: Grade,
    /// Task time of writing it to the cache.
    pub write_ms: u64,
    /// Task time of reading it from the cache once.
    pub read_ms: u64,
    /// Executor time that it keeps from being given back, were it weighed fully.
    pub pinned_ms: u64,
    /// The target whose elasticity weighs `pinned_ms`.
    pub target: OptimizationTarget,
}

/// Task time saved: `(uses - 1) * recompute - write - uses * read`; 0 where there is a loss.
#[must_use]
pub fn time_saved_ms(worth: &Worth) -> u64 {
    worth
        .uses
        .saturating_sub(1)
        .saturating_mul(worth.recompute_ms)
        .saturating_sub(worth.write_ms)
        .saturating_sub(FIXED_COST_MS)
        .saturating_sub(worth.uses.saturating_mul(worth.read_ms))
}

/// Executor time that the result pins, weighed: what executors are worth to a target is the complement of what time is worth to it.
fn pinned_ms(policy: &ResolvedPolicy, worth: &Worth) -> u64 {
    let aggressive = policy.temp_tables.cache_strategy == CacheStrategy::Aggressive;
    let weight = if aggressive { 0.0 } else { 1.0 - elasticity_weight(worth.target) };
    crate::units::floor_u64(worth.pinned_ms as f64 * weight)
}

/// Whether a result is kept: the bare answer of [`keep`].
#[must_use]
pub fn keeps(policy: &ResolvedPolicy, worth: &Worth) -> bool {
    let again = worth.uses > 1;
    policy.temp_tables.enable_caching
        && match policy.temp_tables.cache_strategy {
            CacheStrategy::Never => false,
            CacheStrategy::Always => again,
            CacheStrategy::Auto | CacheStrategy::Aggressive => again && time_saved_ms(worth) > pinned_ms(policy, worth),
        }
}

/// Decides whether a result is kept.
#[must_use]
pub fn keep(policy: &ResolvedPolicy, worth: &Worth) -> Decision<bool> {
    let strategy = policy.temp_tables.cache_strategy;
    let saved = time_saved_ms(worth);
    let pinned = pinned_ms(policy, worth);
    let trace = Trace::new(
        "cache.worth",
        "kept when reading it again saves more than keeping it costs; (uses - 1) * recompute - write - 50 ms - uses * read > executor time \
         pinned, weighed by the optimization target",
        Unit::None,
    )
    .input("uses, this one included", worth.uses, Unit::Uses, grade_source(worth.uses_grade))
    .input("computing it once", worth.recompute_ms, Unit::Milliseconds, grade_source(worth.recompute_grade))
    .input("writing it", worth.write_ms, Unit::Milliseconds, "estimate")
    .input("read once", worth.read_ms, Unit::Milliseconds, "estimate")
    .input("task time saved", saved, Unit::Milliseconds, "")
    .input("executor time pinned, weighed", pinned, Unit::Milliseconds, policy.origin("pipeline.optimization_target"));
    let unbounded = worth.uses > 1 && saved > pinned;
    let trace = trace.unbounded(unbounded);
    let grade = worth.uses_grade.max(worth.recompute_grade);
    if !policy.temp_tables.enable_caching {
        return trace
            .note(
                ["not kept: temp_tables.enable_caching is false (", &policy.origin("temp_tables.enable_caching"), ")"]
                    .concat(),
            )
            .decide(false, Grade::A);
    }
    let kept = keeps(policy, worth);
    match strategy {
        CacheStrategy::Never => trace.note("not kept: temp_tables.cache_strategy is never").decide(kept, Grade::A),
        CacheStrategy::Always if kept => {
            trace.note("kept: temp_tables.cache_strategy is always").decide(kept, Grade::A)
        }
        _ => trace.decide(kept, grade),
    }
}

fn grade_source(grade: Grade) -> &'static str {
    grade.meaning()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worth(uses: u64, recompute_ms: u64) -> Worth {
        Worth {
            uses,
            uses_grade: Grade::C,
            recompute_ms,
            recompute_grade: Grade::A,
            write_ms: 100,
            read_ms: 10,
            pinned_ms: 400,
            target: OptimizationTarget::Balanced,
        }
    }

    fn with(strategy: CacheStrategy, caching: bool) -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.temp_tables.cache_strategy = strategy;
        policy.temp_tables.enable_caching = caching;
        policy
    }

    #[test]
    fn it_pays_only_when_used_again_and_worth_more_than_it_pins() {
        let auto = with(CacheStrategy::Auto, true);
        assert!(!keep(&auto, &worth(1, 1_000_000)).value);
        // (2 - 1) * r - 100 - 50 - 2 * 10 > 400 / 2
        assert!(!keep(&auto, &worth(2, 370)).value);
        assert!(keep(&auto, &worth(2, 371)).value);
    }

    #[test]
    fn strategies_and_the_environment_have_their_say() {
        assert!(keep(&with(CacheStrategy::Aggressive, true), &worth(2, 171)).value);
        assert!(keep(&with(CacheStrategy::Always, true), &worth(2, 0)).value);
        assert!(!keep(&with(CacheStrategy::Always, true), &worth(1, 0)).value);
        assert!(!keep(&with(CacheStrategy::Never, true), &worth(9, 9_000)).value);
        let off = keep(&with(CacheStrategy::Auto, false), &worth(9, 9_000));
        assert!(!off.value);
        assert!(off.trace.notes.iter().any(|note| note.contains("enable_caching")));
    }

    #[test]
    fn the_target_weighs_pinned_executors() {
        let mut memory = worth(2, 500);
        memory.target = OptimizationTarget::Memory;
        assert!(!keep(&with(CacheStrategy::Auto, true), &memory).value);
        memory.target = OptimizationTarget::Speed;
        assert!(keep(&with(CacheStrategy::Auto, true), &memory).value);
    }
}
