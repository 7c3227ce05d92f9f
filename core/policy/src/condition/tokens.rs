//! The tokens of a condition, those that CEL doesn't have included.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// What begins with a digit.
    Number,
    /// A quoted text.
    Text,
    /// A quoted text without its end.
    Unclosed,
    /// An operator, a bracket or anything else.
    Sign,
}

/// A token with its first byte in the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn is_dot(&self) -> bool {
        self.text == "."
    }

    pub(super) fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Number | Kind::Text)
    }
}

/// Signs of more than one character, the longest first; also those that other languages have.
const SIGNS: [&str; 11] = ["===", "!==", "==", "!=", "<=", ">=", "=<", "=>", "<>", "&&", "||"];

/// The tokens of a condition, without blanks and comments.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = token(rest, first);
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if !first.is_whitespace() && !token.starts_with("//") {
            found.push(Token { kind, text: token, start: text.len() - rest.len() });
        }
        rest = after;
    }
    found
}

/// The kind and the length in bytes of the token that `rest`, whose first character is `first`, begins with.
fn token(rest: &str, first: char) -> (Kind, usize) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let up_to = |end: fn(char) -> bool| rest.find(end).unwrap_or(rest.len());
    if let Some(length) = quoted(rest) {
        return length.map_or((Kind::Unclosed, rest.len()), |length| (Kind::Text, length));
    }
    if rest.starts_with("//") {
        return (Kind::Sign, up_to(|c| c == '\n'));
    }
    if first.is_ascii_digit() {
        return (Kind::Number, number(rest));
    }
    if is_word(first) {
        return (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return (Kind::Sign, sign.len());
    }
    (Kind::Sign, first.len_utf8())
}

/// The length of a number with whatever is written onto its end, as a unit.
fn number(rest: &str) -> usize {
    let mut before = ' ';
    let end = rest.char_indices().find(|(_, c)| {
        let is_exponent = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        before = *c;
        !(c.is_alphanumeric() || matches!(c, '_' | '.') || is_exponent)
    });
    end.map_or(rest.len(), |(at, _)| at)
}

/// The length of the quoted text that `rest` begins with, `r'...'` and `'''...'''` included: nothing where it begins with none, and no length
/// where its end is missing.
fn quoted(rest: &str) -> Option<Option<usize>> {
    let prefix: String = rest.chars().take_while(|c| matches!(c, 'r' | 'R' | 'b' | 'B')).take(2).collect();
    let body = rest.get(prefix.len()..)?;
    let quote = body.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let is_raw = prefix.contains(['r', 'R']);
    let triple: String = [quote; 3].iter().collect();
    let fence = if body.starts_with(&triple) { triple.as_str() } else { body.get(..1)? };
    let mut at = fence.len();
    while let Some(left) = body.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with(fence) {
            return Some(Some(prefix.len() + at + fence.len()));
        }
        let escaped = left.starts_with('\\') && !is_raw;
        at += left.chars().take(if escaped { 2 } else { 1 }).map(char::len_utf8).sum::<usize>();
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_taken_apart() {
        let of = |text| tokens(text).iter().map(|token| token.text).collect::<Vec<_>>();
        assert_eq!(of("a.b>=1.5e-3&&!(c)"), ["a", ".", "b", ">=", "1.5e-3", "&&", "!", "(", "c", ")"]);
        assert_eq!(of(r"x=='it\'s' // and = more"), ["x", "==", r"'it\'s'"]);
        assert_eq!(of(r"r'\' + '''a'b''' in [100GB]"), [r"r'\'", "+", "'''a'b'''", "in", "[", "100GB", "]"]);
        assert_eq!(of("größe → “x”"), ["größe", "→", "“", "x", "”"]);
        assert_eq!(of("b == 'open"), ["b", "==", "'open"]);
        assert_eq!(tokens("'open").first().map(|token| token.kind), Some(Kind::Unclosed));
        assert_eq!(of("''"), ["''"]);
        assert_eq!(of(""), [""; 0]);
    }
}
