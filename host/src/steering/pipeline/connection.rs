//! One pipeline's connection: what it opened, began and asked for, and the taking back of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::answers::AnyAnswer;
use sparkwright_core::control::Controller;
use sparkwright_core::decision::Set;
use sparkwright_core::facts::{ClusterFacts, History};
use sparkwright_core::steering::STORE_ANSWERS_WITHIN_MS;

use super::host::Host;
use super::messages::{AskRequest, BeginRequest, OpenRequest, Refusal, Request};
use super::policy::OpenPolicy;
use super::recording;
use crate::clock::now_ms;
use crate::launch::event_log;
use crate::launch::plan::{launch_facts, plan_launch};
use crate::lesson::{Lessons, job_here, store_address};
use crate::record::{Change, MOST_DECISIONS};
use crate::review::{Executors, StageMeasure};
use crate::steering::declared::{PlannedExecutors, Wanted};
use crate::steering::facts::asked::completed;
use crate::steering::facts::cluster;
use crate::steering::facts::known::Known;
use crate::steering::setup::Mode;
use crate::steering::stages;
use crate::steering::steered::Steered;

/// What pipelines may take of a run's record; the rest is for the host's own decisions.
const MOST_PIPELINE_DECISIONS: u64 = MOST_DECISIONS as u64 / 2;
/// Ended stages that a review sums up.
const MOST_ENDED: usize = 10_000;

/// A stage of this connection that runs.
struct Begun {
    stage: String,
    /// Its number among the application's declared stages; none where there is no application.
    number: Option<u64>,
    /// The decision about its executors.
    decision: Option<u64>,
}

/// The state of one connection. Dropped, it leaves nothing behind.
pub(super) struct Connection {
    host: Host,
    open: Option<OpenPolicy>,
    begun: Option<Begun>,
    ended: Vec<StageMeasure>,
    /// The cluster, once it was needed: it may have to be asked for.
    cluster: Option<ClusterFacts>,
    /// The decisions that it had recorded, each with the configurations that it sets.
    numbers: BTreeMap<u64, Vec<Set>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reset();
    }
}

impl Connection {
    pub(super) const fn new(host: Host) -> Self {
        Self { host, open: None, begun: None, ended: Vec::new(), cluster: None, numbers: BTreeMap::new() }
    }

    /// Answers one line, with the id that it has.
    pub(super) fn answer(&mut self, line: &[u8]) -> (Value, Result<Value, Refusal>) {
        let mut request: Value = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return (Value::Null, Err(Refusal::protocol(format!("the line is no JSON: {error}")))),
        };
        let Some(members) = request.as_object_mut() else {
            return (Value::Null, Err(Refusal::protocol("the line is no JSON object")));
        };
        let id = members.remove("id").unwrap_or_default();
        if id.is_array() || id.is_object() {
            return (Value::Null, Err(Refusal::protocol("`id` is a number or a text")));
        }
        let answer = Request::deserialize(request)
            .map_err(|error| Refusal::protocol(format!("the request can't be read: {error}")))
            .and_then(|request| self.carry_out(request));
        (id, answer)
    }

    fn carry_out(&mut self, request: Request) -> Result<Value, Refusal> {
        match request {
            Request::Open(request) => self.open(&request),
            Request::Ask(request) => self.ask(request),
            Request::Begin(request) => self.begin(request),
            Request::End { stage } => self.end(&stage),
            Request::Outcome { number, applied, outcome } => self.outcome(number, applied, &outcome),
            Request::EventLog { record, confs } => self.event_log(&record, &confs),
            Request::History { store, job, application, master } => {
                self.history(store.as_deref(), job.as_deref(), application.as_deref(), master.as_deref().unwrap_or(""))
            }
            Request::Close {} => {
                self.reset();
                Ok(json!({}))
            }
        }
    }

    fn open(&mut self, request: &OpenRequest) -> Result<Value, Refusal> {
        if let Some(path) = request.policy.as_deref().filter(|path| path.is_relative()) {
            // Host and pipeline may have been started in different folders.
            let message = format!("the path of the policy file is relative: {}", path.display());
            return Err(Refusal::protocol(message).help("name it by its absolute path"));
        }
        self.reset();
        let open = OpenPolicy::open(request, &self.host.launch, &self.host.prepared)?;
        let mut answer = open.described();
        if let Some(members) = answer.as_object_mut() {
            members.insert("mode".to_owned(), self.host.launch.mode.word().into());
            let controller = self.host.steered.as_ref().map_or(Controller::Nobody, |steered| steered.controller());
            members.insert("controller".to_owned(), json!(controller));
        }
        self.open = Some(open);
        Ok(answer)
    }

    /// A folder for the event log of an application that is about to start, and what Spark is to be told of it.
    fn event_log(&self, record: &Path, user: &BTreeMap<String, String>) -> Result<Value, Refusal> {
        let open = self.open.as_ref().ok_or_else(not_open)?;
        let confs = event_log::made(&open.policy, user, record)?.map(|made| made.confs);
        Ok(json!({"confs": confs.unwrap_or_default()}))
    }

    /// What the lessons of earlier runs teach an application that is about to start.
    fn history(
        &self,
        store: Option<&str>,
        job: Option<&str>,
        application: Option<&str>,
        master: &str,
    ) -> Result<Value, Refusal> {
        let open = self.open.as_ref().ok_or_else(not_open)?;
        let Some(store) = store_address(store, &open.policy) else {
            return Ok(json!({"history": History::default(), "job": null, "missed": null}));
        };
        let label = self.host.launch.labels.get("job").map(String::as_str);
        let Some(mut lessons) = Lessons::of(job_here(job, label, application, None), store) else {
            return Ok(json!({"history": History::default(), "job": null, "missed": null}));
        };
        let (learned, read) = lessons.learned(Duration::from_millis(STORE_ANSWERS_WITHIN_MS), master, &[]);
        let missed = read.err().filter(|_| lessons.store.named).map(|error| error.to_string());
        Ok(json!({"history": learned.history, "job": lessons.job, "missed": missed}))
    }

    fn ask(&mut self, request: AskRequest) -> Result<Value, Refusal> {
        let point = DecisionPoint::from_name(&request.point).ok_or_else(|| {
            let known = DecisionPoint::ALL.map(DecisionPoint::name).join(", ");
            Refusal::protocol(format!("there is no decision point `{}`", request.point)).help(format!("ask {known}"))
        })?;
        let named = match request.input {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Refusal::protocol("`input` is an object")),
        };
        let subject = request.subject.unwrap_or_default();
        let cluster = self.cluster();
        let application = self.host.steered.as_deref().zip(cluster.as_ref());
        let known = Known { launch: &self.host.launch, application, ended: &self.ended, subject: &subject };
        let asked = completed(point, named, &known);
        let open = self.open.as_mut().ok_or_else(not_open)?;
        let answer = open.ask(point, &asked.question, request.change.as_ref())?;
        let read = AnyAnswer::read(point, &answer)
            .map_err(|error| Refusal::module(format!("the module's answer is not one of {}: {error}", point.name())))?;
        let currency = &open.policy.cost.currency;
        let (decisions, prose) = (recording::shown(&read, currency), recording::prose(&read, currency));
        let numbers = if request.record.unwrap_or(true) { self.record(&subject, &read) } else { BTreeMap::new() };
        let warnings = asked.warnings;
        Ok(json!({"answer": answer, "numbers": numbers, "decisions": decisions, "prose": prose, "warnings": warnings}))
    }

    /// Records the decisions of an answer; gives their numbers by name.
    fn record(&mut self, subject: &str, answer: &AnyAnswer) -> BTreeMap<String, u64> {
        let Some(steered) = self.host.steered.as_ref().filter(|steered| !steered.driver.has_ended()) else {
            return BTreeMap::new();
        };
        let mut numbers = BTreeMap::new();
        for (name, decision) in recording::decisions(answer, subject, now_ms()) {
            if !steered.counters.pipeline_decision(MOST_PIPELINE_DECISIONS) {
                steered
                    .recorder
                    .fault("pipelines made more decisions than the record keeps of them: these are left out");
                break;
            }
            let sets = decision.sets.clone();
            let number = steered.recorder.decision(decision);
            self.numbers.insert(number, sets);
            numbers.insert(name, number);
        }
        numbers
    }

    fn begin(&mut self, request: BeginRequest) -> Result<Value, Refusal> {
        let open = self.open.as_ref().ok_or_else(not_open)?;
        if request.executors == Some(0) {
            return Err(Refusal::protocol(
                "a stage is planned with at least 1 executor, or with none in particular (null)",
            ));
        }
        let confs = texts(request.confs.unwrap_or_default())?;
        let decision = request.executors_decision.map(|number| self.known(number)).transpose()?;
        let prepared = Arc::clone(&open.prepared);
        self.end_begun();
        let Some(steered) = self.host.steered.clone() else {
            let why = self.nobody();
            let refused: BTreeMap<String, &str> = confs.into_keys().map(|key| (key, why)).collect();
            self.begun = Some(Begun { stage: request.stage, number: None, decision: None });
            return Ok(
                json!({"executors": {"applied": false, "why": why}, "confs": {"applied": [], "refused": refused}}),
            );
        };
        let hindrance = hindrance(&steered);
        let planned = request.executors.filter(|_| steered.controller() == Controller::Policy);
        let quota = planned.and_then(|_| self.quota(&steered));
        let executors = planned.map(|executors| PlannedExecutors { executors, prepared, quota });
        let told = if hindrance.is_none() { confs.clone() } else { BTreeMap::new() };
        let begun = stages::begin(&steered, &recording::short(&request.stage), Wanted { executors, confs: told });
        let refused: BTreeMap<String, String> = match &hindrance {
            Some(why) => confs.keys().map(|key| (key.clone(), why.clone())).collect(),
            None => begun.refused,
        };
        let applied: Vec<&String> = confs.keys().filter(|key| !refused.contains_key(*key)).collect();
        let why_not = match request.executors {
            None => Some("the stage was planned with none in particular".to_owned()),
            Some(_) => hindrance.or_else(|| immovable(&steered)),
        };
        let moved = why_not.is_none();
        let why = why_not.or_else(|| {
            begun
                .puts_aside
                .map(|other| format!("in place of those of stage `{other}` of another pipeline, until this one ends"))
        });
        if let (Some(number), Some(executors)) = (decision, request.executors) {
            let change = if moved {
                Change::Applied { number, outcome: format!("the controller goes by {executors} while the stage runs") }
            } else {
                Change::NotApplied { number, outcome: why.clone().unwrap_or_default() }
            };
            steered.recorder.note(change);
        }
        self.confs_applied(&steered, &confs, &applied);
        let answer =
            json!({"executors": {"applied": moved, "why": why}, "confs": {"applied": applied, "refused": refused}});
        self.begun =
            Some(Begun { stage: request.stage, number: Some(begun.number), decision: decision.filter(|_| moved) });
        Ok(answer)
    }

    /// Notes of this connection's decisions whose configurations are in force now that they were carried out: of several that set a
    /// key, the last.
    fn confs_applied(&self, steered: &Steered, confs: &BTreeMap<String, String>, applied: &[&String]) {
        let mut left: BTreeSet<&String> = applied.iter().copied().collect();
        for (number, sets) in self.numbers.iter().rev() {
            let in_force = |set: &Set| confs.get(&set.key) == Some(&set.value) && left.remove(&set.key);
            if !sets.is_empty() && sets.iter().all(in_force) {
                let outcome = "set in the session while the stage runs".to_owned();
                steered.recorder.note(Change::Applied { number: *number, outcome });
            }
        }
    }

    fn end(&mut self, stage: &str) -> Result<Value, Refusal> {
        match &self.begun {
            Some(begun) if begun.stage == stage => {}
            Some(begun) => {
                return Err(Refusal::protocol(format!("stage `{stage}` does not run here; `{}` does", begun.stage)));
            }
            None => return Err(Refusal::protocol(format!("stage `{stage}` has not begun, or has ended"))),
        }
        let ended = match self.end_begun() {
            None => Ok(json!({
                "measured": null, "jobs": null, "driver_ms": null, "critical_path_ms": null, "task_peak_bytes": null,
                "executors": null, "executor_ms": null, "peak_storage_bytes": null,
            })),
            Some(measure) => serde_json::to_value(measure),
        };
        ended.map_err(|error| Refusal::protocol(format!("the measure can't be written: {error}")))
    }

    /// Ends the stage that runs, if one does.
    fn end_begun(&mut self) -> Option<StageMeasure> {
        let begun = self.begun.take()?;
        let steered = self.host.steered.as_ref()?;
        let measure = stages::end(steered, begun.number?)?;
        if let Some(number) = begun.decision {
            let Executors { at_begin, most, at_end } = measure.executors;
            let outcome = format!("{at_begin} executors when the stage began, at most {most}, {at_end} at its end");
            steered.recorder.note(Change::Outcome { number, outcome });
        }
        if self.ended.len() < MOST_ENDED {
            self.ended.push(measure.clone());
        }
        Some(measure)
    }

    fn outcome(&self, number: u64, applied: bool, outcome: &str) -> Result<Value, Refusal> {
        let number = self.known(number)?;
        if let Some(steered) = &self.host.steered {
            let outcome = recording::short(outcome);
            let change =
                if applied { Change::Applied { number, outcome } } else { Change::NotApplied { number, outcome } };
            steered.recorder.note(change);
        }
        Ok(json!({}))
    }

    /// A decision that this connection had recorded: no other's is touched.
    fn known(&self, number: u64) -> Result<u64, Refusal> {
        if self.numbers.contains_key(&number) {
            return Ok(number);
        }
        Err(Refusal::protocol(format!("decision {number} is none that was recorded for this connection")))
    }

    /// Takes back everything that was set.
    fn reset(&mut self) {
        self.end_begun();
        self.open = None;
        self.ended = Vec::new();
    }

    fn cluster(&mut self) -> Option<ClusterFacts> {
        let steered = self.host.steered.as_deref()?;
        Some(self.cluster.get_or_insert_with(|| cluster::of_application(steered)).clone())
    }

    /// The most executors that the cluster holds under the policy of this connection.
    fn quota(&mut self, steered: &Steered) -> Option<u32> {
        let cluster = cluster::with_running_sizes(&self.cluster()?, steered);
        let prepared = self.open.as_ref()?.prepared.as_ref().as_ref().ok()?;
        let facts = launch_facts(cluster, None, &self.host.launch.labels, History::default());
        plan_launch(prepared, &facts).ok().map(|plan| plan.max_executors)
    }

    /// Why nothing is done where there is no application.
    fn nobody(&self) -> &'static str {
        match self.host.launch.mode {
            Mode::Off => "steering is off",
            _ => "there is no application here that could be told",
        }
    }
}

fn not_open() -> Refusal {
    Refusal::protocol("no policy is open").help("send `open` first")
}

/// Why an application is told nothing, if so.
fn hindrance(steered: &Steered) -> Option<String> {
    if steered.launch.mode == Mode::Shadow {
        return Some("mode shadow: what is decided is only recorded".to_owned());
    }
    (!steered.acts()).then(|| "the application is not steered any more".to_owned())
}

/// Why its executors can't be moved, if so.
fn immovable(steered: &Steered) -> Option<String> {
    let why = match steered.controller() {
        Controller::Policy => return None,
        Controller::Spark => {
            "Spark's own dynamic allocation, which the user turned on, moves the executors; \
             `autoscaling.existing_dynamic_allocation: take_over` hands them over"
        }
        Controller::Nobody if !steered.manager().scales() => {
            "a local master runs everything in the driver: there are no executors to move"
        }
        Controller::Nobody => {
            "the application was started with executors that stay: its policy has `autoscaling.enable_autoscaling: false`, \
             or the user fixed their number"
        }
    };
    Some(why.to_owned())
}

/// Values of confs as Spark reads them.
fn texts(confs: BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    confs
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
            other => Err(Refusal::protocol(format!("the value of `{key}` is a text, not {other}"))),
        })
        .collect()
}
