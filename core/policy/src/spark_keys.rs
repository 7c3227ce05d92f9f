//! The configuration keys that Spark itself has, by release: which there are, and when each can be set.
//!
//! The tables in `spark_keys/` come out of real Sparks (`spark_keys/list_keys.py`). Keys of connectors, catalogs and Hadoop
//! (`spark.hadoop.…`) are not in them: that a key is not listed does not make it wrong, that it nearly is one makes it likely.

use std::sync::OnceLock;

use crate::nearest::fewest_edits;

/// A name of more edits than this is another name: keys of connectors look much like Spark's own.
const MOST_EDITS: usize = 2;

/// When a key of Spark can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settable {
    /// Only before the application starts.
    Submit,
    /// Before the first session is made.
    Static,
    /// At any time, for one session.
    Session,
}

/// A configuration key of Spark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparkKey {
    /// Its name.
    pub name: &'static str,
    /// When it can be set.
    pub settable: Settable,
    /// The version that brought it; empty where Spark does not say.
    pub since: &'static str,
}

/// A release of Spark with its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparkRelease {
    /// Its first two numbers.
    pub release: (u32, u32),
    text: &'static str,
}

/// The releases whose keys are known, the newest first.
pub const SPARK_RELEASES: [SparkRelease; 2] = [
    SparkRelease { release: (4, 3), text: include_str!("../spark_keys/4.3.txt") },
    SparkRelease { release: (3, 5), text: include_str!("../spark_keys/3.5.txt") },
];

impl SparkRelease {
    /// The release whose keys are nearest to those of a version of Spark: the newest that is not newer, else the oldest.
    #[must_use]
    pub fn of(version: Option<(u32, u32)>) -> Self {
        let [newest, oldest] = SPARK_RELEASES;
        match version {
            Some(version) if version < newest.release => oldest,
            _ => newest,
        }
    }

    /// Its keys, in the order of their names.
    #[must_use]
    pub fn keys(self) -> &'static [SparkKey] {
        static KEYS: [OnceLock<Vec<SparkKey>>; 2] = [OnceLock::new(), OnceLock::new()];
        let read = || {
            let mut keys: Vec<SparkKey> = self.text.lines().filter_map(line).collect();
            keys.sort_unstable_by_key(|key| key.name);
            keys
        };
        let [newest, oldest] = &KEYS;
        if self == SPARK_RELEASES[0] { newest.get_or_init(read) } else { oldest.get_or_init(read) }
    }

    /// The key of that name, where this release has it.
    #[must_use]
    pub fn key(self, name: &str) -> Option<SparkKey> {
        let keys = self.keys();
        keys.binary_search_by_key(&name, |key| key.name).ok().and_then(|at| keys.get(at).copied())
    }

    /// The key that a name was probably meant to be.
    #[must_use]
    pub fn meant(self, name: &str) -> Option<&'static str> {
        fewest_edits(name, self.keys().iter().map(|key| key.name), MOST_EDITS, |key| key)
    }
}

fn line(line: &'static str) -> Option<SparkKey> {
    let mut words = line.split(' ').filter(|_| !line.starts_with('#'));
    let (name, settable, since) = (words.next()?, words.next()?, words.next()?);
    let settable = match settable {
        "submit" => Settable::Submit,
        "static" => Settable::Static,
        "session" => Settable::Session,
        _ => return None,
    };
    Some(SparkKey { name, settable, since: if since == "-" { "" } else { since } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_real_sparks() {
        let [newest, oldest] = SPARK_RELEASES;
        assert_eq!((newest.keys().len(), oldest.keys().len()), (1577, 1076));
        let when = |release: SparkRelease, name| release.key(name).map(|key| key.settable);
        assert_eq!(when(newest, "spark.executor.memory"), Some(Settable::Submit));
        assert_eq!(when(newest, "spark.sql.warehouse.dir"), Some(Settable::Static));
        assert_eq!(when(oldest, "spark.sql.shuffle.partitions"), Some(Settable::Session));
        assert_eq!(SparkRelease::of(Some((4, 1))), oldest);
        assert_eq!(SparkRelease::of(None), newest);
    }

    /// Six keys that the Python original set and Spark does not have.
    #[test]
    fn keys_that_spark_never_had_are_not_in_them() {
        for name in [
            "spark.ml.optimization.vectorizedReader.enabled",
            "spark.sql.adaptive.bucketing.enabled",
            "spark.sql.adaptive.columnar.cache.enabled",
            "spark.sql.adaptive.columnar.cache.maxSize",
            "spark.sql.adaptive.broadcastJoinThreshold",
            "spark.executor.memoryFraction",
        ] {
            for release in SPARK_RELEASES {
                assert_eq!(release.key(name), None, "{name}");
            }
        }
        let [newest, _] = SPARK_RELEASES;
        assert_eq!(newest.meant("spark.sql.shufle.partitions"), Some("spark.sql.shuffle.partitions"));
    }
}
