//! `sparkwright schema`.

use std::process::ExitCode;

use clap::Args;

use super::{Failure, print};

/// Prints the JSON Schema of a policy file: editors complete and check policies by it.
#[derive(Debug, Args)]
#[command(after_help = "\
In an editor with the YAML language server, the first line of a policy file:
  # yaml-language-server: $schema=./sparkwright.schema.json
after
  sparkwright schema > sparkwright.schema.json")]
pub struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        print(&(serde_json::to_string_pretty(&sparkwright_policy::schema())? + "\n"));
        Ok(ExitCode::SUCCESS)
    }
}
