//! Results that Spark ties to the number of partitions.
//!
//! A sample, a seeded `rand`, `monotonically_increasing_id` and `spark_partition_id` draw or number rows by partition, and a query that writes
//! writes a file for each partition of its last shuffle, unless adaptive execution coalesces them. With another number of shuffle partitions the program
//! would get other rows, or other files, than without us.

use super::contract::PlanNode;
use super::estimate::shuffles;
use super::tree::{is_marked, mark_upwards};

/// How Spark's commands that write a query's rows begin.
const WRITES: [&str; 6] = ["Insert", "Create", "Append", "Overwrite", "Replace", "SaveInto"];

/// Why this plan's number of shuffle partitions has to stay as it would be, if it has to.
#[must_use]
pub fn to_partitions(nodes: &[PlanNode], adaptive: bool) -> Option<&'static str> {
    let mut above_shuffle = alloc::vec![false; nodes.len()];
    for (index, _) in nodes.iter().enumerate().filter(|(_, node)| shuffles(&node.operator)) {
        mark_upwards(nodes, index, &mut above_shuffle);
    }
    let by_partition = |(index, node): (usize, &PlanNode)| {
        (node.operator == "Sample" || node.by_partition) && is_marked(&above_shuffle, index)
    };
    if nodes.iter().enumerate().any(by_partition) {
        return Some("not applied: rows are drawn or numbered by partition, another number of partitions gives others");
    }
    let writes = nodes.first().is_some_and(|root| WRITES.iter().any(|begin| root.operator.starts_with(begin)));
    (writes && !adaptive && is_marked(&above_shuffle, 0))
        .then_some("not applied: adaptive execution coalesces nothing, so the query writes a file for each partition")
}
