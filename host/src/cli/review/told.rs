//! A review in words and in JSON: the answer first, then what the time went to, then what would have made the run shorter.

use serde::Serialize;
use sparkwright_core::printable;
use sparkwright_core::review::{ReviewAnswer, Trend};
use sparkwright_core::trace::{Decision, render_micros, render_ms};
use sparkwright_replay::advice::{Advice, WORTH, advice, enough};
use sparkwright_replay::causes::{Cause, Spent, spent};
use sparkwright_replay::curve::{Point, curve, usual_sizes};
use sparkwright_replay::log::Log;
use sparkwright_replay::trace::{NoTrace, Trace};

/// Causes under this share of the run are told together.
const TOLD_FROM: f64 = 0.01;
/// Stages that the first line names, at most.
const STAGES_NAMED: usize = 3;
/// Stages that a cause is told with, at most.
const STAGES_TOLD: usize = 6;

/// What a log says of a run's time.
pub(super) struct Found {
    name: String,
    spent: Spent,
    /// What of other sizes; why not, where nothing can be said.
    sizes: Result<Sizes, NoTrace>,
}

struct Sizes {
    /// The most executors at a time, and tasks that one runs at once.
    recorded: (u32, u32),
    /// So many more would have been enough.
    enough: Option<Point>,
    advice: Vec<Advice>,
}

impl Found {
    pub(super) fn of(log: &Log) -> Self {
        let trace = Trace::of(log);
        // Times of two clocks have no order, and nothing follows from them.
        let of_two_clocks = matches!(trace, Err(NoTrace::Clocks { .. }));
        let sizes = trace.map(|trace| {
            let curve = curve(&trace, &usual_sizes(&trace));
            let advice = advice(log, &trace, &curve.points);
            Sizes { recorded: curve.recorded, enough: enough(&trace, &curve.points), advice }
        });
        let spent = if of_two_clocks { Spent::default() } else { spent(log) };
        Self { name: log.application.clone(), spent, sizes }
    }

    /// How long it took, where most of it went, and what more slots would have done.
    fn answer(&self) -> String {
        let mut parts = vec![ms(self.spent.run_ms)];
        parts.extend(self.most());
        if let Ok(sizes) = &self.sizes {
            let slots = |executors: u32| u64::from(executors) * u64::from(sizes.recorded.1);
            parts.push(match &sizes.enough {
                Some(point) => {
                    format!(
                        "on {} slots instead of {} about {}",
                        slots(point.executors),
                        slots(sizes.recorded.0),
                        us(point.time_us)
                    )
                }
                None => format!("more than its {} slots would not have saved a twentieth", slots(sizes.recorded.0)),
            });
        }
        format!("{}: {}", printable::line(&self.name), parts.join("; "))
    }

    /// What took the most: few stages that took more than half of the run, else the first cause.
    fn most(&self) -> Option<String> {
        let first = self.spent.causes.first()?;
        let most = self.spent.stages.iter().take(STAGES_NAMED).scan(0.0, |sum, (_, share)| {
            *sum += share;
            Some(*sum)
        });
        let enough = most.enumerate().find(|(_, sum)| *sum > 0.5);
        let Some((last, share)) = enough.filter(|_| !first.stages.is_empty()) else {
            return Some(format!("{} of it: {}", percent(first.share), first.kind.title()));
        };
        let named: Vec<String> = self.spent.stages.iter().take(last + 1).map(|(stage, _)| stage.to_string()).collect();
        let verb = if named.len() == 1 { "takes" } else { "take" };
        Some(format!("{} {verb} {} of it ({})", stages(&named), percent(share), first.kind.title()))
    }

    /// As people read it; costs are in `currency`.
    pub(super) fn text(&self, review: &ReviewAnswer, currency: &str) -> String {
        let mut text = format!("{}\n", self.answer());
        if let Err(why) = &self.sizes {
            text.push_str(&format!("nothing is known of other sizes: {why}\n"));
        }
        if !self.spent.causes.is_empty() {
            text.push_str("\nwhat its time went to\n");
        }
        let (told, rest): (Vec<&Cause>, Vec<&Cause>) =
            self.spent.causes.iter().partition(|cause| cause.share >= TOLD_FROM);
        for cause in told {
            let named: Vec<String> = cause.stages.iter().take(STAGES_TOLD).map(ToString::to_string).collect();
            let more = cause.stages.len().saturating_sub(named.len());
            let at = match more {
                _ if named.is_empty() => String::new(),
                0 => format!(", {}", stages(&named)),
                more => format!(", stages {} and {more} more", named.join(", ")),
            };
            text.push_str(&format!("{:>6}  {}: {}{at}\n", percent(cause.share), ms(cause.time_ms), cause.kind.title()));
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
            text.push_str(&format!("{:>6}  {}: everything else\n", percent(share), ms(time_ms)));
        }
        if let Ok(sizes) = &self.sizes {
            text.push_str(&advice_text(&sizes.advice));
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

    /// As programs read it: the review, `causes` whose shares add up to 1, and `advice`.
    pub(super) fn json<'a>(&'a self, review: &'a ReviewAnswer) -> impl Serialize + 'a {
        let causes = self.spent.causes.iter().map(|cause| CauseTold {
            cause: cause.kind.word(),
            r#where: place(cause),
            stages: &cause.stages,
            time_ms: cause.time_ms as u64,
            share: cause.share,
            evidence: &cause.evidence,
            helps: cause.helps,
        });
        let advice = self.sizes.as_ref().map_or(&[][..], |sizes| &sizes.advice[..]);
        Told {
            answer: self.answer(),
            review,
            causes: causes.collect(),
            advice: advice.iter().map(AdviceTold::of).collect(),
            unknown: self.sizes.as_ref().err().map(ToString::to_string),
        }
    }
}

fn advice_text(advice: &[Advice]) -> String {
    if advice.is_empty() {
        return format!("\nno key is known that would have saved {} of it\n", percent(WORTH));
    }
    let mut text = "\nwhat would have made it shorter, by replay\n".to_owned();
    for one in advice {
        let gain = &one.gain;
        text.push_str(&format!(
            "    {}: {} -> {}\n          saves {}, between {} and {}; executor time {} instead of {}\n          {}\n",
            one.key,
            one.now,
            one.set_to,
            us(gain.expected_us),
            us(gain.low_us),
            us(gain.high_us),
            us(one.executor_us.1),
            us(one.executor_us.0),
            one.because
        ));
    }
    text
}

fn place(cause: &Cause) -> String {
    let named: Vec<String> = cause.stages.iter().map(ToString::to_string).collect();
    if named.is_empty() { "driver".to_owned() } else { stages(&named) }
}

/// `stage 7`, or `stages 1, 18 and 33`.
fn stages(named: &[String]) -> String {
    match named {
        [] => String::new(),
        [one] => format!("stage {one}"),
        [all @ .., last] => format!("stages {} and {last}", all.join(", ")),
    }
}

fn percent(share: f64) -> String {
    // What rounds to nothing has no sign.
    format!("{:.0} %", (share * 100.0).max(0.0))
}

/// The casts saturate.
fn ms(ms: f64) -> String {
    render_ms(ms as u64)
}

fn us(us: i64) -> String {
    render_ms(u64::try_from(us / 1_000).unwrap_or(0))
}

#[derive(Serialize)]
struct Told<'a> {
    /// The first line of the text.
    answer: String,
    #[serde(flatten)]
    review: &'a ReviewAnswer,
    causes: Vec<CauseTold<'a>>,
    advice: Vec<AdviceTold<'a>>,
    /// Why nothing is known of other sizes; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

#[derive(Serialize)]
struct CauseTold<'a> {
    cause: &'static str,
    r#where: String,
    stages: &'a [i64],
    time_ms: u64,
    share: f64,
    evidence: &'a [String],
    helps: &'static str,
}

#[derive(Serialize)]
struct AdviceTold<'a> {
    key: &'static str,
    now: u64,
    set_to: u64,
    gain_ms: GainTold,
    executor_seconds: NowAndThen,
    because: &'a str,
}

#[derive(Serialize)]
struct GainTold {
    expected: i64,
    low: i64,
    high: i64,
}

#[derive(Serialize)]
struct NowAndThen {
    now: f64,
    then: f64,
}

impl<'a> AdviceTold<'a> {
    fn of(advice: &'a Advice) -> Self {
        let gain = &advice.gain;
        Self {
            key: advice.key,
            now: advice.now,
            set_to: advice.set_to,
            gain_ms: GainTold {
                expected: gain.expected_us / 1_000,
                low: gain.low_us / 1_000,
                high: gain.high_us / 1_000,
            },
            executor_seconds: NowAndThen {
                now: advice.executor_us.0 as f64 / 1e6,
                then: advice.executor_us.1 as f64 / 1e6,
            },
            because: &advice.because,
        }
    }
}
