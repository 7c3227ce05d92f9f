//! I/O errors that say which file they are about and what was tried.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder could not be used.
#[derive(Debug, thiserror::Error)]
#[error("can't {tried} `{}`: {source}", path.display())]
pub struct FileError {
    tried: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// What becomes of an I/O error of `path`; `tried` ends the sentence "can't", as in `read the policy module`.
    pub fn of(tried: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { tried, path, source }
    }

    /// The kind of the I/O error.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}
