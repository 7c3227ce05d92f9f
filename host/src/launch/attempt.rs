//! Runs an application as a child and takes its place as far as others can tell: its signals, its exit code, its death.
//!
//! Spark's own event log does not say how a Python program ended, so whoever wants to know has to wait for the process.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getppid, kill_process, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::private;

/// The command of this program that becomes another one which dies with its parent.
pub const TETHERED: &str = "tethered";

/// The signals by which a user or a manager ends an application, or asks it for something. The others end or stop this process alone.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// How an application's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its exit code, where it exited.
    #[serde(default)]
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    #[serde(default)]
    pub signal: Option<i32>,
    /// Whether it was sent a signal through this process, as by Ctrl-C.
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

/// Runs a program, with this process's input, output and environment, and waits for its end. Signals that this process gets are the program's;
/// should this process be killed, so is the program.
///
/// # Errors
/// It can't be started.
pub fn run(program: &Path, arguments: &[OsString], environment: &[(&str, OsString)]) -> io::Result<Outcome> {
    let ignored = ignored_signals();
    // What was ignored as this process started (`nohup`) stays so here and in the program.
    let caught: Vec<i32> = PASSED_ON.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect();
    let mut signals = Signals::new(caught)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(TETHERED).arg(getpid().as_raw_nonzero().to_string()).arg(program).args(arguments);
    let mut child = command.envs(environment.iter().map(|(name, value)| (name, value))).spawn()?;
    // By a descriptor: a number may be another process's by the time that a signal comes.
    let descriptor = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let descriptor = descriptor.map(|pid| pidfd_open(pid, PidfdFlags::empty())).transpose()?;
    let handle = signals.handle();
    let passing = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut signalled = false;
        for signal in signals.forever() {
            signalled = true;
            if let (Some(descriptor), Some(signal)) = (&descriptor, Signal::from_named_raw(signal)) {
                let _ = pidfd_send_signal(descriptor, signal);
            }
        }
        signalled
    })?;
    let status = child.wait();
    handle.close();
    let signalled = passing.join().unwrap_or(false);
    Ok(Outcome { signalled, ..Outcome::from(status?) })
}

/// Becomes a program that is killed when its parent is; comes back only when that can't be.
pub fn become_tethered(parent: u32, program: &Path, arguments: Vec<OsString>) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // It may have died before.
    if getppid().is_none_or(|pid| pid.as_raw_nonzero().get().cast_unsigned() != parent) {
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
