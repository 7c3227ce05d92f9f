//! A run as text: `run.json`, and the journal of the changes since.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use sparkwright_core::json::from_slice;

use crate::{Change, FORMAT, Run, old};

/// Why a text is not a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotARun {
    /// It is something else, or cut.
    #[error("it is not a run record: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It was written by a newer version.
    #[error("it has format {found}, and this version reads up to {FORMAT}: use a newer sparkwright")]
    TooNew {
        /// Its format.
        found: u32,
    },
}

/// A line of the journal. The writer has a change only by reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine<C = Change> {
    /// Its number, from 1.
    pub line: u64,
    /// When the change reached the host. Not `at_ms`: the change has one of its own, and both stand in one object.
    pub noted_ms: u64,
    /// The change.
    #[serde(flatten)]
    pub change: C,
}

impl Run {
    /// Reads a `run.json`.
    ///
    /// # Errors
    /// It is none, or was written by a newer version.
    pub fn read(json: &[u8]) -> Result<Self, NotARun> {
        let mut run: Self = from_slice(json)?;
        if run.format < 2 {
            run.decisions.iter_mut().for_each(old::renew);
        }
        match run.format {
            // Every member may be left out, so that any object could be taken for a run.
            0 => Err(serde_json::Error::custom("it has no `format`").into()),
            found if found > FORMAT => Err(NotARun::TooNew { found }),
            _ => Ok(run),
        }
    }

    /// Makes the changes of a journal that are not in the run yet.
    pub fn complete(&mut self, journal: &[u8]) {
        for line in journal.split(|byte| *byte == b'\n') {
            // The last line of a killed host may be cut.
            if let Ok(JournalLine { line, noted_ms, mut change }) = from_slice(line)
                && line > self.journal_line
            {
                if self.format < 2
                    && let Change::Decision(decision) = &mut change
                {
                    old::renew(decision);
                }
                self.journal_line = line;
                self.apply(change, noted_ms);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CachedPlan, ExecutorEvent, Fault, RecordedDecision, RunState, Totals};
    use sparkwright_core::control::{ControlInput, control};
    use sparkwright_core::decision::Answer as _;
    use sparkwright_core::policy::ResolvedPolicy;

    fn run() -> Run {
        Run { format: FORMAT, journal_line: 1, updated_ms: 10, ..Run::default() }
    }

    #[test]
    fn only_a_run_is_read_as_one() {
        let json = serde_json::to_vec(&run()).unwrap();
        assert_eq!(Run::read(&json).unwrap(), run());
        for text in ["", "{", "[]", "{}", r#"{"name": "package", "version": "1.0.0"}"#, r#"{"format": "1"}"#] {
            let refused = Run::read(text.as_bytes()).unwrap_err();
            assert!(refused.to_string().starts_with("it is not a run record: "), "{text}: {refused}");
        }
        let newer = serde_json::to_vec(&Run { format: FORMAT + 1, ..run() }).unwrap();
        assert!(matches!(Run::read(&newer), Err(NotARun::TooNew { found }) if found == FORMAT + 1));
    }

    #[test]
    fn a_journal_completes_a_run_from_the_line_that_it_has_on() {
        let line = |line, change: &Change| {
            serde_json::to_string(&JournalLine { line, noted_ms: 20 + line, change }).unwrap() + "\n"
        };
        let fault = |what: &str| Change::Fault(Fault { at_ms: 5, what: what.to_owned(), times: 1 });
        let journal = [
            line(1, &fault("known already")),
            line(2, &fault("new")),
            line(3, &Change::Ended { at_ms: 17 }),
            r#"{"line":4,"noted_ms":99,"chan"#.to_owned(),
        ]
        .concat();
        let mut completed = run();
        completed.complete(journal.as_bytes());
        assert_eq!(completed.faults.iter().map(|fault| fault.what.as_str()).collect::<Vec<_>>(), ["new"]);
        assert_eq!((completed.state, completed.ended_ms), (RunState::Ended, Some(17)));
        assert_eq!((completed.journal_line, completed.updated_ms), (3, 23));
        let before = completed.clone();
        completed.complete(journal.as_bytes());
        assert_eq!(completed, before, "no change is made twice");
    }

    #[test]
    fn every_kind_of_change_comes_back_from_a_journal() {
        let answer = control(&ResolvedPolicy::default(), &ControlInput::default());
        let decided = RecordedDecision::of(7, answer.decisions().first().unwrap(), "application", true);
        let event = ExecutorEvent {
            at_ms: 8,
            change: "asked".into(),
            executor: String::new(),
            count: 2,
            reason: String::new(),
        };
        let changes = [
            Change::Decision(Box::new(RecordedDecision { number: 1, ..decided })),
            Change::Outcome { number: 1, outcome: "done".to_owned() },
            Change::Applied { number: 1, outcome: "done after all".to_owned() },
            Change::NotApplied { number: 1, outcome: "not done".to_owned() },
            Change::Executor { event },
            Change::CachedPlan(CachedPlan { id: "a".to_owned(), ..CachedPlan::default() }),
            Change::Fault(Fault { at_ms: 9, what: "a fault".to_owned(), times: 2 }),
            Change::Totals(Totals { tasks: 3, ..Totals::default() }),
            Change::EventLog { path: "eventlog.zstd".to_owned() },
            Change::Ended { at_ms: 10 },
        ];
        for change in changes {
            let line = serde_json::to_string(&JournalLine { line: 2, noted_ms: 30, change: &change }).unwrap();
            let back: JournalLine = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(back.change, change, "{line}");
        }
    }
}
