//! `sparkwright plan`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use sparkwright_core::executor::run_time::RunTimeEstimate;
use sparkwright_core::facts::{ClusterFacts, JobFacts, NodeFacts, ProcessingType, StageType};
use sparkwright_core::launch::{CandidatePlan, ClusterCandidate, PlanLaunchAnswer, PlanLaunchInput};
use sparkwright_core::policy::OptimizationTarget;
use sparkwright_core::trace::{Decision, render_micros, render_ms};
use sparkwright_core::units::Bytes;
use sparkwright_policy::written_facts;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::{Failure, print};
use crate::clock;
use crate::launch::plan::plan_launch;
use crate::launch::{history_file, input_files};
use crate::steering::Mode;

/// What a job would start with, and why: the launch plan for given facts. Starts nothing.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    policy: PolicyOptions,
    /// How much the job reads, as 100GB, 1.5TB or 64MiB (GB are 10^9 bytes, GiB 2^30).
    #[arg(long, value_name = "SIZE", value_parser = written_facts::size)]
    input_bytes: Option<Bytes>,
    /// What the job mostly does.
    #[arg(long = "type", value_enum, default_value_t = TypeWord::General)]
    processing: TypeWord,
    /// What the run is to be good at; the policy's target when left out.
    #[arg(long, value_parser = target)]
    target: Option<OptimizationTarget>,
    /// The stage of a pipeline that is planned.
    #[arg(long, value_enum)]
    stage_type: Option<StageWord>,
    /// A file or folder on this machine that the job reads: its sizes say how much and in how many tasks; may be given more than once.
    #[arg(long, value_name = "PATH")]
    input: Vec<PathBuf>,
    /// Earlier runs of the job: a JSON file of runs.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// A cluster to choose from, as NAME=COUNTxCORESxMEMORY with the price of an executor-hour, as large=20x16x64GiB@0.40; may be given
    /// more than once.
    #[arg(long = "candidate", value_name = "NAME=NODES[@PRICE]", value_parser = written_facts::candidate)]
    candidates: Vec<ClusterCandidate>,
    /// How many times the main result is used.
    #[arg(long)]
    uses: Option<u32>,
    /// The machines, as COUNTxCORESxMEMORY: 4x16x64GiB.
    #[arg(long, value_name = "NODES", value_parser = written_facts::nodes)]
    nodes: Vec<NodeFacts>,
    /// The Spark master that the plan is for; a plan on paper when left out.
    #[arg(long)]
    master: Option<String>,
    /// Print one JSON object.
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
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let prepared = prepared_launch(&launch)??;
        let mut cluster = match &self.master {
            Some(master) => crate::launch::cluster::cluster_facts(master, "", false, Default::default()),
            None => ClusterFacts::default(),
        };
        if !self.nodes.is_empty() {
            cluster.nodes.clone_from(&self.nodes);
        }
        let facts = PlanLaunchInput {
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
                file_bytes: self.files()?,
                ..JobFacts::default()
            },
            cluster,
            now_ms: clock::now_ms(),
            utc_offset_minutes: clock::utc_offset_minutes(),
            labels: launch.labels.clone(),
            history: self.history.as_deref().map(history_file::read).transpose()?.unwrap_or_default(),
            candidates: self.candidates.clone(),
        };
        let plan = plan_launch(&prepared, &facts)?;
        if self.json {
            print(&(serde_json::to_string_pretty(&plan)? + "\n"));
        } else {
            print(&text(&plan, &launch.policy.cost.currency));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The sizes of the files that the job reads.
    fn files(&self) -> Result<Vec<Bytes>, Failure> {
        let mut all = Vec::new();
        for path in &self.input {
            let found = input_files::sizes(path).map_err(|error| {
                Failure::new(format!("the input can't be looked at: {error}"))
                    .help("name a file or folder on this machine, or the size alone with --input-bytes")
            })?;
            all.extend(found);
        }
        Ok(all)
    }
}

/// The plan as people read it.
fn text(plan: &PlanLaunchAnswer, currency: &str) -> String {
    let mut text = String::new();
    if let Some(choice) = &plan.clusters {
        section(&mut text, "cluster", &choice.cluster, choice.cluster.value.clone());
        text.push_str(&candidates_table(&choice.candidates, currency));
    }
    section(&mut text, "executors", &plan.executors, plan.executors.value.to_string());
    section(&mut text, "initial executors", &plan.initial_executors, plan.initial_executors.value.to_string());
    section(&mut text, "executor cores", &plan.executor_cores, plan.executor_cores.value.to_string());
    section(&mut text, "executor memory", &plan.executor_memory_bytes, plan.executor_memory_bytes.value.to_string());
    section(
        &mut text,
        "executor overhead",
        &plan.executor_overhead_bytes,
        plan.executor_overhead_bytes.value.to_string(),
    );
    section(&mut text, "driver memory", &plan.driver_memory_bytes, plan.driver_memory_bytes.value.to_string());
    section(&mut text, "shuffle partitions", &plan.shuffle_partitions, plan.shuffle_partitions.value.to_string());
    let cache = plan.cache.value.level.map_or("no", |level| level.word());
    section(&mut text, "cache", &plan.cache, cache.to_owned());
    let table = &plan.temp_table.value;
    let files = if table.files > 0 { format!(" of {} files", table.files) } else { String::new() };
    let kind = serde_json::to_value(table.kind).ok().and_then(|kind| kind.as_str().map(|word| word.replace('_', " ")));
    section(&mut text, "temp table", &plan.temp_table, format!("{}{files}", kind.unwrap_or_default()));
    if let Some(time) = &plan.run_time {
        let RunTimeEstimate { run_ms, low_ms, high_ms } = time.value;
        let interval = match (low_ms, high_ms) {
            (Some(low), Some(high)) => format!(", between {} and {}", render_ms(low), render_ms(high)),
            _ => String::new(),
        };
        section(&mut text, "run time", time, format!("{}{interval}", render_ms(run_ms)));
    }
    if let Some(cost) = &plan.cost {
        section(&mut text, "cost", cost, format!("{} {currency}", render_micros(cost.value.micros)));
    }
    text.push_str("spark configurations\n");
    for (key, conf) in &plan.confs {
        text.push_str(&format!("    --conf {key}={}\n        {}\n", conf.value, conf.because));
    }
    text
}

/// What the job would be on each cluster.
fn candidates_table(candidates: &[CandidatePlan], currency: &str) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    let mut refusals = String::new();
    table.set_header(["cluster", "executors", "run time", "cost", "in time", "in budget"]);
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

fn section<T>(text: &mut String, name: &str, decision: &Decision<T>, value: String) {
    let grade = decision.grade;
    text.push_str(&format!("{name}: {value}  [{grade:?}: {}]\n{}", grade.meaning(), decision.trace.render("    ")));
}

fn target(word: &str) -> Result<OptimizationTarget, String> {
    OptimizationTarget::from_word(word)
        .ok_or_else(|| format!("`{word}` is none of {}", OptimizationTarget::WORDS.join(", ")))
}
