//! What Spark's own event log says of a run: the independent witness of what steering did.
//!
//! All forms of Spark 3.5 and 4.x are read: one file or a rolling folder, plain or zstd, finished or in progress.

mod fold;
mod run;

pub use run::{Cached, EventLog, Executor, SqlExecution, Stage, Task};

use std::path::Path;

use crate::{Error, Result};

impl EventLog {
    /// Reads a log: its file, its rolling folder, or a folder that holds one log.
    ///
    /// # Errors
    /// When there is no log, or it is not one.
    pub fn read(path: &Path) -> Result<Self> {
        let mut fold = fold::Fold::default();
        let mut wrong = None;
        sparkwright_event_log::each_line(path, |line| {
            if wrong.is_none() {
                wrong = fold.line(&String::from_utf8_lossy(line)).err();
            }
        })
        .map_err(|error| Error::malformed(path.display(), error))?;
        if let Some(error) = wrong {
            return Err(Error::malformed(path.display(), error));
        }
        fold.finish().ok_or_else(|| Error::malformed(path.display(), "it has no event of an application's start"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn executors_come_and_go() {
        let text = r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"app-1","Timestamp":1000,"User":"u"}
{"Event":"SparkListenerExecutorAdded","Timestamp":2000,"Executor ID":"0","Executor Info":{"Host":"h","Total Cores":1}}
{"Event":"SparkListenerExecutorAdded","Timestamp":3000,"Executor ID":"1","Executor Info":{"Host":"h","Total Cores":1}}
{"Event":"SparkListenerExecutorRemoved","Timestamp":5000,"Executor ID":"1","Removed Reason":"Executor decommission: asked"}
{"Event":"SparkListenerExecutorRemoved","Timestamp":6000,"Executor ID":"1","Removed Reason":"Command exited with code 0"}
{"Event":"SparkListenerApplicationEnd","Timestamp":9000}"#;
        let mut fold = fold::Fold::default();
        for line in text.lines() {
            fold.line(line).unwrap();
        }
        let log = fold.finish().unwrap();
        assert!((log.executor_seconds() - 9.0).abs() < 1e-9);
        assert_eq!((log.executors_at(2500), log.executors_at(4000), log.executors_at(5000)), (1, 2, 1));
        let gone: Vec<_> = log.removals().map(|(one, reason)| (one.id.as_str(), reason)).collect();
        assert_eq!(gone, [("1", "Executor decommission: asked")]);
    }

    #[test]
    fn blocks_add_up_to_a_peak() {
        let mut fold = fold::Fold::default();
        fold.line(r#"{"Event":"SparkListenerApplicationStart","App Name":"a","App ID":"app-1","Timestamp":1}"#)
            .unwrap();
        for (block, bytes) in [("rdd_7_0", 10), ("rdd_7_1", 20), ("broadcast_3", 99), ("rdd_7_0", 0), ("rdd_8_0", 5)] {
            let line = format!(
                r#"{{"Event":"SparkListenerBlockUpdated","Block Updated Info":{{"Block Manager ID":{{"Executor ID":"1"}},"Block ID":"{block}","Memory Size":{bytes},"Disk Size":0}}}}"#
            );
            fold.line(&line).unwrap();
        }
        let log = fold.finish().unwrap();
        assert_eq!(log.peak_cached_bytes, 30);
        assert_eq!(log.cached.iter().map(|one| (one.rdd, one.peak_bytes)).collect::<Vec<_>>(), [(7, 30), (8, 5)]);
    }
}
