//! The page: the Yew crate as WebAssembly, the shell bundled around it, and `policy.wasm`, each beside its compressed forms.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use sparkwright_tests::command::output_of;
use sparkwright_tests::paths;

use super::bindings::bindings;
use super::files::{put, put_folder};
use super::wasm::Crate;
use crate::console::Step;
use crate::node::{Node, shell};

const APP: Crate =
    Crate { title: "the page", package: "sparkwright-web", profile: "page", file: "sparkwright-web.wasm", flags: &[] };

/// What a browser fetches, in bytes, as `build.mjs` tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Transfers {
    /// Compressed by gzip, as any browser takes it.
    pub(super) gzip: Transfer,
    /// Compressed by brotli, as today's browsers take it from this machine or by HTTPS.
    pub(super) brotli: Transfer,
}

/// What a browser fetches in one coding.
#[derive(Debug, Deserialize)]
pub(super) struct Transfer {
    /// Before the first decision is shown: everything but the editor, `policy.wasm` included.
    pub(super) page: u64,
    /// Of it, `policy.wasm`.
    pub(super) policy: u64,
    /// After the first paint.
    pub(super) editor: u64,
}

/// Builds the page into the assets, in which `policy.wasm` is already: the folder, and what a browser fetches of it.
pub(super) fn build() -> Result<(PathBuf, Transfers)> {
    let node = Node::ensure()?;
    let app = bindings(&node, &APP, "app", false)?;
    let assets = paths::assets();
    let to = assets.join("web");
    let fresh = tempfile::tempdir_in(&assets).with_context(|| format!("cannot write in `{}`", assets.display()))?;
    let folder = fresh.path().join("web");
    for file in [app.join("app_bg.wasm"), assets.join("policy.wasm")] {
        let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        put(&bytes, &folder.join(file.file_name().unwrap_or_default()))?;
    }
    let step = Step::begin("bundling the page");
    let told = output_of(
        "bundling the page",
        node.command().arg("build.mjs").arg(&folder).arg(app.join("app.js")).arg(&to).current_dir(shell()),
    )?;
    step.end();
    let transfers = serde_json::from_str(&told).context("build.mjs does not tell what it made")?;
    put_folder(&folder, &to)?;
    Ok((to, transfers))
}
