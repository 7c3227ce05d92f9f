//! The files of an event log and their lines.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use crate::{Error, Result};

/// The files that make up the log, in order.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(Error::io("cannot read", path))?
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
        (Some(_), false) => Err(Error::malformed(path.display(), "it holds more than one event log; name one of them")),
        (None, _) => Err(Error::malformed(path.display(), "it holds no event log")),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn number(path: &Path) -> Option<u32> {
    name(path).strip_prefix("events_")?.split('_').next()?.parse().ok()
}

/// Hands each whole line to `take`. The last line of a log in progress may be cut off, and so may a compressed file.
pub(super) fn lines(file: &Path, mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let raw = BufReader::with_capacity(1 << 16, File::open(file).map_err(Error::io("cannot read", file))?);
    let compressed = Path::new(name(file).trim_end_matches(".inprogress")).extension().is_some_and(|ext| ext == "zstd");
    if !compressed {
        return each_line(raw, file, &mut take);
    }
    // Spark flushes by ending a frame and beginning the next one: the file is a sequence of frames.
    let mut raw = raw;
    let mut text = Frames { source: &mut raw, rest: Vec::new() };
    while text.next_frame(file, &mut take)? {}
    Ok(())
}

/// The text of a sequence of zstd frames; a line may go on in the next frame.
struct Frames<'a, R> {
    source: &'a mut R,
    rest: Vec<u8>,
}

impl<R: BufRead> Frames<'_, R> {
    /// Reads one frame; false at the end of the file, or where it is cut off.
    fn next_frame(&mut self, file: &Path, take: &mut impl FnMut(&str) -> Result<()>) -> Result<bool> {
        if self.source.fill_buf().map_err(Error::io("cannot read", file))?.is_empty() {
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
        each_line(lines.as_slice(), file, take)?;
        Ok(whole)
    }
}

fn each_line(mut reader: impl BufRead, file: &Path, take: &mut impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut line = String::new();
    while reader.read_line(&mut line).map_err(Error::io("cannot read", file))? > 0 {
        if line.ends_with('\n') && line.len() > 1 {
            take(line.trim_end())?;
        }
        line.clear();
    }
    Ok(())
}
