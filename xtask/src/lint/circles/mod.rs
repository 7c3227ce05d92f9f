//! No circles among modules: each can be read, tested and changed with what is below it alone.
//!
//! A module is a file here. It depends on another where it names something that is defined there: in a `use`, in a path, or in what a macro is
//! given. A name that another module hands on (`pub use child::X`) is followed to where it is defined. `mod child;` is no dependency, handing
//! on what is defined below is none either, and code under `#[cfg(test)]` does not count. So a parent and its child are a circle only where each
//! names what the other defines. Methods are not followed: only names are. `pub use child::*` counts as defined where it stands.
//!
//! Two kinds of circle are refused: among files; and among the modules of one folder, each taken together with everything below it.

mod graph;
mod source;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use sparkwright_tests::command::output_of;

use crate::{console, setup};
use source::Crate;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

/// Checks every target of every package.
pub(super) fn check() -> Result<()> {
    let mut metadata = setup::cargo(&["metadata", "--format-version=1", "--offline", "--no-deps"]);
    let text = output_of("reading the workspace", &mut metadata)?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata is not what was expected")?;
    let (mut modules, mut found) = (0, String::new());
    for package in &metadata.packages {
        for target in &package.targets {
            let read = Crate::read(&target.src_path)?;
            modules += read.len();
            for circle in graph::circles_of(&read) {
                let kind = target.kind.first().map_or("", String::as_str);
                let _ = write!(found, "\n{} ({kind} {}): {circle}", package.name, target.name);
            }
        }
    }
    if !found.is_empty() {
        bail!(
            "modules depend on each other in a circle; put what they share into a module below both:{}",
            found.replace('\n', "\n  ")
        );
    }
    console::say(&format!("{modules} modules depend on each other without a circle"));
    Ok(())
}
