//! Reviews a run once its application has ended.

use std::path::Path;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::facts::PastRun;
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::steering::LAUNCH_MODULE_MS;

use super::run::Steered;
use crate::engine::Budget;
use crate::record::{self, Change, RecordedReview};
use crate::review;

/// Of so many records the newest are looked at for earlier runs of the same application.
const MOST_RECORDS: usize = 100;

impl Steered {
    /// Asks for the review of the run that left this event log; without an answer the record says why there is none.
    pub(super) fn review(&self, log: &Path) {
        let Ok(prepared) = self.prepared.as_ref() else { return };
        let reviewed = review::read(log).map_err(|error| error.to_string()).and_then(|log| {
            let question = log.measured.question(&self.earlier_runs(), None);
            let session = prepared.session().map_err(|error| error.to_string())?;
            let asked = session.ask::<ReviewAnswer>(DecisionPoint::Review, &question, Budget::millis(LAUNCH_MODULE_MS));
            let (answer, _) = asked.map_err(|error| error.to_string())?;
            answer.map_err(|refused| refused.to_string())
        });
        match reviewed {
            Ok(answer) => {
                let currency = self.launch.policy.cost.currency.clone();
                self.recorder.note(Change::Review(Box::new(RecordedReview { answer, currency })));
            }
            Err(why) => self.recorder.fault(format!("the run could not be reviewed: {why}")),
        }
    }

    /// Reviewed runs of the same application under the same folder, the oldest first.
    fn earlier_runs(&self) -> Vec<PastRun> {
        let Some(root) = self.launch.record.as_deref() else { return Vec::new() };
        let own = self.recorder.folder();
        let mut runs: Vec<PastRun> = record::list(root)
            .into_iter()
            .filter(|folder| Some(folder) != own.as_ref())
            .take(MOST_RECORDS)
            .filter_map(|folder| record::read(&folder).ok())
            .filter(|run| run.application.name == self.hello.name)
            .filter_map(|run| Some(run.review?.answer.past_run))
            .collect();
        runs.reverse();
        runs
    }
}
