//! Locks of what the threads of a host share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock. A poisoned one means that a thread of ours panicked; what it guards is facts, and the newest ones are still the best.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
