//! The one place where the command writes to its terminal.
//!
//! What others wrote (names of applications, logs, records, policies, Spark's errors) is made printable on its way out. Colours are added
//! after that, and only where the stream takes them: a terminal, unless `NO_COLOR` or `CLICOLOR` say no; anything where `CLICOLOR_FORCE` says
//! yes. `anstream` reads these, as it does for the help and the usage errors of `clap`.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use sparkwright_core::printable;
use sparkwright_policy::{Diagnostic, render};

/// What is right.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What is wrong.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// What a message begins with.
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// Whether colours are wanted there.
    fn has_colours(self) -> bool {
        let choice = match self {
            Self::Out => AutoStream::choice(&io::stdout()),
            Self::Err => AutoStream::choice(&io::stderr()),
        };
        choice != ColorChoice::Never
    }

    /// Writes text that is fit for a terminal; a reader that has gone (`| head`), or a full disk, is no error.
    fn write(self, text: &str) {
        match self {
            Self::Out => drop(io::stdout().write_all(text.as_bytes())),
            Self::Err => drop(io::stderr().write_all(text.as_bytes())),
        }
    }
}

/// Whether someone reads standard output as it comes.
pub(super) fn is_interactive() -> bool {
    io::stdout().is_terminal()
}

/// Text with colours for one stream. Everything that is added is made printable first.
#[derive(Debug)]
pub(super) struct Text {
    text: String,
    has_colours: bool,
}

impl Text {
    /// No text yet, for a stream.
    pub(super) fn of(stream: Stream) -> Self {
        Self { text: String::new(), has_colours: stream.has_colours() }
    }

    /// Adds text.
    pub(super) fn plain(&mut self, text: &str) {
        self.text.push_str(&printable::text(text));
    }

    /// Adds text in a style.
    pub(super) fn styled(&mut self, style: Style, text: &str) {
        let text = printable::text(text);
        if self.has_colours {
            self.text.push_str(&format!("{style}{text}{style:#}"));
        } else {
            self.text.push_str(&text);
        }
    }
}

/// Prints to standard output.
pub(super) fn print(text: &str) {
    Stream::Out.write(&printable::text(text));
}

/// Prints text with colours to standard output.
pub(super) fn print_text(text: &Text) {
    Stream::Out.write(&text.text);
}

/// Prints a value as JSON to standard output: the same value wherever it is read, and fit for a terminal.
///
/// # Errors
/// It has no JSON form.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), serde_json::Error> {
    let json = serde_json::to_string_pretty(value)?;
    Stream::Out.write(&(printable::json(&json).into_owned() + "\n"));
    Ok(())
}

/// Says on standard error what is worth knowing beside the output.
pub(super) fn note(text: &str) {
    Stream::Err.write(&format!("sparkwright: {}\n", printable::text(text)));
}

/// How far a command is, over what was said of it before: for whoever looks at standard error. An empty text takes it away.
pub(super) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        Stream::Err.write(&format!("\r\x1b[2K{}", printable::line(text)));
    }
}

/// Says on standard error why nothing came of a command, and what to do.
pub(super) fn tell_error(message: &str, help: Option<&str>) {
    let mut text = Text::of(Stream::Err);
    text.styled(ERROR, "error:");
    text.plain(&format!(" {message}\n"));
    if let Some(help) = help {
        text.plain("  ");
        text.styled(HELP, "help:");
        text.plain(&format!(" {help}\n"));
    }
    Stream::Err.write(&text.text);
}

/// Writes diagnostics, which are made printable where they are rendered.
pub(super) fn tell_diagnostics<'d>(stream: Stream, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
    let has_colours = stream.has_colours();
    for diagnostic in diagnostics {
        stream.write(&format!("{}\n", render(diagnostic, has_colours).trim_end()));
    }
}

/// A table with these heads, as wide as the terminal where standard output is one. `comfy_table` sets no colours of its own.
pub(super) fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads);
    table
}

/// A count with its word: `1 error`, `2 errors`.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_printable_and_our_colours_stay() {
        let mut text = Text { text: String::new(), has_colours: true };
        text.styled(BAD, "FAILED");
        text.plain(" \u{1b}[2Jname\n");
        assert_eq!(text.text, "\u{1b}[31mFAILED\u{1b}[0m \\u{1b}[2Jname\n");
        let mut text = Text { text: String::new(), has_colours: false };
        text.styled(GOOD, "\u{9b}ok");
        assert_eq!(text.text, "\\u{9b}ok");
    }

    #[test]
    fn counts_have_their_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "error")), ["0 errors", "1 error", "2 errors"]);
    }
}
