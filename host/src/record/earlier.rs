//! Earlier runs of an application, as their records have them.

use std::path::Path;

use sparkwright_core::facts::PastRun;

use super::{list, read};

/// Of so many records the newest are looked at.
const MOST_RECORDS: usize = 100;

/// Reviewed runs of the application `name` under `root` that began before the one in the folder `own`, the oldest first.
#[must_use]
pub fn earlier_runs(root: &Path, own: &Path, name: &str) -> Vec<PastRun> {
    let mut runs: Vec<PastRun> = list(root)
        .into_iter()
        .skip_while(|folder| folder.file_name() != own.file_name())
        .skip(1)
        .take(MOST_RECORDS)
        .filter_map(|folder| read(&folder).ok())
        .filter(|run| run.application.name == name)
        .filter_map(|run| Some(run.review?.answer.past_run))
        .collect();
    runs.reverse();
    runs
}
