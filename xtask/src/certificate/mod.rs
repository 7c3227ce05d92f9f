//! The certificate (`tests/certificate`): programs drawn at random, run on real Spark alone and steered, must not be told apart.

pub(crate) mod mends;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::paths;
use sparkwright_tests::venv::SparkLine;

use crate::{build, setup};
use mends::{MENDS, Mend};

/// How the line begins in which the certificate tells a difference.
const DIFFERENCE: &str = "difference in history ";

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
        let state = folder()?.join(format!("{}-{}.json", self.line.jar(), self.seed));
        if !self.resume {
            let _ = fs::remove_file(&state);
        }
        let mut command = self.command_with(binary, &paths::assets().join(self.line.jar()))?;
        command.arg("--state").arg(state);
        if let Some(histories) = self.histories {
            command.args(["--histories", &histories.to_string()]);
        }
        Ok(command)
    }

    fn command_with(&self, binary: &Path, jar: &Path) -> Result<Command> {
        let mut command = Command::new(setup::venv_of(self.line)?.command("python"));
        command
            .args(["-m", "certificate", "--minutes", &self.minutes.to_string(), "--seed", &self.seed.to_string()])
            .arg("--command")
            .arg(binary)
            .arg("--jar")
            .arg(jar)
            .arg("--findings")
            .arg(folder()?.join("findings"))
            .env("PYTHONPATH", paths::workspace().join("tests"))
            .current_dir(folder()?);
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
    /// Takes mends out of the plugin, each alone, and runs until a program shows it; 1 where none did within the time.
    pub(crate) fn without(&self, names: &str) -> Result<ExitCode> {
        let chosen: Vec<&Mend> = MENDS.iter().filter(|mend| names == ALL || mend.name == names).collect();
        if chosen.is_empty() {
            let known: Vec<&str> = MENDS.iter().map(|mend| mend.name).collect();
            bail!("there is no mend `{names}`; name one of: {}, or {ALL}", known.join(", "));
        }
        let binary = build::everything()?;
        let mut table = Vec::new();
        for mend in &chosen {
            println!("without {}: {}", mend.name, mend.without);
            table.push((mend, self.until_found(mend, &binary)?));
        }
        println!("\n{:<24}{:<44}without it", "mend", "found by");
        for (mend, found) in &table {
            let found = found.as_deref().unwrap_or("NOT FOUND");
            println!("{:<24}{found:<44}{}", mend.name, mend.without);
        }
        let missed = table.iter().any(|(_, found)| found.is_none());
        Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The history that shows that a mend is missing, and after how many minutes; none within the time.
    fn until_found(&self, mend: &Mend, binary: &Path) -> Result<Option<String>> {
        let sources = tempfile::tempdir().context("cannot make a temporary folder")?;
        mends::take_out(mend, &build::plugin::folder(), sources.path())?;
        let jar = folder()?.join(format!("without-{}-{}", mend.name, self.line.jar()));
        build::plugin::build_from(self.line, sources.path(), &jar)?;
        let mut command = self.command_with(binary, &jar)?;
        command.arg("--until-found").args(mend.profile.map(|profile| ["--profile", profile]).into_iter().flatten());
        command.stdout(Stdio::piped());
        let line = setup::announce(&command);
        let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
        let mut told = None;
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line.context("cannot read what the certificate says")?;
                println!("{line}");
                // What an earlier one told was no difference: Spark alone answered differently from time to time.
                told = line.strip_prefix(DIFFERENCE).map(|it| it.split(": ").next().unwrap_or(it).to_owned()).or(told);
            }
        }
        let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
        let _ = fs::remove_file(&jar);
        match status.code() {
            Some(0) => Ok(None),
            Some(1) if told.is_some() => Ok(told),
            _ => bail!("`{line}` ended with {status}"),
        }
    }
}

/// Every mend, one after another.
pub(crate) const ALL: &str = "all";

/// Where it keeps how far it is, and what it finds.
fn folder() -> Result<PathBuf> {
    let folder = paths::target().join("soak");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    Ok(folder)
}
