//! What the tasks of a run were for, in prose: queries, and jobs outside of them, those with the most task time first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sparkwright_core::printable;
use sparkwright_core::trace::render_ms;

use crate::{Run, Work, WorkLeftOut};

/// Of so many lines of a program each is told.
const TOLD: usize = 12;

/// Queries or jobs that one line of the program began.
#[derive(Default)]
struct Line {
    count: u64,
    first_ms: u64,
    took_ms: u64,
    tasks: u64,
    task_ms: u64,
    failed: u64,
}

impl Line {
    fn add(&mut self, work: &Work) {
        if self.count == 0 {
            self.first_ms = work.started_ms;
        }
        self.count += 1;
        let took_ms = work.ended_ms.map_or(0, |ended_ms| ended_ms.saturating_sub(work.started_ms));
        self.took_ms = self.took_ms.saturating_add(took_ms);
        self.tasks += work.tasks;
        self.task_ms = self.task_ms.saturating_add(work.task_ms);
        self.failed += u64::from(work.failed);
    }
}

/// The section of a report; empty for a run without any.
pub(crate) fn work_text(run: &Run) -> String {
    if run.work.is_empty() {
        return String::new();
    }
    let mut lines: BTreeMap<(bool, &str), Line> = BTreeMap::new();
    for work in &run.work {
        lines.entry((work.query.is_some(), work.what.as_str())).or_default().add(work);
    }
    let mut lines: Vec<((bool, &str), Line)> = lines.into_iter().collect();
    lines.sort_by_key(|(_, line)| std::cmp::Reverse((line.task_ms, line.took_ms)));
    let tasks = |of_queries: bool| {
        let of = run.work.iter().filter(|work| work.query.is_some() == of_queries);
        of.map(|work| work.tasks).sum::<u64>()
    };
    let WorkLeftOut { count, tasks: left_out, task_ms } = run.work_left_out;
    let mut text = format!("\nTasks: {} of queries, {} of jobs outside of queries", tasks(true), tasks(false));
    if count > 0 {
        let _ = write!(text, ", {left_out} ({}) of {count} more of either", render_ms(task_ms));
    }
    text.push('\n');
    for ((query, what), line) in lines.iter().take(TOLD) {
        let kind = match (query, line.count) {
            (true, 1) => "query".to_owned(),
            (true, count) => format!("{count} queries"),
            (false, 1) => "job".to_owned(),
            (false, count) => format!("{count} jobs"),
        };
        let what = if what.is_empty() { "without a place in the program".into() } else { printable::line(what) };
        let since = line.first_ms.saturating_sub(run.started_ms);
        let failed = if line.failed > 0 { format!(", {} failed", line.failed) } else { String::new() };
        let _ = writeln!(
            text,
            "  {:>6}.{:01} s  {kind}: {what}: {}; {} tasks, {} of task time{failed}",
            since / 1_000,
            since % 1_000 / 100,
            render_ms(line.took_ms),
            line.tasks,
            render_ms(line.task_ms),
        );
    }
    let rest = lines.get(TOLD..).unwrap_or_default();
    if !rest.is_empty() {
        let (tasks, task_ms) = rest.iter().fold((0, 0), |sum, (_, line)| (sum.0 + line.tasks, sum.1 + line.task_ms));
        let _ =
            writeln!(text, "  and of {} more lines: {tasks} tasks, {} of task time", rest.len(), render_ms(task_ms));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_program_are_told_by_their_task_time() {
        let work = |query: Option<i64>, what: &str, tasks, task_ms| Work {
            query,
            job: query.is_none().then_some(3),
            what: what.to_owned(),
            started_ms: 2_500,
            ended_ms: Some(4_500),
            tasks,
            task_ms,
            failed: false,
        };
        let run = Run {
            started_ms: 1_000,
            work: vec![
                work(Some(1), "count at a.py:1", 8, 4_000),
                work(None, "treeAggregate at b.py:2", 5, 3_000),
                work(None, "treeAggregate at b.py:2", 5, 3_000),
            ],
            ..Run::default()
        };
        let text = work_text(&run);
        let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "Tasks: 8 of queries, 10 of jobs outside of queries",
                "1.5 s  2 jobs: treeAggregate at b.py:2: 4.0 s; 10 tasks, 6.0 s of task time",
                "1.5 s  query: count at a.py:1: 2.0 s; 8 tasks, 4.0 s of task time",
            ]
        );
    }
}
