//! `sparkwright submit`: becomes `spark-submit`, with the launch plan, the plugin and the host added.
//!
//! The host is a process beside the application, and this process *turns into* `spark-submit` (`exec`): the application's exit
//! code, output and signals are its own because nothing stands between it and whoever started it, and a host that dies
//! takes nothing with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use sparkwright_core::abi::codes;
use sparkwright_core::answers;
use sparkwright_core::facts::History;
use sparkwright_core::lesson;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::steering::HOST_LISTENS_WITHIN_MS;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::store_options::{self, StoreOptions};
use super::terminal::note;
use super::{Exit, Failure};
use crate::assets::{NOT_LOADED_CLASS, PLUGIN_CLASS, write_plugin};
use crate::engine::{EngineError, Prepared};
use crate::file_error::FileError;
use crate::launch::attempt;
use crate::launch::arguments::SubmitArguments;
use crate::launch::cluster::cluster_facts;
use crate::launch::event_log;
use crate::launch::history_file;
use crate::launch::input_files::InputFiles;
use crate::launch::installation::Installation;
use crate::launch::local_uri::{NO_PATH_OF_A_JAR, for_spark, java_can_name, no_name_in_java, spark_can_load};
use crate::launch::plan::{PlanError, launch_facts, no_launch_plan, plan_launch};
use crate::launch::properties;
use crate::steering::server::OUTCOME;
use crate::lesson::job_here;
use crate::private;
use crate::steering::{EXECUTORS_IF_LOST, Lessons, Mode, SteeringSetup, lives, record_lost_host};

/// The plugin's and the Python package's key for what steering does.
const MODE: &str = "spark.sparkwright.mode";
/// The longest path of a Unix socket is 107 bytes; a folder above this is too deep for one.
const LONGEST_FOLDER: usize = 80;

/// Runs an application with `spark-submit`, steered by the policy.
///
/// Sparkwright's own options come first; everything from the first option of spark-submit on is passed on unchanged. Exit code, output and
/// signals are the application's own. Where steering fails, the application runs as it would without Sparkwright.
#[derive(Debug, Args)]
#[command(
    override_usage = "sparkwright submit [OPTIONS] [spark-submit options] <app.py | app.jar> [application arguments]",
    after_help = "\
Exit code: the application's own; 2, with nothing started, if an option, the policy or the application is wrong, if there is no Spark or \
Java, or if a rule of the policy denies the run."
)]
pub struct Submit {
    #[command(flatten)]
    policy: PolicyOptions,
    /// What Sparkwright does: decide and apply, only decide and record, or only keep the event log for a review.
    #[arg(long, value_enum, default_value_t = Mode::Act)]
    mode: Mode,
    /// Folder for the records of runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Input size of the job, if known, as 100GB or 64MiB.
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
    /// File or folder on this machine that the job reads, instead of --input-bytes: its files give the input size, the number of tasks, and
    /// whether small ones are packed. Repeatable.
    #[arg(long, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// Earlier runs of the job, as `sparkwright history` prints them.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
    /// Job that this is a run of, for the store's lessons; if not given, the label `job`, what Airflow or Dagster says, or the application's name
    /// and main file.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// spark-submit's own options, the application and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

impl Submit {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let arguments = SubmitArguments::read(self.arguments.clone());
        let mut launch = self.policy.launch(self.mode)?;
        let spark = Installation::find()?;
        let user = user_confs(&arguments, &spark);
        launch.lessons = self.lessons(&launch.policy, &arguments, &user);
        let local = master(&user).starts_with("local");
        if arguments.only_asks {
            return Err(SparkSubmit::of(&spark, local).run(arguments.all));
        }
        // A program that declares stages to the Python package learns by it that nobody plans them, and runs them.
        let off = BTreeMap::from([(MODE.to_owned(), Mode::Off.word().to_owned())]);
        let record = std::path::absolute(&self.record).unwrap_or_else(|_| self.record.clone());
        if self.mode == Mode::Off {
            let mut confs = off;
            // A bug of ours must not keep the application from starting.
            let kept = catch_unwind(AssertUnwindSafe(|| only_recorded(&user, &mut launch, &record)));
            match kept.unwrap_or_else(|_| Err("sparkwright stopped at a bug of its own".to_owned())) {
                Ok(log) => confs.extend(log),
                Err(why) => note(&format!("the run is not recorded: {why}")),
            }
            let submit = SparkSubmit { outcome: launch.outcome, ..SparkSubmit::of(&spark, local) };
            return Err(submit.run(arguments.with(&confs, &[])));
        }
        check_application(&arguments)?;
        // A bug of ours must not keep the application from starting either.
        let started = catch_unwind(AssertUnwindSafe(|| self.start(&arguments, &spark, &user, &mut launch, &record)));
        match started.unwrap_or_else(|_| Ok(Err("sparkwright stopped at a bug of its own".to_owned())))? {
            Ok((added, socket)) => {
                let mut confs = added.confs;
                confs.insert("spark.sparkwright.socket".to_owned(), socket.display().to_string());
                let options: Vec<(&str, String)> = added.jars.map(|jars| ("--jars", jars)).into_iter().collect();
                let submit = SparkSubmit { outcome: launch.outcome, ..SparkSubmit::of(&spark, local) };
                Err(submit.run(arguments.with(&confs, &options)))
            }
            Err(why) => {
                note(&format!("the application runs unsteered: {why}"));
                record_lost_host(&launch, std::process::id(), &why);
                Err(SparkSubmit::of(&spark, local).run(arguments.with(&off, &[])))
            }
        }
    }

    /// Plans the launch and starts the host; why the application runs unsteered, where something of ours fails.
    ///
    /// # Errors
    /// What was given can't be used, or the policy denies the run.
    fn start(
        &self,
        arguments: &SubmitArguments,
        spark: &Installation,
        user: &BTreeMap<String, String>,
        launch: &mut SteeringSetup,
        record: &Path,
    ) -> Result<Result<(Added, PathBuf), String>, Failure> {
        launch.record = Some(record.to_owned());
        let prepared = match prepared_launch(launch)? {
            Err(error) if error.is_refusal() => return Err(error.into()),
            // The host would not have it compiled either.
            Err(error @ EngineError::NotCompiled { .. }) => return Ok(Err(error.to_string())),
            prepared => prepared,
        };
        // The policy is asked all the same: it may deny the run.
        let planned = self.plan(prepared, arguments, spark, user, launch, record)?;
        if let Some(elsewhere) = driver_elsewhere(user) {
            if let Some(folder) = launch.event_log_dir.take() {
                let _ = fs::remove_dir(folder);
            }
            return Ok(Err(elsewhere));
        }
        let jar = match write_plugin(&spark.version) {
            Ok(jar) => jar,
            Err(error) => return Ok(Err(format!("the plugin can't be written: {error}"))),
        };
        if !java_can_name(&jar) {
            return Ok(Err(FileError::of("load the plugin from", &jar)(no_name_in_java()).to_string()));
        }
        if !spark_can_load(&jar) {
            let help = "SPARKWRIGHT_HOME names another folder for it";
            return Ok(Err(format!("the plugin can't be loaded from `{}`: {NO_PATH_OF_A_JAR}; {help}", jar.display())));
        }
        let added = with_plugin(planned, arguments, user, &jar);
        launch.own_confs.clone_from(&added.own);
        Ok(match start_host(launch) {
            Ok(socket) => Ok((added, socket)),
            Err(error) => Err(format!("the host can't be started: {error}")),
        })
    }

    /// Plans the launch, and completes it with what came of that; gives the configurations to add.
    fn plan(
        &self,
        prepared: Result<Prepared, EngineError>,
        arguments: &SubmitArguments,
        spark: &Installation,
        user: &BTreeMap<String, String>,
        launch: &mut SteeringSetup,
        record: &Path,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let history = match &self.history {
            Some(file) => history_file::read(file)?,
            None => learned(launch),
        };
        let cluster = cluster_facts(master(user), &spark.version, arguments.is_python(), user.clone());
        let mut facts = launch_facts(cluster, self.input_bytes, &launch.labels, history);
        // What can't be looked at is no reason to keep the application from running.
        match self.input_files() {
            Ok(files) => files.describe(&mut facts.job),
            Err(error) => launch.faults.push(format!("the launch plan goes without --input: {error}")),
        }
        let mut confs = BTreeMap::new();
        // What can't be planned is left as the user has it; the application starts all the same.
        match prepared.map_err(PlanError::from).and_then(|prepared| plan_launch(&prepared, &facts)) {
            Ok(plan) => {
                if self.mode == Mode::Act {
                    let submit = plan.confs.iter().filter(|(key, conf)| answers::given_at_submit(key, conf.when));
                    confs.extend(submit.map(|(key, conf)| (key.clone(), conf.value.clone())));
                }
                launch.plan = Some(plan);
            }
            // Nothing has begun yet, so a run that the policy denies does not begin.
            Err(PlanError::Refused(body)) if body.code == codes::DENIED && self.mode == Mode::Act => {
                return Err(Failure::from(body).help(
                    "nothing was started; `--mode shadow` runs it unsteered and records what the policy would do",
                ));
            }
            Err(error) => launch.faults.push(no_launch_plan(&error)),
        }
        match event_log::made(&launch.policy, user, record) {
            Ok(Some(log)) => {
                confs.extend(log.confs);
                launch.event_log_dir = Some(log.folder);
            }
            Ok(None) => {}
            Err(error) => launch.faults.push(format!("Spark's event log is not kept: {error}")),
        }
        if let Some(plan) = launch.plan.as_ref().filter(|_| self.mode == Mode::Act)
            && let Some(total) = plan.executors_if_lost
        {
            confs.insert(EXECUTORS_IF_LOST.to_owned(), total.to_string());
        }
        Ok(confs)
    }
}

/// What the lessons of the job's earlier runs say. A store that can't be read costs the plan its lessons, and nothing else.
fn learned(launch: &mut SteeringSetup) -> History {
    let Some(lessons) = &launch.lessons else { return History::default() };
    match store_options::open(&lessons.store).and_then(|store| store.lessons(&lessons.job)) {
        Ok(read) => lesson::history(&read.lessons),
        Err(error) => {
            launch.faults.push(format!("the launch plan goes without lessons: {error}"));
            History::default()
        }
    }
}

/// Has a host record a run that is not steered, by Spark's event log once the driver is gone; gives the configurations to add. Nothing is added
/// where the user's own configuration says whether there is a log, or where the policy wants none.
///
/// # Errors
/// Why there is no record.
fn only_recorded(
    user: &BTreeMap<String, String>,
    launch: &mut SteeringSetup,
    record: &Path,
) -> Result<BTreeMap<String, String>, String> {
    if driver_elsewhere(user).is_some() {
        return Ok(BTreeMap::new());
    }
    let made = event_log::made(&launch.policy, user, record).map_err(|error| error.to_string())?;
    let Some(log) = made else {
        if user.get(event_log::ENABLED).is_some_and(|on| on.trim().eq_ignore_ascii_case("true")) {
            return Err("the application writes an event log of its own; `sparkwright review FILE` reads it".to_owned());
        }
        return Ok(BTreeMap::new());
    };
    launch.record = Some(record.to_owned());
    launch.event_log_dir = Some(log.folder.clone());
    match start_host(launch) {
        Ok(_) => Ok(log.confs),
        Err(error) => {
            let _ = fs::remove_dir(log.folder);
            Err(format!("the host can't be started: {error}"))
        }
    }
}

impl Submit {
    /// The job that this is a run of, and the store of its lessons, where one is named.
    fn lessons(&self, policy: &ResolvedPolicy, arguments: &SubmitArguments, user: &BTreeMap<String, String>) -> Option<Lessons> {
        let store = self.store.address(policy)?;
        let label = self.policy.labels.iter().find(|(key, _)| key == "job").map(|(_, value)| value.as_str());
        let application = user.get("spark.app.name").map(String::as_str);
        let main = arguments.application.as_deref();
        let job = job_here(self.job.as_deref(), label, application, main).name;
        // The host runs elsewhere.
        let is_folder = !store.contains("://");
        let store = if is_folder { std::path::absolute(&store).map_or(store, |path| path.display().to_string()) } else { store };
        Some(Lessons { job, store })
    }

    fn input_files(&self) -> Result<InputFiles, FileError> {
        let mut files = InputFiles::none();
        self.input.iter().try_for_each(|path| files.add(path))?;
        Ok(files)
    }
}

/// What is added to the user's arguments.
struct Added {
    confs: BTreeMap<String, String>,
    /// The keys of those that are the application's to read, in their order.
    own: Vec<String>,
    /// The whole `--jars`, where the user gave one: it beats the configuration.
    jars: Option<String>,
}

/// The configurations with those that switch the plugin on beside the user's own plugins and jars.
fn with_plugin(
    mut confs: BTreeMap<String, String>,
    arguments: &SubmitArguments,
    user: &BTreeMap<String, String>,
    jar: &Path,
) -> Added {
    let beside = |theirs: Option<&String>, ours: &str| match theirs {
        Some(theirs) if !theirs.trim().is_empty() => format!("{theirs},{ours}"),
        _ => ours.to_owned(),
    };
    confs.insert("spark.plugins".to_owned(), beside(user.get("spark.plugins"), PLUGIN_CLASS));
    let listeners = beside(user.get("spark.extraListeners"), NOT_LOADED_CLASS);
    confs.insert("spark.extraListeners".to_owned(), listeners);
    let jar = for_spark(jar);
    let jars = arguments.jars.as_ref().map(|theirs| format!("{theirs},{jar}"));
    if jars.is_none() {
        confs.insert("spark.jars".to_owned(), beside(user.get("spark.jars"), &jar));
    }
    let own: Vec<String> = confs.keys().cloned().collect();
    confs.insert("spark.sparkwright.ownConfs".to_owned(), own.join(","));
    Added { confs, own, jars }
}

/// An application on this machine must be there before anything is started, where spark-submit could not start without it either.
fn check_application(arguments: &SubmitArguments) -> Result<(), Failure> {
    let Some(application) = &arguments.application else {
        return Err(Failure::new("no application was named").help("name a .py or .jar file after the options"));
    };
    let Some(path) = arguments.needed_file() else { return Ok(()) };
    match File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(format!("can't read the application `{application}`: {error}"))
            .help("check the path; an option of spark-submit that takes a value stands before it, with its value")),
    }
}

/// Why an application can't be steered whose driver is not on this machine; `None` where it is.
fn driver_elsewhere(user: &BTreeMap<String, String>) -> Option<String> {
    let mode = user.get("spark.submit.deployMode")?;
    (mode == "cluster").then(|| {
        "--deploy-mode cluster starts the driver on another machine, which has neither the plugin nor the host of this one; use client mode"
            .to_owned()
    })
}

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
enum NoHost {
    /// A file that it needs can't be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it is to do can't be written down.
    #[error("can't write `{}`: {source}", path.display())]
    Launch { path: PathBuf, source: serde_json::Error },
    /// It was started and serves nobody.
    #[error("it {what}; see `{}`", log.display())]
    Ended { what: String, log: PathBuf },
}

/// Starts the host and waits until it listens; gives its socket.
fn start_host(launch: &mut SteeringSetup) -> Result<PathBuf, NoHost> {
    let folder = socket_folder()?;
    let socket = folder.join("host.sock");
    let launch_file = folder.join("launch.json");
    // Who is to know what a run teaches has to know how it ended.
    launch.outcome = launch.lessons.is_some().then(|| folder.join(OUTCOME));
    let file = private_file(&launch_file)?;
    serde_json::to_writer(file, launch).map_err(|source| NoHost::Launch { path: launch_file.clone(), source })?;
    let log = folder.join("host.log");
    let program = std::env::current_exe().map_err(FileError::of("find the file of", Path::new("sparkwright")))?;
    let ended = Command::new(&program)
        .args(["serve", "--detach", "--driver-pid", &std::process::id().to_string()])
        .arg("--socket")
        .arg(&socket)
        .arg("--launch")
        .arg(&launch_file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(private_file(&log)?)
        .output()
        .map_err(FileError::of("run", &program))?;
    let failed = |what: String| Err(NoHost::Ended { what, log: log.clone() });
    if !ended.status.success() {
        return failed(format!("ended with {}", ended.status));
    }
    let host = String::from_utf8_lossy(&ended.stdout).trim().parse().ok();
    let start = Instant::now();
    while !socket.exists() {
        if host.is_some_and(|host| !lives(host)) {
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

/// A new file that only this user can read.
fn private_file(path: &Path) -> Result<File, FileError> {
    private::new_file(path).map_err(FileError::of("make", path))
}

/// What the user configured: in files of properties, and on the command line, which wins.
fn user_confs(arguments: &SubmitArguments, spark: &Installation) -> BTreeMap<String, String> {
    let mut user = BTreeMap::new();
    // As SparkSubmitArguments of Spark 4; 3.5 refuses the flag.
    if arguments.properties_file.is_none() || arguments.load_spark_defaults {
        user = properties::of_spark(&spark.defaults_file());
    }
    if let Some(file) = &arguments.properties_file {
        user.extend(properties::of_spark(Path::new(file)));
    }
    user.extend(arguments.confs.clone());
    user
}

/// The master that an application runs on; spark-submit's own where none is named.
fn master(user: &BTreeMap<String, String>) -> &str {
    user.get("spark.master").map_or("local[*]", String::as_str)
}

/// A fresh folder that only this user can enter.
fn socket_folder() -> Result<PathBuf, FileError> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let fits = |folder: &PathBuf| folder.as_os_str().len() <= LONGEST_FOLDER && java_can_name(folder);
    let above = runtime.filter(fits).unwrap_or_else(|| PathBuf::from("/tmp"));
    let mut attempt = 0u32;
    loop {
        let folder = above.join(format!("sparkwright-{}-{}-{attempt}", std::process::id(), crate::clock::now_ms()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(FileError::of("make the folder", &folder)(error)),
        }
    }
}

/// `spark-submit` as it is run here.
struct SparkSubmit {
    program: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    /// Where its outcome is written; absent where nobody asks for it.
    outcome: Option<PathBuf>,
}

impl SparkSubmit {
    fn of(spark: &Installation, on_this_machine: bool) -> Self {
        let mut environment = Vec::new();
        if let Some(python) = &spark.python
            && !["PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"].iter().any(|name| std::env::var_os(name).is_some())
        {
            // As if its environment were activated. Machines of a cluster have a Python of their own.
            let name = if on_this_machine { "PYSPARK_PYTHON" } else { "PYSPARK_DRIVER_PYTHON" };
            environment.push((name, python.clone().into()));
        }
        Self { program: spark.spark_submit(), environment, outcome: None }
    }

    /// Runs it in this process's place; comes back only when that can't be.
    fn run(self, arguments: Vec<OsString>) -> Failure {
        if let Some(path) = &self.outcome
            && let Ok(outcome) = attempt::run(&self.program, &arguments, &self.environment)
        {
            if let Err(error) = outcome.write(path) {
                note(&format!("how the application ended is not recorded: {}", FileError::of("write", path)(error)));
            }
            outcome.take_over();
        }
        let error = Command::new(&self.program).envs(self.environment).args(arguments).exec();
        Failure::from(FileError::of("run", &self.program)(error)).help("check the Spark that SPARK_HOME or the PATH names")
    }
}
