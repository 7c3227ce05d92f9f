//! A real host in a thread, and the driver's side of its events connection.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sparkwright::launch::policy_source::choose;
use sparkwright::record::{Run, list, read};
use sparkwright::steering::server::{ServerOptions, serve};
use sparkwright::steering::{Mode, SteeringSetup};
use tempfile::TempDir;

use crate::client::{Client, PATIENCE};

pub const APPLICATION: &str = "application_1_0001";

/// A host, and the process that it takes for its driver.
pub struct Host {
    folder: TempDir,
    driver: Child,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

/// A launch under the environment `production` that moves executors.
pub fn launch(mode: Mode) -> SteeringSetup {
    let chosen = choose(None, Some("production"), &[]).unwrap();
    SteeringSetup { mode, policy: chosen.policy, identity: chosen.identity, ..SteeringSetup::default() }
}

/// Where the hosts of these tests find the module compiled.
fn compiled() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled")
}

impl Host {
    pub fn start(launch: SteeringSetup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver = Command::new("sleep").arg("600").spawn().unwrap();
        let options = ServerOptions {
            socket: folder.path().join("host.sock"),
            driver_pid: driver.id(),
            cache_dir: Some(compiled()),
        };
        let launch = SteeringSetup { record: Some(folder.path().join("runs")), ..launch };
        let serving = thread::spawn(move || serve(launch, &options));
        let host = Self { folder, driver, serving: Some(serving) };
        wait_for("the host to listen", || UnixStream::connect(host.socket()).is_ok());
        host
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("host.sock")
    }

    pub fn pipeline(&self) -> Client {
        let client = Client::connect(&self.socket(), APPLICATION);
        assert_eq!(client.greeting["sparkwright"], "welcome", "{}", client.greeting);
        client
    }

    /// The run as it is recorded, journal included.
    pub fn run(&self) -> Run {
        read(&list(&self.folder.path().join("runs"))[0]).unwrap()
    }

    /// Ends the driver's process, and waits for the host to end.
    pub fn end(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        if let Some(serving) = self.serving.take() {
            let start = Instant::now();
            while !serving.is_finished() {
                assert!(start.elapsed() < PATIENCE, "the host does not end with its driver");
                thread::sleep(Duration::from_millis(20));
            }
            serving.join().unwrap().unwrap();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What the plugin's end of the events connection knows.
#[derive(Default)]
struct Known {
    commands: Vec<Value>,
    session: BTreeMap<String, String>,
}

/// The plugin's end of the events connection: obeys as the plugin does.
pub struct Driver {
    stream: UnixStream,
    known: Arc<Mutex<Known>>,
    lines: mpsc::Sender<String>,
}

impl Driver {
    /// Greets the host as the driver of an application on YARN. `user` names session keys that the user has set.
    pub fn connect(host: &Host, user: &[&str]) -> Self {
        let stream = UnixStream::connect(host.socket()).unwrap();
        let hello = json!({"sparkwright": "hello", "role": "events", "protocol": 1, "application": APPLICATION, "name": "test",
            "spark": "4.3.0", "master": "yarn", "driver_pid": host.driver.id(), "driver_max_memory_bytes": 4u64 << 30,
            "default_parallelism": 4, "python": true, "conf": {"spark.dynamicAllocation.enabled": "true",
            "spark.executor.cores": "2", "spark.executor.memory": "2g", "spark.app.name": "test",
            "spark.dynamicAllocation.executorIdleTimeout": "86400s",
            "spark.sparkwright.ownConfs": "spark.dynamicAllocation.enabled, spark.dynamicAllocation.executorIdleTimeout"}});
        let (lines, to_write) = mpsc::channel::<String>();
        let mut writer = stream.try_clone().unwrap();
        thread::spawn(move || {
            for line in to_write {
                if writer.write_all(format!("{line}\n").as_bytes()).is_err() {
                    return;
                }
            }
        });
        lines.send(hello.to_string()).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut welcome = String::new();
        reader.read_line(&mut welcome).unwrap();
        let welcome: Value = serde_json::from_str(&welcome).unwrap();
        assert_eq!(welcome["sparkwright"], "welcome", "{welcome}");
        let known = Arc::new(Mutex::new(Known::default()));
        let user: Vec<String> = user.iter().map(|key| (*key).to_owned()).collect();
        let (obeying, answers) = (Arc::clone(&known), lines.clone());
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let command: Value = serde_json::from_str(&line).unwrap();
                let mut error = Value::Null;
                let mut known = obeying.lock().unwrap();
                if let Some(set) = command["set"].as_object() {
                    let (theirs, ours): (Vec<_>, Vec<_>) = set.iter().partition(|(key, _)| user.contains(key));
                    for (key, value) in ours {
                        match value.as_str().unwrap() {
                            "" => known.session.remove(key),
                            value => known.session.insert(key.clone(), value.to_owned()),
                        };
                    }
                    if !theirs.is_empty() {
                        let keys: Vec<&str> = theirs.iter().map(|(key, _)| key.as_str()).collect();
                        error = format!("not set: {}", keys.join(", ")).into();
                    }
                }
                let (id, ok) = (&command["id"], error.is_null());
                // The host tells its plugin's lines from Spark's by how they begin.
                let acted = format!(r#"{{"sparkwright":"acted","id":{id},"ok":{ok},"error":{error},"took_ms":1}}"#);
                known.commands.push(command);
                drop(known);
                if answers.send(acted).is_err() {
                    return;
                }
            }
        });
        let driver = Self { stream, known, lines };
        driver.stays_alive();
        driver
    }

    /// Gives the signs of life without which facts look stale.
    fn stays_alive(&self) {
        let lines = self.lines.clone();
        thread::spawn(move || {
            while lines.send(r#"{"sparkwright":"alive"}"#.to_owned()).is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
    }

    pub fn says(&self, line: &Value) {
        self.lines.send(line.to_string()).unwrap();
    }

    pub fn executor_added(&self, id: u32) {
        self.says(&json!({"Event": "SparkListenerExecutorAdded", "Timestamp": now_ms(), "Executor ID": id.to_string(),
            "Executor Info": {"Host": "h", "Total Cores": 2}}));
    }

    /// The totals of executors that were asked for so far.
    pub fn asked_for(&self) -> Vec<u64> {
        let known = self.known.lock().unwrap();
        known
            .commands
            .iter()
            .filter(|command| command["do"] == "executors_total")
            .filter_map(|command| command["total"].as_u64())
            .collect()
    }

    /// What stands in the session for a key because of us.
    pub fn session(&self, key: &str) -> Option<String> {
        self.known.lock().unwrap().session.get(key).cloned()
    }

    /// The driver's connection ends, with or without a goodbye.
    pub fn end(&self, goodbye: bool) {
        if goodbye {
            self.lines.send(r#"{"sparkwright":"bye","held_up_ms":0,"plugin_cpu_ms":0}"#.to_owned()).unwrap();
            thread::sleep(Duration::from_millis(100));
        }
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end(false);
    }
}

pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
