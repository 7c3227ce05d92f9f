//! `cargo xtask soak`: the long forms of the tests that draw, kill, flood and wait. `cargo xtask test` runs each of them once, briefly; what takes
//! minutes beside the second PySpark runs here only.

use anyhow::Result;
use clap::Args;

use crate::test::{self, Extent};

/// Repeats for hours what `cargo xtask test` does once: drawn cases, hostile modules and messages, faults, drivers killed.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How often everything is repeated.
    #[arg(long, default_value_t = 4)]
    rounds: u32,
    /// Cases that each property of the core and of the policy reader is tried on in a round.
    #[arg(long, default_value_t = 20_000)]
    cases: u32,
}

impl Soak {
    pub(crate) fn run(self) -> Result<()> {
        test::soak(&Extent { rounds: self.rounds, cases: self.cases })
    }
}
