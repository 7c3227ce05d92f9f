//! `cargo xtask build`.

mod module;
pub(crate) mod plugin;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use sparkwright_tests::paths;

use crate::{console, setup};

/// Builds policy.wasm, the plugin's jar and the `sparkwright` command that carries both.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Only policy.wasm.
    #[arg(long)]
    module: bool,
    /// Only the plugin's jar.
    #[arg(long)]
    plugin: bool,
}

impl Build {
    pub(crate) fn run(self) -> Result<()> {
        let all = !self.module && !self.plugin;
        if self.module || all {
            module()?;
        }
        if self.plugin || all {
            plugin()?;
        }
        if all {
            host()?;
        }
        Ok(())
    }
}

/// Builds everything that the `sparkwright` command needs, and the command.
pub(crate) fn everything() -> Result<PathBuf> {
    module()?;
    plugin()?;
    host()
}

/// Builds what the host embeds.
pub(crate) fn assets() -> Result<()> {
    module()?;
    plugin()
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

fn host() -> Result<PathBuf> {
    setup::show(
        setup::cargo(&["build", "--release", "--package", "sparkwright"]).env("SPARKWRIGHT_ASSETS", paths::assets()),
    )?;
    let binary = paths::target().join("release/sparkwright");
    console::say(&format!("command: {}", binary.display()));
    Ok(binary)
}

/// Puts `bytes` where they belong unless the same bytes are there: what depends on them is then not built anew.
fn put(bytes: &[u8], file: &std::path::Path) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    fs::write(file, bytes).with_context(|| format!("cannot write `{}`", file.display()))
}
