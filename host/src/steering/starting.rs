//! The launch plan of an application that started its host itself, as far as it can still be carried out.

use std::collections::BTreeMap;
use std::time::Duration;

use sparkwright_core::confs::ConfWhen;
use sparkwright_core::launch::settable_while_starting;
use sparkwright_core::steering::STORE_ANSWERS_WHILE_STARTING_MS;

use super::setup::{Mode, SteeringSetup};
use crate::engine::Prepared;
use crate::launch::cluster::cluster_facts;
use crate::launch::plan::{PlanError, launch_facts, plan_launch};
use crate::lesson::{Learned, Lessons, job_here, no_lessons, nothing_kept_at_once};
use crate::spark::protocol::{Hello, VERSION};

impl SteeringSetup {
    /// Completes the name of a job that `submit` did not start, by its label or else the application's name.
    pub(super) fn name_job(&mut self, application: &str) {
        let Some(Lessons { store, .. }) = self.lessons.as_ref().filter(|lessons| lessons.job.is_empty()) else {
            return;
        };
        let label = self.labels.get("job").map(String::as_str);
        self.lessons = Lessons::of(job_here(None, label, Some(application), None), store.clone());
    }

    /// Makes the launch plan that `submit` would have made, and gives what the plugin is to set while its driver starts.
    ///
    /// `fault` takes what it had to do without.
    ///
    /// # Errors
    /// There is no plan; the application starts as it would alone.
    pub(super) fn plan_while_starting(
        &mut self,
        hello: &Hello,
        prepared: &Prepared,
        mut fault: impl FnMut(String),
    ) -> Result<BTreeMap<String, String>, PlanError> {
        if self.plan.is_some() || self.mode == Mode::Off || hello.protocol != Some(VERSION) {
            return Ok(BTreeMap::new());
        }
        let cluster = cluster_facts(&hello.master, &hello.spark, hello.python, hello.user_confs(&[]));
        self.name_job(&hello.name);
        let within = Duration::from_millis(STORE_ANSWERS_WHILE_STARTING_MS);
        let learned = self.lessons.as_mut().map_or_else(Learned::default, |lessons| {
            let (learned, read) = lessons.learned(within, &hello.master, &[]);
            if let Err(error) = read {
                fault(no_lessons(&error));
            }
            if let Some(why) = &learned.plans.taken_back {
                fault(nothing_kept_at_once(why));
            }
            learned
        });
        self.learned = learned.plans.plans;
        let plan = plan_launch(prepared, &launch_facts(cluster, None, &self.labels, learned.history))?;
        let mut confs = BTreeMap::new();
        if self.mode == Mode::Act {
            let settable =
                plan.confs.iter().filter(|(key, conf)| conf.when == ConfWhen::Submit && settable_while_starting(key));
            confs.extend(settable.map(|(key, conf)| (key.clone(), conf.value.clone())));
            self.own_confs = confs.keys().cloned().collect();
            let if_lost = plan.executors_if_lost.map(|total| (EXECUTORS_IF_LOST.to_owned(), total.to_string()));
            confs.extend(if_lost);
        }
        self.plan = Some(plan);
        Ok(confs)
    }
}

/// The key by which the plugin knows, before any welcome, how many executors to ask for without a host.
pub(crate) const EXECUTORS_IF_LOST: &str = "spark.sparkwright.executorsIfLost";
