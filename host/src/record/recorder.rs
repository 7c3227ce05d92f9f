//! Writes a run's record as it happens, and goes on without one when the disk won't have it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_record::JournalLine;

use super::{ApplicationIdentity, Change, Fault, JOURNAL, POLICY, RUN, RecordedDecision, Run, RunState, report};
use crate::clock::now_ms;
use crate::own_log::tell;
use crate::private;

/// Space that is set aside when a record is begun, so that a full disk can still be told of.
const RESERVE_BYTES: usize = 256 * 1024;
/// `run.json` is written anew at most this often while the run goes on.
const REWRITE_EVERY: Duration = Duration::from_millis(1_000);

/// Writes the record of one run. Nothing that goes wrong here reaches the application: a record that can't be written is
/// given up, said once in the host's log, and tried again at the end.
#[derive(Debug)]
pub struct Recorder {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    run: Run,
    folder: Option<PathBuf>,
    journal: Option<File>,
    line: u64,
    numbers: u64,
    dirty: bool,
    written: Instant,
    full: bool,
    unrecorded: u64,
}

impl Recorder {
    /// Begins the record of `run` in `root/<application id>`; a run of the same name before it is kept as `<id>.1` and so on.
    ///
    /// A folder that can't be made is said in the host's log, and the run goes on without a record.
    #[must_use]
    pub fn begin(run: Run, root: Option<&Path>) -> Self {
        let mut inner = Inner {
            run,
            folder: None,
            journal: None,
            line: 0,
            numbers: 0,
            dirty: true,
            written: Instant::now(),
            full: false,
            unrecorded: 0,
        };
        if let Some(root) = root
            && let Err(error) = inner.open(root)
        {
            tell(format_args!("sparkwright: no record is kept: {}: {error}", root.display()));
            inner.folder = None;
            inner.journal = None;
        }
        inner.write_whole();
        Self { inner: Mutex::new(inner) }
    }

    /// Keeps the policy that decides beside the record, for later reviews. Without it they go by the policy that is named to them.
    pub fn keep_policy(&self, policy: &ResolvedPolicy) {
        let Some(folder) = self.folder() else { return };
        let kept = serde_json::to_vec(policy)
            .map_err(io::Error::from)
            .and_then(|json| private::replace(&folder.join(POLICY), &json));
        if let Err(error) = kept {
            tell(format_args!("sparkwright: the policy is not kept with the record: {error}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held can't leave a run that is worse than incomplete.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a change.
    pub fn note(&self, change: Change) {
        self.lock().note(change);
    }

    /// Records a decision and gives its number.
    pub fn decision(&self, mut decision: RecordedDecision) -> u64 {
        let mut inner = self.lock();
        inner.numbers += 1;
        decision.number = inner.numbers;
        inner.note(Change::Decision(Box::new(decision)));
        inner.numbers
    }

    /// Gives the record, begun before anything was known of the application, to the application that has come.
    pub fn belongs_to(&self, application: ApplicationIdentity, started_ms: u64) {
        let mut inner = self.lock();
        inner.run.application = application;
        inner.run.started_ms = started_ms;
        if let Some(old) = inner.folder.clone()
            && let Some(root) = old.parent()
        {
            let fresh = free_folder(root, &inner.run.application.id);
            match fs::rename(&old, &fresh) {
                Ok(()) => inner.folder = Some(fresh),
                Err(error) => tell(format_args!("sparkwright: the record stays in {}: {error}", old.display())),
            }
        }
        inner.write_whole();
    }

    /// Records that something went wrong.
    pub fn fault(&self, what: impl Into<String>) {
        let what = what.into();
        tell(format_args!("sparkwright: {what}"));
        self.note(Change::Fault(Fault { at_ms: now_ms(), what, times: 1 }));
    }

    /// Takes over the sums, which go into `run.json` but not into the journal at every tick.
    pub fn note_totals(&self, totals: super::Totals) {
        let mut inner = self.lock();
        if inner.run.totals != totals {
            inner.run.totals = totals;
            inner.dirty = true;
        }
    }

    /// Looks at the run as it stands.
    pub fn with_run<T>(&self, look: impl FnOnce(&Run) -> T) -> T {
        look(&self.lock().run)
    }

    /// Writes what is due.
    pub fn flush(&self) {
        let mut inner = self.lock();
        if inner.dirty && inner.written.elapsed() >= REWRITE_EVERY {
            inner.write_whole();
        }
    }

    /// Ends the record of a host that was lost.
    pub fn lost(&self, what: &str) {
        self.fault(what);
        self.lock().run.state = RunState::HostLost;
        self.finish();
    }

    /// Ends the record.
    pub fn finish(&self) {
        let mut inner = self.lock();
        if inner.run.state == RunState::Running {
            inner.note(Change::Ended { at_ms: now_ms() });
        }
        inner.write_whole();
        if !inner.full
            && let Some(folder) = &inner.folder
        {
            // The whole record is in run.json now; a reserve that is left behind would only puzzle people.
            let _ = fs::remove_file(folder.join(RESERVE));
        }
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        self.lock().folder.clone()
    }
}

const RESERVE: &str = ".reserve";

impl Inner {
    fn open(&mut self, root: &Path) -> io::Result<()> {
        fs::create_dir_all(root)?;
        let folder = free_folder(root, &self.run.application.id);
        private::folder(&folder)?;
        private::file(&folder.join(RESERVE))?.write_all(&vec![0u8; RESERVE_BYTES])?;
        self.journal = Some(private::appended(&folder.join(JOURNAL))?);
        self.folder = Some(folder);
        Ok(())
    }

    fn note(&mut self, change: Change) {
        let at_ms = now_ms();
        self.line += 1;
        let line = serde_json::to_vec(&JournalLine { line: self.line, noted_ms: at_ms, change: &change });
        let is_decision = matches!(change, Change::Decision(_));
        self.run.apply(change, at_ms);
        self.dirty = true;
        if self.full {
            self.unrecorded += u64::from(is_decision);
            return;
        }
        if let (Some(journal), Ok(mut line)) = (&mut self.journal, line) {
            line.push(b'\n');
            if let Err(error) = journal.write_all(&line) {
                self.unrecorded += u64::from(is_decision);
                self.disk_full(&error);
            }
        }
    }

    /// The disk won't have more: the journal makes room for one last `run.json` that says so.
    fn disk_full(&mut self, error: &io::Error) {
        if self.full {
            return;
        }
        self.full = true;
        let what = format!(
            "the record could not be written any more ({error}): steering goes on, what was decided since is only counted"
        );
        tell(format_args!("sparkwright: {what}"));
        self.run.apply(Change::Fault(Fault { at_ms: now_ms(), what, times: 1 }), now_ms());
        if let Some(folder) = self.folder.clone() {
            let _ = fs::remove_file(folder.join(RESERVE));
        }
        self.write_whole();
    }

    fn write_whole(&mut self) {
        let Some(folder) = self.folder.clone() else { return };
        self.run.journal_line = self.line;
        self.written = Instant::now();
        let mut run = self.run.clone();
        if self.full {
            // What fits into the reserve is the newest past with its faults, not every trace.
            run.decisions.truncate(50);
            for work in run.work.drain(run.work.len().min(50)..) {
                run.work_left_out.count += 1;
                run.work_left_out.tasks += work.tasks;
                run.work_left_out.task_ms += work.task_ms;
            }
            run.decisions_left_out =
                (self.run.decisions.len() - run.decisions.len()) as u64 + self.run.decisions_left_out;
        }
        let written = serde_json::to_vec_pretty(&run)
            .map_err(io::Error::from)
            .and_then(|json| private::replace(&folder.join(RUN), &json))
            .and_then(|()| private::replace(&folder.join("report.txt"), report(&run).as_bytes()));
        match written {
            Ok(()) => self.dirty = false,
            Err(error) => self.disk_full(&error),
        }
    }
}

/// A folder for the run `id` that no earlier run has: `id`, `id.1`, `id.2` and so on.
fn free_folder(root: &Path, id: &str) -> PathBuf {
    let plain: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let name = if plain.trim_matches('.').is_empty() { "unnamed".to_owned() } else { plain };
    let mut folder = root.join(&name);
    let mut again = 0;
    while folder.join(RUN).exists() {
        again += 1;
        folder = root.join(format!("{name}.{again}"));
    }
    folder
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_record_is_for_its_user_alone() {
        let root = tempfile::tempdir().unwrap();
        let recorder = Recorder::begin(Run::default(), Some(root.path()));
        recorder.fault("something");
        let folder = recorder.folder().unwrap();
        let others_may = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!(others_may(&folder), 0);
        let look = || fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        let begun = look();
        recorder.finish();
        let ended = look();
        assert!(begun.len() >= 3 && ended.len() >= 3, "{begun:?} {ended:?}");
        assert!(ended.iter().all(|file| others_may(file) == 0), "{ended:?}");
    }
}
