//! Mistakes in the condition of a rule: what is wrong, where, and what was meant.
//!
//! The parser of conditions says at which token it gave up. This module looks at the tokens themselves for what people write instead of
//! CEL (`=`, `and`, a text without quotes, a size with its unit), and for comparisons that can never be right by the types of both sides.

mod tokens;

use serde_json::Value as Json;
use sparkwright_core::facts::{ClusterFacts, History, JobFacts};
use sparkwright_core::rules::VARIABLES;
use sparkwright_core::rules::expression::{BadExpression, Mistake};

use crate::diagnostics::quoted;
use crate::nearest::nearest;
use crate::written_facts;
use tokens::{Kind, Token, tokens};

/// A mistake in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slip<'t> {
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it; empty where there is nothing to add.
    pub(crate) help: String,
    /// The part of the condition that is at fault: its first byte and its text; nothing where it is the whole.
    pub(crate) part: Option<(usize, &'t str)>,
}

impl<'t> Slip<'t> {
    fn whole(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), part: None }
    }

    fn at(token: Token<'t>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), part: Some((token.start, token.text)) }
    }
}

/// Signs and words of other languages, with what conditions have for them.
const OTHERS: [(&str, &str); 14] = [
    ("=", "=="),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=<", "<="),
    ("=>", ">="),
    ("&", "&&"),
    ("|", "||"),
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("is", "=="),
    ("AND", "&&"),
    ("OR", "||"),
];

/// Names of other languages, with what conditions call it.
const NAMES: [(&str, &str); 9] = [
    ("True", "true"),
    ("TRUE", "true"),
    ("False", "false"),
    ("FALSE", "false"),
    ("None", "null"),
    ("env", "environment"),
    ("day", "weekday"),
    ("label", "labels"),
    ("time", "hour"),
];

/// Functions of other languages, with what conditions have for them.
const FUNCTIONS: [(&str, &str); 3] = [("len", "size"), ("length", "size"), ("not", "!")];
/// Functions whose names have capitals within.
const MIXED_CASE: [&str; 2] = ["startsWith", "endsWith"];

/// What is wrong with a condition that can't be read.
pub(crate) fn unreadable<'t>(text: &'t str, bad: &BadExpression) -> Slip<'t> {
    let tokens = tokens(text);
    match &bad.mistake {
        Mistake::TooLarge => Slip::whole(format!("the condition {}", bad.message), "split the rule into several"),
        Mistake::PlanNotKnown => {
            let message = "`plan` is known only to a rule with `deny`";
            let help = "`set` applies before there is a plan; use `job`, `cluster`, `history` or `labels` instead";
            match free_word(&tokens, "plan") {
                Some(token) => Slip::at(token, message, help),
                None => Slip::whole(message, help),
            }
        }
        Mistake::UnknownVariable(name) => unknown_variable(&tokens, name),
        Mistake::Syntax if tokens.is_empty() => {
            Slip::whole("the condition is empty", "say when the rule applies, as in `when: hour >= 22`")
        }
        Mistake::Syntax => syntax(text, &tokens, bad.at),
    }
}

/// What is wrong with a condition that can be read and never be right.
pub(crate) fn never_right(text: &str) -> Option<Slip<'_>> {
    let tokens = tokens(text);
    let called = |at: usize| tokens.get(at + 1).is_some_and(|next| next.text == "(");
    let misnamed = tokens.iter().enumerate().filter(|(at, token)| token.kind == Kind::Word && called(*at));
    for (_, token) in misnamed {
        let meant = MIXED_CASE.iter().find(|name| token.text.eq_ignore_ascii_case(name) && token.text != **name);
        if let Some(meant) = meant.copied().or_else(|| named_otherwise(&FUNCTIONS, token.text)) {
            let message = format!("there is no function {}", quoted(token.text));
            return Some(Slip::at(*token, message, format!("write `{meant}(...)`")));
        }
    }
    (0..tokens.len()).find_map(|at| mismatch(&tokens, at))
}

fn named_otherwise(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// The first use of a name as a variable, and not as a member of something.
fn free_word<'t>(tokens: &[Token<'t>], name: &str) -> Option<Token<'t>> {
    let is_member = |at: usize| at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(Token::is_dot);
    tokens.iter().enumerate().find(|(at, token)| token.text == name && !is_member(*at)).map(|(_, token)| *token)
}

fn unknown_variable<'t>(tokens: &[Token<'t>], name: &str) -> Slip<'t> {
    let message = format!("unknown variable {}", quoted(name));
    let token = free_word(tokens, name);
    let at = token.and_then(|token| tokens.iter().position(|other| other.start == token.start));
    let help = if let Some(meant) = named_otherwise(&NAMES, name).or_else(|| nearest(name, VARIABLES)) {
        format!("did you mean `{meant}`?")
    } else if let Some(owner) = ["job", "cluster", "history"].into_iter().find(|owner| fact(owner, name).is_some()) {
        format!("did you mean `{owner}.{name}`?")
    } else if at.is_some_and(|at| is_compared(tokens, at)) {
        format!("a text stands in quotes: {}", quoted(&format!("'{name}'")))
    } else {
        format!("known are {}", crate::diagnostics::any_of(VARIABLES))
    };
    match token {
        Some(token) => Slip::at(token, message, help),
        None => Slip::whole(message, help),
    }
}

/// Whether something is compared with the token, or looked for in a list with it.
fn is_compared(tokens: &[Token<'_>], at: usize) -> bool {
    let near = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text);
    let (before, after) = (near(at.checked_sub(1)), near(Some(at + 1)));
    [before, after].iter().any(|sign| matches!(*sign, "==" | "!=")) || matches!(before, "[" | ",")
}

fn syntax<'t>(text: &'t str, tokens: &[Token<'t>], at: usize) -> Slip<'t> {
    // The parser counts characters, and names the first token that it can't use.
    let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let known = tokens.iter().enumerate().filter(|(_, token)| token.start <= at);
    if let Some(slip) = known.into_iter().find_map(|(index, token)| slip_of_others(tokens, index, *token)) {
        return slip;
    }
    if let Some(slip) = unbalanced(tokens) {
        return slip;
    }
    match (tokens.iter().find(|token| token.start >= at), tokens.last()) {
        (Some(token), _) => Slip::at(*token, format!("unexpected {}", quoted(token.text)), ""),
        (None, Some(last)) => {
            Slip::at(*last, format!("the condition ends after {}", quoted(last.text)), "a value is missing at its end")
        }
        (None, None) => Slip::whole("the condition can't be read", ""),
    }
}

/// What people write instead of CEL.
fn slip_of_others<'t>(tokens: &[Token<'t>], index: usize, token: Token<'t>) -> Option<Slip<'t>> {
    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
    match token.kind {
        Kind::Unclosed => {
            let quote = token.text.chars().find(|c| matches!(c, '\'' | '"')).unwrap_or('\'');
            return Some(Slip::at(token, "a quoted text is not closed", format!("add the missing `{quote}`")));
        }
        Kind::Word if before.is_some_and(Token::is_dot) => return None,
        Kind::Number => {
            let bytes = written_facts::size(token.text).ok().filter(|_| token.text.ends_with(char::is_alphabetic))?;
            let message = format!("{} is not a number", quoted(token.text));
            return Some(Slip::at(token, message, format!("write sizes in bytes: `{bytes}`", bytes = bytes.get())));
        }
        _ => {}
    }
    if matches!(token.text, "‘" | "’" | "“" | "”") {
        let message = format!("{} doesn't quote a text", quoted(token.text));
        return Some(Slip::at(token, message, "use straight quotes: `'...'`"));
    }
    let meant = named_otherwise(&OTHERS, token.text)?;
    // Words are operators only beside something: `or` alone may be a variable that there is not.
    let help = match (before, tokens.get(index + 1)) {
        (Some(left), Some(right)) if left.is_value() && right.is_value() && meant.ends_with('=') => {
            format!("write `{meant}` to compare, as in {}", quoted(&compared(tokens, index, meant)))
        }
        _ => format!("write `{meant}`"),
    };
    Some(Slip::at(token, format!("there is no operator {}", quoted(token.text)), help))
}

/// A comparison as it was meant: `labels.kind == 'ad-hoc'`.
fn compared(tokens: &[Token<'_>], index: usize, meant: &str) -> String {
    let left = path_before(tokens, index).map_or_else(
        || index.checked_sub(1).and_then(|before| tokens.get(before)).map_or("", |token| token.text).to_owned(),
        |path| path.join("."),
    );
    let right = path_after(tokens, index)
        .map_or_else(|| tokens.get(index + 1).map_or("", |token| token.text).to_owned(), |path| path.join("."));
    format!("{left} {meant} {right}")
}

fn unbalanced<'t>(tokens: &[Token<'t>]) -> Option<Slip<'t>> {
    let mut open: Vec<Token<'t>> = Vec::new();
    for token in tokens {
        match token.text {
            "(" | "[" | "{" => open.push(*token),
            ")" | "]" | "}" => {
                let wanted = match token.text {
                    ")" => "(",
                    "]" => "[",
                    _ => "{",
                };
                if open.pop().is_none_or(|opened| opened.text != wanted) {
                    return Some(Slip::at(*token, format!("`{}` closes nothing", token.text), "remove it"));
                }
            }
            _ => {}
        }
    }
    let opened = open.pop()?;
    let close = match opened.text {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    Some(Slip::at(opened, format!("`{}` is not closed", opened.text), format!("add the missing `{close}`")))
}

/// What a value is, as far as that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Number,
    Text,
    Flag,
}

impl Type {
    const fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Flag => "`true` or `false`",
        }
    }
}

/// The comparison at a token, where its sides have different types.
fn mismatch<'t>(tokens: &[Token<'t>], at: usize) -> Option<Slip<'t>> {
    let sign = tokens.get(at)?;
    let is_list = sign.text == "in" && tokens.get(at + 1).is_some_and(|next| next.text == "[");
    if !is_list && !matches!(sign.text, "==" | "!=" | "<" | "<=" | ">" | ">=") {
        return None;
    }
    let after = if is_list { at + 2 } else { at + 1 };
    let (path, literal) = match (path_before(tokens, at), literal_from(tokens, after)) {
        (Some(path), Some(literal)) => (path, literal),
        _ if is_list => return None,
        _ => (path_after(tokens, at)?, literal_to(tokens, at)?),
    };
    let (expected, found) = (type_of(&path)?, literal_type(literal)?);
    if expected == found {
        return None;
    }
    let name = path.join(".");
    let other = match found {
        Type::Number => "the number ",
        Type::Text => "the text ",
        Type::Flag => "",
    };
    let message = format!("`{name}` is {}, but is compared with {other}{}", expected.words(), quoted(literal.text));
    Some(Slip::at(literal, message, help_for(&name, expected, literal)))
}

/// What to write instead of a literal of another type than that of what it is compared with.
fn help_for(name: &str, expected: Type, literal: Token<'_>) -> String {
    let content = literal.text.trim_matches(['\'', '"']);
    match expected {
        Type::Number if name == "weekday" => "days are numbers, from `1` for Monday to `7` for Sunday".to_owned(),
        Type::Number if content.parse::<f64>().is_ok() => format!("write {} without quotes", quoted(content)),
        Type::Number if name.ends_with("_bytes") => match written_facts::size(content) {
            Ok(bytes) => format!("write sizes in bytes: `{}`", bytes.get()),
            Err(_) => "write sizes in bytes, as a number".to_owned(),
        },
        Type::Number => "compare it with a number".to_owned(),
        Type::Text => format!("write it in quotes: {}", quoted(&format!("'{content}'"))),
        Type::Flag => "compare it with `true` or `false`".to_owned(),
    }
}

/// The type of a variable or of a member of one.
fn type_of(path: &[&str]) -> Option<Type> {
    match *path {
        ["hour" | "weekday"] | ["plan", "cost" | "run_minutes"] => Some(Type::Number),
        ["environment" | "point"] | ["labels", _] => Some(Type::Text),
        [owner, name] => match fact(owner, name)? {
            Json::Number(_) => Some(Type::Number),
            Json::String(_) => Some(Type::Text),
            Json::Bool(_) => Some(Type::Flag),
            // What is unknown by default has its unit in its name.
            Json::Null if ["_bytes", "_ms", "_share"].iter().any(|unit| name.ends_with(unit)) => Some(Type::Number),
            _ => None,
        },
        _ => None,
    }
}

/// A fact that is always a member of its owner, with its default.
fn fact(owner: &str, name: &str) -> Option<Json> {
    let all = match owner {
        "job" => serde_json::to_value(JobFacts::default()),
        "cluster" => serde_json::to_value(ClusterFacts::default()),
        "history" => serde_json::to_value(History::default()),
        _ => return None,
    };
    all.ok()?.get(name).cloned()
}

fn literal_type(literal: Token<'_>) -> Option<Type> {
    match literal.kind {
        Kind::Number => Some(Type::Number),
        Kind::Text => Some(Type::Text),
        Kind::Word if matches!(literal.text, "true" | "false") => Some(Type::Flag),
        _ => None,
    }
}

/// Whether a token binds more strongly than a comparison: what stands beside it is only a part of what is compared.
fn binds(token: Option<&Token<'_>>) -> bool {
    token.is_some_and(|token| matches!(token.text, "+" | "-" | "*" | "/" | "%" | "." | "[" | "(" | "?" | ":"))
}

/// The literal that begins at a token and is a whole side of a comparison.
fn literal_from<'t>(tokens: &[Token<'t>], at: usize) -> Option<Token<'t>> {
    let literal = tokens.get(at)?;
    (!binds(tokens.get(at + 1))).then_some(*literal)
}

/// The literal just before the sign at `at`, where it is a whole side of a comparison.
fn literal_to<'t>(tokens: &[Token<'t>], at: usize) -> Option<Token<'t>> {
    let before = at.checked_sub(1)?;
    let literal = tokens.get(before)?;
    let is_part = before.checked_sub(1).is_some_and(|at| {
        tokens.get(at).is_some_and(|token| matches!(token.text, "+" | "-" | "*" | "/" | "%" | "." | "?" | ":"))
    });
    (!is_part).then_some(*literal)
}

/// The names, as `job` and `input_bytes`, that are the whole left side of the comparison at `at`.
fn path_before<'t>(tokens: &[Token<'t>], at: usize) -> Option<Vec<&'t str>> {
    let mut names = Vec::new();
    let mut next = at;
    loop {
        next = next.checked_sub(1)?;
        let token = tokens.get(next).filter(|token| token.kind == Kind::Word)?;
        names.push(token.text);
        match next.checked_sub(1).and_then(|before| tokens.get(before)) {
            Some(dot) if dot.is_dot() => next -= 1,
            Some(token) if matches!(token.text, "+" | "-" | "*" | "/" | "%") => return None,
            _ => break,
        }
    }
    names.reverse();
    Some(names)
}

/// The names that are the whole right side of the comparison at `at`.
fn path_after<'t>(tokens: &[Token<'t>], at: usize) -> Option<Vec<&'t str>> {
    let mut names = Vec::new();
    let mut next = at + 1;
    loop {
        let token = tokens.get(next).filter(|token| token.kind == Kind::Word)?;
        names.push(token.text);
        match tokens.get(next + 1) {
            Some(dot) if dot.is_dot() => next += 2,
            other if binds(other) => return None,
            _ => return Some(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright_core::policy::Rule;

    /// What is said of a condition, and of which part of it.
    fn told(text: &str) -> String {
        let rule = Rule { when: text.to_owned(), ..Rule::default() };
        let slip = match rule.condition() {
            Ok(_) => never_right(text),
            Err(bad) => Some(unreadable(text, &bad)),
        };
        let Some(Slip { message, help, part }) = slip else { return String::new() };
        let (at, part) = part.unwrap_or_default();
        assert!(text.get(at..).is_some_and(|rest| rest.starts_with(part)), "{text}: {at} {part}");
        format!("{part} | {message} | {help}")
    }

    #[test]
    fn mistakes_are_answered_as_a_person_would() {
        for (text, expected) in [
            (
                "labels.kind = 'ad-hoc'",
                "= | there is no operator `=` | write `==` to compare, as in `labels.kind == 'ad-hoc'`",
            ),
            ("hour >= 22 && hours < 6", "hours | unknown variable `hours` | did you mean `hour`?"),
            ("labels.hours == 'x' && hours < 6", "hours | unknown variable `hours` | did you mean `hour`?"),
            ("hour > 3 & hour < 6", "& | there is no operator `&` | write `&&`"),
            ("hour > 3 | hour < 6", "| | there is no operator `|` | write `||`"),
            ("hour > 3 and hour < 6", "and | there is no operator `and` | write `&&`"),
            ("hour > 3 OR hour < 6", "OR | there is no operator `OR` | write `||`"),
            ("not hour > 3", "not | there is no operator `not` | write `!`"),
            ("not(hour > 3)", "not | there is no function `not` | write `!(...)`"),
            ("hour =< 3", "=< | there is no operator `=<` | write `<=` to compare, as in `hour <= 3`"),
            ("hour <> 3", "<> | there is no operator `<>` | write `!=` to compare, as in `hour != 3`"),
            (
                "environment is 'production'",
                "is | there is no operator `is` | write `==` to compare, as in `environment == 'production'`",
            ),
            ("environment == 'prod", "'prod | a quoted text is not closed | add the missing `'`"),
            ("environment == “prod”", "“ | `“` doesn't quote a text | use straight quotes: `'...'`"),
            (
                "environment == production",
                "production | unknown variable `production` | a text stands in quotes: `'production'`",
            ),
            ("input_bytes > 5", "input_bytes | unknown variable `input_bytes` | did you mean `job.input_bytes`?"),
            ("python", "python | unknown variable `python` | did you mean `cluster.python`?"),
            ("cluster.python == True", "True | unknown variable `True` | did you mean `true`?"),
            ("job.input_bytes > 100GB", "100GB | `100GB` is not a number | write sizes in bytes: `100000000000`"),
            (
                "job.input_bytes > '100GB'",
                "'100GB' | `job.input_bytes` is a number, but is compared with the text `'100GB'` | write sizes in bytes: `100000000000`",
            ),
            ("hour > 'x'", "'x' | `hour` is a number, but is compared with the text `'x'` | compare it with a number"),
            (
                "'22' == hour",
                "'22' | `hour` is a number, but is compared with the text `'22'` | write `22` without quotes",
            ),
            (
                "weekday in ['sat', 'sun']",
                "'sat' | `weekday` is a number, but is compared with the text `'sat'` | days are numbers, from `1` for Monday to `7` for Sunday",
            ),
            (
                "labels.tries > 3",
                "3 | `labels.tries` is a text, but is compared with the number `3` | write it in quotes: `'3'`",
            ),
            (
                "labels.night == true",
                "true | `labels.night` is a text, but is compared with `true` | write it in quotes: `'true'`",
            ),
            (
                "job.processing == 3",
                "3 | `job.processing` is a text, but is compared with the number `3` | write it in quotes: `'3'`",
            ),
            (
                "plan.cost > 3.0",
                "plan | `plan` is known only to a rule with `deny` | `set` applies before there is a plan; use `job`, `cluster`, `history` or `labels` instead",
            ),
            ("labels.team.startswith('x')", "startswith | there is no function `startswith` | write `startsWith(...)`"),
            ("len(job.file_bytes) > 3", "len | there is no function `len` | write `size(...)`"),
            ("hour >", "> | the condition ends after `>` | a value is missing at its end"),
            ("(hour > 3", "( | `(` is not closed | add the missing `)`"),
            ("hour > 3)", ") | `)` closes nothing | remove it"),
            ("hour > > 3", "> | unexpected `>` | "),
            ("  ", " | the condition is empty | say when the rule applies, as in `when: hour >= 22`"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn right_conditions_are_left_alone() {
        for text in [
            "hour >= 22 || hour < 6",
            "hour + 1 > 22",
            "labels.and == 'or'",
            "has(labels.kind) && labels.kind in ['ad-hoc', 'x = y and z']",
            "job.processing.startsWith('q') == true",
            "int(labels.tries) > 3",
            "size(labels.team) > 3",
            "size(job.file_bytes) == 3",
            "double(job.input_bytes) / 1073741824.0 > 99.5",
            "cluster.python == false && cluster.manager != 'local' && !(weekday == 7)",
            "history.runs.exists(run, run.run_ms > 3) // = and &",
            "hour == (environment == 'production' ? 3 : 4)",
            "hour - 1 < 3 - 1",
        ] {
            assert_eq!(told(text), "", "{text}");
        }
    }
}
