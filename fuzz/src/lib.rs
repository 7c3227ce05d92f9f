//! What the fuzz targets do with what libFuzzer makes up, and how JSON is changed so that it stays JSON.

pub mod checks;
mod mutation;

pub use mutation::mutate;
