//! YAML text as a tree that knows the place of every key and value.
//!
//! The events come from `granit-parser`, the maintained parser beneath `serde-saphyr`. The deserializer itself would not do
//! here: it stops at the first problem, so an author would see one typo at a time; it treats a duplicate key the same
//! everywhere, although other programs' sections are none of our business; and its values no longer say whether they were
//! quoted. What it adds, limits above all, is done below: [`MAX_BYTES`], [`MAX_VALUES`] and [`MAX_DEPTH`] are checked while
//! events come in, and an alias costs as many values as it stands for but shares their memory, so a bomb costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError};

use crate::diagnostics::{Code, Diagnostic};
use crate::scalar::{Plain, classify};
use crate::source::{Mark, Source};

/// The largest text that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most values in one text; each use of an alias counts as many as it stands for.
pub const MAX_VALUES: usize = 10_000;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 32;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) mark: Mark,
    /// Whether a YAML tag (`!thing`) stands before it.
    pub(crate) tagged: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar { text: Arc<str>, quoted: bool },
    List(Arc<Vec<Node>>),
    Map(Arc<Vec<Entry>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Node,
    pub(crate) value: Node,
}

impl Node {
    /// What a plain scalar stands for; `None` for anything else.
    pub(crate) fn plain(&self) -> Option<Plain> {
        match &self.value {
            Value::Scalar { text, quoted: false } => Some(classify(text)),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.plain() == Some(Plain::Null)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

/// What came of a text.
pub(crate) struct Tree {
    /// The value, as far as the text could be read; `None` for an empty text.
    pub(crate) root: Option<Node>,
    /// Why it could not be read to the end.
    pub(crate) problem: Option<Diagnostic>,
}

/// Reads a text.
pub(crate) fn parse_tree(source: &Source) -> Tree {
    let mut builder = Builder::new(source);
    let problem = builder.read().err();
    Tree { root: builder.finish(), problem: problem.map(|problem| *problem) }
}

/// Problems are boxed on their way up, as they are large and rare.
type Result<T> = std::result::Result<T, Box<Diagnostic>>;

enum Open {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<Node>),
}

/// A list or mapping whose end has not come yet.
struct Frame {
    open: Open,
    mark: Mark,
    anchor: usize,
    tagged: bool,
    /// How many values there were before it.
    values_before: usize,
    /// How many levels stand below it, so far.
    height: usize,
}

/// What an anchor names.
struct Anchored {
    node: Node,
    values: usize,
    height: usize,
}

struct Builder<'s> {
    source: &'s Source,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Anchored>,
    values: usize,
    documents: usize,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Source) -> Self {
        Self { source, stack: Vec::new(), root: None, anchors: BTreeMap::new(), values: 0, documents: 0 }
    }

    fn read(&mut self) -> Result<()> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.block_nesting_limit = MAX_DEPTH + 1;
        options.flow_nesting_limit = MAX_DEPTH + 1;
        let source = self.source;
        for event in Parser::new_from_str_with_options(&source.text, options) {
            let (event, span) = event.map_err(|error| Box::new(syntax_problem(source, &error)))?;
            self.take(event, Mark::of(&span))?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<()> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.problem(
                        &mark,
                        Code::SecondDocument,
                        "a second document begins here; a policy is one document",
                        "remove this line and what follows, or keep it in a file of its own",
                    ));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, &mark)?;
                let node = Node {
                    value: Value::Scalar { text: text.into(), quoted: style != ScalarStyle::Plain },
                    mark,
                    tagged: tag.is_some(),
                };
                self.remember(anchor, &node, 1, 0);
                self.add(node, 0);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(Open::List(Vec::new()), anchor, tag.is_some(), mark)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(Open::Map(Vec::new(), None), anchor, tag.is_some(), mark)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(Some(&mark)),
            Event::Alias(anchor) => {
                let Some(named) = self.anchors.get(&anchor) else {
                    return Err(self.problem(
                        &mark,
                        Code::AliasLoop,
                        "this alias stands inside the value that it names",
                        "",
                    ));
                };
                let (node, values, height) = (named.node.clone(), named.values, named.height);
                self.count(values, &mark)?;
                if self.stack.len() + height > MAX_DEPTH {
                    return Err(self.too_deep(&mark));
                }
                self.add(node, height);
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, values: usize, mark: &Mark) -> Result<()> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(self.problem(
                mark,
                Code::TooManyValues,
                &format!("more than {MAX_VALUES} values, counting each use of an alias"),
                "a policy has some hundred at most",
            ));
        }
        Ok(())
    }

    fn open(&mut self, open: Open, anchor: usize, tagged: bool, mark: Mark) -> Result<()> {
        let values_before = self.values;
        self.count(1, &mark)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.too_deep(&mark));
        }
        self.stack.push(Frame { open, mark, anchor, tagged, values_before, height: 1 });
        Ok(())
    }

    fn close(&mut self, end: Option<&Mark>) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let value = match frame.open {
            Open::List(items) => Value::List(Arc::new(items)),
            Open::Map(entries, _) => Value::Map(Arc::new(merged(entries))),
        };
        let mut mark = frame.mark;
        if let Some(end) = end {
            mark = mark.through(end);
        }
        let node = Node { value, mark, tagged: frame.tagged };
        self.remember(frame.anchor, &node, self.values.saturating_sub(frame.values_before), frame.height);
        self.add(node, frame.height);
    }

    fn remember(&mut self, anchor: usize, node: &Node, values: usize, height: usize) {
        // The parser numbers anchors from 1; 0 is none.
        if anchor != 0 {
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, values, height });
        }
    }

    fn add(&mut self, node: Node, height: usize) {
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map(entries, pending) => match pending.take() {
                None => *pending = Some(node),
                Some(key) => entries.push(Entry { key, value: node }),
            },
        }
    }

    /// The value, with everything closed that a problem left open; a key without its value is dropped.
    fn finish(mut self) -> Option<Node> {
        while !self.stack.is_empty() {
            self.close(None);
        }
        self.root
    }

    fn too_deep(&self, mark: &Mark) -> Box<Diagnostic> {
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        self.problem(mark, Code::TooDeep, &message, "a policy has five levels")
    }

    fn problem(&self, mark: &Mark, code: Code, message: &str, help: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(self.source, mark, code, message).help(help))
    }
}

/// The entries of a mapping with those of its merge keys (`<<: *base`): its own win, then the first merged.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let is_merge = |entry: &Entry| {
        matches!(&entry.key.value, Value::Scalar { text, quoted: false } if &**text == "<<")
            && !entry.key.tagged
            && match &entry.value.value {
                Value::Map(_) => true,
                Value::List(items) => items.iter().all(|item| item.entries().is_some()),
                Value::Scalar { .. } => false,
            }
    };
    if !entries.iter().any(is_merge) {
        return entries;
    }
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_merge);
    let mut known: BTreeSet<String> = own.iter().filter_map(|entry| entry.key.text().map(str::to_owned)).collect();
    let bases = merges.iter().flat_map(|merge| match &merge.value.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![&merge.value],
    });
    for entry in bases.filter_map(Node::entries).flatten() {
        if entry.key.text().is_some_and(|key| known.insert(key.to_owned())) {
            own.push(entry.clone());
        }
    }
    own
}

/// A problem of the parser in the words of a policy's author.
fn syntax_problem(source: &Source, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let start = marker.byte_offset().unwrap_or_default();
    let mark = Mark {
        line: marker.line(),
        column: marker.col() + 1,
        end_line: marker.line(),
        end_column: marker.col() + 2,
        start,
        end: start + 1,
    };
    let is_tab = matches!(
        error.kind(),
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    );
    let mark = if is_tab { last_tab(source, mark) } else { mark };
    let (code, message, help) = match error.kind() {
        _ if is_tab => {
            (Code::Tab, "a tab stands where YAML needs spaces".to_owned(), "replace each tab with two spaces")
        }
        ErrorKind::RecursionLimitExceeded => {
            (Code::TooDeep, format!("nested more than {MAX_DEPTH} levels deep"), "a policy has five levels")
        }
        ErrorKind::UnknownAnchor => (
            Code::UnknownAlias,
            "this alias names nothing that stands before it".to_owned(),
            "name a value with `&name` before using it as `*name`",
        ),
        ErrorKind::UnclosedQuotedScalar => {
            (Code::Syntax, "a quoted text is not closed".to_owned(), "add the missing quotation mark")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            (Code::Syntax, format!("`{open}` is not closed"), "add the missing bracket")
        }
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey => (
            Code::Syntax,
            "the indentation doesn't fit the lines before".to_owned(),
            "keys of one section begin in the same column",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::MappingKeyNotAllowed => (
            Code::Syntax,
            "a `key: value` can't stand here".to_owned(),
            "begin it on a line of its own, or quote a text that has a colon",
        ),
        ErrorKind::SimpleKeyExpected => {
            (Code::Syntax, "a key without a colon".to_owned(), "write `key: value`, with a space after the colon")
        }
        kind => (Code::Syntax, format!("this can't be read as YAML: {}", in_our_manner(kind)), ""),
    };
    Diagnostic::error(source, &mark, code, message).help(help)
}

/// The place of the tab that the parser stumbled over: the parser's own, or just before it.
fn last_tab(source: &Source, mark: Mark) -> Mark {
    let before = source.text.get(..mark.start).unwrap_or_default();
    let is_here = source.text.get(mark.start..).is_some_and(|text| text.starts_with('\t'));
    if is_here || mark.column <= 1 || !before.ends_with('\t') {
        return mark;
    }
    Mark { column: mark.column - 1, end_column: mark.column, start: mark.start - 1, end: mark.start, ..mark }
}

/// The parser's own message without a capital at its start or a full stop at its end.
fn in_our_manner(kind: &ErrorKind) -> String {
    let text = kind.to_string();
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "unexpected text".to_owned(),
    }
}
