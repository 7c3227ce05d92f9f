//! The folders of a dead session: finds, measures and removes them, and never leaves them by a link.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::Serialize;

/// A folder of a dead session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// Its name in the warehouse.
    pub name: String,
    /// The files in it.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Whether it is gone.
    pub removed: bool,
    /// Why it is not, or not whole.
    pub error: Option<String>,
}

/// Spark nests a table's folders by its partition columns and by a commit's temporary ones; deeper is not Spark's.
const MAX_DEPTH: u32 = 64;

/// The folders of `session` directly in `root`, removed unless `dry_run`.
pub(super) fn of(root: &OwnedFd, prefix: &str, session: &str, dry_run: bool) -> Result<Vec<Folder>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(root)? {
        let name = entry?.file_name().to_owned();
        if belongs(name.to_bytes(), prefix, session) {
            names.push(name);
        }
    }
    names.sort();
    let device = rustix::fs::fstat(root)?.st_dev;
    Ok(names.iter().filter_map(|name| folder(root, name, device, dry_run)).collect())
}

/// Whether a name is `<prefix><session>_<table>`. Spark's catalogs write table names in small letters.
pub(super) fn belongs(name: &[u8], prefix: &str, session: &str) -> bool {
    let rest = name.split_at_checked(prefix.len()).filter(|(start, _)| start.eq_ignore_ascii_case(prefix.as_bytes()));
    let table =
        rest.and_then(|(_, rest)| rest.strip_prefix(session.as_bytes())).and_then(|rest| rest.strip_prefix(b"_"));
    table.is_some_and(|table| {
        !table.is_empty() && table.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

fn folder(root: &OwnedFd, name: &CStr, device: u64, dry_run: bool) -> Option<Folder> {
    let mut folder =
        Folder { name: name.to_string_lossy().into_owned(), files: 0, bytes: 0, removed: false, error: None };
    match rustix::fs::statat(root, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if kind(&stat) == FileType::Directory => {
            let mut walk = Walk { device, remove: !dry_run, folder: &mut folder };
            let walked = walk.tree(root, name, 0);
            folder.removed = walked.is_ok() && !dry_run;
            folder.error = walked.err();
        }
        Ok(stat) => {
            let found = if kind(&stat) == FileType::Symlink { "a symbolic link" } else { "not a folder" };
            folder.error = Some(format!("it is {found}, and no session makes such: left alone"));
        }
        Err(Errno::NOENT) => return None,
        Err(errno) => folder.error = Some(io::Error::from(errno).to_string()),
    }
    Some(folder)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

struct Walk<'a> {
    device: u64,
    remove: bool,
    folder: &'a mut Folder,
}

impl Walk<'_> {
    /// Counts, and removes, what is under `name`, each step from the open folder above it.
    fn tree(&mut self, parent: &OwnedFd, name: &CStr, depth: u32) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("it holds folders {MAX_DEPTH} deep, and no table does: left alone"));
        }
        let text = |errno: Errno| format!("{}: {}", name.to_string_lossy(), io::Error::from(errno));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let here = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(here) => here,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(text(errno)),
        };
        if rustix::fs::fstat(&here).map_err(text)?.st_dev != self.device {
            return Err(format!("{} is on another file system: left alone", name.to_string_lossy()));
        }
        // Twice: an executor of the dead driver may have written one more file meanwhile.
        for again in [true, false] {
            for entry in list(&here).map_err(text)? {
                self.entry(&here, &entry, depth)?;
            }
            if !self.remove {
                break;
            }
            match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => break,
                Err(Errno::NOTEMPTY | Errno::EXIST) if again => {}
                Err(errno) => return Err(text(errno)),
            }
        }
        Ok(())
    }

    fn entry(&mut self, here: &OwnedFd, name: &CStr, depth: u32) -> Result<(), String> {
        let text = |errno: Errno| format!("{}: {}", name.to_string_lossy(), io::Error::from(errno));
        let stat = match rustix::fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(text(errno)),
        };
        if kind(&stat) == FileType::Directory {
            return self.tree(here, name, depth + 1);
        }
        // A link itself goes; what it points to stays.
        if self.remove {
            match rustix::fs::unlinkat(here, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(text(errno)),
            }
        }
        self.folder.files += 1;
        self.folder.bytes += u64::try_from(stat.st_size).unwrap_or(0);
        Ok(())
    }
}

fn list(here: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(here)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}
