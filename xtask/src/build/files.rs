//! What is built, put in its place only where it differs: what depends on it is then not built anew.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Puts `bytes` where they belong unless the same bytes are there.
pub(crate) fn put(bytes: &[u8], file: &Path) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    fs::write(file, bytes).with_context(|| format!("cannot write `{}`", file.display()))
}

/// Puts a folder where it belongs, all of it at once, unless what is there has the same files.
pub(crate) fn put_folder(fresh: &Path, to: &Path) -> Result<()> {
    if contents(fresh)? == contents(to).unwrap_or_default() {
        return Ok(());
    }
    if to.exists() {
        // Beside the fresh one: whoever made that removes both.
        let old = fresh.with_extension("old");
        fs::rename(to, &old).with_context(|| format!("cannot move `{}`", to.display()))?;
    }
    fs::rename(fresh, to).with_context(|| format!("cannot put `{}` in its place", to.display()))
}

/// All files below a folder, in order.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

/// The files of a folder by name.
fn contents(folder: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    let unread = || format!("cannot read `{}`", folder.display());
    fs::read_dir(folder)
        .with_context(unread)?
        .map(|entry| {
            let entry = entry.with_context(unread)?;
            Ok((entry.file_name(), fs::read(entry.path()).with_context(unread)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_only_when_it_differs() {
        let place = tempfile::tempdir().unwrap();
        let (fresh, to) = (place.path().join("fresh"), place.path().join("to"));
        let fill = |files: &[(&str, &str)]| {
            let _ = fs::remove_dir_all(&fresh);
            let _ = fs::remove_dir_all(fresh.with_extension("old"));
            fs::create_dir(&fresh).unwrap();
            for (name, text) in files {
                fs::write(fresh.join(name), text).unwrap();
            }
        };
        fill(&[("a", "1"), ("b", "2")]);
        put_folder(&fresh, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "2");

        fill(&[("a", "1"), ("b", "2")]);
        put_folder(&fresh, &to).unwrap();
        assert!(fresh.exists(), "the same files stay where they are");

        fill(&[("a", "3")]);
        put_folder(&fresh, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a")).unwrap(), "3");
        assert!(!to.join("b").exists(), "a file of an earlier build is gone");
    }
}
