//! `sparkwright compile`, which every other command starts to compile a policy module of others.

use clap::Args;

use super::{Exit, Failure};
use crate::engine::compiler;

/// Compiles the policy module on standard input to standard output, in bounded time and memory. Started by Sparkwright itself.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Compile {
    /// For an engine that counts fuel.
    #[arg(long)]
    metered: bool,
    /// For an engine that has no address space to reserve.
    #[arg(long)]
    rationed: bool,
}

impl Compile {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match compiler::from_stdin(self.metered, self.rationed) {
            Ok(true) => Ok(Exit::Fine),
            Ok(false) => Ok(Exit::WrongInput),
            Err(error) => Err(Failure::own_fault(format!("can't compile a module from standard input: {error}"))),
        }
    }
}
