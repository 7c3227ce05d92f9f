//! `sparkwright inspect`.

use std::path::PathBuf;

use clap::Args;
use sparkwright_core::printable;

use super::terminal::{print, print_json};
use super::{Exit, Failure};
use crate::engine::{EngineOptions, Inspection, PolicyEngine, this_program};
use crate::file_error::FileError;
use crate::{bounded_file, conformance};

/// Shows what a policy module is: size, SHA-256, contract version, imports and exports, and why it is refused if it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 the module can be used, 1 it fails checks of --conformance, 2 it is refused, or a file can't be read.")]
pub struct Inspect {
    /// Policy module; the built-in one if not given.
    module: Option<PathBuf>,
    /// Refuse a module with another SHA-256.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Also check the module's behaviour against the contract, and against the questions and answers in this file (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    conformance: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let bytes: Vec<u8> = match &self.module {
            Some(path) => bounded_file::named(path).map_err(FileError::of("read the policy module", path))?,
            None => crate::assets::POLICY_MODULE.to_vec(),
        };
        let engine = PolicyEngine::new(EngineOptions { compiler: Some(this_program()?), ..EngineOptions::default() })?;
        let inspection = engine.inspect(&bytes, self.sha256.as_deref());
        let checked = match &self.conformance {
            Some(file) if inspection.refusal.is_none() => {
                let module = engine.load_module(&bytes, self.sha256.as_deref())?;
                let text = bounded_file::named_text(file).map_err(FileError::of("read the vectors", file))?;
                let vectors = conformance::read_vectors(&text).map_err(|error| {
                    Failure::new(format!("the vectors in `{}` can't be used: {error}", file.display()))
                        .help("a vector has a note, a point, a policy, an input, and what to expect")
                })?;
                let mut report = conformance::behaviour(&module);
                report.extend(conformance::run(&module, &vectors));
                Some(report)
            }
            _ => None,
        };
        if self.json {
            let json = serde_json::json!({ "module": inspection, "conformance": checked });
            print_json(&json)?;
        } else {
            print(&text(&inspection));
            if let Some(report) = &checked {
                print(&format!("\n{report}"));
            }
        }
        Ok(match checked {
            _ if inspection.refusal.is_some() => Exit::WrongInput,
            Some(report) if !report.passed() => Exit::Findings,
            _ => Exit::Fine,
        })
    }
}

fn text(inspection: &Inspection) -> String {
    let mut lines = vec![
        format!("size       {} bytes", inspection.size),
        format!("sha256     {}", inspection.sha256),
        format!("code       {}", inspection.code),
        match inspection.abi_version {
            Some(version) => format!("contract   version {version}"),
            None => "contract   unknown: the module was not run".to_owned(),
        },
    ];
    if let Some(metadata) = &inspection.metadata {
        lines.push(format!("name       {} {}", printable::line(&metadata.name), printable::line(&metadata.version)));
    }
    if let Some(description) = &inspection.description {
        lines.push(format!("decides    {}", printable::line(&description.decision_points.join(", "))));
    }
    if inspection.imports.is_empty() {
        lines.push("imports    none: it can compute and nothing else".to_owned());
    }
    for import in &inspection.imports {
        let name = format!("{}.{}", import.module, import.name);
        lines.push(format!("import     {} {}", import.kind, printable::line(&name)));
    }
    for export in &inspection.exports {
        lines.push(format!("export     {:12} {}", printable::line(&export.name), export.kind));
    }
    if let Some(refusal) = &inspection.refusal {
        lines.push(format!("REFUSED    {}", refusal.message));
    }
    lines.join("\n") + "\n"
}
