//! The `sparkwright` command as a process, without Spark: exit codes, messages, colours, and what reaches a terminal.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sparkwright::record::{ApplicationIdentity, FORMAT, Fault, PolicyIdentity, Run, RunState};
use tempfile::TempDir;

/// What a terminal would obey, and what turns the reading order around.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\rfine\u{8}\u{202e}drowssap\u{2066}";

const WARNS: &str = "environments: {production: {optimization: {cost: {budget_per_run: 5}}}}\n";
const WRONG: &str = "environments:\n  production:\n    optimization: {autoscaling: {max_executers: 3}}\n";
const TESTS: &str = "
environments: {production: {optimization: {autoscaling: {min_executors: 4}}}}
tests:
  - {name: passes, environment: production, expect: {executors: 4}}
";
const DENIES: &str = "rules: [{name: freeze, when: 'true', deny: no releases this week}]\n";

struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for (name, text) in [
            ("warns.yaml", WARNS),
            ("wrong.yaml", WRONG),
            ("tests.yaml", TESTS),
            ("fails.yaml", &TESTS.replace("executors: 4}}\n", "executors: 5}}\n")),
            ("denies.yaml", DENIES),
            ("note.txt", "hello\n"),
            ("history.json", "[{]"),
            ("vectors.yaml", "- {note: wrong, point: plan_launch, contains: {ok: {executors: {value: 77}}}}\n"),
        ] {
            scene.write(name, text);
        }
        let traps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/wat/trap_in_eval.wat");
        fs::write(scene.0.path().join("traps.wasm"), wat::parse_file(traps).unwrap()).unwrap();
        scene
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright"));
        command.current_dir(self.0.path()).args(arguments).env("SPARKWRIGHT_HOME", self.0.path().join("home"));
        // What runs taught this user is nothing to these tests.
        command.env("XDG_DATA_HOME", self.0.path().join("data")).env_remove("SPARKWRIGHT_STORE");
        for colour in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(colour);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::by(&mut self.command(arguments))
    }
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn by(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        Self { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
    }

    /// Nothing but line breaks and tabs that a terminal obeys.
    fn is_printable(&self) -> bool {
        let obeyed = |c: char| (c.is_control() && !"\n\t".contains(c)) || "\u{202e}\u{2066}".contains(c);
        !self.out.contains(obeyed) && !self.err.contains(obeyed)
    }
}

#[test]
fn the_kind_of_what_went_wrong_decides_the_exit_code() {
    let scene = Scene::new();
    for (arguments, code, parts) in [
        // Fine.
        (&["check", "tests.yaml"][..], 0, &["tests.yaml: no problems, 1 environment"][..]),
        (&["check", "warns.yaml"], 0, &["warns.yaml: 1 warning, 1 environment", "`budget_per_run` has no effect"]),
        (&["test", "tests.yaml"], 0, &["1 test, all pass"]),
        (&["plan", "--policy", "tests.yaml", "--json"], 0, &["\"executors\""]),
        (&["runs"], 0, &["no runs in runs; `sparkwright submit` records one"]),
        (&["inspect"], 0, &["imports    none"]),
        (&["schema", "plan_launch", "--answer"], 0, &["$schema"]),
        (&["schema", "lesson"], 0, &["$schema", "idle_ms"]),
        // Something was found.
        (&["check", "--strict", "warns.yaml"], 1, &["1 warning"]),
        (&["test", "fails.yaml"], 1, &["FAILED passes", "1 of 1 test failed"]),
        (&["inspect", "--conformance", "vectors.yaml"], 1, &["WRONG wrong"]),
        // What was given is wrong.
        (&["check", "wrong.yaml"], 2, &["wrong.yaml:3:34", "did you mean `max_executors`?", "1 error"]),
        (
            &["check", "absent.yaml"],
            2,
            &["error: can't read the policy file `absent.yaml`: No such file", "help: check the path"],
        ),
        (&["check", "."], 2, &["can't read the policy file `.`", "help: name a file, not a folder"]),
        (
            &["check", "tests.yaml", "--history", "history.json"],
            2,
            &["`history.json` is not a history", "line 1 column 3"],
        ),
        (&["test", "wrong.yaml"], 2, &["wrong.yaml:3:34", "did you mean"]),
        (&["test", "warns.yaml"], 2, &["`warns.yaml` has no tests", "help:"]),
        (&["test", "tests.yaml", "--filter", "nothing"], 2, &["no test of `tests.yaml` has `nothing` in its name"]),
        (
            &["test", "tests.yaml", "--junit", "absent/x.xml"],
            2,
            &["can't write the results to `absent/x.xml`", "help: check the path"],
        ),
        (
            &["plan", "--policy", "denies.yaml"],
            2,
            &["the policy forbids this run: no releases this week (rule `freeze`)", "help:"],
        ),
        (&["plan", "--input", "absent"], 2, &["can't look at the input `absent`", "--input-bytes"]),
        (&["plan", "--type", "elt"], 2, &["invalid value 'elt'", "[possible values: ml, etl, query, general]"]),
        (&["plan", "--target", "sped"], 2, &["invalid value 'sped'", "[possible values: speed", "similar value"]),
        (&["plan", "--input-bytes", "lots"], 2, &["`lots` is not a size; write it as 100GB"]),
        (
            &["plan", "--set", "compression=zstandard"],
            2,
            &["`zstandard` is not a valid value for", "did you mean `zstd`?"],
        ),
        (&["plan", "--module", "absent.wasm"], 2, &["absent.wasm: No such file", "help: check the path"]),
        (&["plan", "--module", "note.txt"], 2, &["not a WebAssembly module", "sparkwright inspect"]),
        (&["explain"], 2, &["there is no run `last`", "sparkwright runs"]),
        (&["review", "note.txt"], 2, &["`note.txt` is not an event log of Spark", "spark.eventLog.enabled"]),
        (&["history", "absent"], 2, &["there is no run `absent`"]),
        (&["schema", "plan_lunch"], 2, &["invalid value 'plan_lunch'", "'plan_launch'"]),
        (&["schema", "--answer"], 2, &["a policy file has no answer", "help:"]),
        (&["schema", "lesson", "--answer"], 2, &["a lesson has no answer", "help:"]),
        (&["inspect", "note.txt"], 2, &["REFUSED"]),
        (&["inspect", "absent.wasm"], 2, &["can't read the policy module `absent.wasm`"]),
        (&["inspect", "--conformance", "note.txt"], 2, &["the vectors in `note.txt` can't be used", "help:"]),
        (&["clean"], 2, &["there is no spark-warehouse in this folder", "--warehouse"]),
        (&["plugin", "--spark", "3.4.1"], 2, &["no plugin for Spark 3.4.1", "--spark"]),
        (&["web", "absent.yaml"], 2, &["absent.yaml", "help:"]),
        // Sparkwright or the module failed.
        (&["plan", "--module", "traps.wasm"], 3, &["error: the module trapped in `eval`", "help: this is a fault"]),
        (&["test", "tests.yaml", "--module", "traps.wasm"], 3, &["trapped"]),
    ] {
        let said = scene.run(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}\n{}{}", said.out, said.err);
        for part in parts {
            assert!(
                said.out.contains(part) || said.err.contains(part),
                "{arguments:?}: no {part} in\n{}{}",
                said.out,
                said.err
            );
        }
        assert_eq!(
            said.err.matches("error").count().min(1),
            usize::from(code >= 2 && said.out.is_empty()),
            "{arguments:?}: {}",
            said.err
        );
    }
}

#[test]
fn the_help_states_the_exit_codes() {
    let scene = Scene::new();
    let help = scene.run(&["--help"]).out;
    for part in [
        "Exit codes:",
        "0  fine",
        "1  something was found",
        "2  an argument",
        "3  Sparkwright or the policy module failed",
    ] {
        assert!(help.contains(part), "no {part} in {help}");
    }
    for command in ["submit", "check", "test", "inspect", "clean"] {
        let help = scene.run(&[command, "--help"]).out;
        assert!(help.contains("Exit code"), "{command}: {help}");
    }
}

#[test]
fn the_plugin_is_told_of_a_command_that_is_not_on_the_path() {
    let scene = Scene::new();
    let confs = |path: &Path| {
        let said = Said::by(scene.command(&["plugin", "--json"]).env("PATH", path));
        let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        told["confs"]["spark.sparkwright.command"].clone()
    };
    let command = env!("CARGO_BIN_EXE_sparkwright");
    assert_eq!(confs(Path::new("/nowhere")), command);
    // A link to it has its name.
    std::os::unix::fs::symlink(command, scene.0.path().join("sparkwright")).unwrap();
    assert_eq!(confs(scene.0.path()), Value::Null);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_ends_nothing() {
    let scene = Scene::new();
    let limited = |arguments: &str| {
        let limit = format!("ulimit -f 0 && exec {} {arguments}", env!("CARGO_BIN_EXE_sparkwright"));
        Said::by(
            Command::new("bash").args(["-c", &limit]).current_dir(&scene.0).env("SPARKWRIGHT_HOME", scene.0.path()),
        )
    };
    let plugin = limited("plugin");
    assert_eq!(plugin.code, Some(2), "{}", plugin.err);
    assert!(plugin.err.contains("can't write the plugin") && plugin.err.contains("File too large"), "{}", plugin.err);
    let plan = limited("plan --input-bytes 1GB");
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    // Nor does a disk that takes no more of what is told.
    for (arguments, code) in [("plugin --spark 9", 2), ("plan --input-bytes 1GB", 0)] {
        assert_eq!(limited(&format!("{arguments} 2>/dev/full")).code, Some(code), "{arguments}");
    }
}

#[test]
fn colours_are_asked_for_by_the_terminal_or_by_the_environment() {
    let scene = Scene::new();
    for (environment, coloured) in [
        (&[][..], false),
        (&[("CLICOLOR_FORCE", "1")][..], true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")][..], false),
        (&[("CLICOLOR_FORCE", "")][..], false),
    ] {
        for arguments in
            [&["check", "wrong.yaml"][..], &["test", "tests.yaml"], &["plan", "--policy", "wrong.yaml"], &["explain"]]
        {
            let said = Said::by(scene.command(arguments).envs(environment.iter().copied()));
            let found = said.out.contains('\u{1b}') || said.err.contains('\u{1b}');
            assert_eq!(found, coloured, "{environment:?} {arguments:?}: {:?}", (said.out, said.err));
        }
    }
}

#[test]
fn policies_reach_the_terminal_printable() {
    let scene = Scene::new();
    let quoted = serde_json::to_string(HOSTILE).unwrap();
    let policy = format!(
        "environments:\n  {quoted}: {{optimization: {{{quoted}: 3, cost: {{budget_per_run: 5, currency: {quoted}}}}}}}\n\
         rules:\n  - {{name: {quoted}, when: {quoted}, deny: {quoted}}}\n  - {{name: {quoted}, when: 'true', set: {{min_executors: 300}}}}\n\
         tests:\n  - {{name: {quoted}, expect: {{{quoted}: 3}}}}\n"
    );
    // The name of the file is as hostile as its contents.
    let name = format!("{}.yaml", HOSTILE.replace('/', ""));
    scene.write(&name, &policy);
    scene.write("raw.yaml", &format!("environments: {{a: {{optimization: {{max_executors: x{HOSTILE}}}}}}}\n"));
    let right = format!(
        "rules: [{{name: {quoted}, when: 'true', deny: {quoted}}}]\ntests:\n  - {{name: {quoted}, expect: {{executors: {quoted}}}}}\n"
    );
    scene.write("right.yaml", &right);
    for arguments in [
        &["check", &name][..],
        &["check", "--json", &name],
        &["check", "raw.yaml"],
        &["test", &name],
        &["test", "right.yaml"],
        &["test", "--json", "right.yaml"],
        &["plan", "--policy", "right.yaml"],
        &["plan", "--policy", "right.yaml", "--environment", HOSTILE],
        &["plan", "--set", &format!("compression={HOSTILE}")],
        &["explain", HOSTILE],
        &["review", HOSTILE],
        &["inspect", HOSTILE],
        &["clean", "--warehouse", HOSTILE],
    ] {
        let said = scene.run(arguments);
        assert!(said.is_printable(), "{arguments:?}: {:?}", (&said.out, &said.err));
        assert!(said.out.len() + said.err.len() > 20, "{arguments:?}");
    }
    let findings: Value = serde_json::from_str(&scene.run(&["check", "--json", &name]).out).unwrap();
    assert_eq!(findings[0]["file"], name.as_str(), "JSON holds the same name");
}

#[test]
fn records_and_logs_reach_the_terminal_printable() {
    let scene = Scene::new();
    let hostile = || format!("{HOSTILE}\n9 faults");
    let run = Run {
        format: FORMAT,
        application: ApplicationIdentity {
            id: "app-1".into(),
            name: hostile(),
            master: hostile(),
            ..ApplicationIdentity::default()
        },
        policy: PolicyIdentity { environment: hostile(), file: hostile(), ..PolicyIdentity::default() },
        mode: hostile(),
        state: RunState::Ended,
        faults: vec![Fault { at_ms: 0, what: hostile(), times: 1 }],
        ..Run::default()
    };
    let folder = scene.0.path().join("runs/app-1");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("run.json"), serde_json::to_vec(&run).unwrap()).unwrap();
    fs::write(folder.join("journal.jsonl"), "").unwrap();
    let name = serde_json::to_string(&hostile()).unwrap();
    let log = [
        format!(r#"{{"Event":"SparkListenerApplicationStart","App Name":{name},"App ID":"app-1","Timestamp":1}}"#),
        r#"{"Event":"SparkListenerApplicationEnd","Timestamp":5}"#.to_owned(),
        HOSTILE.to_owned(),
    ];
    scene.write("log", &log.join("\n"));
    for arguments in [
        &["runs"][..],
        &["runs", "--json"],
        &["explain"],
        &["explain", "--short"],
        &["explain", "--json"],
        &["review", "log"],
        &["review", "--json", "log"],
    ] {
        let said = scene.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
        assert!(said.is_printable(), "{arguments:?}: {:?}", (&said.out, &said.err));
    }
    let told = scene.run(&["explain", "--short"]).out;
    assert!(told.starts_with("app-1 (\\u{1b}[2J"), "{told}");
    assert!(!told.lines().next().unwrap().ends_with("drowssap"), "a name stays on its line: {told}");
    let json: Value = serde_json::from_str(&scene.run(&["explain", "--json"]).out).unwrap();
    assert_eq!(json["application"]["name"], hostile().as_str(), "JSON holds the same name");
    // A record that can't be read is said, and the others are listed.
    fs::create_dir_all(scene.0.path().join("runs/app-2")).unwrap();
    for file in ["run.json", "journal.jsonl"] {
        fs::write(scene.0.path().join("runs/app-2").join(file), "{}").unwrap();
    }
    let said = scene.run(&["runs"]);
    assert!(said.out.contains("app-1") && said.err.contains("left out 1 run"), "{}{}", said.out, said.err);
}
