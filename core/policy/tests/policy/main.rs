//! Policy files from the outside: what they resolve to, what is said about wrong ones, and that no text does harm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod any_text;
#[path = "../../../../fuzz/src/checks.rs"]
mod checks;
mod default_policy;
mod diagnostics;
mod fuzz_corpus;
mod layers;
mod limits;
mod lint;
mod overrides;
mod reference;
mod rendering;
mod rules;
mod spark_keys;
mod tests_of_policies;

use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_policy::{Diagnostic, PolicyFile, parse};

/// A file without problems.
fn good(text: &str) -> PolicyFile {
    let (file, diagnostics) = parse("policy.yaml", text);
    assert_eq!(brief(&diagnostics), [""; 0], "{text}");
    file
}

/// What a good file resolves to.
fn resolved(text: &str, environment: Option<&str>) -> ResolvedPolicy {
    good(text).resolve(environment, &[]).unwrap()
}

/// Diagnostics as `line:column-end code message`.
fn brief(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|d| {
            let end = if d.end_line == d.line {
                d.end_column.to_string()
            } else {
                format!("{}:{}", d.end_line, d.end_column)
            };
            format!("{}:{}-{end} {} {}", d.line, d.column, d.code.word(), d.message)
        })
        .collect()
}
