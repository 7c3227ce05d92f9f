//! Never worse: a change of a job's sizes that made a run slower than its plan promised and than those before, or fail, is taken back.
//!
//! What a run lacked memory for is not judged here: it has its own cure.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::inputs::Inputs;
use crate::facts::PastRun;
use crate::trace::render_ms;
use crate::units::Bytes;

/// A change that was taken back is not tried again for so many runs.
pub const RUNS_AFTER_A_SETBACK: usize = 10;
/// From so many runs on their slowest tells what is usual; fewer vary by more.
const TELLING_RUNS: usize = 3;
/// A run is slower than the slowest of those before by more than this: of a few of them, and of enough.
const SLOWER: (f64, f64) = (1.25, 1.10);

/// What a run started with. Whatever is absent is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Executors.
    pub executors: Option<u32>,
    /// The heap of each.
    pub heap_bytes: Option<Bytes>,
    /// Cores of each.
    pub cores: Option<u32>,
}

impl Sizes {
    /// Those of a run.
    #[must_use]
    pub const fn of(run: &PastRun) -> Self {
        Self { executors: run.executors_at_start, heap_bytes: run.executor_heap_bytes, cores: run.executor_cores }
    }

    /// Whether anything that is known of both differs.
    fn differs_from(self, other: Self) -> bool {
        fn differs<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.zip(other).is_some_and(|(one, other)| one != other)
        }
        differs(self.executors, other.executors)
            || differs(self.heap_bytes, other.heap_bytes)
            || differs(self.cores, other.cores)
    }
}

impl core::fmt::Display for Sizes {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let parts = [
            self.executors.map(|count| format!("{count} executors")),
            self.cores.map(|cores| format!("{cores} cores")),
            self.heap_bytes.map(|heap| format!("executor memory {heap}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        to.write_str(&parts.join(", "))
    }
}

/// A change of sizes that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// What the runs before it had.
    pub before: Sizes,
    /// What it changed them to.
    pub changed: Sizes,
    /// After the next run so many more go without it.
    pub runs_left: usize,
    /// What was seen, for people.
    pub why: String,
}

impl core::fmt::Display for Setback {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { before, changed, runs_left, why } = self;
        write!(to, "from {before} to {changed} at the start: {why}; taken back for the next run and {runs_left} more")
    }
}

/// The latest change among the last ten runs, the oldest first, that is taken back.
#[must_use]
pub fn setback(runs: &[PastRun], inputs: Inputs) -> Option<Setback> {
    let first = runs.len().saturating_sub(RUNS_AFTER_A_SETBACK).max(1);
    (first..runs.len()).rev().find_map(|at| {
        let (before, run) = (runs.get(..at)?, runs.get(at)?);
        let (was, is) = (Sizes::of(before.last()?), Sizes::of(run));
        if !is.differs_from(was) {
            return None;
        }
        let same = before.iter().rev().take_while(|earlier| !Sizes::of(earlier).differs_from(was));
        let same: Vec<&PastRun> = same.filter(|earlier| !earlier.failed).collect();
        let why = worse(run, &same, inputs)?;
        let runs_left = RUNS_AFTER_A_SETBACK.saturating_sub(runs.len() - at);
        Some(Setback { before: was, changed: is, runs_left, why })
    })
}

/// What is worse about a run than about those before a change; nothing where it is not, where it lacked memory, or where none of them did its work.
#[must_use]
pub fn worse(run: &PastRun, before: &[&PastRun], inputs: Inputs) -> Option<String> {
    if run.lacked.is_some() {
        return None;
    }
    // As each of them would have been on this run's input, where that was larger.
    let slowest = before.iter().map(|earlier| on_as_much(earlier, run, inputs)).max()?;
    let count = before.len();
    if run.failed {
        return Some(format!("the first run after it failed, the {count} before it did not"));
    }
    let margin = if count < TELLING_RUNS { SLOWER.0 } else { SLOWER.1 };
    let slower = run.run_ms as f64 > slowest as f64 * margin;
    if !slower || run.promised_ms.is_some_and(|promised| run.run_ms <= promised) {
        return None;
    }
    let promised =
        run.promised_ms.map_or_else(String::new, |ms| format!(", and its plan promised {} at most", render_ms(ms)));
    let (took, usual) = (render_ms(run.run_ms), render_ms(slowest));
    Some(format!("the first run after it took {took}, none of the {count} before it more than {usual}{promised}"))
}

/// How long an earlier run would have taken on this one's input, at most: in proportion where that was larger.
fn on_as_much(earlier: &PastRun, run: &PastRun, inputs: Inputs) -> u64 {
    let sizes = inputs.of_run(run).zip(inputs.of_run(earlier)).filter(|(_, was)| *was > Bytes(0));
    let scaled = sizes.map_or(0, |(is, was)| u128::from(earlier.run_ms) * u128::from(is.get()) / u128::from(was.get()));
    u64::try_from(scaled).unwrap_or(u64::MAX).max(earlier.run_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::History;
    use crate::memory_kind::Memory;
    use alloc::vec;

    fn run(executors: u32, heap_gib: u64, run_s: u64) -> PastRun {
        PastRun {
            executors_at_start: Some(executors),
            executor_heap_bytes: Some(Bytes::gib(heap_gib)),
            executor_cores: Some(4),
            run_ms: run_s * 1_000,
            ..PastRun::default()
        }
    }

    fn found(runs: &[PastRun]) -> Option<(Option<u32>, usize)> {
        let inputs = Inputs::of(None, &History { runs: runs.to_vec(), ..History::default() });
        setback(runs, inputs).map(|setback| (setback.before.executors, setback.runs_left))
    }

    #[test]
    fn a_change_that_made_a_run_slower_is_taken_back_for_ten_runs() {
        assert_eq!(found(&[run(8, 4, 100), run(4, 4, 120)]), None, "one run varies by a quarter");
        let mut runs = vec![run(8, 4, 100), run(4, 4, 130)];
        for left in (0..10).rev() {
            assert_eq!(found(&runs), Some((Some(8), left)), "{left}");
            runs.push(run(8, 4, 100));
        }
        assert_eq!(found(&runs), None, "after ten runs it may be tried again");
        let usual = [run(8, 4, 100), run(8, 4, 105), run(8, 4, 98)];
        assert_eq!(found(&[&usual[..], &[run(8, 2, 115)]].concat()), None, "within a tenth of the slowest");
        assert_eq!(found(&[&usual[..], &[run(8, 2, 117)]].concat()), Some((Some(8), 9)));
        assert_eq!(found(&[run(8, 4, 100), run(8, 4, 900)]), None, "nothing was changed");
        let unknown = PastRun { executors_at_start: None, executor_heap_bytes: None, ..run(8, 4, 900) };
        assert_eq!(found(&[run(8, 4, 100), unknown]), None, "nothing is known to be changed");
    }

    #[test]
    fn what_the_plan_promised_to_be_slower_is_no_setback() {
        let promised = |run_s, ms| PastRun { promised_ms: Some(ms), ..run(2, 4, run_s) };
        assert_eq!(found(&[run(8, 4, 100), promised(300, 310_000)]), None);
        assert_eq!(found(&[run(8, 4, 100), promised(320, 310_000)]), Some((Some(8), 9)));
    }

    #[test]
    fn a_larger_input_takes_longer_whatever_was_changed() {
        let scanned = |run: PastRun, gib| PastRun { scanned_bytes: Some(Bytes::gib(gib)), ..run };
        assert_eq!(found(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 240), 20)]), None);
        assert_eq!(found(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 260), 20)]), Some((Some(8), 9)));
        assert_eq!(found(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 110), 5)]), None, "never less than it was");
    }

    #[test]
    fn a_run_that_failed_after_a_change_takes_it_back_unless_it_lacked_memory() {
        let failed = PastRun { failed: true, ..run(4, 4, 3) };
        assert_eq!(found(&[run(8, 4, 100), failed]), Some((Some(8), 9)));
        assert_eq!(found(&[run(8, 4, 100), PastRun { lacked: Some(Memory::ExecutorHeap), ..failed }]), None);
        assert_eq!(found(&[PastRun { failed: true, ..run(8, 4, 100) }, failed]), None, "it failed before as well");
        let text = setback(&[run(8, 4, 100), run(4, 4, 130)], Inputs::of(None, &History::default()));
        assert_eq!(
            text.map(|setback| setback.why).as_deref(),
            Some("the first run after it took 2 min 10 s, none of the 1 before it more than 1 min 40 s")
        );
    }
}
