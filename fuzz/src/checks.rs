//! What must hold for any bytes: the fuzz targets try new ones, the tests of `core/policy` those that were found before.

use std::sync::LazyLock;

use serde_json::Value;
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::evaluate::{Prepared, evaluate};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::policy::Rule;
use sparkwright_core::rules::Rules;
use sparkwright_policy::{DEFAULT_POLICY, Override, canonical, parse, render};

/// Two policies that take different ways through the rules: the built-in one, and production's with prices and conditions.
static POLICIES: LazyLock<[Prepared; 2]> = LazyLock::new(|| {
    let (file, _) = parse("config.yaml", DEFAULT_POLICY);
    let mut priced = file.resolve(Some("production"), &[]).expect("the default policy is right");
    priced.cost.executor_hour_price = Some(0.37);
    priced.cost.budget_per_run = Some(2.5);
    priced.rules = [("night", "hour >= 22 || hour < 6"), ("large", "job.input_bytes > 1000000")]
        .into_iter()
        .map(|(name, when)| Rule { name: name.into(), when: when.into(), ..Rule::default() })
        .collect();
    [ResolvedPolicy::default(), priced].map(|policy| Prepared::new(policy).expect("it is right"))
});

/// An answer is an envelope with an answer or an error, and the same bytes each time.
pub fn ask(point: DecisionPoint, question: &[u8]) {
    for policy in POLICIES.iter() {
        let answer = evaluate(policy, point, question);
        assert_eq!(answer, evaluate(policy, point, question), "the same question has two answers");
        let read: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        let members = read.as_object().expect("an envelope");
        assert!(members.len() == 1 && (members.contains_key("ok") || members.contains_key("error")), "{read}");
    }
}

/// A resolved policy is read or refused, and what is read decides.
pub fn load(policy: &[u8]) {
    if let Ok(prepared) = Prepared::from_json(policy) {
        for point in DecisionPoint::ALL {
            let answer = evaluate(&prepared, point, b"{}");
            assert!(serde_json::from_slice::<Value>(&answer).is_ok(), "an answer is JSON");
        }
    }
}

/// The condition of a rule is read or refused with a place in it, and what is read is answered.
pub fn condition(text: &[u8]) {
    let Ok(when) = core::str::from_utf8(text) else { return };
    let rule = Rule { name: "rule".into(), when: when.into(), ..Rule::default() };
    match rule.condition() {
        Ok(_) => {
            let policy = ResolvedPolicy { rules: vec![rule], ..ResolvedPolicy::default() };
            Rules::read(&policy.rules).expect("it was read before");
            let prepared = Prepared::new(policy).expect("it was read before");
            let question =
                br#"{"job":{"input_bytes":5,"uses":2},"labels":{"a":"b"},"history":{"runs":[{"run_ms":1}]}}"#;
            let answer = evaluate(&prepared, DecisionPoint::PlanLaunch, question);
            assert!(serde_json::from_slice::<Value>(&answer).is_ok(), "an answer is JSON");
        }
        Err(bad) => assert!(bad.at <= when.chars().count().max(when.len()), "{bad:?}"),
    }
}

/// A policy file is read in every way: each place is one of the text, each answer one of the two.
pub fn policy_file(text: &str) {
    let (file, diagnostics) = parse("policy.yaml", text);
    let lines = text.split(['\n', '\r']).count();
    for diagnostic in diagnostics.iter().chain(&file.lint()) {
        assert!(diagnostic.line <= lines + 1, "{diagnostic:?}");
        assert!(!diagnostic.message.ends_with('.'), "{diagnostic:?}");
        for words in [&diagnostic.message, &diagnostic.help, &diagnostic.expected, &diagnostic.found, &diagnostic.path]
        {
            assert!(!words.chars().any(char::is_control), "{diagnostic:?}");
            assert!(words.chars().count() < 2000, "{diagnostic:?}");
        }
        let shown = render(diagnostic, false);
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
    let environments: Vec<Option<&str>> = [None].into_iter().chain(file.environments().map(Some)).collect();
    for environment in environments.into_iter().take(4) {
        match file.resolve(environment, &[]) {
            Ok(policy) => {
                policy.validate().expect("a resolved policy is right");
                // What `load` of the policy module reads. serde_json reads a number's last digit inexactly unless built with
                // `float_roundtrip`, so the values are not compared here.
                let again: ResolvedPolicy = serde_json::from_str(&canonical(&policy)).expect("it is JSON");
                again.validate().expect("it is still right");
                assert_eq!(policy.origins, again.origins);
                assert!(policy.origins.keys().all(|path| file.location(environment, path).is_some()));
            }
            Err(problems) => assert!(problems.iter().all(|problem| problem.is_error())),
        }
    }
    let change = Override::parse(text);
    for diagnostic in change.diagnostics() {
        assert!(render(diagnostic, true).contains('\u{1b}'));
    }
    let resolved = file.resolve(None, std::slice::from_ref(&change));
    assert!(resolved.is_err() || change.diagnostics().is_empty());
}

/// What a target does with its bytes, by its name; false where there is none of that name.
pub fn run(target: &str, bytes: &[u8]) -> bool {
    match (DecisionPoint::ALL.into_iter().find(|point| point.name() == target), target) {
        (Some(point), _) => ask(point, bytes),
        (None, "load") => load(bytes),
        (None, "condition") => condition(bytes),
        (None, "policy_file") => policy_file(&String::from_utf8_lossy(bytes)),
        _ => return false,
    }
    true
}
