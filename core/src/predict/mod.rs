//! How long a job will run, from how long it ran: grade B where it may be trusted, nothing where it may not.
//!
//! `t(s, n) = a + b * s / n + c * ln n + d * n` with the scale `s` of the input and `n` executors, no coefficient below zero. Source: Venkataraman et
//! al., Ernest (NSDI 2016). Unlike there, each run is divided by its own time before fitting, so that short runs count as much as long ones
//! (about a third less error, see `core/tests/prediction.rs`), runs of one setting are taken by their median, and where the data may stop fitting in memory,
//! `e * max(0, h * s / n - 1)` joins, if that predicts runs that were left out clearly better.

mod least_squares;

use alloc::vec::Vec;

pub use least_squares::non_negative;

/// Settings, each an input scale with a number of executors, under which nothing is predicted.
pub const LEAST_SETTINGS: usize = 3;
/// How far beyond the settings that were seen a prediction goes, as a factor.
pub const REACH: f64 = 2.0;
/// A prediction's interval is never narrower than this share on either side.
pub const LEAST_INTERVAL: f64 = 0.05;
/// Above this mean error on runs that were left out, a model explains nothing.
pub const MOST_ERROR: f64 = 0.5;
/// Settings from which on a hinge is tried: with fewer it would fit anything.
const LEAST_SETTINGS_FOR_HINGE: usize = 6;
/// As many places for a hinge are tried, evenly among the settings.
const MOST_HINGES: usize = 12;
/// A hinge has to lower the error on runs that were left out to this share of it.
const HINGE_WINS_BELOW: f64 = 0.8;

/// One earlier run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Its executors (or cores, or machines: whatever is counted throughout).
    pub executors: u32,
    /// The size of its input, in any unit that is the same throughout; 1 where all runs had the same.
    pub scale: f64,
    /// Its wall time.
    pub run_ms: f64,
}

/// How runs of different length count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// By the milliseconds that the model is off, as Ernest has it.
    Absolute,
    /// By the share of the run time that the model is off.
    Relative,
}

/// A fitted model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Of 1, `s / n`, `ln n`, `n` and the hinge.
    pub coefficients: [f64; 5],
    /// The scale that one executor holds in memory, as its inverse: `h` of the hinge.
    pub hinge: Option<f64>,
}

impl Model {
    /// The run time of this setting, in milliseconds.
    #[must_use]
    pub fn run_ms(&self, scale: f64, executors: u32) -> f64 {
        features(scale, executors, self.hinge).iter().zip(&self.coefficients).map(|(x, c)| x * c).sum()
    }
}

fn features(scale: f64, executors: u32, hinge: Option<f64>) -> [f64; 5] {
    let n = f64::from(executors.max(1));
    [1.0, scale / n, libm::log(n), n, hinge.map_or(0.0, |hinge| libm::fmax(0.0, hinge * scale / n - 1.0))]
}

/// Fits a model to these runs as they are, with a hinge there if one is given; `None` where a number is not finite or not above zero.
#[must_use]
pub fn fit(runs: &[Run], weighting: Weighting, hinge: Option<f64>) -> Option<Model> {
    if runs.iter().any(|run| !usable(run)) {
        return None;
    }
    let (rows, targets): (Vec<[f64; 5]>, Vec<f64>) = runs
        .iter()
        .map(|run| {
            let row = features(run.scale, run.executors, hinge);
            match weighting {
                Weighting::Absolute => (row, run.run_ms),
                Weighting::Relative => (row.map(|x| x / run.run_ms), 1.0),
            }
        })
        .unzip();
    Some(Model { coefficients: non_negative(&rows, &targets)?, hinge })
}

fn usable(run: &Run) -> bool {
    run.executors > 0 && run.run_ms.is_finite() && run.run_ms > 0.0 && run.scale.is_finite() && run.scale > 0.0
}

/// A run time with what it may be off by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The run time, in milliseconds.
    pub run_ms: f64,
    /// Nine of ten runs that were left out took longer than this would say of them.
    pub low_ms: f64,
    /// And shorter than this.
    pub high_ms: f64,
}

/// Why nothing is predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refusal {
    /// Runs in so few different settings say nothing of others.
    TooFewSettings {
        /// How many there are.
        settings: usize,
    },
    /// Too far from what was seen.
    OutOfReach {
        /// The fewest executors that could be asked about at this scale.
        least_executors: u32,
        /// The most.
        most_executors: u32,
        /// The smallest scale.
        least_scale: f64,
        /// The largest.
        most_scale: f64,
    },
    /// The model is off by this share, on average, on runs that were left out.
    ExplainsNothing {
        /// That share.
        error: f64,
    },
}

/// A model that was tried on what it was not fitted to.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictor {
    model: Model,
    /// By how much it was off on each run left out, as shares of its time, smallest first.
    errors: Vec<f64>,
    executors: (u32, u32),
    scale: (f64, f64),
}

impl Predictor {
    /// Learns from runs; those with a number that can't be are left out.
    ///
    /// # Errors
    /// Too few settings, or nothing in them that the model explains.
    pub fn learn(runs: &[Run]) -> Result<Self, Refusal> {
        let settings = medians(runs);
        let mut counts: Vec<u32> = settings.iter().map(|run| run.executors).collect();
        counts.sort_unstable();
        counts.dedup();
        let too_few = Refusal::TooFewSettings { settings: settings.len() };
        if settings.len() < LEAST_SETTINGS {
            return Err(too_few);
        }
        let plain = errors_left_out(&settings, None).ok_or(too_few)?;
        let (hinge, mut errors) =
            best_hinge(&settings, &plain).map_or((None, plain), |(hinge, errors)| (Some(hinge), errors));
        let error = mean(&errors);
        if error > MOST_ERROR {
            return Err(Refusal::ExplainsNothing { error });
        }
        errors.sort_unstable_by(f64::total_cmp);
        let model = fit(&settings, Weighting::Relative, hinge).ok_or(too_few)?;
        let ends = |of: fn(&Run) -> f64| {
            settings.iter().map(of).fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), x| (low.min(x), high.max(x)))
        };
        let executors = (counts.first().copied().unwrap_or(1), counts.last().copied().unwrap_or(1));
        Ok(Self { model, errors, executors, scale: ends(|run| run.scale) })
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// By how much the model was off on runs that were left out, on average, as a share.
    #[must_use]
    pub fn mean_error(&self) -> f64 {
        mean(&self.errors)
    }

    /// How many settings it was learned from.
    #[must_use]
    pub const fn settings(&self) -> usize {
        self.errors.len()
    }

    /// The fewest and the most executors that it says something of.
    #[must_use]
    pub fn executors_in_reach(&self) -> (u32, u32) {
        // A cast from float to integer saturates.
        ((f64::from(self.executors.0) / REACH).max(1.0) as u32, (f64::from(self.executors.1) * REACH) as u32)
    }

    /// What is said to whoever asks for a setting too far from those that were seen.
    #[must_use]
    pub fn out_of_reach(&self) -> Refusal {
        let (least_executors, most_executors) = self.executors_in_reach();
        let (least_scale, most_scale) = (self.scale.0 / REACH, self.scale.1 * REACH);
        Refusal::OutOfReach { least_executors, most_executors, least_scale, most_scale }
    }

    /// The run time of a setting.
    ///
    /// # Errors
    /// The setting is too far from those that were seen.
    pub fn predict(&self, scale: f64, executors: u32) -> Result<Prediction, Refusal> {
        let (least, most) = self.executors_in_reach();
        let near = (self.scale.0 / REACH..=self.scale.1 * REACH).contains(&scale);
        if !near || !(least..=most).contains(&executors) {
            return Err(self.out_of_reach());
        }
        let run_ms = self.model.run_ms(scale, executors);
        let ninth = (self.errors.len() * 9).div_ceil(10).saturating_sub(1);
        let off = self.errors.get(ninth).copied().unwrap_or(MOST_ERROR).max(LEAST_INTERVAL);
        Ok(Prediction { run_ms, low_ms: run_ms / (1.0 + off), high_ms: run_ms * (1.0 + off) })
    }
}

/// The median run of each setting, in order of executors and scale.
fn medians(runs: &[Run]) -> Vec<Run> {
    let mut sorted: Vec<Run> = runs.iter().copied().filter(usable).collect();
    sorted.sort_by(|a, b| {
        a.executors.cmp(&b.executors).then(a.scale.total_cmp(&b.scale)).then(a.run_ms.total_cmp(&b.run_ms))
    });
    sorted
        .chunk_by(|a, b| a.executors == b.executors && a.scale.total_cmp(&b.scale).is_eq())
        .filter_map(|same| {
            let (lower, upper) = (same.get((same.len() - 1) / 2)?, same.get(same.len() / 2)?);
            Some(Run { run_ms: lower.run_ms.midpoint(upper.run_ms), ..*lower })
        })
        .collect()
}

/// By how much a model fitted without them is off on the settings of each number of executors, as shares. `None` where that leaves
/// nothing to fit.
fn errors_left_out(settings: &[Run], hinge: Option<f64>) -> Option<Vec<f64>> {
    let mut errors = Vec::with_capacity(settings.len());
    for group in settings.chunk_by(|a, b| a.executors == b.executors) {
        let left_out = group.first()?.executors;
        let others: Vec<Run> = settings.iter().copied().filter(|run| run.executors != left_out).collect();
        let model = fit(&others, Weighting::Relative, hinge)?;
        errors.extend(
            group.iter().map(|run| libm::fabs(model.run_ms(run.scale, run.executors) - run.run_ms) / run.run_ms),
        );
    }
    Some(errors)
}

/// The hinge that predicts runs left out best, if that is clearly better than `plain`, with its errors.
fn best_hinge(settings: &[Run], plain: &[f64]) -> Option<(f64, Vec<f64>)> {
    if settings.len() < LEAST_SETTINGS_FOR_HINGE {
        return None;
    }
    let mut bends: Vec<f64> = settings.iter().map(|run| f64::from(run.executors) / run.scale).collect();
    bends.sort_unstable_by(f64::total_cmp);
    bends.dedup();
    let inner = bends.get(1..bends.len().saturating_sub(1)).unwrap_or_default();
    inner
        .iter()
        .step_by(inner.len().div_ceil(MOST_HINGES).max(1))
        .filter_map(|bend| Some((*bend, errors_left_out(settings, Some(*bend))?)))
        .min_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)))
        .filter(|(_, errors)| mean(errors) < mean(plain) * HINGE_WINS_BELOW)
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ernest's own data: `ernest-rcv1-parsed.csv` of amplab/ernest (Apache-2.0).
    const RCV1: [(u32, f64, f64); 7] = [
        (32, 0.125, 7.94516801834),
        (4, 0.015625, 4.72029209137),
        (4, 0.021382, 4.87661099434),
        (12, 0.050164, 6.71376490593),
        (12, 0.055921, 6.71519398689),
        (12, 0.061678, 6.6739718914),
        (16, 0.061678, 6.83566999435),
    ];

    fn rcv1() -> Vec<Run> {
        RCV1.map(|(executors, scale, run_ms)| Run { executors, scale, run_ms }).to_vec()
    }

    #[test]
    fn ernest_as_published() {
        let model = fit(&rcv1(), Weighting::Absolute, None).unwrap();
        for (found, published) in model.coefficients.iter().zip([1.90012687, 162.19821226, 1.58832362, 0.0, 0.0]) {
            assert!((found - published).abs() < 1e-7, "{:?}", model.coefficients);
        }
        for (machines, published) in [
            (4, 44.6515640166),
            (8, 25.4777295249),
            (12, 19.36348049),
            (16, 16.4412832993),
            (20, 14.7682298198),
            (24, 13.7061636865),
            (28, 12.9855393036),
        ] {
            assert!((model.run_ms(1.0, machines) - published).abs() < 1e-7, "{machines}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_never_seen() {
        let run = |executors, run_ms| Run { executors, scale: 1.0, run_ms };
        assert_eq!(
            Predictor::learn(&[run(2, 100.0), run(2, 110.0), run(4, 60.0)]),
            Err(Refusal::TooFewSettings { settings: 2 })
        );
        let wild = [run(1, 100.0), run(2, 5_000.0), run(3, 10.0), run(4, 9_000.0)];
        assert!(matches!(Predictor::learn(&wild), Err(Refusal::ExplainsNothing { error }) if error > MOST_ERROR));
        let good: Vec<Run> = (2..=10).map(|n| run(n, 1_000.0 + 50_000.0 / f64::from(n))).collect();
        let predictor = Predictor::learn(&good).unwrap();
        assert!(predictor.mean_error() < 0.01);
        let at = predictor.predict(1.0, 12).unwrap();
        assert!((at.run_ms - 5_166.7).abs() < 100.0 && at.low_ms < at.run_ms && at.run_ms < at.high_ms, "{at:?}");
        assert!(matches!(predictor.predict(1.0, 21), Err(Refusal::OutOfReach { most_executors: 20, .. })));
        assert!(matches!(predictor.predict(3.0, 8), Err(Refusal::OutOfReach { .. })));
        assert!(predictor.predict(f64::NAN, 8).is_err());
    }

    #[test]
    fn a_hinge_is_found_where_data_stops_fitting_in_memory() {
        // From 8 executors on all is held; below, everything over is read again and again.
        let time = |n: f64| 5_000.0 + 80_000.0 / n + 40_000.0 * (8.0 / n - 1.0_f64).max(0.0);
        let runs: Vec<Run> = [2, 3, 4, 6, 8, 10, 12, 16, 20]
            .map(|n| Run { executors: n, scale: 1.0, run_ms: time(f64::from(n)) })
            .to_vec();
        let predictor = Predictor::learn(&runs).unwrap();
        assert_eq!(predictor.model().hinge, Some(8.0), "{predictor:?}");
        let straight: Vec<Run> =
            runs.iter().map(|run| Run { run_ms: 5_000.0 + 80_000.0 / f64::from(run.executors), ..*run }).collect();
        assert_eq!(Predictor::learn(&straight).unwrap().model().hinge, None);
    }

    #[test]
    fn impossible_runs_are_left_out() {
        let run = |executors, scale, run_ms| Run { executors, scale, run_ms };
        let bad =
            [run(0, 1.0, 5.0), run(3, f64::NAN, 5.0), run(3, 1.0, f64::INFINITY), run(3, 1.0, 0.0), run(3, 0.0, 1.0)];
        assert_eq!(Predictor::learn(&bad), Err(Refusal::TooFewSettings { settings: 0 }));
        assert_eq!(fit(&bad, Weighting::Relative, None), None);
    }
}
