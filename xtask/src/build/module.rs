//! `policy.wasm`: the same bytes on every build with the same compiler, wherever the workspace lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use sparkwright_tests::paths;

use super::put;
use crate::console;
use crate::setup::run_quietly;
use crate::toolchain::{TARGET, Toolchain};

/// Builds the module into the assets.
pub(super) fn build() -> Result<PathBuf> {
    let toolchain = Toolchain::ensure()?;
    // A folder of its own: other flags and another compiler than the rest of the workspace.
    let target = paths::target().join("policy");
    // Messages of panics hold paths of sources; none of this machine may get into the module.
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
    let flags = [
        format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
        format!("--remap-path-prefix={}=/rust", toolchain.sysroot()?.display()),
        format!("--remap-path-prefix={}=/sparkwright", paths::workspace().display()),
        format!("--remap-path-prefix={}=/target", target.display()),
        // Between small and fast: LLVM's own threshold at this level makes the module a tenth larger for 4 % of speed.
        "-Cllvm-args=-inline-threshold=32".to_owned(),
    ];
    let flags: Vec<String> =
        flags.into_iter().chain(toolchain.rustc_flags().iter().map(|flag| (*flag).to_owned())).collect();
    run_quietly(
        &format!("building policy.wasm with {}", toolchain.name()),
        toolchain
            .cargo_build()
            .args(["--quiet", "--package", "sparkwright-guest", "--profile", "policy", "--target-dir"])
            .arg(&target)
            .current_dir(paths::workspace())
            // Separated by 0x1f, so that paths may hold spaces. The stack's size and the like are the guest's build script's.
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR"),
    )?;
    let built = target.join(TARGET).join("policy/sparkwright_guest.wasm");
    let built = match Toolchain::optimizer() {
        Some(program) => optimized(&program, &built)?,
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

/// What the compiler's target has, which the optimizer must be told.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// The module with what the compiler left to be saved: a tenth of its bytes, at the same speed.
fn optimized(program: &Path, module: &Path) -> Result<PathBuf> {
    let to = module.with_extension("optimized.wasm");
    run_quietly(
        "optimizing policy.wasm with wasm-opt",
        Command::new(program).arg("-O3").args(FEATURES).arg(module).arg("-o").arg(&to),
    )?;
    Ok(to)
}
