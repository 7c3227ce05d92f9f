//! What the contract asks of every module, whatever it decides.

use serde_json::Value;
use sparkwright_core::abi::{self, DecisionPoint, Description, Envelope, codes};
use sparkwright_core::error::ErrorBody;

use super::{BUDGET, Report};
use crate::engine::PolicyModule;
use crate::engine::probe::Probe;

/// Inputs that are a question to nobody.
const BAD_INPUTS: [(&str, &[u8]); 5] = [
    ("nothing", b""),
    ("a cut-off object", b"{\"state\":"),
    ("a list", b"[]"),
    ("bytes that are no text", b"{\"\xff\xfe\": 1}"),
    ("two values", b"{} {}"),
];

type Outcome = Result<(), String>;

/// Checks a module against the contract.
#[must_use]
pub fn behaviour(module: &PolicyModule) -> Report {
    let mut report = Report::default();
    let description = module.describe().map_err(|error| error.to_string());
    report.note("describes itself", description.as_ref().map_err(Clone::clone).and_then(described));
    report.note("has metadata that says the same", metadata(module, description.as_ref().ok()));
    report.note("has no buffer of 0 bytes to give", no_buffer(module, 0));
    report.note("has no buffer of more than 4 MiB to give", no_buffer(module, u32::MAX));
    report.note("takes no buffer back", fresh(module, |probe| probe.free(0, 0)));
    report.note("gives out a buffer of 4 MiB", largest_buffer(module));
    report.note("accepts the policy of defaults", accepts_defaults(module));
    report.note("answers a bad policy with an error, and goes on", bad_policy(module));
    report.note("answers a handle that it never gave with an error", unknown_handle(module));
    report.note("answers a decision point that is none with an error", unknown_point(module));
    let answered = |point: &DecisionPoint| {
        description.as_ref().is_ok_and(|known| known.decision_points.iter().any(|name| name == point.name()))
    };
    for point in DecisionPoint::ALL.iter().filter(|point| !answered(point)) {
        report.note(format!("{}: says that it has no answer", point.name()), unsupported(module, *point));
    }
    for point in DecisionPoint::ALL.iter().filter(|point| answered(point)) {
        for (what, input) in BAD_INPUTS {
            report.note(format!("{}: answers {what} with an error", point.name()), bad_input(module, *point, input));
        }
        report.note(format!("{}: ignores members that it doesn't know", point.name()), unknown_member(module, *point));
        report.note(format!("{}: gives the same bytes each time", point.name()), same_bytes(module, *point));
    }
    report
}

fn described(description: &Description) -> Outcome {
    ensure(description.abi == abi::VERSION, || format!("it says version {}", description.abi))?;
    match description.decision_points.iter().find(|name| DecisionPoint::from_name(name).is_none()) {
        Some(name) => Err(format!("there is no decision point `{name}`")),
        None => Ok(()),
    }
}

fn metadata(module: &PolicyModule, description: Option<&Description>) -> Outcome {
    let metadata = module
        .inspection()
        .metadata
        .as_ref()
        .ok_or_else(|| format!("there is no custom section `{}` that can be read", abi::SECTION))?;
    match description {
        Some(said) if (&said.name, &said.version, said.abi) != (&metadata.name, &metadata.version, metadata.abi) => {
            Err(format!(
                "the section says {} {} for version {}, `describe` says {} {} for version {}",
                metadata.name, metadata.version, metadata.abi, said.name, said.version, said.abi
            ))
        }
        _ => Ok(()),
    }
}

/// Runs `check` on a fresh instance without a policy.
fn fresh<T>(
    module: &PolicyModule,
    check: impl FnOnce(&mut Probe) -> Result<T, crate::engine::EngineError>,
) -> Result<T, String> {
    Probe::start(module, BUDGET).and_then(|mut probe| check(&mut probe)).map_err(|error| error.to_string())
}

/// Runs `check` on a fresh instance with the policy of defaults.
fn loaded<T>(module: &PolicyModule, check: impl FnOnce(&mut Probe, i32) -> Result<T, String>) -> Result<T, String> {
    let mut probe = Probe::start(module, BUDGET).map_err(|error| error.to_string())?;
    let handle = probe
        .load(b"{}")
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("the policy `{{}}` is refused: {error}"))?;
    check(&mut probe, handle)
}

fn eval(probe: &mut Probe, handle: i32, point: i32, input: &[u8]) -> Result<Result<Value, ErrorBody>, String> {
    let answer = probe.eval(handle, point, input).map_err(|error| error.to_string())?;
    serde_json::from_slice::<Envelope<Value>>(&answer)
        .map(Envelope::into_result)
        .map_err(|error| format!("the answer is no envelope: {error}"))
}

fn ensure(good: bool, why: impl FnOnce() -> String) -> Outcome {
    if good { Ok(()) } else { Err(why()) }
}

/// That an answer is an error, of a kind if one is named.
fn is_error(answer: Result<Value, ErrorBody>, code: Option<&str>) -> Outcome {
    match (answer, code) {
        (Ok(_), _) => Err("it was answered as if it were a question".to_owned()),
        (Err(error), Some(code)) if error.code != code => Err(format!("its code is `{}`, not `{code}`", error.code)),
        (Err(error), _) => ensure(!error.message.is_empty(), || "its message is empty".to_owned()),
    }
}

fn no_buffer(module: &PolicyModule, length: u32) -> Outcome {
    let pointer = fresh(module, |probe| probe.alloc(length))?;
    ensure(pointer == 0, || format!("`alloc({length})` gave {pointer}, not 0"))
}

fn largest_buffer(module: &PolicyModule) -> Outcome {
    let length = u32::try_from(abi::MAX_INPUT_BYTES).unwrap_or(u32::MAX);
    let pointer = fresh(module, |probe| {
        let pointer = probe.alloc(length)?;
        probe.free(pointer, length)?;
        Ok(pointer)
    })?;
    ensure(pointer != 0, || format!("`alloc({length})` gave 0"))
}

fn accepts_defaults(module: &PolicyModule) -> Outcome {
    loaded(module, |_, handle| ensure(handle > 0, || format!("its handle is {handle}; one above 0 is wanted")))
}

fn bad_policy(module: &PolicyModule) -> Outcome {
    let contradiction = br#"{"autoscaling":{"min_executors":5,"max_executors":2}}"#;
    let bad: [&[u8]; 5] = [b"", b"{", b"[]", b"{\"autoscaling\":7}", contradiction];
    let mut probe = Probe::start(module, BUDGET).map_err(|error| error.to_string())?;
    for policy in bad {
        let answer = probe.load(policy).map_err(|error| error.to_string())?;
        let shown = String::from_utf8_lossy(policy);
        ensure(answer.is_err(), || format!("`{shown}` was accepted"))?;
    }
    let good = probe.load(b"{}").map_err(|error| error.to_string())?;
    good.map(drop).map_err(|error| format!("a good policy was refused after bad ones: {error}"))
}

fn unknown_handle(module: &PolicyModule) -> Outcome {
    loaded(module, |probe, handle| {
        for wrong in [0, -1, handle.saturating_add(1_000), i32::MAX, i32::MIN] {
            let answer = eval(probe, wrong, DecisionPoint::Control.number(), b"{}")?;
            is_error(answer, Some(codes::UNKNOWN_HANDLE)).map_err(|why| format!("handle {wrong}: {why}"))?;
        }
        Ok(())
    })
}

fn unknown_point(module: &PolicyModule) -> Outcome {
    loaded(module, |probe, handle| {
        for number in [0, -1, 1_000, i32::MAX, i32::MIN] {
            let answer = eval(probe, handle, number, b"{}")?;
            is_error(answer, Some(codes::UNKNOWN_DECISION_POINT))
                .map_err(|why| format!("decision point {number}: {why}"))?;
        }
        Ok(())
    })
}

fn unsupported(module: &PolicyModule, point: DecisionPoint) -> Outcome {
    loaded(module, |probe, handle| {
        is_error(eval(probe, handle, point.number(), b"{}")?, Some(codes::UNSUPPORTED_DECISION_POINT))
    })
}

fn bad_input(module: &PolicyModule, point: DecisionPoint, input: &[u8]) -> Outcome {
    loaded(module, |probe, handle| {
        let before = probe.eval(handle, point.number(), b"{}").map_err(|error| error.to_string())?;
        is_error(eval(probe, handle, point.number(), input)?, None)?;
        let after = probe.eval(handle, point.number(), b"{}").map_err(|error| error.to_string())?;
        ensure(before == after, || "after it, another question is answered differently".to_owned())
    })
}

fn unknown_member(module: &PolicyModule, point: DecisionPoint) -> Outcome {
    loaded(module, |probe, handle| {
        let plain = eval(probe, handle, point.number(), b"{}")?;
        let more = br#"{"a_member_of_the_future":{"deep":[1,{"er":null}]},"another":"x"}"#;
        let with_more = eval(probe, handle, point.number(), more)?;
        match (plain, with_more) {
            (Ok(plain), Ok(with_more)) if plain == with_more => Ok(()),
            (Ok(_), Ok(_)) => Err("they change the answer".to_owned()),
            (Ok(_), Err(error)) => Err(format!("they are an error: {error}")),
            // Something is wanted in every question here; it must still be what is missed.
            (Err(plain), Err(with_more)) => {
                ensure(plain.code == with_more.code, || format!("they change the error from {plain} to {with_more}"))
            }
            (Err(plain), Ok(_)) => Err(format!("they are taken for what was missed: {plain}")),
        }
    })
}

fn same_bytes(module: &PolicyModule, point: DecisionPoint) -> Outcome {
    let ask = |probe: &mut Probe, handle| probe.eval(handle, point.number(), b"{}").map_err(|error| error.to_string());
    let (first, again) = loaded(module, |probe, handle| Ok((ask(probe, handle)?, ask(probe, handle)?)))?;
    let elsewhere = loaded(module, ask)?;
    ensure(first == again, || "the second answer of an instance is not its first".to_owned())?;
    ensure(first == elsewhere, || "another instance gives another answer".to_owned())
}
