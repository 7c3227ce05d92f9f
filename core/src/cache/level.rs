//! Where a kept result goes: memory where it fits, disk where it does not, never memory alone.

use serde::{Deserialize, Serialize};

use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::Bytes;

/// A Spark storage level that Sparkwright uses. `MEMORY_ONLY` is not among them: what does not fit would be recomputed
/// without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum StorageLevel {
    /// In memory; what is evicted goes to disk.
    #[serde(rename = "MEMORY_AND_DISK")]
    MemoryAndDisk,
    /// On disk only.
    #[serde(rename = "DISK_ONLY")]
    DiskOnly,
}

impl StorageLevel {
    /// Spark's name of the level.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MemoryAndDisk => "MEMORY_AND_DISK",
            Self::DiskOnly => "DISK_ONLY",
        }
    }
}

/// A result larger than this many times the memory for it is not kept, not even on disk.
pub const MOST_TIMES_THE_MEMORY: u64 = 8;

/// Decides where a result of `bytes` is kept when `free` of the storage memory that execution can't take back is free;
/// nothing when it is too large even for disk.
#[must_use]
pub fn storage_level(bytes: Bytes, free: Bytes, total: Bytes, grade: Grade) -> Decision<Option<StorageLevel>> {
    let trace = Trace::new(
        "cache.level",
        "in memory if it fits the storage memory that execution can't take back, else on disk; executors * (heap - 300 MiB) * \
         spark.memory.fraction * spark.memory.storageFraction, less what is cached already",
        Unit::Bytes,
    )
    .input("estimated size", bytes, Unit::Bytes, "plan")
    .input("protected storage memory still free", free, Unit::Bytes, "executors")
    .input("protected storage memory in all", total, Unit::Bytes, "executors");
    if bytes <= free {
        trace.decide(Some(StorageLevel::MemoryAndDisk), grade)
    } else if bytes.get() <= total.get().saturating_mul(MOST_TIMES_THE_MEMORY) {
        trace
            .note("it does not fit the memory that execution can't take back")
            .decide(Some(StorageLevel::DiskOnly), grade)
    } else {
        trace.note("it is more than 8 times the storage memory: not kept at all").decide(None, grade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_then_disk_then_nothing() {
        let level = |bytes, free| storage_level(Bytes::mib(bytes), Bytes::mib(free), Bytes::mib(1000), Grade::C).value;
        assert_eq!(level(100, 100), Some(StorageLevel::MemoryAndDisk));
        assert_eq!(level(101, 100), Some(StorageLevel::DiskOnly));
        assert_eq!(level(8000, 0), Some(StorageLevel::DiskOnly));
        assert_eq!(level(8001, 0), None);
    }
}
