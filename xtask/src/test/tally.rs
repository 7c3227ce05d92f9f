//! What a program of tests says of itself: how many passed, failed and were left out, and how long each took.

use std::collections::BTreeMap;
use std::time::Duration;

/// What came of tests.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Tally {
    /// Those that passed.
    pub(super) passed: u64,
    /// Those that failed.
    pub(super) failed: u64,
    /// Those that were left out, by their own word.
    pub(super) skipped: u64,
    /// How long each took, where it was told.
    pub(super) took: BTreeMap<String, Duration>,
}

impl Tally {
    /// Reads the output of `cargo test`, pytest, Node's test runner (`spec`) or the plugin's scenarios.
    pub(super) fn of(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines().map(str::trim) {
            let _ = tally.libtest(line) || tally.pytest(line) || tally.node(line) || tally.scenario(line);
        }
        tally
    }

    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.took.extend(other.took.iter().map(|(name, took)| (name.clone(), *took)));
    }

    /// `5 passed, 0 failed, 1 skipped`: a line that whoever reads the end of a log knows.
    pub(super) fn sum(&self) -> String {
        let sum = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped > 0 { format!("{sum}, {} skipped", self.skipped) } else { sum }
    }

    /// `test a::b ... ok <1.234s>` and `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn libtest(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix("test ") else { return false };
        if let Some(result) = rest.strip_prefix("result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
            self.skipped += number_before(result, " ignored");
        } else if let Some((name, ended)) = rest.split_once(" ... ")
            && let Some(took) = between(ended, '<', "s>").and_then(seconds)
        {
            self.note(name, took);
        }
        true
    }

    /// `12.34s call     tests/test_a.py::test_b` and `==== 3 passed, 1 skipped in 4.56s ====`.
    fn pytest(&mut self, line: &str) -> bool {
        if line.starts_with("==") && line.ends_with("==") {
            let said = line.trim_matches(['=', ' ']);
            self.passed += number_before(said, " passed");
            self.failed += number_before(said, " failed") + number_before(said, " error");
            self.skipped += number_before(said, " skipped");
            return true;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [took, "call" | "setup" | "teardown", name] = words[..]
            && name.contains("::")
            && let Some(took) = took.strip_suffix('s').and_then(seconds)
        {
            self.note(name, took);
            return true;
        }
        false
    }

    /// `✔ name (123.4ms)` and `ℹ pass 3`.
    fn node(&mut self, line: &str) -> bool {
        if let Some(rest) = line.strip_prefix("ℹ ") {
            for (word, count) in
                [("pass ", &mut self.passed), ("fail ", &mut self.failed), ("skipped ", &mut self.skipped)]
            {
                *count += rest.strip_prefix(word).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
            }
            return true;
        }
        let Some(rest) = line.strip_prefix("✔ ").or_else(|| line.strip_prefix("✖ ")) else { return false };
        if let Some((name, took)) = rest.rsplit_once(" (")
            && let Some(ms) = took.split("ms)").next().and_then(|ms| ms.parse::<f64>().ok())
        {
            self.note(name, Duration::from_secs_f64(ms / 1e3));
        }
        true
    }

    /// `== name: passed in 12 s`.
    fn scenario(&mut self, line: &str) -> bool {
        let Some((name, ended)) = line.strip_prefix("== ").and_then(|rest| rest.split_once(": ")) else { return false };
        let Some((how, took)) = ended.split_once(" in ") else { return false };
        match how {
            "passed" => self.passed += 1,
            "FAILED" => self.failed += 1,
            _ => return false,
        }
        if let Some(took) = took.strip_suffix(" s").and_then(seconds) {
            self.note(name, took);
        }
        true
    }

    /// A test may tell of its parts, as pytest does of `setup` and `call`.
    fn note(&mut self, name: &str, took: Duration) {
        *self.took.entry(name.to_owned()).or_default() += took;
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// The number that stands before these words; 0 where they are not there.
fn number_before(text: &str, words: &str) -> u64 {
    let Some((before, _)) = text.split_once(words) else { return 0 };
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn between<'a>(text: &'a str, from: char, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> (u64, u64, u64, Vec<(String, u128)>) {
        let tally = Tally::of(output);
        let took = tally.took.iter().map(|(name, took)| (name.clone(), took.as_millis())).collect();
        (tally.passed, tally.failed, tally.skipped, took)
    }

    fn named(took: &[(&str, u128)]) -> Vec<(String, u128)> {
        took.iter().map(|(name, ms)| ((*name).to_owned(), *ms)).collect()
    }

    #[test]
    fn of_cargo() {
        let output = "\nrunning 2 tests\ntest a::b ... ok <1.250s>\ntest c ... FAILED <0.001s>\n\nfailures:\n    c\n\n\
            test result: FAILED. 1 passed; 1 failed; 3 ignored; 0 measured; 4 filtered out; finished in 1.26s\n\n\
            test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(read(output), (8, 1, 3, named(&[("a::b", 1250), ("c", 1)])));
    }

    #[test]
    fn of_pytest() {
        let output = "===== slowest durations =====\n3.50s call     tests/test_a.py::test_b[x]\n1.25s setup    tests/test_a.py::test_b[x]\n\
            ==== short test summary info ====\nSKIPPED [1] tests/test_c.py:3: why\n=== 2 failed, 12 passed, 1 skipped, 1 error in 4.56s ===\n";
        assert_eq!(read(output), (12, 3, 1, named(&[("tests/test_a.py::test_b[x]", 4750)])));
    }

    #[test]
    fn of_node() {
        let output = "✔ opens the page (1234.5ms)\n✖ fails (2ms)\nℹ tests 3\nℹ suites 0\nℹ pass 2\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\n";
        assert_eq!(read(output), (2, 1, 1, named(&[("fails", 2), ("opens the page", 1234)])));
    }

    #[test]
    fn of_scenarios() {
        let output = "== caching\n   ok: 3 passed through\n== caching: passed in 31 s\n== no_host: FAILED in 2 s\nFAILED: no_host\n";
        assert_eq!(read(output), (1, 1, 0, named(&[("caching", 31_000), ("no_host", 2_000)])));
    }

    #[test]
    fn what_programs_print_is_nothing_of_theirs() {
        assert_eq!(read("1234 passed by\ntest bench\n(1.5ms)\n12s call me\n"), (0, 0, 0, Vec::new()));
        let mut sum = Tally::of("test result: ok. 7 passed; 0 failed; 2 ignored;");
        sum.add(&Tally::of("ℹ pass 3"));
        assert_eq!(sum.sum(), "10 passed, 0 failed, 2 skipped");
    }
}
