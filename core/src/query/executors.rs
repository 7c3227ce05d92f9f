//! What the executors of a query have: storage memory and slots.

use super::contract::PlanQueryInput;
use crate::units::{Bytes, saturating_u32};

/// Storage memory that execution can't take back, over all executors: in all, and what is free of it.
pub(super) fn protected_storage(input: &PlanQueryInput) -> (Bytes, Bytes) {
    let share = if input.storage_fraction.is_finite() { input.storage_fraction } else { 0.0 };
    input.executors.iter().fold((Bytes(0), Bytes(0)), |(total, free), executor| {
        let used = executor.max_storage_bytes.get().saturating_sub(executor.free_storage_bytes.get());
        let protected = executor.max_storage_bytes.share(share).get();
        (Bytes(total.get().saturating_add(protected)), Bytes(free.get().saturating_add(protected.saturating_sub(used))))
    })
}

/// Slots of one executor, at least one.
pub(super) fn slots_of_executor(input: &PlanQueryInput) -> u64 {
    u64::from(saturating_u32(u64::from(input.executor_cores)).max(1))
}
