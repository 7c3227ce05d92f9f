//! Whether this host ran all the time.

use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::steering::HOST_STALLED_MS;

use super::steered::Steered;

const NAP: Duration = Duration::from_millis(50);

/// Says in the record when this host was stopped or starved, until the application is over: the driver may have no way left to tell it.
///
/// It needs a thread that does nothing else: one that also decides or writes may take long without a stall, and be stopped where it takes
/// no time.
pub(super) fn watch(steered: &Steered) {
    while !steered.driver.has_ended() {
        let began = Instant::now();
        thread::sleep(NAP);
        let lost = began.elapsed().saturating_sub(NAP);
        if lost >= Duration::from_millis(HOST_STALLED_MS) {
            steered.recorder.fault(format!(
                "this host did not run for {:.1} s (stopped, or the machine was overloaded): what was asked meanwhile went unanswered",
                lost.as_secs_f64()
            ));
        }
    }
}
