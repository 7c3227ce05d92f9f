//! The sizes of the files below a path, as Spark would read them.

use std::fs;
use std::io;
use std::path::Path;

use sparkwright_core::units::Bytes;

/// Files that Spark skips: hidden ones and those that begin with an underscore, as `_SUCCESS`.
fn skipped(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// The sizes of the files at and below `path`, which is a file or a folder, in the order of their names.
///
/// # Errors
/// Something there can't be looked at, named by its path.
pub fn sizes(path: &Path) -> io::Result<Vec<Bytes>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display()));
    let data = fs::metadata(path).map_err(named)?;
    if !data.is_dir() {
        return Ok(vec![Bytes(data.len())]);
    }
    let mut below: Vec<_> = fs::read_dir(path).map_err(named)?.collect::<io::Result<_>>().map_err(named)?;
    below.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in below.iter().filter(|entry| !skipped(&entry.file_name().to_string_lossy())) {
        found.extend(sizes(&entry.path())?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spark_skips_is_skipped() -> io::Result<()> {
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
        assert_eq!(sizes(root)?, [Bytes(10), Bytes(20)]);
        assert_eq!(sizes(&root.join("a.parquet"))?, [Bytes(10)]);
        assert!(sizes(&root.join("none")).is_err_and(|error| error.to_string().contains("none")));
        Ok(())
    }
}
