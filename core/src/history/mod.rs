//! What earlier runs of a job say of the next, where its history does not say it itself.
//!
//! Of the latest runs (`monitoring.performance_history_size`): the median of each time and share, so that one odd run decides nothing; the
//! work scaled by the size of the input where it is known of every run ([`inputs`]); and the largest peak, spill and shuffle, since memory must do for all.
//! A run that failed tells of the latter only.

pub mod inputs;
pub mod setback;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::facts::{History, JobFacts, PastRun};
use crate::policy::ResolvedPolicy;
use crate::shuffle::skew::median;
use crate::units::Bytes;
use inputs::Inputs;

/// The latest runs that count.
#[must_use]
pub fn window<'a>(policy: &ResolvedPolicy, history: &'a History, most: usize) -> &'a [PastRun] {
    let window = policy.monitoring.runs_looked_at().min(most);
    history.runs.get(history.runs.len().saturating_sub(window)..).unwrap_or_default()
}

/// Those of the runs that did their work.
pub fn whole(runs: &[PastRun]) -> impl Iterator<Item = PastRun> {
    runs.iter().copied().filter(|run| !run.failed)
}

/// The history with everything that its runs say.
#[must_use]
pub fn completed<'a>(policy: &ResolvedPolicy, job: &JobFacts, history: &'a History) -> Cow<'a, History> {
    let runs = window(policy, history, usize::MAX);
    if runs.is_empty() {
        return Cow::Borrowed(history);
    }
    let looked_at =
        History { runs: runs.to_vec(), next_scanned_bytes: history.next_scanned_bytes, ..History::default() };
    let inputs = Inputs::of(job.input_bytes, &looked_at);
    let whole: Vec<PastRun> = whole(runs).collect();
    let times = |of: fn(&PastRun) -> Option<u64>| {
        let known: Vec<u64> = whole.iter().filter_map(of).collect();
        (!known.is_empty()).then(|| median(&known))
    };
    // Shares are finite and small: as millionths they have a median in whole numbers.
    let share = |of: fn(&PastRun) -> Option<f64>| {
        let known = whole.iter().filter_map(of).filter(|share| share.is_finite() && (0.0..1e9).contains(share));
        let known: Vec<u64> = known.map(|share| (share * 1e6) as u64).collect();
        (!known.is_empty()).then(|| median(&known) as f64 / 1e6)
    };
    let largest = |of: fn(&PastRun) -> Option<Bytes>| runs.iter().filter_map(of).max();
    let own = history;
    Cow::Owned(History {
        work_task_ms: own
            .work_task_ms
            .or_else(|| scaled_work(&whole, inputs))
            .or_else(|| times(|run| run.work_task_ms)),
        critical_path_ms: own.critical_path_ms.or_else(|| times(|run| run.critical_path_ms)),
        driver_ms: own.driver_ms.or_else(|| times(|run| run.driver_ms)),
        task_peak_bytes: own.task_peak_bytes.or_else(|| largest(|run| run.task_peak_bytes)),
        gc_share: own.gc_share.or_else(|| share(|run| run.gc_share)),
        spilled_bytes: own.spilled_bytes.or_else(|| largest(|run| run.spilled_bytes)),
        shuffle_skew: own.shuffle_skew.or_else(|| share(|run| run.shuffle_skew)),
        largest_shuffle_bytes: own.largest_shuffle_bytes.or_else(|| largest_shuffle(runs, inputs)),
        next_scanned_bytes: own.next_scanned_bytes.or_else(|| inputs::expected_scan(runs)),
        runs: looked_at.runs,
        starts: own.starts.clone(),
    })
}

/// The largest shuffle of any run, scaled to this job's input where it is known of both; of a run that failed nobody knows how much of it was read.
fn largest_shuffle(runs: &[PastRun], inputs: Inputs) -> Option<Bytes> {
    let scaled = |run: &PastRun| {
        let bytes = run.largest_shuffle_bytes?.get();
        Some(Bytes(if run.failed { bytes } else { inputs.scaled(run, bytes) }))
    };
    runs.iter().filter_map(scaled).max()
}

/// The median of each run's work scaled to this job's input; nothing where a run that tells its work does not tell its input.
fn scaled_work(runs: &[PastRun], inputs: Inputs) -> Option<u64> {
    let told = runs.iter().filter_map(|run| Some((run, run.work_task_ms?)));
    let scaled: Option<Vec<u64>> = told.map(|(run, work_ms)| inputs.scaled_if_known(run, work_ms)).collect();
    scaled.filter(|scaled| !scaled.is_empty()).map(|scaled| median(&scaled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn run(work_ms: u64, gib: u64, peak_mib: u64) -> PastRun {
        PastRun {
            executors: 4,
            run_ms: work_ms / 10,
            input_bytes: (gib > 0).then(|| Bytes::gib(gib)),
            work_task_ms: Some(work_ms),
            driver_ms: Some(work_ms / 100),
            task_peak_bytes: Some(Bytes::mib(peak_mib)),
            gc_share: Some(work_ms as f64 / 1e7),
            ..PastRun::default()
        }
    }

    fn known(runs: Vec<PastRun>, gib: Option<u64>) -> History {
        let job = JobFacts { input_bytes: gib.map(Bytes::gib), ..JobFacts::default() };
        let history = History { runs, ..History::default() };
        completed(&ResolvedPolicy::default(), &job, &history).into_owned()
    }

    #[test]
    fn one_odd_run_decides_nothing_but_memory() {
        let history = known(vec![run(1_000_000, 1, 100), run(9_000_000, 1, 900), run(1_100_000, 1, 110)], None);
        assert_eq!((history.work_task_ms, history.driver_ms), (Some(1_100_000), Some(11_000)));
        assert_eq!((history.gc_share, history.task_peak_bytes), (Some(0.11), Some(Bytes::mib(900))));
        assert_eq!((history.critical_path_ms, history.spilled_bytes), (None, None));
    }

    #[test]
    fn a_run_that_failed_tells_of_memory_and_not_of_time() {
        let failed = PastRun { failed: true, spilled_bytes: Some(Bytes(9)), ..run(9_000_000, 1, 900) };
        let told = known(vec![run(1_000_000, 1, 100), failed, failed], None);
        assert_eq!((told.work_task_ms, told.gc_share), (Some(1_000_000), Some(0.1)));
        assert_eq!((told.task_peak_bytes, told.spilled_bytes), (Some(Bytes::mib(900)), Some(Bytes(9))));
        let nothing = known(vec![failed], None);
        assert_eq!((nothing.work_task_ms, nothing.gc_share), (None, None));
    }

    #[test]
    fn work_follows_the_input_where_every_run_has_one() {
        let runs = vec![run(1_000_000, 1, 1), run(2_000_000, 2, 1)];
        assert_eq!(known(runs.clone(), Some(10)).work_task_ms, Some(10_000_000));
        assert_eq!(known(runs, None).work_task_ms, Some(1_500_000));
        assert_eq!(known(vec![run(1_000_000, 0, 1), run(2_000_000, 2, 1)], Some(10)).work_task_ms, Some(1_500_000));
        assert_eq!(known(vec![run(u64::MAX, 1, 1)], Some(1 << 33)).work_task_ms, Some(u64::MAX));
    }

    #[test]
    fn the_largest_shuffle_follows_the_input() {
        let shuffled =
            |gib: u64, shuffle: u64| PastRun { largest_shuffle_bytes: Some(Bytes(shuffle)), ..run(1, gib, 1) };
        let runs = vec![shuffled(1, 500), shuffled(2, 800), shuffled(0, 600)];
        assert_eq!(known(runs.clone(), Some(4)).largest_shuffle_bytes, Some(Bytes(2_000)));
        assert_eq!(known(runs, None).largest_shuffle_bytes, Some(Bytes(800)));
        assert_eq!(known(vec![run(1, 1, 1)], Some(4)).largest_shuffle_bytes, None);
        let huge = known(vec![shuffled(1, u64::MAX)], Some(1 << 33));
        assert_eq!(huge.largest_shuffle_bytes, Some(Bytes(u64::MAX)));
    }

    #[test]
    fn what_the_history_names_stands() {
        let history = History { work_task_ms: Some(7), runs: vec![run(1_000, 1, 1)], ..History::default() };
        let completed = completed(&ResolvedPolicy::default(), &JobFacts::default(), &history);
        assert_eq!((completed.work_task_ms, completed.driver_ms), (Some(7), Some(10)));
        let nothing = History::default();
        assert!(matches!(
            super::completed(&ResolvedPolicy::default(), &JobFacts::default(), &nothing),
            Cow::Borrowed(_)
        ));
    }
}
