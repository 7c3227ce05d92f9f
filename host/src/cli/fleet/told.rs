//! What `fleet` tells: sums over the runs, and a row for each.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use sparkwright_core::printable;
use sparkwright_core::trace::render_ms;
use sparkwright_record::{Found, FoundAdvice, FoundExecutorTime, percent};
use sparkwright_replay::log::Log;

use crate::cli::terminal::counted;

/// Runs that are told by themselves, at most.
const TOLD: usize = 10;
/// Causes under this share of all time are told together.
const TOLD_FROM: f64 = 0.01;

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct ToldRun {
    name: String,
    application: String,
    /// Executors' time, the driver's where it ran every task.
    executor_seconds: f64,
    tasks: u64,
    #[serde(flatten)]
    found: Found,
}

/// A log that tells nothing, and why.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub(super) name: String,
    pub(super) why: String,
}

/// A cause, over all runs.
#[derive(Debug, Serialize)]
struct CauseOfAll {
    cause: String,
    title: String,
    time_ms: u64,
    share: f64,
    runs: u64,
}

/// A key, over all runs that it would have made shorter.
#[derive(Debug, Serialize)]
struct AdviceOfAll {
    key: String,
    runs: u64,
    gain_ms: i64,
    /// More executor time than it was; less where it is negative.
    more_executor_seconds: f64,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    run_ms: u64,
    executor_seconds: f64,
    /// Of that, slots that ran nothing.
    idle_seconds: f64,
    /// Of that, executors that ran nothing and had cached blocks.
    pinned_seconds: f64,
    tasks: u64,
    /// The most time first.
    causes: Vec<CauseOfAll>,
    /// The most time saved first.
    advice: Vec<AdviceOfAll>,
    runs: Vec<ToldRun>,
    left_out: Vec<LeftOut>,
}

impl ToldRun {
    pub(super) fn of(path: &Path, log: &Log, found: Found) -> Self {
        let (from, to) = (log.started_ms.unwrap_or(0), log.ended_ms.unwrap_or(log.last_ms));
        let there_ms = log.executors.iter().map(|executor| {
            (executor.removed_ms.unwrap_or(to).min(to) - executor.added_ms.unwrap_or(from).max(from)).max(0)
        });
        Self {
            name: path.display().to_string(),
            application: log.application.clone(),
            executor_seconds: there_ms.sum::<i64>() as f64 / 1e3,
            tasks: log.stages.values().map(|stage| stage.ran.len() as u64).sum(),
            found,
        }
    }

    /// What its best advice saves.
    fn saves_ms(&self) -> i64 {
        self.found.advice.iter().map(|advice| advice.gain_ms.expected).max().unwrap_or(0)
    }
}

/// A part of the runs' executor time in seconds.
fn part(runs: &[ToldRun], of: fn(&FoundExecutorTime) -> f64) -> f64 {
    runs.iter().filter_map(|run| run.found.executor_time.as_ref()).map(of).sum::<f64>() / 1e3
}

impl Told {
    pub(super) fn of(runs: Vec<ToldRun>, left_out: Vec<LeftOut>) -> Self {
        let run_ms: u64 = runs.iter().map(|run| run.found.run_ms).sum();
        let mut causes: BTreeMap<&str, CauseOfAll> = BTreeMap::new();
        for cause in runs.iter().flat_map(|run| &run.found.causes) {
            let all = causes.entry(&cause.cause).or_insert_with(|| CauseOfAll {
                cause: cause.cause.clone(),
                title: cause.title.clone(),
                time_ms: 0,
                share: 0.0,
                runs: 0,
            });
            all.time_ms += cause.time_ms;
            all.runs += 1;
        }
        let mut causes: Vec<CauseOfAll> = causes.into_values().collect();
        let of_all: u64 = causes.iter().map(|cause| cause.time_ms).sum();
        for cause in &mut causes {
            cause.share = cause.time_ms as f64 / of_all.max(1) as f64;
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.time_ms));
        let advice = advice_of_all(runs.iter().flat_map(|run| &run.found.advice));
        Self {
            run_ms,
            executor_seconds: runs.iter().map(|run| run.executor_seconds).sum(),
            idle_seconds: part(&runs, |time| time.idle_ms),
            pinned_seconds: part(&runs, |time| time.pinned_ms),
            tasks: runs.iter().map(|run| run.tasks).sum(),
            causes,
            advice,
            runs,
            left_out,
        }
    }

    /// What of the executors' time ran nothing; empty where there was none.
    fn unused(&self) -> String {
        let share = |seconds: f64| percent(seconds / self.executor_seconds);
        match (self.idle_seconds + self.pinned_seconds, self.pinned_seconds) {
            (unused, _) if unused <= 0.0 || self.executor_seconds <= 0.0 => String::new(),
            (unused, pinned) if pinned <= 0.0 => format!(" ({} idle)", share(unused)),
            (unused, pinned) => format!(" ({} idle, {} of it with cached blocks)", share(unused), share(pinned)),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}: {} of run time, {} of executor time{}, {} tasks\n\nwhat their time went to\n",
            counted(self.runs.len(), "run"),
            render_ms(self.run_ms),
            seconds(self.executor_seconds),
            self.unused(),
            self.tasks
        );
        let (told, rest): (Vec<&CauseOfAll>, Vec<&CauseOfAll>) =
            self.causes.iter().partition(|cause| cause.share >= TOLD_FROM);
        for cause in told {
            let runs = counted(usize::try_from(cause.runs).unwrap_or(usize::MAX), "run");
            let (share, time) = (percent(cause.share), render_ms(cause.time_ms));
            text.push_str(&format!("{share:>6}  {time}: {}, in {runs}\n", cause.title));
        }
        if !rest.is_empty() {
            let time_ms = rest.iter().map(|cause| cause.time_ms).sum();
            let share = rest.iter().map(|cause| cause.share).sum();
            text.push_str(&format!("{:>6}  {}: everything else\n", percent(share), render_ms(time_ms)));
        }
        text.push_str(&self.advice_text());
        let mut longest: Vec<&ToldRun> = self.runs.iter().collect();
        longest.sort_by_key(|run| std::cmp::Reverse((run.saves_ms(), run.found.run_ms)));
        text.push_str("\nruns to look at first: those that advice saves most of, then the longest\n");
        for run in longest.into_iter().take(TOLD) {
            let best = run.found.advice.iter().max_by_key(|advice| advice.gain_ms.expected);
            let saves = best.map_or_else(String::new, |best| {
                let gain = render_ms(u64::try_from(best.gain_ms.expected).unwrap_or(0));
                format!("; {} {} -> {} saves {gain}", best.key, best.now, best.set_to)
            });
            text.push_str(&format!("    {}\n        {}{saves}\n", printable::line(&run.name), run.found.answer));
        }
        let mut why: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for left_out in &self.left_out {
            why.entry(&left_out.why).or_insert((0, &left_out.name)).0 += 1;
        }
        for (why, (count, first)) in why {
            let (of, why) = (counted(count, "log"), printable::line(why));
            text.push_str(&format!("left out: {of}, `{}` the first: {why}\n", printable::line(first)));
        }
        text
    }

    fn advice_text(&self) -> String {
        if self.advice.is_empty() {
            return "\nno key is known that would have saved enough of any of them\n".to_owned();
        }
        let mut text = "\nwhat would have saved most, by replay\n".to_owned();
        for advice in &self.advice {
            let sign = if advice.more_executor_seconds < 0.0 { "less" } else { "more" };
            text.push_str(&format!(
                "    {}: {} less in {}, {} {sign} executor time\n",
                advice.key,
                render_ms(u64::try_from(advice.gain_ms).unwrap_or(0)),
                counted(usize::try_from(advice.runs).unwrap_or(usize::MAX), "run"),
                seconds(advice.more_executor_seconds.abs())
            ));
        }
        text
    }
}

fn advice_of_all<'a>(advice: impl Iterator<Item = &'a FoundAdvice>) -> Vec<AdviceOfAll> {
    let mut by_key: BTreeMap<&str, AdviceOfAll> = BTreeMap::new();
    for one in advice {
        let all = by_key.entry(&one.key).or_insert_with(|| AdviceOfAll {
            key: one.key.clone(),
            runs: 0,
            gain_ms: 0,
            more_executor_seconds: 0.0,
        });
        all.runs += 1;
        all.gain_ms += one.gain_ms.expected;
        all.more_executor_seconds += one.executor_seconds.then - one.executor_seconds.now;
    }
    let mut all: Vec<AdviceOfAll> = by_key.into_values().collect();
    all.sort_by_key(|advice| std::cmp::Reverse(advice.gain_ms));
    all
}

/// The cast saturates.
fn seconds(seconds: f64) -> String {
    render_ms((seconds * 1e3) as u64)
}
