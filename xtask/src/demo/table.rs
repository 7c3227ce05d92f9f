//! The table of the demo.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, Table};
use sparkwright_tests::event_log::EventLog;

use super::runs::Run;

/// The longer run's chart is this wide.
const CHART: u64 = 36;

/// Both runs, a line for each thing that can be compared.
pub(super) fn side_by_side(plain: &Run, steered: &Run) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(
        ["", "spark-submit", "sparkwright submit", ""].map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    let (one, other) = (&plain.log, &steered.log);
    let seconds = |run: &Run| run.wall.as_secs_f64();
    let mut row = |title: &str, left: String, right: String, change: String| {
        table.add_row([
            Cell::new(title),
            Cell::new(left),
            Cell::new(right),
            Cell::new(change).set_alignment(CellAlignment::Right),
        ]);
    };
    row(
        "wall time",
        format!("{:.1} s", seconds(plain)),
        format!("{:.1} s", seconds(steered)),
        change(seconds(plain), seconds(steered)),
    );
    row(
        "executor-seconds",
        format!("{:.0} s", one.executor_seconds()),
        format!("{:.0} s", other.executor_seconds()),
        change(one.executor_seconds(), other.executor_seconds()),
    );
    row(
        "tasks",
        count(one.tasks.len()),
        count(other.tasks.len()),
        change(float(one.tasks.len()), float(other.tasks.len())),
    );
    row("shuffle partitions planned", partitions(one), partitions(other), String::new());
    row("tables cached (peak)", cached(one, true), cached(other, true), String::new());
    row("cached by MLlib (peak)", cached(one, false), cached(other, false), String::new());
    row("executors added / let go", moves(one), moves(other), String::new());
    let longest = (one.ended_ms - one.started_ms).max(other.ended_ms - other.started_ms).max(1);
    let step = longest.div_ceil(CHART).max(1);
    let (left, right) = (executors(one, step), executors(other, step));
    // One scale for both, from 0, so that the charts can be compared.
    let most = left.iter().chain(&right).max().copied().unwrap_or_default();
    row("executors over time", chart(&left, most), chart(&right, most), format!("{:.1} s each", seconds_of(step)));
    table
}

fn change(from: f64, to: f64) -> String {
    if from > 0.0 { format!("{:+.0} %", (to - from) / from * 100.0) } else { String::new() }
}

fn count(number: usize) -> String {
    number.to_string()
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

fn seconds_of(ms: u64) -> f64 {
    u32::try_from(ms).map_or(f64::MAX, f64::from) / 1000.0
}

/// `200`, or each number with how often it was planned: `8 (31 times), 12 (twice)`.
fn partitions(log: &EventLog) -> String {
    let planned = log.planned_shuffle_partitions();
    if planned.len() == 1 {
        return planned.keys().map(u32::to_string).collect();
    }
    let mut each: Vec<_> = planned.into_iter().collect();
    each.sort_by_key(|(partitions, times)| (std::cmp::Reverse(*times), *partitions));
    let named: Vec<_> = each.iter().take(4).map(|(partitions, times)| format!("{partitions} ({times}x)")).collect();
    let rest = if each.len() > 4 { ", ..." } else { "" };
    format!("{}{rest}", named.join(", "))
}

fn cached(log: &EventLog, tables: bool) -> String {
    let which: Vec<_> = log.cached.iter().filter(|one| one.is_table == tables && one.peak_bytes > 0).collect();
    let bytes: u64 = which.iter().map(|one| one.peak_bytes).sum();
    match which.len() {
        0 => "none".to_owned(),
        1 => mib(bytes),
        several => format!("{} in {several}", mib(bytes)),
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from) / 1024.0)
}

fn moves(log: &EventLog) -> String {
    format!("{} / {}", log.executors.iter().filter(|one| one.id != "driver").count(), log.removals().count())
}

/// The number of executors in the middle of each step of time.
fn executors(log: &EventLog, step_ms: u64) -> Vec<usize> {
    let steps = (log.ended_ms - log.started_ms).div_ceil(step_ms);
    let middle = |number| log.started_ms + number * step_ms + step_ms / 2;
    (0..steps).map(|number| log.executors_at(middle(number).min(log.ended_ms.saturating_sub(1)))).collect()
}

/// Each number as a block of its height, `most` as a whole one; the largest and the last number in words.
fn chart(counts: &[usize], most: usize) -> String {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let line: String =
        counts.iter().map(|count| BLOCKS.get((count * 8).div_ceil(most.max(1))).copied().unwrap_or('█')).collect();
    let largest = counts.iter().max().copied().unwrap_or_default();
    format!("{line}\nat most {largest}, at the end {}", counts.last().copied().unwrap_or_default())
}
