//! What came of decisions: joins Spark's events and the plugin's reports to the decisions that caused them.

use std::collections::BTreeMap;

use sparkwright_core::control::{LONGEST_START_UP_MS, StartUps};
use sparkwright_core::trace::render_ms;

use crate::record::{CachedPlan, Change, Recorder};
use crate::spark::protocol::EntryStorage;
use crate::spark::work::ExecutionWork;

/// Queries whose end is waited for.
const MOST_OPEN_QUERIES: usize = 1_000;

/// A number of executors that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    decision: u64,
    at_ms: u64,
    target: u32,
    /// Whether any of them came.
    came: bool,
}

/// Executors that were told to go.
#[derive(Debug, Clone)]
struct Leaving {
    decision: u64,
    at_ms: u64,
    executors: Vec<String>,
    left: usize,
}

/// Decisions whose outcome is not known yet.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// Open requests for more executors, each for more than the one before it.
    asked: Vec<Asked>,
    leaving: Vec<Leaving>,
    commands: BTreeMap<u64, (u64, Vec<String>)>,
    queries: BTreeMap<i64, Vec<u64>>,
    plans: BTreeMap<String, (u64, CachedPlan)>,
    start_ups: StartUps,
    /// When the application began, and how many of the executors that it was started with are still to come.
    of_the_start: (u64, u32),
}

impl Outcomes {
    /// A command was sent for a decision; `leaving` names the executors that it lets go.
    pub(super) fn commanded(&mut self, command: u64, decision: u64, leaving: Vec<String>) {
        self.commands.insert(command, (decision, leaving));
    }

    /// `target` executors were asked for where there are `live`. What was asked for above it is not asked for any more.
    pub(super) fn asked_for(&mut self, recorder: &Recorder, decision: u64, at_ms: u64, target: u32, live: u32) {
        for over in self.asked.iter().filter(|asked| asked.target > target && !asked.came) {
            recorder
                .note(Change::Outcome { number: over.decision, outcome: format!("superseded by decision {decision}") });
        }
        self.asked.retain(|asked| asked.target <= target);
        if target > self.asked.last().map_or(live, |last| last.target.max(live)) {
            self.asked.push(Asked { decision, at_ms, target, came: false });
        }
    }

    /// Executors were told to go.
    pub(super) fn told_to_go(&mut self, decision: u64, at_ms: u64, executors: Vec<String>) {
        let left = executors.len();
        self.leaving.push(Leaving { decision, at_ms, executors, left });
    }

    /// How long an executor takes to come, as seen here.
    pub(super) fn executor_start_ms(&self) -> Option<u64> {
        self.start_ups.usual_ms()
    }

    /// The application began at `at_ms`, and was started with so many executors.
    pub(super) const fn started_with(&mut self, executors: u32, at_ms: u64) {
        self.of_the_start = (at_ms, executors);
    }

    pub(super) fn executor_added(&mut self, recorder: &Recorder, at_ms: u64, count: u32) {
        let (began_ms, to_come) = self.of_the_start;
        let since_ms = at_ms.saturating_sub(began_ms);
        // Later ones came for what was asked since.
        if to_come > 0 && since_ms <= LONGEST_START_UP_MS {
            self.of_the_start.1 -= 1;
            // One that was there before anybody looked says nothing.
            if since_ms > 0 {
                self.start_ups.note(since_ms);
            }
            return;
        }
        // The first request that wants as many: a later one asked for the next.
        let Some(asked) = self.asked.iter_mut().find(|asked| asked.target >= count) else { return };
        asked.came = true;
        let took = at_ms.saturating_sub(asked.at_ms);
        self.start_ups.note(took);
        let outcome = format!("{count} executors there {} after asking", render_ms(took));
        recorder.note(Change::Outcome { number: asked.decision, outcome });
        self.asked.retain(|asked| asked.target > count);
    }

    pub(super) fn executor_removed(&mut self, recorder: &Recorder, at_ms: u64, executor: &str) {
        for leaving in &mut self.leaving {
            if let Some(index) = leaving.executors.iter().position(|known| known == executor) {
                leaving.executors.swap_remove(index);
                let gone = leaving.left - leaving.executors.len();
                let outcome =
                    format!("{gone} of {} gone after {}", leaving.left, render_ms(at_ms.saturating_sub(leaving.at_ms)));
                recorder.note(Change::Outcome { number: leaving.decision, outcome });
            }
        }
        self.leaving.retain(|leaving| !leaving.executors.is_empty());
    }

    /// A command was carried out or not; gives the executors that stay because letting them go failed.
    pub(super) fn acted(
        &mut self,
        recorder: &Recorder,
        command: u64,
        ok: bool,
        error: Option<&str>,
        took_ms: u64,
    ) -> Vec<String> {
        let Some((decision, executors)) = self.commands.remove(&command) else { return Vec::new() };
        if ok {
            return Vec::new();
        }
        let outcome = format!("Spark refused after {}: {}", render_ms(took_ms), error.unwrap_or("no reason given"));
        recorder.note(Change::NotApplied { number: decision, outcome });
        self.leaving.retain(|leaving| leaving.decision != decision);
        executors
    }

    /// Decisions were made for a query.
    pub(super) fn query_decided(&mut self, execution: i64, decisions: Vec<u64>) {
        self.queries.insert(execution, decisions);
        while self.queries.len() > MOST_OPEN_QUERIES {
            self.queries.pop_first();
        }
    }

    pub(super) fn query_ended(&mut self, recorder: &Recorder, execution: i64, work: Option<ExecutionWork>) {
        let Some(decisions) = self.queries.remove(&execution) else { return };
        let outcome = match work {
            Some(ExecutionWork {
                task_ms, tasks, started_ms, ended_ms: Some(ended_ms), failed, spilled_bytes, ..
            }) => {
                let word = if failed { "failed after" } else { "ran" };
                let spill = if spilled_bytes > 0 { format!(", {spilled_bytes} bytes spilled") } else { String::new() };
                let wall = render_ms(ended_ms.saturating_sub(started_ms));
                format!("{word} {wall}: {tasks} tasks, {} of task time{spill}", render_ms(task_ms))
            }
            _ => "ran".to_owned(),
        };
        for number in decisions {
            recorder.note(Change::Outcome { number, outcome: outcome.clone() });
        }
    }

    /// A plan is about to be cached by a decision.
    pub(super) fn plan_chosen(&mut self, id: &str, decision: u64, subject: &str, level: &str) {
        let plan = CachedPlan {
            id: id.to_owned(),
            subject: subject.to_owned(),
            level: level.to_owned(),
            ..CachedPlan::default()
        };
        self.plans.insert(id.to_owned(), (decision, plan));
    }

    pub(super) fn plan_cached(&mut self, recorder: &Recorder, id: &str, now_ms: u64) {
        if let Some((_, plan)) = self.plans.get_mut(id) {
            plan.cached_ms = now_ms;
            recorder.note(Change::CachedPlan(plan.clone()));
        }
    }

    pub(super) fn plan_holds(&mut self, recorder: &Recorder, entry: &EntryStorage, uses: u32) {
        if let Some((_, plan)) = self.plans.get_mut(&entry.id) {
            plan.memory_bytes = plan.memory_bytes.max(entry.memory_bytes);
            plan.disk_bytes = plan.disk_bytes.max(entry.disk_bytes);
            plan.uses = uses;
            recorder.note(Change::CachedPlan(plan.clone()));
        }
    }

    pub(super) fn plan_dropped(&mut self, recorder: &Recorder, id: &str, why: &str, uses: u32, now_ms: u64) {
        if let Some((decision, mut plan)) = self.plans.remove(id) {
            plan.uses = uses;
            if plan.cached_ms == 0 {
                // It never was: Spark refused, or another thread was faster.
                recorder.note(Change::NotApplied { number: decision, outcome: format!("not cached: {why}") });
                return;
            }
            plan.why = why.to_owned();
            // Known by its id while it lives; the last word on it comes with the time of its end.
            let outcome = used(uses, &plan);
            plan.dropped_ms = Some(now_ms);
            recorder.note(Change::CachedPlan(plan));
            recorder.note(Change::Outcome { number: decision, outcome: format!("{outcome}; let go: {why}") });
        }
    }

    /// The plans that are cached.
    pub(super) fn plans(&self) -> Vec<String> {
        self.plans.keys().cloned().collect()
    }

    /// The application ended: what is known of the plans is final.
    pub(super) fn finish(&mut self, recorder: &Recorder, uses: &BTreeMap<String, u32>) {
        for (id, (decision, mut plan)) in std::mem::take(&mut self.plans) {
            plan.uses = uses.get(&id).copied().unwrap_or(plan.uses);
            if plan.cached_ms > 0 {
                recorder.note(Change::Outcome { number: decision, outcome: used(plan.uses, &plan) });
                recorder.note(Change::CachedPlan(plan));
            }
        }
    }
}

fn used(uses: u32, plan: &CachedPlan) -> String {
    let memory = sparkwright_core::units::Bytes(plan.memory_bytes);
    format!("read by {uses} later queries, {memory} in memory")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use sparkwright_core::control::{ControlInput, control};
    use sparkwright_core::decision::Answer as _;
    use sparkwright_core::policy::ResolvedPolicy;

    use super::*;
    use crate::record::{RecordedDecision, Run};

    fn recorder(decisions: u32) -> Recorder {
        let recorder = Recorder::begin(Run::default(), None);
        for target in 0..decisions {
            let mut answer = control(&ResolvedPolicy::default(), &ControlInput::default());
            answer.target.value = target;
            recorder.decision(RecordedDecision::of(0, answer.decisions().first().unwrap(), "application", true));
        }
        recorder
    }

    fn outcomes(recorder: &Recorder) -> Vec<Option<String>> {
        recorder.with_run(|run| run.decisions.iter().map(|decision| decision.outcome.clone()).collect())
    }

    #[test]
    fn an_executor_belongs_to_the_decision_that_asked_for_it() {
        let recorder = recorder(2);
        let mut waiting = Outcomes::default();
        waiting.asked_for(&recorder, 1, 1_000, 3, 2);
        waiting.asked_for(&recorder, 2, 2_000, 4, 2);
        waiting.executor_added(&recorder, 5_000, 3);
        assert_eq!(waiting.executor_start_ms(), Some(4_000));
        waiting.executor_added(&recorder, 5_500, 4);
        assert_eq!(waiting.executor_start_ms(), Some(4_000), "of two the longer");
        let told = outcomes(&recorder);
        assert!(told[0].as_deref().unwrap().starts_with("3 executors there 4.0 s"), "{told:?}");
        assert!(told[1].as_deref().unwrap().starts_with("4 executors there 3.5 s"), "{told:?}");
    }

    #[test]
    fn executors_of_the_start_came_for_no_request() {
        let recorder = recorder(1);
        let mut waiting = Outcomes::default();
        waiting.started_with(2, 1_000);
        waiting.executor_added(&recorder, 4_000, 1);
        waiting.asked_for(&recorder, 1, 4_500, 4, 1);
        waiting.executor_added(&recorder, 5_000, 2);
        assert_eq!(outcomes(&recorder), [None]);
        waiting.executor_added(&recorder, 6_500, 3);
        assert!(outcomes(&recorder)[0].as_deref().unwrap().starts_with("3 executors there 2.0 s"));
        assert_eq!(waiting.executor_start_ms(), Some(3_000));
    }

    #[test]
    fn a_lower_target_asks_for_nobody_and_takes_back_what_was_asked() {
        let recorder = recorder(2);
        let mut waiting = Outcomes::default();
        waiting.asked_for(&recorder, 1, 1_000, 4, 3);
        waiting.asked_for(&recorder, 2, 6_000, 3, 3);
        // It was on its way already.
        waiting.executor_added(&recorder, 6_500, 4);
        assert_eq!(waiting.executor_start_ms(), None);
        assert_eq!(outcomes(&recorder), [Some("superseded by decision 2".to_owned()), None]);
    }
}
