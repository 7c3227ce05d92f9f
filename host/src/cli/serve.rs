//! `sparkwright serve`, which the plugin and `submit` start, and `sparkwright plugin`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use serde_json::json;

use super::policy_options::PolicyOptions;
use super::{Failure, print};
use crate::assets::{PLUGIN_CLASS, compiled_folder, write_plugin};
use crate::steering::server::{ServerOptions, serve};
use crate::steering::{Launch, Mode};

/// Serves the plugin of one driver process. Started by `submit` or by the plugin itself; of no use by hand.
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
    /// What `submit` prepared, instead of the options above.
    #[arg(long)]
    launch: Option<PathBuf>,
    /// Start another process that serves, and end.
    #[arg(long)]
    detach: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.detach {
            return detach();
        }
        // Away from the terminal: Ctrl-C is meant for the application, which ends the host by ending.
        let _ = rustix::process::setsid();
        let launch: Launch = match &self.launch {
            Some(path) => serde_json::from_reader(std::io::BufReader::new(File::open(path)?))?,
            None => Launch {
                record: Some(std::path::absolute(&self.record).unwrap_or_else(|_| self.record.clone())),
                ..self.policy.launch(self.mode)?
            },
        };
        let options = ServerOptions { socket: self.socket, driver_pid: self.driver_pid, cache_dir: compiled_folder() };
        serve(launch, &options)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Starts this very command again without `--detach`, so that the server is nobody's child and leaves no zombie; prints its process id.
fn detach() -> Result<ExitCode, Failure> {
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    // Whoever reads this output must not wait for the server's.
    let server =
        Command::new(std::env::current_exe()?).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    print(&format!("{}\n", server.id()));
    Ok(ExitCode::SUCCESS)
}

/// Writes the Spark plugin out and prints the two lines that switch it on for a plain `spark-submit`.
#[derive(Debug, Args)]
pub struct Plugin {
    /// The version of Spark that it is for.
    #[arg(long, default_value = "4.3.0")]
    spark: String,
    /// Print one JSON object: the plugin's jar and class, the configurations that switch it on, and this command's own path.
    #[arg(long)]
    json: bool,
}

impl Plugin {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let jar = write_plugin(&self.spark)?.display().to_string();
        let confs = BTreeMap::from([("spark.jars", jar.as_str()), ("spark.plugins", PLUGIN_CLASS)]);
        if self.json {
            let command = std::env::current_exe()?;
            let told = json!({"jar": jar, "class": PLUGIN_CLASS, "confs": confs, "command": command});
            print(&format!("{told:#}\n"));
        } else {
            confs.iter().for_each(|(key, value)| print(&format!("--conf {key}={value}\n")));
        }
        Ok(ExitCode::SUCCESS)
    }
}
