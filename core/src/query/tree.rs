//! Walks over a plan, whose nodes stand in pre-order: each after its parent.

use alloc::vec::Vec;

use super::contract::PlanNode;

/// The parent's index; only one that stands before the node counts, so that following parents always ends.
pub(super) fn parent(nodes: &[PlanNode], index: usize) -> Option<usize> {
    let parent = nodes.get(index)?.parent? as usize;
    (parent < index).then_some(parent)
}

/// Marks a node and its ancestors, up to the first that is marked already.
pub(super) fn mark_upwards(nodes: &[PlanNode], index: usize, marks: &mut [bool]) {
    let mut at = Some(index);
    while let Some(here) = at
        && let Some(mark) = marks.get_mut(here)
        && !*mark
    {
        *mark = true;
        at = parent(nodes, here);
    }
}

/// Whether a node is marked; where there are no marks at all, none is.
pub(super) fn is_marked(marks: &[bool], index: usize) -> bool {
    marks.get(index).copied().unwrap_or(false)
}

/// Marks the nodes for which `mark` holds, with everything below them.
pub(super) fn marked(nodes: &[PlanNode], mark: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut marks = Vec::with_capacity(nodes.len());
    for index in 0..nodes.len() {
        let below = parent(nodes, index).is_some_and(|parent| is_marked(&marks, parent));
        marks.push(below || mark(index));
    }
    marks
}

/// Whether a node stands above another.
pub(super) fn is_ancestor(nodes: &[PlanNode], ancestor: usize, of: usize) -> bool {
    let mut at = parent(nodes, of);
    while let Some(here) = at {
        if here == ancestor {
            return true;
        }
        at = parent(nodes, here);
    }
    false
}
