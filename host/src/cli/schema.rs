//! `sparkwright schema`.

use std::process::ExitCode;

use clap::Args;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::schema;

use super::{Failure, print};

/// Prints a JSON Schema: of a policy file, by which editors complete and check it, or of a decision point's question or answer.
#[derive(Debug, Args)]
#[command(after_help = "\
In an editor with the YAML language server, the first line of a policy file:
  # yaml-language-server: $schema=./sparkwright.schema.json
after
  sparkwright schema > sparkwright.schema.json")]
pub struct Schema {
    /// `policy`, or a decision point: plan_launch, plan_stage, plan_query, control, plan_cleanup or review.
    #[arg(default_value = "policy", value_parser = subject)]
    of: Subject,
    /// Of the answer, not of the question.
    #[arg(long)]
    answer: bool,
}

#[derive(Debug, Clone, Copy)]
enum Subject {
    Policy,
    Point(DecisionPoint),
}

fn subject(word: &str) -> Result<Subject, String> {
    if word == "policy" {
        return Ok(Subject::Policy);
    }
    DecisionPoint::ALL.into_iter().find(|point| point.name() == word).map(Subject::Point).ok_or_else(|| {
        let known: Vec<&str> = DecisionPoint::ALL.iter().map(|point| point.name()).collect();
        format!("`{word}` is none of policy, {}", known.join(", "))
    })
}

impl Schema {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let schema = match self.of {
            Subject::Policy if self.answer => {
                return Err(Failure::new("a policy file has no answer")
                    .help("name a decision point, as in `sparkwright schema plan_launch --answer`"));
            }
            Subject::Policy => sparkwright_policy::schema(),
            Subject::Point(point) if self.answer => schema::answer(point).into(),
            Subject::Point(point) => schema::question(point).into(),
        };
        print(&(serde_json::to_string_pretty(&schema)? + "\n"));
        Ok(ExitCode::SUCCESS)
    }
}
