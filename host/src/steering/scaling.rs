//! What the controller remembers from tick to tick, and whether it is to look before the next one is due.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use sparkwright_core::control::ControlState;

use super::lock::lock;

/// The memory of one application's controller.
#[derive(Debug, Default)]
pub(super) struct Scaling {
    state: Mutex<ControlState>,
    look_now: AtomicBool,
}

impl Scaling {
    /// What the last answer gave, to be given back with the next question.
    pub(super) fn state(&self) -> ControlState {
        lock(&self.state).clone()
    }

    /// The last target; none before the first decision.
    pub(super) fn target(&self) -> Option<u32> {
        lock(&self.state).target
    }

    /// Keeps what an answer gave.
    pub(super) fn remember(&self, state: ControlState) {
        *lock(&self.state) = state;
    }

    /// Has the controller look at once.
    pub(super) fn look_now(&self) {
        self.look_now.store(true, Ordering::Relaxed);
    }

    /// Whether the controller is to look at once; it is asked once.
    pub(super) fn takes_look_now(&self) -> bool {
        self.look_now.swap(false, Ordering::Relaxed)
    }
}
