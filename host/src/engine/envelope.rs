//! The envelope in which a module answers.

use serde::de::DeserializeOwned;
use sparkwright_core::abi::Envelope;
use sparkwright_core::error::ErrorBody;

use super::error::EngineError;

/// Reads an envelope where it stands in the module's memory.
pub(super) fn read_envelope<T: DeserializeOwned>(
    call: &'static str,
    answer: &[u8],
) -> Result<Result<T, ErrorBody>, EngineError> {
    serde_json::from_slice::<Envelope<T>>(answer)
        .map(Envelope::into_result)
        .map_err(|error| EngineError::Rubbish { call, reason: error.to_string() })
}
