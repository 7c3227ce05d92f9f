//! The `rules` of a policy file: each with a condition and either settings or a refusal.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::policy::Rule;
use sparkwright_core::rules::{MOST_RULES, can_be_denied};

use crate::block::{Block, join, read_block};
use crate::condition::{never_right, unreadable};
use crate::diagnostics::{Code, Diagnostic, any_of, quoted};
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
                let message = format!("{} has neither `set` nor `deny`", quoted(&rule.name));
                let problem = self.error(&node.mark, Code::NullNotAllowed, message, path);
                self.report(problem.help("give it `set:` with keys of the policy, or `deny:` with a message"));
            }
            (Some(_), Some(deny)) => {
                let message =
                    format!("{} has both `set` and `deny`; a denied run takes no settings", quoted(&rule.name));
                let problem = self.error(&deny.key.mark, Code::DuplicateKey, message, &join(path, "deny"));
                self.report(problem.help("keep one of the two, or make two rules"));
            }
            _ => {}
        }
        if let Some(point) = rule.at.iter().find(|point| rule.deny.is_some() && !can_be_denied(**point)) {
            let message =
                format!("a rule with `deny` can't apply at {}: that would not stop the run", quoted(point.name()));
            let deniable = DecisionPoint::ALL.iter().filter(|point| can_be_denied(**point)).map(|point| point.name());
            let problem = self.error(&mark, Code::UnknownWord, message, &join(path, "at"));
            let help = format!("write `at: [{}]`, or leave `at` out", deniable.clone().collect::<Vec<_>>().join(", "));
            self.report(problem.expected(any_of(deniable)).help(help));
        }
        let Some(when) = of("when") else {
            let message = format!("{} has no `when`", quoted(&rule.name));
            let problem = self.error(&node.mark, Code::NullNotAllowed, message, path);
            self.report(problem.help("say when the rule applies, as in `when: hour >= 22`"));
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
                let message = format!("expected a text, not {found}");
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
        let slip = match rule.condition() {
            Ok(_) => never_right(text),
            Err(bad) => Some(unreadable(text, &bad)),
        };
        let Some(slip) = slip else { return Some(rule.when) };
        let mark = within(self.source, &entry.value, text, slip.part);
        let problem = self.error(&mark, Code::BadCondition, slip.message, path).found(quoted(text)).help(slip.help);
        self.report(problem.expected("a condition in CEL, as `hour >= 22 && environment == 'production'`"));
        None
    }
}

/// The place in the file of a part of a scalar's text: that part of what is written there, the scalar's own where it is written otherwise.
fn within(source: &Source, node: &Node, text: &str, part: Option<(usize, &str)>) -> Mark {
    let Some((start, part)) = part else { return node.mark };
    let written = source.text.get(node.mark.start..node.mark.end).unwrap_or_default();
    // The first line of a block scalar is its own sign.
    let is_block = written.starts_with(['|', '>']);
    let skipped = if is_block { written.find('\n').unwrap_or(0) } else { 0 };
    let before = text.get(..start).unwrap_or_default().matches(part).count();
    let lines = written.get(skipped..).unwrap_or_default();
    match lines.match_indices(part).nth(before) {
        Some((at, _)) => {
            let start = node.mark.start + skipped + at;
            source.mark(start, start + part.len())
        }
        None => node.mark,
    }
}
