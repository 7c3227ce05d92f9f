//! Time in which no task runs.

use alloc::collections::BTreeMap;

use sparkwright_core::job_name::SHELLS;

use super::kind::Kind;
use crate::log::Log;
use crate::trace::Executor;

/// What the driver does while no task runs.
pub(super) struct Driver {
    /// In milliseconds.
    pub(super) spent: BTreeMap<Kind, f64>,
    /// Until when the application starts.
    started_ms: i64,
    shell: bool,
}

/// Whether somebody at a shell or a notebook gives the application its work.
pub(super) fn is_shell(log: &Log) -> bool {
    log.conf.contains_key("spark.repl.class.uri") || SHELLS.iter().any(|name| log.application.starts_with(name))
}

impl Driver {
    pub(super) fn of(log: &Log, first_task_ms: Option<i64>, executors: &[Executor]) -> Self {
        let shell = is_shell(log);
        // A program starts until its first task runs; a shell is there when its first executor is, or somebody asks something.
        let asked = log.jobs.values().map(|job| job.started_ms).chain(log.executions.values().map(|(from, _)| *from));
        let there = asked.chain(executors.iter().map(|executor| executor.added_ms)).min();
        let started_ms = if shell { there } else { first_task_ms }.unwrap_or(i64::MAX);
        Self { spent: BTreeMap::new(), started_ms, shell }
    }

    /// Lets time pass: whether a query or job is open, and whether there is an executor.
    pub(super) fn pass(&mut self, from_ms: i64, to_ms: i64, asked: bool, executors: bool) {
        let until_ms = self.started_ms.clamp(from_ms, to_ms);
        let kind = match (asked, executors) {
            (true, true) => Kind::Driver,
            (true, false) => Kind::NoExecutor,
            (false, _) if self.shell => Kind::IdleShell,
            (false, _) => Kind::Program,
        };
        for (kind, ms) in [(Kind::StartUp, until_ms - from_ms), (kind, to_ms - until_ms)] {
            if ms > 0 {
                *self.spent.entry(kind).or_default() += ms as f64;
            }
        }
    }
}
