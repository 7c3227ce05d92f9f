//! Text of others, made fit for a terminal.
//!
//! Names of applications, contents of logs and policies may hold characters that a terminal obeys instead of showing them: they move its
//! cursor, change its colours, overwrite a line or turn the reading order around. Each of them is written out, as `\u{1b}`.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write as _;

/// A text of one or more lines; line breaks and tabs stay.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'), |out, c| out.extend(c.escape_default()))
}

/// A name or another part of a line; line breaks and tabs are written out too, so that it can't pretend to be a line of its own.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, is_obeyed, |out, c| out.extend(c.escape_default()))
}

/// A JSON text: the same value, with escapes of JSON's own.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    written_out(
        text,
        |c| is_obeyed(c) && !matches!(c, '\n' | '\t' | '\r'),
        |out, c| {
            // Writing to a String can't fail, and each of these characters has at most four digits.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        },
    )
}

/// Whether a terminal acts on a character instead of showing it: control characters, line separators, and what sets the direction of text.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn written_out(text: &str, is_escaped: impl Fn(char) -> bool, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { escape(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        for (hostile, shown) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("passed\rfailed", "passed\\rfailed"),
            ("\u{8}\u{7f}", "\\u{8}\\u{7f}"),
            ("\u{202e}gnp.exe\u{2066}", "\\u{202e}gnp.exe\\u{2066}"),
            ("\u{2028}", "\\u{2028}"),
        ] {
            assert_eq!(text(hostile), shown);
            assert_eq!(line(hostile), shown);
        }
    }

    #[test]
    fn what_people_write_stays() {
        for fine in ["größe 大 नमस्ते 'x' \"y\" \\z", "👩\u{200d}🔬", ""] {
            assert!(matches!(line(fine), Cow::Borrowed(same) if same == fine));
        }
        assert_eq!(text("a\tb\nc"), "a\tb\nc");
        assert_eq!(line("a\tb\nc"), "a\\tb\\nc");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"name": "a\u{1b}\u{9b}\u{7f}\u{202e}\n", "n": [1]});
        let plain = serde_json::to_string_pretty(&value).unwrap_or_default();
        let shown = json(&plain);
        assert!(!shown.chars().any(|c| c != '\n' && is_obeyed(c)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value));
    }
}
