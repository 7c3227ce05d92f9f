//! What is wrong with a policy, as plain data.

use serde::{Deserialize, Serialize};

use crate::source::{Mark, Source};

/// The most characters of a user's text that a message repeats.
const LONGEST_QUOTE: usize = 60;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The policy can't be used.
    Error,
    /// The policy can be used, but may not say what its author meant.
    Warning,
    /// Nothing is wrong; something is worth knowing.
    Advice,
}

/// What kind of problem it is. The word of a code is stable; messages are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The text is not YAML.
    Syntax,
    /// A tab stands where YAML wants spaces.
    Tab,
    /// The text is larger than any policy.
    TooLarge,
    /// The text has more values than any policy, counting each use of an alias.
    TooManyValues,
    /// The text nests deeper than any policy.
    TooDeep,
    /// An alias stands inside what it names.
    AliasLoop,
    /// An alias names nothing.
    UnknownAlias,
    /// The file has a second YAML document.
    SecondDocument,
    /// A value has a YAML tag.
    UnexpectedTag,
    /// A key that a policy doesn't have.
    UnknownKey,
    /// A key written twice.
    DuplicateKey,
    /// A short name that two sections have.
    AmbiguousKey,
    /// A key that is left alone, but nearly is one of the policy's own.
    SimilarKey,
    /// A part of a policy that stands where nothing reads it.
    Misplaced,
    /// No key of the file is the policy's.
    NothingHere,
    /// A value of another type.
    WrongType,
    /// Nothing where a value is needed.
    NullNotAllowed,
    /// A number beyond its range.
    OutOfRange,
    /// NaN or an infinity.
    NotFinite,
    /// A word that is not among the key's values.
    UnknownWord,
    /// A size that is not written as Spark writes sizes.
    BadMemorySize,
    /// A least value above its largest value.
    BoundsCross,
    /// An environment that the file doesn't have.
    UnknownEnvironment,
    /// A rule's condition that can't be read, or names what is not there.
    BadCondition,
    /// A rule whose values an environment's policy can't take.
    RuleNeverApplies,
    /// A value that never has an effect beside the others.
    WithoutEffect,
    /// What nearly is a key of Spark.
    UnknownSparkKey,
    /// A setting that is active only in production.
    NotExercised,
    /// A SHA-256 that is not 64 hexadecimal digits.
    BadDigest,
    /// A `--set` that is not `key=value`.
    BadSetting,
    /// More problems than are listed.
    MoreProblems,
}

impl Code {
    /// The code as people and programs see it, for example `unknown_key`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Tab => "tab",
            Self::TooLarge => "too_large",
            Self::TooManyValues => "too_many_values",
            Self::TooDeep => "too_deep",
            Self::AliasLoop => "alias_loop",
            Self::UnknownAlias => "unknown_alias",
            Self::SecondDocument => "second_document",
            Self::UnexpectedTag => "unexpected_tag",
            Self::UnknownKey => "unknown_key",
            Self::DuplicateKey => "duplicate_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::SimilarKey => "similar_key",
            Self::Misplaced => "misplaced",
            Self::NothingHere => "nothing_here",
            Self::WrongType => "wrong_type",
            Self::NullNotAllowed => "null_not_allowed",
            Self::OutOfRange => "out_of_range",
            Self::NotFinite => "not_finite",
            Self::UnknownWord => "unknown_word",
            Self::BadMemorySize => "bad_memory_size",
            Self::BoundsCross => "bounds_cross",
            Self::UnknownEnvironment => "unknown_environment",
            Self::BadCondition => "bad_condition",
            Self::RuleNeverApplies => "rule_never_applies",
            Self::WithoutEffect => "without_effect",
            Self::UnknownSparkKey => "unknown_spark_key",
            Self::NotExercised => "not_exercised",
            Self::BadDigest => "bad_digest",
            Self::BadSetting => "bad_setting",
            Self::MoreProblems => "more_problems",
        }
    }
}

/// One problem and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The name of the file or override that it is in.
    pub file: String,
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is.
    pub code: Code,
    /// What is wrong: lower case, no full stop, the author's own words in backticks.
    pub message: String,
    /// The line, from 1; 0 where no place in the text is at fault.
    pub line: usize,
    /// The column in characters, from 1; 0 where no place in the text is at fault.
    pub column: usize,
    /// The line of the first character after the place.
    pub end_line: usize,
    /// The column of the first character after the place.
    pub end_column: usize,
    /// The path of keys that leads there, as `environments.production.optimization.autoscaling.max_executors`; empty for
    /// the file as a whole.
    pub path: String,
    /// What would have been right; empty where the message says it.
    pub expected: String,
    /// What stands there; empty where the message says it.
    pub found: String,
    /// What to do about it; empty where there is nothing to add.
    pub help: String,
    /// The text of the line, or the part of a very long line around the place.
    pub excerpt: String,
    /// The column of the excerpt's first character.
    pub excerpt_column: usize,
}

impl Diagnostic {
    /// An error at a place of a text.
    pub(crate) fn error(source: &Source, mark: &Mark, code: Code, message: impl Into<String>) -> Self {
        let (excerpt, excerpt_column) = source.excerpt(mark);
        Self {
            file: source.name.clone(),
            severity: Severity::Error,
            code,
            message: message.into(),
            line: mark.line,
            column: mark.column,
            end_line: mark.end_line,
            end_column: mark.end_column,
            path: String::new(),
            expected: String::new(),
            found: String::new(),
            help: String::new(),
            excerpt,
            excerpt_column,
        }
    }

    /// A warning at a place of a text.
    pub(crate) fn warning(source: &Source, mark: &Mark, code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(source, mark, code, message) }
    }

    /// An error that is about no place in particular.
    pub(crate) fn placeless(source: &Source, code: Code, message: impl Into<String>) -> Self {
        let nowhere = Source { name: source.name.clone(), text: "".into() };
        Self::error(&nowhere, &Mark::default(), code, message)
    }

    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Whether the policy can't be used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The author's own words for a message: in backticks, on one line, shortened, with nothing that could upset a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    out.push_str(&plain_text(text));
    out.push('`');
    out
}

/// [`quoted`] without the backticks.
pub(crate) fn plain_text(text: &str) -> String {
    let mut out: String = readable(text.chars().take(LONGEST_QUOTE));
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        out.push('…');
    }
    out
}

/// Control, bidirectional and other invisible characters escaped; what people can read stays.
pub(crate) fn readable(characters: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    for c in characters {
        if c == ' ' || c == '\'' || c == '"' || c == '\\' {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    out
}

/// The words of a list, as `a`, `b` or `c`.
pub(crate) fn any_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(quoted).collect();
    match words.pop() {
        None => String::new(),
        Some(only) if words.is_empty() => only,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_safe_and_short() {
        assert_eq!(quoted("max executors"), "`max executors`");
        assert_eq!(quoted("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
        assert_eq!(quoted("\u{202e}x"), "`\\u{202e}x`");
        assert_eq!(quoted("größe 大"), "`größe 大`");
        assert_eq!(plain_text(&"x".repeat(1000)).chars().count(), 61);
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(any_of([]), "");
        assert_eq!(any_of(["a"]), "`a`");
        assert_eq!(any_of(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
