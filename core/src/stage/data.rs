//! What is said of a stage's data before it runs: the class of its size, the memory that it takes, and how complex its rows are.
//!
//! All of it follows from facts that cost no job: the size by files or plan statistics, the rows where something counted them, and the kinds of
//! the columns. The memory is the larger of the size and of `rows * row width`, where a row is as wide as Spark takes it to be without
//! statistics: 8 bytes and the default size of each column's type. Compressed files are smaller than their rows in memory, and so are
//! Spark's own statistics of a computed array, which it counts as one element; so a nested value is taken as 100 numbers (what Spark took
//! up to 2.1) where nobody measured the size. The rules for caching plan with this memory; the class and the complexity are for people.

use serde::{Deserialize, Serialize};

use super::contract::PlanStageInput;
use crate::facts::JobFacts;
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::Bytes;

/// 1 GB, in the unit of the classes.
const GB: u64 = 1_000_000_000;
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

/// The columns of a stage's data by kind; all 0 when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ColumnsFacts {
    /// How many there are.
    pub all: u32,
    /// Of them, texts and binaries.
    pub text: u32,
    /// Of them, arrays, maps, structs and vectors.
    pub nested: u32,
}

crate::members::read_over_defaults!(ColumnsFacts { all, text, nested });

/// A class of data by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DataCategory {
    /// Nobody knows the size.
    Unknown,
    /// Less than 10 GB.
    Small,
    /// From 10 GB on.
    Medium,
    /// From 100 GB on.
    Large,
    /// From 1 TB on.
    VeryLarge,
}

impl DataCategory {
    const fn of(bytes: u64) -> Self {
        match bytes / GB {
            0..10 => Self::Small,
            10..100 => Self::Medium,
            100..1_000 => Self::Large,
            _ => Self::VeryLarge,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::VeryLarge => "very_large",
        }
    }
}

/// What is known of a stage's data, for people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DataProfile {
    /// The class of its size.
    pub category: DataCategory,
    /// What it takes in memory; unknown when absent.
    pub estimated_memory_bytes: Option<Bytes>,
    /// How much work its rows are, from 0 (a few columns of fixed width) to 1 (nothing but nested columns, 100 or more of them).
    pub complexity_score: f64,
}

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
        "small up to 10 GB, medium up to 100 GB, large up to 1 TB, very large above; memory = the larger of size and rows * row width (8 bytes a \
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
