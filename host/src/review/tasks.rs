//! What is kept of a task that succeeded.

use crate::spark::events::TaskEnd;

/// A task that succeeded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) run_ms: u64,
    pub(super) gc_ms: u64,
    pub(super) spilled_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) shuffle_read_bytes: u64,
    pub(super) shuffle_written_bytes: u64,
    pub(super) result_bytes: u64,
    pub(super) peak_bytes: u64,
}

impl Task {
    pub(super) fn of(end: &TaskEnd) -> Self {
        let metrics = end.metrics.clone().unwrap_or_default();
        Self {
            from_ms: end.info.launch_ms,
            to_ms: end.info.finish_ms.max(end.info.launch_ms),
            run_ms: metrics.run_ms,
            gc_ms: metrics.gc_ms,
            spilled_bytes: metrics.spilled_bytes,
            read_bytes: metrics.read_bytes(),
            shuffle_read_bytes: metrics.shuffle_read.bytes(),
            shuffle_written_bytes: metrics.shuffle_write.bytes,
            result_bytes: metrics.result_bytes,
            peak_bytes: metrics.peak_bytes,
        }
    }

    pub(super) const fn wall_ms(&self) -> u64 {
        self.to_ms - self.from_ms
    }
}

/// The value that so many of a hundred do not exceed.
pub(super) fn at_rank(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The 95th percentile of tasks' peak execution memory. Tasks without sorts, joins and aggregates hold nothing, and say nothing of
/// those that do.
pub(super) fn usual_peak_bytes(peaks: impl Iterator<Item = u64>) -> Option<u64> {
    let mut peaks: Vec<u64> = peaks.filter(|peak| *peak > 0).collect();
    peaks.sort_unstable();
    at_rank(&peaks, 95)
}
