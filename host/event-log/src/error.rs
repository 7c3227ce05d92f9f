//! Why an event log can't be read.

use std::path::{Path, PathBuf};

/// What a line may have. The longest that Spark writes is a plan with its metrics, of some MiB; a small compressed file may unfold to gigabytes.
pub(crate) const LINE_BYTES_AT_MOST: u64 = 64 << 20;

/// Why an event log can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// A file or folder can't be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder or an archive holds several logs.
    #[error("`{}` holds more than one event log; name one of them", path.display())]
    Several {
        /// The folder or archive.
        path: PathBuf,
    },
    /// It holds none.
    #[error("`{}` holds no event log", path.display())]
    None {
        /// The folder or archive.
        path: PathBuf,
    },
    /// It is compressed in a way that is not read.
    #[error("`{}` is compressed with {codec}; zstd, lz4, snappy, gzip, zip and plain logs are read", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// Its codec, by its name.
        codec: &'static str,
    },
    /// A part of it is a pipe, a device or a folder.
    #[error("`{}` is no plain file: name a copy of the event log, without it", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// A line is longer than any that Spark writes.
    #[error("line {number} of `{}` has more than {} MiB: this is no event log of Spark, or a damaged one", path.display(), LINE_BYTES_AT_MOST >> 20)]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: u64,
    },
}

/// A result with [`EventLogError`].
pub type Result<T> = std::result::Result<T, EventLogError>;

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EventLogError + '_ {
    |source| EventLogError::Io { path: path.to_owned(), source }
}
