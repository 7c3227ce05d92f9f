//! Spark's event logs: their files and their lines.
//!
//! All forms of Spark 3.5 and 4.x are read: one file or a rolling folder, plain or zstd, finished or in progress; line by line, in bounded
//! memory. What the lines mean is for others: the host and the tests read them each in their own way, so that one is a witness of the other.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What a line may have. The longest that Spark writes is a plan with its metrics, of some MiB; a small compressed file may unfold to gigabytes.
const LINE_BYTES_AT_MOST: u64 = 64 << 20;

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
    /// A part of it is a pipe, a device or a folder.
    #[error("`{}` is no plain file: name a copy of the event log, without it", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// A line is longer than any that Spark writes.
    #[error("line {number} of `{}` has more than {} MiB: this is no event log of Spark, or a damaged one", path.display(), LINE_BYTES_AT_MOST >> 20)]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: u64,
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
    // A pipe that nobody writes into would be waited for without end.
    if !fs::metadata(file).map_err(io(file))?.is_file() {
        return Err(EventLogError::NoFile { path: file.to_owned() });
    }
    let raw = BufReader::with_capacity(1 << 16, File::open(file).map_err(io(file))?);
    match Path::new(name(file).trim_end_matches(".inprogress")).extension().and_then(|codec| codec.to_str()) {
        Some("zstd") => {
            let text = Frames { source: raw, frame: FrameDecoder::new(), at: At::NextFrame };
            whole_lines(BufReader::with_capacity(1 << 16, text), file, take)
        }
        Some(codec @ ("lz4" | "lzf" | "snappy")) => {
            Err(EventLogError::Codec { path: file.to_owned(), codec: codec.to_owned() })
        }
        _ => whole_lines(raw, file, take),
    }
}

/// Where the reading of [`Frames`] is.
enum At {
    NextFrame,
    InFrame,
    /// Behind the last frame, or where it is cut off.
    End,
}

/// The text of a sequence of zstd frames: Spark flushes by ending a frame and beginning the next one. It ends where a frame is cut off.
struct Frames<R> {
    source: R,
    frame: FrameDecoder,
    at: At,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            self.at = match self.at {
                At::End => return Ok(0),
                At::NextFrame if self.source.fill_buf()?.is_empty() || self.frame.init(&mut self.source).is_err() => {
                    At::End
                }
                At::NextFrame => At::InFrame,
                At::InFrame => match self.frame.read(into)? {
                    0 if self.frame.is_finished() => At::NextFrame,
                    0 => match self.frame.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) {
                        Ok(_) => At::InFrame,
                        Err(_) => At::End,
                    },
                    given => return Ok(given),
                },
            }
        }
    }
}

fn whole_lines(mut reader: impl BufRead, file: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        (&mut reader).take(LINE_BYTES_AT_MOST + 1).read_until(b'\n', &mut line).map_err(io(file))?;
        if line.len() as u64 > LINE_BYTES_AT_MOST {
            return Err(EventLogError::LongLine { path: file.to_owned(), number });
        }
        if line.last() != Some(&b'\n') {
            break;
        }
        if line.len() > 1 {
            // A byte that is no text is one of somebody's query or path; the event is read all the same.
            take(String::from_utf8_lossy(&line).trim_end());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

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
}
