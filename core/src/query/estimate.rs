//! What a plan costs and how large its results are, estimated from its operators.
//!
//! The weights are rules of thumb (grade C) and matter as ratios: as soon as a query has run, its measured task time is
//! divided among its sub-plans by them.

use alloc::vec::Vec;

use super::contract::{CachedBy, JoinKind, PlanNode};
use crate::cache::transfer::READ_MEMORY_NS;
use crate::units::{Bytes, floor_u64};

/// In-memory rows of a compressed columnar file take this many times its size.
const COLUMNAR_EXPANSION: u64 = 3;
/// Nanoseconds to read a byte of a columnar file.
const COLUMNAR_SCAN_NS: f64 = 2.0;
/// Nanoseconds to read and parse a byte of text.
const TEXT_SCAN_NS: f64 = 12.0;
/// Nanoseconds for each row that goes through a shuffle and a hash table or a sort.
const SHUFFLE_ROW_NS: f64 = 500.0;
/// Nanoseconds for each row of a narrow operator.
const NARROW_ROW_NS: f64 = 20.0;
/// An estimate of rows above this is no estimate any more.
const MOST_ROWS: u64 = 1 << 50;

/// A query that reads less than this is left as it is: nothing that could be decided about it is worth a different plan.
pub const SMALL_QUERY: Bytes = Bytes::mib(1);

/// What is estimated of the sub-plan under a node.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Rows that come out, at most.
    pub rows: u64,
    /// Bytes that come out, at most; unknown when absent.
    pub bytes: Option<Bytes>,
    /// Bytes that its leaves read.
    pub leaf_bytes: Bytes,
    /// Bytes that go through its widest shuffle.
    pub shuffle_bytes: Bytes,
    /// Nanoseconds of task time to compute it, with what is cached below it read from there.
    pub work_ns: f64,
    /// Nanoseconds of task time to compute it from its sources.
    pub full_work_ns: f64,
    /// Whether it holds a shuffle.
    pub shuffles: bool,
    /// Whether a size in it is unknown or may explode, so that `rows` and `bytes` mean nothing.
    pub unknown: bool,
}

/// What kind of work an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Row by row.
    Narrow,
    /// A shuffle and a hash table or a sort.
    Wide,
}

fn work_of(operator: &str) -> Work {
    match operator {
        "Join"
        | "Aggregate"
        | "Window"
        | "Sort"
        | "Distinct"
        | "Deduplicate"
        | "Intersect"
        | "Except"
        | "Repartition"
        | "RepartitionByExpression"
        | "RebalancePartitions" => Work::Wide,
        _ => Work::Narrow,
    }
}

/// Whether an operator sends its rows through a shuffle.
pub(super) fn shuffles(operator: &str) -> bool {
    work_of(operator) == Work::Wide
}

/// Estimates every sub-plan of a plan in pre-order; as long as `nodes`, in their order.
#[must_use]
pub fn estimates(nodes: &[PlanNode]) -> Vec<Estimate> {
    let mut done: Vec<Estimate> = nodes.iter().map(|_| Estimate::default()).collect();
    let mut inputs: Vec<Inputs> = nodes.iter().map(|_| Inputs::default()).collect();
    // Children stand after their parents, so walking backwards meets them first.
    for (index, node) in nodes.iter().enumerate().rev() {
        let below = inputs.get(index).copied().unwrap_or_default();
        let estimate = if below.count == 0 { leaf(node) } else { inner(node, &below) };
        if let Some(parent) = node.parent.and_then(|parent| inputs.get_mut(parent as usize)) {
            parent.add(&estimate);
        }
        if let Some(slot) = done.get_mut(index) {
            *slot = estimate;
        }
    }
    done
}

#[derive(Debug, Clone, Copy, Default)]
struct Inputs {
    count: u32,
    sum: Estimate,
    most_rows: u64,
    product: u64,
    bytes: u64,
}

impl Inputs {
    fn add(&mut self, child: &Estimate) {
        self.product = if self.count == 0 { child.rows } else { self.product.saturating_mul(child.rows) };
        self.count += 1;
        self.most_rows = self.most_rows.max(child.rows);
        self.bytes = self.bytes.saturating_add(child.bytes.unwrap_or_default().get());
        self.sum.rows = self.sum.rows.saturating_add(child.rows);
        self.sum.leaf_bytes = Bytes(self.sum.leaf_bytes.get().saturating_add(child.leaf_bytes.get()));
        self.sum.shuffle_bytes = self.sum.shuffle_bytes.max(child.shuffle_bytes);
        self.sum.work_ns += child.work_ns;
        self.sum.full_work_ns += child.full_work_ns;
        self.sum.shuffles |= child.shuffles;
        self.sum.unknown |= child.unknown;
    }
}

fn leaf(node: &PlanNode) -> Estimate {
    let columnar = matches!(node.format.as_deref(), Some("parquet" | "orc"));
    let width = node.row_bytes.max(1);
    let (bytes, unknown) = match (node.bytes, node.rows) {
        (Some(bytes), _) => (bytes.get(), false),
        (None, Some(rows)) => (rows.saturating_mul(width), false),
        (None, None) => (0, true),
    };
    let expanded = if columnar { bytes.saturating_mul(COLUMNAR_EXPANSION) } else { bytes };
    let rows = node.rows.unwrap_or(expanded / width);
    let per_byte = match node.format.as_deref() {
        Some("parquet" | "orc") => COLUMNAR_SCAN_NS,
        Some(_) => TEXT_SCAN_NS,
        None => READ_MEMORY_NS,
    };
    let work_ns = bytes as f64 * per_byte + rows as f64 * NARROW_ROW_NS;
    Estimate {
        rows,
        bytes: (!unknown).then_some(Bytes(expanded)),
        leaf_bytes: Bytes(bytes),
        work_ns,
        full_work_ns: work_ns,
        unknown,
        ..Estimate::default()
    }
}

fn inner(node: &PlanNode, below: &Inputs) -> Estimate {
    let mut to = below.sum;
    match (node.operator.as_str(), node.join) {
        ("Join", Some(JoinKind::InnerEqui | JoinKind::OuterEqui | JoinKind::SemiEqui)) => to.rows = below.most_rows,
        ("Join", _) => {
            to.rows = below.product;
            to.unknown = true;
        }
        ("Generate", _) => to.unknown = true,
        _ => {}
    }
    let wide = work_of(&node.operator) == Work::Wide;
    let own_ns = below.sum.rows as f64 * if wide { SHUFFLE_ROW_NS } else { NARROW_ROW_NS };
    to.work_ns += own_ns;
    to.full_work_ns += own_ns;
    if wide {
        to.shuffles = true;
        to.shuffle_bytes = to.shuffle_bytes.max(Bytes(below.bytes));
    }
    to.unknown |= to.rows > MOST_ROWS;
    to.bytes = (!to.unknown).then(|| Bytes(to.rows.saturating_mul(node.row_bytes.max(1))));
    if node.cached != CachedBy::No {
        to.work_ns = to.bytes.unwrap_or_default().get() as f64 * READ_MEMORY_NS;
        to.shuffles = false;
        to.shuffle_bytes = Bytes(0);
    }
    to
}

/// Nanoseconds of task time as milliseconds.
#[must_use]
pub fn work_ms(ns: f64) -> u64 {
    floor_u64(ns / 1e6)
}
