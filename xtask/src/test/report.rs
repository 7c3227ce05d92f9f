//! The end of `cargo xtask test`: what took longest, what failed, and the sum.

use std::fmt::Write as _;
use std::time::Duration;

use super::lanes::Ended;
use super::tally::Tally;

/// Tests that are listed as the slowest.
const SLOWEST: usize = 20;

/// The whole account; its last line is the sum.
pub(super) fn account(ended: &[Ended]) -> String {
    let mut text = String::new();
    let mut sum = Tally::default();
    let mut slowest: Vec<(Duration, &str, &str)> = Vec::new();
    for part in ended {
        sum.add(&part.tally);
        slowest.extend(part.tally.took.iter().map(|(name, took)| (*took, part.title.as_str(), name.as_str())));
    }
    slowest.sort_by_key(|test| std::cmp::Reverse(*test));
    let _ = writeln!(text, "\nThe slowest {} tests", slowest.len().min(SLOWEST));
    for (took, part, name) in slowest.iter().take(SLOWEST) {
        let _ = writeln!(text, "{:>8.1} s  {part}: {name}", took.as_secs_f64());
    }
    let mut parts: Vec<&Ended> = ended.iter().collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.wall));
    let _ = writeln!(text, "\nThe parts");
    for part in parts {
        let _ = writeln!(text, "{:>8.1} s  {}: {}", part.wall.as_secs_f64(), part.title, part.tally.sum());
    }
    for (part, why) in ended.iter().filter_map(|part| Some((part, part.failed.as_ref()?))) {
        let _ = writeln!(text, "FAILED: {} ended with {why}", part.title);
        // One that fails without a test that does, as by an error before its first, counts as one.
        sum.failed += u64::from(part.tally.failed == 0);
    }
    let _ = writeln!(text, "\n{}", sum.sum());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(title: &str, seconds: u64, output: &str, failed: Option<&str>) -> Ended {
        let wall = Duration::from_secs(seconds);
        Ended { title: title.to_owned(), tally: Tally::of(output), wall, failed: failed.map(str::to_owned) }
    }

    #[test]
    fn the_slowest_come_first_and_the_sum_last() {
        let many: String = (1..=30).map(|n| format!("test t{n:02} ... ok <{n}.0s>\n")).collect();
        let ended = [
            part("core", 9, &(many + "test result: ok. 30 passed; 0 failed; 2 ignored;"), None),
            part("pytest", 70, "61.5s call t.py::x\n=== 1 passed in 61.5s ===", None),
            part("page", 1, "", Some("exit status: 1")),
        ];
        let account = account(&ended);
        assert!(
            account.starts_with("\nThe slowest 20 tests\n    61.5 s  pytest: t.py::x\n    30.0 s  core: t30\n"),
            "{account}"
        );
        assert!(
            account.contains("    12.0 s  core: t12\n\nThe parts\n    70.0 s  pytest: 1 passed, 0 failed\n"),
            "{account}"
        );
        assert!(
            account.ends_with("FAILED: page ended with exit status: 1\n\n31 passed, 1 failed, 2 skipped\n"),
            "{account}"
        );
    }
}
