//! The word that was probably meant.

/// Longer words than this are not compared: no key comes near, and comparing takes time.
const LONGEST_WORD: usize = 64;

/// How many letters a word has, and of which kinds: what tells at once that two words are far apart.
struct Letters {
    count: usize,
    /// Letters that share a place count as one kind.
    of_kind: [u32; 64],
}

impl Letters {
    fn of(word: &str) -> Self {
        let mut letters = Self { count: 0, of_kind: [0; 64] };
        for letter in word.chars() {
            letters.count += 1;
            if let Some(count) = letters.of_kind.get_mut(letter as usize % 64) {
                *count += 1;
            }
        }
        letters
    }

    /// What edits there are between two words at least: each adds or takes a letter, or puts one in another's place.
    fn edits_at_least(&self, other: &Self) -> usize {
        let pairs = || self.of_kind.iter().zip(&other.of_kind);
        let more: u32 = pairs().map(|(mine, theirs)| mine.saturating_sub(*theirs)).sum();
        let less: u32 = pairs().map(|(mine, theirs)| theirs.saturating_sub(*mine)).sum();
        more.max(less) as usize
    }
}

/// The candidate with the fewest edits from `word`, at most `allowed`, as `form` writes it; the first of equals.
///
/// Each pair of words costs time by the product of their lengths, so those that can't be near are left out first.
pub(crate) fn fewest_edits<'a, F: AsRef<str>>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    allowed: usize,
    form: impl Fn(&'a str) -> F,
) -> Option<&'a str> {
    let letters = Letters::of(word);
    let edits = |candidate: &'a str| {
        let formed = form(candidate);
        let formed = formed.as_ref();
        // By far the most are told apart by their lengths alone.
        let lengths = if word.is_ascii() && formed.is_ascii() { word.len().abs_diff(formed.len()) } else { 0 };
        let may_be_near = lengths <= allowed && letters.edits_at_least(&Letters::of(formed)) <= allowed;
        may_be_near.then(|| (strsim::damerau_levenshtein(word, formed), candidate))
    };
    let near = candidates.into_iter().filter_map(edits).filter(|(edits, _)| *edits <= allowed);
    near.min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// The candidate with the fewest edits from `word`, where it is near enough to be worth a question: at most a third of the
/// letters, and at least one. Case, `-` and blanks don't count as edits. The first of equals.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST_WORD {
        return None;
    }
    let word = normal(word);
    let allowed = (word.chars().count() / 3).max(1);
    fewest_edits(&word, candidates, allowed, normal)
}

/// How alike a word and its candidate are at least where the candidates are few and all named anyway, from 0 to 1.
const ALIKE: f64 = 0.85;

/// [`nearest`] among a few words, also one that is an abbreviation, as `zstd` of `zstandard`.
pub(crate) fn nearest_of_few<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let alike = |candidate: &&'a str| (strsim::jaro_winkler(&normal(word), &normal(candidate)), *candidate);
    nearest(word, candidates.iter().copied()).or_else(|| {
        let best = candidates.iter().map(alike).max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(how, _)| *how >= ALIKE).map(|(_, candidate)| candidate)
    })
}

fn normal(word: &str) -> String {
    word.trim().to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_word_and_others_find_none() {
        let words = ["min_executors", "max_executors", "compression", "auto"];
        for (typed, meant) in [
            ("max_executers", Some("max_executors")),
            ("Max-Executors", Some("max_executors")),
            ("comprssion", Some("compression")),
            ("atuo", Some("auto")),
            ("spark", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), words), None);
        let few = ["snappy", "zstd", "gzip", "none"];
        for (typed, meant) in [("zstandard", Some("zstd")), ("snapy", Some("snappy")), ("brotli", None)] {
            assert_eq!(nearest_of_few(typed, &few), meant, "{typed}");
        }
    }
}
