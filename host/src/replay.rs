//! Event logs replayed: read here, computed by `sparkwright-replay`, a policy's controller in the loop where one is asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::by_name::ByName;
use sparkwright_core::control::{ControlAnswer, ControlInput};
use sparkwright_core::error::ErrorBody;
use sparkwright_core::executor::start::mean;
use sparkwright_core::facts::{ClusterFacts, History, Manager as ManagerName, StartTried};
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::steering::CONTROL_MODULE_MS;
use sparkwright_replay::allocations::{PolicyAllocation, SparkAllocation};
use sparkwright_replay::log::Log;
use sparkwright_replay::simulation::Manager;
use sparkwright_replay::starts;
use sparkwright_replay::steered::{SteeredRun, steered};
use sparkwright_replay::trace::Trace;

use crate::engine::{Budget, EngineError, Prepared, RestartingSession};
use crate::launch::plan::{PlanError, launch_facts, plan_launch};
use crate::review::EventLogError;

/// Reads an event log: its file, its folder, or a folder that holds one.
///
/// # Errors
/// There is no log, or it can't be read.
pub fn read(path: &Path) -> Result<Log, EventLogError> {
    let mut log = Log::default();
    sparkwright_event_log::each_line(path, |line| log.take_line(line))?;
    Ok(log)
}

/// Why a policy could not steer a replay.
#[derive(Debug, thiserror::Error)]
pub enum NotSteered {
    /// The policy module failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It refused a question.
    #[error("the policy module refused a question of the controller: {}", .0.message)]
    Refused(ErrorBody),
    /// It took longer than it may.
    #[error("the replay takes too long")]
    TooLong,
}

/// A policy that steers replays of one run: what it starts the run with, and its controller.
pub struct Steering<'a> {
    policy: &'a ResolvedPolicy,
    prepared: &'a Prepared,
    trace: &'a Trace,
    /// The cluster of the run, with what the policy starts it with.
    pub manager: Manager,
    /// What the policy starts the run with.
    pub launch: PlanLaunchAnswer,
    /// When replays end that are not done; never when absent.
    pub until: Option<Instant>,
}

impl<'a> Steering<'a> {
    /// Asks the policy what it starts this run with. Of the job the log tells nothing that a plan is made by.
    ///
    /// # Errors
    /// The policy denies the run, or its module failed.
    pub fn of(
        policy: &'a ResolvedPolicy,
        prepared: &'a Prepared,
        log: &Log,
        trace: &'a Trace,
        labels: &ByName<String>,
    ) -> Result<Self, PlanError> {
        // Where the log is of one process, the run is replayed on a cluster all the same.
        let named = log.conf.get("spark.master").map_or("", String::as_str);
        let manager = Some(ManagerName::of_master(named)).filter(|manager| manager.scales());
        let cluster = ClusterFacts { manager: manager.unwrap_or(ManagerName::Standalone), ..ClusterFacts::default() };
        let launch = plan_launch(prepared, &launch_facts(cluster, None, labels, History::default()))?;
        let manager = Manager::of(trace, launch.initial_executors.value, launch.max_executors);
        Ok(Self { policy, prepared, trace, manager, launch, until: None })
    }

    /// What the run takes, and how many ticks of the controller each guard held back.
    ///
    /// # Errors
    /// The policy module failed, or refused a question.
    pub fn run(&self, manager: &Manager) -> Result<(SteeredRun, BTreeMap<String, u32>), NotSteered> {
        let mut session = RestartingSession::new(self.prepared.clone())?;
        let (mut failed, mut held) = (None, BTreeMap::new());
        let control = |facts: &ControlInput| {
            if failed.is_none() && self.until.is_some_and(|until| Instant::now() > until) {
                failed = Some(NotSteered::TooLong);
            }
            if failed.is_some() {
                return None;
            }
            match session.ask::<ControlAnswer>(DecisionPoint::Control, facts, Budget::millis(CONTROL_MODULE_MS)) {
                Ok(Ok(answer)) => {
                    for guard in &answer.held {
                        *held.entry(guard.guard.to_string()).or_insert(0) += 1;
                    }
                    Some(answer)
                }
                Ok(Err(refused)) => {
                    failed = Some(NotSteered::Refused(refused));
                    None
                }
                Err(error) => {
                    failed = Some(NotSteered::Engine(error));
                    None
                }
            }
        };
        let every_us = sparkwright_core::control::tick_ms(self.policy).saturating_mul(1_000);
        let every_us = i64::try_from(every_us).unwrap_or(i64::MAX);
        let mut allocation = PolicyAllocation::new(control, manager, self.trace.start_ms, every_us);
        let run = steered(self.trace, manager, &mut allocation);
        drop(allocation);
        failed.map_or(Ok((run, held)), Err)
    }
}

/// What runs would have taken with other numbers of executors at the start, this policy's controller in the loop. Runs of a local master tell nothing.
///
/// # Errors
/// The policy denies a run, its module failed, or it took longer than `until`.
pub fn starts(
    policy: &ResolvedPolicy,
    prepared: &Prepared,
    runs: &[(&Log, &Trace)],
    labels: &ByName<String>,
    until: Option<Instant>,
) -> Result<Vec<StartTried>, StartsError> {
    let runs: Vec<_> = runs.iter().filter(|(_, trace)| starts::tells(trace)).collect();
    let steering: Result<Vec<Steering<'_>>, PlanError> =
        runs.iter().map(|(log, trace)| Steering::of(policy, prepared, log, trace, labels)).collect();
    let steering: Vec<_> = steering?.into_iter().map(|one| Steering { until, ..one }).collect();
    let Some(bounds) = steering.first().map(|first| (first.launch.min_executors, first.launch.max_executors)) else {
        return Ok(Vec::new());
    };
    let mut tried = Vec::new();
    let had = starts::had(runs.iter().map(|(_, trace)| *trace));
    for executors in starts::sizes(had, bounds) {
        let mut of_runs = Vec::new();
        for (one, (_, trace)) in steering.iter().zip(&runs) {
            let (run, _) = one.run(&Manager::of(trace, executors, one.launch.max_executors))?;
            let millis = |us: i64| u64::try_from(us).unwrap_or(0) / 1_000;
            let (run_ms, executor_ms) = (millis(run.time_us), millis(run.executor_us));
            of_runs.push(StartTried { executors, run_ms, executor_ms });
        }
        tried.extend(mean(&of_runs));
    }
    Ok(tried)
}

/// Why nothing could be said of other numbers of executors at the start.
#[derive(Debug, thiserror::Error)]
pub enum StartsError {
    /// There is no plan of the policy for a run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The policy could not steer a replay.
    #[error(transparent)]
    NotSteered(#[from] NotSteered),
}

/// What a run would have taken with Spark's dynamic allocation, as its application was configured.
#[must_use]
pub fn by_spark(log: &Log, trace: &Trace) -> SteeredRun {
    let kind = Manager::of(trace, 0, u32::MAX);
    let mut rule = SparkAllocation::of(log, kind.slots);
    let manager = Manager::of(trace, rule.initial(), rule.most);
    steered(trace, &manager, &mut rule)
}
