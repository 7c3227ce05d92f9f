//! The connection to the driver: what it is told, what comes of that, and whether it still listens.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;
use sparkwright_core::steering::DRIVER_READS_WITHIN_MS;

use super::lock::lock;
use crate::spark::protocol::{Acted, Command};

/// Whether a process runs.
#[must_use]
pub fn lives(pid: u32) -> bool {
    // A zombie has a folder under /proc and runs no more.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

/// The driver at the other end of an events connection.
pub(super) struct Driver {
    writer: Mutex<UnixStream>,
    /// Commands sent so far; the number of the last one.
    commands: AtomicU64,
    /// Commands whose outcome somebody waits for.
    awaited: Mutex<BTreeMap<u64, SyncSender<Acted>>>,
    listening: AtomicBool,
    ended: AtomicBool,
}

impl Driver {
    pub(super) fn new(writer: UnixStream) -> Self {
        Self {
            writer: Mutex::new(writer),
            commands: AtomicU64::new(0),
            awaited: Mutex::default(),
            listening: AtomicBool::new(true),
            ended: AtomicBool::new(false),
        }
    }

    /// Whether the plugin still obeys.
    pub(super) fn listens(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Whether the application is over.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// The plugin obeys no more; says whether it did until now.
    pub(super) fn stops_listening(&self) -> bool {
        let listened = self.listening.swap(false, Ordering::Relaxed);
        // Nobody will answer any more.
        lock(&self.awaited).clear();
        listened
    }

    /// The application is over; says whether the plugin obeyed until now.
    pub(super) fn ends(&self) -> bool {
        self.ended.store(true, Ordering::Relaxed);
        self.stops_listening()
    }

    /// Bounds how long a message to a driver that does not read may take.
    pub(super) fn bound_writes(&self) -> io::Result<()> {
        lock(&self.writer).set_write_timeout(Some(Duration::from_millis(DRIVER_READS_WITHIN_MS)))
    }

    /// Ends the connection from this side.
    pub(super) fn hang_up(&self) {
        let _ = lock(&self.writer).shutdown(Shutdown::Both);
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        lock(&self.writer).write_all(&line)
    }

    /// Sends a command made by `make` from its number, and gives the number.
    pub(super) fn tell(&self, make: impl FnOnce(u64) -> Command) -> io::Result<u64> {
        let id = self.next_command();
        self.send(&make(id)).map(|()| id)
    }

    fn next_command(&self) -> u64 {
        self.commands.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sends a command made by `make` from its number, and waits for what comes of it. Not for the thread that takes in events.
    ///
    /// # Errors
    /// Nobody obeys, or not within `patience`: why, in a sentence.
    pub(super) fn tell_and_wait(&self, make: impl FnOnce(u64) -> Command, patience: Duration) -> Result<Acted, String> {
        let id = self.next_command();
        let (sender, receiver) = sync_channel(1);
        lock(&self.awaited).insert(id, sender);
        let acted = self.waited_for(&make(id), || {
            receiver
                .recv_timeout(patience)
                .map_err(|_| format!("the driver did not answer within {:.1} s", patience.as_secs_f64()))
        });
        lock(&self.awaited).remove(&id);
        acted
    }

    fn waited_for(&self, command: &Command, wait: impl FnOnce() -> Result<Acted, String>) -> Result<Acted, String> {
        // INVARIANT: looked at once the command is among the awaited: who stops listening after that lets go of it.
        if !self.listens() {
            return Err("the application is not steered any more".to_owned());
        }
        self.send(command).map_err(|error| format!("the driver could not be told: {error}"))?;
        wait()
    }

    /// Hands what came of a command to who waits for it; gives it back where nobody does.
    pub(super) fn acted(&self, acted: Acted) -> Option<Acted> {
        let Some(waiting) = lock(&self.awaited).remove(&acted.id) else { return Some(acted) };
        // Who has waited long enough is gone.
        let _ = waiting.try_send(acted);
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufRead as _, BufReader};
    use std::thread;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn conf(id: u64) -> Command {
        Command::Conf { id, set: BTreeMap::new() }
    }

    fn acted(id: u64) -> Acted {
        Acted { id, ok: true, error: None, took_ms: 0, result: serde_json::Value::Null }
    }

    #[test]
    fn what_came_of_a_command_goes_to_who_waits_for_it() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let driver = Driver::new(ours);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| driver.tell_and_wait(conf, LONG));
            let mut line = String::new();
            BufReader::new(&theirs).read_line(&mut line).unwrap();
            assert_eq!(line.trim(), r#"{"do":"conf","id":1,"set":{}}"#);
            assert_eq!(driver.acted(acted(7)), Some(acted(7)), "nobody waits for it");
            assert_eq!(driver.acted(acted(1)), None);
            assert_eq!(waiting.join().unwrap(), Ok(acted(1)));
        });
        assert_eq!(driver.acted(acted(1)), Some(acted(1)), "nobody does any more");
        assert_eq!(driver.tell(conf).unwrap(), 2);
    }

    #[test]
    fn a_driver_that_stops_listening_lets_go_of_who_waits() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let driver = Driver::new(ours);
        let start = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| driver.tell_and_wait(conf, LONG));
            let mut line = String::new();
            BufReader::new(&theirs).read_line(&mut line).unwrap();
            assert!(driver.ends());
            assert!(waiting.join().unwrap().is_err());
        });
        assert!(!driver.stops_listening() && driver.has_ended());
        assert!(driver.tell_and_wait(conf, LONG).unwrap_err().contains("not steered any more"));
        assert!(start.elapsed() < LONG);
    }
}
