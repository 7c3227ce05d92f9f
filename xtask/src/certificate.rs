//! The certificate (`tests/certificate`): programs drawn at random, run on real Spark alone and steered, must not be told apart.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use sparkwright_tests::paths;
use sparkwright_tests::venv::SparkLine;

use crate::{build, setup};

/// How far a run goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The Spark that it runs on.
    pub(crate) line: SparkLine,
    /// What its programs are drawn from.
    pub(crate) seed: u64,
    /// When it ends.
    pub(crate) minutes: u32,
    /// How many programs it ends after, if its time is not over by then.
    pub(crate) histories: Option<u32>,
    /// Whether it goes on where an earlier one of this seed was ended.
    pub(crate) resume: bool,
}

impl Run {
    /// The command that runs it with what is built.
    pub(crate) fn command(&self, binary: &Path) -> Result<Command> {
        let venv = setup::venv_of(self.line)?;
        let folder = paths::target().join("soak");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        let state = folder.join(format!("{}-{}.json", self.line.jar(), self.seed));
        if !self.resume {
            let _ = fs::remove_file(&state);
        }
        let mut command = Command::new(venv.command("python"));
        command
            .args(["-m", "certificate", "--minutes", &self.minutes.to_string(), "--seed", &self.seed.to_string()])
            .arg("--command")
            .arg(binary)
            .arg("--jar")
            .arg(paths::assets().join(self.line.jar()))
            .arg("--state")
            .arg(state)
            .arg("--findings")
            .arg(folder.join("findings"))
            .env("PYTHONPATH", paths::workspace().join("tests"))
            .current_dir(folder);
        if let Some(histories) = self.histories {
            command.args(["--histories", &histories.to_string()]);
        }
        Ok(command)
    }

    /// Builds what it needs, and runs it where people see it; 1 where the two differed.
    pub(crate) fn alone(&self) -> Result<ExitCode> {
        let binary = build::everything()?;
        let mut command = self.command(&binary)?;
        let line = setup::announce(&command);
        let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
