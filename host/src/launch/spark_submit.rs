//! `spark-submit` as it is run here.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::attempt::{Outcome, Relay};
use super::installation::Installation;
use crate::file_error::FileError;

/// `spark-submit` as it is run here.
#[derive(Debug)]
pub struct SparkSubmit {
    program: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl SparkSubmit {
    /// That of a Spark; a master on this machine has Python workers here too.
    #[must_use]
    pub fn of(spark: &Installation, on_this_machine: bool) -> Self {
        let mut environment = Vec::new();
        if let Some(python) = &spark.python
            && !["PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"].iter().any(|name| std::env::var_os(name).is_some())
        {
            // As if its environment were activated. Machines of a cluster have a Python of their own.
            let name = if on_this_machine { "PYSPARK_PYTHON" } else { "PYSPARK_DRIVER_PYTHON" };
            environment.push((name, python.clone().into()));
        }
        Self { program: spark.spark_submit(), environment }
    }

    /// Runs it in this process's place, or, where somebody has to know how it ended, waits for it and writes that to a file. Comes back with that, or
    /// where it can't be run.
    ///
    /// # Errors
    /// It can't be run.
    pub fn run(&self, arguments: &[OsString], wanted: Option<(&Relay, &Path)>) -> Result<Outcome, FileError> {
        if let Some((relay, path)) = wanted
            && let Ok(outcome) = relay.run(&self.program, arguments, &self.environment)
        {
            // Without it the host waits for a while, and leaves a lesson that does not know.
            let _ = outcome.write(path);
            return Ok(outcome);
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let error = Command::new(&self.program).envs(environment).args(arguments).exec();
        Err(FileError::of("run", &self.program)(error))
    }
}
