//! How Spark cuts files into the partitions of a scan.
//!
//! Source: `FilePartition` of Apache Spark 4.3.0: a split has
//! `min(128 MiB, max(4 MiB, sum(file + 4 MiB) / least partitions))`; splits, largest first, fill a partition until the next would not fit.

pub mod partition_size;

use alloc::vec::Vec;

use crate::units::Bytes;

/// What Spark cuts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting {
    /// `spark.sql.files.maxPartitionBytes`.
    pub largest: Bytes,
    /// `spark.sql.files.openCostInBytes`: what opening a file costs, as bytes that could be read meanwhile.
    pub open_cost: Bytes,
    /// `spark.sql.files.minPartitionNum`, else the default parallelism.
    pub least_partitions: u32,
}

impl Cutting {
    /// Spark's defaults with this many slots.
    #[must_use]
    pub const fn with_slots(slots: u32) -> Self {
        Self { largest: Bytes::mib(128), open_cost: Bytes::mib(4), least_partitions: slots }
    }
}

/// Whether Spark can cut a file between tasks, by its name; nothing where the name does not tell.
///
/// Columnar files and Avro are cut at their blocks, whatever compresses those. Text is cut at its lines, unless it is compressed by a codec
/// whose stream can't be entered in the middle. Source: `FileFormat.isSplitable` of Apache Spark 4.3.0, `SplittableCompressionCodec` of Hadoop 3.
#[must_use]
pub fn splittable(name: &str) -> Option<bool> {
    let (stem, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "parquet" | "orc" | "avro" => Some(true),
        "csv" | "tsv" | "json" | "jsonl" | "ndjson" | "txt" => Some(true),
        "gz" | "deflate" | "snappy" | "lz4" | "zst" | "zstd" => Some(false),
        "bz2" => splittable(stem),
        _ => None,
    }
}

/// The size of a split.
#[must_use]
pub fn split_size(files: &[Bytes], by: &Cutting) -> Bytes {
    let open = u128::from(by.open_cost.get());
    let total: u128 = files.iter().map(|file| u128::from(file.get()) + open).sum();
    let even = total / u128::from(by.least_partitions.max(1));
    let even = Bytes(u64::try_from(even).unwrap_or(u64::MAX));
    by.largest.min(by.open_cost.max(even))
}

/// How many partitions, and so tasks, a scan of splittable files has.
#[must_use]
pub fn partitions(files: &[Bytes], by: &Cutting) -> u64 {
    let split = split_size(files, by).get().max(1);
    // All but the last split of a file have the split's size and, with the cost of opening, fill a partition each.
    let whole: u64 = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.get() / split));
    let mut rests: Vec<u64> = files.iter().map(|file| file.get() % split).filter(|rest| *rest > 0).collect();
    rests.sort_unstable_by(|a, b| b.cmp(a));
    let mut packed = 0_u64;
    let mut filled: Option<u64> = None;
    for rest in rests {
        let fits = filled.is_some_and(|filled| filled.saturating_add(rest) <= split);
        if !fits {
            packed += 1;
        }
        let before = if fits { filled.unwrap_or(0) } else { 0 };
        filled = Some(before.saturating_add(rest).saturating_add(by.open_cost.get()));
    }
    whole.saturating_add(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{GIB, MIB};

    fn files(sizes: &[u64]) -> Vec<Bytes> {
        sizes.iter().copied().map(Bytes).collect()
    }

    #[test]
    fn a_split_is_between_the_cost_of_opening_and_the_largest() {
        for (files, slots, expected) in [
            (&[][..], 8, 4 * MIB),
            (&[MIB], 8, 4 * MIB),
            (&[GIB], 4, 128 * MIB),
            (&[GIB], 2, 128 * MIB),
            (&[100 * MIB], 4, 26 * MIB),
            (&[u64::MAX; 3], 0, 128 * MIB),
        ] {
            assert_eq!(
                split_size(&self::files(files), &Cutting::with_slots(slots)),
                Bytes(expected),
                "{files:?} {slots}"
            );
        }
    }

    #[test]
    fn names_tell_what_can_be_cut() {
        for (name, expected) in [
            ("part-0.parquet", Some(true)),
            ("part-0.gz.parquet", Some(true)),
            ("a.csv", Some(true)),
            ("a.CSV.GZ", Some(false)),
            ("a.json.bz2", Some(true)),
            ("a.json.zst", Some(false)),
            ("data.bin", None),
            ("part-00000", None),
            ("bz2", None),
        ] {
            assert_eq!(splittable(name), expected, "{name}");
        }
    }

    #[test]
    fn small_files_share_a_partition() {
        let by = Cutting::with_slots(2);
        assert_eq!(partitions(&[], &by), 0);
        assert_eq!(partitions(&files(&[GIB]), &by), 8);
        // (10 * (1 + 4)) / 2 = 25 MiB a split: five files of 1 + 4 MiB each
        assert_eq!(partitions(&files(&[MIB; 10]), &by), 2);
        assert!(partitions(&files(&[u64::MAX; 3]), &by) > 1 << 38);
    }
}
