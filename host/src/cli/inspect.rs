//! `sparkwright inspect`.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::failure::WRONG_INPUT;
use super::{Failure, print};
use crate::conformance;
use crate::engine::{EngineOptions, Inspection, PolicyEngine};

/// What a policy module is: exports, version, size, SHA-256, that it has no imports, and why it is refused if it is.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The module; the one inside this program when left out.
    module: Option<PathBuf>,
    /// Refuse a module with another SHA-256 than this.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Also check the module's behaviour against the contract, and against the vectors of this file (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    conformance: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let bytes: Vec<u8> = match &self.module {
            Some(path) => fs::read(path)
                .map_err(|error| Failure::new(format!("the module {} can't be read: {error}", path.display())))?,
            None => crate::assets::POLICY_MODULE.to_vec(),
        };
        let engine = PolicyEngine::new(EngineOptions::default())?;
        let inspection = engine.inspect(&bytes, self.sha256.as_deref());
        let checked = match &self.conformance {
            Some(file) if inspection.refusal.is_none() => {
                let module = engine.load_module(&bytes, self.sha256.as_deref())?;
                let unreadable = |error: String| Failure::new(format!("{}: {error}", file.display()));
                let text = fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
                let vectors = conformance::read_vectors(&text).map_err(|error| unreadable(error.to_string()))?;
                let mut report = conformance::behaviour(&module);
                report.extend(conformance::run(&module, &vectors));
                Some(report)
            }
            _ => None,
        };
        if self.json {
            let json = serde_json::json!({ "module": inspection, "conformance": checked });
            print(&(serde_json::to_string_pretty(&json)? + "\n"));
        } else {
            print(&text(&inspection));
            if let Some(report) = &checked {
                print(&format!("\n{report}"));
            }
        }
        let fine = inspection.refusal.is_none() && checked.is_none_or(|report| report.passed());
        Ok(if fine { ExitCode::SUCCESS } else { ExitCode::from(WRONG_INPUT) })
    }
}

fn text(inspection: &Inspection) -> String {
    let mut lines = vec![
        format!("size       {} bytes", inspection.size),
        format!("sha256     {}", inspection.sha256),
        match inspection.abi_version {
            Some(version) => format!("contract   version {version}"),
            None => "contract   not asked: the module was not run".to_owned(),
        },
    ];
    if let Some(metadata) = &inspection.metadata {
        lines.push(format!("made as    {} {}", metadata.name, metadata.version));
    }
    if let Some(description) = &inspection.description {
        lines.push(format!("decides    {}", description.decision_points.join(", ")));
    }
    if inspection.imports.is_empty() {
        lines.push("imports    none: it can compute and nothing else".to_owned());
    }
    for import in &inspection.imports {
        lines.push(format!("import     {} {}.{}", import.kind, import.module, import.name));
    }
    for export in &inspection.exports {
        lines.push(format!("export     {:12} {}", export.name, export.kind));
    }
    if let Some(refusal) = &inspection.refusal {
        lines.push(format!("REFUSED    {}", refusal.message));
    }
    lines.join("\n") + "\n"
}
