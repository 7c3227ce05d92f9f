//! Shuffle partitions, where they are too few for the slots or begin a wave that leaves most slots idle.

use alloc::format;
use alloc::vec::Vec;

use super::conf::whole;
use super::given::{Advice, Gain};
use crate::adaptive::{cut_evenly, has_other_tasks};
use crate::coalescing::SHUFFLE_PARTITIONS;
use crate::curve::slots;
use crate::log::Log;
use crate::simulation::{Model, Replayed, replay};
use crate::trace::{Stage, Task, Trace, Turn, us};

const KEY: &str = "spark.sql.shuffle.partitions";

/// The number of partitions that fills whole waves of slots, where that is worth it.
pub(super) fn advice(log: &Log, trace: &Trace) -> Option<Advice> {
    let (now, slots) = (whole(log, KEY).unwrap_or(SHUFFLE_PARTITIONS), u64::from(slots(trace)));
    // Without a query there is no key: the program names the number.
    if log.executions.is_empty() || slots == 0 || !trace.stages.iter().any(|stage| is_by_key(stage, now)) {
        return None;
    }
    let as_it_was = replay(trace, &Model::OTHER_SIZES);
    let full = now / slots;
    let (set_to, other) = [full * slots, (full + 1) * slots]
        .into_iter()
        .filter(|size| *size != now && *size > 0)
        .map(|size| (size, cut(trace, now, |stage| cut_evenly(stage, size))))
        .min_by_key(|(_, replayed)| replayed.end_us())?;
    // The rows of one key stay together: at the least, the largest partition is what it was.
    let at_least = cut(trace, now, |stage| with_the_longest(stage, set_to));
    let saved = |replayed: &Replayed| as_it_was.end_us() - replayed.end_us();
    let gain = Gain { expected_us: saved(&other), low_us: saved(&at_least).min(saved(&other)), high_us: saved(&other) };
    gain.is_worth(us(trace.end_ms - trace.start_ms)).then(|| Advice {
        key: KEY,
        now,
        set_to,
        gain,
        executor_us: (as_it_was.executor_us(), other.executor_us()),
        because: format!("{now} partitions on {slots} slots leave slots idle; {set_to} fill whole waves"),
    })
}

/// A replay with every stage whose tasks the key counts cut in other pieces.
fn cut(trace: &Trace, now: u64, pieces: impl Fn(&Stage) -> Vec<Task>) -> Replayed {
    let mut other = trace.clone();
    for stage in &mut other.stages {
        if is_by_key(stage, now) {
            let tasks = pieces(stage);
            has_other_tasks(stage, tasks);
        }
    }
    replay(&other, &Model::OTHER_SIZES)
}

/// The longest task as it was, and the rest in even pieces.
fn with_the_longest(stage: &Stage, size: u64) -> Vec<Task> {
    let Some(longest) = stage.tasks.iter().max_by_key(|task| task.slot_us).copied() else { return Vec::new() };
    let mut rest = stage.clone();
    rest.tasks.retain(|task| task.index != longest.index);
    let mut tasks = [Task { index: -1, ..longest }].to_vec();
    tasks.extend(cut_evenly(&rest, size.saturating_sub(1)));
    tasks
}

/// Whether the key made a stage's tasks, each of which ran once.
fn is_by_key(stage: &Stage, now: u64) -> bool {
    stage.tasks.len() as u64 == now
        && stage.cached.is_empty()
        && stage.tasks.iter().any(|task| task.shuffle_read_bytes > 0)
        && stage.tasks.iter().all(|task| task.turn == Turn::First(None))
}
