//! The clock that stops a module at its deadline.
//!
//! WebAssembly code compares the engine's epoch with its deadline at every loop and call; a thread of the engine's own
//! moves the epoch on. The thread sleeps while nothing runs, so an idle host wakes nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Ticks without a call after which the thread goes to sleep.
const IDLE_TICKS: u32 = 200;

#[derive(Debug, Default)]
struct Shared {
    /// Calls that run now.
    running: AtomicUsize,
    /// Calls that were ever started, so that a tick sees those that came and went between two ticks.
    started: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

/// Moves an engine's epoch on while calls run.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    tick: Duration,
}

/// A call that runs; the clock ticks at least until it is dropped.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Release);
    }
}

impl Ticker {
    /// Starts the clock of `engine`.
    pub(super) fn start(engine: wasmtime::Engine, tick: Duration) -> std::io::Result<Self> {
        let tick = tick.clamp(Duration::from_millis(1), Duration::from_secs(1));
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sparkwright-epoch".to_owned())
            .spawn(move || run(&engine, &theirs, tick))?;
        Ok(Self { shared, thread: Some(thread), tick })
    }

    /// Says that a call begins.
    pub(super) fn enter(&self) -> Running<'_> {
        // INVARIANT: `running` is raised before `asleep` is read here, and `asleep` before `running` is read there (all
        // sequentially consistent), so that either the thread sees the call or the call sees it asleep and wakes it.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        self.shared.started.fetch_add(1, Ordering::Relaxed);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(&self.shared)
    }

    /// How many ticks hold `time`: the tick that is under way doesn't count.
    pub(super) fn ticks(&self, time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        // Half of the range is millions of years, and leaves room for the epoch that it is added to.
        u64::try_from(ticks).unwrap_or(u64::MAX).min(u64::MAX / 2) + 1
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread can't panic; were it to, there would be nothing left to stop.
            let _ = thread.join();
        }
    }
}

fn run(engine: &wasmtime::Engine, shared: &Shared, tick: Duration) {
    let mut seen = 0;
    let mut idle_ticks = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        let started = shared.started.load(Ordering::Relaxed);
        let busy = started != seen || shared.running.load(Ordering::SeqCst) > 0;
        seen = started;
        idle_ticks = if busy { 0 } else { idle_ticks + 1 };
        if idle_ticks < IDLE_TICKS {
            std::thread::sleep(tick);
            engine.increment_epoch();
            continue;
        }
        shared.asleep.store(true, Ordering::SeqCst);
        if shared.running.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
            std::thread::park();
        }
        shared.asleep.store(false, Ordering::SeqCst);
        idle_ticks = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_deadline_is_never_early_by_a_whole_tick() {
        let ticker = Ticker::start(wasmtime::Engine::default(), Duration::from_millis(5)).unwrap();
        assert_eq!(ticker.ticks(Duration::ZERO), 1);
        assert_eq!(ticker.ticks(Duration::from_millis(5)), 2);
        assert_eq!(ticker.ticks(Duration::from_millis(6)), 3);
        assert_eq!(ticker.ticks(Duration::from_millis(100)), 21);
        assert!(ticker.ticks(Duration::MAX) <= u64::MAX / 2 + 1);
    }

    #[test]
    fn the_clock_stops_when_its_engine_goes() {
        let ticker = Ticker::start(wasmtime::Engine::default(), Duration::from_millis(20)).unwrap();
        drop(ticker.enter());
        drop(ticker);
    }
}
