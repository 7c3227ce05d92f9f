//! What runs took of executors' time and money, summed up by what was said of them.

use std::collections::BTreeMap;

use serde::Serialize;
use sparkwright_core::cost::Prices;
use sparkwright_core::lesson::Lesson;

/// What runs took together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Spending {
    /// How many.
    pub runs: usize,
    /// Executors times the time that they were held.
    pub executor_ms: u64,
    /// Of that, slots that ran nothing.
    pub idle_ms: u64,
    /// Of that, executors that ran nothing and had cached blocks.
    pub pinned_ms: u64,
    /// Of `executor_ms`, runs of which nobody knows how much of it was idle.
    pub unknown_ms: u64,
    /// What it all cost, in millionths of the policy's currency; absent where the policy names no price.
    pub cost_micros: Option<u64>,
    /// Of that, what ran nothing.
    pub unused_cost_micros: Option<u64>,
}

impl Spending {
    /// What these runs took.
    #[must_use]
    pub fn of<'a>(lessons: impl IntoIterator<Item = &'a Lesson>, prices: Prices) -> Self {
        let mut all = Self::default();
        for lesson in lessons {
            all.runs += 1;
            all.executor_ms = all.executor_ms.saturating_add(lesson.executor_ms);
            match (lesson.idle_ms, lesson.pinned_ms) {
                (Some(idle_ms), Some(pinned_ms)) => {
                    all.idle_ms = all.idle_ms.saturating_add(idle_ms);
                    all.pinned_ms = all.pinned_ms.saturating_add(pinned_ms);
                }
                _ => all.unknown_ms = all.unknown_ms.saturating_add(lesson.executor_ms),
            }
        }
        all.cost_micros = prices.executor_time(all.executor_ms);
        all.unused_cost_micros = prices.executor_time(all.idle_ms.saturating_add(all.pinned_ms));
        all
    }
}

/// What runs took by the values of a label, the most first; those without it have no value.
#[must_use]
pub fn by_label<'a>(lessons: &[&'a Lesson], label: &str, prices: Prices) -> Vec<(Option<&'a str>, Spending)> {
    let mut of_values: BTreeMap<Option<&str>, Vec<&Lesson>> = BTreeMap::new();
    for lesson in lessons.iter().copied() {
        of_values.entry(lesson.labels.get(label).map(String::as_str)).or_default().push(lesson);
    }
    let mut all: Vec<(Option<&'a str>, Spending)> =
        of_values.into_iter().map(|(value, lessons)| (value, Spending::of(lessons, prices))).collect();
    all.sort_by_key(|(_, spending)| std::cmp::Reverse(spending.executor_ms));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkwright_core::by_name::ByName;

    fn lesson(team: Option<&str>, executor_ms: u64, parts: Option<(u64, u64)>) -> Lesson {
        let labels: ByName<String> = team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect();
        let (idle_ms, pinned_ms) = parts.unzip();
        Lesson { labels, executor_ms, idle_ms, pinned_ms, ..Lesson::default() }
    }

    #[test]
    fn runs_are_summed_up_by_a_label_and_those_without_it_apart() {
        let lessons = [
            lesson(Some("risk"), 7_200_000, Some((1_800_000, 1_800_000))),
            lesson(None, 1_000, None),
            lesson(Some("ads"), 3_600_000, Some((0, 0))),
            lesson(Some("risk"), 3_600_000, None),
        ];
        let prices = Prices { executor_hour_micros: Some(500_000), budget_micros: None };
        let lessons: Vec<&Lesson> = lessons.iter().collect();
        let told = by_label(&lessons, "team", prices);
        let names: Vec<Option<&str>> = told.iter().map(|(value, _)| *value).collect();
        assert_eq!(names, [Some("risk"), Some("ads"), None]);
        let risk = Spending {
            runs: 2,
            executor_ms: 10_800_000,
            idle_ms: 1_800_000,
            pinned_ms: 1_800_000,
            unknown_ms: 3_600_000,
            cost_micros: Some(1_500_000),
            unused_cost_micros: Some(500_000),
        };
        assert_eq!(told.first().map(|(_, spending)| spending), Some(&risk));
        assert_eq!(told.iter().map(|(_, spending)| spending.executor_ms).sum::<u64>(), 14_401_000);
        let free = by_label(&lessons, "nobody", Prices { executor_hour_micros: None, budget_micros: None });
        assert!(matches!(free.as_slice(), [(None, Spending { runs: 4, cost_micros: None, .. })]), "{free:?}");
    }
}
