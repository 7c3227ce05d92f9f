//! What cargo knows of packages.

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::Value;
use sparkwright_tests::command::output_of;

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
    /// What its `Cargo.toml` says for tools.
    #[serde(default)]
    pub(crate) metadata: Value,
}

impl Package {
    /// The packages of the workspace.
    pub(crate) fn ours() -> Result<Vec<Self>> {
        let mut cargo = setup::cargo(&["metadata", "--format-version=1", "--offline", "--no-deps"]);
        let text = output_of("reading the packages", &mut cargo)?;
        let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata is not what was expected")?;
        Ok(metadata.packages)
    }

    /// A package of the workspace.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Self::ours()?
            .into_iter()
            .find(|package| package.name == name)
            .ok_or_else(|| anyhow!("there is no package `{name}`"))
    }
}
