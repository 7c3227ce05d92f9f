//! The views of the page, one module each.

pub mod environments;
pub mod explore;
pub mod policy;
pub mod runs;
pub mod timeline;
