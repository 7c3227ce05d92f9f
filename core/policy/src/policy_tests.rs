//! The `tests` of a policy file: facts in, expectations out. They are read here; `sparkwright test` asks the policy module.

use serde_json::{Map, Value as Json};
use sparkwright_core::abi::DecisionPoint;

use crate::block::{join, key_text};
use crate::diagnostics::{Code, Diagnostic, quoted};
use crate::item_list::{Item, ItemList, decision_point};
use crate::overrides::Override;
use crate::scalar::Plain;
use crate::source::{Mark, Source};
use crate::tree::{Entry, Node, Value};
use crate::written_facts;

/// The keys of a test.
const KEYS: [&str; 6] = ["name", "environment", "set", "point", "facts", "expect"];
/// The most tests of a policy file.
const MOST_TESTS: usize = 1_000;

/// A test of a policy, as its file states it.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyTest {
    /// What it is called.
    pub name: String,
    /// The environment whose policy is asked; that of the file where it names none.
    pub environment: Option<String>,
    /// What it changes of that policy, as a runtime override does.
    pub change: Option<Override>,
    /// The decision point.
    pub point: DecisionPoint,
    /// The question. Sizes may be written with their unit, as `100GB`.
    pub facts: Json,
    /// What the answer must hold: plain values, or `at_least`, `at_most`, `one_of` and `is_set` for bounds of them.
    pub expect: Json,
    /// The line of the file that it begins on, from 1.
    pub line: usize,
}

/// Reads the list below `tests`.
pub(crate) fn read_tests(source: &Source, key: &Node, node: &Node) -> (Vec<PolicyTest>, Vec<Diagnostic>) {
    let list = ItemList { name: "tests", item: "test", keys: &KEYS, most: MOST_TESTS, begins_with: "- name:" };
    let mut reader = Reader { source, problems: Vec::new() };
    let items = list.items(source, key, node, &mut reader.problems);
    let tests = items.iter().enumerate().filter_map(|(index, item)| reader.test(index, item)).collect();
    (tests, reader.problems)
}

struct Reader<'s> {
    source: &'s Source,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, mark: &Mark, code: Code, message: impl Into<String>, path: &str, help: impl Into<String>) {
        self.problems.push(Diagnostic::error(self.source, mark, code, message).at(path).help(help));
    }

    fn test(&mut self, index: usize, item: &Item<'_>) -> Option<PolicyTest> {
        let Item { node, path, .. } = item;
        let of = |name: &str| item.get(name);
        let text = |entry: &Entry| entry.value.text().map(ToOwned::to_owned);
        let name = of("name").and_then(text).unwrap_or_else(|| format!("test {}", index + 1));
        let change =
            of("set").map(|entry| Override::of_block(self.source, &entry.value, &join(path, "set"), entry.key.mark));
        if let Some(change) = &change {
            self.problems.extend(change.diagnostics().iter().cloned());
        }
        let point = match of("point") {
            Some(entry) => decision_point(self.source, &entry.value, &join(path, "point"), &mut self.problems)?,
            None => DecisionPoint::PlanLaunch,
        };
        let facts = of("facts").map_or_else(|| Json::Object(Map::new()), |entry| self.json(&entry.value, "", path));
        let Some(expect) =
            of("expect").map(|entry| self.json(&entry.value, "", path)).filter(|expect| !expect.is_null())
        else {
            let message = format!("{} has no `expect`", quoted(&name));
            let help = "say what the answer must hold, as in `expect: {executors: 4}`";
            self.error(&node.mark, Code::NullNotAllowed, message, path, help);
            return None;
        };
        Some(PolicyTest {
            name,
            environment: of("environment").and_then(text),
            change,
            point,
            facts,
            expect,
            line: node.mark.line,
        })
    }

    /// A value as JSON; `name` is the key that it stands under, which says whether a text is a size.
    fn json(&mut self, node: &Node, name: &str, path: &str) -> Json {
        match &node.value {
            Value::List(items) => items.iter().map(|item| self.json(item, name, path)).collect(),
            Value::Map(entries) => {
                let mut members = Map::new();
                for Entry { key, value } in entries.iter() {
                    match key_text(self.source, key, path) {
                        Ok(text) => {
                            // Bounds of a size are sizes too.
                            let under = if matches!(text, "at_least" | "at_most" | "one_of") { name } else { text };
                            let value = self.json(value, under, path);
                            members.insert(text.to_owned(), value);
                        }
                        Err(problem) => self.problems.push(*problem),
                    }
                }
                Json::Object(members)
            }
            Value::Scalar { text, .. } => match node.plain() {
                Some(Plain::Null) => Json::Null,
                Some(Plain::Flag(yes)) => Json::Bool(yes),
                Some(Plain::Whole(whole)) => match (u64::try_from(whole), i64::try_from(whole)) {
                    (Ok(whole), _) => Json::from(whole),
                    (_, Ok(whole)) => Json::from(whole),
                    _ => Json::from(whole as f64),
                },
                Some(Plain::Real(real)) => Json::from(real),
                Some(Plain::NotFinite) => {
                    let message = format!("{} is not a finite number", quoted(text));
                    self.error(&node.mark, Code::NotFinite, message, path, "");
                    Json::Null
                }
                Some(Plain::Word) | None if name.ends_with("_bytes") => match written_facts::size(text) {
                    Ok(size) => Json::from(size.get()),
                    Err(_) => {
                        let message = format!("`{name}` takes a size, not {}", quoted(text));
                        self.error(
                            &node.mark,
                            Code::BadMemorySize,
                            message,
                            path,
                            "write a number of bytes, or `100GB` or `64MiB`",
                        );
                        Json::Null
                    }
                },
                Some(Plain::Word) | None => Json::from(&**text),
            },
        }
    }
}
