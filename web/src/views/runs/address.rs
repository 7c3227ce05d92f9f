//! Where a run or a job of the store is looked at.

use crate::route::{Route, View};
use crate::state::State;

/// The address of a run, or of a job; of neither, that of the lists.
#[must_use]
pub fn address(page: &State, run: &str, job: Option<&str>) -> String {
    let mut there = page.clone();
    let query = job.map(|job| ("job".to_owned(), job.to_owned()));
    there.route = Route { view: View::Runs, rest: run.to_owned(), query: query.into_iter().collect() };
    there.address().fragment()
}
