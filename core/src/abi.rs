//! The contract between a policy module and whoever runs it, version 1.
//!
//! A policy module is a core WebAssembly module that imports **nothing**: it can compute and do nothing else. Anything
//! that exports what stands below is a policy module, in whatever language it was written;
//! `sparkwright inspect --conformance FILE MODULE` says whether it keeps to this page.
//!
//! # Exports
//!
//! | export | WebAssembly type | what it does |
//! |---|---|---|
//! | `memory` | memory, 32-bit, not shared | holds every buffer; at most 16 MiB are granted |
//! | `abi_version` | `() -> i32` | the version of this contract: [`VERSION`] |
//! | `alloc` | `(len: i32) -> i32` | a buffer of `len` bytes for the caller to fill; 0 when there is none to give |
//! | `free` | `(ptr: i32, len: i32)` | takes a buffer back; `ptr` 0 is allowed and does nothing |
//! | `load` | `(ptr: i32, len: i32) -> i64` | reads a resolved policy; answers `{"ok":{"handle":1}}` |
//! | `eval` | `(handle: i32, point: i32, ptr: i32, len: i32) -> i64` | decides; answers as the decision point says |
//! | `describe` | `() -> i64` | says what the module is; answers a [`Description`] |
//!
//! All `i32` are unsigned. There may be more exports; nobody calls them. A start function is allowed and runs under the
//! same limits as every call.
//!
//! # Answers
//!
//! The `i64` that `load`, `eval` and `describe` give is the place of the answer: pointer in the upper 32 bits, length in
//! the lower 32 ([`pack`], [`unpack`]). There stands an *envelope* of JSON in UTF-8, with exactly one member:
//!
//! ```json
//! {"ok": …}
//! {"error": {"code": "bad_input", "message": "invalid type: …", "path": "executors[2].idle_ms"}}
//! ```
//!
//! `code` is a word that programs may rely on ([`codes`]), `message` is for people, `path` is left out where there is no
//! such place. An error is an answer like any other, and the module goes on working. **A trap is a bug of the module and
//! never a decision**: the caller throws the instance away and leaves things as they were. Running out of the memory granted is
//! the one trap that a faultless module may end in.
//!
//! # Whose buffer it is
//!
//! - *Input.* The caller gets a buffer from `alloc`, writes `len` bytes into it, and passes it on. It stays the
//!   caller's: the module reads it during the call only and doesn't free it. The caller may pass it again, with other
//!   contents and any length up to that of the buffer, and frees it with the length it asked `alloc` for. An empty
//!   input is pointer 0, length 0.
//! - *Answer.* It is the caller's from the moment it is given; the caller frees it with the length it was given, or
//!   throws the instance away.
//! - `alloc` of 0 or of more than [`MAX_INPUT_BYTES`] gives 0.
//!
//! Inputs and answers are at most 4 MiB ([`MAX_INPUT_BYTES`], [`MAX_ANSWER_BYTES`]). The caller checks every pointer and
//! length before it touches memory. An instance is used by one thread, one call at a time.
//!
//! # What goes in and comes out
//!
//! `load` takes a [`ResolvedPolicy`](crate::policy::ResolvedPolicy); keys that are left out have their built-in default. The
//! handle in its answer is above 0, and lives as long as the instance. At least one policy can be loaded into an
//! instance; a module that wants no more answers a further `load` with `too_many_policies`.
//!
//! `eval` takes the number of a [`DecisionPoint`] and that point's input. Members that a module doesn't know are ignored,
//! and members that are left out have their default, so that hosts and modules of different age understand each other. A
//! decision point that a module doesn't answer gives the error `unsupported_decision_point`; a number that is none,
//! `unknown_decision_point`.
//!
//! A module has no clock, no randomness and no memory of earlier questions: the same policy, point and input give the same bytes,
//! on every machine, in every instance, however often they are asked. Numbers are finite.
//!
//! # Metadata
//!
//! A custom section named [`SECTION`] holds [`Metadata`] as JSON, readable without running anything.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::error::ErrorBody;

/// The version of this contract.
pub const VERSION: i32 = 1;

/// The longest input, in bytes, of `load` and `eval`.
pub const MAX_INPUT_BYTES: usize = 4 * 1024 * 1024;

/// The longest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The memory that a module is granted, in bytes.
pub const MAX_MEMORY_BYTES: usize = 16 * 1024 * 1024;

/// The name of the custom section that holds [`Metadata`].
pub const SECTION: &str = "sparkwright";

/// The codes of [`ErrorBody`] that belong to the contract itself; a decision point may have more.
pub mod codes {
    /// The input isn't JSON, or isn't what the decision point takes.
    pub const BAD_INPUT: &str = "bad_input";
    /// The policy isn't JSON, isn't a resolved policy, or contradicts itself.
    pub const BAD_POLICY: &str = "bad_policy";
    /// The input is longer than the contract allows.
    pub const INPUT_TOO_LARGE: &str = "input_too_large";
    /// The answer would be longer than the contract allows.
    pub const ANSWER_TOO_LARGE: &str = "answer_too_large";
    /// The handle wasn't given out by `load`.
    pub const UNKNOWN_HANDLE: &str = "unknown_handle";
    /// No more policies can be loaded into this instance.
    pub const TOO_MANY_POLICIES: &str = "too_many_policies";
    /// There is such a decision point, but this module doesn't answer it.
    pub const UNSUPPORTED_DECISION_POINT: &str = "unsupported_decision_point";
    /// A rule of the policy forbids what is asked about.
    pub const DENIED: &str = "denied";
    /// There is no decision point of that number.
    pub const UNKNOWN_DECISION_POINT: &str = "unknown_decision_point";
}

/// A question that a policy answers. The numbers are part of the contract and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub enum DecisionPoint {
    /// Before the application starts.
    PlanLaunch = 1,
    /// A declared stage of a pipeline begins.
    PlanStage = 2,
    /// Spark is about to plan a query.
    PlanQuery = 3,
    /// Every tick and on executor events while the application runs.
    Control = 4,
    /// A stage or the pipeline ends, and on a timer.
    PlanCleanup = 5,
    /// The run ends, or a report is asked for.
    Review = 6,
}

impl DecisionPoint {
    /// Every decision point, by number.
    pub const ALL: [Self; 6] =
        [Self::PlanLaunch, Self::PlanStage, Self::PlanQuery, Self::Control, Self::PlanCleanup, Self::Review];

    /// Its number in a call of `eval`.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The decision point of that number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.number() == number)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlanLaunch => "plan_launch",
            Self::PlanStage => "plan_stage",
            Self::PlanQuery => "plan_query",
            Self::Control => "control",
            Self::PlanCleanup => "plan_cleanup",
            Self::Review => "review",
        }
    }

    /// The decision point of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
}

/// What every answer stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Envelope<T> {
    /// The answer.
    Ok(T),
    /// Why there is none.
    Error(ErrorBody),
}

impl<T> Envelope<T> {
    /// The answer, or why there is none.
    ///
    /// # Errors
    /// The error that the envelope holds.
    pub fn into_result(self) -> Result<T, ErrorBody> {
        match self {
            Self::Ok(answer) => Ok(answer),
            Self::Error(error) => Err(error),
        }
    }
}

/// What `load` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Loaded {
    /// The policy, in calls of `eval`; above 0.
    pub handle: i32,
}

/// What the custom section [`SECTION`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Metadata {
    /// The module's name.
    pub name: String,
    /// The module's own version.
    pub version: String,
    /// The version of this contract that it was built for.
    pub abi: i32,
}

/// What `describe` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Description {
    /// The module's name.
    pub name: String,
    /// The module's own version.
    pub version: String,
    /// The version of this contract that it was built for.
    pub abi: i32,
    /// The names of the decision points that it answers.
    pub decision_points: Vec<String>,
}

/// The place of an answer as one number: pointer in the upper 32 bits, length in the lower 32.
#[must_use]
pub const fn pack(pointer: u32, length: u32) -> u64 {
    ((pointer as u64) << 32) | length as u64
}

/// Pointer and length of a packed place.
#[must_use]
pub const fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_packing() {
        for (pointer, length) in [(0, 0), (1, 2), (u32::MAX, 0), (0, u32::MAX), (65_536, 4_194_304)] {
            assert_eq!(unpack(pack(pointer, length)), (pointer, length));
        }
        assert_eq!(pack(1, 2), 0x1_0000_0002);
    }

    #[test]
    fn numbers_and_names_of_decision_points_are_the_contract_s() {
        let table: Vec<(i32, &str)> = DecisionPoint::ALL.iter().map(|point| (point.number(), point.name())).collect();
        assert_eq!(
            table,
            [
                (1, "plan_launch"),
                (2, "plan_stage"),
                (3, "plan_query"),
                (4, "control"),
                (5, "plan_cleanup"),
                (6, "review")
            ]
        );
        for point in DecisionPoint::ALL {
            assert_eq!(DecisionPoint::from_number(point.number()), Some(point));
            assert_eq!(DecisionPoint::from_name(point.name()), Some(point));
            assert_eq!(serde_json::to_value(point).unwrap(), serde_json::Value::from(point.name()));
        }
        assert_eq!(DecisionPoint::from_number(0), None);
        assert_eq!(DecisionPoint::from_number(7), None);
    }

    #[test]
    fn envelopes_read_as_documented() {
        let good = serde_json::to_string(&Envelope::Ok(Loaded { handle: 1 })).unwrap();
        assert_eq!(good, r#"{"ok":{"handle":1}}"#);
        let bad: Envelope<Loaded> = Envelope::Error(ErrorBody::new(codes::BAD_INPUT, "no").at("a[1]"));
        assert_eq!(
            serde_json::to_string(&bad).unwrap(),
            r#"{"error":{"code":"bad_input","message":"no","path":"a[1]"}}"#
        );
    }
}
