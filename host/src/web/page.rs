//! The page's files, which travel inside the binary.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use include_dir::{Dir, include_dir};

use super::answer;
use crate::engine::sha256_hex;

static FILES: Dir<'static> = include_dir!("$SPARKWRIGHT_ASSETS/web");

/// The file that is the page itself.
const INDEX: &str = "index.html";
/// Codings of compressed forms, the smallest first, and how the names of such files end.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
/// Where the page's head begins, to which the token is added.
const HEAD: &str = "<head>";
/// What the policy that the page carries stands behind.
const POLICY: (&str, &str) = ("http-equiv=\"Content-Security-Policy\"", "content=\"");
/// What only a header can say: no other page shows this one within itself.
const NO_FRAMES: &str = "; frame-ancestors 'none'";

/// Why the page can't be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPage {
    /// A file is missing, or isn't what it should be.
    #[error("the page in this program has no {missing}: build it anew with `cargo xtask build`")]
    Incomplete {
        /// What is missing.
        missing: &'static str,
    },
}

/// A file in one form.
#[derive(Debug)]
struct Form {
    bytes: Cow<'static, [u8]>,
    etag: HeaderValue,
}

impl Form {
    fn of(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        // Half of a digest tells two forms apart as well, in each answer's header.
        let digest = sha256_hex(&bytes);
        let etag = format!("\"{}\"", digest.get(..digest.len() / 2).unwrap_or_default());
        // Hexadecimal digits between quotes are a value for a header.
        let etag = HeaderValue::try_from(etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { bytes, etag }
    }

    fn body(&self) -> Body {
        Body::from(match &self.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::copy_from_slice(bytes),
        })
    }
}

/// The page's icon.
const ICON: &str = "icon.svg";

/// A file as it is served.
#[derive(Debug)]
struct File {
    plain: Form,
    /// The compressed ones that there are, by their coding, the smallest first.
    compressed: Vec<(&'static str, Form)>,
}

/// The page.
#[derive(Debug)]
pub(super) struct Page {
    files: BTreeMap<String, File>,
    security_policy: HeaderValue,
}

impl Page {
    /// The page inside this program, which is told the token of its server.
    pub(super) fn embedded(token: &str) -> Result<Self, NoPage> {
        let files = FILES.files().filter_map(|file| Some((file.path().to_str()?, file.contents())));
        Self::of(files.collect(), token)
    }

    fn of(files: BTreeMap<&str, &'static [u8]>, token: &str) -> Result<Self, NoPage> {
        let missing = |missing| NoPage::Incomplete { missing };
        let index = files.get(INDEX).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(missing(INDEX))?;
        let security_policy = carried_policy(index)
            .and_then(|policy| HeaderValue::try_from(format!("{policy}{NO_FRAMES}")).ok())
            .ok_or(missing("Content-Security-Policy in its index.html"))?;
        let (before, behind) = index.split_once(HEAD).ok_or(missing("head in its index.html"))?;
        let index = format!("{before}{HEAD}<meta name=\"sparkwright-server\" content=\"{token}\">{behind}");
        let mut served = BTreeMap::new();
        for (name, bytes) in &files {
            if CODINGS.iter().any(|(_, ending)| name.ends_with(ending)) {
                continue;
            }
            let form = |ending| files.get(format!("{name}{ending}").as_str()).map(|bytes| Form::of(*bytes));
            let compressed = CODINGS.iter().filter_map(|(coding, ending)| Some((*coding, form(ending)?))).collect();
            served.insert((*name).to_owned(), File { plain: Form::of(*bytes), compressed });
        }
        // With the token it is another file than the one that was compressed.
        served.insert(INDEX.to_owned(), File { plain: Form::of(index.into_bytes()), compressed: Vec::new() });
        Ok(Self { files: served, security_policy })
    }

    /// The Content-Security-Policy for what a browser makes a page or a worker of.
    pub(super) fn security_policy(&self) -> HeaderValue {
        self.security_policy.clone()
    }

    /// A file, in the form that the browser takes; nothing new where it has the file already.
    pub(super) fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.files.get(name) else { return answer::nothing_at(&format!("/{name}")) };
        let compressed = file.compressed.iter().find(|(coding, _)| takes(headers, coding));
        let form = compressed.map_or(&file.plain, |(_, form)| form);
        let mut response = Response::new(Body::empty());
        let told = response.headers_mut();
        told.insert(ETAG, form.etag.clone());
        // A page asks for its icon three times, and an old one does no harm.
        let kept = if name == ICON { "max-age=3600" } else { "no-cache" };
        told.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        told.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if has_already(headers, &form.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        told.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
        if let Some((coding, _)) = compressed {
            told.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        *response.body_mut() = form.body();
        response
    }
}

/// The Content-Security-Policy that the page carries for hosts that send no headers: it stands there and nowhere else.
fn carried_policy(index: &str) -> Option<&str> {
    let (_, behind) = index.split_once(POLICY.0)?;
    let (within, _) = behind.split_once('>')?;
    let (policy, _) = within.split_once(POLICY.1)?.1.split_once('"')?;
    (!policy.is_empty()).then_some(policy)
}

/// The type of a file by the end of its name.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// The members of a list in headers of one name.
fn listed<'h>(headers: &'h HeaderMap, name: &axum::http::HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

/// Whether the browser takes files in a coding.
fn takes(headers: &HeaderMap, coding: &str) -> bool {
    listed(headers, &ACCEPT_ENCODING).any(|taken| {
        let (name, weight) = taken.split_once(';').unwrap_or((taken, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(coding) && weight.is_some_and(|weight| weight > 0.0)
    })
}

fn has_already(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    listed(headers, &IF_NONE_MATCH)
        .any(|known| known == "*" || known.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIFIED: &str = "<!doctype html><html><head><meta charset=\"utf-8\">\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\"><title>x</title></head></html>";

    #[test]
    fn the_policy_is_read_from_the_page() {
        assert_eq!(carried_policy(MINIFIED), Some("default-src 'none'"));
        for without in ["<head></head>", "<meta http-equiv=\"Content-Security-Policy\"><meta content=\"x\">"] {
            assert_eq!(carried_policy(without), None, "{without}");
        }
        let page = |index: &'static str| Page::of([(INDEX, index.as_bytes())].into(), "t0");
        let page_of_it = page(MINIFIED).unwrap();
        assert_eq!(page_of_it.security_policy(), "default-src 'none'; frame-ancestors 'none'");
        assert!(
            page_of_it.files[INDEX].plain.bytes.starts_with(
                b"<!doctype html><html><head><meta name=\"sparkwright-server\" content=\"t0\"><meta charset"
            )
        );
        assert!(page("<html></html>").is_err() && Page::of(BTreeMap::new(), "t0").is_err());
    }

    #[test]
    fn a_coding_is_for_who_takes_it() {
        let accepting =
            |value: &'static str| HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        let takes_gzip = |value: &'static str| takes(&accepting(value), "gzip");
        for yes in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.8", "deflate,gzip"] {
            assert!(takes_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "identity"] {
            assert!(!takes_gzip(no), "{no}");
        }
        assert!(!takes(&HeaderMap::new(), "gzip"));
        assert!(takes(&accepting("gzip, deflate, br, zstd"), "br") && !takes(&accepting("gzip, brotli"), "br"));
    }
}
