//! Whether and where the main result of a job or of a declared stage is kept: the cache rule for what is known before anything has run.

use serde::{Deserialize, Serialize};

use super::level::{StorageLevel, storage_level};
use super::transfer;
use super::worth::{self, Worth};
use crate::decision::Value;
use crate::executor::guess::{USUAL_BYTES_PER_CORE_SECOND, processing_of};
use crate::facts::{History, JobFacts, NextUse, ProcessingType, StageType};
use crate::policy::ResolvedPolicy;
use crate::trace::{Along, Decision, Grade, Scalar, Unit};
use crate::units::Bytes;

/// What a table costs besides writing its bytes: a job, the commit of its files and their listing (0.3 to 1 s, seen on Spark 4.3).
pub const TABLE_COST_MS: u64 = 1_000;

/// Whether the main result is kept, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CachePlan {
    /// Whether it is kept.
    pub keep: bool,
    /// Where.
    pub level: Option<StorageLevel>,
}

impl Value for CachePlan {
    fn scalar(&self) -> Scalar {
        self.level.map_or("no", StorageLevel::word).into()
    }
}

/// How often a stage reads its data. Iterating work comes back to it; MLlib's iterative estimators do so 10 to 100 times by default.
const fn usual_reads(stage: Option<StageType>) -> u32 {
    match stage {
        Some(StageType::ModelTraining) => 10,
        Some(StageType::FeatureSelection) => 3,
        _ => 1,
    }
}

/// How often a result is used where nobody says how often: by the stages that are known to read it, else by what kind of stage makes it,
/// else by what the job mostly does.
#[must_use]
pub fn usual_uses(job: &JobFacts, next: &[NextUse]) -> u32 {
    if !next.is_empty() {
        return next.iter().fold(0, |uses, reader| uses.saturating_add(usual_reads(reader.stage)));
    }
    match job.stage {
        Some(StageType::ModelTraining | StageType::FeatureSelection) => usual_reads(job.stage),
        Some(StageType::Preprocessing | StageType::Evaluation) => 2,
        Some(StageType::DataLoading | StageType::Prediction) => 1,
        None if processing_of(job) == ProcessingType::Ml => 3,
        None => 1,
    }
}

/// What computing a result of this size takes: by history, else by the usual rate.
fn recompute_ms(size: Bytes, history: &History) -> u64 {
    history.work_task_ms.unwrap_or_else(|| {
        let ms = u128::from(size.get()) * 1_000 / u128::from(USUAL_BYTES_PER_CORE_SECOND.max(1));
        u64::try_from(ms).unwrap_or(u64::MAX)
    })
}

/// Whether files of the main result pay: `(uses - 1) * recompute - write - uses * read` is more than what a table costs besides.
#[must_use]
pub fn table_pays(job: &JobFacts, uses: u32, history: &History) -> bool {
    let size = job.working_set_bytes.or(job.input_bytes).unwrap_or_default();
    let (uses, disk) = (u64::from(uses), Some(StorageLevel::DiskOnly));
    let once = u64::saturating_mul(uses.saturating_sub(1), recompute_ms(size, history));
    let cost = transfer::write_ms(size, disk).saturating_add(uses.saturating_mul(transfer::read_ms(size, disk)));
    once > cost.saturating_add(TABLE_COST_MS)
}

/// Decides whether the main result is kept when it is used so often and `storage` of the executors' storage memory is for it.
#[must_use]
pub fn keep_result(
    policy: &ResolvedPolicy,
    job: &JobFacts,
    uses: u32,
    history: &History,
    storage: Bytes,
) -> Decision<CachePlan> {
    let target = job.target.unwrap_or(policy.pipeline.optimization_target);
    let size = job.working_set_bytes.or(job.input_bytes).unwrap_or_default();
    let level = storage_level(size, storage, storage, Grade::C);
    let recompute_ms = recompute_ms(size, history);
    let uses = u64::from(uses);
    let worth = Worth {
        uses,
        uses_grade: if job.uses.is_some() { Grade::A } else { Grade::C },
        recompute_ms,
        recompute_grade: if history.work_task_ms.is_some() { Grade::B } else { Grade::C },
        write_ms: transfer::write_ms(size, level.value),
        read_ms: transfer::read_ms(size, level.value),
        pinned_ms: 0,
        target,
    };
    let keep = worth::keep(policy, &worth);
    let kept_at = level.value.filter(|_| keep.value && size.get() > 0);
    let along = Along { input: "uses of", unit: Unit::Uses, at: uses, least: 0, most: 1_000_000, step: 1 };
    let flips =
        along.flips(|uses| size.get() > 0 && level.value.is_some() && worth::keeps(policy, &Worth { uses, ..worth }));
    Decision {
        value: CachePlan { keep: kept_at.is_some(), level: kept_at },
        grade: keep.grade.max(level.grade),
        trace: keep
            .trace
            .input("size in memory", size, Unit::Bytes, "job")
            .input("protected storage memory", storage, Unit::Bytes, "executors")
            .note(level.value.map_or("it is too large to keep", StorageLevel::word))
            .flips(flips),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NextUseKind;
    use crate::policy::CacheStrategy;
    use crate::trace::Side;

    fn job(stage: Option<StageType>, gib: u64) -> JobFacts {
        JobFacts { input_bytes: Some(Bytes::gib(gib)), stage, ..JobFacts::default() }
    }

    fn keep(job: &JobFacts) -> Decision<CachePlan> {
        let uses = job.uses.unwrap_or_else(|| usual_uses(job, &[]));
        keep_result(&ResolvedPolicy::default(), job, uses, &History::default(), Bytes::gib(10))
    }

    #[test]
    fn kinds_of_stages_use_their_results_differently() {
        assert!(keep(&job(Some(StageType::ModelTraining), 1)).value.keep);
        assert!(!keep(&job(Some(StageType::Prediction), 1)).value.keep);
        assert_eq!(keep(&job(Some(StageType::ModelTraining), 9)).value.level, Some(StorageLevel::MemoryAndDisk));
        assert_eq!(keep(&job(Some(StageType::ModelTraining), 11)).value.level, Some(StorageLevel::DiskOnly));
        assert_eq!(keep(&job(Some(StageType::ModelTraining), 81)).value.level, None);
    }

    /// Seen on Spark: a table of 17 KB costs more than computing it five times.
    #[test]
    fn a_table_pays_for_what_takes_long_to_compute() {
        let pays = |job: &JobFacts, uses, history: &History| table_pays(job, uses, history);
        let sized = |bytes| JobFacts { input_bytes: Some(Bytes(bytes)), ..JobFacts::default() };
        let none = History::default();
        assert!(!pays(&sized(17_000), 5, &none));
        assert!(!pays(&JobFacts::default(), 5, &none), "of what nobody knows the size, nobody knows that it pays");
        assert!(pays(&sized(1 << 30), 2, &none) && !pays(&sized(1 << 30), 1, &none));
        let slow = History { work_task_ms: Some(10_000), ..History::default() };
        assert!(pays(&sized(17_000), 2, &slow));
    }

    #[test]
    fn stages_that_are_known_to_read_it_say_how_often_it_is_used() {
        let reader = |stage| NextUse { kind: NextUseKind::Scan, stage, columns: alloc::vec![], key_skew: None };
        let training = job(Some(StageType::ModelTraining), 1);
        for (next, uses) in [
            (alloc::vec![], 10),
            (alloc::vec![reader(Some(StageType::Evaluation))], 1),
            (alloc::vec![reader(None), reader(None)], 2),
            (alloc::vec![reader(Some(StageType::ModelTraining)), reader(Some(StageType::FeatureSelection))], 13),
        ] {
            assert_eq!(usual_uses(&training, &next), uses, "{next:?}");
        }
    }

    #[test]
    fn it_says_from_how_many_uses_on_it_would_be_kept() {
        let once = keep(&JobFacts { uses: Some(1), ..job(None, 1) });
        assert!(!once.value.keep);
        let flips: alloc::vec::Vec<_> = once.trace.flips.iter().map(|flip| (flip.side, flip.at.clone())).collect();
        assert_eq!(flips, [(Side::UpTo, Scalar::Whole(2))]);
        let mut never = ResolvedPolicy::default();
        never.temp_tables.cache_strategy = CacheStrategy::Never;
        let off = keep_result(&never, &job(None, 1), 1, &History::default(), Bytes::gib(10));
        assert_eq!(off.trace.flips, [], "no number of uses changes it");
    }
}
