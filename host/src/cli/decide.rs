//! `sparkwright decide`, which the Python package starts where there is no application whose host it could ask.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::policy_options::{PolicyOptions, prepared_launch};
use crate::steering::{Mode, pipeline};

/// Answers a pipeline's questions, one JSON object a line on standard input and output. Started by the Python package; of no use by hand.
#[derive(Debug, Args)]
#[command(hide = true)]
pub struct Decide {
    #[command(flatten)]
    policy: PolicyOptions,
}

impl Decide {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let launch = self.policy.launch(Mode::Act)?;
        let prepared = prepared_launch(&launch)?;
        match pipeline::decide(launch, prepared, io::stdin().lock(), io::stdout().lock()) {
            // Who asked is gone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            done => done.map(|()| ExitCode::SUCCESS).map_err(Failure::from),
        }
    }
}
