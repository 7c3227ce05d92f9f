//! The page: the Yew crate as WebAssembly, the shell bundled around it, and `policy.wasm`, each beside its compressed forms.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use sparkwright_tests::application::output_of;
use sparkwright_tests::paths;

use super::bindings::bindings;
use super::put;
use super::wasm::Crate;
use crate::console::Step;
use crate::node::Node;

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

/// The folder of the page's TypeScript.
pub(super) fn shell() -> PathBuf {
    paths::workspace().join("web/shell")
}

/// Puts a folder where it belongs, all of it at once, unless what is there has the same files.
pub(crate) fn put_folder(fresh: &Path, to: &Path) -> Result<()> {
    if contents(fresh)? == contents(to).unwrap_or_default() {
        return Ok(());
    }
    if to.exists() {
        // Beside the fresh one: whoever made that removes both.
        let old = fresh.with_extension("old");
        fs::rename(to, &old).with_context(|| format!("cannot move `{}`", to.display()))?;
    }
    fs::rename(fresh, to).with_context(|| format!("cannot put `{}` in its place", to.display()))
}

/// The files of a folder by name.
fn contents(folder: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    let unread = || format!("cannot read `{}`", folder.display());
    fs::read_dir(folder)
        .with_context(unread)?
        .map(|entry| {
            let entry = entry.with_context(unread)?;
            Ok((entry.file_name(), fs::read(entry.path()).with_context(unread)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_only_when_it_differs() {
        let place = tempfile::tempdir().unwrap();
        let (fresh, to) = (place.path().join("fresh"), place.path().join("to"));
        let fill = |files: &[(&str, &str)]| {
            let _ = fs::remove_dir_all(&fresh);
            let _ = fs::remove_dir_all(fresh.with_extension("old"));
            fs::create_dir(&fresh).unwrap();
            for (name, text) in files {
                fs::write(fresh.join(name), text).unwrap();
            }
        };
        fill(&[("a", "1"), ("b", "2")]);
        put_folder(&fresh, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "2");

        fill(&[("a", "1"), ("b", "2")]);
        put_folder(&fresh, &to).unwrap();
        assert!(fresh.exists(), "the same files stay where they are");

        fill(&[("a", "3")]);
        put_folder(&fresh, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a")).unwrap(), "3");
        assert!(!to.join("b").exists(), "a file of an earlier build is gone");
    }
}
