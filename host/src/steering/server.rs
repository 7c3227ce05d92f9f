//! Listens for the plugin of one driver process and steers each application that it starts.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sparkwright_core::decision::Answer as _;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::steering::LAUNCH_MODULE_MS;

use super::run::{Launch, Mode, Steered, lock, read_line};
use super::{controller, pipeline, questions};
use crate::clock::now_ms;
use crate::engine::{Budget, EngineError, EngineOptions, PolicyEngine, PolicyModule, Prepared};
use crate::launch::plan::no_launch_plan;
use crate::record::{ApplicationIdentity, FORMAT, ModuleIdentity, RecordedDecision, Recorder, Run, RunState};
use crate::spark::protocol::{Greeting, Hello, Role, VERSION};

/// How long a connection may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the server looks whether its driver still lives.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a pipeline may leave an answer unread before it is given up.
const PIPELINE_READS_WITHIN: Duration = Duration::from_secs(10);
/// Pipelines at a time; each has an instance of the policy module of its own, and the application's questions need theirs.
const MOST_PIPELINES: usize = 16;
/// How long a driver that is gone may leave the server waiting for its last events.
const LINGER: Duration = Duration::from_secs(2);

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

/// The module as bytes: the launch's own file, or the embedded one.
///
/// # Errors
/// The file can't be read.
pub fn module_bytes(launch: &Launch) -> io::Result<std::borrow::Cow<'static, [u8]>> {
    match &launch.module {
        Some(path) => fs::read(path)
            .map(Into::into)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        None => Ok(crate::assets::POLICY_MODULE.into()),
    }
}

/// Makes the policy of a launch ready to decide.
///
/// # Errors
/// The module is refused, or fails.
pub fn prepare(launch: &Launch, module: &[u8], cache_dir: Option<PathBuf>) -> Result<Prepared, EngineError> {
    let options = EngineOptions { cache_dir, setup: Budget::millis(LAUNCH_MODULE_MS), ..EngineOptions::default() };
    let engine = PolicyEngine::new(options)?;
    prepare_with(&engine.load_module(module, launch.module_sha256.as_deref())?, &launch.policy)
}

/// Makes a policy ready to decide by a module that is there already.
///
/// # Errors
/// The module refuses the policy, or fails.
pub(super) fn prepare_with(module: &PolicyModule, policy: &ResolvedPolicy) -> Result<Prepared, EngineError> {
    // Built-in values go without saying only where they are the same: in the module that was built with this host.
    if module.sha256() == *EMBEDDED_SHA256 {
        return module.prepare(&policy.brief_json());
    }
    module.prepare(&serde_json::to_vec(policy).unwrap_or_default())
}

/// The digest of the module inside this program.
static EMBEDDED_SHA256: LazyLock<String> = LazyLock::new(|| crate::engine::sha256_hex(crate::assets::POLICY_MODULE));

/// Serves until the driver process is gone.
///
/// # Errors
/// The socket can't be made.
pub fn serve(launch: Launch, options: &ServerOptions) -> io::Result<()> {
    let launch = Arc::new(launch);
    let bytes = module_bytes(&launch)?;
    let identity = identity_of(&bytes);
    // A record from the very start: a host that is killed before it meets its application leaves one too.
    let recorder = begin_record(&launch, &identity, unmet(options.driver_pid));
    let prepared = Arc::new(prepare(&launch, &bytes, options.cache_dir.clone()));
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
                            eprintln!("sparkwright: a connection ended: {error}");
                        }
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(LOOK_EVERY),
                Err(error) => {
                    eprintln!("sparkwright: no connection could be taken: {error}");
                    thread::sleep(LOOK_EVERY);
                }
            }
            if lives(options.driver_pid) {
                gone_since = None;
            } else if gone_since.get_or_insert_with(Instant::now).elapsed() > LINGER {
                break;
            }
        }
        // A connection that outlives its driver would keep the host for ever.
        if let Some(steered) = lock(&server.current).take() {
            steered.hang_up();
        }
        for pipeline in lock(&server.pipelines).values() {
            let _ = pipeline.shutdown(Shutdown::Both);
        }
    });
    if let Some(recorder) = lock(&server.waiting).take() {
        recorder.fault("no Spark application came to be steered: the program ended without starting Spark, or its plugin could not reach the host");
        recorder.finish();
    }
    let _ = fs::remove_file(&options.socket);
    if let Some(folder) = options.socket.parent() {
        let _ = fs::remove_file(folder.join("launch.json"));
        let _ = fs::remove_file(folder.join("host.log"));
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

/// Whether a process runs.
#[must_use]
pub fn lives(pid: u32) -> bool {
    // A zombie has a folder under /proc and runs no more.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

struct Server {
    /// Completed by a plugin that started this host itself.
    launch: Mutex<Arc<Launch>>,
    identity: ModuleIdentity,
    prepared: Arc<Result<Prepared, EngineError>>,
    /// The record that waits for its application.
    waiting: Mutex<Option<Recorder>>,
    current: Mutex<Option<Arc<Steered>>>,
    /// The connections of pipelines, by number.
    pipelines: Mutex<BTreeMap<u64, UnixStream>>,
}

/// What is known of an application before it is met.
fn unmet(driver_pid: u32) -> ApplicationIdentity {
    ApplicationIdentity { id: format!("starting-{driver_pid}"), driver_pid, ..ApplicationIdentity::default() }
}

impl From<&Hello> for ApplicationIdentity {
    fn from(hello: &Hello) -> Self {
        Self {
            id: hello.application.clone(),
            name: hello.name.clone(),
            spark: hello.spark.clone(),
            java: hello.java.clone(),
            master: hello.master.clone(),
            driver_pid: hello.driver_pid,
        }
    }
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
        if !read_line(&mut reader, &mut line)? {
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
                format!("{MOST_PIPELINES} pipelines are connected, and more are not served"),
            );
        };
        let host = pipeline::Host { launch, prepared: Arc::clone(&self.prepared), steered };
        let conversed = catch_unwind(AssertUnwindSafe(|| pipeline::converse(host, reader, stream)));
        lock(&self.pipelines).remove(&number);
        conversed.unwrap_or_else(|_| Err(io::Error::other("a fault in answering a pipeline")))
    }

    /// Keeps hold of a pipeline's connection, unless there are too many; gives its number.
    fn take_in(&self, stream: &UnixStream) -> io::Result<Option<u64>> {
        let mut pipelines = lock(&self.pipelines);
        if pipelines.len() >= MOST_PIPELINES {
            return Ok(None);
        }
        let number = pipelines.last_key_value().map_or(0, |(last, _)| last + 1);
        pipelines.insert(number, stream.try_clone()?);
        Ok(Some(number))
    }

    /// Tells a plugin that started this host itself what `submit` would have put on its command line.
    fn plan(&self, hello: &Hello, mut stream: UnixStream) -> io::Result<()> {
        let mut launch = Launch::clone(&lock(&self.launch));
        let planned = match self.prepared.as_ref() {
            Ok(prepared) => launch.plan_while_starting(hello, prepared),
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
        let launch = Arc::clone(&lock(&self.launch));
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
                recorder.belongs_to((&hello).into(), now_ms());
                recorder
            }
            None => self.begin_record((&hello).into()),
        };
        let steered = Arc::new(Steered::new(launch, hello, Arc::clone(&self.prepared), recorder, stream));
        steered.record_launch();
        // A write that a stopped driver does not take must not stop the host for good.
        steered.bound_writes()?;
        let welcome = steered.welcome();
        *lock(&self.current) = Some(Arc::clone(&steered));
        steered.send(&welcome)?;
        thread::scope(|scope| {
            let ticking = &steered;
            scope.spawn(move || controller::tick_all(ticking));
            steered.take_events(reader);
        });
        steered.finish();
        let mut current = lock(&self.current);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &steered)) {
            *current = None;
        }
        Ok(())
    }

    fn begin_record(&self, application: ApplicationIdentity) -> Recorder {
        let recorder = begin_record(&lock(&self.launch), &self.identity, application);
        record_refusal(&self.prepared, &recorder);
        recorder
    }
}

fn identity_of(module: &[u8]) -> ModuleIdentity {
    ModuleIdentity { sha256: crate::engine::sha256_hex(module), size_bytes: module.len() as u64 }
}

fn begin_record(launch: &Launch, module: &ModuleIdentity, application: ApplicationIdentity) -> Recorder {
    let now = now_ms();
    let run = Run {
        format: FORMAT,
        application,
        mode: launch.mode.word().to_owned(),
        policy: launch.identity.clone(),
        module: module.clone(),
        host_pid: std::process::id(),
        state: RunState::Running,
        started_ms: now,
        updated_ms: now,
        ..Run::default()
    };
    let recorder = Recorder::begin(run, launch.record.as_deref());
    for fault in &launch.faults {
        recorder.fault(fault.clone());
    }
    recorder
}

fn record_refusal(prepared: &Result<Prepared, EngineError>, recorder: &Recorder) {
    if let Err(error) = prepared {
        recorder.fault(format!("the policy module can't be used, the application runs as it would alone: {error}"));
    }
}

/// Leaves the record of a host that was lost before it left one itself.
pub fn record_lost_host(launch: &Launch, driver_pid: u32, why: &str) {
    let Some(root) = launch.record.as_deref() else { return };
    let application = unmet(driver_pid);
    // A folder alone is a record that was only half begun.
    if root.join(&application.id).join("run.json").exists() {
        return;
    }
    let module = module_bytes(launch).map(|bytes| identity_of(&bytes)).unwrap_or_default();
    let recorder = begin_record(launch, &module, application);
    recorder.lost(&format!("the host was lost before it listened, the application runs unsteered: {why}"));
}

impl Steered {
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

/// Moves Spark's event log of an application into its run's folder; gives its name there, or where it is otherwise.
pub(super) fn keep_event_log(launch: &Launch, application: &str, folder: Option<PathBuf>) -> Option<String> {
    let from = launch.event_log_dir.as_ref()?;
    let folder = folder?;
    let deadline = Instant::now() + Duration::from_secs(5);
    // Spark finishes its log after it has stopped its plugins.
    loop {
        let found = fs::read_dir(from).ok()?.flatten().map(|entry| entry.path()).find(|path| {
            path.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.contains(application) && !application.is_empty() && !name.ends_with(".inprogress")
            })
        });
        if let Some(path) = found {
            let name = match path.extension() {
                Some(extension) if extension != application => format!("eventlog.{}", extension.to_string_lossy()),
                _ => "eventlog".to_owned(),
            };
            let moved = fs::rename(&path, folder.join(&name));
            let _ = fs::remove_dir(from);
            return Some(if moved.is_ok() { name } else { path.display().to_string() });
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::record::read;

    #[test]
    fn a_host_that_was_killed_while_it_began_its_record_leaves_one_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        let launch = Launch { record: Some(root.path().to_owned()), ..Launch::default() };
        let folder = root.path().join(unmet(7).id);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("journal.jsonl"), "{\"line\":1,\"not").unwrap();
        record_lost_host(&launch, 7, "killed");
        let run = read(&folder).unwrap();
        assert_eq!(run.state, RunState::HostLost);
        assert!(run.faults.iter().any(|fault| fault.what.contains("killed")), "{:?}", run.faults);
        // A record that is there says more.
        record_lost_host(&launch, 7, "again");
        assert_eq!(read(&folder).unwrap().faults, run.faults);
    }
}
