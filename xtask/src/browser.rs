//! The page in Chromium: its tests, its pictures, its bench (`tests/browser`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;
use sparkwright_tests::command::on_path;
use sparkwright_tests::{Error, paths};

use crate::node::Node;
use crate::{build, packages, setup};

/// Chromium by the names that it is installed under.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Debian's package of it.
const PACKAGE: &str = "chromium";

/// Chromium, and what drives it.
pub(crate) struct Browser {
    node: Node,
    chromium: PathBuf,
}

impl Browser {
    /// Finds them, or installs them.
    pub(crate) fn ensure() -> Result<Self> {
        let node = Node::ensure()?;
        node.packages(&folder())?;
        let find = || NAMES.into_iter().find_map(on_path);
        let missing = |what: &str| Error::Missing {
            what: format!("no Chromium found, and {what}"),
            wanted: "Chromium, as `chromium` on the PATH",
            get: format!("apt-get install {PACKAGE}    (Debian, as root)"),
        };
        if find().is_none() {
            packages::install(&[PACKAGE], missing)?;
        }
        let chromium = find().ok_or_else(|| missing("the package brought none"))?;
        Ok(Self { node, chromium })
    }

    /// A script of `tests/browser`, to be completed, which works with this `sparkwright` command.
    pub(crate) fn script(&self, name: &str, binary: &Path) -> Command {
        let mut command = self.node.command();
        command.arg(name).current_dir(folder());
        self.told(command, binary)
    }

    /// The tests of `tests/browser` whose name contains each word of `filter`, on this `sparkwright` command.
    pub(crate) fn tests(&self, binary: &Path, filter: &[&str]) -> Result<Command> {
        Ok(self.told(self.node.tests(&folder(), filter)?, binary))
    }

    /// A command that is told where everything is.
    fn told(&self, mut command: Command, binary: &Path) -> Command {
        command
            .env("SPARKWRIGHT_ASSETS", paths::assets())
            .env("SPARKWRIGHT_BINARY", binary)
            .env("SPARKWRIGHT_CHROMIUM", &self.chromium);
        command
    }
}

fn folder() -> PathBuf {
    paths::workspace().join("tests/browser")
}

/// Takes pictures of every view of the page: light and dark, on a telephone, a laptop and a large screen.
#[derive(Debug, Args)]
pub(crate) struct Screenshots {
    /// Where to put them.
    #[arg(default_value = "target/screenshots")]
    into: PathBuf,
    /// Which scenes (policy, problems, saving, environments, explore, account, timeline, runs, run); all when none is given.
    scenes: Vec<String>,
}

impl Screenshots {
    pub(crate) fn run(self) -> Result<()> {
        let browser = Browser::ensure()?;
        let binary = build::everything()?;
        let into = std::path::absolute(&self.into)?;
        setup::show(browser.script("screenshots.mjs", &binary).arg(into).args(&self.scenes))
    }
}
