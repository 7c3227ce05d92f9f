//! What is said of a stage's data before it runs: the class of its size, the memory that it takes, and how complex its rows are.
//!
//! All of it follows from facts that cost no job: the size by files or plan statistics, the rows where something counted them, and the kinds of
//! the columns. The memory is the larger of the size and of `rows * row width`, where a row is as wide as Spark takes it to be without
//! statistics: 8 bytes and the default size of each column's type. Compressed files are smaller than their rows in memory, and so are
//! Spark's own statistics of a computed array, which it counts as one element; so a nested value is taken as 100 numbers (what Spark took
//! up to 2.1) where nobody measured the size. The rules for caching plan with this memory; the class and the complexity are for people.

use super::contract::PlanStageInput;
use super::profile::{ColumnsFacts, DataCategory, DataProfile};
use crate::facts::JobFacts;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::Bytes;

/// What a row takes besides its values. Source: `EstimationUtils.getSizePerRow`, Apache Spark.
const ROW_BYTES: u64 = 8;
/// A value of fixed width. Source: `LongType.defaultSize`, Apache Spark.
const PLAIN_BYTES: u64 = 8;
/// A text. Source: `StringType.defaultSize`, Apache Spark.
const TEXT_BYTES: u64 = 20;
/// A nested value of unknown size: 100 elements of 8 bytes. Source: `ArrayType.defaultSize` of Apache Spark up to 2.1 (SPARK-18853).
const NESTED_BYTES: u64 = 800;
/// From so many columns on Spark generates no code for whole stages. Source: `spark.sql.codegen.maxFields`.
const MOST_COLUMNS_WITH_CODE: u32 = 100;

/// The stage's job with what its rows say of its size and its memory, and the profile of its data.
pub(super) fn described(input: &PlanStageInput) -> (JobFacts, Decision<DataProfile>) {
    let mut job = input.job.clone();
    let files = job.file_bytes.iter().fold(0, |sum: u64, file| sum.saturating_add(file.get()));
    let size = job.input_bytes.or((!job.file_bytes.is_empty()).then_some(Bytes(files)));
    let grade = if size.is_some() { input.data_grade } else { Grade::C };
    let columns = input.columns;
    let width = row_bytes(columns, grade);
    let in_rows = input.rows.filter(|_| columns.all > 0).map(|rows| Bytes(rows.saturating_mul(width)));
    job.input_bytes = size.or(in_rows);
    // Of two options the larger is the known one.
    job.working_set_bytes = job.working_set_bytes.or(job.input_bytes.max(in_rows));

    let category = job.input_bytes.map_or(DataCategory::Unknown, |bytes| DataCategory::of(bytes.get()));
    let mut trace = Trace::new(
        "data",
        "by size: small up to 10 GB, medium up to 100 GB, large up to 1 TB; memory = the larger of size and rows * row width (8 bytes a \
         row and fixed value, 20 a text, 800 a nested value of unmeasured size: Apache Spark's default sizes); complexity = half the share of \
         columns that are nested (whole) or text (half), and half their number over 100 (spark.sql.codegen.maxFields)",
        Unit::None,
    )
    .input("size", size, Unit::Bytes, "job")
    .input("rows", input.rows, Unit::None, "job")
    .input("row width", width, Unit::Bytes, "columns")
    .input("columns", columns.all, Unit::None, "job")
    .input("text columns", columns.text, Unit::None, "job")
    .input("nested columns", columns.nested, Unit::None, "job")
    .unbounded(category.word());
    if let Some(bytes) = job.input_bytes {
        let size = Along { input: "a size of", unit: Unit::Bytes, at: bytes.get(), least: 0, most: u64::MAX, step: 1 };
        trace = trace.flips(size.flips(|bytes| DataCategory::of(bytes).word()));
    }
    let profile =
        DataProfile { category, estimated_memory_bytes: job.working_set_bytes, complexity_score: complexity(columns) };
    (job, trace.decide(profile, grade))
}

/// The bytes of a row in memory.
fn row_bytes(columns: ColumnsFacts, size: Grade) -> u64 {
    let (text, nested) = (u64::from(columns.text), u64::from(columns.nested));
    let plain = u64::from(columns.all).saturating_sub(text + nested);
    // Where the size was measured, it holds what nested values take.
    let each_nested = if size == Grade::C { NESTED_BYTES } else { 0 };
    ROW_BYTES + plain * PLAIN_BYTES + text * TEXT_BYTES + nested * each_nested
}

/// Half by the kinds of the columns, half by their number; 0 where they are not known.
fn complexity(columns: ColumnsFacts) -> f64 {
    let ColumnsFacts { all, text, nested } = columns;
    let kinds = (f64::from(nested) + f64::from(text) / 2.0) / f64::from(all.max(1));
    let number = f64::from(all) / f64::from(MOST_COLUMNS_WITH_CODE);
    let score = f64::midpoint(kinds.min(1.0), number.min(1.0));
    // Thousandths are enough for people.
    libm::round(score * 1_000.0) / 1_000.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::ResolvedPolicy;
    use crate::stage::plan_stage;
    use crate::stage::profile::GB;
    use crate::trace::{Scalar, Side};
    use alloc::vec;
    use alloc::vec::Vec;

    const NUMBERS: ColumnsFacts = ColumnsFacts { all: 10, text: 0, nested: 0 };

    fn data(bytes: Option<u64>, rows: Option<u64>, columns: ColumnsFacts, data_grade: Grade) -> Decision<DataProfile> {
        let job = JobFacts { input_bytes: bytes.map(Bytes), ..JobFacts::default() };
        described(&PlanStageInput { job, rows, columns, data_grade, ..PlanStageInput::default() }).1
    }

    #[test]
    fn classes_by_size() {
        for (bytes, category) in [
            (None, "unknown"),
            (Some(0), "small"),
            (Some(10 * GB - 1), "small"),
            (Some(10 * GB), "medium"),
            (Some(100 * GB - 1), "medium"),
            (Some(100 * GB), "large"),
            (Some(1_000 * GB - 1), "large"),
            (Some(1_000 * GB), "very_large"),
            (Some(u64::MAX), "very_large"),
        ] {
            let profile = data(bytes, None, ColumnsFacts::default(), Grade::A).value;
            assert_eq!(profile.category.word(), category, "{bytes:?}");
            assert_eq!(profile.estimated_memory_bytes, bytes.map(Bytes));
        }
    }

    #[test]
    fn rows_say_what_files_do_not() {
        let of = |bytes, rows, columns, grade| data(bytes, rows, columns, grade).value.estimated_memory_bytes;
        // 8 bytes a row and 8 a number.
        assert_eq!(of(Some(GB), Some(100_000_000), NUMBERS, Grade::A), Some(Bytes(8_800_000_000)));
        assert_eq!(of(Some(GB), Some(1_000), NUMBERS, Grade::A), Some(Bytes(GB)), "what is measured is no smaller");
        assert_eq!(of(Some(GB), None, NUMBERS, Grade::A), Some(Bytes(GB)));
        let texts = ColumnsFacts { all: 2, text: 2, nested: 0 };
        assert_eq!(of(None, Some(1_000), texts, Grade::C), Some(Bytes(48_000)));
        assert_eq!(of(None, Some(1_000), ColumnsFacts::default(), Grade::C), None, "nothing is known of its rows");
        assert_eq!(of(None, None, NUMBERS, Grade::C), None);
        assert_eq!(of(Some(1), Some(u64::MAX), NUMBERS, Grade::C), Some(Bytes(u64::MAX)));
    }

    /// An array column of 100,000 rows: 4.6 MB by Spark's plan statistics, 80.3 MB cached (seen on Spark 4.3.0).
    #[test]
    fn an_array_is_not_taken_for_one_element() {
        let arrays = ColumnsFacts { all: 1, text: 0, nested: 1 };
        let memory = data(Some(4_600_000), Some(100_000), arrays, Grade::C).value.estimated_memory_bytes.unwrap();
        assert!(memory.get().abs_diff(80_300_000) < 1_000_000, "{memory}");
        // Measured files hold what their arrays take.
        let measured = data(Some(80_000_000), Some(100_000), arrays, Grade::A).value;
        assert_eq!(measured.estimated_memory_bytes, Some(Bytes(80_000_000)));
    }

    #[test]
    fn complexity_is_by_kinds_and_number_of_columns() {
        for (all, text, nested, score) in [
            (0, 0, 0, 0.0),
            (10, 0, 0, 0.05),
            (10, 10, 0, 0.3),
            (10, 0, 10, 0.55),
            (100, 0, 0, 0.5),
            (100, 0, 100, 1.0),
            (900, 900, 0, 0.75),
            // Contradictions stay within the scale.
            (1, 7, 7, 0.505),
            (u32::MAX, u32::MAX, u32::MAX, 1.0),
        ] {
            let columns = ColumnsFacts { all, text, nested };
            assert_eq!(data(None, None, columns, Grade::C).value.complexity_score, score, "{columns:?}");
        }
    }

    #[test]
    fn the_trace_says_from_what_and_what_would_change_it() {
        let decision = data(Some(50 * GB), Some(7), NUMBERS, Grade::B);
        assert_eq!((decision.grade, decision.trace.rule.as_ref()), (Grade::B, "data"));
        let told: Vec<_> =
            decision.trace.inputs.iter().map(|input| (input.name.as_ref(), input.value.clone())).collect();
        assert_eq!(
            told,
            [
                ("size", Scalar::Whole(50 * GB)),
                ("rows", Scalar::Whole(7)),
                ("row width", Scalar::Whole(88)),
                ("columns", Scalar::Whole(10)),
                ("text columns", Scalar::Whole(0)),
                ("nested columns", Scalar::Whole(0)),
            ]
        );
        let flips: Vec<_> =
            decision.trace.flips.iter().map(|flip| (flip.side, flip.at.clone(), flip.becomes.clone())).collect();
        assert_eq!(
            flips,
            [
                (Side::DownTo, Scalar::Whole(10 * GB - 1), Scalar::from("small")),
                (Side::UpTo, Scalar::Whole(100 * GB), Scalar::from("large")),
            ]
        );
        let unknown = data(None, None, NUMBERS, Grade::A);
        assert_eq!((unknown.grade, unknown.trace.flips), (Grade::C, vec![]), "nothing was measured");
    }

    /// What it takes in memory is what the cache rule and the executors plan with.
    #[test]
    fn the_plan_makes_room_for_it() {
        let policy = ResolvedPolicy::default();
        let plan = |rows, columns| {
            let job = JobFacts { input_bytes: Some(Bytes::gib(1)), uses: Some(5), ..JobFacts::default() };
            plan_stage(&policy, &PlanStageInput { job, rows, columns, ..PlanStageInput::default() }).unwrap()
        };
        let (plain, wide) = (plan(None, NUMBERS), plan(Some(250_000_000), NUMBERS));
        assert_eq!(wide.data.value.estimated_memory_bytes, Some(Bytes(22_000_000_000)));
        assert!(wide.executors.value > plain.executors.value, "{}", wide.executors.trace.render(""));
        // Without a size the rows give one.
        let job = JobFacts { uses: Some(5), ..JobFacts::default() };
        let rows = PlanStageInput { job, rows: Some(250_000_000), columns: NUMBERS, ..PlanStageInput::default() };
        let plan = plan_stage(&policy, &rows).unwrap();
        assert_eq!(plan.data.value.category, DataCategory::Medium);
        assert!(!plan.confs.is_empty());
    }
}
