//! Plays a load through the policy module, a slice of time at a go, so that the page answers in between.

use std::cell::Cell;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::control::{ControlAnswer, Held};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::trace::{Decision, render_ms};
use yew::prelude::*;

use crate::module::Prepared;
use crate::simulation::{Load, Moment, Simulation};

/// How long the page may be busy at a time: less than a frame.
const SLICE_MS: f64 = 10.0;
/// How often progress is told.
const TELL_AFTER_MS: f64 = 120.0;

/// The figures of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Second {
    /// Seconds after the start.
    pub at_seconds: u32,
    /// Executors that are there.
    pub executors: u32,
    /// Executors that the controller wants.
    pub target: u32,
    /// Tasks that wait.
    pub pending: u64,
    /// Tasks that run.
    pub running: u64,
}

/// A second in which the controller said something new.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    /// Seconds after the start.
    pub at_seconds: u32,
    /// The target before.
    pub before: Option<u32>,
    /// The target and its account, with what held it back as notes.
    pub target: Decision<u32>,
    /// What was held back.
    pub held: Vec<Held>,
    /// How many executors were told to go.
    pub removed: usize,
}

/// A load that was played.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Play {
    /// Every second.
    pub seconds: Vec<Second>,
    /// The seconds with something new.
    pub news: Vec<New>,
    /// The guards that held something back in the last second.
    guards: Vec<String>,
}

impl Play {
    /// Takes in what happened in a second.
    pub fn take(&mut self, moment: Moment) {
        let ControlAnswer { mut target, held, remove, apply, .. } = moment.answer;
        let before = self.seconds.last().map(|second| second.target);
        self.seconds.push(Second {
            at_seconds: moment.at_seconds,
            executors: moment.executors,
            target: target.value,
            pending: moment.pending,
            running: moment.running,
        });
        let guards: Vec<String> = held.iter().map(|held| held.guard.to_string()).collect();
        // As the host keeps them: a tick that says what the last one said is nothing new.
        let is_new = before != Some(target.value) || guards != self.guards || (apply && !remove.is_empty());
        self.guards = guards;
        if !is_new {
            return;
        }
        for held in &held {
            let note =
                format!("held by {} at {} instead of {}: {}", held.guard, target.value, held.wanted, held.because);
            target.trace = target.trace.note(note);
        }
        self.news.push(New { at_seconds: moment.at_seconds, before, target, held, removed: remove.len() });
    }

    /// The load in a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let most = self.seconds.iter().map(|second| second.executors).max().unwrap_or(0);
        let executor_ms: u64 = self.seconds.iter().map(|second| u64::from(second.executors) * 1_000).sum();
        let work_end = self
            .seconds
            .iter()
            .rfind(|second| second.pending + second.running > 0)
            .map(|second| u64::from(second.at_seconds) * 1_000);
        let done = match work_end {
            Some(ms) if self.seconds.last().is_some_and(|last| last.pending + last.running == 0) => {
                format!("the work is done after {}", render_ms(ms + 1_000))
            }
            Some(_) => "the work is not done in this time".to_owned(),
            None => "there is no work".to_owned(),
        };
        format!("At most {most} executors, {} of executor time; {done}.", render_ms(executor_ms))
    }
}

/// How a play stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Playing {
    /// How much of it has been played, while it is played.
    pub progress: Option<f64>,
    /// The last play that was played to its end.
    pub done: Option<Rc<Play>>,
    /// Why it stopped.
    pub failed: Option<ErrorBody>,
}

/// A play on its way.
struct Stage {
    prepared: Rc<Prepared>,
    simulation: Simulation,
    play: Play,
    gone: Rc<Cell<bool>>,
    told_ms: f64,
    tell: Callback<Told>,
}

/// What is told of a play.
#[derive(Debug)]
pub enum Told {
    /// How much of it is played.
    Progress(f64),
    /// It was played to its end.
    Done(Play),
    /// It stopped.
    Failed(ErrorBody),
}

/// Plays for a slice of time, and goes on when the page has done what it had to.
fn slice(mut stage: Stage) {
    let began = js_sys::Date::now();
    while !stage.simulation.is_over() {
        let now = js_sys::Date::now();
        if now - began >= SLICE_MS {
            if now - stage.told_ms >= TELL_AFTER_MS {
                stage.told_ms = now;
                stage.tell.emit(Told::Progress(stage.simulation.progress()));
            }
            Timeout::new(0, move || {
                if !stage.gone.get() {
                    slice(stage);
                }
            })
            .forget();
            return;
        }
        let question = stage.simulation.question();
        match stage.prepared.ask::<ControlAnswer>(DecisionPoint::Control, &question) {
            Ok(answer) => stage.play.take(stage.simulation.answered(&question, answer)),
            Err(error) => return stage.tell.emit(Told::Failed(error)),
        }
    }
    stage.tell.emit(Told::Done(stage.play));
}

/// Plays a load; a new one is played from its start, and the one before stays to be seen until then.
#[hook]
pub fn use_play(prepared: Option<Rc<Prepared>>, load: Load) -> Rc<Playing> {
    let playing = use_reducer(Playing::default);
    {
        let dispatch = playing.dispatcher();
        use_effect_with((prepared, load), move |(prepared, load)| {
            let gone = Rc::new(Cell::new(false));
            if let Some(prepared) = prepared.clone() {
                dispatch.dispatch(Told::Progress(0.0));
                let tell = Callback::from(move |told| dispatch.dispatch(told));
                let (simulation, play) = (Simulation::new(load.clone()), Play::default());
                slice(Stage { prepared, simulation, play, gone: gone.clone(), told_ms: js_sys::Date::now(), tell });
            }
            move || gone.set(true)
        });
    }
    Rc::new((*playing).clone())
}

impl Reducible for Playing {
    type Action = Told;

    fn reduce(self: Rc<Self>, told: Told) -> Rc<Self> {
        let done = self.done.clone();
        Rc::new(match told {
            Told::Progress(progress) => Self { progress: Some(progress), done, failed: None },
            Told::Done(play) => Self { progress: None, done: Some(Rc::new(play)), failed: None },
            Told::Failed(error) => Self { progress: None, done: None, failed: Some(error) },
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::simulation::examples;
    use sparkwright_core::control::control;
    use sparkwright_core::policy::ResolvedPolicy;

    /// An example, played with the core itself under guards that hold something back.
    pub(crate) fn played(load: Load) -> Play {
        let mut policy = ResolvedPolicy::default();
        policy.guards.max_growth_a_minute = 2.0;
        policy.guards.down_window_seconds = 300;
        policy.guards.max_shrink_a_window = 0.40;
        let mut simulation = Simulation::new(load);
        let mut play = Play::default();
        while !simulation.is_over() {
            let question = simulation.question();
            let answer = control(&policy, &question);
            play.take(simulation.answered(&question, answer));
        }
        play
    }

    #[test]
    fn only_what_is_new_is_kept_with_its_account() {
        for (name, load) in examples() {
            let seconds = load.seconds as usize + 1;
            let play = played(load);
            assert_eq!(play.seconds.len(), seconds, "{name}");
            assert!(play.news.len() < seconds / 4, "{name}: {}", play.news.len());
            assert!(play.news.iter().any(|new| !new.held.is_empty()), "{name}");
            for new in play.news.iter().filter(|new| !new.held.is_empty()) {
                assert!(new.target.trace.notes.iter().any(|note| note.starts_with("held by ")), "{name}");
            }
            assert!(play.summary().contains("the work is done after"), "{name}: {}", play.summary());
        }
    }
}
