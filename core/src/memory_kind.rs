//! The memories that a run can lack.

use serde::de::DeserializeSeed as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::members::Name;

/// A memory that a run can lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// `spark.executor.memory`.
    ExecutorHeap,
    /// `spark.executor.memoryOverhead`: a container or a machine ended an executor.
    ExecutorOverhead,
    /// That of Python workers: `spark.executor.pyspark.memory` where it is set, else a part of the overhead.
    PythonWorker,
    /// `spark.memory.offHeap.size`.
    OffHeap,
    /// `spark.driver.memory`.
    DriverHeap,
    /// `spark.driver.maxResultSize`.
    Results,
    /// No size would have been enough: a row, an array or a broadcast table over a limit of Spark or of the JVM.
    OverALimit,
    /// One that a later version knows.
    Other,
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        const NAMES: [&str; 7] = [
            "executor_heap",
            "executor_overhead",
            "python_worker",
            "off_heap",
            "driver_heap",
            "results",
            "over_a_limit",
        ];
        Ok(match (Name { names: &NAMES, from: 0 }).deserialize(reader)? {
            0 => Self::ExecutorHeap,
            1 => Self::ExecutorOverhead,
            2 => Self::PythonWorker,
            3 => Self::OffHeap,
            4 => Self::DriverHeap,
            5 => Self::Results,
            6 => Self::OverALimit,
            _ => Self::Other,
        })
    }
}

impl Memory {
    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecutorHeap => "executor memory",
            Self::ExecutorOverhead => "executor memory overhead",
            Self::PythonWorker => "memory of Python workers",
            Self::OffHeap => "off-heap memory",
            Self::DriverHeap => "driver memory",
            Self::Results => "results over spark.driver.maxResultSize",
            Self::OverALimit => "a limit of Spark or the JVM",
            Self::Other => "memory",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_it_in_words_and_a_later_version_may_say_others() {
        let all = [
            Memory::ExecutorHeap,
            Memory::ExecutorOverhead,
            Memory::PythonWorker,
            Memory::OffHeap,
            Memory::DriverHeap,
            Memory::Results,
            Memory::OverALimit,
            Memory::Other,
        ];
        for memory in all {
            let json = serde_json::to_string(&memory).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Memory>(&json).ok(), Some(memory), "{json}");
        }
        assert_eq!(serde_json::from_str::<Memory>("\"gpu\"").ok(), Some(Memory::Other));
        assert!(serde_json::from_str::<Memory>("7").is_err());
    }
}
