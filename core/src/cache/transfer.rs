//! What writing a result to the cache and reading it back takes: rules of thumb, as the weights of [`crate::query::estimate`] are.

use super::level::StorageLevel;
use crate::units::{Bytes, floor_u64};

/// Nanoseconds to compress and store a byte in the columnar cache.
const WRITE_MEMORY_NS: f64 = 3.0;
/// Nanoseconds to read a byte of the columnar cache.
pub(crate) const READ_MEMORY_NS: f64 = 0.5;
/// Nanoseconds to write a byte of the cache to disk.
const WRITE_DISK_NS: f64 = 8.0;
/// Nanoseconds to read a byte of the cache from disk.
const READ_DISK_NS: f64 = 4.0;

fn ms(ns: f64) -> u64 {
    floor_u64(ns / 1e6)
}

/// Task time of writing `bytes` to the cache.
#[must_use]
pub fn write_ms(bytes: Bytes, level: Option<StorageLevel>) -> u64 {
    let disk = if level == Some(StorageLevel::DiskOnly) { WRITE_DISK_NS } else { 0.0 };
    ms(bytes.get() as f64 * (WRITE_MEMORY_NS + disk))
}

/// Task time of reading `bytes` from the cache once.
#[must_use]
pub fn read_ms(bytes: Bytes, level: Option<StorageLevel>) -> u64 {
    let disk = if level == Some(StorageLevel::DiskOnly) { READ_DISK_NS } else { 0.0 };
    ms(bytes.get() as f64 * (READ_MEMORY_NS + disk))
}
