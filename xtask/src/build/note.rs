//! Notes of what was made from what, so that nothing is made again from the same.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::files::put;

/// Everything that a product depends on, as one digest, and the file that keeps it.
pub(super) struct Note {
    file: PathBuf,
    digest: Sha256,
}

impl Note {
    /// A note that is kept in `file`.
    pub(super) fn in_file(file: PathBuf) -> Self {
        Self { file, digest: Sha256::new() }
    }

    /// Adds what the product is made from.
    pub(super) fn and(mut self, bytes: &[u8]) -> Self {
        // The length too: two parts are not the same as one that is both.
        self.digest.update((bytes.len() as u64).to_le_bytes());
        self.digest.update(bytes);
        self
    }

    /// Adds files with their names; `below` is the folder that the names begin in.
    pub(super) fn and_files<'a>(self, below: &Path, files: impl IntoIterator<Item = &'a PathBuf>) -> Result<Self> {
        files.into_iter().try_fold(self, |note, file| {
            let bytes = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let name = file.strip_prefix(below).unwrap_or(file);
            Ok(note.and(name.as_os_str().as_encoded_bytes()).and(&bytes))
        })
    }

    /// Whether the product that is there was made from just this.
    pub(super) fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|kept| kept == self.text())
    }

    /// Keeps the note, once the product is there.
    pub(super) fn keep(self) -> Result<()> {
        put(self.text().as_bytes(), &self.file)
    }

    fn text(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_product_is_made_again_from_anything_else_only() {
        let place = tempfile::tempdir().unwrap();
        let (source, kept) = (place.path().join("source"), place.path().join("kept"));
        let note = |parts: &[&str]| {
            let note = Note::in_file(kept.clone()).and_files(place.path(), [&source]).unwrap();
            parts.iter().fold(note, |note, part| note.and(part.as_bytes()))
        };
        fs::write(&source, "one").unwrap();
        assert!(!note(&["a", "b"]).holds(), "nothing was made yet");
        note(&["a", "b"]).keep().unwrap();
        assert!(note(&["a", "b"]).holds());
        assert!(!note(&["ab"]).holds() && !note(&["a"]).holds() && !note(&["b", "a"]).holds());
        fs::write(&source, "two").unwrap();
        assert!(!note(&["a", "b"]).holds(), "a file has changed");
    }
}
