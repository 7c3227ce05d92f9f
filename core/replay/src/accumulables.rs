//! Ends of tasks without their accumulables: half of a log, of which nothing is read.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use memchr::memmem;

/// Where they begin in a line.
const BEGIN: &[u8] = br#""Accumulables":["#;
/// What follows them: the end of `Task Info`, and another member. Within a text a quote has a backslash before it, and no accumulable has a member of
/// such a name, so that this is nowhere else.
const END: &[u8] = br#"]},"Task "#;

/// A task's end with no accumulable in it; the line as it is where they are not found as Spark writes them.
pub(crate) fn left_out(line: &[u8]) -> Cow<'_, [u8]> {
    let kept = || {
        let from = memmem::find(line, BEGIN)? + BEGIN.len();
        let to = from + memmem::find(line.get(from..)?, END)?;
        let mut kept = Vec::with_capacity(from + line.len() - to);
        kept.extend_from_slice(line.get(..from)?);
        kept.extend_from_slice(line.get(to..)?);
        Some(kept)
    };
    kept().map_or(Cow::Borrowed(line), Cow::Owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn line(accumulables: &str, after: &str) -> String {
        format!(
            r#"{{"Event":"SparkListenerTaskEnd","Stage ID":1,"Task Info":{{"Task ID":7,"Accumulables":[{accumulables}]}},{after}"Task Metrics":{{"Executor Run Time":5}}}}"#
        )
    }

    #[test]
    fn what_is_read_stays() {
        for accumulables in [
            "",
            r#"{"ID":1,"Name":"rows","Update":"3"}"#,
            r#"{"ID":1,"Name":"a text with ]},\"Task Metrics\":{ in it"}"#,
            r#"{"ID":1,"Update":[{"Block ID":"rdd_1_1","Status":{"Size":[1]}}]},{"ID":2}"#,
        ] {
            for after in ["", r#""Task Executor Metrics":{"JVMHeapMemory":1},"#] {
                let line = line(accumulables, after);
                let left: serde_json::Value = serde_json::from_slice(&left_out(line.as_bytes())).unwrap();
                let mut whole: serde_json::Value = serde_json::from_str(&line).unwrap();
                whole["Task Info"]["Accumulables"] = serde_json::json!([]);
                assert_eq!(left, whole, "{accumulables}");
            }
        }
    }

    #[test]
    fn a_line_of_another_form_is_left_as_it_is() {
        for line in ["", "{}", r#"{"Accumulables":[1]"#, r#"{"Task Info":{"Accumulables" : [1]},"Task Metrics":{}}"#] {
            assert_eq!(&*left_out(line.as_bytes()), line.as_bytes());
        }
    }
}
