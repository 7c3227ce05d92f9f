//! The one place where an error becomes what the user reads: what is wrong with its cause, what to do about it, and the exit code.

use std::error::Error;
use std::io::ErrorKind;
use std::process::ExitCode;

use sparkwright_core::abi::codes;
use sparkwright_core::error::ErrorBody;
use sparkwright_policy::Diagnostic;

use super::terminal::{Stream, tell_diagnostics, tell_error};
use crate::cleaning::CleanError;
use crate::engine::EngineError;
use crate::file_error::FileError;
use crate::launch::history_file::HistoryError;
use crate::launch::installation::NotInstalled;
use crate::launch::plan::PlanError;
use crate::launch::policy_source::PolicyError;
use crate::record::ReadError;
use crate::review::EventLogError;
use crate::web::WebError;

/// How a command ends. `submit` ends with the application's own code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is fine.
    Fine = 0,
    /// The command did its work and found something that should be looked at: warnings under `--strict`, failed tests, leftovers.
    Findings = 1,
    /// What was given can't be used, and nothing was started.
    WrongInput = 2,
    /// Sparkwright or the policy module failed.
    OwnFault = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    help: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// What was given can't be used.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::WrongInput, message: message.into(), help: None, diagnostics: Vec::new() }
    }

    /// Sparkwright or the policy module failed.
    pub fn own_fault(message: impl Into<String>) -> Self {
        Self { exit: Exit::OwnFault, ..Self::new(message) }
    }

    /// What was given can't be used, by an error and its causes.
    fn of(error: &dyn Error) -> Self {
        Self::new(with_causes(error))
    }

    /// Adds what to do about it, in place of what was there.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn maybe_help(self, help: Option<&str>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(self) -> Exit {
        tell_diagnostics(Stream::Err, &self.diagnostics);
        let report = "this is a fault of Sparkwright or of the policy module: please report it with this message";
        let help = self.help.as_deref().or((self.exit == Exit::OwnFault).then_some(report));
        if !self.message.is_empty() {
            tell_error(&self.message, help);
        }
        self.exit
    }
}

/// An error with its causes, each said once: many errors have their cause in their own words.
fn with_causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !told.contains(&words) {
            told.push_str(": ");
            told.push_str(&words);
        }
        cause = next.source();
    }
    told
}

/// What to do about a file that can't be used.
const fn next_step(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::NotFound => Some("check the path; a relative path starts in the current folder"),
        ErrorKind::PermissionDenied => Some("check the permissions of the file and of the folders above it"),
        ErrorKind::IsADirectory => Some("name a file, not a folder"),
        ErrorKind::NotADirectory => Some("check the path: a part of it that should be a folder is a file"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("free space on that disk, or name a folder elsewhere")
        }
        ErrorKind::ReadOnlyFilesystem => Some("name a folder that can be written to"),
        _ => None,
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::of(&error).maybe_help(next_step(error.kind()))
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Wrong { diagnostics } => Self { diagnostics, ..Self::new("") },
            PolicyError::Unreadable { ref source, .. } => Self::of(&error).maybe_help(next_step(source.kind())),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let told = Self::of(&error);
        match error {
            EngineError::InputTooLarge { .. } => told.help("give fewer facts, as a shorter history"),
            EngineError::PolicyRefused(body) => Self::from(body),
            EngineError::NotCompiled { .. } => told,
            _ if error.is_refusal() => told.help(
                "`sparkwright inspect FILE.wasm` shows what a module is; without --module the built-in one decides",
            ),
            _ => Self { exit: Exit::OwnFault, ..told },
        }
    }
}

impl From<ErrorBody> for Failure {
    /// What a policy module answered instead of a decision.
    fn from(body: ErrorBody) -> Self {
        match body.code.as_ref() {
            codes::DENIED => Self::new(format!("the policy forbids this run: {}", body.message))
                .help("change what the rule asks for, or name another environment; nothing was started"),
            codes::ANSWER_TOO_LARGE
            | codes::UNKNOWN_HANDLE
            | codes::TOO_MANY_POLICIES
            | codes::UNSUPPORTED_DECISION_POINT
            | codes::UNKNOWN_DECISION_POINT => Self::own_fault(format!("the policy module failed: {body}")),
            _ => Self::new(body.to_string()),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Refused(body) => body.into(),
            PlanError::Module(error) => error.into(),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let told = Self::of(&error);
        match &error {
            ReadError::NoSuchRun { .. } => {
                told.help("`sparkwright runs` lists the runs; --record names the folder that holds them")
            }
            ReadError::Io { source, .. } => told.maybe_help(next_step(source.kind())),
            ReadError::NotARun { .. } => told.help("name a run that `sparkwright runs` lists, or its folder"),
        }
    }
}

impl From<EventLogError> for Failure {
    fn from(error: EventLogError) -> Self {
        Self::of(&error)
            .help("name a run, or an event log of Spark: a file, a zip or a rolling folder, compressed or not")
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        let told = Self::of(&error);
        match &error {
            HistoryError::Io { source, .. } => told.maybe_help(next_step(source.kind())),
            HistoryError::Form { .. } | HistoryError::Empty { .. } => told.help(
                r#"`sparkwright history RUN...` prints one: {"runs": [{"executors": 4, "run_ms": 81000, "input_bytes": 1000000}]}"#,
            ),
        }
    }
}

impl From<NotInstalled> for Failure {
    fn from(error: NotInstalled) -> Self {
        Self::of(&error).help(error.help())
    }
}

impl From<CleanError> for Failure {
    fn from(error: CleanError) -> Self {
        Self::of(&error).help("--warehouse names the folder that spark.sql.warehouse.dir names")
    }
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        match error {
            WebError::Policy(error) => error.into(),
            WebError::Port { port: 1.., .. } => {
                Self::of(&error).help("leave --port out for a free one, or name another")
            }
            WebError::Port { .. } | WebError::Page(_) | WebError::System(_) => {
                Self { exit: Exit::OwnFault, ..Self::of(&error) }
            }
        }
    }
}

impl From<serde_json::Error> for Failure {
    /// Only for JSON of our own or of the module's; that of files is read where the file is known.
    fn from(error: serde_json::Error) -> Self {
        Self::own_fault(format!("an answer is not the JSON that it should be: {error}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::launch::{history_file, policy_source};
    use crate::record;

    fn io_error(kind: ErrorKind) -> io::Error {
        io::Error::from(kind)
    }

    /// What is said, the next step, and the exit code.
    fn told(failure: impl Into<Failure>) -> (String, String, Exit) {
        let Failure { exit, message, help, .. } = failure.into();
        (message, help.unwrap_or_default(), exit)
    }

    #[test]
    fn each_error_says_what_why_and_what_next() {
        let absent = Path::new("/nowhere/file");
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("history.json");
        std::fs::write(&broken, "[{]").unwrap();
        let timed_out = || EngineError::TimedOut { call: "eval", limit_ms: 100 };
        let cases: Vec<(Failure, &[&str], &str, Exit)> = vec![
            (
                FileError::of("read the module", absent)(io_error(ErrorKind::NotFound)).into(),
                &["can't read the module `/nowhere/file`", "entity not found"],
                "check the path",
                Exit::WrongInput,
            ),
            (
                FileError::of("write", absent)(io_error(ErrorKind::PermissionDenied)).into(),
                &["can't write `/nowhere/file`", "permission denied"],
                "permissions",
                Exit::WrongInput,
            ),
            (
                policy_source::read(Some(absent)).unwrap_err().into(),
                &["/nowhere/file", "No such file"],
                "check the path",
                Exit::WrongInput,
            ),
            (
                history_file::read(absent).unwrap_err().into(),
                &["/nowhere/file", "No such file"],
                "check the path",
                Exit::WrongInput,
            ),
            (
                history_file::read(&broken).unwrap_err().into(),
                &["history.json", "line 1 column 3"],
                "sparkwright history",
                Exit::WrongInput,
            ),
            (
                record::find(folder.path(), "app-7").unwrap_err().into(),
                &["app-7", "no run was recorded there yet"],
                "sparkwright runs",
                Exit::WrongInput,
            ),
            (
                record::read(folder.path()).unwrap_err().into(),
                &["run.json", "No such file"],
                "check the path",
                Exit::WrongInput,
            ),
            (timed_out().into(), &["still running in `eval` after 100 ms"], "", Exit::OwnFault),
            (PlanError::Module(timed_out()).into(), &["still running"], "", Exit::OwnFault),
            (
                EngineError::NotAModule { found: "a PDF" }.into(),
                &["a PDF, not a WebAssembly module"],
                "sparkwright inspect",
                Exit::WrongInput,
            ),
            (
                ErrorBody::new(codes::DENIED, "ask first (rule `budget`)").into(),
                &["the policy forbids this run: ask first (rule `budget`)"],
                "another environment",
                Exit::WrongInput,
            ),
            (
                ErrorBody::new(codes::UNKNOWN_HANDLE, "7").at("x").into(),
                &["the policy module failed", "`x`: 7"],
                "",
                Exit::OwnFault,
            ),
            (
                EngineError::PolicyRefused(ErrorBody::new(codes::BAD_POLICY, "no key").at("a.b")).into(),
                &["`a.b`: no key"],
                "",
                Exit::WrongInput,
            ),
            (
                CleanError::Missing(PathBuf::from("absent")).into(),
                &["there is no folder absent"],
                "spark.sql.warehouse.dir",
                Exit::WrongInput,
            ),
            (
                WebError::Port { port: 80, source: io_error(ErrorKind::PermissionDenied) }.into(),
                &["port 80 can't be listened on", "permission denied"],
                "--port",
                Exit::WrongInput,
            ),
            (
                WebError::System(io_error(ErrorKind::OutOfMemory)).into(),
                &["the page can't be served", "out of memory"],
                "",
                Exit::OwnFault,
            ),
            (serde_json::from_str::<u8>("x").unwrap_err().into(), &["line 1 column 1"], "", Exit::OwnFault),
        ];
        for (failure, parts, next, exit) in cases {
            let (message, help, found) = told(failure);
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
            assert!(help.contains(next), "{message}: {help}");
            assert_eq!(found, exit, "{message}");
        }
    }

    #[test]
    fn a_cause_is_said_once_however_deep_it_is() {
        #[derive(Debug, thiserror::Error)]
        #[error("outside")]
        struct Outside(#[source] FileError);
        let error = Outside(FileError::of("open", Path::new("a"))(io_error(ErrorKind::NotFound)));
        assert_eq!(with_causes(&error), "outside: can't open `a`: entity not found");
    }
}
