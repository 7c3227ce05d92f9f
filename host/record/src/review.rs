//! A review in prose, for the command, the page and a run's report.

use comfy_table::{ContentArrangement, Table, presets};
use sparkwright_core::printable;
use sparkwright_core::review::{Bottleneck, BottleneckKind, Recommendation, ReviewAnswer};
use sparkwright_core::trace::{Decision, Unit, render_micros, render_ms};

/// What held a run up, in words.
#[must_use]
pub fn spoken(kind: BottleneckKind) -> String {
    let word = serde_json::to_value(kind).ok();
    word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().replace('_', " ")
}

/// A review as people read it; costs are in `currency`.
#[must_use]
pub fn review_prose(review: &ReviewAnswer, currency: &str) -> String {
    let report = &review.report;
    let mut text = format!(
        "{} in {} stages, on average {}, the shortest {}, the longest {}\n",
        render_ms(report.total_ms),
        report.stages,
        render_ms(report.average_stage_ms),
        render_ms(report.fastest_stage_ms),
        render_ms(report.slowest_stage_ms),
    );
    if let Some(used) = report.slots_used {
        text.push_str(&format!("tasks used {:.0} % of the time of all slots\n", used * 100.0));
    }
    if let Some(Decision { value, .. }) = &report.cost {
        text.push_str(&format!("it cost {} {currency}\n", render_micros(value.micros)));
    }
    text.push_str(&format!(
        "trend: {}\n{}",
        review.trend.value.word().replace('_', " "),
        review.trend.trace.render("    ")
    ));
    if review.bottlenecks.is_empty() {
        text.push_str("nothing held it up for more than a twentieth of its time\n");
        return printable::text(&text).into_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["what held it up", "where", "at most", "of the run", "by"]);
    for found in &review.bottlenecks {
        let kind = spoken(found.kind);
        let stage = if found.stage.is_empty() { "the whole run" } else { &found.stage };
        let share = format!("{:.0} %", found.share * 100.0);
        table.add_row([&kind, &*printable::line(stage), &render_ms(found.lost_ms), &share, &*found.trace.formula]);
    }
    text.push_str(&format!("{table}\n"));
    if !review.recommendations.is_empty() {
        text.push_str("what would help\n");
    }
    for advice in &review.recommendations {
        text.push_str(&format!("    {}\n", told_recommendation(advice)));
    }
    printable::text(&text).into_owned()
}

/// A bottleneck in a line.
#[must_use]
pub fn told_bottleneck(found: &Bottleneck) -> String {
    let stage = if found.stage.is_empty() { "the whole run".into() } else { printable::line(&found.stage) };
    format!(
        "{} in {stage}: at most {}, {:.0} % of the run ({})",
        spoken(found.kind),
        render_ms(found.lost_ms),
        found.share * 100.0,
        found.trace.formula
    )
}

/// A recommendation in a line.
#[must_use]
pub fn told_recommendation(advice: &Recommendation) -> String {
    let value = advice.value.as_ref().map_or_else(String::new, |value| format!(" = {}", value.render(Unit::None)));
    let at = if advice.stage.is_empty() { String::new() } else { format!(", {}", printable::line(&advice.stage)) };
    format!("{}{value}: {} (up to {}{at})", advice.key, advice.because, render_ms(advice.saves_at_most_ms))
}
