//! One `optimization` block: the settings of `global_optimization`, of an environment or of an override.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sparkwright_core::policy::key::Key;
use sparkwright_core::policy::keys;

use crate::diagnostics::{Code, Diagnostic, any_of, plain_text, quoted};
use crate::nearest::nearest;
use crate::source::{Mark, Source};
use crate::tree::{Entry, Node};
use crate::value::{Site, check, description};

/// A key with the value that a block gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: &'static Key,
    /// The value as the resolved policy has it.
    pub(crate) value: Json,
    /// The place of the value.
    pub(crate) mark: Mark,
    /// The path from the top of the file, as written.
    pub(crate) path: String,
}

/// What a block sets, by the key's path within a block, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) settings: BTreeMap<String, Setting>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// The sections, as `autoscaling` and `autoscaling.guards`, in the order of the key table.
pub(crate) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    keys().map(|key| key.section).filter(move |section| std::mem::replace(&mut last, section) != *section)
}

/// The names that stand directly below `section` (the empty one is the top of a block): keys and sections.
pub(crate) fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    let below = sections().filter_map(move |path| match path.rsplit_once('.') {
        Some((parent, name)) => (parent == section).then_some(name),
        None => section.is_empty().then_some(path),
    });
    let keys = keys().filter(move |key| key.section == section);
    keys.map(|key| key.name).chain(below)
}

/// Whether a block reads this name at its top: a section, or a key that only one section has.
pub(crate) fn is_read_at_top(name: &str) -> bool {
    names_in("").any(|known| known == name) || keys().filter(|key| key.name == name).count() == 1
}

/// Reads a block. `path` leads to it from the top of the file; `key` is the place of its own key.
pub(crate) fn read_block(source: &Source, node: &Node, path: &str, key: Mark) -> Block {
    let mut reader = Reader { source, block: Block::default() };
    reader.section("", node, path, key);
    reader.block
}

/// `node` as a mapping; nothing for null, as a section whose lines are all comments is one.
pub(crate) fn mapping<'n>(
    source: &Source,
    node: &'n Node,
    path: &str,
    name: &str,
    key: Mark,
) -> Result<&'n [Entry], Box<Diagnostic>> {
    if node.is_null() {
        return Ok(&[]);
    }
    node.entries().ok_or_else(|| {
        let found = description(node);
        let site = Site { source, path, name, key };
        let message = format!("{} takes keys with values, not {found}", quoted(name));
        let problem = site.error(node, Code::WrongType, message).expected("keys with values").found(found);
        Box::new(problem)
    })
}

/// The text of a key; an error where it has none.
pub(crate) fn key_text<'n>(source: &Source, key: &'n Node, path: &str) -> Result<&'n str, Box<Diagnostic>> {
    key.text().ok_or_else(|| {
        let problem =
            Diagnostic::error(source, &key.mark, Code::WrongType, "a key must be a word, not a list or mapping");
        Box::new(problem.at(path).expected("a key").found(description(key)))
    })
}

/// The error for a key that stands twice.
pub(crate) fn duplicate(source: &Source, key: &Node, name: &str, path: &str, first: &Mark) -> Diagnostic {
    let message = format!("{} is set twice; first on line {}", quoted(name), first.line);
    Diagnostic::error(source, &key.mark, Code::DuplicateKey, message).at(path).help("keep one of the two")
}

/// `path` and `name` with a dot between them.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { [path, name].join(".") }
}

/// `path` and a key that the author chose, fit to be shown.
pub(crate) fn step(path: &str, name: &str) -> String {
    join(path, &plain_text(name))
}

struct Reader<'s> {
    source: &'s Source,
    block: Block,
}

impl Reader<'_> {
    fn report(&mut self, problem: impl Into<Box<Diagnostic>>) {
        self.block.problems.push(*problem.into());
    }

    fn section(&mut self, section: &'static str, node: &Node, path: &str, key: Mark) {
        let name = if section.is_empty() { path } else { section };
        let name = if name.is_empty() { "the override" } else { name };
        let entries = match mapping(self.source, node, path, name, key) {
            Ok(entries) => entries,
            Err(problem) => return self.report(problem),
        };
        let mut seen: BTreeMap<&str, Mark> = BTreeMap::new();
        for Entry { key, value } in entries {
            let name = match key_text(self.source, key, path) {
                Ok(name) => name,
                Err(problem) => {
                    self.report(problem);
                    continue;
                }
            };
            let path = step(path, name);
            if let Some(first) = seen.get(name) {
                self.report(duplicate(self.source, key, name, &path, first));
                continue;
            }
            seen.insert(name, key.mark);
            self.entry(section, key, name, value, &path);
        }
    }

    fn entry(&mut self, section: &'static str, key: &Node, name: &str, value: &Node, path: &str) {
        let below = join(section, name);
        if let Some(below) = sections().find(|section| *section == below) {
            return self.section(below, value, path, key.mark);
        }
        let named: Vec<&'static Key> = keys().filter(|key| key.name == name).collect();
        let here = named.iter().find(|key| key.section == section);
        // A shorthand: at the top of a block a name that only one section has stands for its full path.
        let here = here.copied().or(match named.as_slice() {
            [only] if section.is_empty() => Some(*only),
            _ => None,
        });
        match here {
            Some(known) => self.setting(known, key, value, path),
            None => self.unknown(section, key, name, path),
        }
    }

    fn setting(&mut self, known: &'static Key, key: &Node, value: &Node, path: &str) {
        let name = known.path();
        if let Some(first) = self.block.settings.get(&name) {
            let problem = duplicate(self.source, key, &name, path, &first.mark);
            return self.report(problem);
        }
        let site = Site { source: self.source, path, name: &name, key: key.mark };
        match check(known, value, &site) {
            Ok(json) => {
                let mark = if value.mark.is_empty() { key.mark } else { value.mark };
                let setting = Setting { key: known, value: json, mark, path: path.to_owned() };
                self.block.settings.insert(name, setting);
            }
            Err(problem) => self.report(problem),
        }
    }

    fn unknown(&mut self, section: &str, key: &Node, name: &str, path: &str) {
        let error = |code, message: String| {
            Diagnostic::error(self.source, &key.mark, code, message).at(path).found(quoted(name))
        };
        let homes: Vec<&str> = keys().filter(|key| key.name == name).map(|key| key.section).collect();
        if section.is_empty() && homes.len() > 1 {
            let message = format!("{} is a key of several sections", quoted(name));
            let help = format!("write it below {}", any_of(homes));
            let problem = error(Code::AmbiguousKey, message).help(help);
            return self.report(problem);
        }
        let place = if section.is_empty() { "an optimization block".to_owned() } else { quoted(section) };
        let message = format!("unknown key {} in {place}", quoted(name));
        let full = |path: &str| keys().any(|key| key.path() == path);
        let help = if !homes.is_empty() {
            format!("it belongs in {}", any_of(homes))
        } else if let Some((parent, name)) = name.rsplit_once('.').filter(|_| full(name)) {
            format!("write `{name}` below `{parent}`")
        } else if let Some(meant) = nearest(name, names_in(section)) {
            format!("did you mean `{meant}`?")
        } else if let Some(meant) = nearest(name, keys().map(|key| key.name)) {
            let homes = keys().filter(|key| key.name == meant);
            let homes = homes.map(|key| key.section);
            format!("did you mean `{meant}` in {}?", any_of(homes))
        } else {
            format!("expected one of {}", any_of(names_in(section)))
        };
        let expected = any_of(names_in(section));
        let problem = error(Code::UnknownKey, message).expected(expected).help(help);
        self.report(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_from_the_key_table() {
        assert_eq!(
            sections().collect::<Vec<_>>(),
            ["autoscaling", "autoscaling.guards", "temp_tables", "pipeline", "monitoring", "cost"]
        );
        assert!(names_in("autoscaling").any(|name| name == "guards"));
        assert!(names_in("").eq(["autoscaling", "temp_tables", "pipeline", "monitoring", "cost"]));
    }
}
