//! Rules whose values an environment's policy can't take: there they change nothing, which their author should know.
//!
//! Each value of a rule was read as its key wants it, so what can be wrong with it in one environment and right in another is what
//! [`ORDERED`] compares. That is looked at for every rule in every environment; `core` is asked only where it would say no.

use std::collections::BTreeMap;

use sparkwright_core::policy::{ORDERED, Ordered, ResolvedPolicy};
use sparkwright_core::rules::check_set;

use crate::block::join;
use crate::diagnostics::{Code, Diagnostic, quoted};
use crate::rules::PlacedRule;
use crate::source::Source;

/// Environments that a message names beside the first.
const MOST_NAMED: usize = 3;

/// What is known of a rule that never applies somewhere.
struct Somewhere {
    /// The first such environment.
    first: String,
    /// Why it does not apply there.
    why: String,
    /// The next ones, as far as they are named.
    others: Vec<String>,
    /// Those that are not.
    more: usize,
}

/// The rules that never apply somewhere, by their place in the list.
#[derive(Default)]
pub(crate) struct NeverApplied(BTreeMap<usize, Somewhere>);

impl NeverApplied {
    /// Looks which of the rules an environment's policy can't take.
    pub(crate) fn look(&mut self, rules: &[PlacedRule], policy: &ResolvedPolicy) {
        for (index, PlacedRule { rule, .. }) in rules.iter().enumerate() {
            let value = |path: &str| rule.set.get(path).map(|value| value.as_f64());
            let crosses = ORDERED.iter().any(|ordered| {
                let (low, high) = ordered.of(policy);
                let Ordered { least, most, .. } = ordered;
                let low = value(least).unwrap_or_else(|| Some(f64::from(low)));
                let high = value(most).unwrap_or_else(|| Some(f64::from(high)));
                // What is no number is for `core` to refuse.
                !matches!((low, high), (Some(low), Some(high)) if low <= high)
            });
            if !crosses {
                continue;
            }
            let name = quoted(&policy.environment);
            match self.0.get_mut(&index) {
                None => {
                    if let Err(why) = check_set(policy, rule) {
                        self.0.insert(index, Somewhere { first: name, why, others: Vec::new(), more: 0 });
                    }
                }
                Some(known) if known.others.len() < MOST_NAMED => known.others.push(name),
                Some(known) => known.more += 1,
            }
        }
    }

    /// A warning for each of them.
    pub(crate) fn problems(self, rules: &[PlacedRule], source: &Source) -> Vec<Diagnostic> {
        let warning = |(index, Somewhere { first, why, others, more }): (usize, Somewhere)| {
            let PlacedRule { rule, mark, path } = rules.get(index)?;
            let others = match (others.join(", "), more) {
                (none, _) if none.is_empty() => none,
                (others, 0) => format!("; nor in {others}"),
                (others, more) => format!("; nor in {others} and {more} more"),
            };
            let message = format!("{} never applies in {first}: {why}{others}", quoted(&rule.name));
            let problem = Diagnostic::warning(source, mark, Code::RuleNeverApplies, message);
            Some(problem.at(join(path, "set")).help("set the other bound too"))
        };
        self.0.into_iter().filter_map(warning).collect()
    }
}
