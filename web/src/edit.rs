//! Changes a value of a policy file and nothing else: comments, order and layout stay.
//!
//! The edit is made on a lossless syntax tree (`yaml-edit`) and then held against the policy reader: the new text must give the value
//! that was asked for, every other value must be what it was, and every comment must still be there. Where that is not so the text
//! stays as it is, and the user is told to change it there.

use std::str::FromStr;

use serde_json::Value as Json;
use sparkwright_core::policy::key::{Key, Kind};
use sparkwright_core::policy::keys;
use sparkwright_core::units::Bytes;
use sparkwright_policy::{PolicyFile, memory_size_text, parse};
use yaml_edit::path::YamlPath as _;
use yaml_edit::{AsYaml, Document, ScalarValue, SequenceBuilder};

/// A layer of the file in which a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// `global_optimization`.
    Global,
    /// An environment.
    Environment(&'a str),
}

impl<'a> Place<'a> {
    const fn environment(self) -> Option<&'a str> {
        match self {
            Self::Global => None,
            Self::Environment(name) => Some(name),
        }
    }
}

/// Why a value could not be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this value can't be changed here without touching the rest of the file: change it in the text")
    }
}

/// The text with a key set to a value in a layer.
///
/// # Errors
/// The text can't be changed there alone.
pub fn set(text: &str, file: &PolicyFile, place: Place<'_>, key: &Key, value: &Json) -> Result<String, Refused> {
    let path = path_in_file(file, place, key)?;
    let document = Document::from_str(text).map_err(|_| Refused)?;
    // One type for every value: what writes is generic, and would be in the page once for each.
    let write = |value: &dyn AsYaml| document.try_set_path(&path, value);
    let done = match (key.kind, value) {
        (Kind::Memory, Json::Number(bytes)) => write(&memory_size_text(Bytes(bytes.as_u64().ok_or(Refused)?)).as_str()),
        (_, Json::Bool(flag)) => write(flag),
        (_, Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => write(&whole),
            // As people write it: 90, not 90.0.
            (None, Some(real)) if real.fract() == 0.0 && real.abs() < 1e15 => write(&(real as i64)),
            (None, Some(real)) => write(&real),
            (None, None) => return Err(Refused),
        },
        (_, Json::String(word)) => write(&word.as_str()),
        (_, Json::Null) => write(&ScalarValue::null()),
        (_, Json::Array(items)) => {
            let texts: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            let list = texts.into_iter().fold(SequenceBuilder::new(), |list, item| list.item(item));
            write(&list.build_document().as_sequence().ok_or(Refused)?)
        }
        (_, Json::Object(_)) => return Err(Refused),
    };
    done.map_err(|_| Refused)?;
    verified(text, file, document.to_string(), place, key, Some(value))
}

/// The text with a key taken out of a layer, so that the layer below it holds.
///
/// # Errors
/// The text can't be changed there alone.
pub fn reset(text: &str, file: &PolicyFile, place: Place<'_>, key: &Key) -> Result<String, Refused> {
    if file.written(place.environment(), &key.path()).is_none() {
        return Ok(text.to_owned());
    }
    let path = path_in_file(file, place, key)?;
    let document = Document::from_str(text).map_err(|_| Refused)?;
    document.try_remove_path(&path).map_err(|_| Refused)?;
    verified(text, file, document.to_string(), place, key, None)
}

/// Where the key stands in the file, or would stand.
fn path_in_file(file: &PolicyFile, place: Place<'_>, key: &Key) -> Result<String, Refused> {
    if let Some(written) = file.written(place.environment(), &key.path()) {
        return Ok(written.path.to_owned());
    }
    match place {
        Place::Global => Ok(format!("global_optimization.{}", key.path())),
        // A dot in a name would be taken for a step in the path.
        Place::Environment(name) if name.contains(['.', '[', '*', '\\', '"']) => Err(Refused),
        Place::Environment(name) => Ok(format!("environments.{name}.optimization.{}", key.path())),
    }
}

/// The new text where it says what was asked for and keeps all else.
fn verified(
    before: &str,
    file: &PolicyFile,
    after: String,
    place: Place<'_>,
    key: &Key,
    value: Option<&Json>,
) -> Result<String, Refused> {
    let (changed, problems) = parse(file.name(), &after);
    let path = key.path();
    let same_environments = file.environments().eq(changed.environments());
    let everywhere = || std::iter::once(None).chain(file.environments().map(Some));
    let others_kept = everywhere().all(|environment| {
        keys().filter(|other| environment != place.environment() || other.path() != path).all(|other| {
            let of = |file: &PolicyFile| file.written(environment, &other.path()).map(|it| it.value.clone());
            of(file) == of(&changed)
        })
    });
    let now = changed.written(place.environment(), &path).map(|it| it.value.clone());
    let errors = |problems: &[sparkwright_policy::Diagnostic]| problems.iter().filter(|it| it.is_error()).count();
    let no_worse = errors(&problems) <= errors(&parse(file.name(), before).1) + usize::from(value.is_some());
    let kept = comments(before) == comments(&after);
    let right = same_environments && others_kept && no_worse && kept && now.as_ref() == value;
    if right { Ok(after) } else { Err(Refused) }
}

/// The comments of a text, sorted.
fn comments(text: &str) -> Vec<&str> {
    let mut all: Vec<&str> =
        text.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..))).map(str::trim_end).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use sparkwright_policy::DEFAULT_POLICY;

    fn key(name: &str) -> &'static Key {
        keys().find(|key| key.name == name).unwrap()
    }

    fn changed(text: &str, place: Place<'_>, name: &str, value: &Json) -> String {
        set(text, &parse("p.yaml", text).0, place, key(name), value).unwrap_or_else(|_| panic!("{name} {value}"))
    }

    #[test]
    fn one_value_changes_and_its_line_alone() {
        let after = changed(DEFAULT_POLICY, Place::Environment("production"), "max_executors", &json!(32));
        let differing: Vec<(&str, &str)> =
            DEFAULT_POLICY.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
        assert_eq!(differing, [("        max_executors: 20", "        max_executors: 32")]);
        assert_eq!(after.lines().count(), DEFAULT_POLICY.lines().count());
    }

    #[test]
    fn a_value_that_a_layer_leaves_out_is_written_into_it_and_taken_out_again() {
        for (place, name, value) in [
            (Place::Environment("staging"), "executor_hour_price", json!(0.36)),
            (Place::Environment("staging"), "cooldown_seconds", json!(60)),
            (Place::Environment("development"), "target_executor_memory", json!(4_u64 << 30)),
            (Place::Environment("production"), "cache_queries_except", json!(["rand", "s3://raw/"])),
            (Place::Global, "currency", json!("EUR")),
            (Place::Global, "dead_band_up", json!(0.1)),
        ] {
            let after = changed(DEFAULT_POLICY, place, name, &value);
            let (file, problems) = parse("p.yaml", &after);
            assert!(problems.iter().all(|it| !it.is_error()), "{problems:?}");
            let back = reset(&after, &file, place, key(name)).unwrap();
            assert_eq!(parse("p.yaml", &back).0.written(place.environment(), &key(name).path()), None);
        }
    }

    #[test]
    fn comments_beside_a_value_and_other_programs_keys_stay() {
        let text = "# mine\nother: {deep: [1, 2]}\nenvironments:\n  a:   # first\n    cluster_config: {x: 1}\n    optimization:\n      \
                    autoscaling: {min_executors: 2, max_executors: 9}  # both\n      optimization_target: speed # short\n";
        let after = changed(text, Place::Environment("a"), "max_executors", &json!(12));
        assert_eq!(after, text.replace("max_executors: 9", "max_executors: 12"));
        let after = changed(text, Place::Environment("a"), "optimization_target", &json!("memory"));
        assert_eq!(after, text.replace("optimization_target: speed", "optimization_target: memory"));
    }

    #[test]
    fn what_can_not_be_changed_alone_is_refused() {
        let text = "x: &shared {min_executors: 2}\nenvironments:\n  a: {optimization: {autoscaling: *shared}}\n  b: {optimization: {autoscaling: *shared}}\n";
        let file = parse("p.yaml", text).0;
        assert_eq!(set(text, &file, Place::Environment("a"), key("min_executors"), &json!(3)), Err(Refused));
    }

    proptest! {
        #[test]
        fn any_whole_number_anywhere_keeps_the_rest(place in 0..4_usize, which in 0..100_usize, number in 1..90_u64) {
            let places = [Place::Global, Place::Environment("development"), Place::Environment("staging"), Place::Environment("production")];
            let whole: Vec<&Key> = keys().filter(|key| matches!(key.kind, Kind::Whole { .. })).collect();
            let key = whole[which % whole.len()];
            let Kind::Whole { least, most } = key.kind else { unreachable!("chosen above") };
            let number = number.clamp(least, most);
            let file = parse("p.yaml", DEFAULT_POLICY).0;
            let after = set(DEFAULT_POLICY, &file, places[place], key, &json!(number)).unwrap();
            let kept = DEFAULT_POLICY.lines().filter(|line| after.lines().any(|other| other == *line)).count();
            prop_assert!(kept + 1 >= DEFAULT_POLICY.lines().count());
        }
    }
}
