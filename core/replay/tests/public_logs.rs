//! Logs of public projects (`../shared/data` beside the checkout; skipped, and said, where it is absent): how far a replay at the recorded size is
//! from what was, and what an expert says of other sizes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use sparkwright_replay::curve::{Curve, curve};
use sparkwright_replay::measure::InJobTime;
use sparkwright_replay::simulation::{Model, replay};
use sparkwright_replay::trace::NoTrace;
use support::public::{USABLE, logs, trace};

#[test]
fn at_the_recorded_size_a_replay_takes_as_long_as_the_run() {
    let Some(folder) = logs() else { return };
    let mut errors: Vec<(f64, &str)> = Vec::new();
    for name in USABLE {
        let trace = trace(&folder, name).unwrap();
        errors.push((InJobTime::of(&trace, &replay(&trace, &Model::FULL)).error().abs(), name));
    }
    for (error, name) in &errors {
        eprintln!("{:6.2} %  {name}", error * 100.0);
    }
    errors.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (median, most) = (errors[errors.len() / 2].0, errors.last().unwrap());
    let mean = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
    assert!(median <= 0.01 && mean <= 0.02 && most.0 <= 0.08, "median {median}, mean {mean}, most {most:?}");
}

/// Without its parts the model is far off: what each is for.
#[test]
fn each_part_of_the_model_is_needed() {
    let Some(folder) = logs() else { return };
    let mean = |model: Model| {
        let error = |name: &&str| {
            let trace = trace(&folder, name).unwrap();
            InJobTime::of(&trace, &replay(&trace, &model)).error().abs()
        };
        USABLE.iter().map(error).sum::<f64>() / USABLE.len() as f64
    };
    let full = mean(Model::FULL);
    let without = [
        ("gaps of stages", Model { stage_gaps: false, ..Model::FULL }),
        ("ends", Model { end_lags: false, ..Model::FULL }),
        ("first launches", Model { first_launch: false, ..Model::FULL }),
        ("everything but tasks", Model::TASKS_ALONE),
    ];
    for (name, model) in without {
        let error = mean(model);
        eprintln!("without {name}: {:.2} % instead of {:.2} %", error * 100.0, full * 100.0);
        assert!(error > 1.1 * full, "without {name}: {error} instead of {full}");
    }
}

#[test]
fn what_can_not_be_replayed_says_why() {
    let Some(folder) = logs() else { return };
    assert_eq!(trace(&folder, "spark/local-1430917381535_1").err(), Some(NoTrace::NoJob));
    assert_eq!(trace(&folder, "spark/local-1422981759269").err(), Some(NoTrace::NoTask));
    let clocks = trace(&folder, "sparkscope/app-20231025121456-0004-eventLog-finished").unwrap_err();
    assert!(matches!(clocks, NoTrace::Clocks { stage: 0, .. }), "{clocks}");
}

fn seconds(curve: &Curve, executors: u32) -> f64 {
    curve.points.iter().find(|point| point.executors == executors).unwrap().time_us as f64 / 1e6
}

/// `expert.md` beside the logs.
#[test]
fn other_sizes_as_an_expert_says() {
    let Some(folder) = logs() else { return };
    let at = |name: &str, executors: &[u32]| curve(&trace(&folder, name).unwrap(), executors);
    // Two jobs of eight tasks of a minute on four slots, one after the other: two minutes less on eight.
    let emr = at("emr-advisor/job_spark_shell", &[1, 2]);
    assert!((seconds(&emr, 1) - seconds(&emr, 2) - 120.0).abs() < 2.0, "{emr:?}");
    // 67 tasks of 54 s on 16 slots: about two and a half minutes less on 64.
    let sub_executions = at("rapids/db_subExecution_id.zstd", &[2, 8]);
    assert!((seconds(&sub_executions, 2) - seconds(&sub_executions, 8) - 150.0).abs() < 15.0, "{sub_executions:?}");
    // Four of thirty splits hold all rows: more than ten executors are no help.
    let splits = at("rapids/attempt_1_eventlog.zstd", &[10, 20]);
    assert!((seconds(&splits, 10) - seconds(&splits, 20)).abs() < 0.5, "{splits:?}");
    // A third of it is start-up, a tenth of the slots is used: half of them do.
    let start_up = at("rapids/nds_q66_gpu.zstd", &[4, 8]);
    assert!(seconds(&start_up, 4) < 1.08 * seconds(&start_up, 8), "{start_up:?}");
    // Local, and busy all the time: more cores help.
    let local = at("rapids/db_sim_eventlog", &[1, 2]);
    assert!(seconds(&local, 2) < 0.65 * seconds(&local, 1), "{local:?}");
    // What it cached may not fit on one executor.
    assert_eq!(at("rapids/db_subExecution_id.zstd", &[1]).refused.len(), 1);
}
