use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the equipment could not do, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that this machine must have is not there.
    #[error("{what}\n  wanted: {wanted}\n  get it: {get}")]
    Missing {
        /// What was found, or that nothing was.
        what: String,
        /// What is needed.
        wanted: &'static str,
        /// The command that gets it.
        get: String,
    },
    /// A command ended with an error.
    #[error("{doing} failed: `{command}` ended with {ended}\n{output}")]
    Command {
        /// What it was for.
        doing: String,
        /// The command line.
        command: String,
        /// Its exit status in words.
        ended: String,
        /// The end of what it printed.
        output: String,
    },
    /// A file or process could not be used.
    #[error("{doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried, such as "cannot read".
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something took longer than it may.
    #[error("{what} took longer than {} s; its log: {log}", after.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long it had.
        after: Duration,
        /// Where to read on.
        log: String,
    },
    /// Spark answered, or wrote, what is not understood.
    #[error("{from} is not what was expected: {problem}")]
    Malformed {
        /// The file or address.
        from: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A result with [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the user must get something first (exit code 2), rather than something having failed.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    pub(crate) fn malformed(from: impl ToString, problem: impl ToString) -> Self {
        Self::Malformed { from: from.to_string(), problem: problem.to_string() }
    }
}
