//! The files below a path, as Spark would read them: their sizes, and whether it can cut them.

use std::fs;
use std::path::{Path, PathBuf};

use sparkwright_core::facts::JobFacts;
use sparkwright_core::scan;
use sparkwright_core::units::Bytes;

use crate::file_error::FileError;

/// Files that Spark skips: hidden ones and those that begin with an underscore, as `_SUCCESS`.
fn skipped(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Files that a job reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFiles {
    /// Their sizes, in the order of their names.
    pub bytes: Vec<Bytes>,
    /// Whether Spark can cut each of them between tasks; unknown where one of their names does not tell.
    pub splittable: Option<bool>,
}

impl InputFiles {
    /// No files.
    #[must_use]
    pub const fn none() -> Self {
        Self { bytes: Vec::new(), splittable: Some(true) }
    }

    /// Says what they are in a job's facts.
    pub fn describe(self, job: &mut JobFacts) {
        job.files_splittable = self.splittable.filter(|_| !self.bytes.is_empty());
        job.file_bytes = self.bytes;
    }

    /// Adds the files at and below `path`, which is a file or a folder.
    ///
    /// # Errors
    /// Something there can't be looked at, named by its path.
    pub fn add(&mut self, path: &Path) -> Result<(), FileError> {
        for (file, bytes) in files(path)? {
            let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            // One that can't be cut decides; one that nobody knows leaves it open.
            self.splittable = match (self.splittable, scan::splittable(&name)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), known) => known,
                (None, _) => None,
            };
            self.bytes.push(bytes);
        }
        Ok(())
    }
}

fn files(path: &Path) -> Result<Vec<(PathBuf, Bytes)>, FileError> {
    let data = fs::metadata(path).map_err(FileError::of("look at the input", path))?;
    if !data.is_dir() {
        return Ok(vec![(path.to_owned(), Bytes(data.len()))]);
    }
    let listed = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let mut below = listed.map_err(FileError::of("list the input folder", path))?;
    below.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in below.iter().filter(|entry| !skipped(&entry.file_name().to_string_lossy())) {
        found.extend(files(&entry.path())?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spark_skips_is_skipped() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        fs::create_dir_all(root.join("day=1"))?;
        fs::create_dir_all(root.join("_temporary/0"))?;
        for (name, size) in [
            ("day=1/b.parquet", 20),
            ("day=1/.b.parquet.crc", 1),
            ("a.parquet", 10),
            ("_SUCCESS", 0),
            ("_temporary/0/x", 5),
        ] {
            fs::write(root.join(name), vec![0u8; size])?;
        }
        let below = |name: &str| {
            let mut files = InputFiles::none();
            files.add(&root.join(name)).map(|()| files)
        };
        assert_eq!(below("")?, InputFiles { bytes: vec![Bytes(10), Bytes(20)], splittable: Some(true) });
        assert_eq!(below("a.parquet")?.bytes, [Bytes(10)]);
        assert!(below("none").is_err_and(|error| error.to_string().contains("none")));
        fs::write(root.join("b.dat"), "1")?;
        assert_eq!(below("")?.splittable, None, "nobody knows what it is");
        fs::write(root.join("a.csv.gz"), "1")?;
        assert_eq!(below("")?.splittable, Some(false));
        Ok(())
    }
}
