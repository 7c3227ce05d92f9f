//! `sparkwright check`.

use std::path::PathBuf;

use clap::Args;
use sparkwright_policy::{Diagnostic, Severity};

use super::terminal::{Stream, counted, print, print_json, tell_diagnostics};
use super::{Exit, Failure};
use crate::launch::{history_file, policy_source};

/// Checks a policy file in each of its environments.
///
/// It reports errors (unknown keys, wrong values, conditions that can't work), warnings (settings without effect) and notes (settings that
/// are active only in production).
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 no errors, 1 warnings under --strict, 2 errors, or the file can't be read.")]
pub struct Check {
    /// Policy file.
    file: PathBuf,
    /// Earlier runs of a job, as `sparkwright history` prints them: can the target time be met?
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Exit with 1 if there are warnings.
    #[arg(long)]
    strict: bool,
    /// Print the findings as a JSON array.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (file, mut found) = policy_source::read(Some(&self.file))?;
        found.extend(file.lint());
        if let Some(history) = &self.history {
            found.extend(file.lint_history(&history_file::read(history)?));
        }
        let of = |severity| found.iter().filter(|it| it.severity == severity).count();
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        if self.json {
            print_json(&found)?;
        } else {
            tell_diagnostics(Stream::Out, &found);
            print(&summary(&self.file.display().to_string(), &found, file.environments().count()));
        }
        Ok(match (errors, warnings) {
            (0, 0) => Exit::Fine,
            (0, _) if self.strict => Exit::Findings,
            (0, _) => Exit::Fine,
            _ => Exit::WrongInput,
        })
    }
}

/// `config.yaml: 1 error; 2 warnings`, without what there is none of.
fn summary(file: &str, found: &[Diagnostic], environments: usize) -> String {
    let kinds = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Advice, "note")];
    let count = |severity| found.iter().filter(|it| it.severity == severity).count();
    let told: Vec<String> = kinds
        .into_iter()
        .map(|(severity, word)| (count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    let environments = counted(environments, "environment");
    if told.is_empty() {
        format!("{file}: no problems, {environments}\n")
    } else {
        format!("{file}: {}, {environments}\n", told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_what_there_is() {
        let text = "environments:\n  staging: {}\n  production: {optimization: {autoscaling: {max_executers: 3}}}\n";
        let (_, one) = sparkwright_policy::parse("p.yaml", text);
        assert_eq!(summary("p.yaml", &one, 2), "p.yaml: 1 error, 2 environments\n");
        let two =
            [one.clone(), one.iter().cloned().map(|it| Diagnostic { severity: Severity::Advice, ..it }).collect()];
        assert_eq!(summary("p.yaml", &two.concat(), 1), "p.yaml: 1 error; 1 note, 1 environment\n");
        assert_eq!(summary("p.yaml", &[], 0), "p.yaml: no problems, 0 environments\n");
    }
}
