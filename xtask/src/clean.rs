//! `cargo xtask clean`.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sparkwright_tests::paths;

use crate::console;

/// Removes what was built, and with --all what was installed: below ~/.cache/sparkwright, and the page's packages.
#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// The virtual environments, the tables and the page's packages too.
    #[arg(long)]
    all: bool,
}

impl Clean {
    pub(crate) fn run(self) -> Result<()> {
        let mut folders = vec![paths::target(), paths::workspace().join("target")];
        if self.all {
            for folder in ["web/shell", "web/package", "tests/browser", "host/python/pyright"] {
                folders.push(paths::workspace().join(folder).join("node_modules"));
            }
            folders.push(paths::cache());
        }
        folders.dedup();
        for folder in folders {
            // A mistyped variable must not cost somebody a home.
            if folder.components().count() < 3 || paths::workspace().starts_with(&folder) {
                bail!("`{}` does not look like a folder of ours; remove it yourself", folder.display());
            }
            match fs::remove_dir_all(&folder) {
                Ok(()) => console::say(&format!("removed {}", folder.display())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot remove `{}`", folder.display())),
            }
        }
        Ok(())
    }
}
