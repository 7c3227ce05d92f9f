//! The `tests` of a policy file: facts in, expectations out. They are read here; `sparkwright test` asks the policy module.

use serde_json::{Map, Value as Json};
use sparkwright_core::abi::DecisionPoint;

use crate::block::{duplicate, join, key_text, mapping, step};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
use crate::nearest::nearest;
use crate::overrides::Override;
use crate::scalar::Plain;
use crate::source::{Mark, Source};
use crate::tree::{Entry, Node, Value};
use crate::value::description;

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
    let mut reader = Reader { source, problems: Vec::new() };
    let tests = reader.tests(key, node);
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

    fn tests(&mut self, key: &Node, node: &Node) -> Vec<PolicyTest> {
        if node.is_null() {
            return Vec::new();
        }
        let Value::List(items) = &node.value else {
            let message = format!("`tests` takes a list of tests, not {}", description(node));
            self.error(&node.mark, Code::WrongType, message, "tests", "begin each test with `- name:`");
            return Vec::new();
        };
        if items.len() > MOST_TESTS {
            let message = format!("there are {} tests; {MOST_TESTS} are allowed", items.len());
            self.error(&key.mark, Code::OutOfRange, message, "tests", "");
            return Vec::new();
        }
        items.iter().enumerate().filter_map(|(index, item)| self.test(index, item)).collect()
    }

    fn test(&mut self, index: usize, item: &Node) -> Option<PolicyTest> {
        let path = format!("tests[{index}]");
        let entries = match mapping(self.source, item, &path, "a test", item.mark) {
            Ok(entries) => entries,
            Err(problem) => {
                self.problems.push(*problem);
                return None;
            }
        };
        let known = self.entries(entries, &path);
        let of = |name: &str| known.iter().find(|(known, _)| *known == name).map(|(_, entry)| *entry);
        let text = |entry: &Entry| entry.value.text().map(ToOwned::to_owned);
        let name = of("name").and_then(text).unwrap_or_else(|| format!("test {}", index + 1));
        let change =
            of("set").map(|entry| Override::of_block(self.source, &entry.value, &join(&path, "set"), entry.key.mark));
        if let Some(change) = &change {
            self.problems.extend(change.diagnostics().iter().cloned());
        }
        let point = match of("point") {
            Some(entry) => {
                let word = entry.value.text().unwrap_or_default();
                let point = DecisionPoint::from_name(word);
                if point.is_none() {
                    let names = DecisionPoint::ALL.map(DecisionPoint::name);
                    let help = nearest(word, names).map_or_else(
                        || format!("it knows {}", any_of(names)),
                        |meant| format!("did you mean `{meant}`?"),
                    );
                    let message = format!("there is no decision point {}", quoted(word));
                    self.error(&entry.value.mark, Code::UnknownWord, message, &join(&path, "point"), help);
                }
                point?
            }
            None => DecisionPoint::PlanLaunch,
        };
        let facts = of("facts").map_or_else(|| Json::Object(Map::new()), |entry| self.json(&entry.value, "", &path));
        let Some(expect) =
            of("expect").map(|entry| self.json(&entry.value, "", &path)).filter(|expect| !expect.is_null())
        else {
            let message = format!("{} expects nothing", quoted(&name));
            let help = "say what the answer must hold, as in `expect: {executors: 4}`";
            self.error(&item.mark, Code::NullNotAllowed, message, &path, help);
            return None;
        };
        Some(PolicyTest {
            name,
            environment: of("environment").and_then(text),
            change,
            point,
            facts,
            expect,
            line: item.mark.line,
        })
    }

    fn entries<'n>(&mut self, entries: &'n [Entry], path: &str) -> Vec<(&'static str, &'n Entry)> {
        let mut known: Vec<(&'static str, &Entry)> = Vec::new();
        for entry in entries {
            let name = match key_text(self.source, &entry.key, path) {
                Ok(name) => name,
                Err(problem) => {
                    self.problems.push(*problem);
                    continue;
                }
            };
            let path = step(path, name);
            match KEYS.iter().find(|key| **key == name) {
                None => {
                    let help = nearest(name, KEYS)
                        .map_or_else(|| format!("it has {}", any_of(KEYS)), |meant| format!("did you mean `{meant}`?"));
                    let message = format!("unknown key {} in a test", quoted(name));
                    self.error(&entry.key.mark, Code::UnknownKey, message, &path, help);
                }
                Some(key) => match known.iter().find(|(other, _)| other == key) {
                    Some((_, first)) => {
                        let problem = duplicate(self.source, &entry.key, name, &path, &first.key.mark);
                        self.problems.push(problem);
                    }
                    None => known.push((key, entry)),
                },
            }
        }
        known
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
                Some(Plain::Word) | None if name.ends_with("_bytes") => match text.parse::<bytesize::ByteSize>() {
                    Ok(size) => Json::from(size.as_u64()),
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
