//! `rules`: what they become, and what is said about wrong ones.

use serde_json::json;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_policy::parse;

use crate::{brief, good, resolved};

const RULES: &str = "
environments:
  production: {optimization: {autoscaling: {min_executors: 4, max_executors: 20}}}
rules:
  - name: night
    when: hour >= 22 || hour < 6
    set: {autoscaling: {max_executors: 40}, optimization_target: speed}
  - when: \"labels.kind == 'ad-hoc'\"
    at: plan_launch
    set: {autoscaling: {min_executors: 1, max_executors: 8}}
  - name: budget
    when: has(plan.cost) && plan.cost > 50.0
    at: [plan_launch, plan_stage]
    deny: ask first
";

#[test]
fn rules_go_with_the_policy_of_every_environment() {
    let policy = resolved(RULES, Some("production"));
    assert_eq!(policy.rules.len(), 3);
    assert_eq!(policy.rules[0].set["autoscaling.max_executors"], json!(40));
    assert_eq!(policy.rules[0].set["pipeline.optimization_target"], json!("speed"));
    assert_eq!(
        (policy.rules[1].name.as_str(), policy.rules[1].at.as_slice()),
        ("rule 2", &[DecisionPoint::PlanLaunch][..])
    );
    assert_eq!(policy.rules[2].deny.as_deref(), Some("ask first"));
    assert_eq!(good(RULES).resolve(None, &[]).unwrap().rules.len(), 3);
}

fn wrong(rule: &str) -> Vec<String> {
    brief(&parse("policy.yaml", &format!("rules:\n  - {rule}\n")).1)
}

#[test]
fn wrong_rules_are_told_with_their_place() {
    let set = "set: {max_executors: 3}";
    for (rule, expected) in [
        (format!("{{when: hour >= 22 && hours < 6, {set}}}"), "2:26-31 bad_condition unknown variable `hours`"),
        (format!("{{when: 'hour >', {set}}}"), "bad_condition"),
        (
            format!("{{when: plan.cost > 3.0, {set}}}"),
            "2:12-16 bad_condition `plan` is known only to a rule with `deny`",
        ),
        ("{when: hour > 3}".to_owned(), "2:5-21 null_not_allowed `rule 1` has neither `set` nor `deny`"),
        (format!("{{when: hour > 3, {set}, deny: no}}"), "has both `set` and `deny`"),
        (format!("{{{set}}}"), "`rule 1` has no `when`"),
        (format!("{{wen: hour > 3, {set}}}"), "unknown_key unknown key `wen` in a rule"),
        (format!("{{when: hour > 3, at: plan_lunch, {set}}}"), "unknown_word unknown decision point `plan_lunch`"),
        ("{when: hour > 3, at: control, deny: no}".to_owned(), "a rule with `deny` can't apply at `control`"),
        ("{when: hour > 3, set: {max_executers: 3}}".to_owned(), "unknown_key unknown key `max_executers`"),
        ("{when: hour > 3, set: {max_executors: 0}}".to_owned(), "out_of_range"),
        ("just words".to_owned(), "wrong_type"),
        (format!("{{when: [1], {set}}}"), "wrong_type expected a text, not a list"),
    ] {
        let found = wrong(&rule);
        assert!(found.iter().any(|line| line.contains(expected)), "{rule}: {found:#?}");
    }
    let list = brief(&parse("policy.yaml", "rules: {when: 'true'}\n").1);
    assert_eq!(list, ["1:8-22 wrong_type `rules` takes a list of rules, not keys with values"]);
    let many = format!("rules:\n{}", "  - {when: 'true', set: {max_executors: 3}}\n".repeat(65));
    assert!(brief(&parse("policy.yaml", &many).1)[0].contains("there are 65 rules; at most 64 are allowed"));
}

/// However a condition is written, the part of it that is at fault is marked.
#[test]
fn the_place_of_a_mistake_is_that_in_the_file() {
    for (rule, expected) in [
        ("when: \"labels.kind = 'ad-hoc'\"", "2:24-25 bad_condition there is no operator `=`"),
        ("when: 'labels.kind = ''ad-hoc'''", "2:24-25 bad_condition there is no operator `=`"),
        ("when: labels.hours == 'x' && hours < 6", "2:34-39 bad_condition unknown variable `hours`"),
        ("when: >\n      hour > 3\n      and hour < 6", "4:7-10 bad_condition there is no operator `and`"),
        ("when: |\n      // night\n      hours > 22", "4:7-12 bad_condition unknown variable `hours`"),
        ("when: weekday in ['sat', 'sun']", "2:23-28 bad_condition `weekday` is a number, but"),
        ("when: \"environment == 'prod\"", "2:27-32 bad_condition a quoted text is not closed"),
        ("when: \"hour >\\\n      > 3\"", "bad_condition"),
    ] {
        let found = wrong(&format!("{rule}\n    set: {{max_executors: 3}}"));
        assert!(found.len() == 1 && found[0].contains(expected), "{rule}: {found:#?}");
    }
}

/// Found by fuzzing: the parser of conditions quotes them as they are.
#[test]
fn what_a_wrong_condition_quotes_can_be_read() {
    let (_, diagnostics) = parse("policy.yaml", "rules:\n  - {when: \"a '' b\\tc\\u202e\", set: {max_executors: 3}}\n");
    assert!(!diagnostics.is_empty());
    for diagnostic in diagnostics {
        assert!(!diagnostic.message.chars().any(|c| c.is_control() || c == '\u{202e}'), "{diagnostic:?}");
    }
}

#[test]
fn a_rule_that_an_environment_cannot_take_is_a_warning() {
    let text = RULES.replace("set: {autoscaling: {min_executors: 1, max_executors: 8}}", "set: {max_executors: 3}");
    let (file, diagnostics) = parse("policy.yaml", &text);
    let found = brief(&diagnostics);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(
            "rule_never_applies `rule 2` never applies in `production`: with it `autoscaling.min_executors` is 4"
        ),
        "{found:?}"
    );
    file.resolve(Some("production"), &[]).unwrap();
}

#[test]
fn a_rule_that_many_environments_cannot_take_is_one_warning() {
    let environments: String =
        (1..=9).map(|n| format!("  e{n}: {{optimization: {{max_executors: {}}}}}\n", n + 1)).collect();
    let rule = "rules:\n  - {name: more, when: hour > 3, set: {min_executors: 4}}\n  - {name: fits, when: hour > 3, set: {max_executors: 20}}\n";
    let (_, one) = parse("policy.yaml", &format!("environments:\n{environments}{rule}"));
    assert_eq!(one.len(), 1, "{one:#?}");
    let why = "with it `autoscaling.min_executors` is 4, above autoscaling.max_executors, which is 2";
    assert_eq!(one[0].message, format!("`more` never applies in `e1`: {why}; nor in `e2`"));
    let more = environments.replace("e9", "f9")
        + "  f1: {optimization: {max_executors: 2}}\n  f2: {optimization: {max_executors: 2}}\n  f3: {optimization: {max_executors: 2}}\n";
    let (_, one) = parse("policy.yaml", &format!("environments:\n{more}{rule}"));
    assert!(one[0].message.ends_with("; nor in `e2`, `f1`, `f2` and 1 more"), "{one:#?}");
}

#[test]
fn a_policy_with_a_wrong_rule_is_not_used() {
    let (file, _) = parse("policy.yaml", "rules: [{when: 'hour >', set: {max_executors: 3}}]\n");
    assert!(file.resolve(None, &[]).is_err());
}
