//! `cargo xtask lint`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sparkwright_tests::paths;

use crate::metadata::Package;
use crate::node::Node;
use crate::toolchain::{TARGET, Toolchain};
use crate::{build, console, python, setup};

/// Checks format, lints, types and licences: rustfmt, clippy, javac, ruff, mypy, pyright, tsc.
#[derive(Debug, Args)]
pub(crate) struct Lint {}

/// Licences that a dependency may have, in SPDX's words; of alternatives (`OR`) one is enough.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

impl Lint {
    pub(crate) fn run(self) -> Result<()> {
        setup::show(&mut setup::cargo(&["fmt", "--all", "--check"]))?;
        // The host does not compile without what it embeds.
        build::assets()?;
        setup::show(
            setup::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
                .env("SPARKWRIGHT_ASSETS", paths::assets()),
        )?;
        for_wasm()?;
        setup::show(
            setup::cargo(&["doc", "--workspace", "--exclude", "sparkwright-guest", "--no-deps", "--quiet"])
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("RUSTDOCFLAGS", "--deny warnings"),
        )?;
        for edition in build::plugin::EDITIONS {
            build::plugin::check(&edition)?;
            console::say(&format!("javac has nothing against the plugin for {}", edition.spark));
        }
        let venv = setup::venv()?;
        setup::show(
            Command::new(venv.command("ruff"))
                .args([
                    "check",
                    "--quiet",
                    "--config",
                    "tests/ruff.toml",
                    "tests",
                    "host",
                    "core",
                    "--exclude",
                    "host/python",
                ])
                .current_dir(paths::workspace()),
        )?;
        // The package has a configuration of its own on top of that one, which knows what is its own.
        setup::show(Command::new(venv.command("ruff")).args(["check", "--quiet"]).current_dir(python::sources()))?;
        python::check_types()?;
        setup::show(&mut Node::ensure()?.npm(&["run", "--silent", "check"]))?;
        licences()?;
        bundled_licences()
    }
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

fn licences() -> Result<()> {
    let packages = Package::all()?;
    let refused: BTreeSet<String> = packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(allowed))
        .map(|package| {
            format!("{} {}: {}", package.name, package.version, package.license.as_deref().unwrap_or("none"))
        })
        .collect();
    none_refused(refused)?;
    console::say(&format!("the licences of {} packages are on the list", packages.len()));
    Ok(())
}

fn none_refused(refused: BTreeSet<String>) -> Result<()> {
    if !refused.is_empty() {
        let list = refused.into_iter().collect::<Vec<_>>().join("\n  ");
        bail!("licences that are not on the list in xtask/src/lint.rs:\n  {list}");
    }
    Ok(())
}

/// Licences of the npm packages whose code is in the page, which its build has listed.
fn bundled_licences() -> Result<()> {
    let file = paths::assets().join("web/licenses.txt");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let packages = bundled(&text);
    if packages.is_empty() {
        bail!("`{}` lists no package", file.display());
    }
    let count = packages.len();
    none_refused(packages.into_iter().filter(|(_, licence)| !allowed(licence)).map(|it| it.0).collect())?;
    console::say(&format!("the licences of {count} packages in the page are on the list"));
    Ok(())
}

/// The heads of a list of licences, `name 1.2.3 (MIT)`, each with the licence that it names.
fn bundled(text: &str) -> Vec<(String, &str)> {
    text.split(&"-".repeat(80))
        .filter_map(|notice| notice.trim_start().lines().next())
        .map(|head| {
            let licence = head.split_once(" (").and_then(|(_, behind)| behind.strip_suffix(')'));
            (head.to_owned(), licence.unwrap_or_default())
        })
        .collect()
}

/// Whether an SPDX expression can be satisfied from [`LICENCES`]: `AND` binds closer than `OR`; `/` is an old `OR`.
fn allowed(expression: &str) -> bool {
    // "(A OR B) AND C" is the one form with parentheses that occurs: each part in turn.
    if let Some((alternatives, rest)) = expression.strip_prefix('(').and_then(|rest| rest.split_once(") AND ")) {
        return allowed(alternatives) && allowed(rest);
    }
    expression.replace('/', " OR ").split(" OR ").any(|alternative| {
        alternative.split(" AND ").all(|one| LICENCES.contains(&one.trim().trim_matches(['(', ')'])))
    })
}

#[cfg(test)]
mod tests {
    use super::{allowed, bundled};

    #[test]
    fn expressions() {
        assert!(allowed("MIT OR Apache-2.0"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(allowed("GPL-2.0 OR MIT"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!allowed("GPL-3.0"));
        assert!(!allowed("MIT AND GPL-3.0"));
        assert!(!allowed("(MIT OR Apache-2.0) AND GPL-3.0"));
    }

    #[test]
    fn heads_of_bundled_packages() {
        let rule = "-".repeat(80);
        let text =
            format!("@a/b 1.0.0 (MIT)\n\nMIT License\n(c)\n\n{rule}\n\nc 2.1.0 (GPL-3.0 OR (MIT AND Zlib))\n\nText\n");
        let licences: Vec<_> = bundled(&text).into_iter().map(|(_, licence)| licence.to_owned()).collect();
        assert_eq!(licences, ["MIT", "GPL-3.0 OR (MIT AND Zlib)"]);
    }
}
