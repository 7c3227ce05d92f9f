//! Which executors may go, and in what order.

use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use super::contract::{ExecutorFacts, ExecutorState};

/// The executors that may go now, in the order in which they should: without cached data first, then the longest idle,
/// then the least cached data, then by name. Every first part of the list may go together.
///
/// Never one that runs tasks, is leaving already, has no name, holds shuffle output of a running job, or of which
/// nobody knows what it does. One with cached blocks only where they move on (`block_migration`) and the executors that
/// stay have the room.
pub(super) fn removable(executors: &[ExecutorFacts], block_migration: bool) -> Vec<&ExecutorFacts> {
    let mut free: u128 = 0;
    // Blocks that look for a new place: first those of executors that leave already.
    let mut moving: u128 = 0;
    let mut candidates = Vec::new();
    for executor in executors {
        match executor.state {
            ExecutorState::Active => free = free.saturating_add(free_storage(executor)),
            ExecutorState::Leaving => {
                moving = moving.saturating_add(u128::from(executor.cached_bytes.get()));
            }
            ExecutorState::Unknown => {}
        }
        if may_go(executor) {
            candidates.push(executor);
        }
    }
    candidates.sort_by(|a, b| {
        let key = |e: &ExecutorFacts| (e.cached_bytes.get() > 0, Reverse(e.idle_ms), e.cached_bytes);
        key(a).cmp(&key(b)).then_with(|| by_name(&a.id, &b.id))
    });
    candidates.retain(|executor| {
        let free_without = free.saturating_sub(free_storage(executor));
        let cached = u128::from(executor.cached_bytes.get());
        let moving_with = moving.saturating_add(cached);
        let goes = cached == 0 || (block_migration && moving_with <= free_without);
        if goes {
            free = free_without;
            moving = moving_with;
        }
        goes
    });
    candidates
}

/// Whether nothing but cached blocks could keep this executor.
fn may_go(executor: &ExecutorFacts) -> bool {
    executor.state == ExecutorState::Active
        && executor.running_tasks == 0
        && executor.active_shuffle_bytes.get() == 0
        && !executor.id.is_empty()
}

/// Storage memory that holds no cached block.
fn free_storage(executor: &ExecutorFacts) -> u128 {
    let free = executor.storage_bytes.get().saturating_sub(executor.cached_bytes.get());
    u128::from(free)
}

/// Names in the order of the numbers in them (`2` before `10`, `exec-2` before `exec-10`), then letter by letter.
fn by_name(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !(left.is_empty() && right.is_empty()) {
        let (number_left, after_left) = leading_number(left);
        let (number_right, after_right) = leading_number(right);
        let order = if number_left.is_empty() || number_right.is_empty() {
            let (mut chars_left, mut chars_right) = (left.chars(), right.chars());
            let order = chars_left.next().cmp(&chars_right.next());
            (left, right) = (chars_left.as_str(), chars_right.as_str());
            order
        } else {
            (left, right) = (after_left, after_right);
            let (m, n) = (number_left.trim_start_matches('0'), number_right.trim_start_matches('0'));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // The same, or different in leading zeros alone.
    a.cmp(b)
}

/// The digits that `text` starts with, and the rest.
fn leading_number(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    text.strip_suffix(rest).map_or(("", text), |number| (number, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::units::Bytes;
    use alloc::string::ToString;

    /// An idle executor with 100 bytes of storage memory.
    fn idle(id: &str, idle_ms: u64, cached: u64) -> ExecutorFacts {
        ExecutorFacts {
            id: id.to_string(),
            state: ExecutorState::Active,
            idle_ms,
            cached_bytes: Bytes(cached),
            storage_bytes: Bytes(100),
            ..ExecutorFacts::default()
        }
    }

    fn names(executors: &[ExecutorFacts], block_migration: bool) -> Vec<&str> {
        removable(executors, block_migration).into_iter().map(|executor| executor.id.as_str()).collect()
    }

    #[test]
    fn the_protected_never_go() {
        let executors = [
            ExecutorFacts { running_tasks: 1, ..idle("busy", 0, 0) },
            ExecutorFacts { active_shuffle_bytes: Bytes(1), ..idle("shuffle", 9, 0) },
            ExecutorFacts { state: ExecutorState::Unknown, ..idle("unknown", 9, 0) },
            ExecutorFacts { state: ExecutorState::Leaving, ..idle("leaving", 9, 0) },
            idle("", 9, 0),
            idle("cached", 9, 1),
        ];
        assert!(names(&executors, false).is_empty());
        assert_eq!(names(&executors, true), ["cached"]);
    }

    #[test]
    fn uncached_first_then_longest_idle_then_by_number() {
        let executors = [idle("10", 5, 0), idle("9", 5, 0), idle("3", 5, 10), idle("4", 500, 10), idle("7", 50, 0)];
        assert_eq!(names(&executors, true), ["7", "9", "10", "4", "3"][..4]);
        assert_eq!(names(&executors, false), ["7", "9", "10"]);
    }

    #[test]
    fn cached_blocks_need_room_on_those_that_stay() {
        let full = |id, idle_ms| idle(id, idle_ms, 60);
        // 40 bytes free each: of four, one goes (60 <= 3 * 40); the next would need 120 of 80.
        let four = [full("1", 1), full("2", 2), full("3", 3), full("4", 4)];
        assert_eq!(names(&four, true), ["4"]);
        // One that fits may go although a larger one before it does not.
        let large = ExecutorFacts { storage_bytes: Bytes(200), ..idle("1", 9, 120) };
        assert_eq!(names(&[large, idle("2", 1, 10)], true), ["2"]);
        // Executors without cached data that go take their room with them.
        assert_eq!(names(&[idle("1", 9, 0), idle("2", 1, 60), idle("3", 1, 60)], true), ["1"]);
        // So do blocks of an executor that leaves already.
        let mut leaving = idle("5", 0, 90);
        leaving.state = ExecutorState::Leaving;
        assert!(names(&[full("1", 1), full("2", 2), full("3", 3), leaving], true).is_empty());
    }

    #[test]
    fn names_in_numeric_order() {
        let mut names = ["exec-10", "10", "exec-2", "2", "02", "", "exec-2b", "exec"];
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(names, ["", "02", "2", "10", "exec", "exec-2", "exec-2b", "exec-10"]);
    }

    #[test]
    fn extreme_sizes_do_not_overflow() {
        let huge = |id: &str| ExecutorFacts {
            cached_bytes: Bytes(u64::MAX),
            storage_bytes: Bytes(u64::MAX),
            ..idle(id, u64::MAX, 0)
        };
        assert!(removable(&[huge("1"), huge("2"), huge("3")], true).is_empty());
        assert!(removable(&[], true).is_empty());
    }
}
