//! The npm package `sparkwright`: the reader of policy files as WebAssembly, `policy.wasm`, scripts for browsers and for Node.js, and types
//! that are made from the contract itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::schema;
use sparkwright_tests::command::must_succeed;
use sparkwright_tests::paths;

use super::bindings::bindings;
use super::files::{put, put_folder};
use super::wasm::Crate;
use crate::console::Step;
use crate::node::Node;

const READER: Crate = Crate {
    title: "the npm package's reader",
    package: "sparkwright-js",
    profile: "page",
    file: "sparkwright_js.wasm",
    flags: &[],
};

/// The folder of the package's sources.
pub(crate) fn sources() -> PathBuf {
    paths::workspace().join("web/package")
}

/// Where the built package is.
pub(crate) fn folder() -> PathBuf {
    paths::assets().join("package")
}

/// Builds the package into the assets, in which `policy.wasm` is already.
pub(super) fn build() -> Result<PathBuf> {
    let node = Node::ensure()?;
    let reader = bindings(&node, &READER, "reader", true)?;
    node.packages(&sources())?;
    let assets = paths::assets();
    let fresh = tempfile::tempdir_in(&assets).with_context(|| format!("cannot write in `{}`", assets.display()))?;
    let (schemas, package) = (fresh.path().join("schemas"), fresh.path().join("package"));
    write_schemas(&schemas)?;
    let step = Step::begin("bundling the npm package");
    let mut bundle = node.command();
    bundle.arg("build.mjs").arg(&reader).arg(assets.join("policy.wasm")).arg(&schemas).arg(&package);
    must_succeed("bundling the npm package", bundle.current_dir(sources()))?;
    step.end();
    let to = folder();
    put_folder(&package, &to)?;
    Ok(to)
}

/// Writes the schema of each question and answer, as `sparkwright schema` prints it.
fn write_schemas(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    for point in DecisionPoint::ALL {
        for (side, schema) in [("question", schema::question(point)), ("answer", schema::answer(point))] {
            let json = serde_json::to_vec(&schema).context("a schema has no JSON form")?;
            put(&json, &folder.join(format!("{}.{side}.json", point.name())))?;
        }
    }
    Ok(())
}
