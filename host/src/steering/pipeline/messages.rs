//! What pipeline and host say to each other: one JSON object a line, an answer for each request. `host/spark-plugin/PROTOCOL.md`,
//! section "Connection 3: pipeline", is the reference.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sparkwright_core::abi::codes;
use sparkwright_core::error::ErrorBody;
use sparkwright_policy::{Diagnostic, render};

use crate::engine::EngineError;
use crate::file_error::FileError;
use crate::launch::policy_source::PolicyError;

/// The first line of the host.
#[derive(Debug, Serialize)]
#[serde(tag = "sparkwright", rename_all = "lowercase")]
pub(super) enum Greeting {
    /// Requests are answered.
    Welcome {
        /// `act`, `shadow` or `off`.
        mode: &'static str,
        /// The host's version.
        version: &'static str,
    },
    /// The connection ends.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What a pipeline wants.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Request {
    /// Resolve the policy that the further requests go by.
    Open(OpenRequest),
    /// Decide.
    Ask(AskRequest),
    /// A declared stage begins.
    Begin(BeginRequest),
    /// It has ended.
    End {
        /// Its name.
        stage: String,
    },
    /// What came of a decision.
    Outcome {
        /// The decision's number in the run's record.
        number: u64,
        /// Whether it was carried out.
        applied: bool,
        /// What came of it, in a sentence.
        outcome: String,
    },
    /// Make a folder for Spark's event log, for an application that this pipeline is about to start.
    EventLog {
        /// The folder of the records of runs, by its absolute path.
        record: PathBuf,
        /// The user's Spark configurations.
        confs: BTreeMap<String, String>,
    },
    /// Say what the lessons of earlier runs teach an application that this pipeline is about to start.
    History {
        /// The address of the store; what the environment or the policy says if absent.
        store: Option<String>,
        /// The job that it is a run of.
        job: Option<String>,
        /// The application's name, as it is configured.
        application: Option<String>,
        /// Its master.
        #[serde(default)]
        master: Option<String>,
    },
    /// Take back everything that this connection set.
    Close {},
}

/// See [`Request::Open`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OpenRequest {
    /// A policy file, by its absolute path; the host's own when absent.
    pub(super) policy: Option<PathBuf>,
    /// The environment; with the host's own policy the host's, else the file's default, when absent.
    pub(super) environment: Option<String>,
    /// The shape of an `optimization` block, the highest layer.
    #[serde(rename = "override")]
    pub(super) change: Option<Value>,
}

/// See [`Request::Ask`].
#[derive(Debug, Deserialize)]
pub(super) struct AskRequest {
    /// The decision point's name.
    pub(super) point: String,
    /// Its question; what the host knows itself may be left out.
    #[serde(default)]
    pub(super) input: Option<Value>,
    /// What it is about, as a stage's name.
    #[serde(default)]
    pub(super) subject: Option<String>,
    /// Whether the answer goes into the run's record.
    #[serde(default)]
    pub(super) record: Option<bool>,
    /// A layer above the connection's policy, for this question only.
    #[serde(default, rename = "override")]
    pub(super) change: Option<Value>,
}

/// See [`Request::Begin`].
#[derive(Debug, Deserialize)]
pub(super) struct BeginRequest {
    /// The stage's name.
    pub(super) stage: String,
    /// The executors that it was planned with; absent where it wants none in particular.
    #[serde(default)]
    pub(super) executors: Option<u32>,
    /// The number of that decision in the run's record.
    #[serde(default)]
    pub(super) executors_decision: Option<u64>,
    /// Session confs for the stage, by key.
    #[serde(default)]
    pub(super) confs: Option<BTreeMap<String, Value>>,
}

/// Why a request has no answer.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Refusal(Box<Problem>);

#[derive(Debug, Default, Serialize)]
struct Problem {
    /// The kind of error, in a word that programs may rely on.
    code: &'static str,
    /// What is wrong, for people.
    message: String,
    /// What to do about it.
    help: Option<String>,
    /// Where in the input it is.
    path: Option<String>,
    /// The policy module's own word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
    /// What is wrong with a policy, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<Value>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Problem { code, message: message.into(), ..Problem::default() }.into()
    }

    /// A request that is not in the protocol, or not at this point.
    pub(super) fn protocol(message: impl Into<String>) -> Self {
        Self::new("protocol", message)
    }

    /// There is no decision, because the policy module can't be used.
    pub(super) fn module(message: impl Into<String>) -> Self {
        Self::new("module", message)
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }
}

/// A file can't be made.
impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        Self::new("file", error.to_string())
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

/// The policy module failed, or there is none.
impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::PolicyRefused(body) => Self::new("policy", body.to_string()),
            error => Self::new("module", error.to_string()),
        }
    }
}

impl From<ErrorBody> for Refusal {
    fn from(body: ErrorBody) -> Self {
        let code = if body.code == codes::DENIED { "denied" } else { "refused" };
        Problem { code, message: body.message, path: body.path, reason: Some(body.code), ..Problem::default() }.into()
    }
}

impl From<PolicyError> for Refusal {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Wrong { diagnostics } => {
                let first = diagnostics.first();
                let message =
                    first.map_or_else(|| "the policy can't be used".to_owned(), |first| first.message.clone());
                let help = first.map(|first| first.help.clone()).filter(|help| !help.is_empty());
                let path = first.map(|first| first.path.clone()).filter(|path| !path.is_empty());
                let diagnostics = diagnostics.iter().map(rendered).collect();
                Problem { code: "policy", message, help, path, diagnostics, ..Problem::default() }.into()
            }
            unreadable @ PolicyError::Unreadable { .. } => Self::new("policy", unreadable.to_string())
                .help("name a policy file that can be read, or none for the host's own policy"),
        }
    }
}

/// A diagnostic with the text that people read.
fn rendered(diagnostic: &Diagnostic) -> Value {
    let mut json = serde_json::to_value(diagnostic).unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        members.insert("rendered".to_owned(), render(diagnostic, false).trim_end().into());
    }
    json
}

/// The line of an answer.
pub(super) fn answer_line(id: &Value, answer: &Result<Value, Refusal>) -> Vec<u8> {
    let reply = match answer {
        Ok(ok) => json!({"id": id, "ok": ok}),
        Err(error) => json!({"id": id, "error": error}),
    };
    let mut line = reply.to_string().into_bytes();
    line.push(b'\n');
    line
}
