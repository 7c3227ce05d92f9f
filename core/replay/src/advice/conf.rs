//! What an application was configured with.

use crate::log::Log;

/// Whether the driver runs the tasks.
pub(super) fn is_local(log: &Log) -> bool {
    conf(log, "spark.master").is_some_and(|master| master == "local" || master.starts_with("local["))
}

/// A configuration's text; nothing where it is empty.
pub(super) fn conf<'a>(log: &'a Log, key: &str) -> Option<&'a str> {
    log.conf.get(key).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// The same as a whole number.
pub(super) fn whole(log: &Log, key: &str) -> Option<u64> {
    conf(log, key)?.parse().ok()
}

/// Whether it is on.
pub(super) fn flag(log: &Log, key: &str) -> bool {
    conf(log, key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Whether a policy of ours moves the executors.
pub(super) fn is_steered(log: &Log) -> bool {
    log.conf.contains_key("spark.sparkwright.socket")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned as _;

    #[test]
    fn the_workers_of_a_local_cluster_are_executors() {
        for (master, local) in [
            ("local", true),
            ("local[2]", true),
            ("local[*, 3]", true),
            ("local-cluster[2,1,1024]", false),
            ("spark://h:7077", false),
            ("yarn", false),
        ] {
            let mut log = Log::default();
            log.conf.insert("spark.master".to_owned(), master.to_owned());
            assert_eq!(is_local(&log), local, "{master}");
        }
        assert!(!is_local(&Log::default()));
    }
}
