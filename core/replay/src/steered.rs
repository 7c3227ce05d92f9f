//! A run with executors that somebody moves: on a cluster like the one that it ran on.

use alloc::vec::Vec;

use sparkwright_core::control::LONGEST_START_UP_MS;

use crate::measure::InJobTime;
use crate::simulation::{Allocation, Manager, Model, Replayed, StartTimes, replay, replay_steered};
use crate::trace::{Executor, Trace, us};

/// From asking for an executor to its registration, where a log does not show it: a container of a busy cluster. Source: `spark-facts`, a managed
/// cluster gave executors that were asked for by reaction after 10 to 25 s.
const START_US: i64 = 10_000_000;
/// What took longer waited for room on the cluster.
const MOST_START_US: i64 = LONGEST_START_UP_MS as i64 * 1_000;
/// A request that is younger than this can still be called off: resource managers grant containers within it.
const CALLED_OFF_WITHIN_US: i64 = 2_500_000;

/// What a run took with executors that somebody moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteeredRun {
    /// The application's time, from its start to its end.
    pub time_us: i64,
    /// Time within jobs: as recorded, and so.
    pub in_job: InJobTime,
    /// Executor time.
    pub executor_us: i64,
    /// The most executors that it was paying for at a time.
    pub most_executors: u32,
}

impl Manager {
    /// The cluster that a run was on, with so many executors at the start and at most: executors of its kind that start as late as its own did, and
    /// what they hold moves on when they go.
    #[must_use]
    pub fn of(trace: &Trace, initial: u32, most: u32) -> Self {
        let mut slots: Vec<u32> = trace.executors.iter().map(|executor| executor.slots).collect();
        slots.sort_unstable();
        // The driver of a local master says nothing of executors.
        let real = trace.executors.iter().filter(|executor| executor.id != "driver");
        let lag = |executor: &Executor| us(executor.added_ms - executor.asked_ms);
        let timely = real.filter(|executor| (1..MOST_START_US).contains(&lag(executor)));
        let (of_the_start, others): (Vec<_>, Vec<_>) = timely.partition(|it| it.asked_before.is_none());
        let mut initial_start_us: Vec<i64> = of_the_start.into_iter().map(lag).collect();
        if initial_start_us.is_empty() {
            initial_start_us.push(START_US);
        }
        let mut starts = StartTimes::measured(others.into_iter().filter_map(|it| Some((it.asked_before?, lag(it)))));
        if starts.is_empty() {
            // One that comes for tasks that wait takes as long as those of the start did, where none came so.
            starts = StartTimes::alike(&initial_start_us);
        }
        Self {
            slots: slots.get(slots.len() / 2).copied().unwrap_or(1),
            profile: trace.executors.first().map_or(0, |executor| executor.profile),
            initial,
            most: most.max(1),
            initial_start_us,
            starts,
            removal_us: trace.driver.removal_us,
            called_off_within_us: Some(CALLED_OFF_WITHIN_US),
            moves_blocks: true,
            shuffle_service: false,
            on_a_host: 1,
        }
    }
}

/// Replays a run on a cluster whose executors somebody moves.
#[must_use]
pub fn steered(trace: &Trace, manager: &Manager, allocation: &mut dyn Allocation) -> SteeredRun {
    let mut one_kind = trace.clone();
    for stage in &mut one_kind.stages {
        stage.profile = manager.profile;
    }
    let replayed = replay_steered(&one_kind, &Model::OTHER_SIZES, manager, allocation);
    SteeredRun {
        time_us: replayed.end_us(),
        in_job: InJobTime::of(trace, &replayed),
        executor_us: replayed.executor_us(),
        most_executors: most_at_once(&replayed),
    }
}

/// A run as it was, replayed as [`steered`] replays it: on its own executors, as they came and went.
#[must_use]
pub fn as_it_was(trace: &Trace) -> SteeredRun {
    let replayed = replay(trace, &Model::OTHER_SIZES);
    SteeredRun {
        time_us: replayed.end_us(),
        in_job: InJobTime::of(trace, &replayed),
        executor_us: replayed.executor_us(),
        most_executors: most_at_once(&replayed),
    }
}

fn most_at_once(replayed: &Replayed) -> u32 {
    let mut changes: Vec<(i64, i32)> =
        replayed.executors.iter().flat_map(|(from_us, to_us)| [(*from_us, 1), (*to_us, -1)]).collect();
    changes.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, by) in changes {
        now += by;
        most = most.max(now);
    }
    u32::try_from(most).unwrap_or(0)
}
