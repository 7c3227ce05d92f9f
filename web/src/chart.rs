//! What a chart shows, as the shell draws it.

use serde::Serialize;

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What it is.
    pub label: String,
    /// Its unit: `bytes`, `executors`, `partitions`, `runs`, `ms`, `money` or `none`.
    pub unit: &'static str,
    /// Whether its steps are even in the logarithm.
    pub log: bool,
}

impl Axis {
    /// An axis with even steps.
    #[must_use]
    pub fn new(label: impl Into<String>, unit: &'static str) -> Self {
        Self { label: label.into(), unit, log: false }
    }
}

/// The axis from left to right and its places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Across {
    /// The axis.
    #[serde(flatten)]
    pub axis: Axis,
    /// The places at which series have values.
    pub values: Vec<f64>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Which of the eight colours it has.
    pub colour: usize,
    /// Whether it is dashed.
    pub dash: bool,
    /// `y`, or `y2` for the axis on the right.
    pub axis: &'static str,
    /// Its values; a gap where there is none.
    pub values: Vec<Option<f64>>,
}

/// A range that values may not leave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Band {
    /// What it is.
    pub label: String,
    /// Its lower end.
    pub from: Option<f64>,
    /// Its upper end.
    pub to: Option<f64>,
}

/// A place that is marked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What.
    pub label: String,
    /// `chosen`, `held` or `event`.
    pub kind: &'static str,
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spec {
    /// `line` or `step`.
    pub kind: &'static str,
    /// Its title.
    pub title: String,
    /// What it shows, for those who don't see it.
    pub description: String,
    /// From left to right.
    pub x: Across,
    /// From bottom to top.
    pub y: Axis,
    /// A second axis on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y2: Option<Axis>,
    /// The lines.
    pub series: Vec<Series>,
    /// Ranges.
    pub bands: Vec<Band>,
    /// Marks.
    pub marks: Vec<Mark>,
}
