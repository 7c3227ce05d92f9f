//! The columns of a stage's data and what is said of that data, as data.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::decision::Value;
use crate::trace::{Scalar, Unit};
use crate::units::Bytes;
use crate::words::words;

/// 1 GB, in the unit of the classes.
pub(super) const GB: u64 = 1_000_000_000;

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

words! {
    /// A class of data by its size.
    #[derive(PartialOrd, Ord)]
    DataCategory {
        /// Nobody knows the size.
        Unknown = "unknown",
        /// Less than 10 GB.
        Small = "small",
        /// From 10 GB on.
        Medium = "medium",
        /// From 100 GB on.
        Large = "large",
        /// From 1 TB on.
        VeryLarge = "very_large",
    }
}

impl DataCategory {
    pub(super) const fn of(bytes: u64) -> Self {
        match bytes / GB {
            0..10 => Self::Small,
            10..100 => Self::Medium,
            100..1_000 => Self::Large,
            _ => Self::VeryLarge,
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

impl Value for DataProfile {
    fn scalar(&self) -> Scalar {
        self.category.word().into()
    }

    fn text(&self, _: Unit) -> String {
        let category = match self.category {
            DataCategory::Unknown => "unknown",
            DataCategory::Small => "small",
            DataCategory::Medium => "medium",
            DataCategory::Large => "large",
            DataCategory::VeryLarge => "very large",
        };
        self.estimated_memory_bytes
            .map_or_else(|| category.into(), |bytes| alloc::format!("{category}, {bytes} in memory"))
    }
}
