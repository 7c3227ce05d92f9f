//! One application being steered: what its threads share.

use std::sync::{Arc, Mutex};

use sparkwright_core::answers;
use sparkwright_core::control::Controller;
use sparkwright_core::facts::Manager;
use sparkwright_core::steering as limits;

use super::counters::Counters;
use super::declared::Declared;
use super::driver::Driver;
use super::lock::lock;
use super::outcomes::Outcomes;
use super::queries::Queries;
use super::scaling::Scaling;
use super::setup::{Mode, SteeringSetup};
use crate::engine::{EngineError, Prepared};
use crate::record::{Change, ExecutorEvent, Recorder, Totals};
use crate::spark::application::Application;
use crate::spark::protocol::{Command, Greeting, Hello, IfLost};

/// What the threads of one application share.
///
/// INVARIANT: a thread that holds several of the locks in here took them in this order, so that no two threads wait for each other:
/// `declared.in_session`, `application`, `queries.history`, `outcomes`. The others (`driver`, `counters`, `scaling`, `recorder`, the stages of
/// `declared`) are taken and let go inside single calls that take no further one but the recorder's, and so may be made under any. One is waited
/// on, `queries.answers` (until an answer is recorded, which takes `outcomes`): whoever waits there holds none of them.
pub(super) struct Steered {
    pub(super) launch: Arc<SteeringSetup>,
    pub(super) hello: Hello,
    pub(super) prepared: Arc<Result<Prepared, EngineError>>,
    pub(super) recorder: Recorder,
    pub(super) driver: Driver,
    pub(super) counters: Counters,
    pub(super) scaling: Scaling,
    /// The stages that pipelines declared and that run.
    pub(super) declared: Declared,
    pub(super) application: Mutex<Application>,
    pub(super) queries: Queries,
    pub(super) outcomes: Mutex<Outcomes>,
}

impl Steered {
    pub(super) fn new(
        launch: Arc<SteeringSetup>,
        hello: Hello,
        prepared: Arc<Result<Prepared, EngineError>>,
        recorder: Recorder,
        driver: Driver,
    ) -> Self {
        let queries = Queries::after(&launch.learned);
        Self {
            launch,
            hello,
            prepared,
            recorder,
            driver,
            counters: Counters::default(),
            scaling: Scaling::default(),
            declared: Declared::default(),
            queries,
            application: Mutex::default(),
            outcomes: Mutex::default(),
        }
    }

    /// Whether decisions are carried out.
    pub(super) fn acts(&self) -> bool {
        self.launch.mode == Mode::Act && self.driver.listens()
    }

    /// Who gives out executors.
    pub(super) fn manager(&self) -> Manager {
        Manager::of_master(&self.hello.master)
    }

    /// Whether Sparkwright added this key to the application's configuration.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.launch.own_confs.iter().any(|own| own == key) || self.hello.own_confs().any(|own| own == key)
    }

    /// Who may move the executors of this application.
    pub(super) fn controller(&self) -> Controller {
        let dynamic = self.hello.flag("spark.dynamicAllocation.enabled");
        // Only who pins Spark's controller sets this.
        let pinned = self.is_own("spark.dynamicAllocation.executorIdleTimeout");
        Controller::of(&self.launch.policy, self.manager(), dynamic, pinned)
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
            wants_shapes: self.launch.lessons.is_some(),
            columns_at_most: limits::COLUMNS_AT_MOST,
        }
    }

    /// Sends a command made by `make` from its number, and gives the number. One that can't be sent is no reason to stop anything.
    pub(super) fn command(&self, make: impl FnOnce(u64) -> Command) -> Option<u64> {
        self.driver
            .tell(make)
            .inspect_err(|error| self.recorder.fault(format!("a command could not be sent to the driver: {error}")))
            .ok()
    }

    /// Executors, and the memory that cached blocks hold. With a local master the driver is the one executor.
    pub(super) fn size(&self) -> (u32, u64) {
        let application = lock(&self.application);
        let executors = if self.manager().scales() { application.registered_executors() } else { 1 };
        (executors, application.storage_bytes())
    }

    /// The sums as they stand.
    pub(super) fn totals(&self) -> Totals {
        let tasks = lock(&self.application).totals();
        self.counters.totals(tasks)
    }

    /// Records that an executor came, went, or is to.
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
}
