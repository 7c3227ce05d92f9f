//! What fuzzing reached new code with, once more: `cargo xtask fuzz` finds, this keeps.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::checks;

/// Without optimization a nested condition takes more stack than a test's thread has.
const STACK_BYTES: usize = 64 << 20;

#[test]
fn every_kept_input_keeps_the_promises() {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(replay).unwrap().join().unwrap();
}

fn replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut targets = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let target = path.file_stem().unwrap().to_string_lossy().into_owned();
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept.lines().count() > 5, "{target} keeps hardly anything");
        for line in kept.lines() {
            let input = match serde_json::from_str(line).unwrap() {
                Value::String(text) => text.into_bytes(),
                bytes => serde_json::from_value(bytes).unwrap(),
            };
            assert!(checks::run(&target, &input), "there is no target {target}");
        }
        targets += 1;
    }
    assert_eq!(targets, 9);
}
