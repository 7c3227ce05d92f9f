//! Removes what killed sessions left in a Spark warehouse.
//!
//! A session that stores temp tables holds a lease, `<warehouse>/.sparkwright/<session>.lease`, by a POSIX lock for as long as its driver
//! lives. A lease that nobody holds is of a session that was killed: the folders directly in the warehouse that are named
//! `<prefix><session>_…`, and then the lease, go. The lock is taken first and held until then, so that two cleaners never meet, and nothing
//! is reached through a symbolic link: neither the lease, nor a folder, nor anything in it.
//!
//! What a lease says is written by whoever can write to the warehouse. So it names no path: only a session, which has to be the lease's own
//! name, and a prefix of letters, digits and `_`.

mod folders;
mod lease;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use lease::{Claim, Lease};

pub use folders::Folder;

/// The folder in a warehouse that holds the leases.
pub const LEASES: &str = ".sparkwright";

/// How a warehouse is cleaned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only find, remove nothing.
    pub dry_run: bool,
    /// A lease that no lock can tell of (taken where locks don't work, or on another machine that shares the warehouse) is of a dead
    /// session once it was not renewed for this long; never when absent.
    pub unlocked_after: Option<Duration>,
}

/// What is known of a lease's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its driver runs.
    Live,
    /// Its driver is gone.
    Dead,
    /// It can't be told: left alone.
    Unsure,
    /// The lease is none that a session wrote: left alone.
    Unreadable,
}

/// A lease and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The session: the lease's file name without its ending.
    pub session: String,
    /// What is known of it.
    pub state: State,
    /// Why that is so, for all but live ones.
    pub why: Option<String>,
    /// Spark's id of its application.
    pub application: Option<String>,
    /// The machine of its driver.
    pub host: Option<String>,
    /// The process of its driver.
    pub pid: Option<u64>,
    /// When it began, Unix time.
    pub started_ms: Option<u64>,
    /// Its folders; only of dead sessions.
    pub folders: Vec<Folder>,
    /// Whether its lease is gone.
    pub removed: bool,
}

/// What was found in a warehouse and what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The warehouse.
    pub warehouse: PathBuf,
    /// Whether nothing was to be removed.
    pub dry_run: bool,
    /// Each lease.
    pub sessions: Vec<Session>,
    /// The files of temp tables that are gone, or would go in a dry run.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// What could not be done or not be told; empty when all is well.
    pub problems: Vec<String>,
}

/// Why a warehouse was not looked at.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// There is no such folder.
    #[error("there is no folder {}", .0.display())]
    Missing(PathBuf),
    /// It is something else than a folder.
    #[error("{} is {found}, not a folder", .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The system refused.
    #[error("{} can't be read: {error}", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// Looks at each lease of `warehouse` and removes what dead sessions left.
///
/// # Errors
/// When the warehouse or its folder of leases is no folder or can't be read. A warehouse without leases is clean.
pub fn clean(warehouse: &Path, options: &Options) -> Result<Report, CleanError> {
    let follow = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(warehouse, follow, Mode::empty()).map_err(|errno| refused(warehouse, errno))?;
    let mut report = Report {
        warehouse: warehouse.to_path_buf(),
        dry_run: options.dry_run,
        sessions: Vec::new(),
        files: 0,
        bytes: 0,
        problems: Vec::new(),
    };
    let path = warehouse.join(LEASES);
    let leases = match rustix::fs::openat(&root, LEASES, follow | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(leases) => leases,
        Err(Errno::NOENT) => return Ok(report),
        Err(errno) => return Err(refused(&path, errno)),
    };
    for name in lease::names(&leases).map_err(|errno| refused(&path, errno))? {
        if let Some(session) = clean_session(&root, &leases, &name, options) {
            report.add(session);
        }
    }
    lease::remove_unfinished(&leases, options.dry_run);
    Ok(report)
}

impl Report {
    fn add(&mut self, session: Session) {
        for folder in &session.folders {
            if folder.removed || self.dry_run {
                self.files += folder.files;
                self.bytes += folder.bytes;
            }
            if let Some(error) = &folder.error {
                self.problems.push(format!("{}: {error}", folder.name));
            }
        }
        if matches!(session.state, State::Unsure | State::Unreadable) {
            let why = session.why.as_deref().unwrap_or("it can't be told whether its session lives");
            self.problems.push(format!("{LEASES}/{}.lease: {why}", session.session));
        }
        self.sessions.push(session);
    }

    /// The sessions in this state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |session| session.state == state)
    }
}

fn clean_session(root: &OwnedFd, leases: &OwnedFd, session: &str, options: &Options) -> Option<Session> {
    let told = |state, why: Option<String>, lease: Option<&Lease>| Session {
        session: session.to_owned(),
        state,
        why,
        application: lease.and_then(|lease| lease.application.clone()),
        host: lease.and_then(|lease| lease.host.clone()),
        pid: lease.and_then(|lease| lease.pid),
        started_ms: lease.and_then(|lease| lease.started_ms),
        folders: Vec::new(),
        removed: false,
    };
    match lease::claim(leases, session, options.unlocked_after) {
        Claim::Gone => None,
        Claim::Live(lease) => Some(told(State::Live, None, lease.as_ref())),
        Claim::Unsure(lease, why) => Some(told(State::Unsure, Some(why), Some(&lease))),
        Claim::Unreadable(why) => Some(told(State::Unreadable, Some(why), None)),
        Claim::Dead(held) => {
            let mut dead = told(State::Dead, Some(held.why().to_owned()), Some(held.lease()));
            match folders::of(root, &held.lease().prefix, session, options.dry_run) {
                Ok(folders) => dead.folders = folders,
                Err(errno) => {
                    let text = format!("the warehouse can't be listed: {}", io::Error::from(errno));
                    return Some(told(State::Unsure, Some(text), Some(held.lease())));
                }
            }
            // The lease is the last to go: whoever is killed here leaves it to the next.
            let whole = dead.folders.iter().all(|folder| folder.removed);
            dead.removed = !options.dry_run && whole && held.remove(leases);
            Some(dead)
        }
    }
}

fn refused(path: &Path, errno: Errno) -> CleanError {
    let path = path.to_path_buf();
    match errno {
        Errno::NOENT => CleanError::Missing(path),
        Errno::NOTDIR if path.is_symlink() => CleanError::NotAFolder { path, found: "a symbolic link" },
        Errno::LOOP => CleanError::NotAFolder { path, found: "a symbolic link" },
        Errno::NOTDIR => CleanError::NotAFolder { path, found: "a file" },
        errno => CleanError::Unreadable { path, error: errno.into() },
    }
}
