//! `cargo xtask lint`.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;
use sparkwright_tests::application::output_of;
use sparkwright_tests::paths;

use crate::toolchain::{TARGET, Toolchain};
use crate::{build, console, setup};

/// Checks format, lints and licences: rustfmt, clippy, javac, ruff.
#[derive(Debug, Args)]
pub(crate) struct Lint {}

/// Licences that a dependency may have, in SPDX's words; of alternatives (`OR`) one is enough.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

impl Lint {
    pub(crate) fn run(self) -> Result<()> {
        setup::show(&mut setup::cargo(&["fmt", "--all", "--check"]))?;
        // The host does not compile without what it embeds.
        build::assets()?;
        setup::show(
            setup::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
                .env("SPARKWRIGHT_ASSETS", paths::assets()),
        )?;
        guest()?;
        setup::show(
            setup::cargo(&["doc", "--workspace", "--exclude", "sparkwright-guest", "--no-deps", "--quiet"])
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("RUSTDOCFLAGS", "--deny warnings"),
        )?;
        for edition in build::plugin::EDITIONS {
            build::plugin::check(&edition)?;
            console::say(&format!("javac has nothing against the plugin for {}", edition.spark));
        }
        let venv = setup::venv()?;
        setup::show(
            Command::new(venv.command("ruff"))
                .args(["check", "--quiet", "--config", "tests/ruff.toml", "tests", "host", "core"])
                .current_dir(paths::workspace()),
        )?;
        licences()
    }
}

/// Clippy on what only exists for WebAssembly; with Debian's toolchain there is no clippy for it, and the build must do.
fn guest() -> Result<()> {
    match Toolchain::ensure()? {
        Toolchain::Installed { .. } => setup::show(&mut setup::cargo(&[
            "clippy",
            "--package",
            "sparkwright-guest",
            "--target",
            TARGET,
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ])),
        Toolchain::Debian => Ok(()),
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

fn licences() -> Result<()> {
    // What other platforms need was never downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = ["metadata", "--format-version=1", "--offline", "--filter-platform", platform.as_str()];
    let text = output_of("reading the dependencies", &mut setup::cargo(&metadata))?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata is not what was expected")?;
    let refused: BTreeSet<String> = metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(allowed))
        .map(|package| {
            format!("{} {}: {}", package.name, package.version, package.license.as_deref().unwrap_or("none"))
        })
        .collect();
    if !refused.is_empty() {
        let list = refused.into_iter().collect::<Vec<_>>().join("\n  ");
        bail!("licences that are not on the list in xtask/src/lint.rs:\n  {list}");
    }
    console::say(&format!("the licences of {} packages are on the list", metadata.packages.len()));
    Ok(())
}

/// Whether an SPDX expression can be satisfied from [`LICENCES`]: `AND` binds closer than `OR`; `/` is an old `OR`.
fn allowed(expression: &str) -> bool {
    // "(A OR B) AND C" is the one form with parentheses that occurs: each part in turn.
    if let Some((alternatives, rest)) = expression.strip_prefix('(').and_then(|rest| rest.split_once(") AND ")) {
        return allowed(alternatives) && allowed(rest);
    }
    expression.replace('/', " OR ").split(" OR ").any(|alternative| {
        alternative.split(" AND ").all(|one| LICENCES.contains(&one.trim().trim_matches(['(', ')'])))
    })
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn expressions() {
        assert!(allowed("MIT OR Apache-2.0"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(allowed("GPL-2.0 OR MIT"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!allowed("GPL-3.0"));
        assert!(!allowed("MIT AND GPL-3.0"));
        assert!(!allowed("(MIT OR Apache-2.0) AND GPL-3.0"));
    }
}
