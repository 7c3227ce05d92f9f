//! The server that `sparkwright web` is: the policy file that it has open, and the runs that it keeps.
//!
//! The page also lives where there is no such server. Only a page that says that it comes from one (`<meta name="sparkwright-server">`)
//! asks for anything; everywhere else all of this answers that there is nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use gloo::events::EventListener;
use gloo::utils::{document, window};
use serde::Deserialize;
use sparkwright_record::RunState;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{EventSource, RequestInit, Response};

use crate::kept;
use crate::opening::opened_run;
use crate::route::{Route, View};
use crate::shell::message;
use crate::state::{Action, Changer, Handle};

/// Where the browser keeps the digest of the file that the kept text began as.
const KEPT_BASE: &str = "sparkwright.policy-base";
/// What the server calls the run that it waits for.
pub const LIVE: &str = "live";
/// Where a run came from that the server has.
pub const FROM_SERVER: &str = "sparkwright web";

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct About {
    policy: Option<ServedPolicy>,
    #[serde(default)]
    policy_error: Option<String>,
    watch: Option<String>,
}

/// The policy file that the server has open.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ServedPolicy {
    name: String,
    text: String,
    sha256: String,
    writable: bool,
}

/// A run that the server has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServedRun {
    /// The name of its folder.
    pub id: String,
    /// The application's name.
    pub name: String,
    /// How far it is.
    pub state: RunState,
    /// When it began, Unix time.
    pub started_ms: u64,
    /// When it changed last, Unix time.
    pub updated_ms: u64,
}

#[derive(Deserialize)]
struct ServedRuns {
    runs: Vec<ServedRun>,
}

#[derive(Deserialize)]
struct Saved {
    sha256: String,
}

/// A file that can be saved by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenFile {
    name: String,
    /// SHA-256 of the text that was read or written last.
    sha256: String,
}

/// A run that is followed: its stream of events, and who listens to it.
struct Followed {
    source: EventSource,
    _listeners: [EventListener; 3],
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.source.close();
    }
}

thread_local! {
    static FILE: RefCell<Option<OpenFile>> = const { RefCell::new(None) };
    static FOLLOWED: RefCell<BTreeMap<String, Followed>> = const { RefCell::new(BTreeMap::new()) };
}

/// What the server gave the page to be known by; nothing where there is no server.
fn token() -> Option<String> {
    let meta = document().query_selector("meta[name=sparkwright-server]").ok()??;
    meta.get_attribute("content").filter(|token| !token.is_empty())
}

/// Whether the page comes from a server that keeps runs.
#[must_use]
pub fn is_there() -> bool {
    token().is_some()
}

/// An answer of the server, whatever it says.
struct Answer {
    status: u16,
    text: String,
}

/// Asks the server.
async fn ask(path: &str, init: &RequestInit) -> Result<Answer, String> {
    let gone = |error: JsValue| {
        format!(
            "the server can't be reached ({}): is `sparkwright web` still running?",
            message(&error).trim_end_matches('.')
        )
    };
    let response = JsFuture::from(window().fetch_with_str_and_init(path, init)).await.map_err(gone)?;
    let response: Response = response.dyn_into().map_err(|_| "the browser gave no answer".to_owned())?;
    let text = JsFuture::from(response.text().map_err(gone)?).await.map_err(gone)?;
    Ok(Answer { status: response.status(), text: text.as_string().unwrap_or_default() })
}

/// What an answer says is wrong; nothing where it is a good one.
fn refusal(status: u16, text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    if (200..300).contains(&status) {
        return None;
    }
    let said = serde_json::from_slice::<Refused>(text.as_bytes()).ok().map(|refused| refused.error);
    Some(said.unwrap_or_else(|| format!("the server answers {status}")))
}

/// Gets a text.
async fn get(path: &str) -> Result<String, String> {
    let answer = ask(path, &RequestInit::new()).await?;
    refusal(answer.status, &answer.text).map_or(Ok(answer.text), Err)
}

fn read<T: for<'de> Deserialize<'de>>(what: &str, text: &str) -> Result<T, String> {
    serde_json::from_slice(text.as_bytes()).map_err(|error| format!("{what} of the server can't be read: {error}"))
}

/// What is done with the server's file when the page opens.
#[derive(Debug, PartialEq, Eq)]
enum Meeting {
    /// Its text is opened.
    Open,
    /// The user's text of before is kept, as a change of the file.
    Keep,
    /// The same, and the file has become another since.
    KeepOverNewer,
}

/// `kept` is the name, the text and the base of what the browser kept.
fn meeting(policy: &ServedPolicy, kept: Option<(&str, &str, &str)>) -> Meeting {
    match kept {
        Some((name, text, base)) if name == policy.name && text != policy.text => {
            if base == policy.sha256 {
                Meeting::Keep
            } else {
                Meeting::KeepOverNewer
            }
        }
        _ => Meeting::Open,
    }
}

fn opened(policy: &ServedPolicy, base: &str) {
    let file = policy.writable.then(|| OpenFile { name: policy.name.clone(), sha256: base.to_owned() });
    FILE.with(|open| *open.borrow_mut() = file);
    // A browser that keeps nothing opens the file again next time.
    let _ = kept::set(KEPT_BASE, base);
}

/// Opens what the server has: its policy file, and the run that it watches. Nothing is asked for where there is no server.
pub fn begin(page: Handle) {
    if !is_there() {
        return;
    }
    // Read before the page keeps what it opened with.
    let (name, text) = (page.document.name.clone(), page.document.text.to_string());
    let base = kept::get(KEPT_BASE);
    let has_link = page.route.get("policy").is_some();
    spawn_local(async move {
        let about = match get("./server.json").await.and_then(|text| read::<About>("what `server.json`", &text)) {
            Ok(about) => about,
            Err(why) => return page.dispatch(Action::Tell(true, why)),
        };
        if let Some(why) = about.policy_error {
            page.dispatch(Action::Tell(true, why));
        }
        if let Some(policy) = about.policy.filter(|_| !has_link) {
            let kept = base.as_deref().map(|base| (name.as_str(), text.as_str(), base));
            match meeting(&policy, kept) {
                Meeting::Open => {
                    opened(&policy, &policy.sha256);
                    page.dispatch(Action::Open(policy.name, policy.text));
                    page.dispatch(Action::Served);
                }
                Meeting::Keep => {
                    opened(&policy, &policy.sha256);
                    let told = format!("your changes to {} from before are still here, and not saved", policy.name);
                    keep(&page, &policy, text, told);
                }
                Meeting::KeepOverNewer => {
                    opened(&policy, base.as_deref().unwrap_or_default());
                    let told = format!(
                        "{0} was changed on disk since you began to change it; your text is open and can't be saved over that: copy what you need, then press Reload for the file",
                        policy.name
                    );
                    keep(&page, &policy, text, told);
                }
            }
        }
        if let Some(id) = about.watch {
            page.dispatch(Action::Go(Route { view: View::Runs, ..Route::default() }));
            follow(&page, &id);
        }
    });
}

/// Opens the file and puts the user's text over it, so that it counts as changed.
fn keep(page: &Handle, policy: &ServedPolicy, text: String, told: String) {
    page.dispatch(Action::Open(policy.name.clone(), policy.text.clone()));
    page.dispatch(Action::Served);
    page.dispatch(Action::Text(text, Changer::Other));
    page.dispatch(Action::Tell(false, told));
}

/// Whether saving the text that is open writes the server's file: another file's text never does, whatever its name.
#[must_use]
pub fn is_writable(page: &Handle) -> bool {
    page.served && FILE.with(|file| file.borrow().as_ref().is_some_and(|file| file.name == page.document.name))
}

/// Saves the text to the server's file, unless that is another by now.
pub async fn save(page: &Handle) {
    let Some((token, file)) = token().zip(FILE.with(|file| file.borrow().clone())) else { return };
    let headers = js_sys::Object::new();
    let wanted = [
        ("x-sparkwright-token", token),
        ("if-match", format!("\"{}\"", file.sha256)),
        ("content-type", "application/yaml".to_owned()),
    ];
    for (name, value) in wanted {
        // A plain object takes every member.
        let _ = js_sys::Reflect::set(&headers, &name.into(), &value.into());
    }
    let init = RequestInit::new();
    init.set_method("PUT");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(&page.document.text));
    let saved = match ask("./policy", &init).await {
        Ok(answer) => match refusal(answer.status, &answer.text) {
            Some(why) if answer.status == 412 => {
                Err(format!("not saved: {why}. Copy what you need, then press Reload for the file as it is"))
            }
            Some(why) => Err(format!("{} is not saved: {why}", file.name)),
            None => read::<Saved>("the answer to the saved file", &answer.text),
        },
        Err(why) => Err(format!("{} is not saved: {why}", file.name)),
    };
    match saved {
        Ok(Saved { sha256 }) => {
            let _ = kept::set(KEPT_BASE, &sha256);
            FILE.with(|open| *open.borrow_mut() = Some(OpenFile { name: file.name.clone(), sha256 }));
            page.dispatch(Action::Saved(file.name.clone()));
            page.dispatch(Action::Tell(false, format!("{} is saved", file.name)));
        }
        Err(why) => page.dispatch(Action::Tell(true, why)),
    }
}

/// Opens the server's file as it is on disk now.
pub async fn reload(page: &Handle) {
    match get("./server.json").await.and_then(|text| read::<About>("what `server.json`", &text)) {
        Ok(About { policy: Some(policy), .. }) => {
            opened(&policy, &policy.sha256);
            page.dispatch(Action::Tell(false, format!("{} is open as it is on disk", policy.name)));
            page.dispatch(Action::Open(policy.name, policy.text));
            page.dispatch(Action::Served);
        }
        Ok(About { policy_error, .. }) => {
            page.dispatch(Action::Tell(
                true,
                policy_error.unwrap_or_else(|| "the server has no policy file".to_owned()),
            ));
        }
        Err(why) => page.dispatch(Action::Tell(true, why)),
    }
}

/// The runs that the server has, the newest first.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn runs() -> Result<Vec<ServedRun>, String> {
    let text = get("./runs.json").await?;
    Ok(read::<ServedRuns>("the list of runs", &text)?.runs)
}

fn address(id: &str) -> String {
    format!("./runs/{}", String::from(js_sys::encode_uri_component(id)))
}

/// Opens a run of the server, and follows it while it goes on; its application's id.
///
/// # Errors
/// What the server says, or what is wrong with the run.
pub async fn open(page: &Handle, id: &str) -> Result<String, String> {
    let (application, state) = take_in(page, id).await?;
    if state == RunState::Running {
        follow(page, id);
    }
    Ok(application)
}

/// Opens a run as it is now.
async fn take_in(page: &Handle, id: &str) -> Result<(String, RunState), String> {
    let text = get(&format!("{}.json", address(id))).await?;
    let mut open = opened_run(id, &text)?;
    FROM_SERVER.clone_into(&mut open.from);
    let known = (open.run.application.id.clone(), open.run.state);
    page.dispatch(Action::Run(Box::new(open)));
    Ok(known)
}

/// Takes in each new state of a run until it has ended.
pub fn follow(page: &Handle, id: &str) {
    if FOLLOWED.with(|followed| followed.borrow().contains_key(id)) {
        return;
    }
    let source = match EventSource::new(&format!("{}/events", address(id))) {
        Ok(source) => source,
        Err(error) => {
            page.dispatch(Action::Tell(true, format!("the run {id} can't be followed: {}", message(&error))));
            return;
        }
    };
    let take = {
        let (page, id) = (page.clone(), id.to_owned());
        move || {
            let (page, id) = (page.clone(), id.clone());
            spawn_local(async move {
                if let Err(why) = take_in(&page, &id).await {
                    page.dispatch(Action::Tell(true, format!("the run {id} could not be opened: {why}")));
                }
            });
        }
    };
    let changed = EventListener::new(&source, "changed", {
        let take = take.clone();
        move |_| take()
    });
    let ended = EventListener::new(&source, "ended", {
        let id = id.to_owned();
        move |_| {
            unfollow(&id);
            take();
        }
    });
    let lost = EventListener::new(&source, "error", {
        let (page, id, stream) = (page.clone(), id.to_owned(), source.clone());
        move |_| {
            // The browser tries again by itself while the stream is not closed.
            if stream.ready_state() == EventSource::CLOSED {
                unfollow(&id);
                page.dispatch(Action::Tell(
                    true,
                    format!("the server no longer tells of the run {id}: open it again from the list"),
                ));
            }
        }
    });
    let followed = Followed { source, _listeners: [changed, ended, lost] };
    FOLLOWED.with(|all| all.borrow_mut().insert(id.to_owned(), followed));
}

/// Lets a run go on unseen.
pub fn unfollow(id: &str) {
    let gone = FOLLOWED.with(|all| all.borrow_mut().remove(id));
    // Not while one of its listeners runs: a closure that drops itself is no more.
    if let Some(gone) = gone {
        gone.source.close();
        spawn_local(async move { drop(gone) });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn policy() -> ServedPolicy {
        ServedPolicy { name: "team.yaml".into(), text: "a: 1\n".into(), sha256: "now".into(), writable: true }
    }

    #[test]
    fn what_the_server_says_of_itself_is_read() {
        let about: About = read(
            "it",
            r#"{"version":"0.1.0","policy":{"name":"team.yaml","text":"a: 1\n","sha256":"now","writable":true},"policy_error":null,"watch":"live"}"#,
        )
        .unwrap();
        assert_eq!(about, About { policy: Some(policy()), policy_error: None, watch: Some(LIVE.into()) });
        let none: About = read("it", r#"{"version":"0.1.0","policy":null,"watch":null}"#).unwrap();
        assert_eq!((none.policy, none.watch), (None, None));
        assert!(read::<About>("it", "<html>").unwrap_err().contains("can't be read"));
    }

    #[test]
    fn the_list_of_runs_is_read() {
        let text = r#"{"runs":[{"id":"app-1","name":"nightly","state":"host_lost","started_ms":5,"updated_ms":7}]}"#;
        let runs = read::<ServedRuns>("the list", text).unwrap().runs;
        assert_eq!((runs.len(), runs.first().map(|run| run.state)), (1, Some(RunState::HostLost)));
    }

    #[test]
    fn an_answer_is_told_in_the_server_s_words_where_it_has_some() {
        assert_eq!(refusal(200, "{}"), None);
        assert_eq!(
            refusal(412, r#"{"error":"the file is another by now"}"#).as_deref(),
            Some("the file is another by now")
        );
        assert_eq!(refusal(502, "<html>bad gateway").as_deref(), Some("the server answers 502"));
    }

    #[test]
    fn what_was_not_saved_is_not_lost_when_the_page_is_loaded_again() {
        assert_eq!(meeting(&policy(), None), Meeting::Open);
        assert_eq!(meeting(&policy(), Some(("team.yaml", "a: 1\n", "before"))), Meeting::Open);
        assert_eq!(meeting(&policy(), Some(("other.yaml", "a: 2\n", "now"))), Meeting::Open);
        assert_eq!(meeting(&policy(), Some(("team.yaml", "a: 2\n", "now"))), Meeting::Keep);
        assert_eq!(meeting(&policy(), Some(("team.yaml", "a: 2\n", "before"))), Meeting::KeepOverNewer);
    }
}
