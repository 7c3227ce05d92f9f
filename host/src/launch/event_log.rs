//! Spark's event log of an application, where Sparkwright has it written: in a folder of its own beside the records of runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sparkwright_core::policy::ResolvedPolicy;

use super::local_uri::{java_can_name, local_uri, no_name_in_java};
use crate::file_error::FileError;
use crate::private;

/// Spark's key for whether it writes an event log.
pub const ENABLED: &str = "spark.eventLog.enabled";
/// Spark's key for where it does.
pub const DIR: &str = "spark.eventLog.dir";
/// What the name of such a folder begins with.
const FOLDER: &str = ".eventlog-";

/// A folder that Spark writes its event log into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLogFolder {
    /// The folder.
    pub folder: PathBuf,
    /// The configurations that have Spark do it.
    pub confs: BTreeMap<String, String>,
}

/// Makes a fresh folder for the event log under `record`; nothing where the policy wants none, or where the user's configuration says whether and
/// where there is one.
///
/// # Errors
/// The folder can't be made or written to, or Java can't name it: Spark would not start.
pub fn made(
    policy: &ResolvedPolicy,
    user: &BTreeMap<String, String>,
    record: &Path,
) -> Result<Option<EventLogFolder>, FileError> {
    if !policy.monitoring.enable_metrics_collection || user.contains_key(ENABLED) {
        return Ok(None);
    }
    let folder = fresh(record)?;
    let confs = BTreeMap::from(
        [
            (ENABLED, "true".to_owned()),
            (DIR, local_uri(&folder)),
            ("spark.eventLog.rolling.enabled", "false".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    Ok(Some(EventLogFolder { folder, confs }))
}

/// Whether the host can read the event log of an application: one that [`made`] has Spark write, or the user's own on this machine.
#[must_use]
pub fn is_readable(policy: &ResolvedPolicy, user: &BTreeMap<String, String>) -> bool {
    match user.get(ENABLED).map(|on| on.trim().eq_ignore_ascii_case("true")) {
        None => policy.monitoring.enable_metrics_collection,
        Some(on) => on && user.get(DIR).is_none_or(|dir| on_this_machine(dir).is_some()),
    }
}

/// A fresh folder for Spark's event log, on a disk that takes it.
fn fresh(record: &Path) -> Result<PathBuf, FileError> {
    let folder = record.join(format!("{FOLDER}{}-{}", std::process::id(), crate::clock::now_ms()));
    if !java_can_name(&folder) {
        return Err(FileError::of("have Spark write to", &folder)(no_name_in_java()));
    }
    private::folder(&folder).map_err(FileError::of("make the folder", &folder))?;
    // Spark does not start an application whose event log can't be written: try it first.
    let probe = folder.join(".probe");
    let tried = fs::write(&probe, vec![0u8; 64 * 1024]);
    let _ = fs::remove_file(&probe);
    if let Err(error) = tried {
        let _ = fs::remove_dir(&folder);
        return Err(FileError::of("write to the folder", &folder)(error));
    }
    Ok(folder)
}

/// The folder of a `spark.eventLog.dir` that [`made`] set; nothing for any other.
#[must_use]
pub fn folder_of(dir: &str) -> Option<PathBuf> {
    let path = on_this_machine(dir)?;
    let name = path.file_name()?.to_string_lossy();
    name.starts_with(FOLDER).then_some(path)
}

/// The path of a `file:` URI, or of a value without a scheme; nothing for a folder that is elsewhere.
#[must_use]
pub fn on_this_machine(dir: &str) -> Option<PathBuf> {
    let path = match dir.split_once(':') {
        Some(("file", path)) => {
            let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
            percent_encoding::percent_decode_str(path).decode_utf8().ok()?.into_owned()
        }
        Some(_) => return None,
        None => dir.to_owned(),
    };
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_folder_is_known_again_by_what_spark_was_told() {
        let root = tempfile::tempdir().unwrap();
        let record = root.path().join("my runs 50%");
        fs::create_dir(&record).unwrap();
        let made = made(&ResolvedPolicy::default(), &BTreeMap::new(), &record).unwrap().unwrap();
        assert_eq!(folder_of(made.confs.get(DIR).unwrap()), Some(made.folder));
        assert_eq!(folder_of("file:///tmp/spark-events"), None);
    }

    #[test]
    fn what_the_user_or_the_policy_says_stands() {
        let root = tempfile::tempdir().unwrap();
        let user = BTreeMap::from([(ENABLED.to_owned(), "false".to_owned())]);
        assert_eq!(made(&ResolvedPolicy::default(), &user, root.path()).unwrap(), None);
        let mut policy = ResolvedPolicy::default();
        policy.monitoring.enable_metrics_collection = false;
        assert_eq!(made(&policy, &BTreeMap::new(), root.path()).unwrap(), None);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn folders_of_this_machine_are_told_from_others() {
        for (dir, path) in [
            ("file:/a/b", Some("/a/b")),
            ("file:///a%20b", Some("/a b")),
            ("/a/b", Some("/a/b")),
            ("hdfs://name/a", None),
            ("s3a://bucket/a", None),
            ("events", None),
        ] {
            assert_eq!(on_this_machine(dir), path.map(PathBuf::from), "{dir}");
        }
    }
}
