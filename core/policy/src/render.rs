//! Diagnostics as people read them in a terminal.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use sparkwright_core::printable;

use crate::diagnostics::{Diagnostic, Severity, plain_text};

/// One diagnostic as text: what is wrong, `file:line:column`, the line with the place marked, and the help. With ANSI colours
/// only where `colour` asks for them. The text it is about is not needed: a diagnostic carries the line it points to.
///
/// ```
/// let text = "global_optimization:\n  autoscaling:\n    max_executers: 8\n";
/// let (_, diagnostics) = sparkwright_policy::parse("policy.yaml", text);
/// assert_eq!(
///     sparkwright_policy::render(&diagnostics[0], false),
///     "error[unknown_key]: unknown key `max_executers` in `autoscaling`
///  --> policy.yaml:3:5
///   |
/// 3 |     max_executers: 8
///   |     ^^^^^^^^^^^^^
///   |
///   = help: did you mean `max_executors`?"
/// );
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Advice => Level::NOTE,
    };
    let file = if diagnostic.file.is_empty() { "policy".to_owned() } else { plain_path(&diagnostic.file) };
    let message = printable::line(&diagnostic.message);
    let title = level.primary_title(message.as_ref());
    let mut group = Group::with_title(title.id(diagnostic.code.word()));
    let excerpt = visible(&diagnostic.excerpt);
    let origin = Origin::path(file.as_str());
    if diagnostic.line == 0 {
        group = group.element(origin);
    } else if excerpt.trim().is_empty() {
        let (line, column) = (diagnostic.line, diagnostic.column);
        group = group.element(origin.line(line).char_column(column));
    } else {
        let mut snippet = Snippet::source(excerpt.as_str())
            .line_start(diagnostic.line)
            .annotation(AnnotationKind::Primary.span(marked(diagnostic, &excerpt)));
        if diagnostic.excerpt_column <= 1 {
            snippet = snippet.path(file.as_str());
        } else {
            // The excerpt begins within its line, so the renderer can't count the column itself.
            let (line, column) = (diagnostic.line, diagnostic.column);
            group = group.element(origin.line(line).char_column(column));
        }
        group = group.element(snippet);
    }
    let help = printable::line(&diagnostic.help);
    if !help.is_empty() {
        group = group.element(Level::HELP.message(help.as_ref()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// The bytes of the excerpt that are at fault.
fn marked(diagnostic: &Diagnostic, excerpt: &str) -> std::ops::Range<usize> {
    let byte_of = |column: usize| {
        let skipped = column.saturating_sub(diagnostic.excerpt_column);
        excerpt.char_indices().nth(skipped).map_or(excerpt.len(), |(at, _)| at)
    };
    let start = byte_of(diagnostic.column);
    let end =
        if diagnostic.end_line == diagnostic.line { byte_of(diagnostic.end_column) } else { excerpt.trim_end().len() };
    start..end.max(start)
}

/// A line as a terminal may show it: one character for each, none of them invisible or in control.
fn visible(line: &str) -> String {
    line.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.escape_debug().count() > 1 && !matches!(c, '\'' | '"' | '\\') => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A file's name without what could upset a terminal; names longer than a message's quotes stay whole.
fn plain_path(name: &str) -> String {
    name.split('/').map(plain_text).collect::<Vec<_>>().join("/")
}
