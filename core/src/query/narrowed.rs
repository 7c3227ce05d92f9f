//! Which sub-plans a query computes only in part.
//!
//! Spark's optimizer moves filters and limits down: under `where day = 1`, or beside a join partner with such a filter, a sub-plan
//! reads what is left of its sources and no more, and the conditions of a join written as `from a, b where a.id = b.id` stand
//! in a filter above it. Kept for later use it would be computed whole, at a cost that such a query says nothing of.

use alloc::vec;
use alloc::vec::Vec;

use super::contract::PlanNode;

/// Operators that let what is below them yield fewer rows than it could.
const NARROWING: [&str; 6] = ["Filter", "GlobalLimit", "LocalLimit", "LimitAndOffset", "Offset", "Tail"];

/// For each node whether something above it may narrow it; as long as `nodes`, in their order.
#[must_use]
pub fn narrowed_from_above(nodes: &[PlanNode]) -> Vec<bool> {
    // Of each join, how many of its inputs hold something that narrows: it passes from one to the other by the join's keys.
    let mut narrows_inside = vec![false; nodes.len()];
    let mut narrowing_inputs = vec![0_u32; nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        let inside = narrows(node) || narrowing_inputs.get(index).is_some_and(|inputs| *inputs > 0);
        if let Some(slot) = narrows_inside.get_mut(index) {
            *slot = inside;
        }
        if let Some(inputs) = super::parent(nodes, index).and_then(|parent| narrowing_inputs.get_mut(parent))
            && inside
        {
            *inputs = inputs.saturating_add(1);
        }
    }
    let mut narrowed = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some(parent) = super::parent(nodes, index) else { continue };
        let above = nodes.get(parent);
        let mine = u32::from(narrows_inside.get(index).copied().unwrap_or_default());
        let by_partner = above.is_some_and(|above| above.join.is_some())
            && narrowing_inputs.get(parent).is_some_and(|inputs| *inputs > mine);
        let from_parent = narrowed.get(parent).copied().unwrap_or_default();
        if let Some(slot) = narrowed.get_mut(index) {
            *slot = from_parent || above.is_some_and(narrows) || by_partner;
        }
    }
    narrowed
}

fn narrows(node: &PlanNode) -> bool {
    NARROWING.contains(&node.operator.as_str())
}
