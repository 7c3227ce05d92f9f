//! `sparkwright decide`, which the Python package starts where there is no application whose host it could ask.

use std::io;

use clap::Args;

use super::policy_options::{PolicyOptions, prepared_launch};
use super::{Exit, Failure};
use crate::steering::{Mode, pipeline};

/// Answers the questions of a pipeline, one JSON object a line, on standard input and output. Started by the Python package.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Decide {
    #[command(flatten)]
    policy: PolicyOptions,
}

impl Decide {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let prepared = prepared_launch(&launch)?;
        match pipeline::decide(launch, prepared, io::stdin().lock(), io::stdout().lock()) {
            // Who asked is gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::new(format!("the first line is not what the Python package sends: {error}")))
            }
            Err(error) => Err(Failure::own_fault(format!(
                "can't talk to the Python package on standard input and output: {error}"
            ))),
            Ok(()) => Ok(Exit::Fine),
        }
    }
}
