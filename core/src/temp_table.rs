//! What kind of temp table a result becomes, in how many files, partitioned how.

use serde::{Deserialize, Serialize};

use crate::cache::level::StorageLevel;
use crate::policy::{PartitionStrategy, ResolvedPolicy};
use crate::trace::{Decision, Grade, Trace, Unit};
use crate::units::{Bytes, saturating_u32};

/// The size of one file of a temp table.
pub const FILE_SIZE: Bytes = Bytes::mib(128);

/// What a result is kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// A name for a plan: nothing is stored.
    View,
    /// A view whose plan is cached.
    CachedView,
    /// Files.
    Table,
}

/// A temp table's kind and layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempTable {
    /// What it is.
    pub kind: TableKind,
    /// Its files; 0 for anything but a table.
    pub files: u32,
    /// How it is partitioned.
    pub partitioning: PartitionStrategy,
}

/// Decides what a result of `bytes` that is used `uses` times becomes, given where the cache rule keeps it.
#[must_use]
pub fn temp_table(
    policy: &ResolvedPolicy,
    bytes: Option<Bytes>,
    uses: u32,
    cached: Option<StorageLevel>,
) -> Decision<TempTable> {
    let tables = &policy.temp_tables;
    let kind = if uses <= 1 || !tables.enable_temp_tables {
        TableKind::View
    } else if cached == Some(StorageLevel::MemoryAndDisk) {
        TableKind::CachedView
    } else {
        TableKind::Table
    };
    let files = match kind {
        TableKind::Table => saturating_u32(bytes.unwrap_or_default().get().div_ceil(FILE_SIZE.get()).max(1)),
        _ => 0,
    };
    // Which key comes next is only known of a declared pipeline; without one, `auto` has nothing to go by.
    let partitioning = match (kind, tables.partition_strategy) {
        (TableKind::Table, PartitionStrategy::Auto) => PartitionStrategy::None,
        (TableKind::Table, chosen) => chosen,
        _ => PartitionStrategy::None,
    };
    let mut trace = Trace::new(
        "temp_table",
        "a view when used once; a cached view when the cache rule keeps it in memory; else a table of files of 128 MiB",
        Unit::None,
    )
    .input("uses", uses, Unit::Uses, "job")
    .input("size", bytes, Unit::Bytes, "job")
    .input("kept at", cached.map(StorageLevel::word), Unit::None, "cache rule")
    .input(
        "partition strategy",
        tables.partition_strategy.word(),
        Unit::None,
        policy.origin("temp_tables.partition_strategy"),
    );
    if !tables.enable_temp_tables {
        trace = trace.note("temp_tables.enable_temp_tables is false: nothing is stored");
    }
    trace.decide(TempTable { kind, files, partitioning }, Grade::C)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_use_and_cache() {
        let policy = ResolvedPolicy::default();
        let of = |bytes, uses, cached| temp_table(&policy, Some(bytes), uses, cached).value;
        assert_eq!(of(Bytes::gib(1), 1, None).kind, TableKind::View);
        assert_eq!(of(Bytes::gib(1), 3, Some(StorageLevel::MemoryAndDisk)).kind, TableKind::CachedView);
        let table = of(Bytes(1025 << 20), 3, None);
        assert_eq!((table.kind, table.files), (TableKind::Table, 9));
    }
}
