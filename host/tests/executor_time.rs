//! What the time of executors went to, of public logs: the parts add up to it. (`../shared/data` beside the checkout; skipped, and said, where it is absent.)

#![allow(clippy::unwrap_used)]

mod public_logs;

use public_logs::public_logs;
use sparkwright::review;
use sparkwright_replay::executor_time::executor_time;
use sparkwright_replay::trace::{NoTrace, Trace};

#[test]
fn the_parts_of_every_log_add_up_to_the_time_of_its_executors() {
    let paths = public_logs();
    if paths.is_empty() {
        return;
    }
    let mut ran = 0;
    for path in paths {
        let Some(log) = review::read(&path).ok().filter(|log| !log.measured.is_empty()) else { continue };
        let time = executor_time(&log.replayed);
        let held_ms = log.measured.question(&[], None).executor_ms as f64;
        // Where a run without an end ends is another question.
        if time.whole_ms <= 0.0
            || !log.measured.ended()
            || matches!(Trace::of(&log.replayed), Err(NoTrace::Clocks { .. }))
        {
            continue;
        }
        ran += 1;
        let parts = time.work.iter().map(|work| work.executor_ms).sum::<f64>() + time.pinned_ms + time.idle_ms;
        assert!((parts - time.whole_ms).abs() <= time.whole_ms * 1e-6, "{path:?}: {parts} of {}", time.whole_ms);
        assert!(time.pinned_ms >= 0.0 && time.idle_ms >= 0.0, "{path:?}: {time:?}");
        // What the review counts, by other code; it counts none whose registration is not in the log.
        let held_ms = if held_ms > 0.0 { held_ms } else { time.whole_ms };
        assert!((held_ms - time.whole_ms).abs() <= held_ms * 0.01 + 1_000.0, "{path:?}: {held_ms}, {}", time.whole_ms);
    }
    assert!(ran >= 20, "{ran} logs");
}
