//! Spark's event logs: their files and their lines.
//!
//! The forms of Spark 1.3 to 4.x, of its history server and of Databricks: one file, a rolling folder (`events_1_…`), a folder that is rolled over by
//! date (`eventlog`, `eventlog-2026-11-29--10-00.gz`), or a zip of these; plain, or compressed as gzip, zstd, lz4 or snappy, which the first bytes
//! tell and no name; finished or in progress; line by line, in bounded memory. What the lines mean is for others: the host and the tests read them
//! each in their own way, so that one is a witness of the other.

mod codec;
mod error;
mod files;
mod lines;

use std::path::Path;

pub use error::{EventLogError, Result};

/// The logs at `path`: itself where it is one, else each file and folder in it, in the order of their names.
///
/// # Errors
/// The folder can't be read.
pub fn logs(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    files::logs(path)
}

/// Hands each whole line of the log at `path`, a file or a folder, to `take`, without its end. A line may hold bytes that are no text.
///
/// # Errors
/// The log can't be read, or is not one log.
pub fn each_line(path: &Path, mut take: impl FnMut(&[u8])) -> Result<()> {
    for part in files::of(path)? {
        part.each_line(&mut take)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::fs;
    use std::io::Write as _;

    fn read(path: &Path) -> std::result::Result<Vec<String>, String> {
        let mut lines = Vec::new();
        each_line(path, |line| lines.push(String::from_utf8_lossy(line).into_owned()))
            .map_err(|error| error.to_string())?;
        Ok(lines)
    }

    #[test]
    fn a_file_a_rolling_folder_and_a_folder_with_one_log() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        assert!(read(root).is_err_and(|error| error.ends_with("holds no event log")));
        let rolling = root.join("eventlog_v2_app-1");
        fs::create_dir(&rolling)?;
        fs::write(rolling.join("appstatus_app-1.inprogress"), "")?;
        fs::write(rolling.join("events_10_app-1"), "third\nfourth, cut")?;
        fs::write(rolling.join("events_2_app-1"), "first\n\nsecond\n")?;
        assert_eq!(read(root), Ok(["first", "second", "third"].map(str::to_owned).to_vec()));
        assert_eq!(read(&rolling.join("events_2_app-1")).map(|lines| lines.len()), Ok(2));
        fs::write(root.join("other"), "x\n")?;
        assert!(read(root).is_err_and(|error| error.contains("more than one")));
        fs::write(root.join("app.lzf"), "ZV\x01")?;
        assert!(read(&root.join("app.lzf")).is_err_and(|error| error.contains("compressed with lzf")));
        assert!(read(&root.join("none")).is_err());
        Ok(())
    }

    /// What Spark's writer makes of texts, each flushed: a frame for each.
    fn frames(texts: &[&[u8]]) -> Vec<u8> {
        texts.iter().flat_map(|text| compress_to_vec(*text, CompressionLevel::Fastest)).collect()
    }

    #[test]
    fn what_is_no_plain_file_is_refused_at_once() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let rolling = folder.path().join("eventlog_v2_app-1");
        fs::create_dir(&rolling)?;
        fs::write(rolling.join("events_1_app-1"), "first\n")?;
        let pipe = rolling.join("events_2_app-1");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status()?.success());
        assert!(read(folder.path()).is_err_and(|error| error.contains("events_2_app-1` is no plain file")));
        fs::remove_file(&pipe)?;
        fs::create_dir(&pipe)?;
        assert!(read(folder.path()).is_err_and(|error| error.contains("is no plain file")));
        Ok(())
    }

    #[test]
    fn lines_go_on_over_frames_and_end_where_one_is_cut_off() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("app-1.zstd");
        let whole = frames(&[b"first\nsec", b"", b"ond\n", b"third \xff\nfourth, cut"]);
        fs::write(&file, &whole)?;
        assert_eq!(read(&file), Ok(["first", "second", "third \u{fffd}"].map(str::to_owned).to_vec()));
        let last = frames(&[b"third \xff\nfourth, cut"]).len();
        for missing in 1..=last {
            fs::write(&file, &whole[..whole.len() - missing])?;
            let lines = read(&file);
            assert!(
                lines.as_ref().is_ok_and(|lines| lines.starts_with(&["first".to_owned(), "second".to_owned()])),
                "{missing}: {lines:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_last_line_that_is_whole_needs_no_end() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("app-1");
        let whole = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":7}"#;
        fs::write(&file, format!("first\n{whole}"))?;
        assert_eq!(read(&file), Ok(["first", whole].map(str::to_owned).to_vec()));
        for cut in 1..whole.len() {
            fs::write(&file, format!("first\n{}", &whole[..cut]))?;
            assert_eq!(read(&file), Ok(["first".to_owned()].to_vec()), "{cut}");
        }
        Ok(())
    }

    #[test]
    fn a_line_that_never_ends_is_told_before_it_fills_the_memory() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bomb.zstd");
        let megabyte = compress_to_vec(&[b'0'; 1 << 20][..], CompressionLevel::Fastest);
        let mut bomb = compress_to_vec(&b"first\n"[..], CompressionLevel::Fastest);
        for _ in 0..200 {
            bomb.extend_from_slice(&megabyte);
        }
        fs::write(&file, bomb)?;
        assert!(read(&file).is_err_and(|error| error.starts_with("line 2 of `") && error.contains("more than 64 MiB")));
        Ok(())
    }

    fn gzip(text: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text)?;
        gzip.finish()
    }

    #[test]
    fn a_folder_that_is_rolled_over_by_date() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::write(at("eventlog"), "fourth\n")?;
        fs::write(at("eventlog-2026-11-29--10-00.gz"), gzip(b"third\n")?)?;
        // One that was appended to, and one whose end is missing.
        fs::write(at("eventlog-2026-11-29--09-00.gz"), [gzip(b"first\nsec")?, gzip(b"ond\n")?].concat())?;
        assert_eq!(read(folder.path()), Ok(["first", "second", "third", "fourth"].map(str::to_owned).to_vec()));
        let whole = gzip("a line\n".repeat(20_000).as_bytes())?;
        fs::write(at("eventlog-2026-11-29--10-00.gz"), &whole[..whole.len() / 2])?;
        assert!(
            read(folder.path()).is_ok_and(|lines| lines.len() > 2 && lines.last().is_some_and(|it| it == "fourth"))
        );
        Ok(())
    }

    #[test]
    fn what_the_history_server_packs() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("eventLogs-app-1");
        let packed = |entries: &[(&str, &[u8])]| -> std::io::Result<Vec<u8>> {
            let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            for (name, text) in entries {
                zip.start_file(*name, zip::write::SimpleFileOptions::default())?;
                zip.write_all(text)?;
            }
            Ok(zip.finish()?.into_inner())
        };
        fs::write(&file, packed(&[("app-1", &frames(&[b"first\nsecond\n"]))])?)?;
        assert_eq!(read(&file), Ok(["first", "second"].map(str::to_owned).to_vec()));
        let rolled: [(&str, &[u8]); 3] = [
            ("eventlog_v2_app-1/events_2_app-1", b"second\n"),
            ("eventlog_v2_app-1/appstatus_app-1", b""),
            ("eventlog_v2_app-1/events_1_app-1", b"first\n"),
        ];
        fs::write(&file, packed(&rolled)?)?;
        assert_eq!(read(&file), Ok(["first", "second"].map(str::to_owned).to_vec()));
        fs::write(&file, packed(&[("app-1", b"x\n"), ("app-2", b"y\n")])?)?;
        assert!(read(&file).is_err_and(|error| error.contains("more than one")));
        fs::write(&file, packed(&[])?)?;
        assert!(read(&file).is_err_and(|error| error.ends_with("holds no event log")));
        Ok(())
    }
}
