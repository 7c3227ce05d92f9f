//! A run with other numbers of executors at the start, under whoever moves them.

use alloc::vec::Vec;

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

#[cfg(test)]
mod tests {
    use super::*;

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
