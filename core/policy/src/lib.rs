//! Reads Sparkwright policy files: YAML in, a resolved policy and diagnostics out.
//!
//! A file is read in three steps, each a module here: `tree` makes of text a tree that knows where everything stands and
//! refuses what is too large; `parse` and `block` find the policy in it and check each value against the key table of
//! `sparkwright-core`; `resolve` puts the layers on top of each other. Reading never fails: it gives a value and a list of
//! [`Diagnostic`]s, and only [`PolicyFile::resolve`] refuses, where an error stands in a layer that is used.
//!
//! Layers, lowest first: built-in defaults, `global_optimization`, `environments.<name>.optimization`, overrides.
//!
//! ```
//! use sparkwright_policy::{Override, parse};
//!
//! let (file, diagnostics) = parse("policy.yaml", "
//! environments:
//!   production:
//!     optimization:
//!       autoscaling: {min_executors: 4, max_executors: 20}
//! ");
//! assert!(diagnostics.is_empty());
//! let eight = Override::parse("autoscaling.max_executors=8");
//! let policy = file.resolve(Some("production"), &[eight]).expect("a valid policy");
//! assert_eq!((policy.autoscaling.min_executors, policy.autoscaling.max_executors), (4, 8));
//! ```
//!
//! This crate does no I/O and reads no clock; it also compiles for wasm32-unknown-unknown. It knows YAML and the key table,
//! and nothing of decisions.

mod block;
mod condition;
mod diagnostics;
mod digest;
mod expectation;
mod item_list;
mod lint;
mod memory_size;
mod misplaced;
mod nearest;
mod never_applied;
mod overrides;
mod parse;
mod policy_tests;
mod render;
mod resolve;
mod rules;
mod scalar;
mod schema;
mod source;
mod spark_keys;
mod tidy;
mod tree;
mod value;
pub mod written_facts;

pub use diagnostics::{Code, Diagnostic, Severity};
pub use digest::{canonical, digest, resolved_digest};
pub use expectation::{Mismatch, mismatches};
pub use memory_size::{MemorySizeError, memory_size_text, parse_memory_size};
pub use nearest::nearest;
pub use overrides::Override;
pub use parse::{Location, PolicyFile, Written, parse};
pub use policy_tests::PolicyTest;
pub use render::render;
pub use resolve::built_in;
pub use schema::schema;
pub use spark_keys::{SPARK_RELEASES, Settable, SparkKey, SparkRelease};
pub use tree::{MAX_BYTES, MAX_DEPTH, MAX_VALUES};
pub use value::expectation;

/// The policy that `sparkwright` uses when it is given none: the `config.yaml` at the top of the project.
pub const DEFAULT_POLICY: &str = include_str!("../../../config.yaml");
