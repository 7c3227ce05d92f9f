//! The controller's loop: asks `control` every tick, carries out what it says.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::control::ControlAnswer;
use sparkwright_core::decision::Answer as _;
use sparkwright_core::steering::{CONTROL_MODULE_MS, LEAST_TICK_MS, TICK_WITHOUT_ANSWER_MS};

use super::decider::Decider;
use super::facts::control::question;
use super::lock::lock;
use super::steered::Steered;
use crate::clock::now_ms;
use crate::engine::{EngineError, Prepared};
use crate::record::RecordedDecision;
use crate::spark::protocol::Command;

/// How often a waiting controller looks whether the application is over.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ticks until the application is over.
pub(super) fn tick_all(steered: &Steered) {
    let mut deciders = Deciders { own: Decider::new(&steered.prepared), planned: None };
    let mut last_recorded: Option<(u32, Vec<String>)> = None;
    let mut if_lost = steered.launch.plan.as_ref().and_then(|plan| plan.executors_if_lost);
    while !steered.driver.has_ended() {
        let asked = Instant::now();
        // A local master has no executors to decide about.
        let scales = steered.manager().scales();
        let answer = if scales { tick(steered, &mut deciders, &mut last_recorded, &mut if_lost) } else { None };
        let wait = match answer {
            Some(next_tick_ms) => Duration::from_millis(next_tick_ms.saturating_sub(now_ms()).max(LEAST_TICK_MS)),
            None => Duration::from_millis(TICK_WITHOUT_ANSWER_MS),
        };
        steered.recorder.note_totals(steered.totals());
        steered.recorder.flush();
        while asked.elapsed() < wait && !steered.driver.has_ended() && !steered.scaling.takes_look_now() {
            thread::sleep(LOOK_EVERY.min(wait));
        }
    }
}

/// Who decides a tick: the application's policy, or that of the pipeline whose stage runs with planned executors.
struct Deciders {
    own: Decider,
    /// For the policy that is beside it.
    planned: Option<(Arc<Result<Prepared, EngineError>>, Decider)>,
}

impl Deciders {
    fn ask(&mut self, steered: &Steered, now: u64) -> Result<ControlAnswer, String> {
        if let Some(plan) = steered.declared.executors() {
            let planned = match self.planned.take() {
                Some((prepared, decider)) if Arc::ptr_eq(&prepared, &plan.prepared) => decider,
                _ => Decider::new(&plan.prepared),
            };
            let (_, decider) = self.planned.insert((Arc::clone(&plan.prepared), planned));
            let question = question(steered, now, Some(&plan));
            match decider.ask(DecisionPoint::Control, &question, CONTROL_MODULE_MS) {
                // Without this host there is no pipeline's policy either.
                Ok(answer) => return Ok(ControlAnswer { executors_if_lost: None, ..answer }),
                Err(why) => steered.recorder.fault(format!(
                    "no decision of the controller under a pipeline's policy, the application's own decides: {why}"
                )),
            }
        }
        self.own.ask(DecisionPoint::Control, &question(steered, now, None), CONTROL_MODULE_MS)
    }
}

fn tick(
    steered: &Steered,
    deciders: &mut Deciders,
    last_recorded: &mut Option<(u32, Vec<String>)>,
    if_lost: &mut Option<u32>,
) -> Option<u64> {
    let now = now_ms();
    let answer = match deciders.ask(steered, now) {
        Ok(answer) => answer,
        Err(why) => {
            steered.recorder.fault(format!("no decision of the controller, the executors stay as they are: {why}"));
            return None;
        }
    };
    steered.counters.tick();
    let next_ms = answer.next_tick_ms;
    steered.scaling.remember(answer.state.clone());
    carry_out(steered, answer, last_recorded, if_lost, now);
    Some(next_ms)
}

fn carry_out(
    steered: &Steered,
    answer: ControlAnswer,
    last_recorded: &mut Option<(u32, Vec<String>)>,
    if_lost: &mut Option<u32>,
    now: u64,
) {
    let target = answer.target.value;
    let acts = steered.acts();
    let held: Vec<String> = answer.held.iter().map(|held| held.guard.to_string()).collect();
    let seen = (target, held.clone());
    let changed = last_recorded.as_ref() != Some(&seen);
    let moves = answer.apply || !answer.remove.is_empty();
    // A tick that decides what the last one did says nothing new.
    let number = (changed || moves).then(|| {
        *last_recorded = Some(seen);
        let made = answer.decisions();
        let decision = made.first().map(|made| RecordedDecision {
            held: answer.held.clone(),
            ..RecordedDecision::of(now, made, "application", acts && moves)
        });
        decision.map_or(0, |decision| steered.recorder.decision(decision))
    });
    if !acts {
        return;
    }
    if answer.executors_if_lost != *if_lost
        && let Some(executors_total) = answer.executors_if_lost
    {
        *if_lost = Some(executors_total);
        steered.command(|id| Command::IfLost { id, executors_total });
    }
    let Some(number) = number else { return };
    if !answer.remove.is_empty() {
        let executors = answer.remove;
        let live_after = {
            let mut application = lock(&steered.application);
            application.leaving(&executors);
            application.live_executors()
        };
        for executor in &executors {
            steered.executor_event(now, "leaving", executor.clone(), live_after, String::new());
        }
        let named = executors.clone();
        if let Some(id) = steered.command(|id| Command::Decommission { id, executors, total_after: target }) {
            let mut outcomes = lock(&steered.outcomes);
            outcomes.commanded(id, number, named.clone());
            outcomes.told_to_go(number, now, named);
        }
    } else if answer.apply {
        steered.executor_event(now, "asked", String::new(), target, String::new());
        let live = lock(&steered.application).live_executors();
        if let Some(id) = steered.command(|id| Command::ExecutorsTotal { id, total: target }) {
            let mut outcomes = lock(&steered.outcomes);
            outcomes.commanded(id, number, Vec::new());
            outcomes.asked_for(&steered.recorder, number, now, target, live);
        }
    }
}
