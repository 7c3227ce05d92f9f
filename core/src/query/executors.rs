//! Storage memory of the executors of a query.

use super::contract::PlanQueryInput;
use crate::units::Bytes;

/// Storage memory that execution can't take back, over all executors: in all, and what is free of it.
pub(super) fn protected_storage(input: &PlanQueryInput) -> (Bytes, Bytes) {
    let share = input.heap().storage_fraction;
    input.executors.iter().fold((Bytes(0), Bytes(0)), |(total, free), executor| {
        let used = executor.max_storage_bytes.get().saturating_sub(executor.free_storage_bytes.get());
        let protected = executor.max_storage_bytes.share(share).get();
        (Bytes(total.get().saturating_add(protected)), Bytes(free.get().saturating_add(protected.saturating_sub(used))))
    })
}
