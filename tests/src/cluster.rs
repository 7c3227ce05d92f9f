//! A standalone Spark cluster on loopback: a master and some workers, small, on ports that are free.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::processes::Group;
use crate::rest;
use crate::venv::Venv;
use crate::{Error, Result, Say};

/// What a cluster is made of.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Worker processes.
    pub workers: u32,
    /// Cores that each declares; more than the machine has is fine.
    pub cores: u32,
    /// Memory that each declares, in MiB.
    pub memory_mib: u32,
}

/// A running cluster; it ends when this is dropped, and at Ctrl-C.
#[derive(Debug)]
pub struct StandaloneCluster {
    // The workers before the master: fields are dropped in this order.
    workers: Vec<Group>,
    master: Group,
    master_port: u16,
    web_port: u16,
    logs: PathBuf,
}

/// What the master's web page says in JSON.
#[derive(Debug, Deserialize)]
struct MasterState {
    #[serde(default)]
    workers: Vec<WorkerState>,
}

#[derive(Debug, Deserialize)]
struct WorkerState {
    state: String,
}

/// The daemons' patience between SIGTERM and SIGKILL; they need 2 to 4 s.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long the cluster may take to be whole: 4 to 9 s on a quiet machine.
const START: Duration = Duration::from_secs(120);

impl StandaloneCluster {
    /// Starts a master and its workers, and waits until all of them are registered. Logs and the workers' folders go below
    /// `folder`.
    ///
    /// # Errors
    /// When a daemon cannot be started, ends, or does not register in time.
    pub fn start(venv: &Venv, size: Size, folder: &Path, say: Say<'_>) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
        let (master_port, web_port) = free_ports()?;
        say(&format!("starting a Spark master on 127.0.0.1:{master_port} and {} workers", size.workers));
        let (port, web) = (master_port.to_string(), web_port.to_string());
        let master = daemon(
            venv,
            &folder.join("master.log"),
            &["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", &port, "--webui-port", &web],
        )?;
        let mut cluster = Self { workers: Vec::new(), master, master_port, web_port, logs: folder.to_owned() };
        // A worker that finds no master waits seconds before it tries again.
        cluster.wait_for("the Spark master", |_| true)?;
        let (cores, memory) = (size.cores.to_string(), format!("{}m", size.memory_mib));
        for number in 1..=size.workers {
            let work = folder.join(format!("worker-{number}"));
            let (work_text, master) = (work.display().to_string(), cluster.url());
            cluster.workers.push(daemon(
                venv,
                &folder.join(format!("worker-{number}.log")),
                &[
                    "org.apache.spark.deploy.worker.Worker",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    "0",
                    "--webui-port",
                    "0",
                    "--cores",
                    &cores,
                    "--memory",
                    &memory,
                    "--work-dir",
                    &work_text,
                    &master,
                ],
            )?);
        }
        let all = size.workers as usize;
        cluster.wait_for("the registration of the workers", |state| {
            state.workers.iter().filter(|worker| worker.state == "ALIVE").count() >= all
        })?;
        Ok(cluster)
    }

    /// The master's URL, for `--master`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("spark://127.0.0.1:{}", self.master_port)
    }

    /// Ends all daemons: all are asked at once, then each is waited for.
    pub fn stop(&mut self) {
        for worker in &self.workers {
            worker.ask_to_end();
        }
        self.master.ask_to_end();
        for worker in &mut self.workers {
            worker.stop();
        }
        self.master.stop();
    }

    fn wait_for(&mut self, what: &str, done: impl Fn(&MasterState) -> bool) -> Result<()> {
        let address = format!("http://127.0.0.1:{}/json/", self.web_port);
        let began = Instant::now();
        loop {
            if let Ok(state) = rest::get::<MasterState>(&address)
                && done(&state)
            {
                return Ok(());
            }
            for daemon in std::iter::once(&mut self.master).chain(&mut self.workers) {
                if let Ok(Some(status)) = daemon.wait(Duration::ZERO) {
                    return Err(Error::Command {
                        doing: format!("waiting for {what}"),
                        command: "a daemon of Spark".to_owned(),
                        ended: status.to_string(),
                        output: format!("its log is in {}", self.logs.display()),
                    });
                }
            }
            if began.elapsed() > START {
                return Err(Error::Late { what: what.to_owned(), after: START, log: self.logs.display().to_string() });
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for StandaloneCluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts `spark-class`, which becomes the Java process of the daemon (`exec`), as small as it runs well.
fn daemon(venv: &Venv, log: &Path, arguments: &[&str]) -> Result<Group> {
    let out = File::create(log).map_err(Error::io("cannot write", log))?;
    let err = out.try_clone().map_err(Error::io("cannot write", log))?;
    let mut command = Command::new(venv.spark_command("spark-class"));
    command
        .args(arguments)
        .envs(venv.environment())
        .env("SPARK_DAEMON_MEMORY", "256m")
        .env(
            "SPARK_DAEMON_JAVA_OPTS",
            "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -Dspark.master.rest.enabled=false",
        )
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    Group::start(&mut command, PATIENCE)
}

/// Two ports that were free a moment ago. Both are held until both are known, so that they differ.
fn free_ports() -> Result<(u16, u16)> {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("cannot listen on", Path::new("127.0.0.1")));
    let (one, other) = (bind()?, bind()?);
    let port = |listener: &TcpListener| {
        listener
            .local_addr()
            .map(|address| address.port())
            .map_err(Error::io("cannot listen on", Path::new("127.0.0.1")))
    };
    Ok((port(&one)?, port(&other)?))
}
