//! The toolchain for `policy.wasm`: rustup's target where it can be had, else Debian's packages for the same purpose.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use sparkwright_tests::Error;
use sparkwright_tests::command::{bounded_output, on_path, output_of};

use crate::console::{self, Step};
use crate::packages;

/// The target of `policy.wasm`.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];
const OPTIMIZER: &str = "wasm-opt";
const OPTIMIZER_PACKAGE: &str = "binaryen";
const TRAPPING_PANICS: [&str; 2] = ["-Zunstable-options", "-Cpanic=immediate-abort"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A Rust that compiles for [`TARGET`].
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The Rust in use, with the target installed and, where it can be had, the source of its standard library.
    Installed {
        /// Whether the standard library is compiled for size, from its source; a third of the module otherwise.
        source: bool,
    },
    /// Debian's Rust, which brings the standard library as source.
    Debian,
}

impl Toolchain {
    /// Finds one, or installs one.
    pub(crate) fn ensure() -> Result<Self> {
        // What is there already comes first: a second run needs no network.
        if has_target() {
            return Ok(Self::Installed { source: ensure_source() });
        }
        if has_debian_rust() {
            return Ok(Self::Debian);
        }
        if rustup(&["target", "add", TARGET], "adding the target wasm32-unknown-unknown") && has_target() {
            return Ok(Self::Installed { source: ensure_source() });
        }
        install_debian_rust()?;
        Ok(Self::Debian)
    }

    /// `cargo build` for the target, to be completed.
    pub(crate) fn cargo_build(&self) -> Command {
        let mut command = match self {
            Self::Installed { .. } => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
            Self::Debian => {
                let mut command = Command::new(DEBIAN_CARGO);
                command
                    // rustup puts its own rustc first on the PATH of what it starts.
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("CARGO");
                command
            }
        };
        command.args(["build", "--target", TARGET]);
        if self.builds_std() {
            // A stable compiler can do it when it is told that it may.
            command.env("RUSTC_BOOTSTRAP", "1");
            command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
        }
        command
    }

    /// Whether the standard library is compiled with the module.
    const fn builds_std(&self) -> bool {
        matches!(self, Self::Debian | Self::Installed { source: true })
    }

    /// Flags of the compiler that only a standard library built here takes: a panic is a trap, and says nothing to nobody.
    pub(crate) const fn rustc_flags(&self) -> &'static [&'static str] {
        if self.builds_std() { &TRAPPING_PANICS } else { &[] }
    }

    /// Binaryen's `wasm-opt`, which the field makes modules smaller with: installed where this machine's packages can be, else nothing.
    pub(crate) fn optimizer() -> Option<PathBuf> {
        if on_path(OPTIMIZER).is_none() {
            // The module does without; what keeps it away is told by whoever misses it.
            let _ = packages::install(&[OPTIMIZER_PACKAGE], |what| Error::Missing {
                what: what.to_owned(),
                wanted: OPTIMIZER,
                get: format!("apt-get install {OPTIMIZER_PACKAGE}"),
            });
        }
        on_path(OPTIMIZER)
    }

    /// Its compiler.
    pub(crate) fn rustc(&self) -> PathBuf {
        match self {
            Self::Installed { .. } => rustc(),
            Self::Debian => PathBuf::from(DEBIAN_RUSTC),
        }
    }

    /// The folder of its standard library's sources and of everything else that belongs to it.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        sysroot(&self.rustc())
    }

    /// In a few words.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Installed { source: true } => "the Rust in use and its standard library's source",
            Self::Installed { source: false } => "the Rust in use (with rust-src the module would be a third smaller)",
            Self::Debian => "Debian's Rust (rustc-web)",
        }
    }
}

fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()).into()
}

fn sysroot(rustc: &Path) -> Result<PathBuf> {
    let text = output_of("asking rustc for its folder", Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(text.trim()))
}

fn has_target() -> bool {
    sysroot(&rustc()).is_ok_and(|sysroot| sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

/// Whether the Rust in use can compile its standard library; gets the source by rustup where it is missing.
fn ensure_source() -> bool {
    let source = || sysroot(&rustc()).is_ok_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library").is_dir());
    if !source() {
        rustup(&["component", "add", "rust-src"], "adding the source of the standard library");
    }
    source() && takes_trapping_panics()
}

/// Whether this compiler knows the flags that a module is built with.
fn takes_trapping_panics() -> bool {
    let mut command = Command::new(rustc());
    command.env("RUSTC_BOOTSTRAP", "1").args(TRAPPING_PANICS).args(["--print", "cfg", "--target", TARGET]);
    bounded_output("asking rustc for its flags", &mut command, Duration::from_secs(30)).is_ok()
}

/// Has rustup get something, where there is one and it can.
fn rustup(arguments: &[&str], what: &str) -> bool {
    if on_path("rustup").is_none() {
        return false;
    }
    let step = Step::begin(format!("{what} by rustup"));
    let got = bounded_output(what, Command::new("rustup").args(arguments), Duration::from_secs(120));
    step.end();
    if got.is_err() {
        console::say("rustup cannot get it here");
    }
    got.is_ok()
}

fn has_debian_rust() -> bool {
    Path::new(DEBIAN_CARGO).is_file()
        && bounded_output(
            "asking for installed packages",
            Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}\n"]).args(PACKAGES),
            Duration::from_secs(30),
        )
        .is_ok_and(|states| states.lines().all(|state| state == "installed"))
}

fn install_debian_rust() -> Result<()> {
    let get = format!("apt-get install --no-install-recommends {}", PACKAGES.join(" "));
    packages::install(&PACKAGES, |what| Error::Missing {
        what: format!("the target is not installed, rustup cannot add it, and {what}"),
        wanted: "Rust for wasm32-unknown-unknown",
        get: format!("rustup target add {TARGET}    (or, on Debian, as root: {get})"),
    })
}
