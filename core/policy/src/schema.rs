//! The JSON Schema of a policy file, made from the key table: what editors complete, explain and check by.

use serde_json::{Map, Value as Json, json};
use sparkwright_core::abi::DecisionPoint;
use sparkwright_core::policy::key::{Key, Kind};
use sparkwright_core::policy::keys;
use sparkwright_core::rules::{MOST_RULES, can_be_denied, expression};

use crate::block::sections;
use crate::resolve::built_in;
use crate::value::{expectation, is_nullable};

/// Sizes as Spark writes them.
const SPARK_SIZE: &str = "^[0-9]+([bkmgtpBKMGTP][bB]?)?$";

/// The JSON Schema (draft 2020-12) of a policy file. Keys of other programs beside the policy's own are allowed.
#[must_use]
pub fn schema() -> Json {
    let block = json!({"$ref": "#/$defs/optimization"});
    let nullable_block = json!({"anyOf": [block, {"type": "null"}]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sparkwright policy",
        "description": "How Apache Spark applications scale, partition and cache. Layers, lowest first: built-in defaults, \
                        global_optimization, the environment, overrides at run time, rules.",
        "type": "object",
        "properties": {
            "default_environment": {
                "description": "The environment that holds where none is asked for.",
                "type": "string",
            },
            "global_optimization": described(&nullable_block, "What holds in every environment that does not say otherwise."),
            "environments": {
                "description": "Environments by name, each with a section `optimization`.",
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": ["object", "null"],
                    "properties": {"optimization": described(&nullable_block, "What holds in this environment.")},
                },
            },
            "policy_module": {
                "description": "Pins the policy module.",
                "type": ["object", "null"],
                "properties": {"sha256": {
                    "description": "The SHA-256 that the module must have; `sparkwright inspect` shows it.",
                    "type": "string",
                    "pattern": "^[0-9a-fA-F]{64}$",
                }},
                "additionalProperties": false,
            },
            "rules": {
                "description": "Changes of the policy by the facts of a run, or what forbids it. Later rules win.",
                "type": ["array", "null"],
                "maxItems": MOST_RULES,
                "items": rule(&block),
            },
            "tests": {
                "description": "Tests of this policy, run by `sparkwright test`.",
                "type": ["array", "null"],
                "items": test(&block),
            },
        },
        "$defs": {"optimization": optimization()},
    })
}

fn described(of: &Json, description: &str) -> Json {
    let mut of = of.clone();
    if let Some(members) = of.as_object_mut() {
        members.insert("description".into(), description.into());
    }
    of
}

fn points(with: impl Fn(DecisionPoint) -> bool) -> Vec<&'static str> {
    DecisionPoint::ALL.into_iter().filter(|point| with(*point)).map(DecisionPoint::name).collect()
}

fn rule(block: &Json) -> Json {
    let deniable = points(can_be_denied).join(" and ");
    json!({
        "type": "object",
        "required": ["when"],
        "oneOf": [{"required": ["set"]}, {"required": ["deny"]}],
        "additionalProperties": false,
        "properties": {
            "name": {"description": "What traces and reports call it.", "type": "string"},
            "when": {
                "description": "The condition, in CEL (cel-spec.dev), over job, cluster, history, labels, hour, weekday, environment, \
                                point and input; with deny also over plan.",
                "type": ["string", "boolean"],
                "maxLength": expression::LONGEST,
            },
            "at": {
                "description": "The decision points at which it is asked; all of them when left out.",
                "anyOf": [{"enum": points(|_| true)}, {"type": "array", "items": {"enum": points(|_| true)}}],
            },
            "set": described(block, "Keys with the values that they have for this decision."),
            "deny": {"description": format!("Why the run is forbidden ({deniable})."), "type": "string"},
        },
    })
}

fn test(block: &Json) -> Json {
    json!({
        "type": "object",
        "required": ["expect"],
        "additionalProperties": false,
        "properties": {
            "name": {"description": "What reports call it.", "type": "string"},
            "environment": {"description": "The environment that is asked; default_environment when left out.", "type": "string"},
            "set": described(block, "What is overridden for this test."),
            "point": {"description": "The decision point.", "enum": points(|_| true), "default": DecisionPoint::PlanLaunch.name()},
            "facts": {"description": "The question; sizes may be written as 100GB.", "type": "object"},
            "expect": {
                "description": "What the answer must hold: values, or bounds as {at_least: 2, at_most: 8}; denied for a refusal.",
                "type": "object",
                "minProperties": 1,
            },
        },
    })
}

/// A block: its sections, and the short names that only one section has.
fn optimization() -> Json {
    let mut properties = Map::new();
    for section in sections().filter(|section| !section.contains('.')) {
        properties.insert(section.into(), section_schema(section));
    }
    for key in keys() {
        let once = keys().filter(|other| other.name == key.name).count() == 1;
        if once && !properties.contains_key(key.name) {
            properties.insert(
                key.name.into(),
                described(&key_schema(key), &format!("Short for {}. {}", key.path(), key.doc.trim())),
            );
        }
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn section_schema(section: &str) -> Json {
    let mut properties: Map<String, Json> =
        keys().filter(|key| key.section == section).map(|key| (key.name.to_owned(), key_schema(key))).collect();
    for below in sections() {
        if let Some((parent, name)) = below.rsplit_once('.')
            && parent == section
        {
            properties.insert(name.to_owned(), section_schema(below));
        }
    }
    json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties})
}

fn key_schema(key: &Key) -> Json {
    let mut schema = match key.kind {
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Real { least, most } => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Memory => json!({"type": ["string", "integer"], "pattern": SPARK_SIZE}),
        Kind::Text => json!({"type": "string"}),
        Kind::TextList => json!({"type": "array", "items": {"type": "string"}}),
    };
    if let Some(members) = schema.as_object_mut() {
        if is_nullable(key) {
            let with_null = match members.get("type").cloned() {
                Some(Json::Array(mut types)) => {
                    types.push("null".into());
                    Json::Array(types)
                }
                Some(one) => json!([one, "null"]),
                None => Json::Null,
            };
            members.insert("type".into(), with_null);
        }
        if let Some(default) = built_in(&key.path()) {
            members.insert("default".into(), default);
        }
        members.insert("description".into(), format!("{} Takes {}.", key.doc.trim(), expectation(key)).into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_with_its_meaning() {
        let schema = schema();
        for key in keys() {
            let pointer = format!(
                "/$defs/optimization/properties/{}/properties/{}",
                key.section.replace('.', "/properties/"),
                key.name
            );
            let found = schema.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"));
            assert!(found["description"].as_str().is_some_and(|text| text.contains(key.doc.trim())), "{pointer}");
            assert!(found.get("default").is_some(), "{pointer}");
        }
    }
}
