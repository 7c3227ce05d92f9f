//! What cargo knows of packages.

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::Value;
use sparkwright_tests::application::output_of;

use crate::setup;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence, in SPDX's words.
    pub(crate) license: Option<String>,
    /// What its `Cargo.toml` says for tools.
    #[serde(default)]
    pub(crate) metadata: Value,
}

impl Package {
    /// The packages of the workspace.
    pub(crate) fn ours() -> Result<Vec<Self>> {
        read(&["--no-deps"])
    }

    /// A package of the workspace.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Self::ours()?
            .into_iter()
            .find(|package| package.name == name)
            .ok_or_else(|| anyhow!("there is no package `{name}`"))
    }

    /// The packages of the workspace and all that they need on this platform.
    pub(crate) fn all() -> Result<Vec<Self>> {
        // What other platforms need was never downloaded.
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        read(&["--filter-platform", platform.as_str()])
    }
}

fn read(options: &[&str]) -> Result<Vec<Package>> {
    let mut cargo = setup::cargo(&["metadata", "--format-version=1", "--offline"]);
    let text = output_of("reading the dependencies", cargo.args(options))?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata is not what was expected")?;
    Ok(metadata.packages)
}
