//! How far predictions are off on runs that they were not made from: leave one scale-out out, on real run times from public projects, beside
//! plain Ernest (absolute least squares).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use sparkwright_core::predict::{Predictor, Refusal, Run, Weighting, fit};

/// Jobs of one set, each with its runs.
fn set(text: &str) -> Vec<Vec<Run>> {
    let mut jobs: BTreeMap<u32, Vec<Run>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let run = Run { executors: cells[1].parse().unwrap(), scale: 1.0, run_ms: cells[2].parse().unwrap() };
        jobs.entry(cells[0].parse().unwrap()).or_default().push(run);
    }
    jobs.into_values().collect()
}

/// The median run of each number of executors, as the model is judged by it.
fn medians(runs: &[Run]) -> Vec<Run> {
    let mut by_executors: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for run in runs {
        by_executors.entry(run.executors).or_default().push(run.run_ms);
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        f64::midpoint(times[(times.len() - 1) / 2], times[times.len() / 2])
    };
    by_executors.into_iter().map(|(executors, times)| Run { executors, scale: 1.0, run_ms: median(times) }).collect()
}

/// By how much each scale-out's median is missed by what `model_of` makes of all the others, in per cent: mean and median.
fn left_out(jobs: &[Vec<Run>], model_of: impl Fn(&[Run]) -> Option<Box<dyn Fn(u32) -> f64>>) -> (f64, f64) {
    let mut errors = Vec::new();
    for runs in jobs {
        for truth in medians(runs) {
            let others: Vec<Run> = runs.iter().copied().filter(|run| run.executors != truth.executors).collect();
            if let Some(model) = model_of(&others) {
                errors.push((model(truth.executors) - truth.run_ms).abs() / truth.run_ms * 100.0);
            }
        }
    }
    errors.sort_by(f64::total_cmp);
    (errors.iter().sum::<f64>() / errors.len() as f64, errors[errors.len() / 2])
}

fn relative(runs: &[Run]) -> Option<Box<dyn Fn(u32) -> f64>> {
    let model = fit(&medians(runs), Weighting::Relative, None)?;
    Some(Box::new(move |n| model.run_ms(1.0, n)))
}

fn absolute(runs: &[Run]) -> Option<Box<dyn Fn(u32) -> f64>> {
    let model = fit(&medians(runs), Weighting::Absolute, None)?;
    Some(Box::new(move |n| model.run_ms(1.0, n)))
}

/// What users get: with the hinge where it wins; where nothing is learned, nothing is counted.
fn learned(runs: &[Run]) -> Option<Box<dyn Fn(u32) -> f64>> {
    let predictor = Predictor::learn(runs).ok()?;
    Some(Box::new(move |n| predictor.model().run_ms(1.0, n)))
}

/// Mean errors of plain Ernest and of relative least squares on the Bell rows (`data/runtimes/bell-*.csv`).
#[test]
fn relative_least_squares_beat_ernest_on_every_set() {
    let sets = [
        ("bell grep", include_str!("data/runtimes/bell-grep.csv"), Some((11.0, 6.4))),
        ("bell pagerank", include_str!("data/runtimes/bell-pagerank.csv"), Some((25.2, 13.8))),
        ("bell sgd", include_str!("data/runtimes/bell-sgd.csv"), Some((23.7, 17.3))),
        ("ellis k-means", include_str!("data/runtimes/ellis-kmeans.csv"), None),
        ("ellis logistic regression", include_str!("data/runtimes/ellis-logisticregression.csv"), None),
    ];
    println!("{:28}{:>18}{:>18}{:>18}", "mean (median) error, %", "Ernest", "relative", "learned");
    for (name, text, published) in sets {
        let jobs = set(text);
        let [ernest, ours, learned] = [left_out(&jobs, absolute), left_out(&jobs, relative), left_out(&jobs, learned)];
        let cell = |(mean, median): (f64, f64)| format!("{mean:.1} ({median:.1})");
        println!("{name:28}{:>18}{:>18}{:>18}", cell(ernest), cell(ours), cell(learned));
        assert!(ours.0 < ernest.0 && learned.0 < ernest.0, "{name}");
        if let Some((of_ernest, of_ours)) = published {
            assert!(
                (ernest.0 - of_ernest).abs() < 0.1 && (ours.0 - of_ours).abs() < 0.1,
                "{name}: {ernest:?} {ours:?}"
            );
        }
    }
}

/// A job whose times say nothing is not predicted.
#[test]
fn what_takes_a_moment_whatever_the_executors_is_refused() {
    let jobs = set(include_str!("data/runtimes/ellis-kmeans.csv"));
    let refused =
        jobs.iter().filter(|runs| matches!(Predictor::learn(runs), Err(Refusal::ExplainsNothing { .. }))).count();
    assert!(refused > 0 && refused < jobs.len(), "{refused} of {}", jobs.len());
}
