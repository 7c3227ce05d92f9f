//! What Debian's packages bring, where this is Debian and we are root.

use std::process::Command;

use anyhow::Result;
use sparkwright_tests::Error;
use sparkwright_tests::command::{must_succeed, on_path, output_of};

use crate::console::Step;

/// Installs packages by apt-get; `missing` makes the error of what stands in the way, which names what gets them.
pub(crate) fn install(packages: &[&str], missing: impl Fn(&str) -> Error) -> Result<()> {
    if on_path("apt-get").is_none() {
        return Err(missing("this is no Debian").into());
    }
    let root = output_of("asking who we are", Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root {
        return Err(missing("apt-get needs root").into());
    }
    let names = packages.join(", ");
    let step = Step::begin(format!("installing {names} by apt-get into /usr"));
    let install = || {
        must_succeed(
            &format!("installing {names}"),
            Command::new("apt-get")
                .args(["install", "--yes", "--quiet", "--no-install-recommends"])
                .args(packages)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    if install().is_err() {
        // On a fresh machine the lists are missing or old.
        must_succeed("updating the package lists", Command::new("apt-get").args(["update", "--quiet"]))?;
        install()?;
    }
    step.end();
    Ok(())
}
