//! `sparkwright schema`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::schema;

use super::terminal::print_json;
use super::{Exit, Failure};

/// Prints the JSON Schema of policy files, for editors, of a decision point's question or answer, or of the lessons of runs.
#[derive(Debug, Args)]
#[command(after_help = "\
For an editor with the YAML language server, write the schema beside the policy file:
  sparkwright schema > sparkwright.schema.json
and begin the policy file with:
  # yaml-language-server: $schema=./sparkwright.schema.json")]
pub struct Schema {
    /// What the schema is of: a policy file, a lesson or a decision point.
    #[arg(default_value = POLICY, value_parser = subject())]
    of: Subject,
    /// Print the schema of the answer, not of the question.
    #[arg(long)]
    answer: bool,
}

#[derive(Debug, Clone, Copy)]
enum Subject {
    Policy,
    Lesson,
    Point(DecisionPoint),
}

/// The word for a policy file.
const POLICY: &str = "policy";
/// The word for what a run leaves in a store.
const LESSON: &str = "lesson";

fn subject() -> impl TypedValueParser<Value = Subject> {
    let points = DecisionPoint::ALL.into_iter().map(DecisionPoint::name);
    PossibleValuesParser::new([POLICY, LESSON].into_iter().chain(points)).map(|word| {
        let other = if word == LESSON { Subject::Lesson } else { Subject::Policy };
        DecisionPoint::from_name(&word).map_or(other, Subject::Point)
    })
}

impl Schema {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let schema = match self.of {
            Subject::Policy | Subject::Lesson if self.answer => {
                let of = if matches!(self.of, Subject::Lesson) { "lesson" } else { "policy file" };
                return Err(Failure::new(format!("a {of} has no answer to print the schema of"))
                    .help("name a decision point, as in `sparkwright schema plan_launch --answer`"));
            }
            Subject::Policy => sparkwright_policy::schema(),
            Subject::Lesson => schema::lesson().into(),
            Subject::Point(point) if self.answer => schema::answer(point).into(),
            Subject::Point(point) => schema::question(point).into(),
        };
        print_json(&schema)?;
        Ok(Exit::Fine)
    }
}
