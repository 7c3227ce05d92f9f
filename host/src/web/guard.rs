//! Who is answered, and the headers of every answer.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::answer;
use super::peer::Peer;

/// The names of this machine for itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// The port that stands in no address.
const HTTP_PORT: u16 = 80;

/// What the guard goes by.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    /// The server's port.
    pub(super) port: u16,
    /// The Content-Security-Policy for what a browser makes a page or a worker of.
    pub(super) security_policy: HeaderValue,
}

/// Lets through what was meant for this server, by the user that it belongs to.
pub(super) async fn guard(
    State(Guard { port, security_policy }): State<Guard>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let is_a_part = is_a_part(request.headers());
    let mut response = if !peer.may_ask() {
        let why = if peer.is_known() {
            "this page belongs to another user of this machine"
        } else {
            "the system does not tell which user asks (/proc/net/tcp), and this page belongs to one"
        };
        answer::words(StatusCode::FORBIDDEN, why)
    } else if !was_meant_for(&request, port) {
        let told = format!("the page is at http://127.0.0.1:{port}/ and has no other name");
        answer::words(StatusCode::FORBIDDEN, told)
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if !is_a_part {
        headers.insert(CONTENT_SECURITY_POLICY, security_policy);
    }
    let of_pages =
        [(REFERRER_POLICY, "no-referrer"), (HeaderName::from_static("cross-origin-opener-policy"), "same-origin")];
    let of_all =
        [(X_CONTENT_TYPE_OPTIONS, "nosniff"), (HeaderName::from_static("cross-origin-resource-policy"), "same-origin")];
    for (name, value) in of_pages.into_iter().filter(|_| !is_a_part).chain(of_all) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a browser says that it asks for a part of a page, which has no policy of its own: to send it with each would be 4 KB of the first load.
fn is_a_part(headers: &HeaderMap) -> bool {
    let parts = ["script", "style", "image", "empty"];
    headers.get("sec-fetch-dest").is_some_and(|wanted| parts.iter().any(|part| wanted == *part))
}

/// Whether every name that the request has for its server is one of ours.
fn was_meant_for(request: &Request, port: u16) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let named = Authority::try_from(host.as_bytes());
    named.is_ok_and(|host| is_ours(&host, port)) && request.uri().authority().is_none_or(|host| is_ours(host, port))
}

fn is_ours(authority: &Authority, port: u16) -> bool {
    let named = LOOPBACK.iter().any(|name| authority.host().eq_ignore_ascii_case(name));
    named && authority.port_u16().unwrap_or(HTTP_PORT) == port && !authority.as_str().contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_page_or_a_worker_is_no_part_of_one() {
        let part = |wanted: &'static str| {
            is_a_part(&HeaderMap::from_iter([(
                HeaderName::from_static("sec-fetch-dest"),
                HeaderValue::from_static(wanted),
            )]))
        };
        for wanted in ["document", "iframe", "worker", "sharedworker", "serviceworker", "object", "embed", "new"] {
            assert!(!part(wanted), "{wanted}");
        }
        assert!(part("script") && part("empty") && !is_a_part(&HeaderMap::new()));
    }

    #[test]
    fn only_names_of_this_machine_with_the_port_are_ours() {
        let of = |text: &str, port| Authority::try_from(text).is_ok_and(|authority| is_ours(&authority, port));
        for ours in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"] {
            assert!(of(ours, 8000), "{ours}");
        }
        for other in [
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:8001",
            "evil.example:8000",
            "127.0.0.1.evil.example:8000",
            "localhost.:8000",
            "127.0.0.2:8000",
            "0.0.0.0:8000",
            "127.0.0.1:8000@evil.example:8000",
            "user@127.0.0.1:8000",
            "",
        ] {
            assert!(!of(other, 8000), "{other}");
        }
        assert!(of("127.0.0.1", 80) && of("127.0.0.1:80", 80));
    }
}
