//! Each promise of the README's "What it never does" links to its tests.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Checks the links of each promise below `workspace`: the file is there, and has the tests that the link names.
pub(super) fn check(workspace: &Path) -> Result<()> {
    let readme = workspace.join("README.md");
    let text = std::fs::read_to_string(&readme).with_context(|| format!("cannot read `{}`", readme.display()))?;
    let section = text.split_once("## What it never does\n").context("README.md has no `What it never does`")?.1;
    let list = section.trim_start().split("\n\n").next().unwrap_or_default();
    let promises: Vec<&str> = list.split("\n- ").map(|promise| promise.trim_start_matches("- ")).collect();
    if promises.len() < 2 {
        bail!("README.md promises nothing");
    }
    for promise in promises {
        let links = links(promise);
        if links.is_empty() {
            bail!("README.md: no test is named for: {promise}");
        }
        for (label, target) in links {
            let file = workspace.join(target);
            if file.is_dir() {
                continue;
            }
            let tests = std::fs::read_to_string(&file).with_context(|| format!("README.md links to `{target}`"))?;
            for name in label.split('`').skip(1).step_by(2).filter(|name| !target.ends_with(name)) {
                if !tests.contains(&format!(" {name}(")) {
                    bail!("README.md: `{target}` has no test `{name}`");
                }
            }
        }
    }
    Ok(())
}

/// The links of a text in Markdown, each a label and a target.
fn links(text: &str) -> Vec<(&str, &str)> {
    let closing = text.match_indices("](");
    closing
        .filter_map(|(at, _)| {
            let label = text.get(..at)?.rsplit('[').next()?;
            let target = text.get(at + 2..)?.split(')').next()?;
            Some((label, target))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_promise_has_its_tests() {
        check(&sparkwright_tests::paths::workspace()).unwrap();
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tests.rs"), "fn kept() {}").unwrap();
        for (promises, fine) in [
            ("- Lose a row ([`kept`](tests.rs)).\n- Lose another ([`tests.rs`](tests.rs)).", true),
            ("- Lose a row ([`kept`](tests.rs)).\n- Lose another.", false),
            ("- Lose a row ([`lost`](tests.rs)).\n- Lose another ([`kept`](tests.rs)).", false),
            ("- Lose a row ([`kept`](nowhere.rs)).\n- Lose another ([`kept`](tests.rs)).", false),
            ("", false),
        ] {
            let text = format!("# It\n\n## What it never does\n\n{promises}\n\nMore.\n");
            std::fs::write(folder.path().join("README.md"), text).unwrap();
            assert_eq!(check(folder.path()).is_ok(), fine, "{promises}");
        }
    }
}
