//! Lists at the top of a policy file whose items have known keys: `rules` and `tests`.

use sparkwright_core::abi::DecisionPoint;

use crate::block::{duplicate, key_text, mapping, step};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
use crate::nearest::nearest;
use crate::source::Source;
use crate::tree::{Entry, Node, Value};
use crate::value::description;

/// What such a list is made of.
pub(crate) struct ItemList {
    /// Its key, as `rules`.
    pub(crate) name: &'static str,
    /// One of it, as `rule`.
    pub(crate) item: &'static str,
    /// The keys that an item has.
    pub(crate) keys: &'static [&'static str],
    /// The most items.
    pub(crate) most: usize,
    /// How an item begins, for whoever wrote no list.
    pub(crate) begins_with: &'static str,
}

/// An item with those of its entries that are known.
pub(crate) struct Item<'n> {
    pub(crate) node: &'n Node,
    pub(crate) path: String,
    entries: Vec<(&'static str, &'n Entry)>,
}

impl<'n> Item<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, entry)| *entry)
    }
}

impl ItemList {
    /// The items of the list below `key`, as far as they can be read; what is wrong goes to `problems`.
    pub(crate) fn items<'n>(
        &self,
        source: &Source,
        key: &Node,
        node: &'n Node,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Item<'n>> {
        let Self { name, item, most, begins_with, .. } = self;
        if node.is_null() {
            return Vec::new();
        }
        let Value::List(items) = &node.value else {
            let found = description(node);
            let message = format!("`{name}` takes a list of {item}s, not {found}");
            let problem = Diagnostic::error(source, &node.mark, Code::WrongType, message).at(*name);
            let problem = problem.expected(format!("a list of {item}s")).found(found);
            problems.push(problem.help(format!("begin each {item} with `{begins_with}`")));
            return Vec::new();
        };
        if items.len() > *most {
            let message = format!("there are {} {item}s; at most {most} are allowed", items.len());
            let problem = Diagnostic::error(source, &key.mark, Code::OutOfRange, message).at(*name);
            problems.push(problem.expected(format!("at most {most} {item}s")));
            return Vec::new();
        }
        items.iter().enumerate().filter_map(|(index, node)| self.read(source, index, node, problems)).collect()
    }

    fn read<'n>(
        &self,
        source: &Source,
        index: usize,
        node: &'n Node,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Item<'n>> {
        let path = format!("{}[{index}]", self.name);
        let all = match mapping(source, node, &path, &format!("a {}", self.item), node.mark) {
            Ok(entries) => entries,
            Err(problem) => {
                problems.push(*problem);
                return None;
            }
        };
        let mut entries: Vec<(&'static str, &Entry)> = Vec::new();
        for entry in all {
            let name = match key_text(source, &entry.key, &path) {
                Ok(name) => name,
                Err(problem) => {
                    problems.push(*problem);
                    continue;
                }
            };
            let path = step(&path, name);
            let Some(key) = self.keys.iter().find(|key| **key == name) else {
                let message = format!("unknown key {} in a {}", quoted(name), self.item);
                let problem = Diagnostic::error(source, &entry.key.mark, Code::UnknownKey, message).at(path);
                let known = || self.keys.iter().copied();
                problems.push(problem.expected(any_of(known())).found(quoted(name)).help(meant(name, known())));
                continue;
            };
            match entries.iter().find(|(other, _)| other == key) {
                Some((_, first)) => problems.push(duplicate(source, &entry.key, name, &path, &first.key.mark)),
                None => entries.push((key, entry)),
            }
        }
        Some(Item { node, path, entries })
    }
}

/// What to do about a word that is none of `known`.
fn meant<'k>(word: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected one of {}", any_of(known)),
    }
}

/// The decision point that a value names; what is wrong goes to `problems`.
pub(crate) fn decision_point(
    source: &Source,
    node: &Node,
    path: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<DecisionPoint> {
    let word = node.text().unwrap_or_default();
    let point = DecisionPoint::from_name(word);
    if point.is_none() {
        let names = DecisionPoint::ALL.map(DecisionPoint::name);
        let message = format!("unknown decision point {}", quoted(word));
        let problem = Diagnostic::error(source, &node.mark, Code::UnknownWord, message).at(path);
        let problem = problem.expected(any_of(names)).found(description(node));
        problems.push(problem.help(meant(word, names.into_iter())));
    }
    point
}
