//! `cargo xtask bench`.

use anyhow::{Result, bail};
use clap::Args;
use sparkwright_tests::paths;

use crate::browser::Browser;
use crate::{build, setup};

/// Every bench, by the package that it belongs to.
const PACKAGES: &[(&str, &[&str])] = &[
    ("sparkwright", &["decision"]),
    ("sparkwright-replay", &["replay"]),
    ("sparkwright-tests", &["overhead", "gain", "tpch", "automl", "controllers", "learning"]),
];
/// The bench that is no package's: the page, in Chromium.
const PAGE: &str = "page";

/// Measures, and prints tables: what a decision costs, what steering gains, how far off a replay is, how fast the page is.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Which benches (decision, replay, overhead, gain, tpch, automl, controllers, learning, page); all when none is given.
    names: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        let known = || PACKAGES.iter().flat_map(|(_, benches)| benches.iter().copied()).chain([PAGE]);
        if let Some(unknown) = self.names.iter().find(|name| !known().any(|known| known == name.as_str())) {
            bail!("there is no bench `{unknown}`; there are {}", known().collect::<Vec<_>>().join(", "));
        }
        let wanted = |name: &str| self.names.is_empty() || self.names.iter().any(|wanted| wanted == name);
        if wanted(PAGE) {
            let browser = Browser::ensure()?;
            setup::show(&mut browser.script("bench.mjs", &build::everything()?))?;
        }
        if !self.names.is_empty() && self.names.iter().all(|name| name == PAGE) {
            return Ok(());
        }
        let venv = setup::venv()?;
        let tables = setup::tables(&venv)?;
        let binary = build::everything()?;
        for (package, benches) in PACKAGES {
            let names: Vec<&str> =
                benches.iter().filter(|bench| wanted(bench)).flat_map(|bench| ["--bench", *bench]).collect();
            if names.is_empty() {
                continue;
            }
            setup::show(
                setup::cargo(&["bench", "--package", package])
                    .args(names)
                    .env("SPARKWRIGHT_ASSETS", paths::assets())
                    .env("SPARKWRIGHT_BINARY", &binary)
                    .env("SPARKWRIGHT_VENV", venv.folder())
                    .env("SPARKWRIGHT_NYCFLIGHTS13", &tables),
            )?;
        }
        Ok(())
    }
}
