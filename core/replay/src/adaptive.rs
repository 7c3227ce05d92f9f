//! How many tasks adaptive execution makes of a shuffle at another number of cores.
//!
//! With `parallelismFirst` Spark coalesces to a size that gives every core a partition, so that a stage has other tasks on other cores. The work
//! stays what it was, cut in other places. Source: `CoalesceShufflePartitions` and `ShufflePartitionsUtil` of Apache Spark 4.3.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::settings::size_bytes;
use crate::trace::{Near, Stage, Task, Trace, Turn};

/// Default of `spark.sql.adaptive.advisoryPartitionSizeInBytes`.
const ADVISORY_BYTES: u64 = 64 << 20;
/// Default of `spark.sql.adaptive.coalescePartitions.minPartitionSize`.
const SMALLEST_BYTES: u64 = 1 << 20;
/// Default of `spark.sql.shuffle.partitions`.
const SHUFFLE_PARTITIONS: u64 = 200;
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
    fn tasks(&self, bytes: u64, cores: u64) -> u64 {
        let even = bytes.div_ceil(cores.max(1));
        let target = even.min(self.advisory_bytes).max(self.smallest_bytes).max(1);
        bytes.div_ceil(target).clamp(1, self.initial_partitions.max(1))
    }

    /// The tasks of a stage on `cores` instead of `recorded_cores`; nothing where they stay as they are, or where their number does not come from
    /// this rule.
    fn tasks_of(&self, stage: &Stage, recorded_cores: u64, cores: u64) -> Option<Vec<Task>> {
        let bytes: u64 = stage.tasks.iter().map(|task| task.shuffle_read_bytes).sum();
        let plain =
            stage.tasks.iter().all(|task| task.turn == Turn::First(None)) && !matches!(stage.near, Near::Cached(_));
        if bytes == 0 || !plain || !stage.cached.is_empty() {
            return None;
        }
        let (known, now) = (self.tasks(bytes, recorded_cores), self.tasks(bytes, cores));
        // Pieces are cut between partitions, so that there may be one more.
        if (stage.tasks.len() as u64).abs_diff(known) > 1 || known == now {
            return None;
        }
        Some(cut(stage, now))
    }
}

/// A trace as its tasks would have been on another number of cores.
#[must_use]
pub fn on_cores(trace: &Trace, recorded_cores: u64, cores: u64) -> Trace {
    let mut other = trace.clone();
    let Some(adaptive) = &trace.adaptive else { return other };
    for (stage, recorded) in other.stages.iter_mut().zip(&trace.stages) {
        if let Some(tasks) = adaptive.tasks_of(recorded, recorded_cores, cores) {
            stage.partitions = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            stage.stalls.clear();
            stage.tasks = tasks;
        }
    }
    other
}

/// The work of a stage in other pieces: its tasks laid end to end in the order of their partitions, and cut where even shares of the bytes end.
fn cut(stage: &Stage, pieces: u64) -> Vec<Task> {
    let mut parts: Vec<&Task> = stage.tasks.iter().collect();
    parts.sort_by_key(|task| task.index);
    let all: f64 = parts.iter().map(|task| task.shuffle_read_bytes as f64).sum();
    let share = all / pieces as f64;
    let mut cut_tasks: Vec<[f64; 4]> = Vec::new();
    let (mut piece, mut room) = ([0.0; 4], share);
    for task in &parts {
        let of = [task.slot_us, task.run_us, task.fetch_wait_us].map(|us| us as f64);
        let mut left = task.shuffle_read_bytes as f64;
        if left == 0.0 {
            // It read nothing and belongs to whatever is beside it.
            piece = [piece[0] + of[0], piece[1] + of[1], piece[2] + of[2], piece[3]];
            continue;
        }
        let bytes = left;
        while left > 0.0 {
            let taken = left.min(room);
            let part = taken / bytes;
            piece = [piece[0] + of[0] * part, piece[1] + of[1] * part, piece[2] + of[2] * part, piece[3] + taken];
            left -= taken;
            room -= taken;
            if room <= share * 1e-9 && (cut_tasks.len() as u64) + 1 < pieces {
                cut_tasks.push(piece);
                (piece, room) = ([0.0; 4], share);
            }
        }
    }
    cut_tasks.push(piece);
    let model = parts.first().copied().copied();
    (0_i64..)
        .zip(cut_tasks)
        .filter_map(|(index, [slot_us, run_us, fetch_wait_us, bytes])| {
            // Rounded down; they are not negative, and the casts saturate.
            Some(Task {
                index,
                slot_us: slot_us as i64,
                run_us: run_us as i64,
                fetch_wait_us: fetch_wait_us as i64,
                shuffle_read_bytes: bytes as u64,
                ..model?
            })
        })
        .collect()
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
