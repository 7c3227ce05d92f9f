//! What Spark's own event log says of the steered run: that steering was real, not only decided.

use anyhow::{Context as _, Result, ensure};
use sparkwright_tests::event_log::EventLog;

/// What Spark gives as the reason when an executor that we told to go is gone.
const LET_GO: &str = "Executor decommission: sparkwright";

/// How many executors the steered run was started with.
const INITIAL: &str = "spark.dynamicAllocation.initialExecutors";

/// Checks that the steered run's log holds what no run without us would: a cached query result, other shuffle partitions, and
/// on a cluster executors that came at our word, and went at no other. Gives it in words.
pub(super) fn of_steering(plain: &EventLog, steered: &EventLog, cluster: bool) -> Result<String> {
    ensure!(!plain.cached.iter().any(|one| one.is_table), "the program caches a table by itself: it proves nothing");
    let tables = steered.cached.iter().filter(|one| one.is_table && one.peak_bytes > 0).count();
    ensure!(tables > 0, "Spark's event log of the steered run holds no cached table");
    let usual = plain.planned_shuffle_partitions();
    let planned = steered.planned_shuffle_partitions();
    let changed: u32 = planned.iter().filter(|(count, _)| !usual.contains_key(count)).map(|(_, times)| times).sum();
    ensure!(changed > 0, "Spark's event log of the steered run holds no changed shuffle partitions: {planned:?}");
    // Decisions that don't reach what is cached leave it Spark's own 200 partitions, and each query over it 200 tasks.
    let [tasks, usual] = [steered, plain].map(|log| log.tasks.len());
    ensure!(tasks <= usual, "the steered run had {tasks} tasks, and {usual} without Sparkwright");
    let mut said = format!("{tables} cached, {changed} exchanges with other shuffle partitions");
    if cluster {
        let at_start = steered.conf.get(INITIAL).and_then(|text| text.parse::<usize>().ok());
        let at_start =
            at_start.with_context(|| format!("the steered run has no {INITIAL}: nothing pinned its executors"))?;
        let later = steered.executors.len().saturating_sub(at_start);
        let gone = steered.removals().filter(|(_, reason)| reason.contains(LET_GO)).count();
        ensure!(
            later > 0,
            "Spark's event log of the steered run holds no executor that was added to the {at_start} from the start"
        );
        // Those that idle for less time than having them back would take stay; whoever goes, goes at our word.
        let all = steered.removals().count();
        ensure!(gone == all, "of {all} executors that went in the steered run {gone} were told to go");
        said = format!("{at_start} executors at the start, {later} added later, {gone} decommissioned, {said}");
    }
    Ok(said)
}
