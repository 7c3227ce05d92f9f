//! A run with other numbers of executors at the start, under whoever moves them.

use alloc::vec::Vec;

use sparkwright_core::facts::StartTried;

use crate::curve::recorded;
use crate::trace::Trace;

/// The numbers that are tried: one, two, four and so on between the bounds, up to twice as many as the runs `had`; the last one is that or the upper bound.
#[must_use]
pub fn sizes(had: u32, (least, most): (u32, u32)) -> Vec<u32> {
    let last = most.min(had.saturating_mul(2)).max(least).max(1);
    let mut sizes = Vec::new();
    let mut next = least.max(1);
    while next < last {
        sizes.push(next);
        next = next.saturating_mul(2);
    }
    sizes.push(last);
    sizes
}

/// The most executors that one of these runs had at a time.
#[must_use]
pub fn had<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> u32 {
    traces.into_iter().map(|trace| recorded(trace).0).max().unwrap_or(1)
}

/// Whether a run says anything of executors: the driver of a local master is none.
#[must_use]
pub fn tells(trace: &Trace) -> bool {
    trace.executors.iter().any(|executor| executor.id != "driver")
}

/// The geometric means of run times and executor times, in microseconds, with so many executors at the start; nothing of none.
#[must_use]
pub fn mean(executors: u32, runs_us: &[(i64, i64)]) -> Option<StartTried> {
    if runs_us.is_empty() {
        return None;
    }
    let mean = |of: fn(&(i64, i64)) -> i64| {
        let sum: f64 = runs_us.iter().map(|run| libm::log((of(run) as f64 / 1e3).max(1.0))).sum();
        // Rounded; the cast saturates.
        libm::round(libm::exp(sum / runs_us.len() as f64)) as u64
    };
    Some(StartTried { executors, run_ms: mean(|run| run.0), executor_ms: mean(|run| run.1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_geometric() {
        let both = mean(4, &[(1_000_000, 8_000_000), (4_000_000, 2_000_000)]);
        assert_eq!(both, Some(StartTried { executors: 4, run_ms: 2_000, executor_ms: 4_000 }));
        assert_eq!(mean(4, &[]), None);
        assert_eq!(mean(4, &[(0, 0)]), Some(StartTried { executors: 4, run_ms: 1, executor_ms: 1 }));
    }

    #[test]
    fn sizes_double_between_the_bounds() {
        assert_eq!(sizes(1, (1, 8)), [1, 2]);
        assert_eq!(sizes(5, (1, 20)), [1, 2, 4, 8, 10]);
        assert_eq!(sizes(5, (1, 8)), [1, 2, 4, 8]);
        assert_eq!(sizes(1, (3, 8)), [3]);
        assert_eq!(sizes(0, (0, 0)), [1]);
        assert_eq!(sizes(u32::MAX, (1, u32::MAX)).len(), 33);
    }
}
