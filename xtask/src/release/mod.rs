//! `cargo xtask release`: everything that people install, of one version, with checksums. Nothing is published from here.

mod versions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sha2::{Digest as _, Sha256};
use sparkwright_tests::command::{must_succeed, on_path, output_of};
use sparkwright_tests::paths;
use sparkwright_tests::venv::SparkLine;

use crate::build::{self, MadeWith};
use crate::console::{self, Step};
use crate::node::Node;

/// The version of everything: the workspace's.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const CHECKSUMS: &str = "SHA256SUMS";

/// Builds everything that is published and puts it into target/sparkwright/release with checksums; refuses when it is not of one version.
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// Leave that folder alone: build, check and say what would be in it.
    #[arg(long)]
    dry_run: bool,
}

impl Release {
    pub(crate) fn run(self) -> Result<()> {
        let mut problems = versions::of_sources(VERSION)?;
        problems.extend(
            MadeWith::here()?
                .differs_from(&MadeWith::of_releases()?)
                .map(|told| format!("policy.wasm would not have the bytes of a release: {told}")),
        );
        if !self.dry_run {
            problems.extend(uncommitted()?);
        }
        none(&problems)?;

        let command = build::everything()?;
        let wheel = build::wheel(&command)?;
        build::package()?;
        none(&versions::of_products(VERSION, &command, &wheel)?)?;

        let assets = paths::assets();
        let fresh = tempfile::tempdir_in(&assets).with_context(|| format!("cannot write in `{}`", assets.display()))?;
        let folder = fresh.path().join("release");
        fs::create_dir(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        fill(&folder, &command, &wheel)?;
        let sums = checksums(&folder)?;
        build::files::put(sums.as_bytes(), &folder.join(CHECKSUMS))?;
        print!("{sums}");
        if self.dry_run {
            console::say(&format!("{VERSION} is ready; without --dry-run these files go into {}", place().display()));
            return Ok(());
        }
        build::files::put_folder(&folder, &place())?;
        console::say(&format!("{VERSION}: {}; nothing was published", place().display()));
        Ok(())
    }
}

fn place() -> PathBuf {
    paths::assets().join("release")
}

fn none(problems: &[String]) -> Result<()> {
    if !problems.is_empty() {
        bail!("no release of {VERSION}:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

/// A release is of a commit.
fn uncommitted() -> Result<Option<String>> {
    let Some(git) = on_path("git") else { return Ok(Some("no git on the PATH to ask for changes".to_owned())) };
    let mut command = Command::new(git);
    let status =
        output_of("asking git for changes", command.args(["status", "--porcelain"]).current_dir(paths::workspace()))?;
    let first = status.lines().next();
    Ok(first.map(|line| format!("there are changes that are not committed: {}", line.trim())))
}

/// Puts everything that is published into a folder, by names that have the version.
fn fill(folder: &Path, command: &Path, wheel: &Path) -> Result<()> {
    let assets = paths::assets();
    let machine = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut files = vec![
        (command.to_owned(), format!("sparkwright-{VERSION}-{machine}")),
        (wheel.to_owned(), wheel.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        (assets.join("policy.wasm"), format!("policy-{VERSION}.wasm")),
    ];
    files.extend(SparkLine::ALL.map(|line| {
        let named = format!("{}-{VERSION}.jar", line.jar().trim_end_matches(".jar"));
        (assets.join(line.jar()), named)
    }));
    for (from, name) in files {
        fs::copy(&from, folder.join(&name)).with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    let step = Step::begin("packing the npm package");
    let mut npm = Node::ensure()?.npm(&["pack", "--silent", "--pack-destination"]);
    must_succeed("packing the npm package", npm.arg(folder).arg(build::package::folder()))?;
    step.end();
    Ok(())
}

/// The SHA-256 of each file of a folder, as `sha256sum --check` reads them.
fn checksums(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for file in build::files::files_below(folder)? {
        let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = file.strip_prefix(folder).unwrap_or(&file);
        sums.push_str(&format!("{digest}  {}\n", name.display()));
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "abc").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        assert_eq!(
            checksums(folder.path()).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
        );
    }
}
