//! The policy file that is open in the page.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rustix::fs::{Access, access};
use serde::Serialize;
use serde_json::json;
use sparkwright_policy::digest;

use super::answer;
use crate::bounded_file;
use crate::launch::policy_source::{self, PolicyError};

/// The header that holds the token.
const TOKEN: &str = "x-sparkwright-token";
/// What the embedded policy is called, and a copy of it would be.
const EMBEDDED: &str = "config.yaml";

/// The policy file as the page is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PolicyText {
    name: String,
    text: String,
    sha256: String,
    writable: bool,
}

/// Why the policy file is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error(
        "there is no policy file to write to: the page shows the default policy; save it as a file, and open that with `sparkwright web FILE`"
    )]
    NoFile,
    #[error("{} can't be written by you", path.display())]
    NotAllowed { path: PathBuf },
    #[error("{} has been changed by something else: open it again, or save under another name", path.display())]
    Changed { path: PathBuf },
    #[error("{} can't be written: {source}", path.display())]
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

    /// The file as it is now.
    pub(super) fn read(&self) -> Result<PolicyText, PolicyError> {
        let text = policy_source::read_text(self.path.as_deref())?.into_owned();
        let name = match &self.path {
            Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            None => EMBEDDED.to_owned(),
        };
        let writable = self.path.as_deref().is_some_and(may_replace);
        Ok(PolicyText { name, sha256: digest(text.as_bytes()), text, writable })
    }

    /// Puts a text in the place of the one whose digest is `known`; gives the new digest.
    pub(super) fn write(&self, text: &str, known: &str) -> Result<String, NotWritten> {
        let path = self.path.as_deref().ok_or(NotWritten::NoFile)?;
        // A panic while the lock was held leaves nothing half done: the file is replaced in one step.
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Another program may have moved or removed it; then it isn't what the page knows.
        let changed = || NotWritten::Changed { path: path.to_owned() };
        let target = fs::canonicalize(path).map_err(|_| changed())?;
        if digest(&bounded_file::named(&target).map_err(|_| changed())?) != known {
            return Err(changed());
        }
        if !may_replace(&target) {
            return Err(NotWritten::NotAllowed { path: path.to_owned() });
        }
        replace(&target, text.as_bytes()).map_err(|source| NotWritten::Failed { path: path.to_owned(), source })?;
        Ok(digest(text.as_bytes()))
    }
}

/// Whether the user may write the file, and its folder, in which the new one is made.
fn may_replace(path: &Path) -> bool {
    let Ok(target) = fs::canonicalize(path) else { return false };
    let folder = target.parent().unwrap_or(Path::new("/"));
    access(&target, Access::WRITE_OK).is_ok() && access(folder, Access::WRITE_OK).is_ok()
}

/// Writes a file beside the old one, with its owner and permissions, and renames it: a reader finds the old or the new one.
fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::metadata(target)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let fresh = target.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = File::options().write(true).create_new(true).open(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.set_permissions(before.permissions())?;
        // Only root can give a file away; for anyone else it is their own already, or becomes so.
        let _ = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&fresh, target)).inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })
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
    let Some(known) = header(IF_MATCH.as_str()).map(|etag| etag.trim_matches('"').to_owned()) else {
        let wanted = "`if-match` must hold the SHA-256 of the text that was changed";
        return answer::error(StatusCode::PRECONDITION_REQUIRED, wanted);
    };
    let text = match body.map(|bytes| String::from_utf8(bytes.into())) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            return answer::error(StatusCode::BAD_REQUEST, format!("the policy is not UTF-8 text: {error}"));
        }
        Err(refused) => return answer::error(refused.status(), refused.body_text()),
    };
    match tokio::task::spawn_blocking(move || policy.write(&text, &known)).await {
        Ok(Ok(sha256)) => answer::json(StatusCode::OK, &json!({ "sha256": sha256 })),
        Ok(Err(refused)) => answer::error(refused.status(), refused),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn open(path: &Path) -> OpenPolicy {
        OpenPolicy::of(Some(path.to_owned()), String::new())
    }

    #[test]
    fn a_text_takes_the_place_of_the_one_that_it_was_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let policy = open(&path);
        let before = policy.read().unwrap();
        assert_eq!((before.name.as_str(), before.text.as_str(), before.writable), ("p.yaml", "a: 1\n", true));

        let after = policy.write("a: 2\n", &before.sha256).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), after), ("a: 2\n".to_owned(), digest(b"a: 2\n")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(matches!(policy.write("a: 3\n", &before.sha256), Err(NotWritten::Changed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

        fs::remove_file(&path).unwrap();
        assert!(matches!(policy.write("a: 3\n", &digest(b"a: 2\n")), Err(NotWritten::Changed { .. })));
        assert!(policy.read().is_err() && !path.exists());
    }

    #[test]
    fn a_link_stays_one_and_the_file_behind_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.yaml"), folder.path().join("config.yaml"));
        fs::write(&real, "a: 1\n").unwrap();
        symlink("real.yaml", &link).unwrap();
        open(&link).write("a: 2\n", &digest(b"a: 1\n")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "a: 2\n");
    }

    #[test]
    fn the_embedded_policy_is_no_file() {
        let policy = OpenPolicy::of(None, String::new());
        let text = policy.read().unwrap();
        assert_eq!((text.name.as_str(), text.writable), ("config.yaml", false));
        assert_eq!(text.text, sparkwright_policy::DEFAULT_POLICY);
        assert!(matches!(policy.write("", &text.sha256), Err(NotWritten::NoFile)));
    }
}
