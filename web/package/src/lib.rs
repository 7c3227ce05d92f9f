//! What the npm package `sparkwright` needs Rust for: reading policy files.
//!
//! Nothing is decided here. The package asks the very `policy.wasm` that the host runs, by plain WebAssembly (`api.ts`); that module knows
//! no YAML and no diagnostics, and this one gives it the policy to decide by. It is read as `sparkwright check` and `sparkwright plan`
//! read it: the same diagnostics, and a policy in the same cases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_wasm_bindgen::{Error, Serializer, from_value};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_policy::{DEFAULT_POLICY, Diagnostic, Override, canonical, digest, parse, resolved_digest, schema};
use wasm_bindgen::prelude::*;

/// How a policy file is to be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    /// What diagnostics call the file.
    name: Option<String>,
    /// The environment; that of `default_environment` where there is none.
    environment: Option<String>,
    /// Overrides as `--set` takes them.
    set: Option<Vec<String>>,
    /// An override in the shape of one `optimization` block.
    overrides: Option<Json>,
}

/// A policy file as it was read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    environments: Vec<String>,
    default_environment: Option<String>,
    sha256: String,
    pinned_module_sha256: Option<String>,
    diagnostics: Vec<Diagnostic>,
    policy: Option<Resolved>,
}

/// The policy of one environment. Its values stay text, as JavaScript's numbers hold 53 bits.
#[derive(Debug, Serialize)]
struct Resolved {
    environment: String,
    /// SHA-256 of the canonical form.
    sha256: String,
    /// Every key with its value, and the layer that it came from.
    canonical: String,
    /// What the policy module loads.
    brief: String,
}

fn read(text: &str, options: &Options) -> Reading {
    let (file, mut diagnostics) = parse(options.name.as_deref().unwrap_or("policy.yaml"), text);
    let set = options.set.iter().flatten().map(|set| Override::set(set));
    let overrides = options.overrides.iter().map(|block| Override::fragment("overrides", &block.to_string()));
    let overrides: Vec<Override> = set.chain(overrides).collect();
    let resolved = file.resolve(options.environment.as_deref(), &overrides);
    // As for the host: an error anywhere in the file.
    let usable = !diagnostics.iter().any(Diagnostic::is_error);
    let others = file.environments().filter_map(|name| file.resolve(Some(name), &[]).err());
    for found in resolved.as_ref().err().cloned().into_iter().chain(others).flatten() {
        if !diagnostics.contains(&found) {
            diagnostics.push(found);
        }
    }
    diagnostics.extend(file.lint());
    Reading {
        environments: file.environments().map(str::to_owned).collect(),
        default_environment: file.default_environment().map(str::to_owned),
        sha256: file.raw_digest().to_owned(),
        pinned_module_sha256: file.module_sha256().map(str::to_owned),
        diagnostics,
        policy: resolved.ok().filter(|_| usable).map(|policy| Resolved {
            sha256: resolved_digest(&policy),
            canonical: canonical(&policy),
            // JSON is UTF-8.
            brief: String::from_utf8(policy.brief_json()).unwrap_or_default(),
            environment: policy.environment,
        }),
    }
}

fn to_javascript(value: &impl Serialize) -> Result<JsValue, Error> {
    value.serialize(&Serializer::json_compatible())
}

/// Reads a policy file; what is wrong with it is in the answer.
///
/// # Errors
/// The options are not what they are to be.
#[wasm_bindgen(js_name = readPolicy)]
pub fn read_policy(text: &str, options: JsValue) -> Result<JsValue, Error> {
    to_javascript(&read(text, &from_value(options)?))
}

/// The policy file that `sparkwright` uses when it is given none.
#[must_use]
#[wasm_bindgen(js_name = defaultPolicy)]
pub fn default_policy() -> String {
    DEFAULT_POLICY.to_owned()
}

/// The JSON Schema of policy files.
///
/// # Errors
/// None: every number in it is one of JavaScript's.
#[wasm_bindgen(js_name = policySchema)]
pub fn policy_schema() -> Result<JsValue, Error> {
    to_javascript(&schema())
}

/// The numbers of the decision points in the policy module's contract, by name.
///
/// # Errors
/// None: names and small numbers.
#[wasm_bindgen(js_name = decisionPoints)]
pub fn decision_points() -> Result<JsValue, Error> {
    let numbers: BTreeMap<&str, i32> = DecisionPoint::ALL.iter().map(|point| (point.name(), point.number())).collect();
    to_javascript(&numbers)
}

/// The SHA-256 of some bytes in hexadecimal.
#[must_use]
#[wasm_bindgen(js_name = sha256)]
pub fn sha256(bytes: &[u8]) -> String {
    digest(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TWO: &str = "\
default_environment: small
environments:
  small: {optimization: {autoscaling: {min_executors: 1, max_executors: 4}}}
  large: {optimization: {autoscaling: {min_executors: 4, max_executors: 40}}}
";

    fn most_executors(reading: &Reading) -> Option<u64> {
        let values: Json = serde_json::from_str(&reading.policy.as_ref()?.canonical).unwrap();
        values["autoscaling"]["max_executors"].as_u64()
    }

    #[test]
    fn the_environment_asked_for_or_the_default_one() {
        assert_eq!(most_executors(&read(TWO, &Options::default())), Some(4));
        let large = Options { environment: Some("large".into()), ..Options::default() };
        assert_eq!(most_executors(&read(TWO, &large)), Some(40));
        assert_eq!(read(TWO, &large).environments, ["small", "large"]);
    }

    #[test]
    fn overrides_of_either_form_stand_above_the_file() {
        let set = Options { set: Some(vec!["autoscaling.max_executors=8".into()]), ..Options::default() };
        assert_eq!(most_executors(&read(TWO, &set)), Some(8));
        let block = json!({"autoscaling": {"max_executors": 16}});
        let both = Options { overrides: Some(block), ..set };
        assert_eq!(most_executors(&read(TWO, &both)), Some(16));
    }

    #[test]
    fn with_an_error_there_is_no_policy_and_a_reason() {
        let wrong = |text: &str, options: &Options| {
            let reading = read(text, options);
            assert!(reading.policy.is_none());
            let errors = reading.diagnostics.into_iter().filter(Diagnostic::is_error);
            errors.map(|it| (it.file, it.code.word().to_owned())).collect::<Vec<_>>()
        };
        let problem = |file: &str, code: &str| vec![(file.to_owned(), code.to_owned())];
        assert_eq!(wrong("a: [", &Options::default()), problem("policy.yaml", "syntax"));
        let nowhere = Options { environment: Some("nowhere".into()), ..Options::default() };
        assert_eq!(wrong(TWO, &nowhere), problem("policy.yaml", "unknown_environment"));
        let typed = Options { set: Some(vec!["max_executor=8".into()]), ..Options::default() };
        assert_eq!(wrong(TWO, &typed), problem("--set", "unknown_key"));
    }

    #[test]
    fn an_error_of_another_environment_is_told_once_and_stands_in_the_way_as_for_the_host() {
        let reading = read(&TWO.replace("max_executors: 40", "max_executors: 2"), &Options::default());
        assert!(reading.policy.is_none());
        assert_eq!(reading.diagnostics.iter().map(|it| it.code.word()).collect::<Vec<_>>(), ["bounds_cross"]);
    }
}
