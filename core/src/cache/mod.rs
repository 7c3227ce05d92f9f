//! The cache rule: what may be kept at all ([`allowed`]), whether keeping a result pays ([`worth`]; what writing and reading it takes: [`transfer`]), where it is kept ([`level`]), when it is let go ([`release`]), and the whole of
//! it for a job or stage that has not run yet ([`result`]).

pub mod allowed;
pub mod level;
pub mod release;
pub mod result;
pub mod transfer;
pub mod worth;
