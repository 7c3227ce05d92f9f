//! Tells a page each time a run has changed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use serde_json::json;

use super::runs::{LIVE, Runs, Stamp, no_such_run};
use crate::record::{self, RunState, host_lives};

/// How often the files of a run are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a look at a run found.
enum Found {
    /// What was there before, or nothing yet.
    Nothing,
    /// Something new.
    Changed { updated_ms: u64 },
    /// There is nothing more to come.
    Over,
}

/// A run that is looked at again and again.
struct Follow {
    runs: Arc<Runs>,
    id: String,
    /// Whether it has been looked at before.
    waits: bool,
    /// How its files looked then.
    seen: Option<Stamp>,
    /// The host of the run, while that goes on.
    host_pid: Option<u32>,
    ended: bool,
}

impl Follow {
    fn look(&mut self) -> Found {
        let Some(folder) = self.runs.folder(&self.id) else {
            // One that was there is gone; one that is waited for has not begun.
            return if self.id == LIVE && self.seen.is_none() { Found::Nothing } else { Found::Over };
        };
        let stamp = Stamp::of(&folder);
        let same = stamp.is_some() && stamp == self.seen;
        if same {
            match self.host_pid {
                Some(host) if host_lives(host) => return Found::Nothing,
                // The record says nothing of it, but reading it does: the host is lost.
                Some(_) => {}
                None => return Found::Over,
            }
        }
        match record::read(&folder) {
            Ok(run) => {
                self.seen = stamp;
                self.host_pid = (run.state == RunState::Running).then_some(run.host_pid);
                Found::Changed { updated_ms: run.updated_ms }
            }
            // Between two forms of a file there may be none for a moment; a folder that is gone is told of above.
            Err(_) => Found::Nothing,
        }
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while !self.ended {
            if self.waits {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let looked = tokio::task::spawn_blocking(move || {
                let found = self.look();
                (self, found)
            });
            let (follow, found) = looked.await.ok()?;
            self = follow;
            self.waits = true;
            match found {
                Found::Nothing => {}
                Found::Changed { updated_ms } => {
                    let data = json!({ "updated_ms": updated_ms }).to_string();
                    return Some((Ok(Event::default().event("changed").data(data)), self));
                }
                Found::Over => {
                    self.ended = true;
                    return Some((Ok(Event::default().event("ended").data("{}")), self));
                }
            }
        }
        None
    }
}

/// `runs/<id>/events`: `changed` at once and each time the files of the run change, `ended` when the run is over.
pub(super) async fn events(State(runs): State<Arc<Runs>>, Path(id): Path<String>) -> Response {
    let is_there = {
        let (runs, id) = (Arc::clone(&runs), id.clone());
        tokio::task::spawn_blocking(move || match id.as_str() {
            LIVE => runs.watched_id().is_some(),
            id => runs.folder(id).is_some(),
        })
    };
    if !is_there.await.unwrap_or(false) {
        return no_such_run(&id);
    }
    let follow = Follow { runs, id, waits: false, seen: None, host_pid: None, ended: false };
    Sse::new(unfold(follow, Follow::next)).keep_alive(KeepAlive::default()).into_response()
}
