//! The policy file that is open in the page.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sparkwright_policy::{DEFAULT_POLICY, digest};

use super::answer;
use super::replaced::{self, NotReplaced};
use crate::bounded_file;
use crate::launch::policy_source::{self, Chosen, PolicyError};

/// The header that holds the token.
const TOKEN: &str = "x-sparkwright-token";

/// The policy file as the page is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PolicyText {
    name: String,
    text: String,
    sha256: String,
    /// Why it can't be written; nothing where it can.
    read_only: Option<String>,
}

/// The file as whoever writes it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// With a text that has this digest.
    Text(&'a str),
    /// As one that is not there.
    Gone,
}

/// Why the policy file is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error(
        "there is no policy file to write to: the page shows the default policy; save it as a file, and open that with `sparkwright web FILE`"
    )]
    NoFile,
    #[error("`{}` can't be written: {why}", path.display())]
    NotAllowed { path: PathBuf, why: String },
    #[error("`{}` has been changed by something else meanwhile: look at the difference again", path.display())]
    Changed { path: PathBuf },
    #[error("`{}` can't be written: {source}; the file is as it was", path.display())]
    Failed { path: PathBuf, source: io::Error },
}

impl NotWritten {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoFile | Self::NotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::Changed { .. } => StatusCode::PRECONDITION_FAILED,
            Self::Failed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The policy file that is open in the page, or the embedded policy.
#[derive(Debug)]
pub(super) struct OpenPolicy {
    path: Option<PathBuf>,
    /// What the page brings that may write it.
    token: String,
    /// Held from looking at the file until another one is in its place.
    writing: Mutex<()>,
}

impl OpenPolicy {
    pub(super) const fn of(path: Option<PathBuf>, token: String) -> Self {
        Self { path, token, writing: Mutex::new(()) }
    }

    /// The name of the file; nothing where the page shows the policy that it has itself.
    pub(super) fn name(&self) -> Option<String> {
        let path = self.path.as_deref()?;
        Some(path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned())
    }

    /// The file as it is now; nothing where there is none.
    pub(super) fn read(&self) -> Result<Option<PolicyText>, PolicyError> {
        let (Some(name), Some(path)) = (self.name(), self.path.as_deref()) else { return Ok(None) };
        let text = bounded_file::text_again(path)
            .map_err(|source| PolicyError::Unreadable { path: path.to_owned(), source })?;
        Ok(Some(PolicyText { name, sha256: digest(text.as_bytes()), text, read_only: replaced::read_only(path) }))
    }

    /// The policy of the file as it is now, in its default environment.
    pub(super) fn chosen(&self) -> Result<Chosen, PolicyError> {
        let text = self.read()?.map_or_else(|| DEFAULT_POLICY.to_owned(), |it| it.text);
        policy_source::choose_text(self.path.as_deref(), &text, None, &[])
    }

    /// Puts a text in the place of the one that is `known`; gives the new digest.
    pub(super) fn write(&self, text: &str, known: Known<'_>) -> Result<String, NotWritten> {
        let path = self.path.as_deref().ok_or(NotWritten::NoFile)?;
        // A panic while the lock was held leaves nothing half done: the file is replaced in one step.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| NotWritten::Failed { path: path.to_owned(), source };
        let written = match known {
            Known::Gone => replaced::create(path, text.as_bytes()),
            Known::Text(sha256) => match fs::canonicalize(path) {
                // Another program may have moved or removed it; then it isn't what the page knows.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(NotReplaced::Changed),
                Err(error) => Err(error.into()),
                Ok(target) => {
                    if let Some(why) = replaced::read_only(&target) {
                        return Err(NotWritten::NotAllowed { path: path.to_owned(), why });
                    }
                    replaced::replace(&target, text.as_bytes(), |now| digest(now) == sha256)
                }
            },
        };
        match written {
            Ok(()) => Ok(digest(text.as_bytes())),
            Err(NotReplaced::Changed) => Err(NotWritten::Changed { path: path.to_owned() }),
            Err(NotReplaced::Failed(source)) => Err(failed(source)),
        }
    }
}

/// `PUT /policy`: a new text for the file.
pub(super) async fn put(
    State(policy): State<Arc<OpenPolicy>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header(TOKEN) != Some(policy.token.as_str()) {
        return answer::error(StatusCode::FORBIDDEN, "this server does not know the page: load it again");
    }
    let etag = header(IF_MATCH.as_str()).map(|etag| etag.trim_matches('"').to_owned());
    if etag.is_none() && header(IF_NONE_MATCH.as_str()) != Some("*") {
        let wanted = "`if-match` must hold the SHA-256 of the text that was changed; for a file that is gone, `if-none-match` must be `*`";
        return answer::error(StatusCode::PRECONDITION_REQUIRED, wanted);
    }
    let text = match body.map(|bytes| String::from_utf8(bytes.into())) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            return answer::error(StatusCode::BAD_REQUEST, format!("the policy is not UTF-8 text: {error}"));
        }
        Err(refused) => return answer::error(refused.status(), refused.body_text()),
    };
    let write = move || policy.write(&text, etag.as_deref().map_or(Known::Gone, Known::Text));
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(sha256)) => answer::json(StatusCode::OK, &json!({ "sha256": sha256 })),
        Ok(Err(refused)) => answer::error(refused.status(), refused),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    fn open(path: &Path) -> OpenPolicy {
        OpenPolicy::of(Some(path.to_owned()), String::new())
    }

    #[test]
    fn a_text_takes_the_place_of_the_one_that_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        let policy = open(&path);
        let before = policy.read().unwrap().unwrap();
        assert_eq!((before.name.as_str(), before.text.as_str(), before.read_only), ("p.yaml", "a: 1\n", None));

        let known = Known::Text(&before.sha256);
        let after = policy.write("a: 2\n", known).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), after), ("a: 2\n".to_owned(), digest(b"a: 2\n")));
        assert!(matches!(policy.write("a: 3\n", known), Err(NotWritten::Changed { .. })));
        assert!(matches!(policy.write("a: 3\n", Known::Gone), Err(NotWritten::Changed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");

        fs::remove_file(&path).unwrap();
        assert!(matches!(policy.write("a: 3\n", Known::Text(&digest(b"a: 2\n"))), Err(NotWritten::Changed { .. })));
        assert!(policy.read().is_err() && !path.exists());
        policy.write("a: 4\n", Known::Gone).unwrap();
        assert_eq!(policy.read().unwrap().unwrap().text, "a: 4\n");
    }

    #[test]
    fn a_link_stays_one_and_the_file_behind_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.yaml"), folder.path().join("config.yaml"));
        fs::write(&real, "a: 1\n").unwrap();
        symlink("real.yaml", &link).unwrap();
        open(&link).write("a: 2\n", Known::Text(&digest(b"a: 1\n"))).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "a: 2\n");
    }

    #[test]
    fn a_file_that_is_read_only_by_now_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let refused = open(&path).write("a: 2\n", Known::Text(&digest(b"a: 1\n"))).unwrap_err();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(refused.to_string().contains("mode 440): `chmod u+w`"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 1\n");
    }

    #[test]
    fn the_embedded_policy_is_no_file() {
        let policy = OpenPolicy::of(None, String::new());
        assert_eq!((policy.name(), policy.read().unwrap()), (None, None));
        let known = digest(sparkwright_policy::DEFAULT_POLICY.as_bytes());
        assert!(matches!(policy.write("", Known::Text(&known)), Err(NotWritten::NoFile)));
        assert!(matches!(policy.write("", Known::Gone), Err(NotWritten::NoFile)));
    }
}
