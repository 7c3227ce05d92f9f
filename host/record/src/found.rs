//! What a run's time went to and what would have made it shorter, as `review` found it in the event log: kept with the record, and told alike
//! by `review`, `explain` and the page.

use serde::{Deserialize, Serialize};
use sparkwright_core::printable;
use sparkwright_core::review::{ReviewAnswer, Trend};
use sparkwright_core::trace::{Decision, render_micros, render_ms};

/// Causes under this share of the run are told together.
const TOLD_FROM: f64 = 0.01;
/// Stages that a cause is told with, at most.
const STAGES_TOLD: usize = 6;

/// What a log says of a run's time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// How long it took, where most of it went, and what more slots would have done: a sentence.
    pub answer: String,
    /// Run time of the application, from its start to its end, in milliseconds.
    pub run_ms: u64,
    /// What the time went to, the most first; the shares add up to 1.
    pub causes: Vec<FoundCause>,
    /// What would have made it shorter, the most first.
    pub advice: Vec<FoundAdvice>,
    /// What the time of its executors went to; unknown in older records, and where the log's times have no order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executor_time: Option<FoundExecutorTime>,
    /// The least share of the run that an advice saves.
    pub advice_from_share: f64,
    /// Why nothing is known of other sizes; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// One thing that time went to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundCause {
    /// Its name, for scripts.
    pub cause: String,
    /// Its name, for people.
    pub title: String,
    /// The stages that it is about, or `driver`.
    pub r#where: String,
    /// The stages that it is about.
    pub stages: Vec<i64>,
    /// Its time in milliseconds.
    pub time_ms: u64,
    /// Its share of the run.
    pub share: f64,
    /// What shows it in the log: sentences.
    pub evidence: Vec<String>,
    /// What helps against it in general; empty where nothing does.
    pub helps: String,
}

/// What the time of executors went to: the parts add up to the whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundExecutorTime {
    /// Executors times the time that each was there, in milliseconds.
    pub whole_ms: f64,
    /// Queries, and jobs outside of queries, the most first; no more than [`MOST_WORK_TOLD`].
    pub work: Vec<FoundWork>,
    /// How many more there are.
    pub others: u64,
    /// Their time.
    pub others_ms: f64,
    /// Of executors that ran nothing and had cached blocks.
    pub pinned_ms: f64,
    /// Of other slots that ran nothing.
    pub idle_ms: f64,
}

/// Queries and jobs of which it is said what executor time they took.
pub const MOST_WORK_TOLD: usize = 20;

/// What executors worked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundWork {
    /// The SQL execution, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<i64>,
    /// The job, where it belongs to no query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// Where the program asked for it, as `count at flights.py:12`; empty where that is not known.
    pub what: String,
    /// Executor time in milliseconds.
    pub executor_ms: f64,
}

/// A key that would have made the run shorter, by replay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundAdvice {
    /// The key.
    pub key: String,
    /// Its value in the run.
    pub now: u64,
    /// The value that is better.
    pub set_to: u64,
    /// What it saves.
    pub gain_ms: GainMs,
    /// The executors' time in seconds.
    pub executor_seconds: NowAndThen,
    /// Why: a sentence.
    pub because: String,
}

/// A gain of time in milliseconds; nine of ten lie between `low` and `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GainMs {
    /// The replay's.
    pub expected: i64,
    /// It is hardly less.
    pub low: i64,
    /// It is hardly more.
    pub high: i64,
}

/// A quantity as it was, and as it would be.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct NowAndThen {
    /// As it was.
    pub now: f64,
    /// As it would be.
    pub then: f64,
}

impl Found {
    /// As people read it, with what the policy says of the run beside it; costs are in `currency`.
    #[must_use]
    pub fn text(&self, review: &ReviewAnswer, currency: &str) -> String {
        let mut text = format!("{}\n", self.answer);
        if let Some(why) = &self.unknown {
            text.push_str(&format!("nothing is known of other sizes: {why}\n"));
        }
        text.push_str(&self.causes_text());
        let cost = review.report.cost.as_ref().map(|cost| (cost.value.micros, currency));
        text.push_str(&self.executor_time.as_ref().map_or_else(String::new, |time| time.text(cost)));
        if self.unknown.is_none() {
            text.push_str(&self.advice_text());
        }
        text.push_str(&format!(
            "\ntrend: {}\n{}",
            review.trend.value.word().replace('_', " "),
            if review.trend.value == Trend::InsufficientData {
                String::new()
            } else {
                review.trend.trace.render("    ")
            }
        ));
        if let Some(used) = review.report.slots_used {
            text.push_str(&format!("tasks used {} of the time of all slots\n", percent(used)));
        }
        if let Some(Decision { value, .. }) = &review.report.cost {
            text.push_str(&format!("it cost {} {currency}\n", render_micros(value.micros)));
        }
        printable::text(&text).into_owned()
    }

    fn causes_text(&self) -> String {
        let mut text = String::new();
        if !self.causes.is_empty() {
            text.push_str("\nwhat its time went to\n");
        }
        let (told, rest): (Vec<&FoundCause>, Vec<&FoundCause>) =
            self.causes.iter().partition(|cause| cause.share >= TOLD_FROM);
        for cause in told {
            let (time, at) = (render_ms(cause.time_ms), cause.at());
            text.push_str(&format!("{:>6}  {time}: {}{at}\n", percent(cause.share), cause.title));
            for sentence in &cause.evidence {
                text.push_str(&format!("          {}\n", printable::line(sentence)));
            }
            if !cause.helps.is_empty() {
                text.push_str(&format!("          helps: {}\n", cause.helps));
            }
        }
        if !rest.is_empty() {
            let share = rest.iter().map(|cause| cause.share).sum();
            let time_ms = rest.iter().map(|cause| cause.time_ms).sum();
            text.push_str(&format!("{:>6}  {}: everything else\n", percent(share), render_ms(time_ms)));
        }
        text
    }

    fn advice_text(&self) -> String {
        if self.advice.is_empty() {
            return format!("\nno key is known that would have saved {} of it\n", percent(self.advice_from_share));
        }
        let mut text = "\nwhat would have made it shorter, by replay\n".to_owned();
        for one in &self.advice {
            let gain = one.gain_ms;
            text.push_str(&format!(
                "    {}: {} -> {}\n          saves {}, between {} and {}; executor time {} instead of {}\n          {}\n",
                one.key,
                one.now,
                one.set_to,
                time(gain.expected),
                time(gain.low),
                time(gain.high),
                seconds(one.executor_seconds.then),
                seconds(one.executor_seconds.now),
                one.because
            ));
        }
        text
    }
}

impl FoundExecutorTime {
    /// What it went to, each with its time in milliseconds: the largest queries and jobs by themselves. They add up to the whole.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, f64)> {
        let (told, rest): (Vec<&FoundWork>, Vec<&FoundWork>) =
            self.work.iter().partition(|work| work.executor_ms >= TOLD_FROM * self.whole_ms);
        let rest_ms = self.others_ms + rest.iter().map(|work| work.executor_ms).sum::<f64>();
        let count = self.others + rest.len() as u64;
        let mut parts: Vec<(String, f64)> = told.iter().map(|work| (work.title(), work.executor_ms)).collect();
        parts.push((
            if count == 1 { "1 more query or job".into() } else { format!("{count} more queries and jobs") },
            rest_ms,
        ));
        parts.push(("idle, with cached blocks".into(), self.pinned_ms));
        parts.push(("idle".into(), self.idle_ms));
        parts.retain(|(_, ms)| *ms > 0.0);
        parts
    }

    /// Its parts, each with its share, and with what it cost of so much.
    fn text(&self, cost: Option<(u64, &str)>) -> String {
        if self.whole_ms <= 0.0 {
            return String::new();
        }
        let mut text = format!("\nwhat the executors' time went to, {} in all\n", millis(self.whole_ms));
        for (what, ms) in self.parts() {
            let share = ms / self.whole_ms;
            let cost = cost.map_or_else(String::new, |(micros, currency)| {
                format!(", {} {currency}", render_micros((micros as f64 * share) as u64))
            });
            text.push_str(&format!("{:>6}  {}{cost}: {}\n", percent(share), millis(ms), printable::line(&what)));
        }
        text
    }
}

impl FoundWork {
    fn title(&self) -> String {
        let comma = if self.what.is_empty() { "" } else { ", " };
        match (self.query, self.job) {
            (Some(query), _) => format!("query {query}{comma}{}", self.what),
            (_, Some(job)) => format!("job {job}{comma}{}", self.what),
            _ => self.what.clone(),
        }
    }
}

/// The cast saturates.
fn millis(ms: f64) -> String {
    render_ms(ms as u64)
}

impl FoundCause {
    /// Where it is, after its name.
    fn at(&self) -> String {
        let named: Vec<String> = self.stages.iter().take(STAGES_TOLD).map(ToString::to_string).collect();
        match self.stages.len().saturating_sub(named.len()) {
            _ if named.is_empty() => String::new(),
            0 => format!(", {}", stages(&named)),
            more => format!(", stages {} and {more} more", named.join(", ")),
        }
    }
}

/// `stage 7`, or `stages 1, 18 and 33`.
#[must_use]
pub fn stages(named: &[String]) -> String {
    match named {
        [] => String::new(),
        [one] => format!("stage {one}"),
        [all @ .., last] => format!("stages {} and {last}", all.join(", ")),
    }
}

/// A share in whole percent.
#[must_use]
pub fn percent(share: f64) -> String {
    // What rounds to nothing has no sign.
    format!("{:.0} %", (share * 100.0).max(0.0))
}

fn time(ms: i64) -> String {
    render_ms(u64::try_from(ms).unwrap_or(0))
}

/// The cast saturates.
fn seconds(seconds: f64) -> String {
    render_ms((seconds * 1_000.0) as u64)
}
