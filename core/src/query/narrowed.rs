//! Which sub-plans a query computes only in part.
//!
//! Spark's optimizer moves filters and limits down: under `where day = 1`, or beside a join partner with such a filter, a sub-plan
//! reads what is left of its sources and no more, and the conditions of a join written as `from a, b where a.id = b.id` stand
//! in a filter above it. Kept for later use it would be computed whole, at a cost that such a query says nothing of.

use alloc::collections::BTreeSet;

use super::contract::PlanNode;
use super::parent;
use super::sub_plans::marked;

/// Operators that let what is below them yield fewer rows than it could.
const NARROWING: [&str; 6] = ["Filter", "GlobalLimit", "LocalLimit", "LimitAndOffset", "Offset", "Tail"];

/// The nodes that something above may narrow.
#[must_use]
pub fn narrowed_from_above(nodes: &[PlanNode]) -> BTreeSet<usize> {
    let mut holds_narrowing = BTreeSet::new();
    for (index, _) in nodes.iter().enumerate().filter(|(_, node)| narrows(node)) {
        let mut at = Some(index);
        while let Some(here) = at.filter(|here| holds_narrowing.insert(*here)) {
            at = parent(nodes, here);
        }
    }
    marked(nodes, |index| {
        let Some(above) = parent(nodes, index) else { return false };
        let by_partner = || {
            let mut others = holds_narrowing.iter().filter(|other| **other != index);
            others.any(|other| parent(nodes, *other) == Some(above))
        };
        // What a join's other input has lost is not asked for on this side either: it passes over by the join's keys.
        nodes.get(above).is_some_and(|node| narrows(node) || node.join.is_some() && by_partner())
    })
}

fn narrows(node: &PlanNode) -> bool {
    node.one_sided || NARROWING.contains(&node.operator.as_str())
}
