//! How many tasks adaptive execution makes of a shuffle at another number of cores.
//!
//! With `parallelismFirst` Spark coalesces to a size that gives every core a partition, so that a stage has other tasks on other cores. The work
//! stays what it was, cut in other places.

use alloc::vec::Vec;

use crate::coalescing::Adaptive;
use crate::trace::{Near, Stage, Task, Trace, Turn};

/// A trace as its tasks would have been on another number of cores.
#[must_use]
pub fn on_cores(trace: &Trace, recorded_cores: u64, cores: u64) -> Trace {
    let mut other = trace.clone();
    let Some(adaptive) = &trace.adaptive else { return other };
    for (stage, recorded) in other.stages.iter_mut().zip(&trace.stages) {
        if let Some(tasks) = tasks_of(adaptive, recorded, recorded_cores, cores) {
            has_other_tasks(stage, tasks);
        }
    }
    other
}

/// Gives a stage other tasks. Of them none is known to have been a first one on its slot: each is cut of first and later ones.
pub(crate) fn has_other_tasks(stage: &mut Stage, tasks: Vec<Task>) {
    stage.partitions = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    stage.stalls.clear();
    stage.first_task_factor = None;
    stage.tasks = tasks;
}

/// The work of a stage in so many even pieces of its time.
pub(crate) fn cut_evenly(stage: &Stage, pieces: u64) -> Vec<Task> {
    let sum = |of: fn(&Task) -> i64| stage.tasks.iter().map(of).fold(0, i64::saturating_add);
    let even = |all: i64| all / i64::try_from(pieces.max(1)).unwrap_or(i64::MAX);
    let bytes = stage.tasks.iter().map(|task| task.shuffle_read_bytes).fold(0, u64::saturating_add);
    let Some(model) = stage.tasks.first() else { return Vec::new() };
    let piece = Task {
        slot_us: even(sum(|task| task.slot_us)),
        run_us: even(sum(|task| task.run_us)),
        fetch_wait_us: even(sum(|task| task.fetch_wait_us)),
        shuffle_read_bytes: bytes / pieces.max(1),
        ..*model
    };
    (0..i64::try_from(pieces).unwrap_or(i64::MAX)).map(|index| Task { index, ..piece }).collect()
}

/// The work of a stage in other pieces: its tasks laid end to end in the order of their partitions, and cut where even shares of the bytes end.
fn cut(tasks: &[Task], pieces: u64) -> Vec<Task> {
    let mut parts: Vec<&Task> = tasks.iter().collect();
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
            // What rounding leaves is the last piece's: its room ends a little before the bytes do.
            let is_last = (cut_tasks.len() as u64) + 1 >= pieces;
            let taken = if is_last { left } else { left.min(room) };
            let part = taken / bytes;
            piece = [piece[0] + of[0] * part, piece[1] + of[1] * part, piece[2] + of[2] * part, piece[3] + taken];
            left -= taken;
            room -= taken;
            if room <= share * 1e-9 && !is_last {
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

/// The tasks of a stage on `cores` instead of `recorded_cores`; nothing where they stay as they are, or where their number does not come from
/// this rule.
fn tasks_of(adaptive: &Adaptive, stage: &Stage, recorded_cores: u64, cores: u64) -> Option<Vec<Task>> {
    let bytes: u64 = stage.tasks.iter().map(|task| task.shuffle_read_bytes).sum();
    let plain = stage.tasks.iter().all(|task| task.turn == Turn::First(None)) && !matches!(stage.near, Near::Cached(_));
    if bytes == 0 || !plain || !stage.cached.is_empty() {
        return None;
    }
    let (known, now) = (adaptive.tasks(bytes, recorded_cores), adaptive.tasks(bytes, cores));
    // Pieces are cut between partitions, so that there may be one more.
    if (stage.tasks.len() as u64).abs_diff(known) > 1 || known == now {
        return None;
    }
    Some(cut(&stage.tasks, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of bytes are no whole numbers: what rounding left of the last one was cut for ever.
    #[test]
    fn every_cut_ends_with_as_many_pieces_and_all_of_the_work() {
        let task = |index: i64, bytes: u64| Task {
            index,
            slot_us: 1_000_000 + index,
            run_us: 900_000,
            fetch_wait_us: 1_000,
            shuffle_read_bytes: bytes,
            well: true,
            map: false,
            turn: Turn::First(None),
            first_on_slot: false,
        };
        let mut bytes = 12_345_u64;
        for parts in 1..40_i64 {
            let tasks: Vec<Task> = (0..parts)
                .map(|index| {
                    bytes = bytes.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    task(index, (bytes >> 40) * u64::from(!bytes.is_multiple_of(5)) + 1)
                })
                .collect();
            let all: i64 = tasks.iter().map(|task| task.slot_us).sum();
            for pieces in 1..50_u64 {
                let cut = cut(&tasks, pieces);
                assert_eq!(cut.len() as u64, pieces, "{parts} parts in {pieces}");
                let kept: i64 = cut.iter().map(|task| task.slot_us).sum();
                assert!((all - kept).unsigned_abs() <= pieces, "{parts} parts in {pieces}: {kept} of {all}");
            }
        }
    }
}
