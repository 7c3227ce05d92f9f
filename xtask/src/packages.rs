//! What Debian's packages bring, where this is Debian and we are root.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use sparkwright_tests::Error;
use sparkwright_tests::application::{bounded_output, must_succeed, on_path, output_of};

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

/// Node.js, in which the tests run `policy.wasm` as a browser would.
pub(crate) fn node() -> Result<()> {
    if bounded_output("asking Node.js for its version", Command::new("node").arg("--version"), Duration::from_secs(30))
        .is_ok()
    {
        return Ok(());
    }
    install(&["nodejs"], |what| Error::Missing {
        what: format!("`node` does not run, and {what}"),
        wanted: "Node.js 18 or newer, a JavaScript engine for the tests of policy.wasm",
        get: "apt-get install nodejs    (on Debian, as root)".to_owned(),
    })
}
