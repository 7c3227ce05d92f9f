//! Lists of problems that people can read: in order, each once, and not more than anyone reads.

use std::cmp::Ordering;

use crate::diagnostics::{Code, Diagnostic};
use crate::source::Source;

/// The most problems that are listed.
const MOST_PROBLEMS: usize = 100;

/// Problems in the order of the file, each once, and not more than anyone reads.
pub(crate) fn tidy(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.sort_by(in_order);
    problems.dedup_by(|a, b| {
        let place = |d: &Diagnostic| (d.line, d.column, d.code);
        a.file == b.file && place(a) == place(b) && a.message == b.message
    });
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    if more > 0 {
        // No error gives way to a warning.
        problems.sort_by_key(|problem| problem.severity);
        let worst = problems.iter().skip(MOST_PROBLEMS).map(|problem| problem.severity).min();
        problems.truncate(MOST_PROBLEMS);
        problems.sort_by(in_order);
        if let Some(last) = problems.last().cloned() {
            let source = Source::new(&last.file, "");
            let what = if more == 1 { "1 more problem is".to_owned() } else { format!("{more} more problems are") };
            let mut note = Diagnostic::placeless(&source, Code::MoreProblems, format!("{what} not listed"));
            note.severity = worst.unwrap_or(note.severity);
            problems.push(note);
        }
    }
    problems
}

fn in_order(a: &Diagnostic, b: &Diagnostic) -> Ordering {
    let place = |d: &Diagnostic| (d.line, d.column, d.severity, d.code);
    (&a.file, place(a), &a.message).cmp(&(&b.file, place(b), &b.message))
}
