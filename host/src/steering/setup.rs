//! What a host is given to steer an application with.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparkwright_core::by_name::ByName;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::lesson::LearnedPlan;
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::units::Bytes;

use crate::lesson::Lessons;
use crate::record::PolicyIdentity;

/// The file in the socket's folder that says how the driver's process ended.
pub(super) const OUTCOME: &str = "outcome.json";
/// The file in the socket's folder with what the application has taught that failed.
pub(super) const LESSON: &str = "lesson.json";

/// The name of [`OUTCOME`] once the run's lesson is kept, or can't be.
pub(super) fn kept(outcome: &Path) -> PathBuf {
    outcome.with_extension("kept")
}

/// What steering does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decides and carries out.
    #[default]
    Act,
    /// Decides and records, changes nothing.
    Shadow,
    /// Does nothing.
    Off,
}

impl Mode {
    /// The mode's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Act => "act",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

/// What the host is given to steer an application with: made by `submit`, or by `serve` itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SteeringSetup {
    /// What steering does.
    pub mode: Mode,
    /// The policy.
    pub policy: ResolvedPolicy,
    /// Which policy that is.
    pub identity: PolicyIdentity,
    /// The SHA-256 that the policy file pins the module to.
    pub module_sha256: Option<String>,
    /// The module's file; the embedded one when absent.
    pub module: Option<PathBuf>,
    /// Single values that override the policy file's, as `autoscaling.max_executors=8`; `policy` has them already.
    #[serde(default)]
    pub set: Vec<String>,
    /// What the user says of the run, for the policy's rules.
    #[serde(default)]
    pub labels: ByName<String>,
    /// Where records go; none are kept when absent.
    pub record: Option<PathBuf>,
    /// Spark keys that `submit` added.
    pub own_confs: Vec<String>,
    /// The launch plan, where one was made.
    pub plan: Option<PlanLaunchAnswer>,
    /// What somebody said of the size of its input.
    #[serde(default)]
    pub input_bytes: Option<Bytes>,
    /// What went wrong before the application started.
    pub faults: Vec<String>,
    /// Where Spark writes its event log, when we asked it to.
    pub event_log_dir: Option<PathBuf>,
    /// The job that the run is one of, and the store where it leaves what it teaches; absent where there is none.
    #[serde(default)]
    pub lessons: Option<Lessons>,
    /// What earlier runs of the job showed of its queries.
    #[serde(default)]
    pub learned: Vec<LearnedPlan>,
    /// The file that says how the driver's process ended, once it has; absent where nobody waits for that.
    #[serde(default)]
    pub outcome: Option<PathBuf>,
    /// Whether the application may be run again where it dies of memory.
    #[serde(default)]
    pub retries: bool,
    /// The file where the host leaves what the run taught; absent where nobody waits for that.
    #[serde(default)]
    pub lesson: Option<PathBuf>,
}

impl SteeringSetup {
    /// Whether somebody named a store: who did is told what keeps a run from learning or teaching.
    #[must_use]
    pub fn named_store(&self) -> bool {
        self.lessons.as_ref().is_some_and(|lessons| lessons.store.named)
    }
}
