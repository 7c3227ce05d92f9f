//! The word that was probably meant.

/// Longer words than this are not compared: no key comes near, and comparing takes time.
const LONGEST_WORD: usize = 64;

/// The candidate with the fewest edits from `word`, where it is near enough to be worth a question: at most a third of the
/// letters, and at least one. Case, `-` and blanks don't count as edits. The first of equals.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST_WORD {
        return None;
    }
    let word = normal(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &normal(candidate)), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
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
