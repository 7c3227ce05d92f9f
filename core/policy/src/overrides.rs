//! What a person changes at run time: the highest layer.

use crate::block::{Block, read_block};
use crate::diagnostics::{Code, Diagnostic, quoted};
use crate::source::{Mark, Source};
use crate::tree::{Entry, MAX_BYTES, Node, Value, parse_tree};

/// A runtime override: some keys with their values.
///
/// It is never refused when made; what is wrong with it is in [`Override::diagnostics`], and resolving a policy with it
/// then gives these problems.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    pub(crate) source: Source,
    pub(crate) block: Block,
}

impl Override {
    /// Reads either form: `autoscaling.max_executors=8`, or YAML or JSON in the shape of one `optimization` block.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        match text.split_once('=') {
            Some((key, _)) if !key.trim().is_empty() && key.chars().all(is_key) => Self::set(text),
            _ => Self::fragment("override", text),
        }
    }

    /// Reads `key=value`, the argument of `--set`. The key is a full path or an unambiguous short name; the value is YAML.
    #[must_use]
    pub fn set(text: &str) -> Self {
        if let Some(refused) = Self::too_large("--set", text) {
            return refused;
        }
        let source = Source::new("--set", text);
        let Some((key, _)) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            let mark = whole_of(text);
            let message = format!("{} is not `key=value`", quoted(text));
            let problem = Diagnostic::error(&source, &mark, Code::BadSetting, message)
                .expected("`key=value`")
                .found(quoted(text))
                .help("write it as `autoscaling.max_executors=8`");
            return Self::refused(source, problem);
        };
        // The parser sees blanks where the key stands, so that every place is one of the whole text.
        let value = text.get(key.len() + 1..).unwrap_or_default();
        let blanked = [" ".repeat(key.len() + 1).as_str(), value].concat();
        let tree = parse_tree(&Source::new("--set", &blanked));
        if let Some(problem) = tree.problem {
            let (excerpt, excerpt_column) = source.excerpt(&whole_of(text));
            let problem = Diagnostic { excerpt, excerpt_column, ..problem };
            return Self::refused(source, problem);
        }
        let mark = Mark { end_column: key.chars().count() + 1, end: key.len(), ..whole_of(text) };
        let value =
            tree.root.unwrap_or(Node { value: Value::Scalar { text: "".into(), quoted: false }, mark, tagged: false });
        // `a.b=c` is the block `a: {b: c}`. No key has more than three names; a fourth dot stays in the last one.
        let path: Vec<&str> = key.trim().splitn(4, '.').collect();
        let node = path.iter().rev().fold(value, |value, name| Node {
            mark,
            tagged: false,
            value: Value::Map(std::sync::Arc::new(vec![Entry {
                key: Node { value: Value::Scalar { text: (*name).into(), quoted: true }, mark, tagged: false },
                value,
            }])),
        });
        let block = read_block(&source, &node, "", mark);
        Self { source, block }
    }

    /// Reads YAML or JSON in the shape of one `optimization` block; `name` is what messages call it.
    #[must_use]
    pub fn fragment(name: &str, text: &str) -> Self {
        if let Some(refused) = Self::too_large(name, text) {
            return refused;
        }
        let source = Source::new(name, text);
        let tree = parse_tree(&source);
        let mut block = tree.root.map_or_else(Block::default, |root| {
            let key = Mark { end: root.mark.start, ..root.mark };
            read_block(&source, &root, "", key)
        });
        block.problems.splice(0..0, tree.problem);
        Self { source, block }
    }

    /// One that stands in a file: `path` leads to it, `key` is the place of its own key.
    pub(crate) fn of_block(source: &Source, node: &Node, path: &str, key: Mark) -> Self {
        Self { source: source.clone(), block: read_block(source, node, path, key) }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.block.problems
    }

    /// The paths of the keys that it sets, as `autoscaling.max_executors`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.block.settings.keys().map(String::as_str)
    }

    fn too_large(name: &str, text: &str) -> Option<Self> {
        too_large(name, text).map(|problem| Self::refused(Source::new(name, ""), problem))
    }

    fn refused(source: Source, problem: Diagnostic) -> Self {
        let block = Block { problems: vec![problem], ..Block::default() };
        Self { source, block }
    }
}

/// The place of all of a text of one line.
fn whole_of(text: &str) -> Mark {
    Mark { line: 1, column: 1, end_line: 1, end_column: text.chars().count() + 1, start: 0, end: text.len() }
}

/// The error for a text that is larger than any policy.
pub(crate) fn too_large(name: &str, text: &str) -> Option<Diagnostic> {
    (text.len() > MAX_BYTES).then(|| {
        let message = format!("{} bytes are more than a policy can have, {MAX_BYTES}", text.len());
        Diagnostic::placeless(&Source::new(name, ""), Code::TooLarge, message)
            .expected(format!("at most {MAX_BYTES} bytes"))
            .found(format!("{} bytes", text.len()))
            .help("is this the right file?")
    })
}
