//! Answers the plugin's question about each query.
//!
//! Spark waits for the answer, so it goes out as soon as the module has decided. The query is remembered after that, for the questions to
//! come, and recorded by a thread of its own: a disk that is slow holds up no question.

use std::io::{BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::decision::Answer as _;
use sparkwright_core::query::{PlanQueryAnswer, PlanQueryInput};
use sparkwright_core::steering::{DRIVER_READS_WITHIN_MS, QUESTION_MODULE_MS, QUESTION_QUEUE_LENGTH};

use super::decider::Decider;
use super::facts;
use super::lock::lock;
use super::queries::Unrecorded;
use super::steered::Steered;
use crate::record::RecordedDecision;
use crate::spark::lines::read_whole;
use crate::spark::protocol::{Answer, Ask};

/// Answers questions until the plugin asks no more.
pub(super) fn answer_all(steered: &Steered, mut reader: BufReader<UnixStream>, mut writer: UnixStream) {
    // What a stopped driver does not take must not hold up what comes after it for good.
    let _ = writer.set_write_timeout(Some(Duration::from_millis(DRIVER_READS_WITHIN_MS)));
    let mut decider = Decider::new(&steered.prepared);
    let mut line = Vec::new();
    thread::scope(|scope| {
        // A disk that takes nothing more holds up the questions in the end, and the plugin goes on without us.
        let (records, to_record) = sync_channel::<(Considered, Unrecorded<'_>)>(QUESTION_QUEUE_LENGTH as usize);
        scope.spawn(move || {
            for (considered, unrecorded) in to_record {
                considered.record(steered);
                drop(unrecorded);
            }
        });
        while matches!(read_whole(&mut reader, &mut line), Ok(true)) {
            let ask = match serde_json::from_slice::<Ask>(&line) {
                Ok(ask) => ask,
                Err(error) => {
                    // Without its number the question can't be answered: the plugin's wait ends by itself.
                    steered.recorder.fault(format!("a question could not be read: {error}"));
                    continue;
                }
            };
            let considered = consider(steered, &mut decider, ask);
            let unrecorded = steered.queries.answers();
            let sent = writer.write_all(&considered.line());
            considered.remember(steered);
            if records.send((considered, unrecorded)).is_err() || sent.is_err() {
                break;
            }
        }
    });
}

/// A question and what was decided of it.
struct Considered {
    /// The question's number.
    number: u64,
    execution: Option<i64>,
    question: PlanQueryInput,
    /// Whether what was decided is carried out: as it was when the answer went out.
    acts: bool,
    /// Why there is no decision, where there is none.
    decided: Result<PlanQueryAnswer, String>,
}

fn consider(steered: &Steered, decider: &mut Decider, ask: Ask) -> Considered {
    steered.counters.question(ask.last_trip_us);
    let (number, execution) = (ask.ask, ask.execution);
    let question = facts::query::question(steered, ask);
    let decided = decider.ask(DecisionPoint::PlanQuery, &question, QUESTION_MODULE_MS);
    Considered { number, execution, question, acts: steered.acts(), decided }
}

impl Considered {
    /// The answer's line; one that is only decided for the record, where nothing is carried out.
    fn line(&self) -> Vec<u8> {
        let answer = self.number;
        let told = match &self.decided {
            Ok(decided) if self.acts => Answer::Decided {
                answer,
                confs: decided.confs.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                cache: decided.cache.clone(),
                uncache: decided.uncache.clone(),
            },
            Ok(_) => Answer::Decided { answer, confs: Default::default(), cache: Vec::new(), uncache: Vec::new() },
            Err(none) => Answer::Undecided { answer, none: none.clone() },
        };
        let mut line = serde_json::to_vec(&told).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Remembers the query for the questions to come.
    fn remember(&self, steered: &Steered) {
        if let Ok(decided) = &self.decided {
            let mut history = lock(&steered.queries.history);
            history.remember(&self.question.nodes, &decided.shares, self.execution, self.question.now_ms);
        }
    }

    /// Records what was decided, or why nothing was.
    fn record(&self, steered: &Steered) {
        match &self.decided {
            Ok(decided) => self.record_decided(steered, decided),
            Err(none) => {
                steered.counters.undecided();
                steered.recorder.fault(format!("no decision for a query, which Spark plans as it would: {none}"));
            }
        }
    }

    fn record_decided(&self, steered: &Steered, decided: &PlanQueryAnswer) {
        let execution = self.execution;
        let mut numbers = Vec::new();
        for made in decided.decisions() {
            let applied = self.acts && made.in_force;
            let recorded = RecordedDecision::of(self.question.now_ms, &made, "query", applied);
            let number = steered.recorder.decision(RecordedDecision { execution, ..recorded });
            match made.hash {
                Some(hash) if applied && decided.cache.iter().any(|choice| choice.hash == hash) => {
                    let subject = made.subject.unwrap_or_default();
                    lock(&steered.outcomes).plan_chosen(hash, number, subject, &made.text(""));
                }
                Some(_) => {}
                None => numbers.push(number),
            }
        }
        if let Some(execution) = execution
            && !numbers.is_empty()
            && !self.question.nodes.is_empty()
        {
            lock(&steered.outcomes).query_decided(execution, numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::BufRead as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::assets::POLICY_MODULE;
    use crate::engine::prepared_by;
    use crate::record::{Recorder, Run};
    use crate::steering::driver::Driver;
    use crate::steering::setup::SteeringSetup;

    const ASK: &str = r#"{"ask":17,"execution":9,"nodes":[
        {"parent":null,"operator":"Aggregate","hash":"a","row_bytes":16},
        {"parent":0,"operator":"LogicalRelation","hash":"b","bytes":1073741824,"row_bytes":100,"format":"parquet"}]}"#;

    fn steered() -> Steered {
        let hello = r#"{"role":"events","protocol":1,"application":"a","master":"spark://somewhere:7077"}"#;
        let launch = Arc::new(SteeringSetup::default());
        let prepared = Arc::new(prepared_by(&launch.policy, POLICY_MODULE, None, None));
        let driver = Driver::new(UnixStream::pair().unwrap().0);
        let recorder = Recorder::begin(Run::default(), None);
        Steered::new(launch, serde_json::from_str(hello).unwrap(), prepared, recorder, driver)
    }

    #[test]
    fn spark_has_its_answers_before_the_record_has_them_and_what_spark_says_then_waits_for_the_record() {
        let steered = steered();
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let joined = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = BufReader::new(ours.try_clone().unwrap());
            scope.spawn(|| answer_all(&steered, reader, ours));
            // Nothing can be recorded of a query while this is held.
            let recording = lock(&steered.outcomes);
            let (mut asking, mut answers) = (&theirs, BufReader::new(&theirs));
            for _ in 0..3 {
                asking.write_all(format!("{}\n", ASK.replace('\n', "")).as_bytes()).unwrap();
                let mut answer = String::new();
                answers.read_line(&mut answer).unwrap();
                assert!(answer.starts_with(r#"{"answer":17,"confs":{"spark.sql."#), "{answer}");
            }
            scope.spawn(|| {
                steered.queries.recorded();
                lock(&steered.outcomes).query_ended(&steered.recorder, 9, None);
                joined.store(true, Ordering::Relaxed);
            });
            thread::sleep(Duration::from_millis(50));
            assert!(!joined.load(Ordering::Relaxed));
            drop(recording);
            theirs.shutdown(std::net::Shutdown::Both).unwrap();
        });
        let outcomes: Vec<Option<String>> =
            steered.recorder.with_run(|run| run.decisions.iter().map(|made| made.outcome.clone()).collect());
        // The three questions were of one execution: its end is the outcome of the last of them.
        assert!(outcomes.len() >= 3, "{outcomes:?}");
        assert_eq!(outcomes.last().unwrap().as_deref(), Some("ran"), "{outcomes:?}");
        let nodes = lock(&steered.queries.history).describe(serde_json::from_str::<Ask>(ASK).unwrap().nodes, |_| None);
        assert!(nodes.iter().all(|node| node.seen == 3), "{nodes:?}");
    }
}
