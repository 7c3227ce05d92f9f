//! The policy file that the server has open: opened, looked at while it is open in the page, and written.

use std::cell::Cell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Interval;
use gloo::utils::{document, window};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{RequestInit, VisibilityState};

use crate::drafts::Draft;
use crate::route::{Route, View};
use crate::server::{ask, follow, get, is_there, read, refusal, token};
use crate::state::{Action, Handle, OnDisk, Opened, ServedFile};

/// How often the file is looked at while the page is in sight.
const LOOK_EVERY_MS: u32 = 3_000;

/// What the server says of itself. Without a file it has no policy: the page has the built-in one too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct About {
    policy: Option<ServedPolicy>,
    #[serde(default)]
    policy_error: Option<String>,
    /// The name of the policy file, where it is not there.
    #[serde(default)]
    policy_gone: Option<String>,
    watch: Option<String>,
}

/// The policy file that the server has open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ServedPolicy {
    name: String,
    text: String,
    sha256: String,
    read_only: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    sha256: String,
}

/// What became of a text that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is the file's, with this digest.
    Written(String),
    /// The file is another than the one that was shown.
    Changed,
}

impl About {
    /// The policy file as it is on disk; nothing where there is none, as the built-in policy is shown.
    fn on_disk(self) -> Result<Option<OnDisk>, String> {
        match (self.policy, self.policy_gone, self.policy_error) {
            (Some(policy), ..) => Ok(Some(policy.on_disk())),
            (None, Some(name), _) => Ok(Some(OnDisk { name, text: None, sha256: None, read_only: None })),
            (None, None, Some(why)) => Err(why),
            (None, None, None) => Ok(None),
        }
    }
}

impl ServedPolicy {
    fn on_disk(self) -> OnDisk {
        OnDisk { name: self.name, text: Some(self.text.into()), sha256: Some(self.sha256), read_only: self.read_only }
    }

    /// The file with the user's own text of before in it, where that is another; else as it is.
    fn opened(&self, draft: Option<Draft>) -> Opened {
        let of_file = |draft: &Draft| draft.served && draft.unsaved && draft.name == self.name;
        let draft = draft.filter(|draft| of_file(draft) && draft.text != self.text);
        let saved = Some(self.text.as_str().into());
        match draft {
            Some(Draft { name, text, base, .. }) => {
                Opened { name, text: text.into(), saved, served: Some(ServedFile { base }) }
            }
            None => {
                let served = Some(ServedFile { base: Some(self.sha256.clone()) });
                Opened { served, ..Opened::of(self.name.clone(), self.text.as_str()) }
            }
        }
    }
}

thread_local! {
    /// Counts what was asked for: an answer that another question has overtaken may tell of a file that is no more.
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

async fn about() -> Result<About, String> {
    ASKED.set(ASKED.get() + 1);
    get("./server.json").await.and_then(|text| read("what `server.json`", &text))
}

/// The policy file as it is on disk now; nothing where the server has none.
///
/// # Errors
/// What the server says of it, or that it can't be reached.
pub async fn now() -> Result<Option<OnDisk>, String> {
    about().await?.on_disk()
}

/// Opens what the server has: its policy file, and the run that it watches. Nothing is asked for where there is no server.
///
/// `draft` is what the page opened with, where the browser had kept something.
pub fn begin(page: Handle, draft: Option<Draft>) {
    if !is_there() {
        return;
    }
    let has_link = page.route.get("policy").is_some();
    spawn_local(async move {
        let about = match about().await {
            Ok(about) => about,
            Err(why) => return page.dispatch(Action::Tell(true, why)),
        };
        if let Some(why) = &about.policy_error {
            page.dispatch(Action::Tell(true, why.clone()));
        }
        if let Some(policy) = about.policy.clone().filter(|_| !has_link) {
            let opened = policy.opened(draft);
            let is_kept = *opened.text != *policy.text;
            page.dispatch(Action::Open(opened));
            if is_kept {
                let told = format!("your changes to {} from before are still here, and not saved", policy.name);
                page.dispatch(Action::Tell(false, told));
            }
            page.dispatch(Action::OnDisk(policy.on_disk()));
        }
        if let Some(id) = about.watch {
            page.dispatch(Action::Go(Route { view: View::Runs, ..Route::default() }));
            follow(&page, &id);
        }
    });
}

/// Looks at the file now and again while the page is in sight, and when the user comes back to it.
///
/// A server that does not answer is asked again when the user comes back: the browser's log would fill with what everybody knows.
#[must_use]
pub fn watch(page: &Handle) -> Option<(Interval, [EventListener; 2])> {
    if !is_there() {
        return None;
    }
    let answers = Rc::new(Cell::new(true));
    let look = {
        let (page, answers) = (page.dispatcher(), Rc::clone(&answers));
        move || {
            let (page, answers) = (page.clone(), Rc::clone(&answers));
            spawn_local(async move {
                let before = ASKED.get() + 1;
                let about = about().await;
                answers.set(about.is_ok());
                if ASKED.get() != before {
                    return;
                }
                // A file that can't be read is told when it is to be saved.
                if let Ok(Some(on_disk)) = about.and_then(About::on_disk) {
                    page.dispatch(Action::OnDisk(on_disk));
                }
            });
        }
    };
    let in_sight = || document().visibility_state() == VisibilityState::Visible;
    let again = look.clone();
    let interval = Interval::new(LOOK_EVERY_MS, move || {
        if in_sight() && answers.get() {
            again();
        }
    });
    let shown = look.clone();
    let comes = EventListener::new(&document(), "visibilitychange", move |_| {
        if in_sight() {
            shown();
        }
    });
    let focused = EventListener::new(&window(), "focus", move |_| look());
    Some((interval, [comes, focused]))
}

/// Writes a text to the file, where that is still the one that was shown.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn write(text: &str, shown: &OnDisk) -> Result<Fate, String> {
    let token = token().ok_or("there is no server that has this file")?;
    let condition = match &shown.sha256 {
        Some(sha256) => ("if-match", format!("\"{sha256}\"")),
        None => ("if-none-match", "*".to_owned()),
    };
    let headers = js_sys::Object::new();
    for (name, value) in [("x-sparkwright-token", token), condition, ("content-type", "application/yaml".to_owned())] {
        // A plain object takes every member.
        let _ = js_sys::Reflect::set(&headers, &name.into(), &value.into());
    }
    let init = RequestInit::new();
    init.set_method("PUT");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(text));
    ASKED.set(ASKED.get() + 1);
    let answer = ask("./policy", &init).await?;
    match refusal(answer.status, &answer.text) {
        Some(_) if answer.status == 412 => Ok(Fate::Changed),
        Some(why) => Err(why),
        None => read("the answer to the saved file", &answer.text).map(|Written { sha256 }| Fate::Written(sha256)),
    }
}

/// Opens the file as it is on disk now; a text of the user's stays in the list.
pub async fn reload(page: &Handle) {
    let told = match about().await {
        Ok(About { policy: Some(policy), .. }) => {
            page.dispatch(Action::Open(policy.opened(None)));
            (false, format!("{} is open as it is on disk", policy.name))
        }
        Ok(About { policy_error, .. }) => {
            (true, policy_error.unwrap_or_else(|| "the server has no policy file".to_owned()))
        }
        Err(why) => (true, why),
    };
    page.dispatch(Action::Tell(told.0, told.1));
}

/// Opens the file as the user was told that it is; the user's text stays in the list.
pub fn take_theirs(page: &Handle, on_disk: &OnDisk) {
    let Some(text) = on_disk.text.clone() else { return };
    let served = Some(ServedFile { base: on_disk.sha256.clone() });
    page.dispatch(Action::Open(Opened { served, ..Opened::of(on_disk.name.clone(), text) }));
    let told = format!("{} is open as it is on disk; your text stays in the list `Start from …`", on_disk.name);
    page.dispatch(Action::Tell(false, told));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::drafts::Held;
    use crate::server::LIVE;

    fn policy() -> ServedPolicy {
        let (name, text, sha256) = ("team.yaml".into(), "a: 1\n".into(), "now".into());
        ServedPolicy { name, text, sha256, read_only: None }
    }

    #[test]
    fn what_the_server_says_of_itself_is_read() {
        let about: About = read(
            "it",
            r#"{"version":"0.1.0","policy":{"name":"team.yaml","text":"a: 1\n","sha256":"now","read_only":null},
                "policy_error":null,"policy_gone":null,"watch":"live"}"#,
        )
        .unwrap();
        assert_eq!((about.policy.clone(), about.watch.as_deref()), (Some(policy()), Some(LIVE)));
        assert_eq!(about.on_disk().unwrap().unwrap().sha256.as_deref(), Some("now"));

        let of = |text: &str| read::<About>("it", text).unwrap().on_disk();
        let gone = of(r#"{"policy":null,"policy_error":"no such file","policy_gone":"team.yaml","watch":null}"#);
        assert_eq!(gone, Ok(Some(OnDisk { name: "team.yaml".into(), text: None, sha256: None, read_only: None })));
        let wrong = of(r#"{"policy":null,"policy_error":"it is not UTF-8 text","policy_gone":null,"watch":null}"#);
        assert_eq!(wrong, Err("it is not UTF-8 text".to_owned()));
        assert_eq!(of(r#"{"policy":null,"watch":null}"#), Ok(None));
    }

    #[test]
    fn what_was_not_saved_is_not_lost_when_the_page_is_loaded_again() {
        let draft = |name: &str, text: &str| Draft {
            name: name.into(),
            text: text.into(),
            unsaved: true,
            served: true,
            base: Some("before".into()),
            at_ms: 0.0,
            held: Held::Open,
        };
        let base = |opened: &Opened| opened.served.clone().unwrap().base.unwrap();
        for other in [None, Some(draft("team.yaml", "a: 1\n")), Some(draft("other.yaml", "a: 2\n"))] {
            let opened = policy().opened(other);
            assert_eq!((&*opened.text, base(&opened).as_str()), ("a: 1\n", "now"));
        }
        let opened = policy().opened(Some(draft("team.yaml", "a: 2\n")));
        assert_eq!((&*opened.text, base(&opened).as_str()), ("a: 2\n", "before"), "held against what it began as");
        assert_eq!(opened.saved.as_deref(), Some("a: 1\n"));
        let link = Draft { served: false, ..draft("team.yaml", "a: 2\n") };
        assert_eq!(&*policy().opened(Some(link)).text, "a: 1\n", "another file's text, whatever its name");
    }
}
