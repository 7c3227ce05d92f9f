//! The `rules` of a policy file: each with a condition and either settings or a refusal.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::rules::{MOST_RULES, Rule, can_be_denied};

use crate::block::{Block, duplicate, join, key_text, mapping, read_block, step};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
use crate::nearest::nearest;
use crate::source::{Mark, Source};
use crate::tree::{Entry, Node, Value};
use crate::value::description;

/// The keys of a rule.
const KEYS: [&str; 5] = ["name", "when", "at", "set", "deny"];

/// A rule with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlacedRule {
    pub(crate) rule: Rule,
    /// The place of its `set`, or of the rule where it has none.
    pub(crate) mark: Mark,
    /// The path from the top of the file.
    pub(crate) path: String,
}

/// Reads the list below `rules`.
pub(crate) fn read_rules(source: &Source, key: &Node, node: &Node) -> (Vec<PlacedRule>, Vec<Diagnostic>) {
    let mut reader = Reader { source, problems: Vec::new() };
    let rules = reader.rules(key, node);
    (rules, reader.problems)
}

struct Reader<'s> {
    source: &'s Source,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&self, mark: &Mark, code: Code, message: impl Into<String>, path: &str) -> Diagnostic {
        Diagnostic::error(self.source, mark, code, message).at(path)
    }

    fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    fn rules(&mut self, key: &Node, node: &Node) -> Vec<PlacedRule> {
        if node.is_null() {
            return Vec::new();
        }
        let Value::List(items) = &node.value else {
            let found = description(node);
            let message = format!("`rules` takes a list of rules, not {found}");
            let problem = self.error(&node.mark, Code::WrongType, message, "rules").expected("a list of rules");
            self.report(problem.found(found).help("begin each rule with `- when:`"));
            return Vec::new();
        };
        if items.len() > MOST_RULES {
            let message = format!("there are {} rules; {MOST_RULES} are allowed", items.len());
            let problem = self.error(&key.mark, Code::OutOfRange, message, "rules");
            self.report(problem.expected(format!("at most {MOST_RULES} rules")));
            return Vec::new();
        }
        items.iter().enumerate().filter_map(|(index, item)| self.rule(index, item)).collect()
    }

    fn rule(&mut self, index: usize, item: &Node) -> Option<PlacedRule> {
        let path = format!("rules[{index}]");
        let entries = match mapping(self.source, item, &path, "a rule", item.mark) {
            Ok(entries) => entries,
            Err(problem) => {
                self.problems.push(*problem);
                return None;
            }
        };
        let known = self.entries(entries, &path);
        let of = |name: &str| known.iter().find(|(known, _)| *known == name).map(|(_, entry)| *entry);
        let name = of("name").and_then(|entry| self.text(entry, &join(&path, "name")));
        let mut rule = Rule { name: name.unwrap_or_else(|| format!("rule {}", index + 1)), ..Rule::default() };
        rule.at = of("at").map(|entry| self.points(entry, &join(&path, "at"))).unwrap_or_default();
        let mut mark = item.mark;
        if let Some(entry) = of("set") {
            let block = read_block(self.source, &entry.value, &join(&path, "set"), entry.key.mark);
            mark = entry.key.mark;
            let Block { settings, problems } = block;
            self.problems.extend(problems);
            rule.set = settings.into_iter().map(|(path, setting)| (path, setting.value)).collect();
        }
        rule.deny = of("deny").and_then(|entry| self.text(entry, &join(&path, "deny")));
        match (of("set"), of("deny")) {
            (None, None) => {
                let message = format!("{} neither sets anything nor denies", quoted(&rule.name));
                let problem = self.error(&item.mark, Code::NullNotAllowed, message, &path);
                self.report(problem.help("give it `set:` with keys of the policy, or `deny:` with a message"));
            }
            (Some(_), Some(deny)) => {
                let message =
                    format!("{} sets keys and denies; nothing is set where a run is denied", quoted(&rule.name));
                let problem = self.error(&deny.key.mark, Code::DuplicateKey, message, &join(&path, "deny"));
                self.report(problem.help("keep one of the two, or make two rules"));
            }
            _ => {}
        }
        if let Some(point) = rule.at.iter().find(|point| rule.deny.is_some() && !can_be_denied(**point)) {
            let message = format!("{} can't be denied: what runs goes on", quoted(point.name()));
            let deniable = DecisionPoint::ALL.iter().filter(|point| can_be_denied(**point)).map(|point| point.name());
            let problem = self.error(&mark, Code::UnknownWord, message, &join(&path, "at"));
            self.report(problem.expected(any_of(deniable)));
        }
        let Some(when) = of("when") else {
            let message = format!("{} has no `when`", quoted(&rule.name));
            let problem = self.error(&item.mark, Code::NullNotAllowed, message, &path);
            self.report(problem.help("say when it holds, as in `when: hour >= 22`"));
            return None;
        };
        rule.when = self.condition(when, &join(&path, "when"), &rule)?;
        Some(PlacedRule { rule, mark, path })
    }

    /// The entries of a rule that are known; the others are errors.
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
                    let help = match nearest(name, KEYS) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("it has {}", any_of(KEYS)),
                    };
                    let message = format!("unknown key {} in a rule", quoted(name));
                    let problem = self.error(&entry.key.mark, Code::UnknownKey, message, &path).expected(any_of(KEYS));
                    self.report(problem.found(quoted(name)).help(help));
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

    fn text(&mut self, entry: &Entry, path: &str) -> Option<String> {
        match entry.value.text().filter(|text| !entry.value.is_null() && !text.is_empty()) {
            Some(text) => Some(text.to_owned()),
            None => {
                let found = description(&entry.value);
                let mark = if entry.value.mark.is_empty() { entry.key.mark } else { entry.value.mark };
                let message = format!("a text is needed, not {found}");
                let problem = self.error(&mark, Code::WrongType, message, path).expected("text");
                self.report(problem.found(found));
                None
            }
        }
    }

    fn points(&mut self, entry: &Entry, path: &str) -> Vec<DecisionPoint> {
        let one;
        let items: &[Node] = match &entry.value.value {
            Value::List(items) => items,
            _ => {
                one = [entry.value.clone()];
                &one
            }
        };
        let mut points = Vec::new();
        for item in items {
            let name = item.text().unwrap_or_default();
            match DecisionPoint::from_name(name) {
                Some(point) => points.push(point),
                None => {
                    let names = DecisionPoint::ALL.map(DecisionPoint::name);
                    let help = match nearest(name, names) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("it knows {}", any_of(names)),
                    };
                    let found = description(item);
                    let message = format!("there is no decision point {}", quoted(name));
                    let problem = self.error(&item.mark, Code::UnknownWord, message, path).expected(any_of(names));
                    self.report(problem.found(found).help(help));
                }
            }
        }
        points
    }

    fn condition(&mut self, entry: &Entry, path: &str, rule: &Rule) -> Option<String> {
        let Some(text) = entry.value.text().filter(|_| !entry.value.is_null()) else {
            self.text(entry, path);
            return None;
        };
        let rule = Rule { when: text.to_owned(), ..rule.clone() };
        match rule.condition() {
            Ok(_) => Some(rule.when),
            Err(bad) => {
                let mark = within(&entry.value, bad.at);
                let message = format!("the condition {}", bad.message);
                let problem = self.error(&mark, Code::BadCondition, message, path).found(quoted(text));
                self.report(problem.expected("a condition in CEL, as `hour >= 22 && environment == 'production'`"));
                None
            }
        }
    }
}

/// The place of a character of a scalar; the scalar's own where it is written over more than one line.
fn within(node: &Node, at: usize) -> Mark {
    let mark = node.mark;
    let quote = usize::from(matches!(&node.value, Value::Scalar { quoted: true, .. }));
    if mark.line != mark.end_line || at == 0 {
        return mark;
    }
    let column = (mark.column + quote + at).min(mark.end_column.saturating_sub(1));
    Mark { column, ..mark }
}
