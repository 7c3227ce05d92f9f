//! Listens for the plugin of one driver process and steers each application that it starts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sparkwright_core::decision::Answer as _;
use sparkwright_core::steering as limits;

use super::begin::{begin_record, identity_of, met, record_refusal, unmet};
use super::driver::{Driver, lives};
use super::finishing::finish;
use super::lock::lock;
use super::pipeline::host::Host;
use super::setup::{LESSON, Mode, OUTCOME, SteeringSetup, kept};
use super::steered::Steered;
use super::{controller, events, pipeline, questions, stalls, unsteered};
use crate::clock::now_ms;
use crate::engine::{EngineError, Prepared, module_bytes, prepared_by};
use crate::launch::event_log::{DIR, folder_of};
use crate::launch::plan::no_launch_plan;
use crate::lesson::Lessons;
use crate::own_log::tell;
use crate::record::{ApplicationIdentity, Change, ModuleIdentity, RecordedDecision, Recorder};
use crate::spark::lines::read_whole;
use crate::spark::protocol::{Greeting, Hello, Role, VERSION};

/// How long a connection may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_millis(limits::HELLO_WITHIN_MS);
/// How often the server looks whether its driver still lives.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a pipeline may leave an answer unread before it is given up.
const PIPELINE_READS_WITHIN: Duration = Duration::from_millis(limits::PIPELINE_READS_WITHIN_MS);
/// How long a driver that is gone may leave the server waiting for its last events.
const LINGER: Duration = Duration::from_millis(limits::LAST_EVENTS_WITHIN_MS);

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where it listens; the folder must be the user's own.
    pub socket: PathBuf,
    /// The process whose end ends the server.
    pub driver_pid: u32,
    /// Where compiled modules are kept.
    pub cache_dir: Option<PathBuf>,
}

/// Serves until the driver process is gone.
///
/// # Errors
/// The socket can't be made.
pub fn serve(mut launch: SteeringSetup, options: &ServerOptions) -> io::Result<()> {
    if launch.mode == Mode::Off && launch.event_log_dir.is_none() {
        // Without steering and without a log there is nothing to record.
        launch.record = None;
    }
    let outcome = launch.outcome.clone();
    let launch = Arc::new(launch);
    let bytes = module_bytes(launch.module.as_deref())?;
    let identity = identity_of(&bytes);
    // A record from the very start: a host that is killed before it meets its application leaves one too.
    let recorder = begin_record(&launch, &identity, unmet(options.driver_pid));
    let pinned = launch.module_sha256.as_deref();
    let prepared = Arc::new(prepared_by(&launch.policy, &bytes, pinned, options.cache_dir.clone()));
    record_refusal(&prepared, &recorder);
    let server = Server {
        launch: Mutex::new(launch),
        identity,
        prepared,
        waiting: Mutex::new(Some(recorder)),
        current: Mutex::new(None),
        pipelines: Mutex::default(),
    };
    let listener = listen(&options.socket)?;
    thread::scope(|scope| {
        let mut gone_since = None;
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let server = &server;
                    scope.spawn(move || {
                        if let Err(error) = server.meet(stream) {
                            tell(format_args!("sparkwright: a connection ended: {error}"));
                        }
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(LOOK_EVERY),
                Err(error) => {
                    tell(format_args!("sparkwright: no connection could be taken: {error}"));
                    thread::sleep(LOOK_EVERY);
                }
            }
            // `submit` outlives an application that it runs again.
            let is_over = |outcome: &PathBuf| outcome.exists() || kept(outcome).exists();
            if lives(options.driver_pid) && !outcome.as_ref().is_some_and(is_over) {
                gone_since = None;
            } else if gone_since.get_or_insert_with(Instant::now).elapsed() > LINGER {
                break;
            }
        }
        // A connection that outlives its driver would keep the host for ever.
        if let Some(steered) = lock(&server.current).take() {
            steered.driver.hang_up();
        }
        for pipeline in lock(&server.pipelines).values() {
            let _ = pipeline.shutdown(Shutdown::Both);
        }
    });
    let waiting = lock(&server.waiting).take();
    let launch = Arc::clone(&lock(&server.launch));
    if let Some(recorder) = waiting {
        if launch.mode == Mode::Off && launch.record.is_none() {
            // Nothing was to be recorded.
        } else if launch.mode == Mode::Off {
            let begin = || server.begin_record(unmet(options.driver_pid));
            unsteered::finish(&launch, (*server.prepared).as_ref(), recorder, begin);
        } else {
            recorder.fault(concat!(
                "no Spark application came to be steered: the program ended without starting Spark, its plugin could not reach the host, or the ",
                "program set `spark.plugins` itself, which takes the place of ours (name io.sparkwright.spark.SparkwrightPlugin there too)"
            ));
            recorder.finish();
        }
    }
    // Not before: a driver may start another application, which would not start without the folder of its event log.
    if let Some(folder) = &launch.event_log_dir {
        let _ = fs::remove_dir(folder);
    }
    let _ = fs::remove_file(&options.socket);
    if let Some(folder) = options.socket.parent() {
        let _ = fs::remove_file(folder.join("launch.json"));
        let _ = fs::remove_file(folder.join("host.log"));
        let _ = fs::remove_file(folder.join(OUTCOME));
        let _ = fs::remove_file(kept(&folder.join(OUTCOME)));
        // `submit` reads it, as long as there is one.
        if !lives(options.driver_pid) {
            let _ = fs::remove_file(folder.join(LESSON));
        }
        // Only an empty folder goes: it is ours alone when nothing else is in it.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// A socket in a folder of its own that only its owner can reach.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Server {
    /// Completed by a plugin that started this host itself.
    launch: Mutex<Arc<SteeringSetup>>,
    identity: ModuleIdentity,
    prepared: Arc<Result<Prepared, EngineError>>,
    /// The record that waits for its application.
    waiting: Mutex<Option<Recorder>>,
    current: Mutex<Option<Arc<Steered>>>,
    /// The connections of pipelines, by number.
    pipelines: Mutex<BTreeMap<u64, UnixStream>>,
}

impl Server {
    fn meet(&self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user's process asked to connect"));
        }
        stream.set_read_timeout(Some(HELLO_TIMEOUT))?;
        let mut reader = BufReader::with_capacity(256 * 1024, stream.try_clone()?);
        let mut line = Vec::new();
        if !read_whole(&mut reader, &mut line)? {
            return Ok(());
        }
        let hello: Hello = serde_json::from_slice(&line)?;
        stream.set_read_timeout(None)?;
        match hello.role {
            Role::Events => self.steer(hello, reader, stream),
            Role::Launch => self.plan(&hello, stream),
            Role::Pipeline => self.serve_pipeline(&hello, reader, stream),
            Role::Questions => {
                let current = self.wait_for_application();
                if let Some(steered) = current {
                    questions::answer_all(&steered, reader, stream);
                }
                Ok(())
            }
        }
    }

    /// The questions connection may be faster than the events connection that it belongs to.
    fn wait_for_application(&self) -> Option<Arc<Steered>> {
        let start = Instant::now();
        loop {
            let current = lock(&self.current).clone();
            if current.is_some() || start.elapsed() > HELLO_TIMEOUT {
                return current;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Answers a pipeline. It may be slow, wrong or gone at any moment: its thread waits, fails and ends alone.
    fn serve_pipeline(&self, hello: &Hello, reader: BufReader<UnixStream>, stream: UnixStream) -> io::Result<()> {
        stream.set_write_timeout(Some(PIPELINE_READS_WITHIN))?;
        let launch = Arc::clone(&lock(&self.launch));
        let steered = if launch.mode == Mode::Off { None } else { self.wait_for_application() };
        let refusal = pipeline::wrong_hello(hello).or_else(|| match &steered {
            None if launch.mode != Mode::Off => Some("this host steers no application yet".to_owned()),
            Some(steered) if !hello.application.is_empty() && hello.application != steered.hello.application => {
                Some(format!("this host steers {} and not {}", steered.hello.application, hello.application))
            }
            _ => None,
        });
        if let Some(reason) = refusal {
            return pipeline::refuse(stream, reason);
        }
        let Some(number) = self.take_in(&stream)? else {
            return pipeline::refuse(
                stream,
                format!("{} pipelines are connected, and more are not served", limits::PIPELINES_AT_MOST),
            );
        };
        let host = Host { launch, prepared: Arc::clone(&self.prepared), steered };
        let conversed = catch_unwind(AssertUnwindSafe(|| pipeline::converse(host, reader, stream)));
        lock(&self.pipelines).remove(&number);
        conversed.unwrap_or_else(|_| Err(io::Error::other("a fault in answering a pipeline")))
    }

    /// Keeps hold of a pipeline's connection, unless there are too many; gives its number.
    fn take_in(&self, stream: &UnixStream) -> io::Result<Option<u64>> {
        let mut pipelines = lock(&self.pipelines);
        if pipelines.len() >= limits::PIPELINES_AT_MOST {
            return Ok(None);
        }
        let number = pipelines.last_key_value().map_or(0, |(last, _)| last + 1);
        pipelines.insert(number, stream.try_clone()?);
        Ok(Some(number))
    }

    /// Tells a plugin that started this host itself what `submit` would have put on its command line.
    fn plan(&self, hello: &Hello, mut stream: UnixStream) -> io::Result<()> {
        let mut launch = SteeringSetup::clone(&lock(&self.launch));
        let planned = match self.prepared.as_ref() {
            Ok(prepared) => launch.plan_while_starting(hello, prepared, |fault| {
                if let Some(recorder) = lock(&self.waiting).as_ref() {
                    recorder.fault(fault);
                }
            }),
            Err(_) => Ok(BTreeMap::new()),
        };
        let confs = planned.unwrap_or_else(|error| {
            if let Some(recorder) = lock(&self.waiting).as_ref() {
                recorder.fault(no_launch_plan(&error));
            }
            BTreeMap::new()
        });
        *lock(&self.launch) = Arc::new(launch);
        let mut line = serde_json::to_vec(&Greeting::Launch { confs })?;
        line.push(b'\n');
        stream.write_all(&line)
    }

    fn steer(&self, hello: Hello, reader: BufReader<UnixStream>, mut stream: UnixStream) -> io::Result<()> {
        let launch = self.launch_of(&hello);
        let refusal = match hello.protocol {
            Some(VERSION) if launch.mode != Mode::Off => None,
            Some(VERSION) => Some("steering is off".to_owned()),
            other => Some(format!(
                "the plugin speaks protocol {other:?} and this host {VERSION}: use the plugin of this version (`sparkwright plugin` writes it)"
            )),
        };
        if let Some(reason) = refusal {
            let mut line = serde_json::to_vec(&Greeting::Refused { reason })?;
            line.push(b'\n');
            return stream.write_all(&line);
        }
        let waiting = lock(&self.waiting).take();
        let recorder = match waiting {
            Some(recorder) => {
                recorder.belongs_to(met(&hello), now_ms());
                recorder
            }
            None => self.begin_record(met(&hello)),
        };
        let prepared = Arc::clone(&self.prepared);
        let steered = Arc::new(Steered::new(launch, hello, prepared, recorder, Driver::new(stream)));
        if let Some(job) = steered.launch.lessons.as_ref().and_then(Lessons::recorded) {
            steered.recorder.note(Change::Job { job: json!(job) });
        }
        steered.record_launch();
        lock(&steered.outcomes).started_with(steered.starts_with(), now_ms());
        // A write that a stopped driver does not take must not stop the host for good.
        steered.driver.bound_writes()?;
        let welcome = steered.welcome();
        *lock(&self.current) = Some(Arc::clone(&steered));
        steered.driver.send(&welcome)?;
        thread::scope(|scope| {
            let steered = &steered;
            scope.spawn(move || controller::tick_all(steered));
            scope.spawn(move || stalls::watch(steered));
            events::take_all(steered, reader);
        });
        finish(&steered);
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &steered)) {
            *current = None;
        }
        Ok(())
    }

    /// What this application is steered by. The Python package has Spark write its event log into a folder of ours by itself.
    fn launch_of(&self, hello: &Hello) -> Arc<SteeringSetup> {
        let mut launch = lock(&self.launch);
        let named = hello.own_confs().any(|own| own == DIR).then(|| hello.text(DIR).and_then(folder_of)).flatten();
        if named.is_some() && named != launch.event_log_dir {
            if let Some(before) = &launch.event_log_dir {
                let _ = fs::remove_dir(before);
            }
            *launch = Arc::new(SteeringSetup { event_log_dir: named, ..SteeringSetup::clone(&launch) });
        }
        if launch.lessons.as_ref().is_some_and(|lessons| lessons.job.is_empty()) {
            let mut named = SteeringSetup::clone(&launch);
            named.name_job(&hello.name);
            *launch = Arc::new(named);
        }
        Arc::clone(&launch)
    }

    fn begin_record(&self, application: ApplicationIdentity) -> Recorder {
        let recorder = begin_record(&lock(&self.launch), &self.identity, application);
        record_refusal(&self.prepared, &recorder);
        recorder
    }
}

impl Steered {
    /// The executors that a cluster was asked for as the application was started.
    fn starts_with(&self) -> u32 {
        let initial = self.hello.whole("spark.dynamicAllocation.initialExecutors");
        let fixed = self.hello.whole("spark.executor.instances");
        if self.manager().scales() { initial.max(fixed).unwrap_or(0) } else { 0 }
    }

    /// Records what the application was started with: a decision is applied where its configurations were really given to Spark.
    fn record_launch(&self) {
        let Some(plan) = &self.launch.plan else { return };
        let acts = self.launch.mode == Mode::Act;
        let now = now_ms();
        for mut made in plan.decisions() {
            let applied = acts && made.sets.iter().any(|set| self.is_own(&set.key));
            if applied {
                made.sets.retain(|set| self.is_own(&set.key));
            }
            self.recorder.decision(RecordedDecision::of(now, &made, "launch", applied));
        }
    }
}
