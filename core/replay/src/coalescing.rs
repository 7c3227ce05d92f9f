//! How adaptive execution coalesces the partitions of a shuffle, as far as the number of cores decides it.
//!
//! Source: `CoalesceShufflePartitions` and `ShufflePartitionsUtil` of Apache Spark 4.3.

use alloc::collections::BTreeMap;
use alloc::string::String;

use crate::settings::size_bytes;

/// Default of `spark.sql.adaptive.advisoryPartitionSizeInBytes`.
const ADVISORY_BYTES: u64 = 64 << 20;
/// Default of `spark.sql.adaptive.coalescePartitions.minPartitionSize`.
const SMALLEST_BYTES: u64 = 1 << 20;
/// Default of `spark.sql.shuffle.partitions`.
pub(crate) const SHUFFLE_PARTITIONS: u64 = 200;
/// Adaptive execution is on by default from this version on.
const ON_SINCE: (u32, u32) = (3, 2);

/// What adaptive execution coalesces by, where it does by the number of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    advisory_bytes: u64,
    smallest_bytes: u64,
    initial_partitions: u64,
}

impl Adaptive {
    /// Of Spark's configuration; nothing where the number of tasks does not follow the cores.
    pub(crate) fn of(conf: &BTreeMap<String, String>, version: (u32, u32)) -> Option<Self> {
        let text = |key: &str| conf.get(key).map(|text| text.trim());
        let flag = |key: &str, default: bool| text(key).map_or(default, |text| text.eq_ignore_ascii_case("true"));
        let size = |key: &str, default: u64| text(key).and_then(size_bytes).unwrap_or(default);
        let follows_cores = flag("spark.sql.adaptive.enabled", version >= ON_SINCE)
            && flag("spark.sql.adaptive.coalescePartitions.enabled", true)
            && flag("spark.sql.adaptive.coalescePartitions.parallelismFirst", true)
            && text("spark.default.parallelism").is_none()
            && text("spark.sql.adaptive.coalescePartitions.minPartitionNum").is_none();
        let initial = ["spark.sql.adaptive.coalescePartitions.initialPartitionNum", "spark.sql.shuffle.partitions"];
        let initial = initial.into_iter().find_map(|key| text(key)?.parse().ok());
        follows_cores.then(|| Self {
            advisory_bytes: size("spark.sql.adaptive.advisoryPartitionSizeInBytes", ADVISORY_BYTES),
            smallest_bytes: size("spark.sql.adaptive.coalescePartitions.minPartitionSize", SMALLEST_BYTES),
            initial_partitions: initial.unwrap_or(SHUFFLE_PARTITIONS),
        })
    }

    /// The tasks that read so many bytes of a shuffle on so many cores.
    pub(crate) fn tasks(&self, bytes: u64, cores: u64) -> u64 {
        let even = bytes.div_ceil(cores.max(1));
        let target = even.min(self.advisory_bytes).max(self.smallest_bytes).max(1);
        bytes.div_ceil(target).clamp(1, self.initial_partitions.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    fn conf(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn tasks_follow_the_cores_until_the_advisory_or_the_smallest_size() {
        let adaptive = Adaptive::of(&conf(&[]), (4, 3)).unwrap_or_else(|| unreachable!("it is on by default"));
        let mib = |n: u64| n << 20;
        for (bytes, cores, tasks) in [
            (mib(16), 8, 8),
            (mib(16), 16, 16),
            (mib(16), 64, 16),
            (mib(6_400), 8, 100),
            (mib(6_400), 200, 200),
            (10, 8, 1),
        ] {
            assert_eq!(adaptive.tasks(bytes, cores), tasks, "{bytes} {cores}");
        }
        for off in ["spark.sql.adaptive.enabled", "spark.sql.adaptive.coalescePartitions.parallelismFirst"] {
            assert_eq!(Adaptive::of(&conf(&[(off, "false")]), (4, 3)), None, "{off}");
        }
        assert_eq!(Adaptive::of(&conf(&[]), (3, 1)), None);
        assert_eq!(Adaptive::of(&conf(&[("spark.default.parallelism", "8")]), (4, 3)), None);
    }
}
