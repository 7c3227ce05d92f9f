//! The wheel `sparkwright`: the command, which carries everything that is not Python, and the package, put together by maturin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::paths;

use crate::{python, setup};

/// All entries of the wheel get this time (2020-01-01), so that the same sources make the same wheel.
const DATE: &str = "1577836800";

/// Builds the wheel into the assets, in which everything that the command embeds is already, and gives its path.
pub(super) fn build() -> Result<PathBuf> {
    let assets = paths::assets();
    let fresh = tempfile::tempdir_in(&assets).with_context(|| format!("cannot write in `{}`", assets.display()))?;
    setup::show(
        // The same target folder and profile as `cargo build --release`: what that has compiled is not compiled again.
        python::tool("maturin")?
            .args(["build", "--release", "--quiet", "--out"])
            .arg(fresh.path())
            .env("CARGO_TARGET_DIR", paths::target())
            .env("SPARKWRIGHT_ASSETS", &assets)
            .env("SOURCE_DATE_EPOCH", DATE),
    )?;
    let wheel = the_wheel(fresh.path())?;
    let folder = assets.join("wheel");
    // One wheel only: that of an older version or platform would be taken for this one.
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    let built = folder.join(wheel.file_name().unwrap_or_default());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    fs::rename(&wheel, &built).with_context(|| format!("cannot move `{}`", wheel.display()))?;
    Ok(built)
}

/// The wheel in a folder.
fn the_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let wheel = entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|it| it == "whl"));
    match wheel {
        Some(wheel) => Ok(wheel),
        None => bail!("maturin ended well and left no wheel in `{}`", folder.display()),
    }
}
