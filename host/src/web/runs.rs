//! The runs that were recorded, those that go on among them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::answer;
use crate::record::{self, JOURNAL, RUN, Run, RunState};

/// The id of the run that `--watch` without a name waits for.
pub(super) const LIVE: &str = "live";
/// How the name of a run's file ends.
const JSON: &str = ".json";

/// A run as it stands in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Summary {
    id: String,
    name: String,
    state: RunState,
    started_ms: u64,
    updated_ms: u64,
    /// Whether its application has reported yet; until then its folder has another name.
    #[serde(skip)]
    met: bool,
}

/// How the files of a run look from outside: another run or journal looks another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([(u64, SystemTime); 2]);

impl Stamp {
    /// How they look now; nothing where they aren't there.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let look = |name| {
            let metadata = fs::metadata(folder.join(name)).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        Some(Self([look(RUN)?, look(JOURNAL).unwrap_or((0, SystemTime::UNIX_EPOCH))]))
    }
}

/// A run that the page follows from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// The newest run that goes on, or the next to begin.
    Live,
    /// The run in this folder.
    Folder(PathBuf),
}

/// The runs.
#[derive(Debug)]
pub(super) struct Runs {
    root: PathBuf,
    watch: Mutex<Option<Watch>>,
    /// What is known of runs that are over: they are not read again.
    known: Mutex<HashMap<PathBuf, (Stamp, Summary)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole at every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id_of(folder: &Path) -> Option<String> {
    let named = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    // `.` names a folder and has no name itself.
    named(folder).or_else(|| named(&fs::canonicalize(folder).ok()?))
}

impl Runs {
    pub(super) fn of(root: PathBuf, watch: Option<Watch>) -> Self {
        Self { root, watch: Mutex::new(watch), known: Mutex::default() }
    }

    /// The id of the run that is watched; [`LIVE`] while it is waited for.
    pub(super) fn watched_id(&self) -> Option<String> {
        let is_watching = lock(&self.watch).is_some();
        is_watching.then(|| self.watched().and_then(|folder| id_of(&folder)).unwrap_or_else(|| LIVE.to_owned()))
    }

    /// The folder of the run that is watched. A live one stays the one, also when another begins beside it.
    fn watched(&self) -> Option<PathBuf> {
        let mut watch = lock(&self.watch);
        match &*watch {
            Some(Watch::Folder(folder)) => Some(folder.clone()),
            Some(Watch::Live) => {
                let live = self.live()?;
                *watch = Some(Watch::Folder(live.clone()));
                Some(live)
            }
            None => None,
        }
    }

    fn live(&self) -> Option<PathBuf> {
        let lives = |folder: &PathBuf| self.summary(folder).is_some_and(|it| it.met && it.state == RunState::Running);
        record::list(&self.root).into_iter().find(lives)
    }

    /// The folder of a run. The id is looked up, and never taken for a path.
    pub(super) fn folder(&self, id: &str) -> Option<PathBuf> {
        let watched = self.watched();
        if id == LIVE {
            return watched;
        }
        let is_it = |folder: &PathBuf| id_of(folder).is_some_and(|known| known == id);
        watched.into_iter().chain(record::list(&self.root)).find(is_it)
    }

    fn summary(&self, folder: &Path) -> Option<Summary> {
        let stamp = Stamp::of(folder)?;
        if let Some((_, known)) = lock(&self.known).get(folder).filter(|(seen, _)| *seen == stamp) {
            return Some(known.clone());
        }
        let Run { application, state, started_ms, updated_ms, .. } = record::read(folder).ok()?;
        let met = !application.spark.is_empty();
        let summary = Summary { id: id_of(folder)?, name: application.name, state, started_ms, updated_ms, met };
        if state != RunState::Running {
            lock(&self.known).insert(folder.to_owned(), (stamp, summary.clone()));
        }
        Some(summary)
    }

    /// Every run that can be read, the newest first.
    fn all(&self) -> Vec<Summary> {
        record::list(&self.root).iter().filter_map(|folder| self.summary(folder)).collect()
    }
}

/// `runs.json`.
pub(super) async fn list(State(runs): State<Arc<Runs>>) -> Response {
    match tokio::task::spawn_blocking(move || runs.all()).await {
        Ok(runs) => answer::json(StatusCode::OK, &json!({ "runs": runs })),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

/// That there is no such run, or none yet.
pub(super) fn no_such_run(id: &str) -> Response {
    let why = match id {
        LIVE => "no run has begun yet".to_owned(),
        _ => format!("there is no run `{}`", id.escape_debug()),
    };
    answer::error(StatusCode::NOT_FOUND, why)
}

/// `runs/<id>.json`.
pub(super) async fn run(State(runs): State<Arc<Runs>>, extract::Path(name): extract::Path<String>) -> Response {
    let Some(id) = name.strip_suffix(JSON).map(str::to_owned) else {
        return answer::nothing_at(&format!("/runs/{name}"));
    };
    let read = tokio::task::spawn_blocking(move || match runs.folder(&id) {
        Some(folder) => match record::read(&folder) {
            Ok(run) => answer::json(StatusCode::OK, &run),
            Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error),
        },
        None => no_such_run(&id),
    });
    read.await.unwrap_or_else(|error| answer::error(StatusCode::INTERNAL_SERVER_ERROR, error))
}
