//! What the command says when it can't do what it was asked: one clear error, what to do about it, exit code 2.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use sparkwright_policy::{Diagnostic, render};

use crate::launch::policy_source::PolicyError;

/// Why a command ends without having done anything.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

/// The exit code for wrong input.
pub const WRONG_INPUT: u8 = 2;

impl Failure {
    /// A failure with what is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, diagnostics: Vec::new() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(self) -> ExitCode {
        let colour = std::io::stderr().is_terminal();
        for diagnostic in &self.diagnostics {
            eprintln!("{}", render(diagnostic, colour).trim_end());
        }
        if !self.message.is_empty() {
            eprintln!("error: {}", self.message);
        }
        if let Some(help) = self.help {
            eprintln!("  help: {help}");
        }
        ExitCode::from(WRONG_INPUT)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Wrong { diagnostics } => Self { message: String::new(), help: None, diagnostics },
            unreadable @ PolicyError::Unreadable { .. } => Self::new(unreadable.to_string())
                .help("name a policy file with --policy, or leave it out for the default policy"),
        }
    }
}

macro_rules! plain {
    ($($error:ty),*) => { $(impl From<$error> for Failure {
        fn from(error: $error) -> Self { Self::new(error.to_string()) }
    })* };
}
plain!(
    std::io::Error,
    crate::engine::EngineError,
    crate::launch::plan::PlanError,
    crate::record::ReadError,
    serde_json::Error
);

impl From<crate::launch::history_file::HistoryError> for Failure {
    fn from(error: crate::launch::history_file::HistoryError) -> Self {
        Self::new(error.to_string())
            .help(r#"a history is JSON: {"runs": [{"executors": 4, "run_ms": 81000, "input_bytes": 1000000}]}"#)
    }
}

impl From<crate::launch::installation::NotInstalled> for Failure {
    fn from(error: crate::launch::installation::NotInstalled) -> Self {
        Self::new(error.to_string()).help(error.help())
    }
}
