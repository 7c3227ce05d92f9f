//! A file with earlier runs of a job, as `sparkwright plan --history` takes it.
//!
//! It is the history of the contract ([`History`]) as JSON: `{"runs": [{"executors": 4, "run_ms": 81000, ...}]}`, or the bare list of
//! runs, the oldest first; each run is what a review says of it (`past_run`).

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sparkwright_core::facts::{History, PastRun};

use crate::bounded_file;

/// Why there is no history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file can't be read.
    #[error("the history `{path}` can't be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        source: std::io::Error,
    },
    /// It is not a history.
    #[error("`{path}` is not a history of runs: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with line and column.
        source: serde_json::Error,
    },
    /// It holds no run.
    #[error("the history `{path}` has no runs")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a history.
///
/// # Errors
/// The file can't be read, or is no history.
pub fn read(path: &Path) -> Result<History, HistoryError> {
    let json = bounded_file::named(path).map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
    let form = |source| HistoryError::Form { path: path.to_owned(), source };
    let list = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let history = if list {
        let runs = Vec::<PastRun>::deserialize(&mut serde_json::Deserializer::from_slice(&json)).map_err(form)?;
        History { runs, ..History::default() }
    } else {
        serde_json::from_slice(&json).map_err(form)?
    };
    if history == History::default() {
        return Err(HistoryError::Empty { path: path.to_owned() });
    }
    Ok(history)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<History, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join("history.json");
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        read(&path).map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "."))
    }

    #[test]
    fn both_forms_are_read_and_others_told() {
        let run = r#"{"executors": 4, "run_ms": 81000, "gc_share": 0.1}"#;
        let object = of(&format!(r#"{{"runs": [{run}]}}"#));
        assert_eq!(object, of(&format!("  [{run}]")));
        assert_eq!(object.map(|history| history.runs.len()), Ok(1));
        assert_eq!(of("{}"), Err("the history `./history.json` has no runs".into()));
        let wrong = of(r#"[{"executors": "four"}]"#).err().unwrap_or_default();
        assert!(wrong.contains("is not a history of runs") && wrong.contains("line 1 column 21"), "{wrong}");
        assert!(read(Path::new("/nowhere")).is_err());
    }
}
