//! The scans of a query, by the text of the plan in Spark's event: a plan may be nested more deeply than a parser goes.

use alloc::vec::Vec;

use serde::Deserialize;

/// The scans that a plan holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scans {
    /// Of each of files that Spark lists, the accumulator of their size.
    pub file_sizes: Vec<i64>,
    /// How many others there are, which tell no size: of JDBC, Hive's own formats, Iceberg, RDDs.
    pub others: usize,
}

/// A metric of an operator.
#[derive(Deserialize)]
struct Metric {
    #[serde(rename = "accumulatorId")]
    accumulator: i64,
}

/// How a plan names the metric of a scan (`FileSourceScanExec`) that counts the bytes of the files that are left after partitions are pruned.
const SIZE_OF_FILES: &[u8] = br#""name":"size of files read""#;

/// How a plan names its operators.
const OPERATOR: &[u8] = br#""nodeName":""#;
/// How the names of those begin that read a source.
const SCANS: [&str; 5] = ["Scan ", "FileScan ", "BatchScan", "HiveTableScan", "PhotonScan"];
/// Those that read none: a cached table's has what it is made from below it (`InMemoryTableScanExec.nodeName`).
const NO_SCANS: [&str; 2] = ["Scan OneRowRelation", "Scan In-memory "];

/// Where `text` stands in a line, by a letter that is rare in plans: looking for that is many times as fast as looking for the whole.
fn places<'a>(line: &'a [u8], text: &'static [u8], rare: u8) -> impl Iterator<Item = usize> + 'a {
    let offset = text.iter().position(|byte| *byte == rare).unwrap_or(0);
    memchr::memchr_iter(rare, line)
        .filter_map(move |at| at.checked_sub(offset))
        .filter(move |at| line.get(*at..).is_some_and(|rest| rest.starts_with(text)))
}

impl Scans {
    /// Those of the plan that a line holds: an operator begins with its name, and a metric is flat.
    pub(super) fn of(line: &[u8]) -> Self {
        let accumulator = |at: usize| {
            let (before, after) = line.split_at_checked(at)?;
            let from = before.iter().rposition(|byte| *byte == b'{')?;
            let to = at + after.iter().position(|byte| *byte == b'}')?;
            serde_json::from_slice::<Metric>(line.get(from..=to)?).ok().map(|metric| metric.accumulator)
        };
        let file_sizes: Vec<i64> = places(line, SIZE_OF_FILES, b'z').filter_map(accumulator).collect();
        let reads = |name: &[u8]| {
            let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with.as_bytes()));
            begins(&SCANS) && !begins(&NO_SCANS)
        };
        let operators = places(line, OPERATOR, b'N').filter_map(|at| line.get(at + OPERATOR.len()..));
        let scans = operators.filter(|name| reads(name)).count();
        Self { others: scans.saturating_sub(file_sizes.len()), file_sizes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn the_scans_of_a_plan_are_found_by_their_metric() {
        let scan = |metrics: &str| {
            format!(
                r#"{{"nodeName":"Scan parquet ","simpleString":"\"name\":\"size of files read\" {{","children":[],"metrics":[{metrics}]}}"#
            )
        };
        let plan = [
            scan(r#"{"name":"number of files read","accumulatorId":3,"metricType":"sum"},{"name":"size of files read","accumulatorId":4,"metricType":"size"}"#),
            // As a log is kept, with its members in another order.
            scan(r#"{"accumulatorId":9,"metricType":"size","name":"size of files read"},{"name":"static size of files read","accumulatorId":10}"#),
        ]
        .join(",");
        let of = |plan: &str| Scans::of(plan.as_bytes()).file_sizes;
        assert_eq!(of(&plan), [4, 9]);
        let others = |plan: &str| Scans::of(plan.as_bytes()).others;
        let named = |name: &str| format!(r#"{{"nodeName":"{name}","children":[],"metrics":[]}}"#);
        assert_eq!((others(&plan), others(&format!("{plan},{}", named("Scan JDBCRelation(t)")))), (0, 1));
        for (name, other) in [
            ("BatchScan iceberg.db.t", 1),
            ("Scan hive db.t", 1),
            ("Scan ExistingRDD", 1),
            ("Scan OneRowRelation", 0),
            ("InMemoryTableScan", 0),
            ("Scan In-memory table t", 0),
            ("LocalTableScan", 0),
        ] {
            assert_eq!(others(&named(name)), other, "{name}");
        }
        assert_eq!(of(r#"{"name":"size of files read""#), [0; 0]);
        assert_eq!(of(r#""name":"size of files read"}"#), [0; 0]);
    }
}
