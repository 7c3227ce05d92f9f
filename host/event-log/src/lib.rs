//! Spark's event logs: their files and their lines.
//!
//! All forms of Spark 3.5 and 4.x are read: one file or a rolling folder, plain or zstd, finished or in progress. What the lines mean is
//! for others: the host and the tests read them each in their own way, so that one is a witness of the other.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

/// Why an event log can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// A file or folder can't be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder holds several logs.
    #[error("`{}` holds more than one event log; name one of them", path.display())]
    Several {
        /// The folder.
        path: PathBuf,
    },
    /// A folder holds none.
    #[error("`{}` holds no event log", path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
    /// It is compressed in a way that is not read.
    #[error("`{}` is compressed with {codec}; zstd (Spark's default) and plain logs are read", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// Its codec, by its name.
        codec: String,
    },
}

/// A result with [`EventLogError`].
pub type Result<T> = std::result::Result<T, EventLogError>;

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EventLogError + '_ {
    |source| EventLogError::Io { path: path.to_owned(), source }
}

/// Hands each whole line of the log at `path`, a file or a folder, to `take`.
///
/// # Errors
/// The log can't be read, or is not one log.
pub fn each_line(path: &Path, mut take: impl FnMut(&str)) -> Result<()> {
    for file in files(path)? {
        lines(&file, &mut take)?;
    }
    Ok(())
}

/// The files that make up the log, in order.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(io(path))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|entry| !name(entry).starts_with('.'))
        .collect();
    // A rolling log: eventlog_v2_<application>/events_<number>_<application>[.zstd], beside a file on its state.
    let mut rolled: Vec<(u32, PathBuf)> =
        entries.iter().filter_map(|file| Some((number(file)?, file.clone()))).collect();
    if !rolled.is_empty() {
        rolled.sort();
        return Ok(rolled.into_iter().map(|(_, file)| file).collect());
    }
    match (entries.pop(), entries.is_empty()) {
        (Some(only), true) => files(&only),
        (Some(_), false) => Err(EventLogError::Several { path: path.to_owned() }),
        (None, _) => Err(EventLogError::None { path: path.to_owned() }),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn number(path: &Path) -> Option<u32> {
    name(path).strip_prefix("events_")?.split('_').next()?.parse().ok()
}

/// Hands each whole line to `take`. The last line of a log in progress may be cut off, and so may a compressed file.
fn lines(file: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    let raw = BufReader::with_capacity(1 << 16, File::open(file).map_err(io(file))?);
    match Path::new(name(file).trim_end_matches(".inprogress")).extension().and_then(|codec| codec.to_str()) {
        Some("zstd") => {}
        Some(codec @ ("lz4" | "lzf" | "snappy")) => {
            return Err(EventLogError::Codec { path: file.to_owned(), codec: codec.to_owned() });
        }
        _ => return whole_lines(raw, file, take),
    }
    // Spark flushes by ending a frame and beginning the next one: the file is a sequence of frames.
    let mut raw = raw;
    let mut text = Frames { source: &mut raw, rest: Vec::new() };
    while text.next_frame(file, take)? {}
    Ok(())
}

/// The text of a sequence of zstd frames; a line may go on in the next frame.
struct Frames<'a, R> {
    source: &'a mut R,
    rest: Vec<u8>,
}

impl<R: BufRead> Frames<'_, R> {
    /// Reads one frame; false at the end of the file, or where it is cut off.
    fn next_frame(&mut self, file: &Path, take: &mut impl FnMut(&str)) -> Result<bool> {
        if self.source.fill_buf().map_err(io(file))?.is_empty() {
            return Ok(false);
        }
        let Ok(mut decoder) = StreamingDecoder::new(&mut *self.source) else { return Ok(false) };
        let mut frame = Vec::new();
        let whole = std::io::Read::read_to_end(&mut decoder, &mut frame).is_ok();
        drop(decoder);
        self.rest.extend_from_slice(&frame);
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let tail = self.rest.split_off(end);
        let lines = std::mem::replace(&mut self.rest, tail);
        whole_lines(lines.as_slice(), file, take)?;
        Ok(whole)
    }
}

fn whole_lines(mut reader: impl BufRead, file: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    let mut line = String::new();
    while reader.read_line(&mut line).map_err(io(file))? > 0 {
        if line.ends_with('\n') && line.len() > 1 {
            take(line.trim_end());
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> std::result::Result<Vec<String>, String> {
        let mut lines = Vec::new();
        each_line(path, |line| lines.push(line.to_owned())).map_err(|error| error.to_string())?;
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
        fs::write(root.join("app.lz4"), "x")?;
        assert!(read(&root.join("app.lz4")).is_err_and(|error| error.contains("compressed with lz4")));
        assert!(read(&root.join("none")).is_err());
        Ok(())
    }
}
