//! Serves the page: its files, the policy file that is open in it, and the runs that were recorded.
//!
//! Everything is for one user of this machine. The server listens on 127.0.0.1 alone; a connection of another user is turned
//! away (`peer`) and takes no room from the user's own (`connections`), and so is a request that was meant for another host, as a page elsewhere can make one by letting its name
//! lead here (`guard`). No answer may be read by another origin, since none says that it may. What changes the policy file has
//! to bring the token that only the page knows, and the digest of the text that the change was made to (`policy_file`).
//!
//! Paths of requests are never taken for paths of files: a name is looked up among the page's files (`page`) or the
//! folders of runs (`runs`) or the store's jobs (`jobs`), and what isn't there isn't there. `events` tells a page that a run has changed.

mod answer;
mod connections;
mod events;
mod guard;
mod jobs;
mod page;
mod peer;
mod policy_file;
mod replaced;
mod runs;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, put};
use futures_util::future::{Either, select};
use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::json;
use sparkwright_core::steering::STORE_LISTS_WITHIN_MS;
use sparkwright_policy::MAX_BYTES;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::launch::policy_source::PolicyError;
use guard::Guard;
use jobs::Jobs;
use page::Page;
use policy_file::OpenPolicy;
use runs::Runs;

pub use page::NoPage;
pub use runs::Watch;

/// What is served.
#[derive(Debug, Clone, Default)]
pub struct WebOptions {
    /// The policy file; the embedded default where there is none, which can't be written.
    pub policy: Option<PathBuf>,
    /// The folder that holds the runs.
    pub record: PathBuf,
    /// The store of lessons; where none is named, that of the environment or the policy file.
    pub store: Option<String>,
    /// The run to follow.
    pub watch: Option<Watch>,
    /// The port; some free one where none is named.
    pub port: Option<u16>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The policy file can't be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The page that this program carries can't be served.
    #[error(transparent)]
    Page(#[from] NoPage),
    /// The port can't be had.
    #[error("port {port} can't be listened on: {source}")]
    Port {
        /// The port that was asked for; 0 for some free one.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The system doesn't give what a server needs.
    #[error("the page can't be served: {0}")]
    System(#[from] io::Error),
}

/// What requests are answered from: each part by those that need it.
#[derive(Debug, Clone)]
struct Shared {
    page: Arc<Page>,
    policy: Arc<OpenPolicy>,
    runs: Arc<Runs>,
    jobs: Arc<Jobs>,
}

impl FromRef<Shared> for Arc<Page> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.page)
    }
}

impl FromRef<Shared> for Arc<OpenPolicy> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.policy)
    }
}

impl FromRef<Shared> for Arc<Runs> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.runs)
    }
}

impl FromRef<Shared> for Arc<Jobs> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.jobs)
    }
}

/// A server that has its port and doesn't answer yet.
#[derive(Debug)]
pub struct WebServer {
    runtime: Runtime,
    listener: TcpListener,
    port: u16,
    shared: Shared,
}

impl WebServer {
    /// Takes a port.
    ///
    /// # Errors
    /// The policy file can't be read, the port is taken, or this program carries no page.
    pub fn bind(options: WebOptions) -> Result<Self, WebError> {
        let token = token()?;
        let policy = Arc::new(OpenPolicy::of(options.policy, token.clone()));
        policy.read()?;
        let page = Page::embedded(&token)?;
        let port = options.port.unwrap_or(0);
        let taken = |source| WebError::Port { port, source };
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(taken)?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let runs = Runs::of(options.record, options.watch);
        let jobs = Jobs::of(Arc::clone(&policy), options.store, Duration::from_millis(STORE_LISTS_WITHIN_MS));
        let shared = Shared { page: Arc::new(page), policy, runs: Arc::new(runs), jobs: Arc::new(jobs) };
        Ok(Self { runtime, listener, port, shared })
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// What becomes ready when the process is asked to end: by Ctrl-C, or by whoever started it.
    ///
    /// # Errors
    /// The system doesn't tell of signals.
    pub fn asked_to_end(&self) -> io::Result<impl Future<Output = ()> + use<>> {
        let _inside = self.runtime.enter();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            select(pin!(interrupt.recv()), pin!(terminate.recv())).await;
        })
    }

    /// Answers until `end` is ready; what is under way then is cut off.
    ///
    /// # Errors
    /// The system takes the port away.
    pub fn serve(self, end: impl Future<Output = ()>) -> io::Result<()> {
        let Self { runtime, listener, port, shared } = self;
        let ended = runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            match select(pin!(connections::answer_all(listener, router(shared, port))), pin!(end)).await {
                Either::Left((ended, _)) => ended,
                Either::Right(((), _)) => Ok(()),
            }
        });
        // What still reads a file is not waited for.
        runtime.shutdown_background();
        ended
    }
}

/// A fresh token.
fn token() -> io::Result<String> {
    let mut bytes = [0u8; 16];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty())?;
    if filled < bytes.len() {
        return Err(io::Error::other("the system has no random numbers"));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn router(shared: Shared, port: u16) -> Router {
    let guard = Guard { port, security_policy: shared.page.security_policy() };
    Router::new()
        .route("/server.json", get(about))
        .route("/policy", put(policy_file::put).layer(from_fn(connections::in_time)))
        .route("/runs.json", get(runs::list))
        .route("/runs/{name}", get(runs::run))
        .route("/runs/{id}/events", get(events::events))
        .route("/jobs.json", get(jobs::list))
        .route("/jobs/{name}", get(jobs::job))
        .route("/", get(index))
        .route("/{name}", get(file))
        .fallback(answer::nothing_here)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .layer(from_fn_with_state(guard, guard::guard))
        .with_state(shared)
}

async fn index(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    page.answer("index.html", &headers)
}

async fn file(State(page): State<Arc<Page>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    page.answer(&name, &headers)
}

/// `server.json`: what the page is told of its server.
async fn about(State(shared): State<Shared>) -> Response {
    let told = tokio::task::spawn_blocking(move || {
        let (policy, policy_error, is_gone) = match shared.policy.read() {
            Ok(text) => (text, None, false),
            Err(error) => (None, Some(error.to_string()), error.is_not_there()),
        };
        // With this name it can be made anew.
        let policy_gone = shared.policy.name().filter(|_| is_gone);
        let watch = shared.runs.watched_id();
        json!({
            "version": env!("CARGO_PKG_VERSION"), "policy": policy, "policy_error": policy_error, "policy_gone": policy_gone,
            "watch": watch,
        })
    });
    match told.await {
        Ok(told) => answer::json(StatusCode::OK, &told),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

#[cfg(test)]
mod tests;
