//! What people read in a terminal.

use sparkwright_policy::{Override, parse, render};

fn rendered(text: &str) -> String {
    let (_, diagnostics) = parse("policies/team.yaml", text);
    let rendered: Vec<String> = diagnostics.iter().map(|d| render(d, false)).collect();
    rendered.join("\n\n")
}

#[test]
fn a_diagnostic_shows_its_line_and_its_help() {
    assert_eq!(
        rendered(
            "environments:\n  production:\n    optimization:\n      autoscaling:\n        min_executors: 9\n        \
             max_executors: 8\n"
        ),
        "error[bounds_cross]: `autoscaling.min_executors` is 9, above `autoscaling.max_executors`, which is 8 (line 6)
 --> policies/team.yaml:5:24
  |
5 |         min_executors: 9
  |                        ^
  |
  = help: write at most 8, or set `autoscaling.max_executors` too"
    );
}

#[test]
fn wide_letters_tabs_and_escapes_keep_the_caret_in_place() {
    assert_eq!(
        rendered("global_optimization: {größe\u{202e}大: 1}"),
        "error[unknown_key]: unknown key `größe\\u{202e}大` in an optimization block
 --> policies/team.yaml:1:23
  |
1 | global_optimization: {größe\u{fffd}大: 1}
  |                       ^^^^^^^^
  |
  = help: expected one of `autoscaling`, `temp_tables`, `pipeline`, `monitoring` or `cost`"
    );
}

#[test]
fn a_very_long_line_is_shown_around_its_place() {
    let text = format!("global_optimization: {{{} max_executers: 1}}", " ".repeat(5000));
    let rendered = rendered(&text);
    assert!(rendered.contains("policies/team.yaml:1:5024"), "{rendered}");
    assert!(rendered.contains("max_executers: 1"), "{rendered}");
    assert!(rendered.len() < 1000, "{rendered}");
}

#[test]
fn an_override_is_shown_like_a_file_and_colour_is_asked_for() {
    let change = Override::parse("autoscaling.max_executors=4.0");
    let text = render(&change.diagnostics()[0], false);
    assert_eq!(
        text,
        "error[wrong_type]: `autoscaling.max_executors` takes a whole number from 1 to 100000 (executors), not the \
         number `4.0`
 --> --set:1:27
  |
1 | autoscaling.max_executors=4.0
  |                           ^^^
  |
  = help: write `4`"
    );
    assert!(!text.contains('\u{1b}'));
    assert!(render(&change.diagnostics()[0], true).contains('\u{1b}'));
}

#[test]
fn a_problem_without_a_place_names_the_file() {
    let (_, diagnostics) = parse("big.yaml", &"#".repeat(2_000_000));
    assert_eq!(
        render(&diagnostics[0], false),
        "error[too_large]: 2000000 bytes are more than a policy can have, 1048576
--> big.yaml
 = help: is this the right file?"
    );
}
