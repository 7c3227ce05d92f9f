//! A run in prose: `report.txt`, and what `sparkwright explain` prints.

use std::fmt::Write as _;

use sparkwright_core::printable;
use sparkwright_core::trace::render_ms;
use sparkwright_core::units::Bytes;

use crate::work::work_text;
use crate::{RecordedDecision, Run, RunState, review_prose};

/// The report of a run: what it was, what was done, what came of it, what went wrong. Texts of others in it are printable.
#[must_use]
pub fn report(run: &Run) -> String {
    let mut text = String::new();
    let app = &run.application;
    let _ = writeln!(text, "{} ({})", printable::line(&app.id), printable::line(&app.name));
    let _ = writeln!(text, "  Spark {} on {}, driver process {}", app.spark, app.master, app.driver_pid);
    let file = if run.policy.file.is_empty() { "the embedded default policy" } else { run.policy.file.as_str() };
    let _ = writeln!(text, "  policy {file}, environment {}, mode {}", run.policy.environment, run.mode);
    let _ = writeln!(text, "  policy sha256 {}", run.policy.sha256);
    let _ = writeln!(text, "  module sha256 {}", run.module.sha256);
    if let Some(job) = run.recorded_job() {
        let name = printable::line(&job.name);
        let planned = match job.earlier_runs {
            None => String::new(),
            Some(0) => ": no earlier run is known".to_owned(),
            Some(1) => ": planned by 1 earlier run".to_owned(),
            Some(runs) => format!(": planned by {runs} earlier runs"),
        };
        let _ = writeln!(text, "  job {name} (by {}){planned}", job.from);
    }
    let state = match run.state {
        RunState::Running => "running",
        RunState::Ended => "ended",
        RunState::HostLost => "the host was lost; the application went on by itself",
    };
    let _ = writeln!(text, "  {state} after {}", render_ms(run.took_ms()));

    let totals = run.totals;
    let _ = write!(
        text,
        "\n{} tasks ({} failed), {} of task time",
        totals.tasks,
        totals.failed_tasks,
        render_ms(totals.task_ms)
    );
    text.push_str(&steering_text(run));
    if !run.faults.is_empty() {
        let _ = writeln!(text, "\nWhat went wrong");
        for fault in &run.faults {
            let times = if fault.times > 1 { format!(" ({} times)", fault.times) } else { String::new() };
            let _ = writeln!(text, "  {}  {}{times}", at(run, fault.at_ms), fault.what);
        }
    }
    text.push_str(&work_text(run));
    if !run.executors.is_empty() {
        let _ = writeln!(text, "\nExecutors");
        for event in &run.executors {
            let who = if event.executor.is_empty() { String::new() } else { format!(" {}", event.executor) };
            let why = if event.reason.is_empty() { String::new() } else { format!(": {}", event.reason) };
            let _ = writeln!(text, "  {}  {}{who} -> {}{why}", at(run, event.at_ms), event.change, event.count);
        }
    }
    if !run.cached_plans.is_empty() {
        let _ = writeln!(text, "\nPlans cached automatically");
        for plan in &run.cached_plans {
            let _ = writeln!(
                text,
                "  {}  {} at {}: {} in memory, {} on disk, read by {} later queries{}",
                at(run, plan.cached_ms),
                plan.subject,
                plan.level,
                Bytes(plan.memory_bytes),
                Bytes(plan.disk_bytes),
                plan.uses,
                plan.dropped_ms.map_or_else(String::new, |ms| format!("; released at {}: {}", at(run, ms), plan.why)),
            );
        }
    }
    if let Some(review) = &run.review {
        let prose = match review.found() {
            Some(found) => found.text(&review.answer, &review.currency),
            None => review_prose(&review.answer, &review.currency),
        };
        let _ = writeln!(text, "\nReview\n{}", prose.trim_end());
    }
    let _ = writeln!(text, "\nDecisions: {} kept{}", run.decisions.len(), left_out(run));
    for decision in &run.decisions {
        let _ = writeln!(text, "  {}", headline(run, decision));
    }
    printable::text(&text).into_owned()
}

/// What steering did and took; a run that was not steered had none.
fn steering_text(run: &Run) -> String {
    if run.mode == "off" {
        return "; not steered\n".to_owned();
    }
    let totals = run.totals;
    let mut text = format!(
        "; {} queries planned, {} without a decision; {} controller ticks\n",
        totals.questions, totals.undecided, totals.ticks
    );
    if let Some(trips) = totals.round_trips {
        let ms = |us: u64| format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10);
        let (p50, p99, longest) = (ms(trips.p50_us), ms(trips.p99_us), ms(trips.longest_us));
        let _ = writeln!(text, "decision latency {p50} (median), {p99} (p99), {longest} (longest)");
    }
    let _ = writeln!(
        text,
        "overhead: {} added to query planning in all; {} of CPU time in the driver, {} in the host",
        render_ms(totals.held_up_ms),
        render_ms(totals.plugin_cpu_ms),
        render_ms(totals.host_cpu_ms),
    );
    text
}

/// Every decision of a run with its trace and what came of it.
#[must_use]
pub fn explain(run: &Run) -> String {
    let mut text = report(run);
    let _ = writeln!(text, "\nWhy");
    for decision in &run.decisions {
        let _ = writeln!(text, "\n{}", headline(run, decision));
        text.push_str(&decision.trace.render("    "));
        for held in &decision.held {
            let _ = writeln!(text, "      held back by {}, else {}: {}", held.guard, held.wanted, held.because);
        }
    }
    printable::text(&text).into_owned()
}

fn left_out(run: &Run) -> String {
    if run.decisions_left_out > 0 {
        format!(", {} more made and not kept", run.decisions_left_out)
    } else {
        String::new()
    }
}

fn headline(run: &Run, decision: &RecordedDecision) -> String {
    let about = match decision.execution {
        Some(execution) => format!(" of query {execution}"),
        None => String::new(),
    };
    let state = if decision.applied { "" } else { " (not applied)" };
    let sets: Vec<String> = decision.sets.iter().map(|set| format!("{}={}", set.key, set.value)).collect();
    let sets = if decision.applied && !sets.is_empty() { format!("  {}", sets.join(" ")) } else { String::new() };
    let outcome = decision.outcome.as_ref().map_or_else(String::new, |outcome| format!(" -> {outcome}"));
    format!(
        "{:>4}  {}  {}{about}: {} = {}{state}  [{:?}: {}]{sets}{outcome}",
        decision.number,
        at(run, decision.at_ms),
        decision.subject,
        decision.title(),
        decision.rendered_value(),
        decision.grade,
        decision.grade.meaning(),
    )
}

fn at(run: &Run, ms: u64) -> String {
    let since = ms.saturating_sub(run.started_ms);
    format!("{:>6}.{:01} s", since / 1_000, since % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use sparkwright_core::decision::Answer;
    use sparkwright_core::launch::{PlanLaunchInput, plan_launch};
    use sparkwright_core::policy::ResolvedPolicy;
    use sparkwright_core::stage::{PlanStageInput, plan_stage};

    use super::*;

    /// A run with every decision of an answer.
    fn run_with(answer: &impl Answer) -> Run {
        let mut run = Run::default();
        for (number, made) in (1..).zip(answer.decisions()) {
            let recorded = RecordedDecision::of(0, &made, "launch", made.in_force);
            run.decisions.push(RecordedDecision { number, ..recorded });
        }
        run
    }

    fn shows_all(answer: &impl Answer) {
        let (short, whole) = (report(&run_with(answer)), explain(&run_with(answer)));
        for made in answer.decisions() {
            let line = format!("{} = {}", made.title, made.value.render(made.unit));
            assert!(short.contains(&line) && whole.contains(&line), "{line} in {short}");
            assert!(whole.contains(&*made.trace.formula), "{} in {whole}", made.trace.formula);
            for set in &made.sets {
                assert!(short.contains(&format!("{}={}", set.key, set.value)), "{set:?} in {short}");
            }
        }
    }

    #[test]
    fn every_decision_is_told_with_what_it_set() {
        let mut launch = PlanLaunchInput::default();
        launch.job.input_bytes = Some(Bytes::gib(100));
        let plan = plan_launch(&ResolvedPolicy::default(), &launch).unwrap();
        assert!(plan.decisions().len() >= 12);
        shows_all(&plan);
        let stage = PlanStageInput { job: launch.job, ..PlanStageInput::default() };
        shows_all(&plan_stage(&ResolvedPolicy::default(), &stage).unwrap());
    }
}
