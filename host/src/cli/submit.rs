//! `sparkwright submit`: runs `spark-submit`, with the launch plan, the plugin and the host added.
//!
//! The host is a process beside the application; one that dies takes nothing with it. Somebody has to know how the application ended (a store of
//! lessons, retries), so this process waits for it, and passes on signals, its death and the exit code ([`crate::launch::attempt`]). Where nobody has to,
//! it *turns into* `spark-submit` (`exec`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sparkwright_core::abi::codes;
use sparkwright_core::answers;
use sparkwright_core::facts::{ClusterFacts, History};
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::lesson::{self, Lesson};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::retry::{Retry, retry};
use sparkwright_core::steering::STORE_ANSWERS_WITHIN_MS;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::store_options::{StoreOptions, tell_unread, unread_told};
use super::terminal::note;
use super::{Exit, Failure};
use crate::assets::{NOT_LOADED_CLASS, PLUGIN_CLASS, write_plugin};
use crate::engine::{EngineError, Prepared};
use crate::file_error::FileError;
use crate::launch::arguments::SubmitArguments;
use crate::launch::attempt::{Outcome, Relay, ends_a_container};
use crate::launch::cluster::cluster_facts;
use crate::launch::event_log;
use crate::launch::history_file;
use crate::launch::input_files::InputFiles;
use crate::launch::installation::Installation;
use crate::launch::local_uri::{NO_PATH_OF_A_JAR, for_spark, java_can_name, no_name_in_java, spark_can_load};
use crate::launch::plan::{PlanError, launch_facts, no_launch_plan, plan_launch};
use crate::launch::properties;
use crate::launch::spark_submit::SparkSubmit;
use crate::lesson::{Lessons, folder_mark, job_here, no_lessons, nothing_kept_at_once};
use crate::steering::{EXECUTORS_IF_LOST, Host, Mode, SteeringSetup, record_lost_host, start_host};
use crate::store::Store;

const OWN_BUG: &str = "sparkwright stopped at a bug of its own";
/// The plugin's and the Python package's key for what steering does.
const MODE: &str = "spark.sparkwright.mode";

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
    /// and main class or file.
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
        launch.lessons = self.lessons(&launch.policy, &arguments, &user)?;
        let submit = SparkSubmit::of(&spark, master(&user).starts_with("local"));
        if arguments.only_asks {
            return Err(submit.run(&arguments.all, None).map_or_else(no_spark, |outcome| outcome.take_over()));
        }
        let mut waiting = Waiting::default();
        // A program that declares stages to the Python package learns by it that nobody plans them, and runs them.
        let off = BTreeMap::from([(MODE.to_owned(), Mode::Off.word().to_owned())]);
        let record = std::path::absolute(&self.record).unwrap_or_else(|_| self.record.clone());
        if self.mode == Mode::Off {
            let mut confs = off;
            // A bug of ours must not keep the application from starting.
            let kept = catch_unwind(AssertUnwindSafe(|| only_recorded(&user, &mut launch, &record)));
            let host = match kept.unwrap_or_else(|_| Err(OWN_BUG.to_owned())) {
                Ok((log, host)) => {
                    confs.extend(log);
                    host
                }
                Err(why) => {
                    note(&format!("the run is not recorded: {why}"));
                    None
                }
            };
            let outcome = waiting.run(&submit, &arguments.with(&confs, &[]), &launch).map_err(no_spark)?;
            waiting.end(&launch, host.as_ref(), outcome);
        }
        check_application(&arguments)?;
        launch.retries = self.mode == Mode::Act && launch.policy.autoscaling.retries_after_out_of_memory > 0;
        waiting.is_possible(&launch, &user);
        let run = Run { arguments, spark, user, record };
        let mut attempts = Attempts::default();
        loop {
            let mut launch = launch.clone();
            // A bug of ours must not keep the application from starting either.
            let started = catch_unwind(AssertUnwindSafe(|| self.start(&run, &attempts.failed, &mut launch)));
            let (added, host) = match (started.unwrap_or_else(|_| Ok(Err(OWN_BUG.to_owned()))), attempts.last) {
                (Ok(Ok(started)), _) => started,
                (Err(failure), None) => return Err(failure),
                (Ok(Err(why)), None) => {
                    note(&format!("the application runs unsteered: {why}"));
                    record_lost_host(&launch, std::process::id(), &why);
                    let run = submit.run(&run.arguments.with(&off, &[]), None);
                    return Err(run.map_or_else(no_spark, |outcome| outcome.take_over()));
                }
                // It would have no more memory.
                (_, Some(outcome)) => {
                    note("the application does not run again: the next attempt can't be steered");
                    outcome.take_over();
                }
            };
            let mut confs = added.confs;
            confs.insert("spark.sparkwright.socket".to_owned(), host.socket.display().to_string());
            let options: Vec<(&str, String)> = added.jars.map(|jars| ("--jars", jars)).into_iter().collect();
            let outcome = waiting.run(&submit, &run.arguments.with(&confs, &options), &launch).map_err(no_spark)?;
            // Nor may one change how the application ends.
            let again = catch_unwind(AssertUnwindSafe(|| self.again(&run, &launch, &host, outcome, &mut attempts)));
            if !again.unwrap_or(false) {
                waiting.end(&launch, Some(&host), outcome);
            }
        }
    }

    /// Whether the application runs again, of which an attempt has ended.
    fn again(&self, run: &Run, launch: &SteeringSetup, host: &Host, outcome: Outcome, attempts: &mut Attempts) -> bool {
        let Some(at) = launch.lesson.as_deref().filter(|_| !outcome.is_well() && !outcome.signalled) else {
            return false;
        };
        let Some(lesson) = host.lesson(at) else { return false };
        attempts.failed.push(lesson.clone());
        attempts.last = Some(outcome);
        let made = u32::try_from(attempts.failed.len()).unwrap_or(u32::MAX);
        let Ok(Ok(prepared)) = prepared_launch(launch) else { return false };
        let Ok(Ok(next)) = self.ask(run, &prepared, &attempts.failed, &mut launch.clone()) else { return false };
        let cluster = run.cluster();
        match retry(&launch.policy, made, &lesson, &cluster, &next) {
            Retry::Again(why) => {
                note(&why);
                true
            }
            Retry::No(why) => {
                if let Some(why) = why {
                    note(&format!("the application does not run again: {why}"));
                }
                false
            }
        }
    }

    /// Plans the launch and starts the host; why the application runs unsteered, where something of ours fails.
    ///
    /// # Errors
    /// What was given can't be used, or the policy denies the run.
    fn start(
        &self,
        run: &Run,
        failed: &[Lesson],
        launch: &mut SteeringSetup,
    ) -> Result<Result<(Added, Host), String>, Failure> {
        let Run { arguments, spark, user, record } = run;
        launch.record = Some(record.clone());
        let prepared = match prepared_launch(launch)? {
            Err(error) if error.is_refusal() => return Err(error.into()),
            // The host would not have it compiled either.
            Err(error @ EngineError::NotCompiled { .. }) => return Ok(Err(error.to_string())),
            prepared => prepared,
        };
        // The policy is asked all the same: it may deny the run.
        let planned = self.plan(run, prepared, failed, launch)?;
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
            Ok(host) => Ok((added, host)),
            Err(error) => Err(format!("the host can't be started: {error}")),
        })
    }

    /// Plans the launch, and completes it with what came of that; gives the configurations to add.
    fn plan(
        &self,
        run: &Run,
        prepared: Result<Prepared, EngineError>,
        failed: &[Lesson],
        launch: &mut SteeringSetup,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut confs = BTreeMap::new();
        let answer = match prepared {
            Ok(prepared) => self.ask(run, &prepared, failed, launch)?,
            Err(error) => Err(PlanError::from(error)),
        };
        // What can't be planned is left as the user has it; the application starts all the same.
        match answer {
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
        match event_log::made(&launch.policy, &run.user, &run.record) {
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

    /// The launch plan, by what earlier runs and the attempts of this one say.
    ///
    /// # Errors
    /// The history can't be read; inside is why there is no plan.
    fn ask(
        &self,
        run: &Run,
        prepared: &Prepared,
        failed: &[Lesson],
        launch: &mut SteeringSetup,
    ) -> Result<Result<PlanLaunchAnswer, PlanError>, Failure> {
        let history = match &self.history {
            Some(file) => {
                let mut history = history_file::read(file)?;
                history.runs.extend(lesson::history(failed).runs);
                history
            }
            None => learned(launch, master(&run.user), failed),
        };
        let cluster = run.cluster();
        let mut facts = launch_facts(cluster, self.input_bytes, &launch.labels, history);
        // What can't be looked at is no reason to keep the application from running.
        match self.input_files() {
            Ok(files) => files.describe(&mut facts.job),
            Err(error) => launch.faults.push(format!("the launch plan goes without --input: {error}")),
        }
        launch.input_bytes = facts.job.said_bytes();
        Ok(plan_launch(prepared, &facts))
    }
}

/// What is run, and where it is recorded.
struct Run {
    arguments: SubmitArguments,
    spark: Installation,
    user: BTreeMap<String, String>,
    record: PathBuf,
}

impl Run {
    /// Where it runs, and what the user configured.
    fn cluster(&self) -> ClusterFacts {
        cluster_facts(master(&self.user), &self.spark.version, self.arguments.is_python(), self.user.clone())
    }
}

/// The attempts that failed.
#[derive(Default)]
struct Attempts {
    /// What each of them taught.
    failed: Vec<Lesson>,
    /// How the last one ended.
    last: Option<Outcome>,
}

/// Waits for an application where its host has to know how it ended.
#[derive(Default)]
struct Waiting {
    /// Its signals, from the first attempt on.
    relay: Option<Relay>,
}

impl Waiting {
    /// Tells where lessons or retries are wanted and can't be.
    fn is_possible(&self, launch: &SteeringSetup, user: &BTreeMap<String, String>) {
        let wanted = launch.named_store() || launch.retries;
        if wanted && !event_log::is_readable(&launch.policy, user) {
            note(
                "the run teaches nothing and is not run again: Spark's event log of it is off or on another machine (spark.eventLog.enabled, \
                 spark.eventLog.dir)",
            );
        }
    }

    /// Runs it, and comes back where it was waited for.
    fn run(
        &mut self,
        submit: &SparkSubmit,
        arguments: &[OsString],
        launch: &SteeringSetup,
    ) -> Result<Outcome, FileError> {
        if launch.outcome.is_some() && self.relay.is_none() {
            self.relay = Relay::start().ok();
        }
        submit.run(arguments, self.relay.as_ref().zip(launch.outcome.as_deref()))
    }

    /// Ends as the application did.
    fn end(&self, launch: &SteeringSetup, host: Option<&Host>, outcome: Outcome) -> ! {
        // Where a container ends with this process, so would the host.
        if let (Some(host), Some(path)) = (host, launch.outcome.as_deref().filter(|_| launch.lessons.is_some()))
            && launch.named_store()
            && ends_a_container()
        {
            host.keeps(path);
        }
        outcome.take_over()
    }
}

fn no_spark(error: FileError) -> Failure {
    Failure::from(error).help("check the Spark that SPARK_HOME or the PATH names")
}

/// What the lessons of the job's earlier runs say, and of the attempts of this one. A store that can't be read costs the plan its lessons, and nothing
/// else.
fn learned(launch: &mut SteeringSetup, master: &str, failed: &[Lesson]) -> History {
    let Some(lessons) = &mut launch.lessons else { return lesson::history(failed) };
    let (learned, read) = lessons.learned(Duration::from_millis(STORE_ANSWERS_WITHIN_MS), master, failed);
    match read {
        Ok(unread) if lessons.store.named => tell_unread(unread),
        Ok(0) => {}
        Ok(unread) => launch.faults.push(unread_told(unread)),
        Err(error) => {
            let fault = no_lessons(&error);
            if lessons.store.named {
                note(&fault);
            }
            launch.faults.push(fault);
        }
    }
    if let Some(why) = &learned.plans.taken_back {
        launch.faults.push(nothing_kept_at_once(why));
    }
    launch.learned = learned.plans.plans;
    learned.history
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
) -> Result<(BTreeMap<String, String>, Option<Host>), String> {
    if driver_elsewhere(user).is_some() {
        return Ok((BTreeMap::new(), None));
    }
    let made = event_log::made(&launch.policy, user, record).map_err(|error| error.to_string())?;
    let Some(log) = made else {
        if user.get(event_log::ENABLED).is_some_and(|on| on.trim().eq_ignore_ascii_case("true")) {
            return Err("the application writes an event log of its own; `sparkwright review FILE` reads it".to_owned());
        }
        return Ok((BTreeMap::new(), None));
    };
    launch.record = Some(record.to_owned());
    launch.event_log_dir = Some(log.folder.clone());
    match start_host(launch) {
        Ok(host) => Ok((log.confs, Some(host))),
        Err(error) => {
            let _ = fs::remove_dir(log.folder);
            Err(format!("the host can't be started: {error}"))
        }
    }
}

impl Submit {
    /// The job that this is a run of, and the store of its lessons, where one is meant.
    ///
    /// # Errors
    /// What is named is no store.
    fn lessons(
        &self,
        policy: &ResolvedPolicy,
        arguments: &SubmitArguments,
        user: &BTreeMap<String, String>,
    ) -> Result<Option<Lessons>, Failure> {
        let Some(store) = self.store.address(policy) else { return Ok(None) };
        Store::at(&store.url, Duration::from_millis(STORE_ANSWERS_WITHIN_MS))?;
        let label = self.policy.labels.iter().find(|(key, _)| key == "job").map(|(_, value)| value.as_str());
        let application = user.get("spark.app.name").map(String::as_str);
        let file = arguments.application.as_deref().map(|file| {
            let absolute = std::path::absolute(file).ok().filter(|path| path.is_file());
            absolute.map_or_else(|| file.to_owned(), |path| path.display().to_string())
        });
        let main = arguments.class.as_deref().or(file.as_deref());
        let job = job_here(self.job.as_deref(), label, application, main);
        let file = file.filter(|_| arguments.class.is_none());
        // A user has many files of one name, and a store that somebody named is for one team's.
        let job = if store.named { job } else { file.iter().fold(job, |job, file| job.marked(&folder_mark(file))) };
        Ok(Lessons::of(job, store))
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
