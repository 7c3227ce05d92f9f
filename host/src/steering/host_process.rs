//! The host of an application, as `submit` starts it: a process of its own, in a private folder with its socket.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::lesson::Lesson;
use sparkwright_core::steering::{HOST_LISTENS_WITHIN_MS, KEPT_WITHIN_MS, LESSON_WITHIN_MS};

use super::driver::lives;
use super::setup::{LESSON, OUTCOME, SteeringSetup, kept};
use crate::file_error::FileError;
use crate::launch::local_uri::java_can_name;
use crate::private;

/// The longest path of a Unix socket is 107 bytes; a folder above this is too deep for one.
const LONGEST_FOLDER: usize = 80;
/// How often it is looked for what the host does.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoHost {
    /// A file that it needs can't be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it is to do can't be written down.
    #[error("can't write `{}`: {source}", path.display())]
    Launch {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It was started and serves nobody.
    #[error("it {what}; see `{}`", log.display())]
    Ended {
        /// What it did instead.
        what: String,
        /// Its output.
        log: PathBuf,
    },
}

/// A host that listens.
#[derive(Debug)]
pub struct Host {
    /// Where.
    pub socket: PathBuf,
    pid: Option<u32>,
}

impl Host {
    /// What the application teaches that has ended, as soon as the host knows it; nothing where it learns nothing. `at` is where it was told to leave it.
    #[must_use]
    pub fn lesson(&self, at: &Path) -> Option<Lesson> {
        let deadline = Instant::now() + Duration::from_millis(LESSON_WITHIN_MS);
        loop {
            // Asked first: what a host that is gone has not left comes no more.
            let gone = self.pid.is_none_or(|pid| !lives(pid));
            let lesson = fs::read(at).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if lesson.is_some() || gone || Instant::now() > deadline {
                let _ = fs::remove_file(at);
                let _ = at.parent().map(fs::remove_dir);
                return lesson;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until the host has kept what the application teaches whose outcome was written to this file, or can't.
    pub fn keeps(&self, outcome: &Path) {
        let deadline = Instant::now() + Duration::from_millis(KEPT_WITHIN_MS);
        while self.pid.is_some_and(lives) && !kept(outcome).exists() && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Starts the host and waits until it listens.
///
/// # Errors
/// It can't be started, or does not listen.
pub fn start_host(launch: &mut SteeringSetup) -> Result<Host, NoHost> {
    let folder = socket_folder()?;
    let socket = folder.join("host.sock");
    let launch_file = folder.join("launch.json");
    // Who is to know what a run teaches has to know how it ended.
    launch.outcome = (launch.lessons.is_some() || launch.retries).then(|| folder.join(OUTCOME));
    launch.lesson = launch.retries.then(|| folder.join(LESSON));
    let file = private_file(&launch_file)?;
    serde_json::to_writer(file, launch).map_err(|source| NoHost::Launch { path: launch_file.clone(), source })?;
    let log = folder.join("host.log");
    let program = std::env::current_exe().map_err(FileError::of("find the file of", Path::new("sparkwright")))?;
    let ended = Command::new(&program)
        .args(["serve", "--detach", "--driver-pid", &std::process::id().to_string()])
        .arg("--socket")
        .arg(&socket)
        .arg("--launch")
        .arg(&launch_file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(private_file(&log)?)
        .output()
        .map_err(FileError::of("run", &program))?;
    let failed = |what: String| Err(NoHost::Ended { what, log: log.clone() });
    if !ended.status.success() {
        return failed(format!("ended with {}", ended.status));
    }
    let host: Option<u32> = String::from_utf8_lossy(&ended.stdout).trim().parse().ok();
    let start = Instant::now();
    while !socket.exists() {
        if host.is_some_and(|host| !lives(host)) {
            return failed("ended before it listened".to_owned());
        }
        let patience = Duration::from_millis(HOST_LISTENS_WITHIN_MS);
        if start.elapsed() > patience {
            return failed(format!("did not listen within {patience:?}"));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(Host { socket, pid: host })
}

/// A new file that only this user can read.
fn private_file(path: &Path) -> Result<File, FileError> {
    private::new_file(path).map_err(FileError::of("make", path))
}

/// A fresh folder that only this user can enter.
fn socket_folder() -> Result<PathBuf, FileError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let fits = |folder: &PathBuf| folder.as_os_str().len() <= LONGEST_FOLDER && java_can_name(folder);
    let above = runtime.filter(fits).unwrap_or_else(|| PathBuf::from("/tmp"));
    let mut attempt = 0u32;
    loop {
        let folder = above.join(format!("sparkwright-{}-{}-{attempt}", std::process::id(), crate::clock::now_ms()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(FileError::of("make the folder", &folder)(error)),
        }
    }
}
