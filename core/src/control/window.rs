//! The largest or smallest number of executors within a sliding window, in a bounded list.
//!
//! An entry says that its number was still true at `at_ms`; it counts until the window has passed since then. Entries
//! that a newer one outdoes are dropped at once, and those within one slice of the window are merged to the extreme at
//! the *latest* of their times. So an extreme may be kept a slice too long (1/60 of the window) but is never forgotten
//! too early.

use alloc::vec::Vec;

use super::contract::NeedAt;

/// The most entries of a window.
pub(super) const MOST_ENTRIES: usize = 64;

/// Slices that a window is cut into; the entries still needed touch one more at most.
const SLICES: u64 = 60;

/// Which end of the numbers a window keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    /// The largest.
    Largest,
    /// The smallest.
    Smallest,
}

impl Extreme {
    /// The more extreme of two.
    fn of(self, a: u32, b: u32) -> u32 {
        match self {
            Self::Largest => a.max(b),
            Self::Smallest => a.min(b),
        }
    }
}

/// Puts `value`, true at `now_ms`, into the window `entries` of `window_ms`, and gives the extreme of the whole window.
pub(super) fn remember(entries: &mut Vec<NeedAt>, extreme: Extreme, window_ms: u64, now_ms: u64, value: u32) -> u32 {
    entries.retain_mut(|entry| {
        entry.at_ms = entry.at_ms.min(now_ms);
        now_ms - entry.at_ms < window_ms
    });
    while entries.last().is_some_and(|last| extreme.of(last.executors, value) == value) {
        entries.pop();
    }
    let slice_ms = window_ms.div_ceil(SLICES).max(1);
    match entries.last_mut() {
        Some(last) if last.at_ms / slice_ms == now_ms / slice_ms => {
            // What is merged holds the more extreme number: anything else was dropped above.
            last.at_ms = now_ms;
        }
        _ => entries.push(NeedAt { at_ms: now_ms, executors: value }),
    }
    // Only a memory that this module did not write can be longer.
    if let Some(excess) = entries.len().checked_sub(MOST_ENTRIES).filter(|n| *n > 0) {
        let merged = entries
            .drain(..=excess)
            .reduce(|a, b| NeedAt { at_ms: a.at_ms.max(b.at_ms), executors: extreme.of(a.executors, b.executors) });
        entries.extend(merged);
        entries.rotate_right(1);
    }
    entries.iter().fold(value, |found, entry| extreme.of(found, entry.executors))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use alloc::collections::VecDeque;

    /// Source: KEP-853, story 5: window 600 s, a recommendation a minute.
    #[test]
    fn down_stabilisation_window() {
        let mut entries = Vec::new();
        let mut largest = 0;
        for (minute, need) in (1..).zip([10, 9, 8, 9, 9, 8, 9, 8, 9, 8]) {
            largest = remember(&mut entries, Extreme::Largest, 600_000, minute * 60_000, need);
        }
        assert_eq!(largest, 10);
        // The leading 10 drops out, a 7 comes in.
        assert_eq!(remember(&mut entries, Extreme::Largest, 600_000, 11 * 60_000, 7), 9);
    }

    #[test]
    fn never_forgets_too_early_and_little_too_late() {
        // A simple pseudo-random walk against the exact window.
        const WINDOW: u64 = 300_000;
        let (mut entries, mut exact) = (Vec::new(), VecDeque::new());
        let (mut seed, mut now) = (7_u64, 1_000_000_u64);
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += (seed >> 33) % 3_000;
            let need = ((seed >> 40) % 50) as u32;
            exact.push_back((now, need));
            let found = remember(&mut entries, Extreme::Largest, WINDOW, now, need);
            exact.retain(|(at, _)| now - at < WINDOW + WINDOW / SLICES);
            let within = |window| exact.iter().filter(|(at, _)| now - at < window).map(|(_, need)| *need).max();
            assert!(Some(found) >= within(WINDOW));
            assert!(Some(found) <= within(WINDOW + WINDOW / SLICES));
            assert!(entries.len() <= MOST_ENTRIES);
        }
    }

    #[test]
    fn a_window_of_no_length_holds_only_the_present() {
        let mut entries = Vec::new();
        assert_eq!(remember(&mut entries, Extreme::Largest, 0, 5, 9), 9);
        assert_eq!(remember(&mut entries, Extreme::Largest, 0, 5, 2), 2);
        assert_eq!(remember(&mut entries, Extreme::Smallest, 0, 6, 3), 3);
    }

    #[test]
    fn a_foreign_memory_is_cut_without_losing_the_extreme() {
        let mut entries: Vec<_> =
            (0..1_000).map(|n| NeedAt { at_ms: u64::MAX - (n * 7919) % 1_000, executors: 5_000 - n as u32 }).collect();
        let found = remember(&mut entries, Extreme::Largest, u64::MAX, u64::MAX, 1);
        assert_eq!((found, entries.len() <= MOST_ENTRIES), (5_000, true));
    }
}
