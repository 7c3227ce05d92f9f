//! Texts made to do harm are refused, fast.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sparkwright_policy::{Code, Override, parse};

/// Generous: tests run unoptimised beside other work. Optimised, each takes a few milliseconds.
const FAST: Duration = Duration::from_secs(3);

/// The codes of the errors in `text`.
fn errors(name: &str, text: &str) -> Vec<Code> {
    let start = Instant::now();
    let (file, diagnostics) = parse("policy.yaml", text);
    let errors = diagnostics.iter().filter(|d| d.is_error());
    let errors: Vec<Code> = errors.map(|d| d.code).collect();
    assert_eq!(file.resolve(None, &[]).is_ok(), errors.is_empty(), "{name}");
    let taken = start.elapsed();
    assert!(taken < FAST, "{name} took {taken:?}");
    assert!(diagnostics.len() <= 101, "{name}: {}", diagnostics.len());
    println!("{name}: {taken:?} {errors:?}");
    errors
}

#[test]
fn bombs_loops_and_floods_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    let mut merges = String::from("m0: &m0 {a: 1, b: 2, c: 3}\n");
    let mut chain = String::from("c0: &c0 [x]\n");
    for n in 1..60 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(laughs, "a{n}: &a{n} [{aliases}]").unwrap();
        writeln!(merges, "m{n}: &m{n} {{<<: [*m{0}, *m{0}], k{n}: 1}}", n - 1).unwrap();
        writeln!(chain, "c{n}: &c{n} [*c{}]", n - 1).unwrap();
    }
    let long = "x".repeat(500_000);
    let many_uses = format!("a: &a {long}\nb: [{}]", "*a, ".repeat(20_000));
    for (name, text, code) in [
        ("a billion laughs", laughs, Code::TooManyValues),
        ("merge keys that double", merges, Code::TooManyValues),
        ("a deep chain of aliases", chain, Code::TooDeep),
        ("a long text used often", many_uses, Code::TooManyValues),
        ("an alias within itself", "a: &a [*a]".to_owned(), Code::AliasLoop),
        ("a mapping within itself", "a: &a {b: *a}".to_owned(), Code::AliasLoop),
        ("a key within itself", "? &a [*a]\n: 1".to_owned(), Code::AliasLoop),
        ("an alias of nothing", "a: *b".to_owned(), Code::UnknownAlias),
        ("ten megabytes", "a: b\n".repeat(2_000_000), Code::TooLarge),
        ("ten thousand keys", keys(20_000), Code::TooManyValues),
        ("deep flow lists", "[".repeat(500_000), Code::TooDeep),
        ("deep flow maps", "{a: ".repeat(200_000), Code::TooDeep),
        ("deep block lists", "- ".repeat(500_000), Code::TooDeep),
        ("deep block maps", deep_block(200), Code::TooDeep),
        ("deep explicit keys", "? ".repeat(500_000), Code::TooDeep),
        ("many documents", "---\na\n".repeat(100_000), Code::SecondDocument),
    ] {
        assert!(errors(name, &text).contains(&code), "{name}");
    }
}

#[test]
fn awkward_texts_take_no_long_time() {
    let long = "x".repeat(1_000_000);
    for (name, text) in [
        ("one long word", long.clone()),
        ("one long quote", format!("\"{long}")),
        ("one long comment", format!("#{long}")),
        ("one long key", format!("? {long}\n: 1")),
        ("one long unknown key", format!("global_optimization:\n  ? {long}\n  : 1")),
        ("one long tag", format!("!{long} x")),
        ("one long anchor", format!("&{long} x")),
        ("one long directive", format!("%{long}\n---\n")),
        ("blank lines", "\n".repeat(1_000_000)),
        ("spaces", " ".repeat(1_000_000)),
        ("tabs", "\t".repeat(1_000_000)),
        ("carriage returns", "\r".repeat(1_000_000)),
        ("colons", ":".repeat(1_000_000)),
        ("colons and spaces", ": ".repeat(500_000)),
        ("question marks and lines", "?\n".repeat(500_000)),
        ("commas", format!("[{}]", ",".repeat(1_000_000))),
        ("quotes", "'".repeat(1_000_000)),
        ("comments in a list", format!("[\n{}]", "# x\n".repeat(200_000))),
        ("a folded text", format!("a: >\n{}", "  x\n\n".repeat(200_000))),
        ("a plain text of many lines", format!("a: x\n{}", "  x\n".repeat(200_000))),
        ("an escaped quote", format!("\"{}\"", "\\x41".repeat(200_000))),
        ("wide letters", "大".repeat(300_000)),
        ("a byte order mark in the middle", "a: 1\n\u{feff}b: 2".repeat(1000)),
        ("nul", "\0".repeat(100_000)),
    ] {
        errors(name, &text);
    }
}

/// What is looked at for each environment, rule or key must not be all others again: by 4,000 of them that shows.
#[test]
fn thousands_of_anything_take_no_long_time() {
    let each = |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    let environments = |of: &dyn Fn(usize) -> String| format!("environments:\n{}", each(1_400, of));
    let rules = |set: &str| {
        let rule = |n| format!("- {{name: r{n}, when: hour > 30, set: {{autoscaling: {set}}}}}\n");
        format!("rules:\n{}", each(60, &rule))
    };
    let differing = environments(&|n| format!("  e{n}: {{optimization: {{max_executors: {}}}}}\n", n % 200 + 8));
    let own = |n| format!("    spark.sql.shufle.partition{n}.x: 1\n");
    for (name, text) in [
        ("environments", format!("environments:\n{}", each(4_900, &|n| format!("  e{n}:\n")))),
        ("environments and rules", differing.clone() + &rules("{min_executors: 1, max_executors: 8}")),
        ("rules that never apply", differing.clone() + &rules("{min_executors: 300}")),
        ("environments with a typo", environments(&|n| format!("  e{n}: {{optimizatio: {{}}}}\n"))),
        (
            "environments with an unknown key",
            environments(&|n| format!("  e{n}: {{optimization: {{max_exekutors: {n}}}}}\n")),
        ),
        (
            "environments whose bounds cross",
            environments(&|n| format!("  e{n}: {{optimization: {{min_executors: 900}}}}\n")),
        ),
        (
            "environments with settings without effect",
            environments(&|n| format!("  prod{n}: {{optimization: {{budget_per_run: 5}}}}\n")),
        ),
        ("an environment that is not there", format!("default_environment: e\n{differing}")),
        (
            "environments that build on each other",
            environments(&|n| match n {
                0 => "  e0: &e0 {optimization: {}}\n".to_owned(),
                n => format!("  e{n}: &e{n} {{<<: *e{}}}\n", n - 1),
            }),
        ),
        (
            "wrong keys for all",
            format!("global_optimization:\n{}{differing}", each(3_000, &|n| format!("  max_exekutors{n}: 1\n"))),
        ),
        ("keys of others", each(4_900, &|n| format!("environment{n}: 1\n"))),
        (
            "keys that Spark has not",
            format!(
                "global_optimization:\n  autoscaling:\n    overwrite_user_confs: [{}]\n",
                each(9_000, &|n| format!("spark.sql.shufle.partition{n}, "))
            ),
        ),
        (
            "tests with settings",
            format!(
                "tests:\n{}",
                each(600, &|n| format!(
                    "- {{name: t{n}, environment: none, set: {{max_executors: 3}}, expect: {{executors: 1}}}}\n"
                ))
            ) + &format!("x: {}\n", "y".repeat(900_000)),
        ),
        ("deep keys of others", format!("x:\n{}", each(4_000, &own))),
    ] {
        let start = Instant::now();
        let (file, diagnostics) = parse("policy.yaml", &text);
        let lints = file.lint();
        let taken = start.elapsed();
        println!("{name}: {taken:?}, {} and {}", diagnostics.len(), lints.len());
        assert!(taken < FAST, "{name} took {taken:?}");
        assert!(diagnostics.len() <= 101 && lints.len() <= 101, "{name}: {} and {}", diagnostics.len(), lints.len());
        assert!(!diagnostics.iter().any(|it| it.code == Code::TooManyValues), "{name} is not what it says");
        let longest = diagnostics.iter().map(|it| it.message.len() + it.help.len()).max().unwrap_or(0);
        assert!(longest < 3_000, "{name}: a message of {longest} bytes");
    }
}

#[test]
fn many_problems_are_cut_short() {
    let text = format!("global_optimization: {{{}}}", keys(3000).replace('\n', ","));
    let (_, diagnostics) = parse("policy.yaml", &text);
    assert_eq!(diagnostics.len(), 101);
    assert_eq!(diagnostics[100].code, Code::MoreProblems);
    assert_eq!(diagnostics[100].message, "2900 more problems are not listed");
    // An error after all of the warnings is among those that are listed.
    let typos: String = (0..1_000).map(|n| format!("  e{n}: {{optimizatio: {{}}}}\n")).collect();
    let (_, diagnostics) = parse("policy.yaml", &format!("environments:\n{typos}  last: {{optimization: 3}}\n"));
    assert_eq!((diagnostics.len(), diagnostics[99].code), (101, Code::WrongType));
    assert!(!diagnostics[100].is_error(), "{:?}", diagnostics[100]);
}

#[test]
fn overrides_have_the_same_limits() {
    for text in [
        "a: b\n".repeat(1_000_000),
        format!("a={}", "x".repeat(2_000_000)),
        format!("{}=1", "a.".repeat(400_000)),
        format!("a={}", "[".repeat(400_000)),
        "=".repeat(400_000),
    ] {
        let start = Instant::now();
        assert!(!Override::parse(&text).diagnostics().is_empty());
        assert!(!Override::set(&text).diagnostics().is_empty());
        assert!(start.elapsed() < FAST);
    }
}

fn keys(count: usize) -> String {
    (0..count).map(|n| format!("key{n}: 1\n")).collect()
}

fn deep_block(depth: usize) -> String {
    (0..depth).map(|n| " ".repeat(n) + "a:\n").collect()
}
