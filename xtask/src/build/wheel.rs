//! The wheel `sparkwright`: the command, which carries everything that is not Python, and the package, put together by maturin.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sparkwright_tests::paths;

use super::files::files_below;
use super::note::Note;
use crate::{python, setup};

/// All entries of the wheel get this time (2020-01-01), so that the same sources make the same wheel.
const DATE: &str = "1577836800";

/// Builds the wheel into the assets, unless it is made from what is there now, and gives its path; `command` is the `sparkwright` that was built.
pub(super) fn build(command: &Path) -> Result<PathBuf> {
    let assets = paths::assets();
    let folder = assets.join("wheel");
    let note = Note::in_file(paths::target().join("wheel.made-from"))
        .and_files(&paths::workspace(), sources()?.iter().chain([&command.to_owned()]))?;
    if note.holds()
        && let Ok(wheel) = the_wheel(&folder)
    {
        return Ok(wheel);
    }
    let fresh = tempfile::tempdir_in(&assets).with_context(|| format!("cannot write in `{}`", assets.display()))?;
    let cargo = cargo_without_date(fresh.path())?;
    setup::show(
        // The same target folder and profile as `cargo build --release`: what that has compiled is not compiled again.
        python::tool("maturin")?
            .args(["build", "--release", "--quiet", "--out"])
            .arg(fresh.path())
            .env("CARGO", cargo)
            .env("CARGO_TARGET_DIR", paths::target())
            .env("SPARKWRIGHT_ASSETS", &assets)
            .env("SOURCE_DATE_EPOCH", DATE),
    )?;
    let wheel = the_wheel(fresh.path())?;
    // One wheel only: that of an older version or platform would be taken for this one.
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    let built = folder.join(wheel.file_name().unwrap_or_default());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    fs::rename(&wheel, &built).with_context(|| format!("cannot move `{}`", wheel.display()))?;
    note.keep()?;
    Ok(built)
}

/// What of the wheel is not the command, and what says how it is put together.
fn sources() -> Result<Vec<PathBuf>> {
    let folder = python::sources();
    let mut files = vec![paths::workspace().join("Cargo.toml"), paths::workspace().join("host/Cargo.toml")];
    files.extend(["pyproject.toml", "README.md", "LICENSE"].map(|name| folder.join(name)));
    files.extend(files_below(&folder.join("src"))?);
    files.retain(|file| file.extension().is_none_or(|extension| extension != "pyc"));
    Ok(files)
}

/// A cargo for maturin that is not told the date of the wheel's entries: build scripts of dependencies ask for it, and would have wasmtime compiled
/// once with it and once without, each time anew.
fn cargo_without_date(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("cargo");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let script = format!("#!/bin/sh\nunset SOURCE_DATE_EPOCH\nCARGO='{cargo}' exec '{cargo}' \"$@\"\n");
    fs::write(&file, script).with_context(|| format!("cannot write `{}`", file.display()))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make `{}` executable", file.display()))?;
    Ok(file)
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
