//! What the driver does: it starts jobs, submits stages, and hears of their ends.

use alloc::vec::Vec;

use super::state::{Happens, Simulation, StageRun};
use crate::log::StageKey;
use crate::trace::{Near, Stage, Task, Turn};

impl Simulation<'_> {
    pub(super) fn job_starts(&mut self, place: usize, now_us: i64) {
        let Some(job) = self.trace.jobs.get(place) else { return };
        if let Some(run) = self.jobs.get_mut(place) {
            run.started_us = Some(now_us);
            run.stages_left = job.stages.len();
        }
        for next in self.following.jobs_after_start.get(place).cloned().unwrap_or_default() {
            // Two threads: how far one is when the other starts is no gap between jobs that a model could leave out.
            let gap_us = self.trace.jobs.get(next).map_or(0, |job| job.gap_us);
            self.at(now_us + gap_us, Happens::JobStarts(next));
        }
        if job.stages.is_empty() {
            self.at(now_us + job.end_lag_us, Happens::JobEnds(place));
        }
        for stage in &job.stages {
            let Some(kept) = self.trace.stages.get(*stage) else { continue };
            if let Some(run) = self.stages.get_mut(*stage) {
                run.waits_for = kept.after.len();
            }
            if kept.after.is_empty() {
                self.at(now_us + self.model.gap(self.model.stage_gaps, kept.gap_us), Happens::StageStarts(*stage));
            }
        }
    }

    pub(super) fn stage_starts(&mut self, place: usize, now_us: i64) {
        let Some(stage) = self.stage(place) else { return };
        let (first_us, lag_us) = (stage.first_launch_us, stage.end_lag_us);
        if stage.tasks.is_empty() {
            self.at(now_us + lag_us, Happens::StageEnds(place));
            return;
        }
        let lost = self.data.lost(&stage.parents, &self.executors);
        if lost.is_empty() {
            self.at(now_us + self.model.gap(self.model.first_launch, first_us), Happens::TasksWait(place));
        } else {
            self.remake(place, &lost, now_us);
        }
    }

    /// Runs the map tasks again whose outputs are lost, before the stage that reads them.
    fn remake(&mut self, place: usize, lost: &[(i64, i64)], now_us: i64) {
        let Some((job, key, profile)) = self.stage(place).map(|stage| (stage.job, stage.key, stage.profile)) else {
            return;
        };
        let tasks: Vec<Task> = lost
            .iter()
            .filter_map(|(parent, index)| {
                let of_parent = self.trace.stages.iter().filter(|stage| stage.key.stage == *parent);
                let made = of_parent.flat_map(|stage| &stage.tasks).find(|task| task.index == *index && task.well);
                made.map(|task| Task { turn: Turn::First(None), ..*task })
            })
            .collect();
        let again = self.trace.stages.len() + self.remade.len();
        // Several parents may have lost outputs: the first one's name stands for all, for where they lie does not depend on it.
        let parent = lost.first().map_or(key.stage, |(parent, _)| *parent);
        self.data.remakes(again, lost);
        self.remade.push(Stage {
            key: StageKey { stage: parent, attempt: i64::MAX },
            job,
            parents: Vec::new(),
            after: Vec::new(),
            gap_us: 0,
            first_launch_us: self.trace.driver.first_launch_us,
            end_lag_us: 0,
            partitions: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
            tasks,
            profile,
            near: Near::Anywhere,
            stalls: Vec::new(),
            cached: Vec::new(),
            makes: Vec::new(),
            first_task_factor: None,
        });
        self.stages.push(StageRun { remakes_for: Some(place), ..StageRun::default() });
        self.at(now_us + self.trace.driver.first_launch_us, Happens::TasksWait(again));
    }

    pub(super) fn stage_ends(&mut self, place: usize, now_us: i64) {
        let waiting = self.stages.get(place).and_then(|run| run.remakes_for);
        if let Some(waiting) = waiting {
            self.at(now_us, Happens::StageStarts(waiting));
            return;
        }
        for next in self.following.stages.get(place).cloned().unwrap_or_default() {
            let gap_us = self.trace.stages.get(next).map_or(0, |stage| stage.gap_us);
            let Some(run) = self.stages.get_mut(next) else { continue };
            run.waits_for = run.waits_for.saturating_sub(1);
            if run.waits_for == 0 {
                self.at(now_us + self.model.gap(self.model.stage_gaps, gap_us), Happens::StageStarts(next));
            }
        }
        let Some(job) = self.trace.stages.get(place).map(|stage| stage.job) else { return };
        let Some(run) = self.jobs.get_mut(job) else { return };
        run.stages_left = run.stages_left.saturating_sub(1);
        if run.stages_left == 0 {
            let lag_us = self.trace.jobs.get(job).map_or(0, |job| job.end_lag_us);
            self.at(now_us + self.model.gap(self.model.end_lags, lag_us), Happens::JobEnds(job));
        }
    }

    pub(super) fn job_ends(&mut self, place: usize, now_us: i64) {
        if let Some(run) = self.jobs.get_mut(place) {
            run.ended_us = Some(now_us);
        }
        self.jobs_left = self.jobs_left.saturating_sub(1);
        for next in self.following.jobs_after_end.get(place).cloned().unwrap_or_default() {
            let gap_us = self.trace.jobs.get(next).map_or(0, |job| job.gap_us);
            let Some(run) = self.jobs.get_mut(next) else { continue };
            run.waits_for = run.waits_for.saturating_sub(1);
            if run.waits_for == 0 {
                self.at(now_us + self.model.gap(self.model.job_gaps, gap_us), Happens::JobStarts(next));
            }
        }
    }
}
