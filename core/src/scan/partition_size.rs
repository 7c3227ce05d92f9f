//! How many bytes of files one task reads at most.
//!
//! Spark counts a file as its bytes and 4 MiB for opening it, and cuts and packs up to 128 MiB of that. Of small files a task so reads far
//! less than 128 MiB: of files of 1 MiB 26. Counting the same, a limit of `128 MiB * (bytes + 4 MiB * files) / bytes` gives every task
//! 128 MiB of data.

use alloc::string::ToString as _;

use crate::confs::{MAX_PARTITION_BYTES, Settings};
use crate::facts::{ClusterFacts, JobFacts};
use crate::trace::{Along, Decision, Grade, Trace, Unit};
use crate::units::{Bytes, MIB};

use super::Cutting;

/// Data that one task should read: Spark's own limit for large files (`spark.sql.files.maxPartitionBytes`).
pub const TARGET: Bytes = Bytes::mib(128);
/// However small the files are, a task gets no more of them than this, the cost of opening included.
pub const LARGEST: Bytes = Bytes::gib(1);

/// Decides the limit for files that Spark can cut, of known sizes; nothing for others. `slots` tasks run at a time.
#[must_use]
pub fn partition_size(job: &JobFacts, cluster: &ClusterFacts, slots: u32, grade: Grade) -> Option<Decision<Bytes>> {
    let files = job.file_bytes.len() as u64;
    let listed = job.file_bytes.iter().fold(0_u64, |sum, file| sum.saturating_add(file.get()));
    // With another cost of opening, or another number of partitions at least, the user packs files as he wants.
    let users = ["spark.sql.files.openCostInBytes", "spark.sql.files.minPartitionNum", MAX_PARTITION_BYTES.key];
    let set_by_user = users.iter().any(|key| cluster.user(key).is_some());
    if job.files_splittable != Some(true) || listed == 0 || set_by_user {
        return None;
    }
    let open = Cutting::with_slots(slots).open_cost.get().saturating_mul(files);
    // The files listed may be a sample of those that are read: their mean size is what counts.
    let read = job.input_bytes.map_or(listed, Bytes::get);
    let at = |mean: u64| limit(mean, read, slots);
    let mean = listed / files;
    let with_opening = |bytes: u64| scaled(bytes, listed.saturating_add(open), listed);
    let mut trace = Trace::new(
        "scan.partition_size",
        "a task reads 128 MiB of data; Spark counts 4 MiB for opening each file, so small files need a higher limit: 128 MiB * (bytes + 4 MiB * \
         files) / bytes, at most 1 GiB, and a task for each slot at least",
        Unit::Bytes,
    )
    .input("files", files, Unit::None, "job")
    .input("mean file", Bytes(mean), Unit::Bytes, "job")
    .input("input size", Bytes(read), Unit::Bytes, "job")
    .input("slots", slots, Unit::Slots, "cluster")
    .unbounded(Bytes(with_opening(TARGET.get())));
    let mut value = trace.at_most("largest file partition", LARGEST.get(), with_opening(TARGET.get()));
    value = trace.at_most("a task for each slot", with_opening(read) / u64::from(slots.max(1)), value);
    trace.at_least("Spark's own limit", TARGET.get(), value);
    let files = Along { input: "files of", unit: Unit::Bytes, at: mean, least: 1, most: LARGEST.get(), step: 1 };
    Some(trace.flips(files.flips(at)).decide(Bytes(at(mean)), grade))
}

/// Sets what [`partition_size`] decided, where that is not Spark's own limit.
pub(crate) fn set(decided: Option<&Decision<Bytes>>, to: &mut Settings<'_>) {
    if let Some(decided) = decided.filter(|decided| decided.value != TARGET) {
        to.set(MAX_PARTITION_BYTES, decided.value.get().to_string(), "small files: 128 MiB of data a task");
    }
}

/// The limit for files of this mean size, in whole MiB.
fn limit(mean: u64, read: u64, slots: u32) -> u64 {
    let mean = mean.max(1);
    let with_opening =
        |bytes: u64| scaled(bytes, mean.saturating_add(Cutting::with_slots(slots).open_cost.get()), mean);
    let bytes = with_opening(TARGET.get()).min(LARGEST.get()).min(with_opening(read) / u64::from(slots.max(1)));
    bytes.max(TARGET.get()) / MIB * MIB
}

/// `bytes * times / over`, for `over` above 0.
fn scaled(bytes: u64, times: u64, over: u64) -> u64 {
    let scaled = u128::from(bytes) * u128::from(times) / u128::from(over.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloc::vec;

    use super::super::{Cutting, partitions};
    use super::*;
    use crate::units::GIB;

    fn job(files: usize, each: u64) -> JobFacts {
        JobFacts { file_bytes: vec![Bytes(each); files], files_splittable: Some(true), ..JobFacts::default() }
    }

    fn decided(job: &JobFacts, slots: u32) -> Option<Bytes> {
        let decision = partition_size(job, &ClusterFacts::default(), slots, Grade::C);
        decision.map(|decision| decision.value)
    }

    #[test]
    fn a_task_reads_128_mib_whatever_the_files_are() {
        for (files, each, expected) in [
            // Large files are cut at 128 MiB as they are.
            (4, 10 * GIB, 128 * MIB),
            (1_000, 64 * MIB, 136 * MIB),
            (10_000, 4 * MIB, 256 * MIB),
            (10_000, MIB, 640 * MIB),
            (100_000, MIB / 4, GIB),
        ] {
            assert_eq!(decided(&job(files, each), 4), Some(Bytes(expected)), "{files} of {each}");
        }
    }

    /// By Spark's own packing: 10,000 files of 1 MiB are 385 tasks of 26 MiB by its limit, and 79 of about 128 MiB by this one.
    #[test]
    fn small_files_are_packed_by_spark_so() {
        let job = job(10_000, MIB);
        let by = Cutting::with_slots(4);
        assert_eq!(partitions(&job.file_bytes, &by), 385);
        let largest = decided(&job, 4).unwrap();
        assert_eq!(partitions(&job.file_bytes, &Cutting { largest, ..by }), 79);
    }

    #[test]
    fn every_slot_keeps_a_task() {
        let job = job(1_000, MIB);
        // 5,000 MiB with the cost of opening, over 20 slots.
        assert_eq!(decided(&job, 20), Some(Bytes(250 * MIB)));
        assert_eq!(decided(&job, 1_000), Some(TARGET), "and never less than Spark's own limit");
    }

    #[test]
    fn what_is_not_known_or_set_is_left_alone() {
        let known = job(10, MIB);
        for job in [
            JobFacts { files_splittable: Some(false), ..known.clone() },
            JobFacts { files_splittable: None, ..known.clone() },
            JobFacts { file_bytes: vec![], ..known.clone() },
            JobFacts { file_bytes: vec![Bytes(0)], ..known.clone() },
        ] {
            assert_eq!(decided(&job, 4), None, "{job:?}");
        }
        for key in [MAX_PARTITION_BYTES.key, "spark.sql.files.openCostInBytes"] {
            let mut cluster = ClusterFacts::default();
            cluster.user_confs.insert(key.into(), "1m".into());
            assert_eq!(partition_size(&known, &cluster, 4, Grade::C), None, "{key}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert!(decided(&job(3, u64::MAX), 0).is_some());
        assert!(decided(&job(3, 1), u32::MAX).is_some());
    }

    #[test]
    fn a_sample_of_the_files_stands_for_all() {
        let sample = JobFacts { input_bytes: Some(Bytes(100 * GIB)), ..job(1_000, MIB) };
        assert_eq!(decided(&sample, 20), Some(Bytes(640 * MIB)));
    }
}
