//! Events in the order of their times, until the last job has ended.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::replayed::Replayed;
use super::state::{Happens, Simulation};
use super::steered::Steered;

/// Looks in a row with nothing else to come, after which nothing will: an hour of one each second.
const IDLE_LOOKS_AT_MOST: u32 = 3_600;

/// From the submission of a stage to a look by who sees stages: within this time the host wakes up.
const SEEN_AFTER_US: i64 = 50_000;

impl Simulation<'_> {
    pub(super) fn run(mut self, mut steered: Option<Steered<'_>>) -> Replayed {
        while self.jobs_left > 0
            && let Some(Reverse((now_us, _, happens))) = self.happens.pop()
        {
            match happens {
                Happens::Arrives(executor) => self.executors.arrives(executor, now_us),
                // What runs on an executor that was lost in the log had failed in the log: its next attempt follows by itself.
                Happens::Leaves(executor) => self.executors.goes(executor, now_us),
                Happens::JobStarts(job) => self.job_starts(job, now_us),
                Happens::StageStarts(stage) => self.stage_starts(stage, now_us),
                Happens::TasksWait(stage) => {
                    self.tasks_wait(stage);
                    if steered.as_ref().is_some_and(|steered| steered.allocation.sees_stages()) {
                        self.at(now_us + SEEN_AFTER_US, Happens::SeesTasks);
                    }
                }
                Happens::TaskEnds(launch) => self.task_ends(launch, now_us),
                Happens::SlotIsFree(executor) => self.executors.frees_slot(executor),
                Happens::StageEnds(stage) => self.stage_ends(stage, now_us),
                Happens::JobEnds(job) => self.job_ends(job, now_us),
                Happens::Look => {}
                // Each look is waited for anew: one that came in between has put this off.
                Happens::Ticks if steered.as_ref().is_some_and(|steered| steered.looks_at_us > now_us) => {}
                Happens::Ticks | Happens::SeesTasks => {
                    if let Some(steered) = &mut steered {
                        self.look(steered, now_us);
                        steered.looks_at_us = now_us + steered.allocation.every_us().max(1);
                        self.at(steered.looks_at_us, Happens::Ticks);
                    }
                }
            }
            if self.looks_at_us.is_some_and(|at_us| at_us <= now_us) {
                self.looks_at_us = None;
            }
            if self.looks_alone(happens) {
                break;
            }
            // A log tells milliseconds: what happens at the same time has all happened before anything is launched.
            if self.happens.peek().is_none_or(|Reverse((next_us, _, _))| *next_us > now_us) {
                self.launch(now_us);
            }
        }
        let jobs: Vec<Option<(i64, i64)>> = self.jobs.iter().map(|job| job.started_us.zip(job.ended_us)).collect();
        let end_us = jobs.iter().flatten().map(|(_, end_us)| *end_us).max().unwrap_or(0);
        let removal_us = steered.map_or(self.trace.driver.removal_us, |steered| steered.manager.removal_us);
        let came = self.executors.all.iter().filter(|executor| !executor.called_off && executor.from_us <= end_us);
        let paid = came.map(|executor| {
            let until_us = executor.gone_us.map_or(end_us, |gone_us| gone_us + removal_us);
            (executor.from_us, until_us.min(end_us))
        });
        Replayed { jobs, executors: paid.collect(), launches: self.launches.len() as u64 }
    }

    /// Whether looks alone have happened for a long time and nothing else is to come: work waits for executors that nobody asks for.
    fn looks_alone(&mut self, happens: Happens) -> bool {
        // Every look notes the next one, and whatever else is to come is noted too.
        self.idle_looks = if happens == Happens::Ticks && self.happens.len() <= 1 { self.idle_looks + 1 } else { 0 };
        self.idle_looks > IDLE_LOOKS_AT_MOST
    }
}
