//! What Spark's events add up to: a whole run by its event log, ours or any other's ([`Measured`]), and a declared stage of a
//! pipeline while it runs ([`DeclaredStage`]).

mod asked;
mod covered;
mod declared;
mod found;
mod measured;
pub mod redacted;
mod tasks;

use std::path::Path;

pub use asked::ask;
pub use declared::{DeclaredStage, Executors, StageMeasure};
pub use found::{executor_time_of, found};
pub use measured::Measured;
pub use sparkwright_event_log::EventLogError;

use crate::spark::events::Event;

/// What a log holds.
#[derive(Debug)]
pub struct Log {
    /// What its events add up to.
    pub measured: Measured,
    /// The same as a replay needs it.
    pub replayed: sparkwright_replay::log::Log,
    /// Lines that are no events, or events in a form that is not known; what they told is missing.
    pub unread: u64,
}

/// Reads a log: its file, its rolling folder, or a folder that holds one log.
///
/// # Errors
/// There is no log, or it can't be read.
pub fn read(path: &Path) -> Result<Log, EventLogError> {
    read_as(path, sparkwright_replay::log::is_wanted, |_| {})
}

/// Reads a log as [`read`] does, and hands each of its events on, those of task starts as well.
///
/// # Errors
/// As those of [`read`].
pub fn read_also(path: &Path, also: impl FnMut(&Event)) -> Result<Log, EventLogError> {
    read_as(path, |name| name == "TaskStart" || sparkwright_replay::log::is_wanted(name), also)
}

fn read_as(
    path: &Path,
    wanted: impl Fn(&str) -> bool + Copy,
    mut also: impl FnMut(&Event),
) -> Result<Log, EventLogError> {
    let mut log = Log { measured: Measured::default(), replayed: sparkwright_replay::log::Log::default(), unread: 0 };
    sparkwright_event_log::each_line(path, |line| match Event::read_if(line, wanted) {
        Ok(event) => {
            log.measured.take(&event);
            log.replayed.take(&event);
            also(&event);
        }
        Err(_) => log.unread += 1,
    })?;
    Ok(log)
}
