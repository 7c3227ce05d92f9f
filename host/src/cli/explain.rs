//! `sparkwright explain` and `sparkwright runs`.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use sparkwright_core::printable;
use sparkwright_core::trace::render_ms;

use super::terminal::{counted, note, print, print_json, table};
use super::{Exit, Failure};
use crate::record::{self, Run, RunState};

/// Shows every decision of a run, why it was made, and what came of it.
#[derive(Debug, Args)]
pub struct Explain {
    /// Run: its id, the beginning of its id, its folder, or `last`.
    #[arg(default_value = "last")]
    run: String,
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Print only the report, without the traces.
    #[arg(long)]
    short: bool,
    /// Print the record as a JSON object.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let run = record::read(&record::find(&self.record, &self.run)?)?;
        if self.json {
            print_json(&told(&run)?)?;
        } else if self.short {
            print(&record::report(&run));
        } else {
            print(&record::explain(&run));
        }
        Ok(Exit::Fine)
    }
}

/// The record with what `plan --json` says of a decision beside what is recorded of it.
fn told(run: &Run) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(run)?;
    let decisions = json.get_mut("decisions").and_then(Value::as_array_mut).into_iter().flatten();
    for (recorded, decision) in decisions.zip(&run.decisions) {
        if let (Some(members), Value::Object(told)) = (recorded.as_object_mut(), serde_json::to_value(decision.told())?)
        {
            members.extend(told);
        }
    }
    Ok(json)
}

/// Lists the recorded runs, newest first.
#[derive(Debug, Args)]
pub struct Runs {
    /// Folder that holds the recorded runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

impl Runs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let folders = record::list(&self.record);
        let runs: Vec<_> = folders.iter().filter_map(|folder| Some((folder, record::read(folder).ok()?))).collect();
        let unreadable = folders.len() - runs.len();
        if unreadable > 0 {
            let left_out = counted(unreadable, "run");
            note(&format!("left out {left_out} that can't be read; `sparkwright explain FOLDER` says why"));
        }
        if self.json {
            let rows: Vec<_> = runs
                .iter()
                .map(|(folder, run)| {
                    serde_json::json!({
                        "folder": folder, "application": run.application, "mode": run.mode, "state": run.state,
                        "environment": run.policy.environment, "started_ms": run.started_ms, "ended_ms": run.ended_ms,
                        "took_ms": run.took_ms(),
                        "decisions": run.decisions.len() as u64 + run.decisions_left_out, "faults": run.faults.len(),
                    })
                })
                .collect();
            print_json(&rows)?;
            return Ok(Exit::Fine);
        }
        if runs.is_empty() {
            print(&format!("no runs in {}; `sparkwright submit` records one\n", self.record.display()));
            return Ok(Exit::Fine);
        }
        let mut table = table(["run", "name", "environment", "mode", "state", "took", "decisions", "faults"]);
        for (folder, run) in runs {
            let state = match run.state {
                RunState::Running => "running",
                RunState::Ended => "ended",
                RunState::HostLost => "host lost",
            };
            table.add_row([
                folder
                    .file_name()
                    .map(|name| printable::line(&name.to_string_lossy()).into_owned())
                    .unwrap_or_default(),
                printable::line(&run.application.name).into_owned(),
                printable::line(&run.policy.environment).into_owned(),
                printable::line(&run.mode).into_owned(),
                state.to_owned(),
                render_ms(run.took_ms()),
                (run.decisions.len() as u64 + run.decisions_left_out).to_string(),
                run.faults.len().to_string(),
            ]);
        }
        print(&format!("{table}\n"));
        Ok(Exit::Fine)
    }
}
