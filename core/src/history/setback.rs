//! Never worse: a change of what a job starts with, after which a run took longer than its plan promised and than those before, or after which it failed
//! twice, is taken back.
//!
//! Only steered runs count: what others started with, no plan changed. What a run lacked memory for is not judged here: it has its own cure.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::window;
use crate::facts::{History, PastRun};
use crate::policy::ResolvedPolicy;
use crate::trace::render_ms;
use crate::units::Bytes;

/// A change that was taken back is not tried again for so many runs.
pub const RUNS_AFTER_A_SETBACK: usize = 10;
/// From so many runs on their slowest tells what is usual; fewer vary by more.
const TELLING_RUNS: usize = 3;
/// A run is slower than the slowest of those before by more than this: of a few of them, and of enough.
const SLOWER: (f64, f64) = (1.25, 1.10);
/// How a note begins that says so.
pub const TAKEN_BACK: &str = "taken back";

/// What a plan changes from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// With so many cores: executors times the cores of each.
    Cores,
    /// With less heap an executor. More of it is what a run gets that lacked it.
    Heap,
}

impl Started {
    fn of(self, run: &PastRun) -> Option<u64> {
        match self {
            Self::Cores => Some(u64::from(run.executors_at_start?).saturating_mul(run.executor_cores?.into())),
            Self::Heap => Some(run.executor_heap_bytes?.get()),
        }
    }
}

/// A change that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// What the runs before it had.
    pub before: u64,
    /// What it changed that to.
    pub changed: u64,
    /// What was seen, and for how long the change is not tried again; for people.
    pub note: String,
}

/// The latest change among the last ten steered runs that is taken back.
#[must_use]
pub fn setback(policy: &ResolvedPolicy, history: &History, started: Started) -> Option<Setback> {
    let counts = |run: &&PastRun| run.steered && run.lacked.is_none();
    let runs: Vec<&PastRun> = window(policy, history, usize::MAX).iter().filter(counts).collect();
    let first = runs.len().saturating_sub(RUNS_AFTER_A_SETBACK).max(1);
    (first..runs.len()).rev().find_map(|at| {
        let (before, since) = runs.split_at_checked(at)?;
        let last = before.last()?;
        let (was, is) = (started.of(last)?, started.of(since.first()?)?);
        if was == is || (started == Started::Heap && is > was) {
            return None;
        }
        let same: Vec<&PastRun> = with(before.iter().rev(), started, was).filter(|earlier| !earlier.failed).collect();
        let changed: Vec<&PastRun> = with(since.iter(), started, is).collect();
        // One failure may be anything: a table that is not there, or somebody who ended it. Then the next run tells.
        let why = match changed.as_slice() {
            [one, next, ..] if one.failed && next.failed => {
                let did_well = before.iter().any(|earlier| started.of(earlier) == Some(is) && !earlier.failed);
                (!last.failed && !did_well)
                    .then(|| String::from("the first two runs after it failed, the one before did not"))
            }
            _ => {
                let run = changed.iter().find(|run| !run.failed)?;
                // Where it did well before, it is something else.
                let slowest = same.iter().map(|earlier| on_as_much(earlier, run)).max();
                let did_well = |earlier: &PastRun| {
                    started.of(earlier) == Some(is) && !earlier.failed && Some(on_as_much(earlier, run)) <= slowest
                };
                slower(run, &same).filter(|_| !before.iter().any(|earlier| did_well(earlier)))
            }
        }?;
        let more = RUNS_AFTER_A_SETBACK.saturating_sub(runs.len() - at);
        let note = format!("{TAKEN_BACK} for this run and {more} more: {why}");
        Some(Setback { before: was, changed: is, note })
    })
}

/// The first of the runs, as long as they started with so much.
fn with<'a>(
    runs: impl Iterator<Item = &'a &'a PastRun>,
    started: Started,
    size: u64,
) -> impl Iterator<Item = &'a PastRun> {
    runs.copied().take_while(move |run| started.of(run) == Some(size))
}

/// By how much a run that did its work was slower than those before a change, for people; nothing where it was not, or there were none.
#[must_use]
pub fn slower(run: &PastRun, before: &[&PastRun]) -> Option<String> {
    let slowest = before.iter().map(|earlier| on_as_much(earlier, run)).max()?;
    let margin = if before.len() < TELLING_RUNS { SLOWER.0 } else { SLOWER.1 };
    let slower = run.run_ms as f64 > slowest as f64 * margin;
    if run.failed || !slower || run.promised_ms.is_some_and(|promised| run.run_ms <= promised) {
        return None;
    }
    let (took, slowest) = (render_ms(run.run_ms), render_ms(slowest));
    let promised =
        run.promised_ms.map_or_else(String::new, |ms| format!("; its plan promised {} at most", render_ms(ms)));
    let earlier = match before.len() {
        1 => String::from("the run"),
        count => format!("the {count} runs"),
    };
    Some(format!(
        "the first run after it took {took}; on as much input {earlier} before it would have taken {slowest} at most{promised}"
    ))
}

/// How long an earlier run would have taken on this one's input, at most: in proportion where that was larger, by whichever size is known of both.
fn on_as_much(earlier: &PastRun, run: &PastRun) -> u64 {
    let sizes = run.input_bytes.zip(earlier.input_bytes).or_else(|| run.scanned_bytes.zip(earlier.scanned_bytes));
    let sizes = sizes.filter(|(_, was)| *was > Bytes(0));
    let scaled = sizes.map_or(0, |(is, was)| u128::from(earlier.run_ms) * u128::from(is.get()) / u128::from(was.get()));
    u64::try_from(scaled).unwrap_or(u64::MAX).max(earlier.run_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_kind::Memory;
    use alloc::vec;

    fn run(executors: u32, heap_gib: u64, run_s: u64) -> PastRun {
        PastRun {
            steered: true,
            executors_at_start: Some(executors),
            executor_heap_bytes: Some(Bytes::gib(heap_gib)),
            executor_cores: Some(4),
            run_ms: run_s * 1_000,
            ..PastRun::default()
        }
    }

    fn found(runs: &[PastRun], started: Started) -> Option<Setback> {
        setback(&ResolvedPolicy::default(), &History { runs: runs.to_vec(), ..History::default() }, started)
    }

    /// The executors of four cores that a job goes back to.
    fn back_to(runs: &[PastRun]) -> Option<u64> {
        found(runs, Started::Cores).map(|setback| setback.before / 4)
    }

    #[test]
    fn a_change_that_made_a_run_slower_is_taken_back_for_ten_runs() {
        assert_eq!(back_to(&[run(8, 4, 100), run(4, 4, 120)]), None, "one run varies by a quarter");
        let mut runs = vec![run(8, 4, 100), run(4, 4, 130)];
        for left in (0..10).rev() {
            let told = format!("taken back for this run and {left} more");
            assert!(
                found(&runs, Started::Cores).is_some_and(|it| it.before == 32 && it.note.starts_with(&told)),
                "{left}"
            );
            runs.push(run(8, 4, 100));
            // Nor do runs count that nobody steered, however they went.
            runs.push(PastRun { steered: false, ..run(1, 1, 900) });
        }
        assert_eq!(back_to(&runs), None, "after ten runs it may be tried again");
        let usual = [run(8, 4, 100), run(8, 4, 105), run(8, 4, 98)];
        assert_eq!(back_to(&[&usual[..], &[run(2, 4, 115)]].concat()), None, "within a tenth of the slowest");
        assert_eq!(back_to(&[&usual[..], &[run(2, 4, 117)]].concat()), Some(8));
        assert_eq!(back_to(&[run(8, 4, 100), run(8, 4, 900)]), None, "nothing was changed");
        let unknown = PastRun { executors_at_start: None, ..run(8, 4, 900) };
        assert_eq!(back_to(&[run(8, 4, 100), unknown]), None, "nothing is known to be changed");
    }

    #[test]
    fn each_size_has_its_own_changes() {
        // Executors first, then the heap: both are taken back.
        let runs = [run(8, 4, 100), run(4, 4, 130), run(8, 3, 170)];
        assert_eq!(back_to(&runs), Some(8));
        assert_eq!(found(&runs, Started::Heap).map(|it| it.before), Some(4 << 30));
        assert_eq!(found(&[run(8, 4, 100), run(4, 4, 130)], Started::Heap), None, "the heap was not changed");
        assert_eq!(found(&[run(8, 4, 100), run(8, 8, 130)], Started::Heap), None, "more heap is a cure");
        assert_eq!(back_to(&[run(8, 4, 100), run(4, 4, 100), run(8, 4, 130)]), None, "eight did well before");
        assert_eq!(back_to(&[run(8, 4, 100), run(4, 4, 90), run(8, 4, 130)]), Some(4), "four did better");
        // As many cores in smaller executors are no change of them.
        let small = PastRun { executors_at_start: Some(16), executor_cores: Some(2), ..run(8, 4, 170) };
        assert_eq!(back_to(&[run(8, 4, 100), small]), None);
    }

    #[test]
    fn what_the_plan_promised_to_be_slower_is_no_setback() {
        let promised = |run_s, ms| PastRun { promised_ms: Some(ms), ..run(2, 4, run_s) };
        assert_eq!(back_to(&[run(8, 4, 100), promised(300, 310_000)]), None);
        assert_eq!(back_to(&[run(8, 4, 100), promised(320, 310_000)]), Some(8));
    }

    #[test]
    fn a_larger_input_takes_longer_whatever_was_changed() {
        let scanned = |run: PastRun, gib| PastRun { scanned_bytes: Some(Bytes::gib(gib)), ..run };
        assert_eq!(back_to(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 240), 20)]), None);
        assert_eq!(back_to(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 260), 20)]), Some(8));
        assert_eq!(back_to(&[scanned(run(8, 4, 100), 10), scanned(run(4, 4, 110), 5)]), None, "never less than it was");
        let small = scanned(run(4, 4, 40), 2);
        assert_eq!(
            back_to(&[small, scanned(run(8, 4, 100), 10), scanned(run(4, 4, 300), 10)]),
            Some(8),
            "it did well on less"
        );
        let said = |run: PastRun, gib| PastRun { input_bytes: Some(Bytes::gib(gib)), ..run };
        assert_eq!(back_to(&[said(run(8, 4, 100), 10), said(run(4, 4, 240), 20)]), None);
    }

    #[test]
    fn two_failures_after_a_change_take_it_back_unless_memory_was_lacking() {
        let failed = PastRun { failed: true, ..run(4, 4, 3) };
        assert_eq!(back_to(&[run(8, 4, 100), failed]), None, "one failure may be anything");
        assert_eq!(back_to(&[run(8, 4, 100), failed, failed]), Some(8));
        assert_eq!(back_to(&[run(8, 4, 100), failed, run(4, 4, 90)]), None);
        assert_eq!(back_to(&[run(8, 4, 100), failed, run(4, 4, 400)]), Some(8), "the next one tells");
        let lacked = PastRun { lacked: Some(Memory::ExecutorHeap), ..failed };
        assert_eq!(back_to(&[run(8, 4, 100), lacked, lacked]), None);
        assert_eq!(back_to(&[run(8, 4, 100), lacked, run(4, 4, 400)]), Some(8), "its retry was slower");
        let before = PastRun { failed: true, ..run(8, 4, 100) };
        assert_eq!(back_to(&[run(8, 4, 100), before, failed, failed]), None, "it failed before the change as well");
    }

    #[test]
    fn a_policy_that_looks_at_no_runs_takes_nothing_back() {
        let mut policy = ResolvedPolicy::default();
        policy.monitoring.track_performance = false;
        let history = History { runs: vec![run(8, 4, 100), run(4, 4, 900)], ..History::default() };
        assert_eq!(setback(&policy, &history, Started::Cores), None);
    }
}
