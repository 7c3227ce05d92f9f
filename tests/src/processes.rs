//! Processes that must not outlive us: each runs in a process group of its own, is ended politely and then by force, and
//! is also ended when somebody presses Ctrl-C.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Error, Result};

/// How often a process is looked at.
const GLANCE: Duration = Duration::from_millis(20);

static ALIVE: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn alive() -> MutexGuard<'static, BTreeSet<i32>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process with its whole group; ended when dropped.
#[derive(Debug)]
pub struct Group {
    child: Child,
    patience: Duration,
    over: bool,
}

impl Group {
    /// Starts `command` as the leader of a new group, which gets `patience` between SIGTERM and SIGKILL.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &mut Command, patience: Duration) -> Result<Self> {
        watch_for_interrupts();
        // Held over the start: an interrupt in between would otherwise miss the process.
        let mut alive = alive();
        let child =
            command.process_group(0).spawn().map_err(Error::io("cannot start", command.get_program().as_ref()))?;
        alive.insert(child.id().cast_signed());
        Ok(Self { child, patience, over: false })
    }

    /// The process that was started, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its id, which is the group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, or `None` when it still runs after `limit`.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn wait(&mut self, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if began.elapsed() >= limit {
                return Ok(None);
            }
            thread::sleep(GLANCE);
        }
    }

    /// Asks the group to end, without waiting for it: [`Group::stop`] waits.
    pub fn ask_to_end(&self) {
        signal(self.child.id().cast_signed(), Signal::TERM);
    }

    /// Ends the group: SIGTERM, then SIGKILL when its patience is over.
    pub fn stop(&mut self) {
        if self.over {
            return;
        }
        self.over = true;
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.ask_to_end();
            if !matches!(self.wait(self.patience), Ok(Some(_))) {
                signal(self.child.id().cast_signed(), Signal::KILL);
                let _ = self.child.wait();
            }
        }
        // What the leader left behind in its group has no reason to live either.
        signal(self.child.id().cast_signed(), Signal::KILL);
        alive().remove(&self.child.id().cast_signed());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends `which` to a group that we started; one that has gone is fine.
fn signal(group: i32, which: Signal) {
    if let Some(pid) = Pid::from_raw(group) {
        let _ = kill_process_group(pid, which);
    }
}

/// From the first process on, SIGINT, SIGTERM and SIGHUP end what we started, and then us with the shell's code for Ctrl-C.
fn watch_for_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let watching = ctrlc::set_handler(|| {
            // Never given back: nothing may be started from here on.
            let alive = alive();
            for group in alive.iter() {
                signal(*group, Signal::TERM);
            }
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(5) && alive.iter().any(|group| exists(*group)) {
                thread::sleep(GLANCE);
            }
            for group in alive.iter() {
                signal(*group, Signal::KILL);
            }
            std::process::exit(130);
        });
        if let Err(error) = watching {
            eprintln!("Ctrl-C will not end what is started from here: {error}");
        }
    });
}

/// Whether a process of the group still runs. (Nobody but us reaps the leader, so its id cannot be another's yet.)
fn exists(group: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{group}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; the state is the first field after it.
    state.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
}
