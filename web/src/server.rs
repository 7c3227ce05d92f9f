//! The server that `sparkwright web` is: how it is asked, and the runs that it keeps. Its policy file: `served_file`.
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

use crate::opening::opened_run;
use crate::shell::message;
use crate::state::{Action, Handle};

/// What the server calls the run that it waits for.
pub const LIVE: &str = "live";
/// Where a run came from that the server has.
pub const FROM_SERVER: &str = "sparkwright web";

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
    static FOLLOWED: RefCell<BTreeMap<String, Followed>> = const { RefCell::new(BTreeMap::new()) };
}

/// What the server gave the page to be known by; nothing where there is no server.
#[must_use]
pub fn token() -> Option<String> {
    let meta = document().query_selector("meta[name=sparkwright-server]").ok()??;
    meta.get_attribute("content").filter(|token| !token.is_empty())
}

/// Whether the page comes from a server that keeps runs.
#[must_use]
pub fn is_there() -> bool {
    token().is_some()
}

/// An answer of the server, whatever it says.
#[derive(Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// What it holds.
    pub text: String,
}

/// Asks the server.
///
/// # Errors
/// It can't be reached.
pub async fn ask(path: &str, init: &RequestInit) -> Result<Answer, String> {
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
#[must_use]
pub fn refusal(status: u16, text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    if (200..300).contains(&status) {
        return None;
    }
    let said = sparkwright_core::json::from_slice::<Refused>(text.as_bytes()).ok().map(|refused| refused.error);
    Some(said.unwrap_or_else(|| format!("the server answers {status}")))
}

/// Gets a text.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn get(path: &str) -> Result<String, String> {
    let answer = ask(path, &RequestInit::new()).await?;
    refusal(answer.status, &answer.text).map_or(Ok(answer.text), Err)
}

/// Reads what the server says.
///
/// # Errors
/// It is something else.
pub fn read<T: for<'de> Deserialize<'de>>(what: &str, text: &str) -> Result<T, String> {
    sparkwright_core::json::from_slice(text.as_bytes())
        .map_err(|error| format!("{what} of the server can't be read: {error}"))
}

/// The runs that the server has, the newest first.
///
/// # Errors
/// What the server says, or that it can't be reached.
pub async fn runs() -> Result<Vec<ServedRun>, String> {
    let text = get("./runs.json").await?;
    Ok(read::<ServedRuns>("the list of runs", &text)?.runs)
}

/// A name as a part of an address.
#[must_use]
pub fn encoded(name: &str) -> String {
    js_sys::encode_uri_component(name).into()
}

fn address(id: &str) -> String {
    format!("./runs/{}", encoded(id))
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

    #[test]
    fn the_list_of_runs_is_read() {
        let text = r#"{"runs":[{"id":"app-1","name":"nightly","state":"host_lost","started_ms":5,"updated_ms":7}]}"#;
        let runs = read::<ServedRuns>("the list", text).unwrap().runs;
        assert!(read::<ServedRuns>("it", "<html>").is_err_and(|why| why.contains("can't be read")));
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
}
