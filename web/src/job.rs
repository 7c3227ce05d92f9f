//! The job that is explored: what the user fills in, as the address keeps it and as the policy is asked about it.

use sparkwright_core::facts::{
    ClusterFacts, History, JobFacts, Manager, NextUse, NextUseKind, NodeFacts, ProcessingType, StageType,
};
use sparkwright_core::launch::PlanLaunchInput;
use sparkwright_core::policy::OptimizationTarget;
use sparkwright_core::stage::PlanStageInput;
use sparkwright_core::trace::Grade;
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

/// The smallest size on the slider: 1 MB.
pub const LEAST_BYTES: f64 = 1e6;
/// The largest size on the slider: 100 TB.
pub const MOST_BYTES: f64 = 1e14;

/// A job that is explored.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// How much it reads.
    pub input_bytes: Option<Bytes>,
    /// What it mostly does.
    pub processing: ProcessingType,
    /// The pipeline's stage that is planned, where it is one.
    pub stage: Option<StageType>,
    /// What the run is to be good at, where that is not the policy's.
    pub target: Option<OptimizationTarget>,
    /// How often its main result is used.
    pub uses: Option<u32>,
    /// Rows of its data.
    pub rows: Option<u64>,
    /// The largest group of its key over the median group.
    pub key_skew: Option<f64>,
    /// How its result is read next.
    pub next: Option<NextUseKind>,
    /// The machines, as `4x16x64GiB`; empty for a plan on paper.
    pub nodes: String,
    /// What starts executors.
    pub manager: Manager,
    /// Earlier runs.
    pub history: History,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            input_bytes: Some(Bytes(100_000_000_000)),
            processing: ProcessingType::General,
            stage: None,
            target: None,
            uses: None,
            rows: None,
            key_skew: None,
            next: None,
            nodes: String::new(),
            manager: Manager::Unstated,
            history: History::default(),
        }
    }
}

/// The managers that a plan on paper can be for.
pub const MANAGERS: [Manager; 4] = [Manager::Unstated, Manager::Standalone, Manager::Yarn, Manager::Kubernetes];

/// The manager of a word, where it is one of [`MANAGERS`]; else the one that says nothing.
#[must_use]
pub fn manager_of(word: &str) -> Manager {
    Manager::from_word(word).filter(|manager| MANAGERS.contains(manager)).unwrap_or_default()
}

impl Job {
    /// The machines; nothing where none are named.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn machines(&self) -> Result<Vec<NodeFacts>, String> {
        self.nodes.split([',', ' ']).filter(|part| !part.is_empty()).map(written_facts::nodes).collect()
    }

    /// The job from an address; what can't be read has its default.
    #[must_use]
    pub fn of_query(query: &[(String, String)]) -> Self {
        let mut job = Self::default();
        for (name, value) in query {
            match name.as_str() {
                "input" => job.input_bytes = written_facts::size(value).ok(),
                "type" => job.processing = ProcessingType::from_word(value).unwrap_or_default(),
                "stage" => job.stage = StageType::from_word(value),
                "target" => job.target = OptimizationTarget::from_word(value),
                "uses" => job.uses = value.parse().ok(),
                "rows" => job.rows = value.parse().ok(),
                "skew" => job.key_skew = value.parse().ok().filter(|skew: &f64| skew.is_finite() && *skew >= 1.0),
                "next" => job.next = NextUseKind::from_word(value),
                "nodes" => job.nodes.clone_from(value),
                "manager" => job.manager = manager_of(value),
                "history" => job.history = sparkwright_core::json::from_slice(value.as_bytes()).unwrap_or_default(),
                _ => {}
            }
        }
        job
    }

    /// The job as an address holds it: what differs from the default.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        let usual = Self::default();
        let mut query = Vec::new();
        let mut put = |name: &str, value: String| query.push((name.to_owned(), value));
        if self.input_bytes != usual.input_bytes {
            put("input", self.input_bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.get().to_string()));
        }
        if self.processing != usual.processing {
            put("type", self.processing.word().to_owned());
        }
        if let Some(stage) = self.stage {
            put("stage", stage.word().to_owned());
        }
        if let Some(target) = self.target {
            put("target", target.word().to_owned());
        }
        for (name, value) in [("uses", self.uses.map(u64::from)), ("rows", self.rows)] {
            if let Some(value) = value {
                put(name, value.to_string());
            }
        }
        if let Some(skew) = self.key_skew {
            put("skew", skew.to_string());
        }
        if let Some(next) = self.next {
            put("next", next.word().to_owned());
        }
        if !self.nodes.is_empty() {
            put("nodes", self.nodes.clone());
        }
        if self.manager != usual.manager {
            put("manager", self.manager.word().to_owned());
        }
        if self.history != usual.history {
            put("history", serde_json::to_string(&self.history).unwrap_or_default());
        }
        query
    }

    fn cluster(&self) -> ClusterFacts {
        ClusterFacts { manager: self.manager, nodes: self.machines().unwrap_or_default(), ..ClusterFacts::default() }
    }

    fn facts(&self) -> JobFacts {
        JobFacts {
            input_bytes: self.input_bytes,
            processing: self.processing,
            stage: self.stage,
            target: self.target,
            uses: self.uses,
            ..JobFacts::default()
        }
    }

    /// The question for the launch plan, as `sparkwright plan` asks it, at a time of day.
    #[must_use]
    pub fn launch_question(&self, now_ms: u64, utc_offset_minutes: i32) -> PlanLaunchInput {
        PlanLaunchInput {
            now_ms,
            utc_offset_minutes,
            job: self.facts(),
            cluster: self.cluster(),
            history: self.history.clone(),
            ..PlanLaunchInput::default()
        }
    }

    /// The question for a stage of a pipeline.
    #[must_use]
    pub fn stage_question(&self, now_ms: u64, utc_offset_minutes: i32) -> PlanStageInput {
        let next = self.next.map(|kind| NextUse {
            kind,
            stage: None,
            columns: vec!["key".to_owned()],
            key_skew: self.key_skew,
        });
        PlanStageInput {
            now_ms,
            utc_offset_minutes,
            job: self.facts(),
            data_grade: Grade::C,
            rows: self.rows,
            next: next.into_iter().collect(),
            key_skew: self.key_skew,
            cluster: self.cluster(),
            history: self.history.clone(),
            ..PlanStageInput::default()
        }
    }
}

/// A size's place on a slider from 0 to 1000, whose steps are even in the logarithm.
#[must_use]
pub fn slider_of(bytes: Bytes) -> u32 {
    let share = (bytes.get() as f64 / LEAST_BYTES).ln() / (MOST_BYTES / LEAST_BYTES).ln();
    (share.clamp(0.0, 1.0) * 1000.0).round() as u32
}

/// The size at a place of that slider, to three figures.
#[must_use]
pub fn bytes_at(slider: u32) -> Bytes {
    let bytes = LEAST_BYTES * (MOST_BYTES / LEAST_BYTES).powf(f64::from(slider.min(1000)) / 1000.0);
    let unit = 10_f64.powf(bytes.log10().floor() - 2.0);
    Bytes(((bytes / unit).round() * unit).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright_core::facts::PastRun;

    #[test]
    fn a_job_survives_the_address() {
        let job = Job {
            input_bytes: Some(Bytes(123_456_789)),
            processing: ProcessingType::Ml,
            stage: Some(StageType::ModelTraining),
            target: Some(OptimizationTarget::Speed),
            uses: Some(7),
            rows: Some(1_000),
            key_skew: Some(4.5),
            next: Some(NextUseKind::EquiJoin),
            nodes: "4x16x64GiB".into(),
            manager: Manager::Kubernetes,
            history: History {
                runs: vec![PastRun { executors: 4, run_ms: 90_000, ..PastRun::default() }],
                ..History::default()
            },
        };
        assert_eq!(Job::of_query(&job.query()), job);
        assert!(Job::default().query().is_empty());
        let unknown = Job { input_bytes: None, ..Job::default() };
        assert_eq!(Job::of_query(&unknown.query()), unknown);
    }

    #[test]
    fn rubbish_in_an_address_is_passed_over() {
        let query = ["input", "type", "stage", "uses", "skew", "nodes", "history"]
            .map(|name| (name.to_owned(), "\u{0}<script>".to_owned()));
        let job = Job::of_query(&query);
        assert_eq!((job.input_bytes, job.stage, job.uses, job.key_skew), (None, None, None, None));
        assert!(job.machines().is_err());
    }

    #[test]
    fn the_slider_goes_from_a_megabyte_to_a_hundred_terabytes() {
        assert_eq!((bytes_at(0), bytes_at(1000)), (Bytes(1_000_000), Bytes(100_000_000_000_000)));
        for place in [0, 1, 250, 500, 777, 1000] {
            assert!(slider_of(bytes_at(place)).abs_diff(place) <= 1, "{place}");
        }
        assert_eq!(slider_of(Bytes(0)), 0);
    }
}
