//! What the page knows, and the only ways in which that changes.

use std::rc::Rc;

use sparkwright_core::trace::{Decision, Grade, Trace};
use sparkwright_policy::DEFAULT_POLICY;
use sparkwright_record::Run;
use yew::prelude::*;

use crate::document::Document;
use crate::drafts::Kept;
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

/// The server's policy file, of which the text that is open is the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedFile {
    /// SHA-256 of the text on disk that the user's began as, or was held against last; nothing where the file was not there.
    pub base: Option<String>,
}

/// The server's policy file as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// Its name.
    pub name: String,
    /// Its text; nothing where it is not there.
    pub text: Option<Rc<str>>,
    /// SHA-256 of its text; nothing where it is not there.
    pub sha256: Option<String>,
    /// Why it can't be written; nothing where it can.
    pub read_only: Option<String>,
}

/// A document to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The file's name.
    pub name: String,
    /// The text.
    pub text: Rc<str>,
    /// The text as it is saved; nothing where it is known to be another and not which.
    pub saved: Option<Rc<str>>,
    /// Where it is the text of the server's file, changed or not.
    pub served: Option<ServedFile>,
}

impl Opened {
    /// A document as somebody gives it.
    #[must_use]
    pub fn of(name: impl Into<String>, text: impl Into<Rc<str>>) -> Self {
        let text = text.into();
        Self { name: name.into(), saved: Some(Rc::clone(&text)), text, served: None }
    }
}

/// A document of this visit that another took the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The document as it was.
    pub opened: Opened,
    /// Whether it was not saved.
    pub unsaved: bool,
}

/// Where a text would be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the server's file.
    Server,
    /// In a file that the user gave the browser.
    Picked,
}

/// A text that is about to be saved: what the user is shown first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// Where it would go.
    pub place: Place,
    /// That file as it is now.
    pub on_disk: OnDisk,
    /// The text, which is what is written.
    pub mine: Rc<str>,
    /// Whether the file is another than the one that the text began as.
    pub changed: bool,
    /// What went wrong the last time.
    pub told: Option<String>,
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
    /// Counts the documents that were opened: what is undone stays within one.
    pub opening: u32,
    /// How often the text was changed by anything but the editor: the editor takes it over then.
    pub revision: u32,
    /// The text as it was opened or saved last; nothing where it is known to be another and not which.
    pub saved: Option<Rc<str>>,
    /// Where the text is that of the server's file, changed or not.
    pub served: Option<ServedFile>,
    /// That file, where something else has changed it since the text began as it, and the user has not decided yet.
    pub underneath: Option<Rc<OnDisk>>,
    /// The text that is about to be saved.
    pub saving: Option<Rc<Saving>>,
    /// Documents that others took the place of, the newest first.
    pub earlier: Vec<Rc<Earlier>>,
    /// Texts of other tabs and of earlier visits that are not saved.
    pub drafts: Vec<Rc<Kept>>,
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
    /// Another document was opened.
    Open(Opened),
    /// The server's file is this by now.
    OnDisk(OnDisk),
    /// What has become of the server's file is known, and the user's text stays.
    KeepMine,
    /// A text is about to be saved, or not any more.
    Saving(Option<Saving>),
    /// A text was saved under a name: the server's file by its new digest, or another.
    Saved(String, Rc<str>, Option<ServedFile>),
    /// These texts of other tabs and of earlier visits are kept.
    Drafts(Vec<Rc<Kept>>),
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
    /// What the page knows when it opens: with a document, and what of it is saved.
    #[must_use]
    pub fn new(document: Document, saved: Option<Rc<str>>, route: Route) -> Self {
        let job = Rc::new(Job::of_query(&route.query));
        let asked = route.get("environment").unwrap_or_default().to_owned();
        let environment = document.environment(&asked).map_or(asked, |environment| environment.name.clone());
        Self {
            document: Rc::new(document),
            opening: 0,
            revision: 0,
            saved,
            served: None,
            underneath: None,
            saving: None,
            earlier: Vec::new(),
            drafts: Vec::new(),
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

    /// Whether the text differs from what was opened or saved last.
    #[must_use]
    pub fn unsaved(&self) -> bool {
        self.saved.as_ref() != Some(&self.document.text)
    }

    /// The document as it could be opened again.
    #[must_use]
    pub fn as_opened(&self) -> Opened {
        Opened {
            name: self.document.name.clone(),
            text: Rc::clone(&self.document.text),
            saved: self.saved.clone(),
            served: self.served.clone(),
        }
    }

    /// Takes the place of the document that is open.
    fn open(&mut self, opened: Opened) {
        let before = self.as_opened();
        self.earlier.retain(|it| it.opened.text != opened.text && it.opened.text != before.text);
        if before.text != opened.text && !is_to_be_had_again(&before.text) {
            self.earlier.insert(0, Rc::new(Earlier { unsaved: self.unsaved(), opened: before }));
        }
        // Another file has its own default environment, unless the address asks for one.
        self.environment = self.route.get("environment").unwrap_or_default().to_owned();
        self.set_document(Document::read(&opened.name, &opened.text));
        self.opening += 1;
        self.saved = opened.saved;
        self.served = opened.served;
        self.underneath = None;
        self.saving = None;
    }

    /// Takes note of what the server's file is by now.
    fn meet(&mut self, on_disk: OnDisk) {
        let Some(served) = &mut self.served else { return };
        if on_disk.name != self.document.name {
            self.served = None;
            self.underneath = None;
        } else if on_disk.text.as_ref() == Some(&self.document.text) {
            served.base = on_disk.sha256;
            self.saved = on_disk.text;
            self.underneath = None;
        } else if served.base == on_disk.sha256 {
            self.underneath = None;
        } else if self.underneath.as_deref() != Some(&on_disk) {
            self.underneath = Some(Rc::new(on_disk));
        }
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
                if changer == Changer::Other {
                    next.revision += 1;
                }
            }
            Action::Open(opened) => next.open(opened),
            Action::OnDisk(on_disk) => {
                next.meet(on_disk);
                // It is looked at again and again.
                if (&next.served, &next.saved, &next.underneath) == (&self.served, &self.saved, &self.underneath) {
                    return self;
                }
            }
            Action::KeepMine => {
                if let (Some(served), Some(underneath)) = (&mut next.served, next.underneath.take()) {
                    served.base.clone_from(&underneath.sha256);
                    next.saved.clone_from(&underneath.text);
                }
            }
            Action::Saving(saving) => next.saving = saving.map(Rc::new),
            Action::Saved(name, text, served) => {
                if name != self.document.name {
                    next.document = Rc::new(Document::read(&name, &self.document.text));
                }
                next.saved = Some(text);
                next.served = served;
                next.underneath = None;
                next.saving = None;
            }
            Action::Drafts(drafts) => next.drafts = drafts,
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

    fn begun(name: &str, text: &str, fragment: &str) -> Rc<State> {
        Rc::new(State::new(Document::read(name, text), Some(text.into()), Route::parse(fragment)))
    }

    fn opened(state: Rc<State>, text: &str) -> Rc<State> {
        state.reduce(Action::Open(Opened::of("team.yaml", text)))
    }

    fn typed(state: Rc<State>, text: &str) -> Rc<State> {
        state.reduce(Action::Text(text.to_owned(), Changer::Editor))
    }

    fn disk(text: Option<&str>) -> OnDisk {
        let sha256 = text.map(|text| format!("sha of {text}"));
        OnDisk { name: "team.yaml".into(), text: text.map(Into::into), sha256, read_only: None }
    }

    /// The server's file with this text, as the page opens it.
    fn served(text: &str) -> Rc<State> {
        let file = Some(ServedFile { base: disk(Some(text)).sha256 });
        let state = begun("config.yaml", DEFAULT_POLICY, "");
        state.reduce(Action::Open(Opened { served: file, ..Opened::of("team.yaml", text) }))
    }

    #[test]
    fn a_file_opens_at_its_own_default_unless_the_address_asks_for_another() {
        let at = |fragment: &str| {
            opened(begun("p.yaml", &policy("lab", 4), fragment), &policy("live", 5)).environment.clone()
        };
        assert_eq!(at("#/explore"), "live");
        assert_eq!(at("#/explore?environment=lab"), "lab");
        assert_eq!(at("#/explore?environment=nowhere"), "live");
    }

    #[test]
    fn every_text_that_another_took_the_place_of_can_be_had_back() {
        let own = policy("lab", 4);
        let second = opened(begun("own.yaml", &own, ""), &policy("live", 5));
        let third = opened(typed(second, &policy("live", 6)), &policy("live", 7));
        let earlier =
            |state: &State| state.earlier.iter().map(|it| (it.opened.text.to_string(), it.unsaved)).collect::<Vec<_>>();
        assert_eq!(earlier(&third), [(policy("live", 6), true), (own.clone(), false)]);
        let back = third.clone().reduce(Action::Open(third.earlier.last().unwrap().opened.clone()));
        assert_eq!((&*back.document.name, &*back.document.text), ("own.yaml", own.as_str()));
        assert_eq!(earlier(&back), [(policy("live", 7), false), (policy("live", 6), true)]);
        assert_eq!(opened(begun("c.yaml", DEFAULT_POLICY, ""), &own).earlier, []);
    }

    #[test]
    fn each_document_is_an_opening_of_its_own_and_a_form_s_change_is_none() {
        let first = begun("own.yaml", "a: 1\n", "");
        let second = opened(first.clone(), "a: 1\n");
        assert_ne!(second.opening, first.opening);
        let changed = second.clone().reduce(Action::Text("a: 2\n".into(), Changer::Other));
        assert_eq!((changed.opening, changed.revision), (second.opening, second.revision + 1));
    }

    #[test]
    fn what_is_saved_is_what_was_written_whatever_was_typed_meanwhile() {
        let state = typed(begun("own.yaml", "a: 1\n", ""), "a: 2\n");
        assert!(state.unsaved());
        assert!(!typed(state.clone(), "a: 1\n").unsaved(), "taken back");
        let later = typed(state, "a: 3\n").reduce(Action::Saved("own.yaml".into(), "a: 2\n".into(), None));
        assert!(later.unsaved() && !typed(later, "a: 2\n").unsaved());
    }

    #[test]
    fn a_file_that_changed_underneath_is_told_once_and_either_text_stays() {
        let state = typed(served("a: 1\n"), "a: mine\n");
        let look = |state: &Rc<State>, text| state.clone().reduce(Action::OnDisk(disk(text)));
        assert_eq!(look(&state, Some("a: 1\n")).underneath, None);
        for text in [Some("a: theirs\n"), None] {
            let told = look(&state, text);
            assert_eq!(told.underneath.as_deref(), Some(&disk(text)));
            assert!(Rc::ptr_eq(&told, &look(&told, text)), "the same is nothing new");
            let mine = told.clone().reduce(Action::KeepMine);
            assert_eq!((&*mine.document.text, mine.unsaved(), &mine.underneath), ("a: mine\n", true, &None));
            assert_eq!(look(&mine, text).underneath, None, "it is known");
            assert!(look(&mine, Some("a: others\n")).underneath.is_some());
        }
        // The same text from two sides is no difference.
        let same = look(&look(&state, Some("a: theirs\n")), Some("a: mine\n"));
        assert_eq!((same.unsaved(), &same.underneath), (false, &None));
        // What is changed back is no change.
        assert_eq!(look(&look(&state, None), Some("a: 1\n")).underneath, None);
    }

    #[test]
    fn only_the_text_of_the_server_s_file_is_held_against_it() {
        // A link may carry the name of the server's file: its text is not saved over that.
        let link = opened(served("a: 1\n"), "a: 2\n");
        assert_eq!(link.served, None);
        assert_eq!(link.reduce(Action::OnDisk(disk(Some("a: 3\n")))).underneath, None);
        let renamed = OnDisk { name: "other.yaml".into(), ..disk(Some("a: 3\n")) };
        let other = served("a: 1\n").reduce(Action::OnDisk(renamed));
        assert_eq!((&other.served, &other.underneath), (&None, &None));
    }
}
