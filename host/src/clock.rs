//! The one place where the host reads clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Unix time in milliseconds.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// By how much the local time of this machine is ahead of Unix time, in minutes.
#[must_use]
pub fn utc_offset_minutes() -> i32 {
    jiff::Zoned::now().offset().seconds() / 60
}

/// Processor time that this process has taken, in milliseconds.
#[must_use]
pub fn own_cpu_ms() -> u64 {
    let taken = clock_gettime(ClockId::ProcessCPUTime);
    u64::try_from(taken.tv_sec * 1_000 + taken.tv_nsec / 1_000_000).unwrap_or_default()
}
