//! One application being steered: what its threads share, and the loop that takes in its events.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sparkwright_core::answers;
use sparkwright_core::control::{ControlState, Controller};
use sparkwright_core::facts::{Manager, parse_spark_memory};
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::named::Named;
use sparkwright_core::policy::{ExistingDynamicAllocation, ResolvedPolicy};
use sparkwright_core::steering as limits;

use super::declared::Declared;
use super::outcomes::Outcomes;
use crate::clock::{now_ms, own_cpu_ms};
use crate::engine::{EngineError, Prepared};
use crate::record::{Change, ExecutorEvent, PolicyIdentity, Recorder, RoundTrips, Totals};
use crate::spark::application::{Application, ExecutorChange};
use crate::spark::events::Event;
use crate::spark::lines::{self, Line};
use crate::spark::plan_history::PlanHistory;
use crate::spark::protocol::{Acted, Command, Greeting, Hello, IfLost, MAX_LINE_BYTES, Report};

/// What steering does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decides and carries out.
    #[default]
    Act,
    /// Decides and records, changes nothing.
    Shadow,
    /// Does nothing.
    Off,
}

impl Mode {
    /// The mode's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

/// What the host is given to steer an application with: made by `submit`, or by `serve` itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Launch {
    /// What steering does.
    pub mode: Mode,
    /// The policy.
    pub policy: ResolvedPolicy,
    /// Which policy that is.
    pub identity: PolicyIdentity,
    /// The SHA-256 that the policy file pins the module to.
    pub module_sha256: Option<String>,
    /// The module's file; the embedded one when absent.
    pub module: Option<PathBuf>,
    /// Single values that override the policy file's, as `autoscaling.max_executors=8`; `policy` has them already.
    #[serde(default)]
    pub set: Vec<String>,
    /// What the user says of the run, for the policy's rules.
    #[serde(default)]
    pub labels: Named<String>,
    /// Where records go; none are kept when absent.
    pub record: Option<PathBuf>,
    /// Spark keys that `submit` added.
    pub own_confs: Vec<String>,
    /// The launch plan, where one was made.
    pub plan: Option<PlanLaunchAnswer>,
    /// What went wrong before the application started.
    pub faults: Vec<String>,
    /// Where Spark writes its event log, when we asked it to.
    pub event_log_dir: Option<PathBuf>,
}

/// What the threads of one application share.
pub(super) struct Steered {
    pub(super) launch: Arc<Launch>,
    pub(super) hello: Hello,
    pub(super) prepared: Arc<Result<Prepared, EngineError>>,
    pub(super) recorder: Recorder,
    pub(super) application: Mutex<Application>,
    pub(super) history: Mutex<PlanHistory>,
    pub(super) outcomes: Mutex<Outcomes>,
    pub(super) control: Mutex<ControlState>,
    /// The stages that pipelines declared and that run.
    pub(super) declared: Declared,
    /// Decisions that pipelines had recorded.
    pub(super) pipeline_decisions: AtomicU64,
    pub(super) trips_us: Mutex<Vec<u64>>,
    pub(super) questions: AtomicU64,
    pub(super) undecided: AtomicU64,
    pub(super) ticks: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) events_lost: AtomicU64,
    held_up_ms: AtomicU64,
    plugin_cpu_ms: AtomicU64,
    /// Whether the plugin still listens.
    pub(super) steered: AtomicBool,
    /// Whether the application is over.
    pub(super) ended: AtomicBool,
    writer: Mutex<UnixStream>,
    commands: AtomicU64,
    /// Commands whose outcome somebody waits for.
    awaited: Mutex<BTreeMap<u64, SyncSender<Acted>>>,
    /// Whether the controller is to look before its next tick is due.
    look_now: AtomicBool,
}

/// A poisoned lock means that a thread of ours panicked; what it guards is facts, and the newest ones are still the best.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Steered {
    pub(super) fn new(
        launch: Arc<Launch>,
        hello: Hello,
        prepared: Arc<Result<Prepared, EngineError>>,
        recorder: Recorder,
        writer: UnixStream,
    ) -> Self {
        Self {
            launch,
            hello,
            prepared,
            recorder,
            application: Mutex::default(),
            history: Mutex::default(),
            outcomes: Mutex::default(),
            control: Mutex::default(),
            declared: Declared::default(),
            pipeline_decisions: AtomicU64::new(0),
            trips_us: Mutex::default(),
            questions: AtomicU64::new(0),
            undecided: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            events: AtomicU64::new(0),
            events_lost: AtomicU64::new(0),
            held_up_ms: AtomicU64::new(0),
            plugin_cpu_ms: AtomicU64::new(0),
            steered: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            writer: Mutex::new(writer),
            commands: AtomicU64::new(0),
            awaited: Mutex::default(),
            look_now: AtomicBool::new(false),
        }
    }

    /// Whether decisions are carried out.
    pub(super) fn acts(&self) -> bool {
        self.launch.mode == Mode::Act && self.steered.load(Ordering::Relaxed)
    }

    /// Who gives out executors.
    pub(super) fn manager(&self) -> Manager {
        Manager::of_master(&self.hello.master)
    }

    /// An entry of the application's configuration.
    pub(super) fn conf(&self, key: &str) -> Option<&str> {
        self.hello.conf.get(key).map(String::as_str)
    }

    /// An entry that holds a whole number.
    pub(super) fn conf_whole(&self, key: &str) -> Option<u32> {
        self.conf(key)?.trim().parse().ok()
    }

    /// An entry that holds a size of memory, in bytes.
    pub(super) fn conf_memory(&self, key: &str) -> Option<u64> {
        parse_spark_memory(self.conf(key)?).map(|bytes| bytes.get())
    }

    /// Whether Sparkwright added this key to the application's configuration.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.launch.own_confs.iter().any(|own| own == key) || self.hello.own_confs().any(|own| own == key)
    }

    /// `spark.task.cpus`.
    pub(super) fn task_cpus(&self) -> u32 {
        self.conf_whole("spark.task.cpus").unwrap_or(1).max(1)
    }

    /// Whether decommissioning moves cached blocks to other executors.
    pub(super) fn migrates_blocks(&self) -> bool {
        let on = |key| self.conf(key).is_some_and(|on| on.eq_ignore_ascii_case("true"));
        on("spark.storage.decommission.enabled") && on("spark.storage.decommission.rddBlocks.enabled")
    }

    /// Who may move the executors of this application.
    pub(super) fn controller(&self) -> Controller {
        let dynamic = self.conf("spark.dynamicAllocation.enabled").is_some_and(|on| on.eq_ignore_ascii_case("true"));
        let pinned_by_us = self.is_own("spark.dynamicAllocation.executorIdleTimeout");
        let take_over =
            self.launch.policy.autoscaling.existing_dynamic_allocation == ExistingDynamicAllocation::TakeOver;
        if !self.manager().scales() {
            Controller::Nobody
        } else if dynamic && (pinned_by_us || take_over) {
            Controller::Policy
        } else if dynamic {
            Controller::Spark
        } else {
            Controller::Nobody
        }
    }

    /// Session keys that a query's answer or a stage's plan may name.
    pub(super) fn managed_keys(&self) -> Vec<&'static str> {
        answers::managed_keys()
    }

    /// The plugin's instructions for its whole life.
    pub(super) fn welcome(&self) -> Greeting {
        let if_lost = self.launch.plan.as_ref().and_then(|plan| plan.executors_if_lost);
        Greeting::Welcome {
            mode: self.launch.mode.word().to_owned(),
            question_timeout_ms: limits::QUESTION_TIMEOUT_MS,
            misses_before_unsteered: limits::MISSES_BEFORE_UNSTEERED,
            event_queue_length: limits::EVENT_QUEUE_LENGTH,
            question_queue_length: limits::QUESTION_QUEUE_LENGTH,
            open_executions_at_most: limits::OPEN_EXECUTIONS_AT_MOST,
            managed_keys: self.managed_keys().into_iter().map(str::to_owned).collect(),
            if_lost: if_lost.filter(|_| self.launch.mode == Mode::Act).map(|total| IfLost { executors_total: total }),
            nodes_at_most: limits::NODES_AT_MOST,
            files_at_most: limits::FILES_AT_MOST,
            settled_ms: limits::FILES_SETTLED_MS,
            list_folder_from: limits::LIST_FOLDER_FROM,
            unknown_above_bytes: limits::UNKNOWN_ABOVE_BYTES,
            stack_frames_at_most: limits::STACK_FRAMES_AT_MOST,
            storage_look_ms: limits::STORAGE_LOOK_MS,
            alive_ms: limits::alive_ms(&self.launch.policy),
        }
    }

    /// Sends a message; one that can't be sent is no reason to stop anything.
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        lock(&self.writer).write_all(&line)
    }

    /// Sends a command made by `make` from its number, and gives the number.
    pub(super) fn command(&self, make: impl FnOnce(u64) -> Command) -> Option<u64> {
        let id = self.next_command();
        match self.send(&make(id)) {
            Ok(()) => Some(id),
            Err(error) => {
                self.recorder.fault(format!("a command could not be sent to the driver: {error}"));
                None
            }
        }
    }

    fn next_command(&self) -> u64 {
        self.commands.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sends a command made by `make` from its number, and waits for what comes of it. Not for the thread that takes in events.
    ///
    /// # Errors
    /// Nobody obeys, or not within `patience`: why, in a sentence.
    pub(super) fn command_and_wait(
        &self,
        make: impl FnOnce(u64) -> Command,
        patience: Duration,
    ) -> Result<Acted, String> {
        if !self.steered.load(Ordering::Relaxed) {
            return Err("the application is not steered any more".to_owned());
        }
        let id = self.next_command();
        let (sender, receiver) = sync_channel(1);
        lock(&self.awaited).insert(id, sender);
        let sent = self.send(&make(id)).map_err(|error| format!("the driver could not be told: {error}"));
        let acted = sent.and_then(|()| {
            receiver
                .recv_timeout(patience)
                .map_err(|_| format!("the driver did not answer within {:.1} s", patience.as_secs_f64()))
        });
        lock(&self.awaited).remove(&id);
        acted
    }

    /// Has the controller look at once.
    pub(super) fn look_now(&self) {
        self.look_now.store(true, Ordering::Relaxed);
    }

    /// Whether the controller is to look at once; it is asked once.
    pub(super) fn takes_look_now(&self) -> bool {
        self.look_now.swap(false, Ordering::Relaxed)
    }

    /// Bounds how long a message to a driver that does not read may take.
    pub(super) fn bound_writes(&self) -> io::Result<()> {
        lock(&self.writer).set_write_timeout(Some(Duration::from_secs(1)))
    }

    /// Ends the connection from this side.
    pub(super) fn hang_up(&self) {
        let _ = lock(&self.writer).shutdown(std::net::Shutdown::Both);
    }

    /// The sums as they stand.
    pub(super) fn totals(&self) -> Totals {
        let (tasks, task_ms, failed_tasks) = lock(&self.application).totals();
        Totals {
            questions: self.questions.load(Ordering::Relaxed),
            undecided: self.undecided.load(Ordering::Relaxed),
            ticks: self.ticks.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            events_lost: self.events_lost.load(Ordering::Relaxed),
            tasks,
            failed_tasks,
            task_ms,
            round_trips: RoundTrips::of(&lock(&self.trips_us)),
            host_cpu_ms: own_cpu_ms(),
            plugin_cpu_ms: self.plugin_cpu_ms.load(Ordering::Relaxed),
            held_up_ms: self.held_up_ms.load(Ordering::Relaxed),
        }
    }

    /// Takes in what the driver says until it says no more.
    pub(super) fn take_events(&self, mut reader: BufReader<UnixStream>) {
        let mut line = Vec::new();
        let mut said_bye = false;
        loop {
            match read_line(&mut reader, &mut line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.recorder.fault(format!("the driver's events could not be read any more: {error}"));
                    break;
                }
            }
            lock(&self.application).heard(now_ms());
            if line.starts_with(b"{\"sparkwright\"") {
                match serde_json::from_slice::<Report>(&line) {
                    Ok(Report::Bye { held_up_ms, plugin_cpu_ms }) => {
                        self.held_up_ms.store(held_up_ms, Ordering::Relaxed);
                        self.plugin_cpu_ms.store(plugin_cpu_ms, Ordering::Relaxed);
                        said_bye = true;
                        break;
                    }
                    Ok(report) => self.take_report(report),
                    Err(error) => {
                        self.recorder.fault(format!("the plugin said something that is not in the protocol: {error}"))
                    }
                }
            } else {
                self.take_event(&line);
            }
        }
        let unsteered = !self.steered.swap(false, Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
        // Nobody will answer any more.
        lock(&self.awaited).clear();
        if !said_bye && !unsteered {
            self.recorder.fault(
                "the driver's connection ended without a goodbye: the application was killed, or its driver failed",
            );
        }
    }

    fn take_event(&self, line: &[u8]) {
        self.events.fetch_add(1, Ordering::Relaxed);
        let Ok(event) = Event::read(line) else {
            // One event in another form than we know makes counts uncertain, and the controller careful.
            if !lock(&self.application).facts_lost() {
                let start = String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned();
                self.recorder.fault(format!(
                    "a listener event could not be read, executors stay as they are from here on: {start}"
                ));
            }
            lock(&self.application).lose_facts();
            return;
        };
        let now = now_ms();
        let change = lock(&self.application).take(&event, now);
        self.declared.take(&event, || self.size());
        match change {
            Some(ExecutorChange::Added { at_ms, executor, .. }) => {
                let count = lock(&self.application).live_executors();
                lock(&self.outcomes).executor_added(&self.recorder, at_ms, count);
                self.executor_event(at_ms, "added", executor, count, String::new());
            }
            Some(ExecutorChange::Removed { at_ms, executor, reason }) => {
                let count = lock(&self.application).live_executors();
                lock(&self.outcomes).executor_removed(&self.recorder, at_ms, &executor);
                self.executor_event(at_ms, "removed", executor, count, reason);
            }
            None => {}
        }
        if let Event::SqlEnd(end) = event {
            let work = lock(&self.application).execution(end.execution);
            if let Some(spill) = work.and_then(|work| work.spill) {
                lock(&self.history).spilled(end.execution, spill);
            }
            lock(&self.outcomes).query_ended(&self.recorder, end.execution, work);
        }
    }

    pub(super) fn executor_event(
        &self,
        at_ms: u64,
        change: &'static str,
        executor: String,
        count: u32,
        reason: String,
    ) {
        let event = ExecutorEvent { at_ms, change: change.into(), executor, count, reason };
        self.recorder.note(Change::Executor { event });
    }

    fn take_report(&self, report: Report) {
        match report {
            Report::Acted(acted) => {
                if let Some(waiting) = lock(&self.awaited).remove(&acted.id) {
                    // Who has waited long enough is gone.
                    let _ = waiting.try_send(acted);
                    return;
                }
                let Acted { id, ok, error, took_ms, .. } = acted;
                let undone = lock(&self.outcomes).acted(&self.recorder, id, ok, error.as_deref(), took_ms);
                lock(&self.application).staying(&undone);
            }
            Report::Entry { id, state, why, error } => {
                let now = now_ms();
                if state == "cached" {
                    lock(&self.history).cached(&id, now);
                    lock(&self.outcomes).plan_cached(&self.recorder, &id, now);
                } else {
                    lock(&self.history).dropped(&id, &why);
                    let why = error.map_or_else(|| why.clone(), |error| format!("{why}: {error}"));
                    let uses = lock(&self.history).uses_from_cache(&id);
                    lock(&self.outcomes).plan_dropped(&self.recorder, &id, &why, uses, now);
                }
            }
            Report::Storage { entries } => {
                for entry in entries {
                    let uses = lock(&self.history).uses_from_cache(&entry.id);
                    lock(&self.outcomes).plan_holds(&self.recorder, &entry, uses);
                }
            }
            Report::Dropped { events } => {
                self.events_lost.fetch_add(events, Ordering::Relaxed);
                lock(&self.application).lose_facts();
                self.recorder.fault(
                    "listener events were lost because the host was too slow: executors stay as they are from here on",
                );
            }
            Report::Unsteered { reason } => {
                self.steered.store(false, Ordering::Relaxed);
                lock(&self.awaited).clear();
                self.recorder.fault(format!("the application is unsteered from here on: {reason}"));
            }
            Report::Alive {} | Report::Bye { .. } => {}
        }
    }

    /// Ends the record.
    pub(super) fn finish(&self) {
        let uses: BTreeMap<String, u32> = {
            let history = lock(&self.history);
            let ids = lock(&self.outcomes).plans();
            ids.into_iter().map(|id| (id.clone(), history.uses_from_cache(&id))).collect()
        };
        lock(&self.outcomes).finish(&self.recorder, &uses);
        self.recorder.note(Change::Totals(self.totals()));
        if let Some(path) = super::server::keep_event_log(&self.launch, &self.hello.application, self.recorder.folder())
        {
            if let Some(folder) = self.recorder.folder() {
                self.review(&folder.join(&path));
            }
            self.recorder.note(Change::EventLog { path });
        }
        self.recorder.finish();
    }
}

/// Reads one line without its end into `line`; false at the end of the stream.
///
/// # Errors
/// The stream's, or a line above the protocol's limit.
pub(super) fn read_line(reader: &mut BufReader<UnixStream>, line: &mut Vec<u8>) -> io::Result<bool> {
    match lines::read_line(reader, line)? {
        Line::Whole => Ok(true),
        Line::End => Ok(false),
        Line::TooLong => {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line of more than {MAX_LINE_BYTES} bytes")))
        }
    }
}
