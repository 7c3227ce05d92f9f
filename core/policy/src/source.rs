//! Texts with a name, and places in them.

use std::sync::Arc;

use granit_parser::Span;

/// The longest piece of a line that a diagnostic quotes, in characters on each side of its place.
const EXCERPT_REACH: usize = 120;

/// A text that values were read from: a policy file or an override. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// What people call it: a file's path, or `--set`.
    pub(crate) name: String,
    /// The text itself; empty where it was refused for its size.
    pub(crate) text: Arc<str>,
}

/// A place in a text. Lines and columns count from 1, columns in characters; `start..end` are bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Mark {
    /// The place of a parser event.
    pub(crate) fn of(span: &Span) -> Self {
        let start = span.start.byte_offset().unwrap_or_default();
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
            end_line: span.end.line(),
            end_column: span.end.col() + 1,
            start,
            end: span.end.byte_offset().unwrap_or(start).max(start),
        }
    }

    /// Whether nothing stands here, as for the value of `key:`.
    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// This place, up to the end of `last` where that is on the same line.
    pub(crate) fn through(self, last: &Self) -> Self {
        if last.end_line == self.line && last.end > self.end {
            Self { end_line: last.end_line, end_column: last.end_column, end: last.end, ..self }
        } else {
            self
        }
    }
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.into() }
    }

    /// The place of the bytes `start..end`.
    pub(crate) fn mark(&self, start: usize, end: usize) -> Mark {
        let place = |at: usize| {
            let before = self.text.get(..at).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        };
        let ((line, column), (end_line, end_column)) = (place(start), place(end));
        Mark { line, column, end_line, end_column, start, end }
    }

    /// The line around `mark` as far as it is worth quoting, with the column of its first character.
    pub(crate) fn excerpt(&self, mark: &Mark) -> (String, usize) {
        let (Some(before), Some(after)) = (self.text.get(..mark.start), self.text.get(mark.start..)) else {
            return (String::new(), 1);
        };
        let is_break = |c: &char| matches!(c, '\n' | '\r');
        let left: Vec<char> = before.chars().rev().take_while(|c| !is_break(c)).take(EXCERPT_REACH).collect();
        let first_column = mark.column.saturating_sub(left.len()).max(1);
        let right = after.chars().take_while(|c| !is_break(c)).take(EXCERPT_REACH);
        (left.into_iter().rev().chain(right).collect(), first_column)
    }
}
