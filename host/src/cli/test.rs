//! `sparkwright test`: the tests that a policy file holds, asked of the policy module.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use serde_json::Value as Json;
use sparkwright_core::printable;
use sparkwright_core::steering::LAUNCH_MODULE_MS;
use sparkwright_core::trace::Trace;
use sparkwright_policy::{Mismatch, Override, PolicyFile, PolicyTest, mismatches};

use super::policy_options::prepared;
use super::terminal::{BAD, GOOD, Stream, Text, counted, print_json, print_text};
use super::{Exit, Failure};
use crate::engine::Budget;
use crate::file_error::FileError;
use crate::launch::policy_source::{self, PolicyError};

/// Runs the tests of a policy file: facts in, expected decisions out. Starts no Spark.
#[derive(Debug, Args)]
#[command(after_help = "\
A test in a policy file:
  tests:
    - name: ten gigabytes stay small
      environment: production
      facts: {job: {input_bytes: 10GB, processing: etl}}
      expect: {executors: 4, shuffle_partitions: {at_most: 200}}

Exit codes: 0 all tests pass, 1 a test fails, 2 the file can't be used or has no tests.")]
pub struct Test {
    /// Policy file; the built-in default policy if not given.
    file: Option<PathBuf>,
    /// Run only tests whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the results as JUnit XML too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the results as a JSON array.
    #[arg(long)]
    json: bool,
    /// Policy module to use instead of the built-in one.
    #[arg(long, value_name = "FILE.wasm", hide_short_help = true)]
    module: Option<PathBuf>,
}

/// What came of a test.
#[derive(Debug, Serialize)]
struct Outcome {
    name: String,
    line: usize,
    passed: bool,
    took_us: u64,
    mismatches: Vec<Line>,
}

/// A place where the answer is not as expected.
#[derive(Debug, Serialize)]
struct Line {
    path: String,
    expected: String,
    found: String,
    /// The account of what was found, where it is a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Trace>,
}

impl Test {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let (file, diagnostics) = policy_source::read(self.file.as_deref())?;
        let wrong: Vec<_> = diagnostics.into_iter().filter(sparkwright_policy::Diagnostic::is_error).collect();
        if !wrong.is_empty() {
            return Err(PolicyError::Wrong { diagnostics: wrong }.into());
        }
        let wanted = |test: &&PolicyTest| self.filter.as_ref().is_none_or(|text| test.name.contains(text));
        let tests: Vec<&PolicyTest> = file.tests().iter().filter(wanted).collect();
        if tests.is_empty() {
            let failure = Failure::new(match &self.filter {
                Some(filter) if !file.tests().is_empty() => {
                    format!("no test of `{}` has `{filter}` in its name", file.name())
                }
                _ => format!("`{}` has no tests", file.name()),
            });
            return Err(failure.help("write tests below `tests:`; `sparkwright test --help` shows one"));
        }
        let outcomes: Vec<Outcome> = tests.iter().map(|test| self.ask(&file, test)).collect::<Result<_, _>>()?;
        if let Some(path) = &self.junit {
            fs::write(path, junit(file.name(), &outcomes)?).map_err(FileError::of("write the results to", path))?;
        }
        if self.json {
            print_json(&outcomes)?;
        } else {
            let mut text = Text::of(Stream::Out);
            tell(&mut text, file.name(), &outcomes);
            print_text(&text);
        }
        Ok(if outcomes.iter().all(|outcome| outcome.passed) { Exit::Fine } else { Exit::Findings })
    }

    fn ask(&self, file: &PolicyFile, test: &PolicyTest) -> Result<Outcome, Failure> {
        let changes: Vec<Override> = test.change.iter().cloned().collect();
        let policy = file
            .resolve(test.environment.as_deref(), &changes)
            .map_err(|diagnostics| PolicyError::Wrong { diagnostics })?;
        let prepared = prepared(&policy, self.module.as_deref(), file.module_sha256())??;
        let question = serde_json::to_vec(&test.facts)?;
        let start = Instant::now();
        let (answer, _) = prepared.session()?.eval(test.point, &question, Budget::millis(LAUNCH_MODULE_MS))?;
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let envelope: Json = serde_json::from_slice(&answer)?;
        let mismatches: Vec<Line> =
            mismatches(&test.expect, &envelope).into_iter().map(|mismatch| line(mismatch, &envelope)).collect();
        Ok(Outcome { name: test.name.clone(), line: test.line, passed: mismatches.is_empty(), took_us, mismatches })
    }
}

/// A mismatch with the account of the decision that it is about.
fn line(mismatch: Mismatch, envelope: &Json) -> Line {
    let Mismatch { path, expected, found } = mismatch;
    let decision = path.split(['.', '[']).next().unwrap_or_default();
    let trace = envelope.get("ok").and_then(|answer| answer.get(decision)?.get("trace"));
    let why = trace.and_then(|trace| serde_json::from_value(trace.clone()).ok());
    Line { path, expected, found, why }
}

/// The results as people read them: a line a test, and below a failed one what was expected, what was found and why.
fn tell(text: &mut Text, file: &str, outcomes: &[Outcome]) {
    for outcome in outcomes {
        if outcome.passed {
            text.styled(GOOD, "ok    ");
        } else {
            text.styled(BAD.bold(), "FAILED");
        }
        text.plain(&format!(" {}\n", printable::line(&outcome.name)));
        for line in &outcome.mismatches {
            let path = if line.path.is_empty() { "answer" } else { &line.path };
            text.plain(&format!("         {path}: "));
            text.styled(GOOD, "- expected");
            text.plain(&format!(" {}\n         {:width$}  ", line.expected, "", width = path.len()));
            text.styled(BAD, "+ found   ");
            text.plain(&format!(" {}\n", line.found));
            if let Some(why) = &line.why {
                text.plain(&why.render("             "));
            }
        }
        if !outcome.passed {
            text.plain(&format!("         {file}:{}\n", outcome.line));
        }
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    let tests = counted(outcomes.len(), "test");
    text.plain(&match failed {
        0 => format!("{file}: {tests}, all pass\n"),
        failed => format!("{file}: {failed} of {tests} failed\n"),
    });
}

fn junit(file: &str, outcomes: &[Outcome]) -> Result<String, Failure> {
    let mut suite = TestSuite::new(file);
    for outcome in outcomes {
        let status = if outcome.passed {
            TestCaseStatus::success()
        } else {
            let lines: Vec<String> = outcome
                .mismatches
                .iter()
                .map(|line| format!("{}: expected {}, found {}", line.path, line.expected, line.found))
                .collect();
            let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failed.set_message(lines.join("; ")).set_description(format!(
                "{file}:{}\n{}",
                outcome.line,
                lines.join("\n")
            ));
            failed
        };
        let mut case = TestCase::new(outcome.name.clone(), status);
        case.set_classname(file).set_time(Duration::from_micros(outcome.took_us));
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("sparkwright test");
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Failure::own_fault(format!("the results can't be written as JUnit XML: {error}")))
}
