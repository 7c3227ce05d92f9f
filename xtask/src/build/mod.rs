//! `cargo xtask build`.

mod bindings;
pub(crate) mod files;
mod module;
mod note;
pub(crate) mod package;
pub(crate) mod plugin;
mod wasm;
pub(crate) mod web;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use sparkwright_tests::paths;

pub(crate) use module::MadeWith;

use crate::{console, setup};

/// Builds policy.wasm, the plugin's jars, the page, the `sparkwright` command that carries them, the Python wheel with that command, and the
/// npm package.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Only policy.wasm.
    #[arg(long)]
    module: bool,
    /// Only the plugin's jar.
    #[arg(long)]
    plugin: bool,
    /// Only the page, with the policy.wasm that decides in it.
    #[arg(long)]
    web: bool,
    /// Only the npm package, with the policy.wasm that decides in it.
    #[arg(long)]
    package: bool,
    /// The Python wheel, into target/sparkwright/wheel, with all that the command in it carries.
    #[arg(long)]
    wheel: bool,
}

impl Build {
    pub(crate) fn run(self) -> Result<()> {
        let all = !self.module && !self.plugin && !self.web && !self.package && !self.wheel;
        if self.module || self.web || self.package || self.wheel || all {
            module()?;
        }
        if self.plugin || self.wheel || all {
            plugin()?;
        }
        if self.web || self.wheel || all {
            web()?;
        }
        if self.package || all {
            package()?;
        }
        if self.wheel || all {
            wheel(&host()?)?;
        }
        Ok(())
    }
}

/// Builds everything that the `sparkwright` command needs, and the command.
pub(crate) fn everything() -> Result<PathBuf> {
    assets()?;
    host()
}

/// Builds what the host embeds.
pub(crate) fn assets() -> Result<()> {
    module()?;
    plugin()?;
    web()
}

fn module() -> Result<()> {
    let file = module::build()?;
    let bytes = fs::metadata(&file).map_or(0, |data| data.len());
    console::say(&format!("policy.wasm: {} KB, {}", bytes / 1000, file.display()));
    Ok(())
}

fn plugin() -> Result<()> {
    for edition in plugin::EDITIONS {
        let file = plugin::build(&edition)?;
        console::say(&format!("plugin for {}: {}", edition.spark, file.display()));
    }
    Ok(())
}

fn web() -> Result<()> {
    let (folder, transfers) = web::build()?;
    console::say(&format!("page: {}", folder.display()));
    for (coding, it) in [("brotli", transfers.brotli), ("gzip", transfers.gzip)] {
        let [page, policy, editor] = [it.page, it.policy, it.editor].map(|bytes| bytes / 1000);
        console::say(&format!("  by {coding} {page} KB, of it policy.wasm {policy} KB; then the editor, {editor} KB"));
    }
    Ok(())
}

/// Builds the npm package, which has policy.wasm in it.
pub(crate) fn package() -> Result<()> {
    let folder = package::build()?;
    console::say(&format!("npm package: {}", folder.display()));
    Ok(())
}

/// Builds the Python wheel around the command that was built.
pub(crate) fn wheel(command: &Path) -> Result<PathBuf> {
    let file = wheel::build(command)?;
    let bytes = fs::metadata(&file).map_or(0, |data| data.len());
    console::say(&format!("wheel: {} MB, {}", bytes / 1_000_000, file.display()));
    Ok(file)
}

fn host() -> Result<PathBuf> {
    setup::show(
        setup::cargo(&["build", "--release", "--package", "sparkwright"]).env("SPARKWRIGHT_ASSETS", paths::assets()),
    )?;
    let binary = paths::target().join("release/sparkwright");
    console::say(&format!("command: {}", binary.display()));
    Ok(binary)
}
