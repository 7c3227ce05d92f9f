//! Pipelines that declare their stages, over the host's socket and over `sparkwright decide`, with the real policy module. The driver's
//! side of the socket is played as PROTOCOL.md has it; real Spark is behind the Python package's own tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod decide;
mod host;
mod hostile;
mod overlapping;
mod steered;
