//! How one text differs from another, line by line, as `diff -u` shows it.
//!
//! One algorithm is called by its name: `similar::TextDiff` brings all of them, in many forms each, which is 45 KB more to fetch.

use std::ops::Range;

use similar::algorithms::{Capture, Replace, myers};
use similar::{DiffOp, DiffTag};

/// Lines that are the same, shown before and after those that differ.
const AROUND: usize = 3;
/// More lines than this are not shown: nobody reads them, and the browser would stall.
const MOST_SHOWN: usize = 2_000;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is in both texts.
    Same,
    /// It is in the first text alone.
    Removed,
    /// It is in the second text alone.
    Added,
}

/// A line of either text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What became of it.
    pub change: Change,
    /// Its text, without its end.
    pub text: String,
    /// What is particular of its end: a carriage return, or that there is none.
    pub end: &'static str,
}

/// Lines that differ, with those around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Where it begins in the second text, from 1.
    pub line: usize,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// The difference of two texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// How many lines the second text has and the first has not.
    pub added: usize,
    /// How many lines the first text has and the second has not.
    pub removed: usize,
    /// Where they differ.
    pub hunks: Vec<Hunk>,
    /// How many lines of the difference are not in `hunks`, as it has too many.
    pub not_shown: usize,
}

impl Difference {
    /// How `to` differs from `from`.
    #[must_use]
    pub fn between(from: &str, to: &str) -> Self {
        let [from, to]: [Vec<&str>; 2] = [from, to].map(|text| text.split_inclusive('\n').collect());
        let mut changes = Replace::new(Capture::new());
        // Capturing can't fail.
        let Ok(()) = myers::diff(&mut changes, from.as_slice(), 0..from.len(), to.as_slice(), 0..to.len());
        let mut difference = Self::default();
        let mut shown = 0;
        for group in changes.into_inner().into_grouped_ops(AROUND) {
            let Some(first) = group.first() else { continue };
            let mut hunk = Hunk { line: first.new_range().start + 1, lines: Vec::new() };
            for (change, text) in group.iter().flat_map(|op| lines(op, &from, &to)) {
                match change {
                    Change::Added => difference.added += 1,
                    Change::Removed => difference.removed += 1,
                    Change::Same => {}
                }
                if shown < MOST_SHOWN {
                    shown += 1;
                    hunk.lines.push(line(change, text));
                } else {
                    difference.not_shown += 1;
                }
            }
            if !hunk.lines.is_empty() {
                difference.hunks.push(hunk);
            }
        }
        difference
    }
}

/// The lines of a step from one text to the other, those that go before those that come.
fn lines<'a>(op: &DiffOp, from: &[&'a str], to: &[&'a str]) -> Vec<(Change, &'a str)> {
    let of = |lines: &[&'a str], range: Range<usize>, change| {
        lines.get(range).unwrap_or_default().iter().map(|line| (change, *line)).collect::<Vec<_>>()
    };
    match op.tag() {
        DiffTag::Equal => of(to, op.new_range(), Change::Same),
        DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
            let mut all = of(from, op.old_range(), Change::Removed);
            all.extend(of(to, op.new_range(), Change::Added));
            all
        }
    }
}

fn line(change: Change, value: &str) -> Line {
    let (text, end) = match (value.strip_suffix("\r\n"), value.strip_suffix('\n'), value.strip_suffix('\r')) {
        (Some(text), ..) => (text, "␍"),
        (None, Some(text), _) => (text, ""),
        (None, None, Some(text)) => (text, "␍ no line feed"),
        (None, None, None) => (value, "no end of line"),
    };
    Line { change, text: text.to_owned(), end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As `diff -u` would print it.
    fn printed(difference: &Difference) -> String {
        let mut printed = String::new();
        for hunk in &difference.hunks {
            printed += &format!("@{}\n", hunk.line);
            for line in &hunk.lines {
                let sign = match line.change {
                    Change::Same => ' ',
                    Change::Removed => '-',
                    Change::Added => '+',
                };
                printed += &format!("{sign}{}{}\n", line.text, line.end);
            }
        }
        printed
    }

    #[test]
    fn what_differs_is_shown_with_the_lines_around_it() {
        let from = (1..=20).map(|it| format!("line {it}\n")).collect::<String>();
        let to = from.replace("line 9\n", "line nine\nand more\n").replace("line 20\n", "line 20");
        let difference = Difference::between(&from, &to);
        assert_eq!((difference.added, difference.removed), (3, 2));
        let wanted = "@6\n line 6\n line 7\n line 8\n-line 9\n+line nine\n+and more\n line 10\n line 11\n line 12\n\
                      @18\n line 17\n line 18\n line 19\n-line 20\n+line 20no end of line\n";
        assert_eq!(printed(&difference), wanted);
    }

    #[test]
    fn ends_of_lines_that_differ_are_seen() {
        let difference = Difference::between("a: 1\r\nb: 2\n", "a: 1\nb: 2\n");
        assert_eq!(printed(&difference), "@1\n-a: 1␍\n+a: 1\n b: 2\n");
        assert_eq!(Difference::between("", "a\r\n").added, 1);
        assert_eq!(Difference::between("a: 1\n", "a: 1\n"), Difference::default());
    }

    #[test]
    fn a_difference_that_nobody_can_read_is_counted_and_cut() {
        let of = |word: &str| (0..30_000).map(|it| format!("{word} {it}\n")).collect::<String>();
        let difference = Difference::between(&of("from"), &of("to"));
        assert_eq!((difference.added, difference.removed, difference.not_shown), (30_000, 30_000, 60_000 - MOST_SHOWN));
    }

    proptest! {
        #[test]
        fn the_lines_of_either_text_are_all_there(from in "([ab]{0,2}\r?\n?){0,30}", to in "([ab]{0,2}\r?\n?){0,30}") {
            let difference = Difference::between(&from, &to);
            let lines = difference.hunks.iter().flat_map(|hunk| &hunk.lines).collect::<Vec<_>>();
            let count = |change: Change| lines.iter().filter(|line| line.change == change).count();
            prop_assert_eq!((count(Change::Added), count(Change::Removed)), (difference.added, difference.removed));
            prop_assert_eq!(difference.hunks.is_empty(), from == to);
            let grown = to.split_inclusive('\n').count() as i64 - from.split_inclusive('\n').count() as i64;
            prop_assert_eq!(grown, difference.added as i64 - difference.removed as i64);
        }
    }
}
