//! `cargo xtask lint`.

mod bundled;
mod circles;
mod dependencies;
mod promises;
mod rust;

use std::process::Command;

use anyhow::Result;
use clap::Args;
use sparkwright_tests::paths;

use crate::node::Node;
use crate::{build, console, python, setup};

/// Checks format, lints, types, modules, the README's promises, dependencies and licences: rustfmt, clippy, javac, ruff, mypy, pyright, tsc, cargo-shear, cargo-deny.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Also checks dependencies against RustSec's advisories, and fetches them for that.
    #[arg(long)]
    advisories: bool,
}

impl Lint {
    pub(crate) fn run(self) -> Result<()> {
        rust::format()?;
        circles::check()?;
        promises::check(&paths::workspace())?;
        dependencies::unused()?;
        dependencies::allowed(self.advisories)?;
        // The host does not compile without what it embeds.
        build::assets()?;
        bundled::allowed()?;
        rust::compile()?;
        for edition in build::plugin::EDITIONS {
            build::plugin::check(&edition)?;
            console::say(&format!("javac has nothing against the plugin for {}", edition.spark));
        }
        let venv = setup::venv()?;
        setup::show(
            Command::new(venv.command("ruff"))
                .args([
                    "check",
                    "--quiet",
                    "--config",
                    "tests/ruff.toml",
                    "tests",
                    "host",
                    "core",
                    "--exclude",
                    "host/python",
                ])
                .current_dir(paths::workspace()),
        )?;
        // The package has a configuration of its own on top of that one, which knows what is its own.
        setup::show(Command::new(venv.command("ruff")).args(["check", "--quiet"]).current_dir(python::sources()))?;
        python::check_types()?;
        setup::show(&mut Node::ensure()?.npm(&["run", "--silent", "check"]))
    }
}
