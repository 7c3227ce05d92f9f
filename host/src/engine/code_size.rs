//! How much code a module has: what its compiler's time and memory come of.

use std::fmt;

use serde::Serialize;

/// How much code a module has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CodeSize {
    /// Functions that it defines.
    pub functions: usize,
    /// The bytes of all of them.
    pub bytes: usize,
    /// The bytes of the largest.
    pub largest_function_bytes: usize,
}

impl CodeSize {
    /// Adds a function.
    pub(super) fn add(&mut self, bytes: usize) {
        self.functions += 1;
        self.bytes += bytes;
        self.largest_function_bytes = self.largest_function_bytes.max(bytes);
    }
}

impl fmt::Display for CodeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { functions, bytes, largest_function_bytes } = self;
        write!(f, "{bytes} bytes of code in {functions} functions, {largest_function_bytes} in the largest")
    }
}
