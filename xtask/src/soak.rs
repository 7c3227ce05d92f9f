//! `cargo xtask soak`: the long forms of the tests that draw, kill, flood and wait. `cargo xtask test` runs each of them once, briefly; what takes
//! minutes beside the second PySpark runs here only. With `--minutes` the certificate alone, for that time.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use sparkwright_tests::venv::SparkLine;

use crate::certificate::Run;
use crate::test::{self, Extent};

/// Repeats for hours what `cargo xtask test` does once: drawn cases, hostile modules and messages, faults, drivers killed, drawn programs.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How often everything is repeated.
    #[arg(long, default_value_t = 4)]
    rounds: u32,
    /// Cases that each property of the core and of the policy reader is tried on in a round.
    #[arg(long, default_value_t = 20_000)]
    cases: u32,
    /// Only the certificate, for so many minutes: programs drawn at random, run alone and steered, must not be told apart.
    #[arg(long)]
    minutes: Option<u32>,
    /// What the certificate's programs are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The Spark of the certificate that runs alone.
    #[arg(long, value_enum, default_value = "4")]
    spark: Line,
    /// Goes on where the last certificate of this seed and Spark was ended.
    #[arg(long, requires = "minutes")]
    resume: bool,
    /// Takes a mend out of a copy of the plugin (`all`: each, one after another), and runs until a drawn program shows that it is missing, for
    /// `--minutes` at most.
    #[arg(long, value_name = "MEND", requires = "minutes")]
    without: Option<String>,
}

/// A line of Spark's versions, as people write it.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Line {
    #[value(name = "4")]
    Spark4,
    #[value(name = "3.5")]
    Spark35,
}

impl From<Line> for SparkLine {
    fn from(line: Line) -> Self {
        match line {
            Line::Spark4 => Self::Spark4,
            Line::Spark35 => Self::Spark35,
        }
    }
}

impl Soak {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let Some(minutes) = self.minutes else {
            test::soak(&Extent { rounds: self.rounds, cases: self.cases, seed: self.seed })?;
            return Ok(ExitCode::SUCCESS);
        };
        let run = Run { line: self.spark.into(), seed: self.seed, minutes, histories: None, resume: self.resume };
        match &self.without {
            Some(names) => run.without(names),
            None => run.alone(),
        }
    }
}
