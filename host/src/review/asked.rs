//! What the policy says of a run.

use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::error::ErrorBody;
use sparkwright_core::facts::PastRun;
use sparkwright_core::review::ReviewAnswer;
use sparkwright_core::steering::LAUNCH_MODULE_MS;
use sparkwright_core::units::Bytes;

use super::Measured;
use crate::engine::{Budget, EngineError, Prepared};

/// Asks the policy for a review of a run, with the earlier runs of the same job for the trend. Inside is why it refuses.
///
/// # Errors
/// The module can't be asked.
pub fn ask(
    policy: &Prepared,
    run: &Measured,
    earlier: &[PastRun],
    input_bytes: Option<Bytes>,
) -> Result<Result<ReviewAnswer, ErrorBody>, EngineError> {
    let question = run.question(earlier, input_bytes);
    let (answer, _) = policy.session()?.ask(DecisionPoint::Review, &question, Budget::millis(LAUNCH_MODULE_MS))?;
    Ok(answer
        .map(|answer: ReviewAnswer| ReviewAnswer { past_run: answer.past_run.with_lacked(run.lacked()), ..answer }))
}
