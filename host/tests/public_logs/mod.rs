//! Event logs of other people's runs, in `../shared/data` beside the checkout.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Every log; none, and it is said, where the folder is absent.
pub fn public_logs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/eventlogs");
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(&folder, &mut found);
    } else {
        eprintln!("skipped: there is no {}", folder.display());
    }
    found
}

/// Every log of a folder and the folders in it; a rolling log is one.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !name.to_string_lossy().starts_with("eventlog_v2_") {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
