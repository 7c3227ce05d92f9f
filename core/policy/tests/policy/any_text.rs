//! Whatever the text, reading it ends, says where, and never panics.

use proptest::collection::vec;
use proptest::prelude::*;
use sparkwright_core::policy::keys;
use sparkwright_policy::{Override, parse};

use crate::checks::policy_file as read;

/// Values that are right, wrong and strange.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        (0_u32..40).prop_map(|n| n.to_string()),
        "[0-9]{1,4}[bkmgtpx]b?",
        prop::sample::select(vec![
            "", "null", "~", "true", "False", "yes", "speed", "auto", "none", "[]", "{}", "[a, b]", ".nan", "-.inf",
            "1e400", "'8'", "\"", "&a x", "*a", "!t x", "010", "-0.0", "\t", "|",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,12}",
    ]
}

/// Policies of right keys with any values, in any order and number.
fn policy() -> impl Strategy<Value = String> {
    let names: Vec<(&'static str, &'static str)> = keys().map(|key| (key.section, key.name)).collect();
    let line =
        (prop::sample::select(names), value(), any::<bool>()).prop_map(|((section, name), value, short)| match section
            .split_once('.')
        {
            _ if short => format!("      {name}: {value}\n"),
            None => format!("      {section}:\n        {name}: {value}\n"),
            Some((outer, inner)) => {
                format!("      {outer}:\n        {inner}:\n          {name}: {value}\n")
            }
        });
    let block = vec(line, 0..5).prop_map(|lines| lines.concat()).boxed();
    (block.clone(), block, value()).prop_map(|(global, own, default)| {
        format!(
            "default_environment: {default}\nglobal_optimization:\n{global}environments:\n  dev:\n    optimization:\n{own}"
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn arbitrary_characters(characters in vec(any::<char>(), 0..200)) {
        read(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn text_of_yaml_signs(text in "[-?:,\\[\\]{}#&*!|>'\"%@` \n\r\tab01<.~=]{0,200}") {
        read(&text);
    }

    #[test]
    fn policies_with_any_values(text in policy()) {
        read(&text);
    }

    #[test]
    fn the_default_policy_damaged(at in 0_usize..7000, insert in "[-?:,\\[\\]{}#&*!|>'\" \n\t0a]{0,3}", cut in 0_usize..20) {
        let text: Vec<char> = sparkwright_policy::DEFAULT_POLICY.chars().collect();
        let at = at.min(text.len());
        let rest = text.iter().skip(at + cut);
        read(&text[..at].iter().copied().chain(insert.chars()).chain(rest.copied()).collect::<String>());
    }

    #[test]
    fn settings_with_any_value(key in prop::sample::select(keys().map(|key| key.path()).collect::<Vec<_>>()), value in value()) {
        let change = Override::set(&format!("{key}={value}"));
        let (file, _) = parse("policy.yaml", "");
        match file.resolve(None, std::slice::from_ref(&change)) {
            Ok(policy) => assert!(policy.origins.keys().eq([&key])),
            Err(problems) => assert!(problems.iter().all(|problem| problem.file == "--set" && problem.line == 1)),
        }
    }
}
