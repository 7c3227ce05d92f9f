//! What of a description may be shown.

/// A longer description is none that Spark makes.
const LONGEST_CALL_SITE: usize = 300;

/// A description that is a place in the program, as Spark makes it: `count at flights.py:12`. Others are the user's own words or the text of a query,
/// which may hold what is secret, and are left out.
#[must_use]
pub fn call_site(description: &str) -> &str {
    let is_one = description.split_once(" at ").is_some_and(|(called, place)| {
        let line = place.rsplit_once(':').map(|(_, line)| line).unwrap_or_default();
        let numbered = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |text: &str| !text.chars().any(|c| c.is_control() || "'\"`;=(),".contains(c));
        numbered && !called.contains(char::is_whitespace) && plain(called) && plain(place)
    });
    if is_one && description.len() <= LONGEST_CALL_SITE { description } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// spark-sql and the Thrift server describe a query by its text, and programs by words of their own.
    #[test]
    fn only_places_in_the_program_are_kept_of_descriptions() {
        for kept in ["count at flights.py:12", "head at /my jobs/a.py:7", "treeAggregate at RDDLossFunction.scala:61"] {
            assert_eq!(call_site(kept), kept);
        }
        let long = format!("count at {}.py:1", "a".repeat(400));
        for left_out in [
            "SELECT * FROM t WHERE name = 'secret'",
            "select at 'secret':12",
            "load of customer 17 at 10:30",
            "count at a.py:12\nforged",
            "nightly",
            "",
            &long,
        ] {
            assert_eq!(call_site(left_out), "", "{left_out}");
        }
    }
}
