//! `sparkwright explain` and `sparkwright runs`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use sparkwright_core::trace::render_ms;

use super::{Failure, print};
use crate::record::{self, Run, RunState};

/// Every decision of a run, why it was made, and what came of it.
#[derive(Debug, Args)]
pub struct Explain {
    /// The run: its id, the start of it, its folder, or `last`.
    #[arg(default_value = "last")]
    run: String,
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Only the report, without the traces.
    #[arg(long)]
    short: bool,
    /// Print the record as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let run = record::read(&record::find(&self.record, &self.run)?)?;
        if self.json {
            print(&(serde_json::to_string_pretty(&told(&run)?)? + "\n"));
        } else if self.short {
            print(&record::report(&run));
        } else {
            print(&record::explain(&run));
        }
        Ok(ExitCode::SUCCESS)
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

/// The recorded runs, newest first.
#[derive(Debug, Args)]
pub struct Runs {
    /// The folder that holds the runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    record: PathBuf,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

impl Runs {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let folders = record::list(&self.record);
        let runs: Vec<_> = folders.iter().filter_map(|folder| Some((folder, record::read(folder).ok()?))).collect();
        if self.json {
            let rows: Vec<_> = runs
                .iter()
                .map(|(folder, run)| {
                    serde_json::json!({
                        "folder": folder, "application": run.application, "mode": run.mode, "state": run.state,
                        "environment": run.policy.environment, "started_ms": run.started_ms, "ended_ms": run.ended_ms,
                        "decisions": run.decisions.len() as u64 + run.decisions_left_out, "faults": run.faults.len(),
                    })
                })
                .collect();
            print(&(serde_json::to_string_pretty(&rows)? + "\n"));
            return Ok(ExitCode::SUCCESS);
        }
        if runs.is_empty() {
            print(&format!("no run is recorded in {}: `sparkwright submit` records one\n", self.record.display()));
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["run", "name", "environment", "mode", "state", "took", "decisions", "faults"]);
        for (folder, run) in runs {
            let state = match run.state {
                RunState::Running => "running",
                RunState::Ended => "ended",
                RunState::HostLost => "host lost",
            };
            let until = run.ended_ms.unwrap_or(run.updated_ms);
            table.add_row([
                folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                run.application.name.clone(),
                run.policy.environment.clone(),
                run.mode.clone(),
                state.to_owned(),
                render_ms(until.saturating_sub(run.started_ms)),
                (run.decisions.len() as u64 + run.decisions_left_out).to_string(),
                run.faults.len().to_string(),
            ]);
        }
        print(&format!("{table}\n"));
        Ok(ExitCode::SUCCESS)
    }
}
