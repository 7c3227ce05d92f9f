//! Sizes of inputs of a job's runs that can be compared.
//!
//! There are two: what somebody says of a run (`--input-bytes`), and the files that its queries scanned, which are known of a run once it is over. They are not
//! compared with each other: of a table of 100 GB a run may read one partition.

use alloc::vec::Vec;

use crate::facts::{History, PastRun};
use crate::shuffle::skew::median;
use crate::units::Bytes;

/// A growth between runs is told from so many steps; from fewer it is chance.
const STEPS: usize = 3;
/// What was scanned scales nothing by more than this: it says how much was read, and not what was done with that.
const MOST_TIMES: u64 = 2;
/// Runs whose inputs are compared with the next one's.
const NEWEST: usize = 5;
/// Steps are counted in millionths, so that they have a median in whole numbers.
const MILLION: u64 = 1_000_000;

/// The sizes of the next run's input and of each earlier one's, by one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// The next run's; unknown when absent.
    pub next: Option<Bytes>,
    measure: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Said,
    Scanned,
}

impl Inputs {
    /// Those of a run whose input is said to be so large, where it is, after earlier ones: what was said, where it is of this run and of an earlier one.
    #[must_use]
    pub fn of(input_bytes: Option<Bytes>, history: &History) -> Self {
        let said = input_bytes.is_some() && history.runs.iter().any(|run| run.input_bytes.is_some());
        match history.next_scanned_bytes.or_else(|| expected_scan(&history.runs)) {
            Some(next) if !said => Self { next: Some(next), measure: Measure::Scanned },
            _ => Self { next: input_bytes, measure: Measure::Said },
        }
    }

    /// Whether they are what somebody said.
    #[must_use]
    pub const fn are_said(self) -> bool {
        matches!(self.measure, Measure::Said)
    }

    /// The size of an earlier run's input; unknown when absent.
    #[must_use]
    pub const fn of_run(self, run: &PastRun) -> Option<Bytes> {
        match self.measure {
            Measure::Said => run.input_bytes,
            Measure::Scanned => run.scanned_bytes,
        }
    }

    /// Whether the next run's input is about as large as those of earlier ones, so that what they took is what it takes: from half to twice each of the newest. So it is
    /// where nobody says or knows any of them.
    #[must_use]
    pub fn alike(self, input_bytes: Option<Bytes>, history: &History) -> bool {
        let newest = history.runs.iter().rev().filter(|run| !run.failed).take(NEWEST);
        let near =
            |was: Bytes, next: Bytes| was.get() / MOST_TIMES <= next.get() && next.get() / MOST_TIMES <= was.get();
        match self.next.filter(|_| input_bytes.is_none() || self.are_said()) {
            Some(next) => newest.map(|run| self.of_run(run)).all(|was| was.is_some_and(|was| near(was, next))),
            None => input_bytes.is_none() || history.runs.is_empty(),
        }
    }

    /// A number of an earlier run that follows its input, as it would be in the next run; as it was where a size is not known.
    #[must_use]
    pub fn scaled(self, run: &PastRun, number: u64) -> u64 {
        self.scaled_if_known(run, number).unwrap_or(number)
    }

    /// The same; nothing where a size is not known.
    #[must_use]
    pub fn scaled_if_known(self, run: &PastRun, number: u64) -> Option<u64> {
        let (next, was) = (self.next?, self.of_run(run).filter(|was| *was > Bytes(0))?);
        let scaled = u128::from(number) * u128::from(next.get()) / u128::from(was.get());
        let scaled = u64::try_from(scaled).unwrap_or(u64::MAX);
        Some(match self.measure {
            Measure::Said => scaled,
            Measure::Scanned => scaled.clamp(number / MOST_TIMES, number.saturating_mul(MOST_TIMES)),
        })
    }
}

/// What the next run is expected to scan: as much as the newest one, and more by the median of the steps between runs. At least the median of them all, and
/// at most twice that: one small run, of a Sunday, says nothing of the next, nor does one that caught up with a year.
#[must_use]
pub fn expected_scan(runs: &[PastRun]) -> Option<Bytes> {
    let known: Vec<u64> =
        runs.iter().filter(|run| !run.failed).filter_map(|run| Some(run.scanned_bytes?.get())).collect();
    let newest = *known.last()?;
    let step = |(earlier, later): (&u64, &u64)| {
        let times = (u128::from(*later) * u128::from(MILLION)).checked_div(u128::from(*earlier))?;
        Some(u64::try_from(times).unwrap_or(u64::MAX).clamp(MILLION, MOST_TIMES * MILLION))
    };
    let steps: Vec<u64> = known.iter().zip(known.iter().skip(1)).filter_map(step).collect();
    let growth = if steps.len() >= STEPS { median(&steps) } else { MILLION };
    let grown = u128::from(newest) * u128::from(growth) / u128::from(MILLION);
    let usual = median(&known);
    Some(Bytes(u64::try_from(grown).unwrap_or(u64::MAX).clamp(usual, usual.saturating_mul(MOST_TIMES))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn scanned(gib: u64) -> PastRun {
        PastRun { scanned_bytes: Some(Bytes::gib(gib)), ..PastRun::default() }
    }

    fn expected(gib: &[u64]) -> Option<u64> {
        let runs: Vec<PastRun> = gib.iter().map(|gib| scanned(*gib)).collect();
        expected_scan(&runs).map(|bytes| bytes.get() >> 30)
    }

    #[test]
    fn the_next_run_scans_what_the_newest_did_and_its_growth() {
        assert_eq!(expected(&[]), None);
        assert_eq!(expected(&[100]), Some(100));
        assert_eq!(expected(&[100, 200]), Some(200), "one step is no growth");
        assert_eq!(expected(&[1000, 1030, 1061, 1093]), Some(1125));
        assert_eq!(expected(&[100, 100, 100, 100, 20]), Some(100), "one small run");
        assert_eq!(expected(&[100, 100, 100, 100, 200]), Some(200));
        assert_eq!(expected(&[10, 10, 10, 10, 500]), Some(20), "one that caught up");
        assert_eq!(expected(&[0, 0, 7]), Some(0));
        let failed = PastRun { failed: true, ..scanned(900) };
        assert_eq!(expected_scan(&[scanned(1), failed]), Some(Bytes::gib(1)), "one that failed has not read it all");
    }

    #[test]
    fn what_is_said_is_compared_with_what_was_said_and_what_was_scanned_with_that() {
        let said = |gib: u64| PastRun { input_bytes: Some(Bytes::gib(gib)), ..scanned(1) };
        let of = |job: Option<u64>, runs: Vec<PastRun>| {
            let inputs = Inputs::of(job.map(Bytes::gib), &History { runs, ..History::default() });
            (inputs.next.map(|bytes| bytes.get() >> 30), inputs.scaled(&said(50), 100))
        };
        assert_eq!(of(Some(100), vec![said(50), said(50)]), (Some(100), 200));
        assert_eq!(of(None, vec![said(50), said(50)]), (Some(1), 100));
        assert_eq!(of(Some(100), vec![scanned(3), said(50)]), (Some(100), 200), "what is said of both");
        assert_eq!(of(Some(100), vec![PastRun::default()]), (Some(100), 200));
        assert_eq!(
            of(Some(100), vec![scanned(3)]),
            (Some(3), 200),
            "nobody said it of an earlier one, and twice is the most"
        );
        assert_eq!(of(None, vec![PastRun::default()]), (None, 100));
        let history = History { next_scanned_bytes: Some(Bytes::gib(9)), runs: vec![scanned(3)], ..History::default() };
        assert_eq!(Inputs::of(None, &history).scaled_if_known(&scanned(6), 50), Some(75));
        assert_eq!(Inputs::of(None, &history).scaled_if_known(&scanned(3), 5), Some(10));
        assert_eq!(Inputs::of(None, &history).scaled_if_known(&scanned(0), 5), None);
    }
}
