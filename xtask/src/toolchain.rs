//! The toolchain for `policy.wasm`: rustup's target where it can be had, else Debian's packages for the same purpose.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use sparkwright_tests::Error;
use sparkwright_tests::application::{bounded_output, on_path, output_of};

use crate::console::{self, Step};
use crate::packages;

/// The target of `policy.wasm`.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A Rust that compiles for [`TARGET`].
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The Rust in use, with the target installed.
    Installed,
    /// Debian's Rust, which brings the standard library as source.
    Debian,
}

impl Toolchain {
    /// Finds one, or installs one.
    pub(crate) fn ensure() -> Result<Self> {
        // What is there already comes first: a second run needs no network.
        if has_target() {
            return Ok(Self::Installed);
        }
        if has_debian_rust() {
            return Ok(Self::Debian);
        }
        if on_path("rustup").is_some() {
            let step = Step::begin(format!("adding the target {TARGET} by rustup"));
            let added = bounded_output(
                "adding the target",
                Command::new("rustup").args(["target", "add", TARGET]),
                Duration::from_secs(120),
            );
            step.end();
            if added.is_ok() && has_target() {
                return Ok(Self::Installed);
            }
            console::say("rustup cannot get the target here; Debian's packages are next");
        }
        install_debian_rust()?;
        Ok(Self::Debian)
    }

    /// `cargo build` for the target, to be completed.
    pub(crate) fn cargo_build(&self) -> Command {
        let mut command = match self {
            Self::Installed => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
            Self::Debian => {
                let mut command = Command::new(DEBIAN_CARGO);
                command
                    // Unlocks -Zbuild-std; Debian's stable compiler can do it.
                    .env("RUSTC_BOOTSTRAP", "1")
                    // rustup puts its own rustc first on the PATH of what it starts.
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("CARGO");
                command
            }
        };
        command.args(["build", "--target", TARGET]);
        if matches!(self, Self::Debian) {
            command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
        }
        command
    }

    /// Flags of the compiler that only a standard library built here takes: a panic is a trap, and says nothing to nobody.
    pub(crate) const fn rustc_flags(&self) -> &'static [&'static str] {
        match self {
            Self::Installed => &[],
            Self::Debian => &["-Zunstable-options", "-Cpanic=immediate-abort"],
        }
    }

    /// The folder of its standard library's sources and of everything else that belongs to it.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        let rustc = match self {
            Self::Installed => rustc(),
            Self::Debian => PathBuf::from(DEBIAN_RUSTC),
        };
        sysroot(&rustc)
    }

    /// In a few words.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Installed => "the Rust in use",
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
