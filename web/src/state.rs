//! What the page knows, and the only ways in which that changes.

use std::rc::Rc;

use sparkwright_core::trace::{Decision, Grade, Trace};
use sparkwright_policy::DEFAULT_POLICY;
use sparkwright_record::Run;
use yew::prelude::*;

use crate::document::Document;
use crate::examples::EXAMPLES;
use crate::job::Job;
use crate::route::{Route, View};

/// How far the policy module is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Module {
    /// It is on its way.
    Loading,
    /// It is there.
    Ready {
        /// SHA-256 of its bytes.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
    /// It can't be had.
    Failed(String),
}

/// Who changed the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changer {
    /// The user, in the editor.
    Editor,
    /// Anything else: a form, a file, a link.
    Other,
}

/// A number whose account is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// What was decided.
    pub title: String,
    /// The value, as people read it.
    pub value: String,
    /// How well founded it is.
    pub grade: Grade,
    /// The account.
    pub trace: Trace,
}

impl Why {
    /// The account of a decision.
    #[must_use]
    pub fn of<T>(title: impl Into<String>, value: impl Into<String>, decision: &Decision<T>) -> Self {
        Self { title: title.into(), value: value.into(), grade: decision.grade, trace: decision.trace.clone() }
    }
}

/// A run that was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// Where it came from: a file's name, or the server.
    pub from: String,
    /// The run.
    pub run: Run,
}

/// Something that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub number: u32,
    /// Whether it is an error.
    pub error: bool,
    /// The words.
    pub text: String,
}

/// Everything that the page knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The policy file.
    pub document: Rc<Document>,
    /// How often the text was changed by anything but the editor: the editor takes it over then.
    pub revision: u32,
    /// Whether the text differs from what was opened or saved last.
    pub unsaved: bool,
    /// Whether the text is that of the server's file, changed or not.
    pub served: bool,
    /// The user's text that another took the place of.
    pub earlier: Option<Rc<Document>>,
    /// The environment that is looked at.
    pub environment: String,
    /// Where the user is.
    pub route: Route,
    /// The job that is explored.
    pub job: Rc<Job>,
    /// The module.
    pub module: Module,
    /// The number whose account is open.
    pub why: Option<Rc<Why>>,
    /// Runs that were opened, the newest last.
    pub runs: Vec<Rc<OpenRun>>,
    /// A place in the text to go to, with a number that makes each wish a new one.
    pub reveal: Option<(u32, usize, usize)>,
    /// What the user should know.
    pub notices: Vec<Notice>,
    /// Counts notices and wishes.
    pub counter: u32,
}

/// A change.
#[derive(Debug)]
pub enum Action {
    /// The text is another.
    Text(String, Changer),
    /// Another file was opened.
    Open(String, String),
    /// What was opened last is the server's file.
    Served,
    /// The text was saved under a name.
    Saved(String),
    /// The user went somewhere.
    Go(Route),
    /// Another environment is looked at.
    Environment(String),
    /// Another job is explored.
    Job(Job),
    /// The module's fate is known.
    Module(Module),
    /// An account is opened or closed.
    Why(Option<Why>),
    /// A run was opened, or an open one is known better.
    Run(Box<OpenRun>),
    /// An open run is let go.
    CloseRun(usize),
    /// A place in the text is to be shown.
    Reveal(usize, usize),
    /// Something is to be told: whether it is an error, and the words.
    Tell(bool, String),
    /// A notice is taken away.
    Dismiss(u32),
}

impl State {
    /// What the page knows when it opens.
    #[must_use]
    pub fn new(document: Document, route: Route) -> Self {
        let job = Rc::new(Job::of_query(&route.query));
        let asked = route.get("environment").unwrap_or_default().to_owned();
        let environment = document.environment(&asked).map_or(asked, |environment| environment.name.clone());
        Self {
            document: Rc::new(document),
            revision: 0,
            unsaved: false,
            served: false,
            earlier: None,
            environment,
            route,
            job,
            module: Module::Loading,
            why: None,
            runs: Vec::new(),
            reveal: None,
            notices: Vec::new(),
            counter: 0,
        }
    }

    /// The address of what is looked at.
    #[must_use]
    pub fn address(&self) -> Route {
        let mut query = Vec::new();
        if !self.environment.is_empty() {
            query.push(("environment".to_owned(), self.environment.clone()));
        }
        if self.route.view == View::Explore {
            query.extend(self.job.query());
        } else {
            let own = ["environment", "policy", "name", "v"];
            query.extend(self.route.query.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned());
        }
        Route { view: self.route.view, rest: self.route.rest.clone(), query }
    }

    fn set_document(&mut self, document: Document) {
        if let Some(environment) = document.environment(&self.environment) {
            self.environment.clone_from(&environment.name);
        }
        self.document = Rc::new(document);
    }
}

/// Whether a text is one that everybody can start from.
fn is_to_be_had_again(text: &str) -> bool {
    text == DEFAULT_POLICY || EXAMPLES.iter().any(|example| example.text == text)
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        match action {
            Action::Text(text, changer) => {
                if *next.document.text == *text {
                    return self;
                }
                next.set_document(Document::read(&self.document.name, &text));
                next.unsaved = true;
                if changer == Changer::Other {
                    next.revision += 1;
                }
            }
            Action::Open(name, text) => {
                if *self.document.text != *text && !is_to_be_had_again(&self.document.text) {
                    next.earlier = Some(Rc::clone(&self.document));
                }
                // Another file has its own default environment, unless the address asks for one.
                next.environment = self.route.get("environment").unwrap_or_default().to_owned();
                next.set_document(Document::read(&name, &text));
                next.revision += 1;
                next.unsaved = false;
                next.served = false;
            }
            Action::Served => next.served = true,
            Action::Saved(name) => {
                if name != self.document.name {
                    next.document = Rc::new(Document::read(&name, &self.document.text));
                }
                next.unsaved = false;
            }
            Action::Go(route) => {
                if let Some(environment) = route.get("environment") {
                    environment.clone_into(&mut next.environment);
                }
                if route.view == View::Explore {
                    next.job = Rc::new(Job::of_query(&route.query));
                }
                if route.view != self.route.view {
                    next.why = None;
                }
                next.route = route;
            }
            Action::Environment(name) => next.environment = name,
            Action::Job(job) => next.job = Rc::new(job),
            Action::Module(module) => next.module = module,
            Action::Why(why) => next.why = why.map(Rc::new),
            Action::Run(run) => {
                let known = next.runs.iter().position(|open| open.run.application.id == run.run.application.id);
                match known.and_then(|at| next.runs.get_mut(at)) {
                    Some(open) => *open = Rc::from(run),
                    None => next.runs.push(Rc::from(run)),
                }
            }
            Action::CloseRun(at) => {
                if at < next.runs.len() {
                    let closed = next.runs.remove(at);
                    // Its address would open it again.
                    if closed.run.application.id == next.route.rest {
                        next.route.rest.clear();
                    }
                }
            }
            Action::Reveal(line, column) => {
                next.counter += 1;
                next.reveal = Some((next.counter, line, column));
            }
            Action::Tell(error, text) => {
                next.counter += 1;
                next.notices.retain(|known| known.text != text);
                next.notices.push(Notice { number: next.counter, error, text });
            }
            Action::Dismiss(number) => next.notices.retain(|known| known.number != number),
        }
        Rc::new(next)
    }
}

/// The state as components get it.
pub type Handle = UseReducerHandle<State>;

/// The state of the page.
///
/// # Panics
/// Outside of the page.
#[hook]
pub fn use_page() -> Handle {
    #[allow(clippy::expect_used, reason = "every component stands in the page")]
    use_context::<Handle>().expect("a component of the page")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn policy(default: &str, most: u32) -> String {
        let environment = |name: &str| format!("  {name}: {{optimization: {{max_executors: {most}}}}}\n");
        format!("default_environment: {default}\nenvironments:\n{}{}", environment("lab"), environment("live"))
    }

    fn opened(state: Rc<State>, text: String) -> Rc<State> {
        state.reduce(Action::Open("team.yaml".to_owned(), text))
    }

    #[test]
    fn a_file_opens_at_its_own_default_unless_the_address_asks_for_another() {
        let at = |fragment: &str| {
            let first = Document::read("p.yaml", &policy("lab", 4));
            opened(Rc::new(State::new(first, Route::parse(fragment))), policy("live", 5)).environment.clone()
        };
        assert_eq!(at("#/explore"), "live");
        assert_eq!(at("#/explore?environment=lab"), "lab");
        assert_eq!(at("#/explore?environment=nowhere"), "live");
    }

    #[test]
    fn the_text_that_another_took_the_place_of_can_be_had_back() {
        let own = policy("lab", 4);
        let first = Rc::new(State::new(Document::read("own.yaml", &own), Route::default()));
        let second = opened(first, policy("live", 5));
        assert_eq!(&*second.earlier.as_ref().unwrap().text, own);
        // A link may carry the name of the server's file: its text is not saved over that.
        let served = opened(second.reduce(Action::Served), own.clone());
        assert!(!served.served && served.clone().reduce(Action::Served).served);
        let example = opened(Rc::new(State::new(Document::read("c.yaml", DEFAULT_POLICY), Route::default())), own);
        assert_eq!(example.earlier, None);
    }
}
