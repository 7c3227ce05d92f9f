//! `sparkwright serve`, which the plugin and `submit` start, and `sparkwright plugin`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;

use super::policy_options::PolicyOptions;
use super::store_options::StoreOptions;
use super::terminal::{print, print_json};
use super::{Exit, Failure};
use crate::assets::{PLUGIN_CLASS, compiled_folder, write_plugin};
use crate::file_error::FileError;
use crate::launch::attempt::become_tethered;
use crate::launch::installation::on_path;
use crate::launch::local_uri::{NO_PATH_OF_A_JAR, for_spark, spark_can_load};
use crate::launch::properties;
use crate::lesson::{Lessons, job_here};
use crate::steering::server::{ServerOptions, serve};
use crate::steering::{Mode, SteeringSetup};

/// Serves the plugin of one driver process. Started by `submit` or by the plugin itself.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Serve {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Where to listen.
    #[arg(long)]
    socket: PathBuf,
    /// The process whose end ends the host.
    #[arg(long)]
    driver_pid: u32,
    /// What steering does.
    #[arg(long, value_enum, default_value_t = Mode::Act)]
    mode: Mode,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
    /// The job that the application is a run of, for the store's lessons.
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// What `submit` prepared, instead of the options above.
    #[arg(long)]
    launch: Option<PathBuf>,
    /// Start another process that serves, and end.
    #[arg(long)]
    detach: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.detach {
            return detach();
        }
        // Away from the terminal: Ctrl-C is meant for the application, which ends the host by ending.
        let _ = rustix::process::setsid();
        let launch: SteeringSetup = match &self.launch {
            Some(path) => prepared(path)?,
            None => {
                let launch = self.policy.launch(self.mode)?;
                let record = std::path::absolute(&self.record).unwrap_or_else(|_| self.record.clone());
                let store = self.store.address(&launch.policy);
                let lessons = store.and_then(|store| match &self.job {
                    Some(job) => Lessons::of(job_here(Some(job), None, None, None), store),
                    None => Some(Lessons::of_unmet(store)),
                });
                SteeringSetup { record: Some(record), lessons, ..launch }
            }
        };
        let options = ServerOptions { socket: self.socket, driver_pid: self.driver_pid, cache_dir: compiled_folder() };
        let socket = options.socket.display();
        serve(launch, &options)
            .map_err(|error| Failure::own_fault(format!("can't serve the driver's plugin on `{socket}`: {error}")))?;
        Ok(Exit::Fine)
    }
}

/// What `submit` prepared.
fn prepared(path: &Path) -> Result<SteeringSetup, Failure> {
    let file = File::open(path).map_err(FileError::of("open the prepared launch", path))?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        Failure::own_fault(format!("the prepared launch in `{}` can't be used: {error}", path.display()))
    })
}

/// Becomes a program that is killed when the process that started it is. `submit` runs an application so whose end it waits for.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Tethered {
    /// The process whose death is the program's.
    parent: u32,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    program: Vec<OsString>,
}

impl Tethered {
    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let program = PathBuf::from(self.program.remove(0));
        let error = become_tethered(self.parent, &program, self.program);
        Err(FileError::of("run", &program)(error).into())
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// A word as a shell takes it.
fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/=:,%+@".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The path of this very program.
fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::own_fault(format!("can't find the file of this very program: {error}")))
}

/// Starts this very command again without `--detach`, so that the server is nobody's child and leaves no zombie; prints its process id.
fn detach() -> Result<Exit, Failure> {
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    // Whoever reads this output must not wait for the server's.
    let program = this_program()?;
    let mut server = Command::new(&program);
    let server = server.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let server = server.map_err(FileError::of("start", &program))?;
    print(&format!("{}\n", server.id()));
    Ok(Exit::Fine)
}

/// Writes the Spark plugin to disk and prints the `--conf` options that switch it on for a plain `spark-submit`: two, and where the plugin is to
/// find this command if that is not the one on the PATH.
#[derive(Debug, Args)]
pub struct Plugin {
    /// Spark version that the plugin is for: 4.x or 3.5.x.
    #[arg(long, value_name = "VERSION", default_value = "4.3.0")]
    spark: String,
    /// Print a JSON object: the plugin's jar and class, the configurations that switch it on, and the path of this command.
    #[arg(long)]
    json: bool,
    /// Print in the JSON object what Spark reads from this file of properties too: for the Python package.
    #[arg(long, value_name = "FILE", hide = true)]
    properties: Option<PathBuf>,
}

impl Plugin {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let jar = write_plugin(&self.spark).map_err(|error| {
            let failure = Failure::new(format!("can't write the plugin: {error}"));
            match error.kind() {
                ErrorKind::Unsupported => {
                    failure.help("name the version of your Spark with --spark, as 4.3.0 or 3.5.9")
                }
                _ => failure.help(
                    "SPARKWRIGHT_HOME names the folder that it is written to; it is ~/.cache/sparkwright otherwise",
                ),
            }
        })?;
        if !spark_can_load(&jar) {
            return Err(Failure::new(format!(
                "Spark can't load the plugin from `{}`: {NO_PATH_OF_A_JAR}",
                jar.display()
            ))
            .help("SPARKWRIGHT_HOME names another folder to write it to"));
        }
        let (program, in_spark) = (this_program()?, for_spark(&jar));
        let mut confs = BTreeMap::from([("spark.jars", in_spark.as_str()), ("spark.plugins", PLUGIN_CLASS)]);
        // The plugin looks for the command on the PATH.
        let command = program.display().to_string();
        if !on_path("sparkwright").is_some_and(|found| same_file(&found, &program)) {
            confs.insert("spark.sparkwright.command", &command);
        }
        if self.json {
            let defaults = self.properties.as_deref().map(properties::of_spark);
            print_json(&json!({
                "jar": jar.display().to_string(), "class": PLUGIN_CLASS, "confs": confs, "command": program, "properties": defaults,
            }))?;
        } else {
            confs.iter().for_each(|(key, value)| print(&format!("--conf {}\n", in_shell(&format!("{key}={value}")))));
        }
        Ok(Exit::Fine)
    }
}
