//! `sparkwright submit`: becomes `spark-submit`, with the launch plan, the plugin and the host added.
//!
//! The host is a process beside the application, and this process *turns into* `spark-submit` (`exec`): the application's exit
//! code, output and signals are its own because nothing stands between it and whoever started it, and a host that dies
//! takes nothing with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use sparkwright_core::abi::codes;
use sparkwright_core::launch::ConfWhen;
use sparkwright_core::steering::HOST_LISTENS_WITHIN_MS;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::Failure;
use super::policy_options::{PolicyOptions, prepared_launch};
use crate::assets::{PLUGIN_CLASS, write_plugin};
use crate::launch::arguments::{SubmitArguments, properties};
use crate::launch::cluster::cluster_facts;
use crate::launch::history_file;
use crate::launch::installation::Installation;
use crate::launch::plan::{PlanError, launch_facts, no_launch_plan, plan_launch};
use crate::steering::{EXECUTORS_IF_LOST, Launch, Mode, record_lost_host, server};

/// The plugin's and the Python package's key for what steering does.
const MODE: &str = "spark.sparkwright.mode";
/// The longest path of a Unix socket is 107 bytes; a folder above this is too deep for one.
const LONGEST_FOLDER: usize = 80;

/// Runs an application as `spark-submit` does, steered by the policy.
///
/// Sparkwright's own options come first; everything from the first option of spark-submit on is handed to it as it is. The
/// application's exit code, output and signals are its own.
#[derive(Debug, Args)]
#[command(
    override_usage = "sparkwright submit [OPTIONS] [spark-submit options] <app.py | app.jar> [application arguments]"
)]
pub struct Submit {
    #[command(flatten)]
    policy: PolicyOptions,
    /// What steering does: act, shadow (decide and record, change nothing) or off.
    #[arg(long, value_enum, default_value_t = Mode::Act)]
    mode: Mode,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// How much the job reads, where that is known: 100GB, 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
    /// Earlier runs of the job: a JSON file of runs.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// spark-submit's own options, the application and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

impl Submit {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let arguments = SubmitArguments::read(self.arguments.clone());
        let mut launch = self.policy.launch(self.mode)?;
        let spark = Installation::find()?;
        let user = user_confs(&arguments, &spark);
        let local = master(&user).starts_with("local");
        if arguments.only_asks {
            return Err(become_spark_submit(&spark, local, arguments.all));
        }
        // A program that declares stages to the Python package learns by it that nobody plans them, and runs them.
        let off = BTreeMap::from([(MODE.to_owned(), Mode::Off.word().to_owned())]);
        if self.mode == Mode::Off {
            return Err(become_spark_submit(&spark, local, arguments.with(&off, &[])));
        }
        check_application(&arguments)?;
        let record = std::path::absolute(&self.record).unwrap_or_else(|_| self.record.clone());
        let added = self.prepare(&arguments, &spark, user, &mut launch, &record)?;
        match start_host(&launch) {
            Ok(socket) => {
                let mut confs = added.confs;
                confs.insert("spark.sparkwright.socket".to_owned(), socket.display().to_string());
                let options: Vec<(&str, String)> = added.jars.map(|jars| ("--jars", jars)).into_iter().collect();
                Err(become_spark_submit(&spark, local, arguments.with(&confs, &options)))
            }
            Err(error) => {
                eprintln!("sparkwright: the host could not be started, the application runs unsteered: {error}");
                record_lost_host(&launch, std::process::id(), &error.to_string());
                Err(become_spark_submit(&spark, local, arguments.with(&off, &[])))
            }
        }
    }

    /// Decides what is added to the user's arguments, and completes the launch with it.
    fn prepare(
        &self,
        arguments: &SubmitArguments,
        spark: &Installation,
        user: BTreeMap<String, String>,
        launch: &mut Launch,
        record: &Path,
    ) -> Result<Added, Failure> {
        let prepared = match prepared_launch(launch)? {
            Err(error) if error.is_refusal() => return Err(error.into()),
            other => other,
        };
        let history = self.history.as_deref().map(history_file::read).transpose()?.unwrap_or_default();
        let cluster = cluster_facts(master(&user), &spark.version, arguments.is_python(), user.clone());
        let facts = launch_facts(cluster, self.input_bytes, &launch.labels, history);
        let mut confs = BTreeMap::new();
        // What can't be planned is left as the user has it; the application starts all the same.
        match prepared.map_err(PlanError::from).and_then(|prepared| plan_launch(&prepared, &facts)) {
            Ok(plan) => {
                if self.mode == Mode::Act {
                    let submit = plan.confs.iter().filter(|(_, conf)| conf.when == ConfWhen::Submit);
                    confs.extend(submit.map(|(key, conf)| (key.clone(), conf.value.clone())));
                }
                launch.plan = Some(plan);
            }
            // Nothing has begun yet, so a run that the policy forbids does not begin.
            Err(PlanError::Refused(body)) if body.code == codes::DENIED && self.mode == Mode::Act => {
                return Err(Failure::new(format!("the policy forbids this run: {}", body.message)).help(
                    "nothing was started; `--mode shadow` runs it unsteered and records what the policy would do",
                ));
            }
            Err(error) => launch.faults.push(no_launch_plan(&error)),
        }
        let mut own: BTreeSet<String> = confs.keys().cloned().collect();
        launch.record = Some(record.to_owned());
        if launch.policy.monitoring.enable_metrics_collection && !user.contains_key("spark.eventLog.enabled") {
            match event_log_folder(record) {
                Ok(folder) => {
                    confs.insert("spark.eventLog.enabled".to_owned(), "true".to_owned());
                    confs.insert("spark.eventLog.dir".to_owned(), format!("file://{}", folder.display()));
                    confs.insert("spark.eventLog.rolling.enabled".to_owned(), "false".to_owned());
                    launch.event_log_dir = Some(folder);
                }
                Err(error) => launch.faults.push(format!("Spark's event log is not kept: {error}")),
            }
        }
        if let Some(plan) = launch.plan.as_ref().filter(|_| self.mode == Mode::Act)
            && let Some(total) = plan.executors_if_lost
        {
            confs.insert(EXECUTORS_IF_LOST.to_owned(), total.to_string());
        }
        let plugins = match user.get("spark.plugins") {
            Some(theirs) if !theirs.trim().is_empty() => format!("{theirs},{PLUGIN_CLASS}"),
            _ => PLUGIN_CLASS.to_owned(),
        };
        confs.insert("spark.plugins".to_owned(), plugins);
        let jar = write_plugin(&spark.version)?.display().to_string();
        let jars = match &arguments.jars {
            Some(theirs) => Some(format!("{theirs},{jar}")),
            None => {
                let with = match user.get("spark.jars") {
                    Some(theirs) if !theirs.trim().is_empty() => format!("{theirs},{jar}"),
                    _ => jar,
                };
                confs.insert("spark.jars".to_owned(), with);
                None
            }
        };
        own.extend(confs.keys().cloned());
        let own: Vec<String> = own.into_iter().collect();
        confs.insert("spark.sparkwright.ownConfs".to_owned(), own.join(","));
        launch.own_confs = own;
        Ok(Added { confs, jars })
    }
}

/// What is added to the user's arguments.
struct Added {
    confs: BTreeMap<String, String>,
    /// The whole `--jars`, where the user gave one: it beats the configuration.
    jars: Option<String>,
}

/// An application on this machine must be there before anything is started.
fn check_application(arguments: &SubmitArguments) -> Result<(), Failure> {
    let Some(application) = &arguments.application else {
        return Err(Failure::new("no application was named").help("name a .py or .jar file after the options"));
    };
    let path = application.strip_prefix("file://").or_else(|| application.strip_prefix("file:")).unwrap_or(application);
    let local = !path.contains("://") && (path.ends_with(".py") || path.ends_with(".jar") || path.ends_with(".R"));
    if local && let Err(error) = File::open(path) {
        return Err(Failure::new(format!("the application `{application}` can't be read: {error}"))
            .help("check the path; options of spark-submit that take a value stand before it, each with its value"));
    }
    Ok(())
}

/// A fresh folder for Spark's event log, on a disk that takes it.
fn event_log_folder(record: &Path) -> std::io::Result<PathBuf> {
    let folder = record.join(format!(".eventlog-{}-{}", std::process::id(), crate::clock::now_ms()));
    fs::create_dir_all(&folder)?;
    // Spark does not start an application whose event log can't be written: try it first.
    let probe = folder.join(".probe");
    let tried = fs::write(&probe, vec![0u8; 64 * 1024]);
    let _ = fs::remove_file(&probe);
    if let Err(error) = tried {
        let _ = fs::remove_dir(&folder);
        return Err(error);
    }
    Ok(folder)
}

/// Starts the host and waits until it listens; gives its socket.
fn start_host(launch: &Launch) -> std::io::Result<PathBuf> {
    let folder = socket_folder()?;
    let socket = folder.join("host.sock");
    let launch_file = folder.join("launch.json");
    let file = File::options().write(true).create_new(true).mode(0o600).open(&launch_file)?;
    serde_json::to_writer(file, launch)?;
    let log = File::options().write(true).create_new(true).mode(0o600).open(folder.join("host.log"))?;
    let driver_pid = std::process::id().to_string();
    let ended = Command::new(std::env::current_exe()?)
        .args(["serve", "--detach", "--driver-pid", &driver_pid])
        .arg("--socket")
        .arg(&socket)
        .arg("--launch")
        .arg(&launch_file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .output()?;
    let failed =
        |what: String| Err(std::io::Error::other(format!("it {what}; see {}", folder.join("host.log").display())));
    if !ended.status.success() {
        return failed(format!("ended with {}", ended.status));
    }
    let host = String::from_utf8_lossy(&ended.stdout).trim().parse().ok();
    let start = Instant::now();
    while !socket.exists() {
        if host.is_some_and(|host| !server::lives(host)) {
            return failed("ended before it listened".to_owned());
        }
        let patience = Duration::from_millis(HOST_LISTENS_WITHIN_MS);
        if start.elapsed() > patience {
            return failed(format!("did not listen within {patience:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(socket)
}

/// What the user configured: in the file of properties, and on the command line.
fn user_confs(arguments: &SubmitArguments, spark: &Installation) -> BTreeMap<String, String> {
    let file = arguments.properties_file.as_ref().map_or(spark.defaults_file(), PathBuf::from);
    let mut user = properties(&file);
    user.extend(arguments.confs.clone());
    user
}

/// The master that an application runs on; spark-submit's own where none is named.
fn master(user: &BTreeMap<String, String>) -> &str {
    user.get("spark.master").map_or("local[*]", String::as_str)
}

/// A fresh folder that only this user can enter.
fn socket_folder() -> std::io::Result<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let above =
        runtime.filter(|folder| folder.as_os_str().len() <= LONGEST_FOLDER).unwrap_or_else(|| PathBuf::from("/tmp"));
    let mut attempt = 0u32;
    loop {
        let folder = above.join(format!("sparkwright-{}-{}-{attempt}", std::process::id(), crate::clock::now_ms()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Turns this process into `spark-submit`; comes back only when that can't be.
fn become_spark_submit(spark: &Installation, on_this_machine: bool, arguments: Vec<OsString>) -> Failure {
    let program = spark.spark_submit();
    let mut command = Command::new(&program);
    if let Some(python) = &spark.python
        && !["PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"].iter().any(|name| std::env::var_os(name).is_some())
    {
        // As if its environment were activated. Machines of a cluster have a Python of their own.
        command.env(if on_this_machine { "PYSPARK_PYTHON" } else { "PYSPARK_DRIVER_PYTHON" }, python);
    }
    let error = command.args(arguments).exec();
    Failure::new(format!("{} can't be run: {error}", program.display()))
}
