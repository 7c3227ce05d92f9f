//! What kind of temp table a result becomes, in how many files, partitioned how.
//!
//! A view when it is used once, or when nothing that stores it pays; a cached view when the cache rule keeps it in memory; else a table of
//! files. Where the policy rules out caching, a table stands in for it, whatever it costs. `auto` partitions by what reads
//! the table next: by hash for a join or a grouping, so that it needs no shuffle of this side, by range for a sort or a range filter,
//! so that files are skipped.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::cache::level::StorageLevel;
use crate::decision::Value;
use crate::facts::{NextUse, NextUseKind};
use crate::policy::{CacheStrategy, Compression, PartitionStrategy, ResolvedPolicy};
use crate::shuffle::skew;
use crate::trace::{Along, Decision, Grade, Scalar, Trace, Unit};
use crate::units::{Bytes, MIB, saturating_u32};
use crate::words::words;

/// The size of one file of a temp table.
pub const FILE_SIZE: Bytes = Bytes::mib(128);

words! {
    /// What a result is kept as.
    TableKind {
        /// A name for a plan: nothing is stored.
        View = "view",
        /// A view whose plan is cached.
        CachedView = "cached_view",
        /// Files.
        Table = "table",
    }
}

words! {
    /// How the rows of a table that nothing partitions get into its files, by the name of Spark's own operator.
    FilesBy {
        /// A shuffle, before which every slot computes the data.
        Repartition = "repartition",
        /// Partitions are merged, without a shuffle: as many tasks as files compute the data.
        Coalesce = "coalesce",
    }
}

impl FilesBy {
    /// Merging costs nothing where it leaves a task for each slot. Fewer files are made by a shuffle, which is small where files are few.
    const fn of(files: u32, slots: u32) -> Self {
        if files < slots { Self::Repartition } else { Self::Coalesce }
    }
}

/// A temp table's kind and layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TempTable {
    /// What it is.
    pub kind: TableKind,
    /// Its files; 0 for anything but a table, and for one whose files stay as they come.
    pub files: u32,
    /// How rows get into the files where nothing partitions them; absent where there are none to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_by: Option<FilesBy>,
    /// How it is partitioned.
    pub partitioning: PartitionStrategy,
    /// By which columns; none where it is not partitioned, or where nobody names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// How its files are compressed; absent for anything but a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
}

impl Value for TempTable {
    fn scalar(&self) -> Scalar {
        self.kind.word().into()
    }

    fn text(&self, _: Unit) -> String {
        let kind = match self.kind {
            TableKind::View => "view",
            TableKind::CachedView => "cached view",
            TableKind::Table => "table",
        };
        let files = match self.files {
            0 => String::new(),
            1 => ", 1 file".into(),
            files => alloc::format!(", {files} files"),
        };
        let partitioned = match self.partitioning {
            PartitionStrategy::Hash | PartitionStrategy::Range => {
                [", partitioned by ", self.partitioning.word()].concat()
            }
            PartitionStrategy::Auto | PartitionStrategy::None => String::new(),
        };
        [kind, &files, &partitioned].concat()
    }
}

/// What a temp table is decided from besides the policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResultFacts<'a> {
    /// Its size; unknown when absent.
    pub bytes: Option<Bytes>,
    /// How often it is used.
    pub uses: u32,
    /// Where the cache rule keeps it.
    pub cached: Option<StorageLevel>,
    /// Whether files of it pay.
    pub table_pays: bool,
    /// How stages to come read it, the next one first.
    pub next: &'a [NextUse],
    /// Tasks that run at a time.
    pub slots: u32,
}

fn kind(policy: &ResolvedPolicy, result: &ResultFacts<'_>) -> TableKind {
    if result.uses <= 1 || !policy.temp_tables.enable_temp_tables {
        TableKind::View
    } else if result.cached == Some(StorageLevel::MemoryAndDisk) {
        TableKind::CachedView
    } else if result.table_pays || !allows_caching(policy) {
        TableKind::Table
    } else {
        TableKind::View
    }
}

fn allows_caching(policy: &ResolvedPolicy) -> bool {
    policy.temp_tables.enable_caching && policy.temp_tables.cache_strategy != CacheStrategy::Never
}

fn files(bytes: u64) -> u32 {
    saturating_u32(bytes.div_ceil(FILE_SIZE.get()).max(1))
}

/// How a table is partitioned, with the columns and the reason.
fn partitioning(policy: &ResolvedPolicy, next: &[NextUse]) -> (PartitionStrategy, Vec<String>, Option<&'static str>) {
    let by_key = next.iter().find(|use_| matches!(use_.kind, NextUseKind::EquiJoin | NextUseKind::GroupBy));
    let by_order = next.iter().find(|use_| matches!(use_.kind, NextUseKind::Sort | NextUseKind::RangeFilter));
    let columns = |use_: Option<&NextUse>| use_.map(|use_| use_.columns.clone()).unwrap_or_default();
    let even = |use_: &&NextUse| !use_.key_skew.is_some_and(|skew| skew >= skew::DEFAULT_FACTOR);
    let named = |use_: &&NextUse| !use_.columns.is_empty();
    match policy.temp_tables.partition_strategy {
        PartitionStrategy::Auto => match (by_key.filter(named), by_order.filter(named)) {
            (Some(key), _) if even(&key) => {
                (PartitionStrategy::Hash, key.columns.clone(), Some("a stage to come joins or groups by these columns"))
            }
            (_, Some(order)) => (
                PartitionStrategy::Range,
                order.columns.clone(),
                Some("a stage to come sorts by these columns or reads a range of them"),
            ),
            (Some(_), None) => (
                PartitionStrategy::None,
                Vec::new(),
                Some(
                    "the key that a stage to come joins or groups by is too uneven: its largest group is 5 times the median",
                ),
            ),
            (None, None) => (PartitionStrategy::None, Vec::new(), Some("nothing is known of how it is read")),
        },
        PartitionStrategy::Hash => (PartitionStrategy::Hash, columns(by_key.or(next.first())), None),
        PartitionStrategy::Range => (PartitionStrategy::Range, columns(by_order.or(next.first())), None),
        PartitionStrategy::None => (PartitionStrategy::None, Vec::new(), None),
    }
}

/// Decides what a result becomes.
#[must_use]
pub fn temp_table(policy: &ResolvedPolicy, result: &ResultFacts<'_>) -> Decision<TempTable> {
    let tables = &policy.temp_tables;
    let kind = kind(policy, result);
    let bytes = result.bytes.unwrap_or_default();
    let mut trace = Trace::new(
        "temp_table",
        "a view where storing it does not pay, else a cached view or a table; cached when the cache rule keeps it in memory, else files of \
         128 MiB, partitioned by what reads it next",
        Unit::None,
    )
    .input("uses", result.uses, Unit::Uses, "job")
    .input("size", result.bytes, Unit::Bytes, "job")
    .input("kept at", result.cached.map(StorageLevel::word), Unit::None, "cache rule")
    .input("files pay", result.table_pays, Unit::None, "cache rule")
    .input(
        "partition strategy",
        tables.partition_strategy.word(),
        Unit::None,
        policy.origin("temp_tables.partition_strategy"),
    );
    let mut table = TempTable {
        kind,
        files: 0,
        files_by: None,
        partitioning: PartitionStrategy::None,
        columns: Vec::new(),
        compression: None,
    };
    if kind == TableKind::Table {
        table.compression = Some(tables.compression);
        trace =
            trace.input("compression", tables.compression.word(), Unit::None, policy.origin("temp_tables.compression"));
    }
    if kind == TableKind::Table && !tables.optimize_storage {
        trace = trace.note("temp_tables.optimize_storage is false: its files stay as they come");
    } else if kind == TableKind::Table {
        let (partitioning, columns, why) = partitioning(policy, result.next);
        let files_by = FilesBy::of(files(bytes.get()), result.slots);
        trace = trace.input("slots", result.slots, Unit::Slots, "executors");
        if partitioning == PartitionStrategy::None && files_by == FilesBy::Repartition {
            trace = trace.note("fewer files than slots: repartitioned, so that every slot computes the data");
        }
        table = TempTable { files: files(bytes.get()), files_by: Some(files_by), partitioning, columns, ..table };
        if let Some(why) = why {
            trace = trace.note(why);
        }
        let size =
            Along { input: "a size of", unit: Unit::Bytes, at: bytes.get(), least: 0, most: u64::MAX, step: MIB };
        trace = trace.flips(size.flips(files)).note("the numbers above are files");
    }
    let uses = Along {
        input: "uses of",
        unit: Unit::Uses,
        at: u64::from(result.uses),
        least: 1,
        most: u64::from(u32::MAX),
        step: 1,
    };
    if kind != TableKind::Table {
        trace = trace.flips(
            uses.flips(|uses| self::kind(policy, &ResultFacts { uses: saturating_u32(uses), ..*result }).word()),
        );
    }
    if !tables.enable_temp_tables {
        trace = trace.note("temp_tables.enable_temp_tables is false: nothing is stored");
    }
    trace.decide(table, Grade::C)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn facts(bytes: Bytes, uses: u32, cached: Option<StorageLevel>) -> ResultFacts<'static> {
        ResultFacts { bytes: Some(bytes), uses, cached, table_pays: true, next: &[], slots: 8 }
    }

    #[test]
    fn kinds_follow_use_and_cache() {
        let policy = ResolvedPolicy::default();
        let of = |bytes, uses, cached| temp_table(&policy, &facts(bytes, uses, cached)).value;
        assert_eq!(of(Bytes::gib(1), 1, None).kind, TableKind::View);
        assert_eq!(of(Bytes::gib(1), 3, Some(StorageLevel::MemoryAndDisk)).kind, TableKind::CachedView);
        let table = of(Bytes(1025 << 20), 3, None);
        assert_eq!((table.kind, table.files), (TableKind::Table, 9));
        let small = ResultFacts { table_pays: false, ..facts(Bytes(17_000), 5, None) };
        assert_eq!(temp_table(&policy, &small).value.kind, TableKind::View);
        let mut never = ResolvedPolicy::default();
        never.temp_tables.cache_strategy = CacheStrategy::Never;
        assert_eq!(temp_table(&never, &small).value.kind, TableKind::Table, "in place of a cache");
    }

    #[test]
    fn storage_is_left_alone_where_the_policy_says_so() {
        let key = NextUse { kind: NextUseKind::EquiJoin, stage: None, columns: vec!["id".into()], key_skew: None };
        let mut policy = ResolvedPolicy::default();
        policy.temp_tables.optimize_storage = false;
        policy.temp_tables.compression = Compression::Zstd;
        let of = |uses| {
            temp_table(&policy, &ResultFacts { next: core::slice::from_ref(&key), ..facts(Bytes::gib(9), uses, None) })
        };
        let table = of(3);
        assert_eq!((table.value.kind, table.value.files, table.value.files_by), (TableKind::Table, 0, None));
        assert_eq!(
            (table.value.partitioning, table.value.compression),
            (PartitionStrategy::None, Some(Compression::Zstd))
        );
        assert!(table.trace.render("").contains("files stay as they come"), "{}", table.trace.render(""));
        assert_eq!(of(1).value.compression, None, "a view has no files");
    }

    #[test]
    fn files_are_merged_only_where_every_slot_keeps_a_task() {
        let of = |bytes, slots| {
            let table = temp_table(&ResolvedPolicy::default(), &ResultFacts { slots, ..facts(bytes, 3, None) });
            (
                table.value.files,
                table.value.files_by,
                table.trace.render("").contains("fewer files than slots: repartitioned"),
            )
        };
        assert_eq!(of(Bytes::gib(1), 8), (8, Some(FilesBy::Coalesce), false));
        assert_eq!(of(Bytes::gib(1), 9), (8, Some(FilesBy::Repartition), true));
    }

    #[test]
    fn what_reads_it_next_partitions_it() {
        let use_ = |kind, column: &str, key_skew| NextUse { kind, stage: None, columns: vec![column.into()], key_skew };
        let of = |strategy, next: &[NextUse]| {
            let mut policy = ResolvedPolicy::default();
            policy.temp_tables.partition_strategy = strategy;
            let table = temp_table(&policy, &ResultFacts { next, ..facts(Bytes::gib(1), 3, None) }).value;
            (table.partitioning, table.columns.join(","))
        };
        let scan = NextUse { kind: NextUseKind::Scan, stage: None, columns: vec![], key_skew: None };
        let join = use_(NextUseKind::EquiJoin, "id", None);
        let skewed = use_(NextUseKind::GroupBy, "country", Some(5.0));
        let sort = use_(NextUseKind::Sort, "day", None);
        let auto = PartitionStrategy::Auto;
        assert_eq!(of(auto, &[]), (PartitionStrategy::None, String::new()));
        assert_eq!(of(auto, core::slice::from_ref(&scan)), (PartitionStrategy::None, String::new()));
        assert_eq!(of(auto, &[scan, sort.clone(), join.clone()]), (PartitionStrategy::Hash, "id".into()));
        assert_eq!(of(auto, core::slice::from_ref(&skewed)), (PartitionStrategy::None, String::new()));
        assert_eq!(of(auto, &[skewed, sort.clone()]), (PartitionStrategy::Range, "day".into()));
        assert_eq!(of(PartitionStrategy::None, core::slice::from_ref(&join)), (PartitionStrategy::None, String::new()));
        assert_eq!(of(PartitionStrategy::Range, &[join, sort]), (PartitionStrategy::Range, "day".into()));
    }
}
