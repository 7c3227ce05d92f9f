//! A play as a chart.

use crate::chart::{Across, Axis, Band, Mark, Series, Spec};
use crate::views::timeline::play::{Play, Second};

/// The most seconds that are drawn; of more, every second, third … one is, and those with something new.
const MOST_POINTS: usize = 2_000;

/// The seconds that are drawn.
fn drawn(play: &Play) -> Vec<Second> {
    let stride = play.seconds.len().div_ceil(MOST_POINTS).max(1);
    let is_new = |second: &Second| play.news.binary_search_by_key(&second.at_seconds, |new| new.at_seconds).is_ok();
    play.seconds
        .iter()
        .enumerate()
        .filter(|(at, second)| at % stride == 0 || is_new(second))
        .map(|(_, second)| *second)
        .collect()
}

/// The chart: executors and what was wanted against the work, with the moments at which guards held something back.
#[must_use]
pub fn spec(play: &Play, environment: &str, bounds: Option<(u32, u32)>) -> Spec {
    let drawn = drawn(play);
    let line = |label: &str, colour, dash, axis, value: fn(&Second) -> f64| Series {
        label: label.to_owned(),
        colour,
        dash,
        axis,
        values: drawn.iter().map(|second| Some(value(second))).collect(),
    };
    let held = play.news.iter().filter_map(|new| {
        let held = new.held.first()?;
        Some(Mark { x: f64::from(new.at_seconds) * 1e3, label: format!("held by {}", held.guard), kind: "held" })
    });
    let band = bounds.map(|(least, most)| Band {
        label: format!("{environment} executors").trim_start().to_owned(),
        from: Some(f64::from(least)),
        to: Some(f64::from(most)),
    });
    Spec {
        kind: "step",
        title: "Executors over the load".to_owned(),
        description: "What the controller wants and what is there, against the tasks that wait and run. Triangles are moments at which a guard held a move back.".to_owned(),
        x: Across {
            axis: Axis::new("Since the start", "ms"),
            values: drawn.iter().map(|second| f64::from(second.at_seconds) * 1e3).collect(),
        },
        y: Axis::new("Executors", "executors"),
        y2: Some(Axis::new("Tasks", "none")),
        series: vec![
            line("executors", 0, false, "y", |second| f64::from(second.executors)),
            line("target", 2, true, "y", |second| f64::from(second.target)),
            line("pending tasks", 1, false, "y2", |second| second.pending as f64),
            line("running tasks", 4, false, "y2", |second| second.running as f64),
        ],
        bands: band.into_iter().collect(),
        marks: held.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::examples;
    use crate::views::timeline::play::tests::played;

    #[test]
    fn a_long_load_is_thinned_and_keeps_every_new_moment() {
        let (_, mut load) = examples().remove(0);
        load.seconds = 9_000;
        let play = played(load);
        let spec = spec(&play, "production", Some((4, 20)));
        assert!(spec.x.values.len() <= MOST_POINTS + play.news.len() && spec.x.values.len() > 1_000);
        assert!(spec.x.values.windows(2).all(|pair| matches!(pair, [one, two] if one < two)));
        for new in &play.news {
            assert!(spec.x.values.contains(&(f64::from(new.at_seconds) * 1e3)), "{}", new.at_seconds);
        }
        assert_eq!(spec.marks.len(), play.news.iter().filter(|new| !new.held.is_empty()).count());
        assert!(!spec.marks.is_empty() && spec.series.iter().all(|line| line.values.len() == spec.x.values.len()));
    }
}
