//! Where everything is. No other module puts a path together from parts of these.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace: the folder of the top `Cargo.toml`.
#[must_use]
pub fn workspace() -> PathBuf {
    // What cargo says now goes first: checkouts that share a target folder also share the programs in it.
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let workspace = package.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    workspace.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(&package)).to_owned()
}

/// What is made once and kept between builds: `$SPARKWRIGHT_HOME`, else `~/.cache/sparkwright`.
#[must_use]
pub fn cache() -> PathBuf {
    env::var_os("SPARKWRIGHT_HOME").filter(|path| !path.is_empty()).map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache/sparkwright"),
        PathBuf::from,
    )
}

/// Cargo's target folder: `$CARGO_TARGET_DIR`, else `target` in the workspace.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .filter(|path| !path.is_empty())
        .map_or_else(|| workspace().join("target"), |path| workspace().join(path))
}

/// What the host embeds: `policy.wasm` and the plugin's jars.
#[must_use]
pub fn assets() -> PathBuf {
    env::var_os("SPARKWRIGHT_ASSETS")
        .filter(|path| !path.is_empty())
        .map_or_else(|| workspace().join("target/sparkwright"), PathBuf::from)
}

/// The `sparkwright` command as `cargo xtask build` makes it; `$SPARKWRIGHT_BINARY` names another.
#[must_use]
pub fn binary() -> PathBuf {
    env::var_os("SPARKWRIGHT_BINARY")
        .filter(|path| !path.is_empty())
        .map_or_else(|| target().join("release/sparkwright"), PathBuf::from)
}

/// The default policy file.
#[must_use]
pub fn policy() -> PathBuf {
    workspace().join("config.yaml")
}

/// The demo's program.
#[must_use]
pub fn demo_program() -> PathBuf {
    workspace().join("tests/demo/late_arrivals.py")
}
