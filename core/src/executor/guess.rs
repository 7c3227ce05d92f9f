//! How much work a job is where nothing is known of earlier runs: guessed from the size of its input.

use crate::facts::{JobFacts, ProcessingType, StageType};
use crate::policy::ResolvedPolicy;
use crate::units::{MIB, ceil_u64};

/// Input that one core gets through in a second where nothing is known of the job.
pub const USUAL_BYTES_PER_CORE_SECOND: u64 = 16 * MIB;
/// `executor_scaling_factor` that changes nothing.
const NEUTRAL_SCALING_FACTOR: f64 = 0.1;

/// Tenths of the usual work that a byte takes in this type of processing. Whole numbers, so that a guess is exact.
const fn type_tenths(processing: ProcessingType) -> u32 {
    match processing {
        ProcessingType::Ml => 15,
        ProcessingType::Etl => 8,
        ProcessingType::Query => 6,
        ProcessingType::General => 10,
    }
}

/// The processing type that counts: the stage's where one is declared, else the job's.
#[must_use]
pub fn processing_of(job: &JobFacts) -> ProcessingType {
    job.stage.map_or(job.processing, StageType::processing)
}

/// The policy's `executor_scaling_factor` over the neutral one.
fn scaling(policy: &ResolvedPolicy) -> f64 {
    policy.autoscaling.executor_scaling_factor / NEUTRAL_SCALING_FACTOR
}

/// What the work of a byte is multiplied by: the processing type's factor and the policy's.
#[must_use]
pub fn work_factor(policy: &ResolvedPolicy, job: &JobFacts) -> f64 {
    f64::from(type_tenths(processing_of(job))) / 10.0 * scaling(policy)
}

/// The sum of task time in milliseconds, `D / (16 MiB/s) * f` with the factor f of [`work_factor`]; absent where the size of the input is not
/// known.
#[must_use]
pub fn work_ms(policy: &ResolvedPolicy, job: &JobFacts) -> Option<u64> {
    let seconds = job.input_bytes?.get() as f64 / USUAL_BYTES_PER_CORE_SECOND as f64;
    Some(ceil_u64(seconds * 100.0 * f64::from(type_tenths(processing_of(job))) * scaling(policy)))
}
