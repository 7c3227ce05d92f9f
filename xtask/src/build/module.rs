//! `policy.wasm`: the same bytes on every build with the same compiler, wherever the workspace lies.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use sparkwright_tests::command::bounded_output;
use sparkwright_tests::paths;

use super::files::put;
use super::note::Note;
use super::wasm::{Crate, optimize};
use crate::console;
use crate::metadata::Package;
use crate::toolchain::Toolchain;

const GUEST: Crate = Crate {
    title: "policy.wasm",
    package: "sparkwright-guest",
    profile: "policy",
    file: "sparkwright_guest.wasm",
    // Errors are called, not inlined. LLVM's other thresholds are right as they are: a fixed one would count for what is to be small too.
    flags: &["-Cllvm-args=-inlinecold-threshold=0"],
};

/// The optimizer's passes: fast first, then small where that costs no speed that could be measured.
const EFFORT: [&str; 2] = ["-O3", "-Oz"];

/// Builds the module into the assets.
pub(super) fn build() -> Result<PathBuf> {
    let used = MadeWith::here()?;
    if let Some(differs) = used.differs_from(&MadeWith::of_releases()?) {
        console::say(&format!("the SHA-256 of policy.wasm is not that of a release's: {differs}"));
    }
    let built = GUEST.compile()?;
    let compiled = fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    let file = paths::assets().join("policy.wasm");
    let note = Note::in_file(built.with_extension("made-from"))
        .and(&compiled)
        .and(EFFORT.concat().as_bytes())
        .and(used.wasm_opt.as_bytes());
    if file.is_file() && note.holds() {
        return Ok(file);
    }
    let optimized = match Toolchain::optimizer() {
        Some(program) => optimize(Command::new(program), &EFFORT, GUEST.title, &built)?,
        None => {
            console::say(
                "policy.wasm is larger than it could be: no wasm-opt on the PATH, and it cannot be installed here (package binaryen)",
            );
            built
        }
    };
    let bytes = fs::read(&optimized).with_context(|| format!("cannot read `{}`", optimized.display()))?;
    put(&bytes, &file)?;
    note.keep()?;
    Ok(file)
}

/// What decides the bytes of a module, besides its sources.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct MadeWith {
    /// The compiler, as `rustc --version` names it.
    rustc: String,
    /// Binaryen's optimizer, as `wasm-opt --version` names it.
    wasm_opt: String,
}

impl MadeWith {
    /// What makes the module on this machine.
    pub(crate) fn here() -> Result<Self> {
        let wasm_opt = match Toolchain::optimizer() {
            Some(program) => first_line(Command::new(program).arg("--version"))?,
            None => "none".to_owned(),
        };
        Ok(Self { rustc: first_line(Command::new(Toolchain::ensure()?.rustc()).arg("--version"))?, wasm_opt })
    }

    /// What makes it for a release: `policy-wasm` in the guest's `Cargo.toml`.
    pub(crate) fn of_releases() -> Result<Self> {
        let guest = Package::named(GUEST.package)?;
        let written = guest.metadata.get("policy-wasm").cloned().unwrap_or_default();
        serde_json::from_value(written)
            .context("`package.metadata.policy-wasm` in core/guest/Cargo.toml is not what was expected")
    }

    /// What is another than in a release, in words.
    pub(crate) fn differs_from(&self, releases: &Self) -> Option<String> {
        let pairs = [(&self.rustc, &releases.rustc), (&self.wasm_opt, &releases.wasm_opt)];
        let differ: Vec<String> = pairs
            .iter()
            .filter(|(here, wanted)| here != wanted)
            .map(|(here, wanted)| format!("here is {here}, releases are made with {wanted}"))
            .collect();
        (!differ.is_empty()).then(|| differ.join("; "))
    }
}

fn first_line(command: &mut Command) -> Result<String> {
    let text = bounded_output("asking for a version", command, Duration::from_secs(30))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::MadeWith;

    #[test]
    fn another_compiler_or_optimizer_is_told() {
        let made = |rustc: &str, wasm_opt: &str| MadeWith { rustc: rustc.into(), wasm_opt: wasm_opt.into() };
        let releases = made("rustc 1.95.0", "wasm-opt version 108");
        assert_eq!(made("rustc 1.95.0", "wasm-opt version 108").differs_from(&releases), None);
        let told = made("rustc 1.96.0", "none").differs_from(&releases).unwrap();
        assert_eq!(
            told,
            "here is rustc 1.96.0, releases are made with rustc 1.95.0; here is none, releases are made with wasm-opt version 108"
        );
        assert!(MadeWith::of_releases().unwrap().rustc.starts_with("rustc 1."));
    }
}
