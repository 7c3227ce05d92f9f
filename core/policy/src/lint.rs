//! What is valid and still probably unintended: values that never have an effect, and settings that are active only in production.
//!
//! A warning says that something its author wrote does nothing. A note says what other environments can't test of production: many teams
//! want it so, and it is worth knowing.

use serde_json::Value as Json;
use sparkwright_core::facts::{History, JobFacts};
use sparkwright_core::history::completed;
use sparkwright_core::policy::{CacheStrategy, ResolvedPolicy};
use sparkwright_core::trace::render_ms;

use crate::diagnostics::{Code, Diagnostic, Severity, quoted};
use crate::parse::PolicyFile;
use crate::resolve::built_in;
use crate::spark_keys::SPARK_RELEASES;
use crate::tidy::tidy;

/// An environment with what it resolves to.
struct Resolved<'f> {
    name: &'f str,
    policy: ResolvedPolicy,
}

impl PolicyFile {
    /// What is probably unintended, in the order of the file. Environments with errors are left out; [`parse`](crate::parse) reports them.
    #[must_use]
    pub fn lint(&self) -> Vec<Diagnostic> {
        let resolved: Vec<Resolved<'_>> = self.sound().map(|(name, policy)| Resolved { name, policy }).collect();
        let mut found: Vec<Diagnostic> =
            resolved.iter().flat_map(|environment| self.without_effect(environment)).collect();
        found.extend(self.spark_keys());
        if let Some(production) = resolved.iter().find(|environment| means(environment.name, &["prod", "live"])) {
            for other in resolved.iter().filter(|environment| environment.name != production.name) {
                found.extend(self.not_exercised(other, production));
            }
        }
        tidy(found)
    }

    /// Target times that no number of executors can meet, by what earlier runs of a job spent in the driver and on the critical path.
    #[must_use]
    pub fn lint_history(&self, history: &History) -> Vec<Diagnostic> {
        const PATH: &str = "autoscaling.target_processing_time_minutes";
        let found: Vec<Diagnostic> = self
            .sound()
            .filter_map(|(name, policy)| {
                let known = completed(&policy, &JobFacts::default(), history);
                let serial_ms = known.driver_ms.unwrap_or(0).saturating_add(known.critical_path_ms.unwrap_or(0));
                let target_ms = policy.autoscaling.target_processing_time_minutes * 60_000.0;
                let message = format!(
                    "the target time in {} can't be met: earlier runs spent {} in the driver and on the critical path, where more executors don't help",
                    quoted(name),
                    render_ms(serial_ms)
                );
                let help = "raise the target time, or shorten the driver's own work and the longest tasks";
                (target_ms < serial_ms as f64)
                    .then(|| self.finding(name, PATH, Severity::Warning, Code::WithoutEffect, message, help))
                    .flatten()
            })
            .collect();
        tidy(found)
    }

    /// A finding at the place where an environment has `path` from; `None` where it is built in and nobody wrote it.
    fn finding(
        &self,
        environment: &str,
        path: &str,
        severity: Severity,
        code: Code,
        message: String,
        help: impl Into<String>,
    ) -> Option<Diagnostic> {
        let setting = self.setting(environment, path)?.1;
        let finding =
            Diagnostic::warning(self.source(), &setting.mark, code, message).at(setting.path.as_str()).help(help);
        Some(Diagnostic { severity, ..finding })
    }

    /// Values that someone wrote and that never have an effect beside the others.
    fn without_effect(&self, environment: &Resolved<'_>) -> Vec<Diagnostic> {
        let Resolved { name, policy } = environment;
        let place = quoted(name);
        let (tables, scaling, cost) = (&policy.temp_tables, &policy.autoscaling, &policy.cost);
        let hours_between = tables.cleanup_interval_minutes / 60.0;
        let checks: [(bool, &str, String, &str); 8] = [
            (
                cost.budget_per_run.is_some() && cost.executor_hour_price.is_none(),
                "cost.budget_per_run",
                format!("`budget_per_run` has no effect in {place}: executors have no price"),
                "set `cost.executor_hour_price` too",
            ),
            (
                tables.cleanup_batch_size > tables.max_total_tables,
                "temp_tables.cleanup_batch_size",
                format!(
                    "`cleanup_batch_size` in {place} is {}, but there are never more than {} tables",
                    tables.cleanup_batch_size, tables.max_total_tables
                ),
                "write at most the value of `temp_tables.max_total_tables`",
            ),
            (
                tables.auto_cleanup && tables.max_table_age_hours < hours_between,
                "temp_tables.max_table_age_hours",
                format!(
                    "tables in {place} expire after {} hours, but clean-up runs only every {hours_between} hours",
                    tables.max_table_age_hours
                ),
                "lower `temp_tables.cleanup_interval_minutes`",
            ),
            (
                !tables.enable_caching
                    && matches!(tables.cache_strategy, CacheStrategy::Always | CacheStrategy::Aggressive),
                "temp_tables.cache_strategy",
                format!(
                    "{} has no effect in {place}: caching is off",
                    quoted(&format!("cache_strategy: {}", tables.cache_strategy.word()))
                ),
                "set `temp_tables.enable_caching: true`",
            ),
            (
                tables.enable_caching
                    && tables.cache_strategy == CacheStrategy::Never
                    && self.wrote(environment, "temp_tables.enable_caching"),
                "temp_tables.enable_caching",
                format!("caching is on in {place}, but `cache_strategy: never` keeps nothing"),
                "set another `temp_tables.cache_strategy`, or `temp_tables.enable_caching: false`",
            ),
            (
                !scaling.enable_autoscaling && self.wrote(environment, "autoscaling.guards.tick_seconds"),
                "autoscaling.guards.tick_seconds",
                format!("`tick_seconds` has no effect in {place}: autoscaling is off"),
                "set `autoscaling.enable_autoscaling: true`",
            ),
            (
                scaling.enable_autoscaling && scaling.min_executors == scaling.max_executors,
                "autoscaling.max_executors",
                format!(
                    "autoscaling has no effect in {place}: `min_executors` and `max_executors` are both {}",
                    scaling.max_executors
                ),
                "set other bounds, or `autoscaling.enable_autoscaling: false`",
            ),
            (
                !tables.enable_temp_tables && self.wrote(environment, "temp_tables.max_total_tables"),
                "temp_tables.max_total_tables",
                format!("`max_total_tables` has no effect in {place}: temp tables are off"),
                "set `temp_tables.enable_temp_tables: true`",
            ),
        ];
        checks
            .into_iter()
            .filter(|(found, ..)| *found)
            .filter_map(|(_, path, message, help)| {
                self.finding(name, path, Severity::Warning, Code::WithoutEffect, message, help)
            })
            .collect()
    }

    /// Keys of Spark that are named and that Spark doesn't have, but nearly: others may be a connector's.
    fn spark_keys(&self) -> Vec<Diagnostic> {
        const PATH: &str = "autoscaling.overwrite_user_confs";
        let [release, _] = SPARK_RELEASES;
        let mut found = Vec::new();
        for setting in self.blocks().filter_map(|block| block.settings.get(PATH)) {
            for name in setting.value.as_array().into_iter().flatten().filter_map(Json::as_str) {
                if release.key(name).is_none()
                    && let Some(meant) = release.meant(name)
                {
                    let (major, minor) = release.release;
                    let message = format!("Spark {major}.{minor} has no key {}", quoted(name));
                    let finding = Diagnostic::warning(self.source(), &setting.mark, Code::UnknownSparkKey, message)
                        .found(quoted(name));
                    found.push(finding.at(setting.path.as_str()).help(format!("did you mean `{meant}`?")));
                }
            }
        }
        found
    }

    /// Whether someone wrote a value other than the built-in one.
    fn wrote(&self, environment: &Resolved<'_>, path: &str) -> bool {
        self.setting(environment.name, path).is_some_and(|(_, setting)| Some(&setting.value) != built_in(path).as_ref())
    }

    /// What production does and another environment never will.
    fn not_exercised(&self, other: &Resolved<'_>, production: &Resolved<'_>) -> Vec<Diagnostic> {
        let (here, there) = (&other.policy, &production.policy);
        let (place, live) = (quoted(other.name), quoted(production.name));
        let mut found = Vec::new();
        let rehearses = means(other.name, &["stag", "test", "qa", "uat", "preprod", "pre-prod"]);
        if !here.temp_tables.enable_caching && there.temp_tables.enable_caching {
            let message = format!(
                "caching is on in {live} but off in {place}: data that doesn't fit in memory shows up first in {live}"
            );
            let help = "before a release, run once with `--set temp_tables.enable_caching=true`";
            found.push(("temp_tables.enable_caching", message, help));
        }
        if rehearses && !here.autoscaling.enable_autoscaling && there.autoscaling.enable_autoscaling {
            let message = format!(
                "autoscaling is on in {live} but off in {place}: the effect of decommissioning executors shows up first in {live}"
            );
            found.push((
                "autoscaling.enable_autoscaling",
                message,
                "set `autoscaling.enable_autoscaling: true` here too, with small bounds",
            ));
        }
        if rehearses && here.autoscaling.max_executors < there.autoscaling.min_executors {
            let message = format!(
                "{place} has at most {} executors and {live} at least {}: no executor count is used in both",
                here.autoscaling.max_executors, there.autoscaling.min_executors
            );
            found.push(("autoscaling.max_executors", message, "let the two ranges overlap"));
        }
        if rehearses && here.pipeline.stage_optimization != there.pipeline.stage_optimization {
            let message = format!("stages are planned in only one of {place} and {live}: the other can't test it");
            found.push((
                "pipeline.stage_optimization",
                message,
                "set `pipeline.stage_optimization` to the same value in both",
            ));
        }
        found
            .into_iter()
            .filter_map(|(path, message, help)| {
                // Where this environment has the built-in value, what production wrote is what differs.
                let at = |name| self.finding(name, path, Severity::Advice, Code::NotExercised, message.clone(), help);
                at(other.name).or_else(|| at(production.name))
            })
            .collect()
    }
}

/// Whether an environment's name is one of a kind, by what teams call them.
fn means(name: &str, beginnings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}
