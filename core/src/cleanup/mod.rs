//! `plan_cleanup`: which temp tables are dropped, and in which order.
//!
//! A table goes only when no stage to come uses it and nothing reads it, and when it was not touched for longer than its limit, or the
//! pipeline has ended, or there are more tables than allowed. What takes most room for the time since it was last used and is cheapest to make
//! again goes first: `size * age / rebuild time`. So many at a time.

mod contract;

pub use contract::{PlanCleanupAnswer, PlanCleanupInput, TableDecision, TempTableFacts};

use alloc::vec::Vec;

use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Flip, Grade, Trace, Unit};
use crate::units::{floor_u64, saturating_u32};

/// How long making a table again is taken to be where nobody knows.
const UNKNOWN_REBUILD_MS: u64 = 60_000;

/// Why a table goes, or stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Used,
    Ended,
    Old,
    TooMany,
    Young,
    SwitchedOff,
}

impl Verdict {
    const fn goes(self) -> bool {
        matches!(self, Self::Ended | Self::Old | Self::TooMany)
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Used => "it stays: a stage to come uses it, or something reads it",
            Self::Ended => "the pipeline has ended",
            Self::Old => "nobody touched it for longer than temp_tables.max_table_age_hours",
            Self::TooMany => "there are more tables than temp_tables.max_total_tables",
            Self::Young => "it stays: it was used within its limit",
            Self::SwitchedOff => "it stays: cleaning up is switched off",
        }
    }
}

/// Decides which temp tables are dropped now.
#[must_use]
pub fn plan_cleanup(policy: &ResolvedPolicy, input: &PlanCleanupInput) -> PlanCleanupAnswer {
    let settings = &policy.temp_tables;
    let limit_ms = floor_u64(settings.max_table_age_hours * 3_600_000.0);
    let mut tables: Vec<(&TempTableFacts, u64)> =
        input.tables.iter().map(|table| (table, input.now_ms.saturating_sub(table.last_access_ms))).collect();
    // Stable, so that tables that nothing tells apart stand in one order whatever the standard library was built for.
    tables.sort_by(|(a, a_age), (b, b_age)| {
        weight(b, *b_age).total_cmp(&weight(a, *a_age)).then_with(|| b_age.cmp(a_age)).then_with(|| a.name.cmp(&b.name))
    });
    let mut over = input.tables.len().saturating_sub(settings.max_total_tables as usize);
    let mut answer = PlanCleanupAnswer::default();
    for (table, age_ms) in tables {
        let crowded = over > 0;
        let at = |uses: u64, age_ms: u64| {
            if uses > 0 {
                Verdict::Used
            } else if input.pipeline_ended && policy.pipeline.auto_cleanup {
                Verdict::Ended
            } else if !settings.auto_cleanup {
                Verdict::SwitchedOff
            } else if age_ms > limit_ms {
                Verdict::Old
            } else if crowded {
                Verdict::TooMany
            } else {
                Verdict::Young
            }
        };
        let uses = u64::from(table.remaining_uses).saturating_add(u64::from(table.readers));
        let verdict = at(uses, age_ms);
        if verdict.goes() {
            over = over.saturating_sub(1);
            if answer.drop.len() < settings.cleanup_batch_size as usize {
                answer.drop.push(table.name.clone());
            } else {
                answer.postponed = saturating_u32(u64::from(answer.postponed) + 1);
            }
        }
        let dropped_now = verdict.goes() && answer.drop.last() == Some(&table.name);
        let mut decision = explain(policy, table, age_ms, limit_ms, verdict, dropped_now);
        if verdict.goes() == dropped_now {
            decision.trace = decision.trace.flips(flips(uses, age_ms, |uses, age_ms| at(uses, age_ms).goes()));
        }
        answer.decisions.push(TableDecision { table: table.name.clone(), decision });
    }
    answer
}

/// From how many uses and from what age on it would be the other way.
fn flips(uses: u64, age_ms: u64, goes: impl Fn(u64, u64) -> bool) -> impl Iterator<Item = Flip> {
    let coming = Along {
        input: "stages to come and readers of",
        unit: Unit::Uses,
        at: uses,
        least: 0,
        most: uses.max(1),
        step: 1,
    };
    let unused =
        Along { input: "going unused for", unit: Unit::Milliseconds, at: age_ms, least: 0, most: u64::MAX, step: 1 };
    let of_uses = coming.flips(|uses| goes(uses, age_ms));
    of_uses.into_iter().chain(unused.flips(|age_ms| goes(uses, age_ms)))
}

/// What dropping a table gains against what time to rebuild costs.
fn weight(table: &TempTableFacts, age_ms: u64) -> f64 {
    table.bytes.get() as f64 * age_ms as f64 / table.rebuild_ms.unwrap_or(UNKNOWN_REBUILD_MS).max(1) as f64
}

fn explain(
    policy: &ResolvedPolicy,
    table: &TempTableFacts,
    age_ms: u64,
    limit_ms: u64,
    verdict: Verdict,
    dropped_now: bool,
) -> Decision<bool> {
    let trace = Trace::new(
        "cleanup",
        "dropped when nothing needs it and it is old, the pipeline has ended or there are too many; the largest size * age / rebuild time \
         first, in batches",
        Unit::None,
    )
    .input("size", table.bytes, Unit::Bytes, "")
    .input("time since last use", age_ms, Unit::Milliseconds, "")
    .input("limit", limit_ms, Unit::Milliseconds, policy.origin("temp_tables.max_table_age_hours"))
    .input("later stages that read it", table.remaining_uses, Unit::Uses, "pipeline")
    .input("queries reading it now", table.readers, Unit::Uses, "")
    .input("making it again", table.rebuild_ms, Unit::Milliseconds, "measured")
    .unbounded(verdict.goes())
    .note(verdict.sentence());
    let trace = if verdict.goes() && !dropped_now {
        trace.note("not in this batch: temp_tables.cleanup_batch_size are dropped at a time")
    } else {
        trace
    };
    trace.decide(dropped_now, Grade::A)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::units::Bytes;
    use alloc::string::ToString as _;
    use alloc::vec;
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000;

    fn table(name: &str, gib: u64, hours: u64) -> TempTableFacts {
        TempTableFacts {
            name: name.to_string(),
            bytes: Bytes::gib(gib),
            last_access_ms: 1_000 * HOUR - hours * HOUR,
            rebuild_ms: Some(60_000),
            ..TempTableFacts::default()
        }
    }

    fn input(tables: Vec<TempTableFacts>) -> PlanCleanupInput {
        PlanCleanupInput { now_ms: 1_000 * HOUR, pipeline_ended: false, tables }
    }

    fn policy() -> ResolvedPolicy {
        let mut policy = ResolvedPolicy::default();
        policy.temp_tables.max_table_age_hours = 12.0;
        policy
    }

    #[test]
    fn only_what_is_old_and_unused_goes() {
        let mut used = table("used", 9, 99);
        used.remaining_uses = 1;
        let mut read = table("read", 9, 99);
        read.readers = 1;
        let answer = plan_cleanup(&policy(), &input(vec![used, read, table("young", 9, 12), table("old", 1, 13)]));
        assert_eq!(answer.drop, ["old"]);
        let told: Vec<_> = answer.decisions.iter().map(|it| it.decision.trace.render("")).collect();
        assert_eq!(told.len(), 4);
        let of = |name: &str| {
            let at = answer.decisions.iter().position(|it| it.table == name).unwrap();
            told[at].as_str()
        };
        assert!(of("used").contains("it would be true with stages to come and readers of 0 or less"), "{}", of("used"));
        assert!(of("young").contains("it would be true with going unused for 12 h 0 min or more"), "{}", of("young"));
        assert!(of("old").contains("it would be false with stages to come and readers of 1 or more"), "{}", of("old"));
    }

    /// The Python original dropped tables by creation time while they were in use, and no recent one at the end.
    #[test]
    fn the_end_of_the_pipeline_drops_recent_tables_but_never_one_in_use() {
        let mut used = table("used", 1, 0);
        used.readers = 1;
        let ended = PlanCleanupInput { pipeline_ended: true, ..input(vec![table("recent", 1, 0), used]) };
        assert_eq!(plan_cleanup(&policy(), &ended).drop, ["recent"]);
        let mut keeps = policy();
        keeps.pipeline.auto_cleanup = false;
        assert!(plan_cleanup(&keeps, &ended).drop.is_empty());
    }

    #[test]
    fn large_long_unused_and_cheap_to_make_again_goes_first() {
        let mut dear = table("dear", 10, 20);
        dear.rebuild_ms = Some(6_000_000);
        let answer = plan_cleanup(
            &policy(),
            &input(vec![dear, table("small", 1, 20), table("large", 10, 20), table("older", 10, 40)]),
        );
        assert_eq!(answer.drop, ["older", "large", "small", "dear"]);
        // Views take nothing: the longest unused first.
        let views = vec![table("a", 0, 20), table("b", 0, 30), table("c", 0, 20)];
        assert_eq!(plan_cleanup(&policy(), &input(views)).drop, ["b", "a", "c"]);
    }

    #[test]
    fn too_many_tables_and_batches() {
        let mut few = policy();
        few.temp_tables.max_total_tables = 2;
        few.temp_tables.cleanup_batch_size = 1;
        let tables = vec![table("a", 1, 1), table("b", 2, 1), table("c", 3, 1), table("d", 4, 1)];
        let answer = plan_cleanup(&few, &input(tables.clone()));
        assert_eq!((answer.drop, answer.postponed), (vec!["d".to_string()], 1));
        few.temp_tables.auto_cleanup = false;
        assert!(plan_cleanup(&few, &input(tables)).drop.is_empty());
    }

    proptest! {
        #[test]
        fn a_table_in_use_is_never_dropped(
            facts in prop::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>(), 0..2_u32, 0..2_u32), 0..30),
            now_ms: u64, pipeline_ended: bool, most in 1..10_u32, batch in 1..10_u32,
        ) {
            let mut policy = policy();
            policy.temp_tables.max_total_tables = most;
            policy.temp_tables.cleanup_batch_size = batch;
            let tables: Vec<TempTableFacts> = facts.into_iter().enumerate().map(|(n, (bytes, last_access_ms, rebuild_ms, remaining_uses, readers))| {
                TempTableFacts { name: n.to_string(), bytes: Bytes(bytes), last_access_ms, rebuild_ms, remaining_uses, readers }
            }).collect();
            let answer = plan_cleanup(&policy, &PlanCleanupInput { now_ms, pipeline_ended, tables: tables.clone() });
            prop_assert!(answer.drop.len() <= batch as usize);
            prop_assert_eq!(answer.decisions.len(), tables.len());
            for table in &tables {
                let dropped = answer.drop.contains(&table.name);
                prop_assert!(!(dropped && (table.remaining_uses > 0 || table.readers > 0)));
                let told = answer.decisions.iter().find(|it| it.table == table.name).map(|it| it.decision.value);
                prop_assert_eq!(told, Some(dropped));
            }
        }
    }
}
