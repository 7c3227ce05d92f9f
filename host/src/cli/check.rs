//! `sparkwright check`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use sparkwright_policy::{Diagnostic, Severity, render};

use super::failure::WRONG_INPUT;
use super::{Failure, print};
use crate::launch::{history_file, policy_source};

/// Finds mistakes in a policy file, in every environment of it.
#[derive(Debug, Args)]
pub struct Check {
    /// The policy file.
    file: PathBuf,
    /// Earlier runs of the job, a JSON file of runs: is the target time above what no number of executors shortens?
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// End with 1 when there are warnings.
    #[arg(long)]
    strict: bool,
    /// Print the findings as one JSON array.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (file, mut found) = policy_source::read(Some(&self.file))?;
        let names: Vec<Option<String>> = file.environments().map(|name| Some(name.to_owned())).collect();
        for name in if names.is_empty() { vec![None] } else { names } {
            if let Err(more) = file.resolve(name.as_deref(), &[]) {
                for diagnostic in more {
                    if !found.contains(&diagnostic) {
                        found.push(diagnostic);
                    }
                }
            }
        }
        found.extend(file.lint());
        if let Some(history) = &self.history {
            found.extend(file.lint_history(&history_file::read(history)?));
        }
        let of = |severity| found.iter().filter(|it| it.severity == severity).count();
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        if self.json {
            print(&(serde_json::to_string_pretty(&found)? + "\n"));
        } else {
            let colour = std::io::stdout().is_terminal();
            for diagnostic in &found {
                print(&format!("{}\n", render(diagnostic, colour).trim_end()));
            }
            print(&summary(&self.file.display().to_string(), &found, file.environments().count()));
        }
        Ok(match (errors, warnings) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(u8::from(self.strict)),
            _ => ExitCode::from(WRONG_INPUT),
        })
    }
}

fn summary(file: &str, found: &[Diagnostic], environments: usize) -> String {
    let of = |severity| found.iter().filter(|it| it.severity == severity).count();
    let counted = |count: usize, word: &str| if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") };
    match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => format!("{file}: fine, {}\n", counted(environments, "environment")),
        (errors, warnings) => format!("{file}: {}, {}\n", counted(errors, "error"), counted(warnings, "warning")),
    }
}
