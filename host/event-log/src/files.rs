//! The files that make up a log, in their order.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::codec::{self, Codec};
use crate::error::{EventLogError, Result, io};
use crate::lines;

/// How much is read of a file at a time.
const READ_BYTES: usize = 1 << 17;

/// A file of a log.
pub(crate) enum Part {
    /// On disk.
    File(PathBuf),
    /// In an archive.
    Packed {
        /// The archive.
        archive: PathBuf,
        /// The number of its entry there.
        number: usize,
        /// Its name there.
        name: String,
    },
}

/// The files of the log at `path`, in order.
pub(crate) fn of(path: &Path) -> Result<Vec<Part>> {
    if path.is_file() {
        return if is_zip(path)? { of_archive(path) } else { Ok(vec![Part::File(path.to_owned())]) };
    }
    let entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(io(path))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|entry| !file_name(entry).starts_with('.'))
        .collect();
    let names: Vec<String> = entries.iter().map(|entry| file_name(entry)).collect();
    if let Some(order) = one_log(names.iter().map(String::as_str)) {
        return Ok(order.into_iter().filter_map(|at| Some(Part::File(entries.get(at)?.clone()))).collect());
    }
    match entries.as_slice() {
        [only] => of(only),
        [] => Err(EventLogError::None { path: path.to_owned() }),
        _ => Err(EventLogError::Several { path: path.to_owned() }),
    }
}

/// The logs at `path`: itself where it is one, else each file and folder in it, in the order of their names.
pub(crate) fn logs(path: &Path) -> Result<Vec<PathBuf>> {
    match of(path) {
        Err(EventLogError::Several { .. }) => {}
        Err(EventLogError::None { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
        Ok(_) => return Ok([path.to_owned()].into()),
    }
    let entries = fs::read_dir(path).map_err(io(path))?.flatten().map(|entry| entry.path());
    let mut logs: Vec<PathBuf> = entries.filter(|entry| !file_name(entry).starts_with('.')).collect();
    logs.sort();
    Ok(logs)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The places of the files that make up one log, in order, where files of these names in one folder do.
fn one_log<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Vec<usize>> {
    // A rolling log: eventlog_v2_<application>/events_<number>_<application>[.zstd], beside a file on its state.
    let mut rolled: Vec<(u32, &str, usize)> =
        names.clone().enumerate().filter_map(|(at, name)| Some((roll_number(name)?, name, at))).collect();
    if !rolled.is_empty() {
        rolled.sort_unstable();
        return Some(rolled.into_iter().map(|(_, _, at)| at).collect());
    }
    // Databricks: eventlog-<date>--<time>.gz, and what is written now in eventlog.
    let mut dated: Vec<(bool, &str, usize)> = names
        .enumerate()
        .filter(|(_, name)| *name == "eventlog" || name.strip_prefix("eventlog-").is_some_and(begins_with_date))
        .map(|(at, name)| (name == "eventlog", name, at))
        .collect();
    dated.sort_unstable();
    (!dated.is_empty()).then(|| dated.into_iter().map(|(_, _, at)| at).collect())
}

fn roll_number(name: &str) -> Option<u32> {
    name.strip_prefix("events_")?.split('_').next()?.parse().ok()
}

/// Whether a text begins as 2026-11-29 does.
fn begins_with_date(text: &str) -> bool {
    let fits = |(at, byte): (usize, &u8)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() };
    text.len() >= 10 && text.as_bytes().iter().take(10).enumerate().all(fits)
}

fn is_zip(path: &Path) -> Result<bool> {
    let mut file = BufReader::with_capacity(codec::LONGEST_MAGIC, File::open(path).map_err(io(path))?);
    Ok(codec::of(file.fill_buf().map_err(io(path))?) == Codec::Zip)
}

/// The entries of a zip, as the history server gives out: one log, a file or a rolling folder.
fn of_archive(path: &Path) -> Result<Vec<Part>> {
    let mut archive = open_archive(path)?;
    let mut entries: Vec<(usize, String)> = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(|error| io(path)(error.into()))?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_file() && !file_name(Path::new(&name)).starts_with('.') {
            entries.push((at, name));
        }
    }
    let short: Vec<String> = entries.iter().map(|(_, name)| file_name(Path::new(name))).collect();
    let folders: BTreeSet<_> = entries.iter().map(|(_, name)| Path::new(name).parent()).collect();
    let order = match (one_log(short.iter().map(String::as_str)), entries.as_slice()) {
        (Some(order), _) if folders.len() == 1 => order,
        (_, [_]) => vec![0],
        (_, []) => return Err(EventLogError::None { path: path.to_owned() }),
        _ => return Err(EventLogError::Several { path: path.to_owned() }),
    };
    let part = |at: usize| {
        let (number, name) = entries.get(at)?;
        Some(Part::Packed { archive: path.to_owned(), number: *number, name: name.clone() })
    };
    Ok(order.into_iter().filter_map(part).collect())
}

fn open_archive(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = BufReader::with_capacity(READ_BYTES, File::open(path).map_err(io(path))?);
    ZipArchive::new(file).map_err(|error| io(path)(error.into()))
}

impl Part {
    /// Hands each whole line to `take`. The last line of a log in progress may be cut off, and so may a compressed file.
    pub(crate) fn each_line(&self, take: &mut impl FnMut(&[u8])) -> Result<()> {
        match self {
            Self::File(path) => {
                // A pipe that nobody writes into would be waited for without end.
                if !fs::metadata(path).map_err(io(path))?.is_file() {
                    return Err(EventLogError::NoFile { path: path.clone() });
                }
                let file = BufReader::with_capacity(READ_BYTES, File::open(path).map_err(io(path))?);
                lines::each(codec::opened(file, path)?, path, take)
            }
            Self::Packed { archive, number, name } => {
                let mut opened = open_archive(archive)?;
                let path = archive.join(name);
                let packed = opened.by_index(*number).map_err(|error| io(&path)(error.into()))?;
                lines::each(codec::opened(BufReader::with_capacity(READ_BYTES, packed), &path)?, &path, take)
            }
        }
    }
}
