//! `cargo xtask demo`: one PySpark program on one small cluster, without and with Sparkwright, side by side.

mod compare;
mod decisions;
mod proof;
mod runs;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use sparkwright_tests::cluster::{Size, StandaloneCluster};
use sparkwright_tests::java::Java;
use sparkwright_tests::venv::Venv;

use crate::console::{self, Step};
use crate::{build, setup};
use runs::{Place, Steering};

/// Runs a plain PySpark program on a small Spark cluster, without and with Sparkwright, and shows both side by side.
///
/// The program reads the flights out of New York City in 2013, joins and aggregates them and fits models for late arrivals. It
/// imports nothing of Sparkwright's and caches nothing. The cluster (a master and three workers) runs on this machine, on
/// loopback only, and ends with the demo.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask demo           the whole demo
  cargo xtask demo --keep    and keep outputs, logs, event logs and the record of the steered run
  cargo xtask demo --local   in one process (local[2]) instead of on a cluster: caching and partitions only
  cargo xtask demo --kept-unsteered
                             beside the unsteered run of an earlier call, which saves half of the time")]
pub(crate) struct Demo {
    /// Keep the outputs, logs, event logs and the record of the run.
    #[arg(long)]
    keep: bool,
    /// Run on a local master of two threads instead of on a cluster; executors cannot move then.
    #[arg(long)]
    local: bool,
    /// Take the unsteered run of an earlier call, where one is kept: its times are those of then.
    #[arg(long)]
    kept_unsteered: bool,
}

/// Three workers of two cores: six executors at most, on however many real cores there are. config.yaml's production starts with four.
const CLUSTER: Size = Size { workers: 3, cores: 2, memory_mib: 3072 };

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        let java = Java::find()?;
        let venv = setup::venv()?;
        let tables = setup::tables(&venv)?;
        let binary = build::everything()?;
        console::say(&format!("Spark from PyPI in {}, Java {}", venv.folder().display(), java.version));
        let folder = folder()?;
        let shown = self.show(&venv, &tables, &binary, &folder);
        if self.keep || shown.is_err() {
            eprintln!("\nOutputs, logs and records are in {}", folder.display());
        } else {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
        }
        shown
    }

    fn show(&self, venv: &Venv, tables: &Path, binary: &Path, folder: &Path) -> Result<()> {
        let mut cluster = None;
        let place = if self.local {
            Place::Local
        } else {
            let step = Step::begin("starting a Spark cluster of three workers on loopback");
            let started = cluster.insert(StandaloneCluster::start(venv, CLUSTER, &folder.join("cluster"), &|_| {})?);
            step.end();
            Place::Cluster(started.url())
        };
        let plain = if self.kept_unsteered {
            runs::kept(venv, tables, &place, &CLUSTER)?
        } else {
            runs::run(venv, tables, &place, &folder.join("unsteered"), None)?
        };
        let steering = Steering { binary, records: folder.join("runs") };
        let steered = runs::run(venv, tables, &place, &folder.join("steered"), Some(&steering))?;
        if let Some(mut cluster) = cluster {
            let step = Step::begin("stopping the cluster");
            cluster.stop();
            step.end();
        }

        let rows = compare::equal(&plain.results, &steered.results)?;
        println!("\n{}", console::heading("late_arrivals.py, without and with Sparkwright"));
        println!("{}", table::side_by_side(&plain, &steered));
        println!("Results: the same {rows} rows (numbers within 1e-6).");
        println!(
            "Spark's event log of the steered run: {}.",
            proof::of_steering(&plain.log, &steered.log, !self.local)?
        );
        let record = decisions::find(&steering.records)?;
        println!("\n{}", console::heading("The three decisions that mattered"));
        println!("{}", decisions::told(&record));
        println!("`sparkwright explain` tells all {} with --keep.", record.decisions.len());
        Ok(())
    }
}

/// A new folder for what the demo makes.
fn folder() -> Result<PathBuf> {
    let folder =
        tempfile::Builder::new().prefix("sparkwright-demo-").tempdir().context("cannot make a temporary folder")?;
    Ok(folder.keep())
}
