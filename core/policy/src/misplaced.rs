//! What is a policy's and stands where nothing reads it: keys of others are left alone, and so would these be, without a word.

use crate::block::{is_read_at_top, names_in, sections, step};
use crate::diagnostics::{Code, Diagnostic, quoted};
use crate::source::Source;
use crate::tree::{Entry, Node, Value};

/// Where entries stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the top of the file.
    Top,
    /// In an environment, beside `optimization`.
    Environment,
}

/// A warning for each entry whose name and content are a policy's, and whose place is another one.
pub(crate) fn misplaced(source: &Source, entries: &[Entry], place: Place, path: &str) -> Vec<Diagnostic> {
    let warning = |entry: &Entry| {
        let name = entry.key.text()?;
        let help = belongs(name, &entry.value, place)?;
        let at = if place == Place::Top { "at the top of the file" } else { "in an environment" };
        let message = format!("{} {at} is not read and has no effect", quoted(name));
        Some(Diagnostic::warning(source, &entry.key.mark, Code::Misplaced, message).at(step(path, name)).help(help))
    };
    entries.iter().filter_map(warning).collect()
}

/// Where it belongs.
fn belongs(name: &str, value: &Node, place: Place) -> Option<String> {
    let mut keys = value.entries().into_iter().flatten().filter_map(|entry| entry.key.text());
    let mut holds = |reads: &dyn Fn(&str) -> bool| keys.any(reads);
    let below = match place {
        Place::Top => "below `global_optimization`, or below `optimization` of an environment",
        Place::Environment => "below `optimization` of the environment",
    };
    // `guards` is one of its own name, below `autoscaling`.
    let section = sections().find(|section| section.rsplit('.').next() == Some(name));
    if let Some(section) = section
        && holds(&|key| names_in(section).any(|known| known == key))
    {
        let full = if section == name { String::new() } else { format!(" as `{section}`") };
        return Some(format!("put `{name}` {below}{full}"));
    }
    if section.is_none() && is_read_at_top(name) && value.text().is_some() {
        return Some(format!("put `{name}` {below}"));
    }
    match (name, place) {
        ("optimization", Place::Top) if holds(&is_read_at_top) => {
            Some("put it into an environment; what holds in all of them is `global_optimization`".to_owned())
        }
        ("rules" | "tests", Place::Environment) if matches!(value.value, Value::List(_)) => {
            let only = if name == "rules" { "environment == '…' in its `when`" } else { "its `environment`" };
            Some(format!("put `{name}` at the top of the file; one is of an environment by {only}"))
        }
        ("global_optimization", Place::Environment) if holds(&is_read_at_top) => {
            Some("put it at the top of the file; what holds in this environment is its `optimization`".to_owned())
        }
        _ => None,
    }
}
