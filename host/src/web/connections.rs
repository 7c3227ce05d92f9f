//! Connections: how many at a time, and how long one may take to say what it wants.
//!
//! Every user of the machine reaches the port. Strangers get few connections of their own, one answer on each, and little time: what they
//! hold open takes nothing from the user that the server belongs to, nor the descriptors by which it tells who somebody is.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer;
use super::peer::Peer;

/// Connections of the user: a browser has six to a server, and one for each run that is followed.
const OWN_AT_MOST: usize = 100;
/// Connections of others, each to be turned away.
const STRANGERS_AT_MOST: usize = 8;
/// From a connection's begin, or its last answer, to the end of the next request's head; and from there to the end of its body.
const ASKS_WITHIN: Duration = Duration::from_secs(10);
/// Before another connection is taken, after the system had none to give.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers connections for ever.
pub(super) async fn answer_all(listener: TcpListener, router: Router) -> io::Result<()> {
    let (own, strangers) = (Semaphore::new(OWN_AT_MOST), Semaphore::new(STRANGERS_AT_MOST));
    let (own, strangers) = (Arc::new(own), Arc::new(strangers));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is left, or the other end has gone already.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let peer = Peer::of(&stream);
        let room = if peer.may_ask() { &own } else { &strangers };
        // One too many is closed at once.
        if let Ok(permit) = Arc::clone(room).try_acquire_owned() {
            tokio::spawn(answer_one(stream, peer, router.clone(), permit));
        }
    }
}

async fn answer_one(stream: TcpStream, peer: Peer, router: Router, permit: OwnedSemaphorePermit) {
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(peer))));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASKS_WITHIN)
        .keep_alive(peer.may_ask())
        .serve_connection(TokioIo::new(stream), service);
    // How it ends is the other end's affair.
    let _ = served.await;
    drop(permit);
}

/// Gives up a request whose body does not come.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ASKS_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => answer::words(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end in time"),
    }
}
