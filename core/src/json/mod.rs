//! JSON as the contract has it: bounded in size, read strictly, and with the path of what is wrong in it.

mod path;
mod strict;

pub use strict::from_slice;

use alloc::string::ToString as _;
use serde::de::DeserializeOwned;

use crate::abi::{self, codes};
use crate::error::ErrorBody;

/// Reads JSON; what is wrong with it becomes an error of kind `code` with its place.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8], code: &'static str) -> Result<T, ErrorBody> {
    if json.len() > abi::MAX_INPUT_BYTES {
        return Err(ErrorBody::new(
            codes::INPUT_TOO_LARGE,
            alloc::format!("the input has {} bytes; {} are allowed", json.len(), abi::MAX_INPUT_BYTES),
        ));
    }
    strict::from_slice(json).map_err(|error| {
        let body = ErrorBody::new(code, error.to_string());
        match path::at(json, error.line(), error.column()) {
            Some(path) => body.at(path),
            None => body,
        }
    })
}
