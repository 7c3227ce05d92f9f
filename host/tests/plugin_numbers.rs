//! The plugin has no number of its own: what bounds it comes from `core` by the host's welcome, and what must hold without a host
//! is in one file.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sparkwright::spark::protocol::{Greeting, IfLost};

fn plugin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spark-plugin")
}

/// The members of a welcome as the host writes it.
fn written() -> BTreeSet<String> {
    let welcome = Greeting::Welcome {
        mode: "act".to_owned(),
        question_timeout_ms: 1,
        misses_before_unsteered: 1,
        event_queue_length: 1,
        question_queue_length: 1,
        open_executions_at_most: 1,
        managed_keys: Vec::new(),
        if_lost: Some(IfLost { executors_total: 1 }),
        nodes_at_most: 1,
        files_at_most: 1,
        settled_ms: 1,
        list_folder_from: 1,
        unknown_above_bytes: 1,
        stack_frames_at_most: 1,
        storage_look_ms: 1,
        alive_ms: 1,
        wants_shapes: true,
        columns_at_most: 1,
    };
    members(&serde_json::to_value(welcome).unwrap())
}

fn members(line: &Value) -> BTreeSet<String> {
    line.as_object().unwrap().keys().filter(|name| *name != "sparkwright").cloned().collect()
}

#[test]
fn host_plugin_and_protocol_name_the_same_members_of_a_welcome() {
    let java = fs::read_to_string(plugin().join("src/main/java/io/sparkwright/spark/Welcome.java")).unwrap();
    let components = java.split_once("record Welcome(").unwrap().1.split_once(") {").unwrap().0;
    let read: BTreeSet<String> =
        components.split(',').map(|component| snake(component.split_whitespace().last().unwrap())).collect();
    assert_eq!(read, written(), "Welcome.java");

    let protocol = fs::read_to_string(plugin().join("PROTOCOL.md")).unwrap();
    let (_, rest) = protocol.split_once("host -> plugin, answer:").unwrap();
    let example = rest.split_once("\n\n|").unwrap().0;
    let told: BTreeSet<String> = example
        .split('"')
        .zip(example.split('"').skip(1))
        .filter(|(before, _)| before.ends_with(['{', ',']) || before.trim_end().ends_with(','))
        .map(|(_, name)| name.to_owned())
        .filter(|name| name.contains('_') && name != "executors_total" || name == "mode")
        .collect();
    assert_eq!(told, written(), "PROTOCOL.md");
}

fn snake(camel: &str) -> String {
    camel.chars().flat_map(|c| [c.is_uppercase().then_some('_'), Some(c.to_ascii_lowercase())]).flatten().collect()
}

/// Numbers that are no limits, by file: the longest line and the buffer of a connection, which are the protocol's; bits of hashes; how Spark lays
/// out a row.
const NO_LIMITS: [(&str, &[&str]); 4] = [
    ("LineChannel.java", &["16", "20", "64", "10"]),
    ("Mix.java", &["31", "30", "27"]),
    ("RowSizedBatch.java", &["8L"]),
    ("WithoutHost.java", &["*"]),
];

#[test]
fn numbers_of_the_plugin_are_in_one_place() {
    let allowed: BTreeMap<_, _> = NO_LIMITS.into_iter().collect();
    let mut found = Vec::new();
    let folder = plugin().join("src/main/java/io/sparkwright/spark");
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let allowed = allowed.get(name.as_str()).copied().unwrap_or_default();
        let code = code(&fs::read_to_string(&file).unwrap());
        for word in code
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        {
            // 0 to 9 count and compare; hexadecimal is for hashes.
            if word.len() > 1
                && !word.starts_with("0x")
                && !allowed.contains(&word)
                && !allowed.contains(&"*")
                && !["0L", "1L"].contains(&word)
            {
                found.push(format!("{name}: {word}"));
            }
        }
        for line in code.lines().filter(|line| line.contains("static final") && !allowed.contains(&"*")) {
            let named = ["int", "long", "double"].iter().any(|kind| line.contains(&format!(" final {kind} ")));
            // Java's number of a class's serialized form bounds nothing.
            if named && allowed.is_empty() && !line.contains("0x") && !line.contains(" serialVersionUID ") {
                found.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new(), "from `core` by the welcome, or in WithoutHost.java with its reason");
}

/// Java without comments and the contents of strings.
fn code(java: &str) -> String {
    let (mut code, mut rest) = (String::new(), java);
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted(rest, '"'),
            '\'' => quoted(rest, '\''),
            _ => {
                code.push(next);
                next.len_utf8()
            }
        };
        rest = rest.get(skipped..).unwrap();
    }
    code
}

/// How long the text is that begins with a quote.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}
