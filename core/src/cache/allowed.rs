//! What may be kept at all.
//!
//! Nothing is evaluated that the application's own queries would not have evaluated, and nothing is kept whose rows could be others the next
//! time: whatever caching does must not be seen. The plugin reads from Spark's plan which sub-plans this rules out (`why_not`), since that needs
//! Spark's own classes; what such a reason means, and what the user can do about it, is said here.

use alloc::string::String;

use crate::trace::{Decision, Grade, Trace, Unit};

/// The reason that follows from the query itself: operators above the sub-plan leave rows out before it is computed.
pub(crate) const NARROWED: &str = "narrowed";

/// The plugin's word for a reason, what it means, and what can be done.
const REASONS: [(&str, &str); 15] = [
    (
        NARROWED,
        "no query has computed all of its rows yet, and this one narrows it by a filter or a limit; after one has, it may be kept",
    ),
    (
        "opaque_source",
        "it reads a source of which Sparkwright can't tell whether it has changed; files of Parquet, ORC, CSV, JSON, text and Avro it can",
    ),
    ("opaque_operator", "it holds an operator that may return other rows each time, or runs code of the program"),
    ("reads_context", "it reads the clock, the user, the session or the file at hand, or draws at random"),
    (
        "user_function",
        "it calls a function of the program, which may return something else each time; cache it yourself if it does not",
    ),
    (
        "order_dependent",
        "it takes the first, last or all of some values in the order in which they come, which Spark does not promise",
    ),
    ("above_user_cache", "it reads what the program itself caches, and would outlive the program's unpersist"),
    ("too_many_files", "it reads more files than are checked before each query"),
    ("source_just_written", "a file that it reads was written a moment ago, under a name that may be written again"),
    ("source_overwritten", "the query overwrites the files that it reads"),
    (
        "partly_read",
        "the query may stop before it has computed all rows: a fill would compute, and fail of, what the program never asks for",
    ),
    (
        "limit",
        "it takes the first rows of a sort, which Spark does anew for a DataFrame that is asked again after its files were replaced, and a kept plan would not; what is below the limit may be kept",
    ),
    (
        "tied_to_partitions",
        "what the query returns or writes depends on the partitions of its rows, and a kept plan has others",
    ),
    (
        "parsed_by_columns",
        "which rows its files yield depends on the columns asked for: a parse mode other than PERMISSIVE, a column of corrupt records, or files whose errors are ignored",
    ),
    (
        "kryo_registration_required",
        "spark.kryo.registrationRequired is true, and the classes of Spark's cache are not registered",
    ),
];

/// Decides that a sub-plan is not kept, as the plugin found a reason not to; `seen` earlier queries held it.
#[must_use]
pub fn refused(why_not: &str, seen: u32) -> Decision<bool> {
    let meaning = REASONS.iter().find(|(word, _)| *word == why_not).map(|(_, meaning)| *meaning);
    let note = meaning.map_or_else(|| ["not kept: ", why_not].concat(), |meaning| ["not kept: ", meaning].concat());
    Trace::new(
        "cache.allowed",
        "only what must have the same rows the next time, and of it only what the application's own queries would have computed",
        Unit::None,
    )
    .input("reason not to keep it", String::from(why_not), Unit::None, "Spark's plan")
    .input("earlier queries that held it", seen, Unit::Uses, "counted here")
    .note(note)
    .decide(false, Grade::A)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The words of the plugin, from its source.
    fn of_the_plugin() -> Vec<&'static str> {
        let java = include_str!("../../../host/spark-plugin/src/main/java/io/sparkwright/spark/Cacheability.java");
        let constants = java.lines().filter_map(|line| line.trim().strip_prefix("static final String "));
        constants.filter_map(|constant| constant.split('"').nth(1)).collect()
    }

    #[test]
    fn each_reason_of_the_plugin_has_its_meaning() {
        let words = of_the_plugin();
        assert!(words.len() > 10, "{words:?}");
        // Its holder is looked at instead.
        for word in words.into_iter().filter(|word| *word != "correlated_subquery") {
            let decision = refused(word, 3);
            assert!(!decision.value);
            assert_ne!(decision.trace.notes, [["not kept: ", word].concat()], "{word}");
        }
        assert_eq!(refused("of_a_later_plugin", 1).trace.notes, ["not kept: of_a_later_plugin"]);
    }
}
