//! rustfmt, clippy and rustdoc.

use anyhow::Result;
use sparkwright_tests::paths;

use crate::setup;
use crate::toolchain::{TARGET, Toolchain};

/// Whether all is formatted.
pub(super) fn format() -> Result<()> {
    setup::show(&mut setup::cargo(&["fmt", "--all", "--check"]))
}

/// Clippy and rustdoc, which need what the host embeds.
pub(super) fn compile() -> Result<()> {
    setup::show(
        setup::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
            .env("SPARKWRIGHT_ASSETS", paths::assets()),
    )?;
    for_wasm()?;
    setup::show(
        setup::cargo(&["doc", "--workspace", "--exclude", "sparkwright-guest", "--no-deps", "--quiet"])
            .env("SPARKWRIGHT_ASSETS", paths::assets())
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// Clippy on what is compiled for WebAssembly; with Debian's toolchain there is no clippy for it, and the build must do.
fn for_wasm() -> Result<()> {
    match Toolchain::ensure()? {
        Toolchain::Installed { .. } => setup::show(&mut setup::cargo(&[
            "clippy",
            "--package",
            "sparkwright-guest",
            "--package",
            "sparkwright-web",
            "--target",
            TARGET,
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ])),
        Toolchain::Debian => Ok(()),
    }
}
