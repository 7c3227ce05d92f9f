//! What `policy.wasm` and the page have in common: compiled for WebAssembly in a folder of their own, then made smaller.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sparkwright_tests::paths;

use crate::setup::run_quietly;
use crate::toolchain::{TARGET, Toolchain};

/// A crate that is compiled for WebAssembly.
pub(super) struct Crate {
    /// What comes of it, for people.
    pub(super) title: &'static str,
    /// Its name.
    pub(super) package: &'static str,
    /// The profile in the workspace's `Cargo.toml`, and the name of the target folder: other flags and perhaps another compiler than the
    /// rest of the workspace.
    pub(super) profile: &'static str,
    /// The file that the compiler writes.
    pub(super) file: &'static str,
    /// The compiler's flags.
    pub(super) flags: &'static [&'static str],
}

impl Crate {
    /// Compiles it; the module as the compiler leaves it.
    pub(super) fn compile(&self) -> Result<PathBuf> {
        let toolchain = Toolchain::ensure()?;
        let target = paths::target().join(self.profile);
        // Messages of panics hold paths of sources; none of this machine may get into the module.
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"), PathBuf::from);
        let mut flags = vec![
            format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
            format!("--remap-path-prefix={}=/rust", toolchain.sysroot()?.display()),
            format!("--remap-path-prefix={}=/sparkwright", paths::workspace().display()),
            format!("--remap-path-prefix={}=/target", target.display()),
        ];
        flags.extend(self.flags.iter().chain(toolchain.rustc_flags()).map(|flag| (*flag).to_owned()));
        run_quietly(
            &format!("building {} with {}", self.title, toolchain.name()),
            toolchain
                .cargo_build()
                .args(["--quiet", "--package", self.package, "--profile", self.profile, "--target-dir"])
                .arg(&target)
                .current_dir(paths::workspace())
                // Separated by 0x1f, so that paths may hold spaces. The stack's size and the like are the guest's build script's.
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
                .env_remove("RUSTFLAGS")
                .env_remove("CARGO_TARGET_DIR"),
        )?;
        Ok(target.join(TARGET).join(self.profile).join(self.file))
    }
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

/// The module with what the compiler left to be saved, a tenth of its bytes, beside it; `effort` are the `-O`s of the optimizer's passes, `program` the
/// command that starts it.
pub(super) fn optimize(mut program: Command, effort: &[&str], title: &str, module: &Path) -> Result<PathBuf> {
    let to = module.with_extension("optimized.wasm");
    run_quietly(
        &format!("optimizing {title} with wasm-opt"),
        program.args(effort).args(FEATURES).arg(module).arg("-o").arg(&to),
    )?;
    Ok(to)
}
