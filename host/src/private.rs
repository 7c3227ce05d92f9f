//! Folders and files for their user alone: what is recorded of a run has its paths, names and plans.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Makes a folder that nobody else can enter, and whatever of its path is missing; one that is there stays as it is.
///
/// # Errors
/// It can't be made.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file that nobody else can read, empty.
///
/// # Errors
/// It can't be made, or written.
pub fn file(path: &Path) -> io::Result<File> {
    to_write().truncate(true).open(path)
}

/// A file that nobody else can read, which is not there yet.
///
/// # Errors
/// It is there, or can't be made.
pub fn new_file(path: &Path) -> io::Result<File> {
    to_write().create_new(true).open(path)
}

/// A file that nobody else can read, written on at its end.
///
/// # Errors
/// It can't be made, or written.
pub fn appended(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Writes a file that nobody else can read, whole or not at all: beside itself, and then renamed.
///
/// # Errors
/// It can't be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.new"));
    let written = file(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.flush()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&fresh);
        return Err(error);
    }
    fs::rename(&fresh, path)
}

fn to_write() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
