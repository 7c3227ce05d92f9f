//! The cache rule: whether keeping a result pays ([`worth`]), where it is kept ([`level`]), and when it is let go
//! ([`release`]).

pub mod level;
pub mod release;
pub mod worth;
