//! The `rules` of a policy file: each with a condition and either settings or a refusal.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::policy::Rule;
use sparkwright_core::rules::{MOST_RULES, can_be_denied};

use crate::block::{Block, join, read_block};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted, readable};
use crate::item_list::{Item, ItemList, decision_point};
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
    let list = ItemList { name: "rules", item: "rule", keys: &KEYS, most: MOST_RULES, begins_with: "- when:" };
    let mut reader = Reader { source, problems: Vec::new() };
    let items = list.items(source, key, node, &mut reader.problems);
    let rules = items.iter().enumerate().filter_map(|(index, item)| reader.rule(index, item)).collect();
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

    fn rule(&mut self, index: usize, item: &Item<'_>) -> Option<PlacedRule> {
        let Item { node, path, .. } = item;
        let of = |name: &str| item.get(name);
        let name = of("name").and_then(|entry| self.text(entry, &join(path, "name")));
        let mut rule = Rule { name: name.unwrap_or_else(|| format!("rule {}", index + 1)), ..Rule::default() };
        rule.at = of("at").map(|entry| self.points(entry, &join(path, "at"))).unwrap_or_default();
        let mut mark = node.mark;
        if let Some(entry) = of("set") {
            let block = read_block(self.source, &entry.value, &join(path, "set"), entry.key.mark);
            mark = entry.key.mark;
            let Block { settings, problems } = block;
            self.problems.extend(problems);
            rule.set = settings.into_iter().map(|(path, setting)| (path, setting.value)).collect();
        }
        rule.deny = of("deny").and_then(|entry| self.text(entry, &join(path, "deny")));
        match (of("set"), of("deny")) {
            (None, None) => {
                let message = format!("{} neither sets anything nor denies", quoted(&rule.name));
                let problem = self.error(&node.mark, Code::NullNotAllowed, message, path);
                self.report(problem.help("give it `set:` with keys of the policy, or `deny:` with a message"));
            }
            (Some(_), Some(deny)) => {
                let message =
                    format!("{} sets keys and denies; nothing is set where a run is denied", quoted(&rule.name));
                let problem = self.error(&deny.key.mark, Code::DuplicateKey, message, &join(path, "deny"));
                self.report(problem.help("keep one of the two, or make two rules"));
            }
            _ => {}
        }
        if let Some(point) = rule.at.iter().find(|point| rule.deny.is_some() && !can_be_denied(**point)) {
            let message = format!("{} can't be denied: what runs goes on", quoted(point.name()));
            let deniable = DecisionPoint::ALL.iter().filter(|point| can_be_denied(**point)).map(|point| point.name());
            let problem = self.error(&mark, Code::UnknownWord, message, &join(path, "at"));
            self.report(problem.expected(any_of(deniable)));
        }
        let Some(when) = of("when") else {
            let message = format!("{} has no `when`", quoted(&rule.name));
            let problem = self.error(&node.mark, Code::NullNotAllowed, message, path);
            self.report(problem.help("say when it holds, as in `when: hour >= 22`"));
            return None;
        };
        rule.when = self.condition(when, &join(path, "when"), &rule)?;
        Some(PlacedRule { rule, mark, path: path.clone() })
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
        items.iter().filter_map(|item| decision_point(self.source, item, path, &mut self.problems)).collect()
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
                let message = format!("the condition {}", readable(bad.message.chars()));
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
