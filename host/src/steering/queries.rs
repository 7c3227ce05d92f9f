//! What is known of an application's queries: what earlier ones showed, and which answers are not recorded yet.

use std::sync::{Condvar, Mutex, PoisonError};

use sparkwright_core::lesson::LearnedPlan;

use super::lock::lock;
use crate::spark::plan_history::PlanHistory;

/// The queries of one application.
#[derive(Debug, Default)]
pub(super) struct Queries {
    /// What earlier queries showed of the sub-plans that they held.
    pub(super) history: Mutex<PlanHistory>,
    answers: Mutex<Answers>,
    one_recorded: Condvar,
}

/// Answers in the order in which they went out, which is the order in which they are recorded.
#[derive(Debug, Default)]
struct Answers {
    sent: u64,
    recorded: u64,
}

/// An answer whose record is still to come. Dropped, it counts as recorded, whatever became of it.
#[derive(Debug)]
pub(super) struct Unrecorded<'a>(&'a Queries);

impl Queries {
    /// Those of an application of whose job earlier runs showed this.
    pub(super) fn after(learned: &[LearnedPlan]) -> Self {
        Self { history: Mutex::new(PlanHistory::after(learned)), ..Self::default() }
    }

    /// An answer goes out. To be called before it does: what the driver then says of that query may be here before the record of it.
    pub(super) fn answers(&self) -> Unrecorded<'_> {
        lock(&self.answers).sent += 1;
        Unrecorded(self)
    }

    /// Waits until every answer that went out is recorded. For whoever joins what the driver says to the decisions that caused it.
    ///
    /// INVARIANT: the caller holds no lock that recording takes.
    pub(super) fn recorded(&self) {
        let mut answers = lock(&self.answers);
        let sent = answers.sent;
        while answers.recorded < sent {
            answers = self.one_recorded.wait(answers).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Unrecorded<'_> {
    fn drop(&mut self) {
        lock(&self.0.answers).recorded += 1;
        self.0.one_recorded.notify_all();
    }
}
