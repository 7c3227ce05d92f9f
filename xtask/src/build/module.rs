//! `policy.wasm`: the same bytes on every build with the same compiler, wherever the workspace lies.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use sparkwright_tests::paths;

use super::files::put;
use super::wasm::{Crate, optimize};
use crate::console;
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
    let built = GUEST.compile()?;
    let built = match Toolchain::optimizer() {
        Some(program) => optimize(Command::new(program), &EFFORT, GUEST.title, &built)?,
        None => {
            console::say(
                "policy.wasm is larger than it could be: no wasm-opt on the PATH, and it cannot be installed here (package binaryen)",
            );
            built
        }
    };
    let bytes = fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    let file = paths::assets().join("policy.wasm");
    put(&bytes, &file)?;
    Ok(file)
}
