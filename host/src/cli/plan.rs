//! `sparkwright plan`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use sparkwright_core::decision::{Answer as _, Listed};
use sparkwright_core::facts::{ClusterFacts, History, JobFacts, NodeFacts, ProcessingType, StageType};
use sparkwright_core::launch::{CandidatePlan, ClusterCandidate, PlanLaunchAnswer, PlanLaunchInput};
use sparkwright_core::lesson;
use sparkwright_core::policy::{OptimizationTarget, ResolvedPolicy};
use sparkwright_core::steering::STORE_ANSWERS_WITHIN_MS;
use sparkwright_core::trace::{render_micros, render_ms};
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::store_options::{StoreOptions, tell_unread};
use super::terminal::{note, print, print_json, table};
use super::{Exit, Failure};
use crate::clock;
use crate::launch::history_file;
use crate::launch::input_files::InputFiles;
use crate::launch::plan::plan_launch;
use crate::steering::Mode;

/// Plans a job without starting it: executors, memory, partitions and Spark configurations, and why.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    policy: PolicyOptions,
    /// Input size, as 100GB, 1.5TB or 64MiB (1 GB is 10^9 bytes, 1 GiB is 2^30).
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
    /// Workload of the job.
    #[arg(long = "type", value_name = "WORKLOAD", value_enum, default_value_t = TypeWord::General)]
    processing: TypeWord,
    /// What to optimize for; the policy's `optimization_target` if not given.
    #[arg(long, value_parser = target())]
    target: Option<OptimizationTarget>,
    /// Plan this stage of a pipeline; it decides the workload.
    #[arg(long, value_name = "STAGE", value_enum)]
    stage_type: Option<StageWord>,
    /// File or folder on this machine that the job reads; its file sizes give the input size and the number of tasks. Repeatable.
    #[arg(long, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// Earlier runs of the job, as `sparkwright history` prints them.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOptions,
    /// Job whose lessons in the store the plan goes by.
    #[arg(long, value_name = "NAME", conflicts_with = "history")]
    job: Option<String>,
    /// Cluster to choose from, as large=20x16x64GiB@0.40: name, machines, cores and memory of each, price of an executor-hour. Repeatable.
    #[arg(long = "candidate", value_name = "NAME=NODES[@PRICE]", value_parser = written_facts::candidate)]
    candidates: Vec<ClusterCandidate>,
    /// How many times the main result is read.
    #[arg(long, value_name = "TIMES")]
    uses: Option<u32>,
    /// Worker machines: 4x16x64GiB is 4 machines with 16 cores and 64 GiB each. Repeatable.
    #[arg(long, value_name = "NODES", value_parser = written_facts::nodes)]
    nodes: Vec<NodeFacts>,
    /// Spark master to plan for, as spark://host:7077; without it no cluster is assumed.
    #[arg(long, value_name = "URL")]
    master: Option<String>,
    /// Add what each value was computed from: inputs, formula, bounds, and what would change it.
    #[arg(long)]
    why: bool,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypeWord {
    Ml,
    Etl,
    Query,
    General,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum StageWord {
    DataLoading,
    Preprocessing,
    FeatureSelection,
    ModelTraining,
    Prediction,
    Evaluation,
}

impl Plan {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let prepared = prepared_launch(&launch)??;
        let mut cluster = match &self.master {
            Some(master) => crate::launch::cluster::cluster_facts(master, "", false, Default::default()),
            None => ClusterFacts::default(),
        };
        if !self.nodes.is_empty() {
            cluster.nodes.clone_from(&self.nodes);
        }
        let files = self.files()?;
        let mut facts = PlanLaunchInput {
            job: JobFacts {
                input_bytes: self.input_bytes,
                processing: match self.processing {
                    TypeWord::Ml => ProcessingType::Ml,
                    TypeWord::Etl => ProcessingType::Etl,
                    TypeWord::Query => ProcessingType::Query,
                    TypeWord::General => ProcessingType::General,
                },
                stage: self.stage_type.map(|stage| match stage {
                    StageWord::DataLoading => StageType::DataLoading,
                    StageWord::Preprocessing => StageType::Preprocessing,
                    StageWord::FeatureSelection => StageType::FeatureSelection,
                    StageWord::ModelTraining => StageType::ModelTraining,
                    StageWord::Prediction => StageType::Prediction,
                    StageWord::Evaluation => StageType::Evaluation,
                }),
                target: self.target,
                uses: self.uses,
                ..JobFacts::default()
            },
            cluster,
            now_ms: clock::now_ms(),
            utc_offset_minutes: clock::utc_offset_minutes(),
            labels: launch.labels.clone(),
            history: self.history(&launch.policy)?,
            candidates: self.candidates.clone(),
        };
        files.describe(&mut facts.job);
        let plan = plan_launch(&prepared, &facts)?;
        if self.json {
            print_json(&Listed::of(&plan, &launch.policy.cost.currency))?;
        } else {
            print(&text(&plan, &launch.policy.cost.currency, self.why));
        }
        Ok(Exit::Fine)
    }

    /// What is known of earlier runs of the job.
    fn history(&self, policy: &ResolvedPolicy) -> Result<History, Failure> {
        if let Some(job) = &self.job {
            let read = self.store.required(policy, STORE_ANSWERS_WITHIN_MS)?.lessons(job)?;
            tell_unread(read.unread);
            if read.lessons.is_empty() {
                note(&format!("no run of `{job}` has left a lesson in this store"));
            }
            return Ok(lesson::history(&read.lessons));
        }
        if self.store.is_given() {
            return Err(Failure::new("--store is given, and no job")
                .help("name the job with --job: `sparkwright jobs` lists those of the store"));
        }
        Ok(self.history.as_deref().map(history_file::read).transpose()?.unwrap_or_default())
    }

    /// The files that the job reads.
    fn files(&self) -> Result<InputFiles, Failure> {
        let mut files = InputFiles::none();
        for path in &self.input {
            files.add(path).map_err(|error| {
                Failure::from(error).help("name a file or folder on this machine, or only the size with --input-bytes")
            })?;
        }
        Ok(files)
    }
}

/// The plan as people read it: a table of its decisions, the configurations to copy, and where asked for the trace of each.
fn text(plan: &PlanLaunchAnswer, currency: &str, why: bool) -> String {
    let decisions = plan.decisions();
    let mut table = table(["what", "value", "how sure", "why"]);
    for made in &decisions {
        table.add_row([
            made.title.to_owned(),
            made.text(currency),
            format!("{:?}: {}", made.grade, made.grade.meaning()),
            made.trace.why(),
        ]);
    }
    let mut text = format!("{table}\n");
    if let Some(choice) = &plan.clusters {
        text.push_str(&format!("\nClusters\n{}", candidates_table(&choice.candidates, currency)));
    }
    if !plan.confs.is_empty() {
        text.push_str("\nSpark configurations\n");
        for (key, conf) in &plan.confs {
            text.push_str(&format!("  --conf {key}={}\n", conf.value));
        }
    }
    if why {
        text.push_str("\nWhy\n");
        for made in &decisions {
            text.push_str(&format!("\n{}: {}\n{}", made.title, made.text(currency), made.trace.render("  ")));
        }
    } else {
        text.push_str("\n`--why` adds what each value was computed from.\n");
    }
    text
}

/// What the job would be on each cluster.
fn candidates_table(candidates: &[CandidatePlan], currency: &str) -> String {
    let mut table = table(["cluster", "executors", "run time", "cost", "in time", "in budget"]);
    let mut refusals = String::new();
    for plan in candidates {
        if let Some(why) = &plan.refused {
            table.add_row([plan.name.as_str(), "does not fit", "", "", "", ""]);
            refusals.push_str(&format!("    {}: {why}\n", plan.name));
            continue;
        }
        let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        table.add_row([
            plan.name.clone(),
            plan.executors.to_string(),
            plan.run_ms.map_or_else(|| "unknown".to_owned(), render_ms),
            plan.micros.map_or_else(String::new, |micros| format!("{} {currency}", render_micros(micros))),
            word(plan.in_time),
            word(plan.in_budget),
        ]);
    }
    format!("{table}\n{refusals}")
}

fn target() -> impl TypedValueParser<Value = OptimizationTarget> {
    let words = PossibleValuesParser::new(OptimizationTarget::WORDS);
    words.try_map(|word| OptimizationTarget::from_word(&word).ok_or("not an optimization target"))
}

#[cfg(test)]
mod tests {
    use sparkwright_core::policy::ResolvedPolicy;

    use super::*;

    #[test]
    fn the_table_has_each_decision_and_the_configurations_to_copy() {
        let mut policy = ResolvedPolicy::default();
        policy.cost.executor_hour_price = Some(0.5);
        let mut facts = PlanLaunchInput::default();
        facts.job.input_bytes = Some(Bytes::gib(100));
        facts.cluster.python = true;
        facts.cluster.spark_version = "4.3.0".to_owned();
        let plan = sparkwright_core::launch::plan_launch(&policy, &facts).unwrap();
        let (table, whole) = (text(&plan, "EUR", false), text(&plan, "EUR", true));
        assert!(plan.decisions().len() >= 14, "{table}");
        for made in plan.decisions() {
            assert!(table.contains(made.title), "{} in {table}", made.title);
            assert!(!table.contains(&format!("rule {}", made.trace.rule)), "{table}");
            assert!(whole.contains(&format!("{}: {}", made.title, made.text("EUR"))), "{} in {whole}", made.title);
            assert!(whole.contains(&*made.trace.rule), "{whole}");
        }
        for (key, conf) in &plan.confs {
            assert!(table.contains(&format!("--conf {key}={}", conf.value)), "{key} in {table}");
        }
    }
}
