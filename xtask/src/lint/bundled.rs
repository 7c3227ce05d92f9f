//! Licences of the npm packages whose code is in the page, which its build has listed: those that `deny.toml` allows.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use sparkwright_tests::paths;
use spdx::{Expression, Licensee};

use crate::console;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

/// Checks the list that the page carries.
pub(super) fn allowed() -> Result<()> {
    let allowed = on_the_list()?;
    let file = paths::assets().join("web/licenses.txt");
    let text = read(&file)?;
    let packages = bundled(&text);
    if packages.is_empty() {
        bail!("`{}` lists no package", file.display());
    }
    let refused: Vec<_> =
        packages.iter().filter(|(_, licence)| !is_allowed(licence, &allowed)).map(|(head, _)| head.as_str()).collect();
    if !refused.is_empty() {
        bail!("licences of packages in the page that deny.toml does not allow:\n  {}", refused.join("\n  "));
    }
    console::say(&format!("deny.toml allows the licences of the {} packages in the page", packages.len()));
    Ok(())
}

fn on_the_list() -> Result<Vec<Licensee>> {
    let file = paths::workspace().join("deny.toml");
    let deny: Deny = toml::from_str(&read(&file)?).with_context(|| format!("`{}`", file.display()))?;
    let licences = deny.licenses.allow.iter().map(|name| Licensee::parse(name));
    licences.collect::<Result<_, _>>().with_context(|| format!("`{}`", file.display()))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))
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

/// Whether an SPDX expression can be satisfied by these licences; one that can't be read is not.
fn is_allowed(expression: &str, allowed: &[Licensee]) -> bool {
    Expression::parse(expression)
        .is_ok_and(|expression| expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn expressions_are_held_to_the_list_of_the_workspace() {
        let allowed = on_the_list().unwrap();
        for (expression, fine) in [
            ("MIT", true),
            ("GPL-2.0-only OR MIT", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
            ("UNLICENSED", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), fine, "{expression}");
        }
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
