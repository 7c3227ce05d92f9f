//! Which sub-plans a query computes only in part.
//!
//! Spark's optimizer moves filters and limits down: under `where day = 1`, or beside a join partner with such a filter, a sub-plan
//! reads what is left of its sources and no more, and the conditions of a join written as `from a, b where a.id = b.id` stand
//! in a filter above it. Kept for later use it would be computed whole, at a cost that such a query says nothing of.

use alloc::vec::Vec;

use super::contract::PlanNode;
use super::tree::{is_marked, mark_upwards, marked, parent};

/// Operators that let what is below them yield fewer rows than it could.
const NARROWING: [&str; 6] = ["Filter", "GlobalLimit", "LocalLimit", "LimitAndOffset", "Offset", "Tail"];

/// The nodes that something above may narrow, as a mark for each.
#[must_use]
pub fn narrowed_from_above(nodes: &[PlanNode]) -> Vec<bool> {
    let mut holds_narrowing = alloc::vec![false; nodes.len()];
    for (index, _) in nodes.iter().enumerate().filter(|(_, node)| narrows(node)) {
        mark_upwards(nodes, index, &mut holds_narrowing);
    }
    // How many of a node's inputs hold something that narrows.
    let mut inputs = alloc::vec![0_u32; nodes.len()];
    for (index, _) in holds_narrowing.iter().enumerate().filter(|(_, holds)| **holds) {
        if let Some(count) = parent(nodes, index).and_then(|above| inputs.get_mut(above)) {
            *count += 1;
        }
    }
    marked(nodes, |index| {
        let Some(above) = parent(nodes, index) else { return false };
        // What a join's other input has lost is not asked for on this side either: it passes over by the join's keys.
        let others = inputs.get(above).copied().unwrap_or(0) - u32::from(is_marked(&holds_narrowing, index));
        nodes.get(above).is_some_and(|node| narrows(node) || node.join.is_some() && others > 0)
    })
}

fn narrows(node: &PlanNode) -> bool {
    node.one_sided || NARROWING.contains(&node.operator.as_str())
}
