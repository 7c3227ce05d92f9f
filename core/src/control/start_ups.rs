//! How long executors take to start.

use alloc::vec::Vec;

/// So many of the latest count.
const LATEST: usize = 8;

/// What took longer than this was no start-up: it waited for room on the cluster.
pub const LONGEST_START_UP_MS: u64 = 120_000;

/// How long the latest executors took from being asked for to registering.
///
/// One alone is quicker than several at a time, on a busy machine many times, and which comes next is not known: the last alone would say now the one,
/// now the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartUps {
    latest_ms: Vec<u64>,
}

impl StartUps {
    /// An executor registered that long after it was asked for.
    pub fn note(&mut self, took_ms: u64) {
        if took_ms <= LONGEST_START_UP_MS {
            self.latest_ms.push(took_ms);
        }
        let excess = self.latest_ms.len().saturating_sub(LATEST);
        self.latest_ms.drain(..excess);
    }

    /// The middle one, the longer of two; nothing before the first.
    #[must_use]
    pub fn usual_ms(&self) -> Option<u64> {
        let mut sorted = self.latest_ms.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_unlike_the_others_does_not_count() {
        let mut start_ups = StartUps::default();
        assert_eq!(start_ups.usual_ms(), None);
        for (took, usual) in [(9, 9), (8, 9), (10, 9), (2, 9), (9, 9), (LONGEST_START_UP_MS + 1, 9)] {
            start_ups.note(took);
            assert_eq!(start_ups.usual_ms(), Some(usual));
        }
        for _ in 0..LATEST {
            start_ups.note(3);
        }
        assert_eq!(start_ups.usual_ms(), Some(3), "what was long ago is forgotten");
    }
}
