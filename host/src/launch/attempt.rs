//! Runs an application as a child and takes its place as far as others can tell: its signals, its exit code, its death.
//!
//! Spark's own event log does not say how a Python program ended, so whoever wants to know has to wait for the process.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getpid, getppid, kill_process,
    set_parent_process_death_signal, setrlimit, waitid,
};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::private;

/// The command of this program that becomes another one which dies with its parent.
pub const TETHERED: &str = "tethered";

/// The signals by which a user or a manager ends an application, or asks it for something. The others end or stop this process alone.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// Those of them by which somebody ends it.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// How an application's process ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its exit code, where it exited.
    #[serde(default)]
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Whether this process got a signal meanwhile by which somebody ends it, as by Ctrl-C.
    #[serde(default)]
    pub signalled: bool,
}

impl Outcome {
    /// Writes it where the host looks for it.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(self, path: &Path) -> io::Result<()> {
        private::replace(path, &serde_json::to_vec(&self)?)
    }

    /// The outcome in a file; none as long as there is none.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Whether it did its work, as far as its exit code says.
    #[must_use]
    pub fn is_well(self) -> bool {
        self.code == Some(0)
    }

    /// Ends this process in the same way.
    pub fn take_over(self) -> ! {
        if let Some(signal) = self.signal {
            // The application has left its core where it wanted one.
            let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
            let _ = emulate_default_handler(signal);
            if let Some(signal) = Signal::from_named_raw(signal) {
                let _ = kill_process(getpid(), signal);
            }
            std::process::exit(128_i32.saturating_add(signal));
        }
        std::process::exit(self.code.unwrap_or(1));
    }
}

impl From<ExitStatus> for Outcome {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), signal: status.signal(), signalled: false }
    }
}

/// Takes the signals that this process gets, for as long as it lives: they are the program's that it runs. While it runs none, they do what they
/// would without it.
#[derive(Debug)]
pub struct Relay {
    running: Arc<Mutex<Option<Pid>>>,
    signalled: Arc<AtomicBool>,
}

impl Relay {
    /// Begins to take them.
    ///
    /// # Errors
    /// It can't, or nobody would learn here how a program ends.
    pub fn start() -> io::Result<Self> {
        let ignored = ignored_signals();
        let is_ignored = |signal: i32| ignored >> (signal - 1) & 1 == 1;
        if is_ignored(SIGCHLD) {
            return Err(io::Error::other("children of this process leave no exit code"));
        }
        // What was ignored as this process started (`nohup`) stays so here and in the program.
        let mut signals: SignalsInfo<WithOrigin> =
            SignalsInfo::new(PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal)))?;
        let relay = Self { running: Arc::default(), signalled: Arc::default() };
        let (running, signalled) = (Arc::clone(&relay.running), Arc::clone(&relay.signalled));
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for Origin { signal, cause, .. } in &mut signals {
                let running = running.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(program) = *running else {
                    let _ = emulate_default_handler(signal);
                    continue;
                };
                signalled.fetch_or(ENDING.contains(&signal), Ordering::Relaxed);
                // A terminal has told the program itself.
                if !matches!(cause, Cause::Kernel)
                    && let Some(signal) = Signal::from_named_raw(signal)
                {
                    let _ = kill_process(program, signal);
                }
            }
        })?;
        Ok(relay)
    }

    /// Runs a program, with this process's input, output and environment, and waits for its end. Signals that this process gets are the program's;
    /// should this process be killed, so is the program.
    ///
    /// # Errors
    /// It can't be started.
    pub fn run(&self, program: &Path, arguments: &[OsString], environment: &[(&str, OsString)]) -> io::Result<Outcome> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(TETHERED).arg(getpid().as_raw_nonzero().to_string()).arg(program).args(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        self.signalled.store(false, Ordering::Relaxed);
        // Held over the start: a signal in between waits for the program that it is meant for.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = command.spawn()?;
        // It runs: nothing may fail from here on, or it would be started again.
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        *running = pid;
        drop(running);
        if let Some(pid) = pid {
            // Until it is reaped its number is no other process's.
            let ended = || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            while matches!(ended(), Err(Errno::INTR)) {}
        }
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let signalled = self.signalled.load(Ordering::Relaxed);
        Ok(child.wait().map_or_else(
            |_| Outcome { code: Some(1), ..Outcome::default() },
            |status| Outcome { signalled, ..Outcome::from(status) },
        ))
    }
}

/// Whether a container, or whatever else is below a first process, is likely to end with this one, and whatever runs beside it.
#[must_use]
pub fn ends_a_container() -> bool {
    getpid().is_init() || getppid().is_none_or(Pid::is_init)
}

/// Becomes a program that is killed when its parent is; comes back only when that can't be.
pub fn become_tethered(parent: u32, program: &Path, arguments: Vec<OsString>) -> io::Error {
    // Where the system does not do that, the program runs without it.
    let tied = set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    // It may have died before.
    if tied && getppid().is_none_or(|pid| pid.as_raw_nonzero().get().cast_unsigned() != parent) {
        let _ = kill_process(getpid(), Signal::KILL);
    }
    Command::new(program).args(arguments).exec()
}

/// The signals that this process ignores, bit n - 1 for signal n; none where the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
