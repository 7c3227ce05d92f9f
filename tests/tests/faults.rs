//! The table of faults: whatever fails on our side, the application ends as it would have alone, and the record says what
//! happened.
//!
//! What needs no application that runs, or a place of its own, has its test elsewhere; the programs that were reported, as they are, in `reported.rs`:
//!
//! | fault | test |
//! |---|---|
//! | a column that fails and that nobody asks for | plugin scenario `columns_that_no_query_asks_for` |
//! | text whose rows depend on the columns asked for | `rows_that_depend_on_the_columns_asked_for` |
//! | a program that reads a few rows and stops | `rows_that_no_query_reads` |
//! | a fill that fails or is cancelled | `a_fill_that_fails` |
//! | Kryo that requires registration | `kryo_that_requires_registration` |
//! | NaN beside the bounds of a batch | `numbers_that_are_none` |
//! | an object that is asked again, cached, or made an RDD of | `the_same_object_again`, `what_an_object_remembers` |
//! | a file of the same size whose time was put back | `contents_with_the_old_length_and_time` |
//! | settings of ours in a session, in a streaming query's checkpoint | `a_plan_outside_of_an_execution`; `applications`: `structured_streaming` |
//! | a program that sets `spark.plugins` itself | `applications`: `a_plugin_of_the_program_s_own` |
//! | a working folder with a blank, `#`, `%`, letters beyond ASCII | `environment`: `a_folder_of_any_name_and_properties_in_any_form`, `a_locale_without_a_name_for_the_folder` |
//! | `spark-defaults.conf` as Java reads it; `--properties-file`, `--load-spark-defaults` | the same; `host/src/launch/properties.rs`, `launch/arguments.rs` |
//! | no folder to write to, no HOME; `--deploy-mode cluster` | `environment`: `nowhere_to_write`, `a_driver_elsewhere` |
//! | `ulimit -f`, `ulimit -n`; records in a folder that can't be written, or on a pipe | `environment`: `limits_of_the_shell`, `nowhere_to_record` |
//! | `/dev/zero` as a policy, a pipe as `run.json` | `host/src/bounded_file.rs` |
//! | `plugin --json` where the command is not on the PATH | `host/tests/command.rs` |
//! | a byte that is no UTF-8 in an event log, a line without end (`bomb.zstd`) | `host/event-log/src/lib.rs` |
//! | files of a write without adaptive execution | `core/src/query/tests.rs`: `what_is_tied_to_partitions_keeps_their_number` |
//! | a second context in the JVM | `applications`: `threads_sessions_and_contexts` |
//! | fills at the same time | `invisible`: `hostile_cases_give_the_same_results` (`threads`) |
//! | a driver that is killed | `environment`: `nothing_secret_is_kept_of_a_driver_that_was_killed` |
//! | `web`: no descriptors left | `host/tests/web_command.rs`: `without_descriptors_nobody_else_is_let_in` |
//! | `web`: strangers, requests half sent, a pipe as its policy, signals | `host/src/web/tests.rs`, `host/tests/web_command.rs` |
//! | records that others can read | `host/src/record/recorder.rs`: `a_record_is_for_its_user_alone` |
//! | secrets in the event log that `submit` switches on | `environment`: `nothing_secret_is_kept_of_a_run`; `host/src/review/redacted.rs` |
//! | a module that takes too long to compile | `environment`: `a_module_that_takes_too_long_to_compile`; `host/tests/engine_hostile.rs` |
//! | policy files of thousands of environments | `core/policy/tests/policy/limits.rs` |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use sparkwright_tests::application::Outcome;
use sparkwright_tests::paths;
use support::{Scene, content, faults, host_of, own_lines, program, wait_for};

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The last line of the program's output, which sums up all its results.
fn sum(outcome: &Outcome) -> String {
    own_lines(outcome).last().copied().unwrap_or_default().to_owned()
}

const LOCAL: [&str; 2] = ["--master", "local[2]"];
/// How long the long program goes on at least; it makes two rounds of queries in any case.
const SECONDS: &str = "6";

fn long(folder: &Path) -> Vec<String> {
    let work = folder.join("work").display().to_string();
    vec![program("exits.py"), "long".into(), work, "--seconds".into(), SECONDS.into()]
}

/// A steered run of the long program, with what a test breaks.
struct Run {
    scene: Scene,
    /// The host's process id.
    host: u32,
    rounds: Arc<AtomicUsize>,
}

impl Run {
    /// Waits until the program has made so many more rounds of queries.
    fn wait_for_rounds(&self, more: usize) {
        let wanted = self.rounds.load(Ordering::Relaxed) + more;
        wait_for("rounds of queries", || (self.rounds.load(Ordering::Relaxed) >= wanted).then_some(()));
    }
}

/// Runs the long program steered and has `break_it` do its worst to the host meanwhile; the program
/// must end with 0 and the sum that it prints for itself must say that every result was as expected.
fn survives(options: &[&str], break_it: impl FnOnce(&Run)) -> (Scene, Outcome, Value) {
    let (scene, rounds) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&rounds);
    let say = move |line: &str| {
        count.fetch_add(usize::from(line.starts_with("tick ")), Ordering::Relaxed);
    };
    let running = scene.steered(options).args(LOCAL).args(long(&scene.path(""))).start(say).unwrap();
    let run = Run { host: host_of(running.id()), scene, rounds };
    break_it(&run);
    let scene = run.scene;
    let outcome = running.finish().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert!(sum(&outcome).contains("checksum"), "{}", outcome.stdout);
    let record = scene.record();
    (scene, outcome, record)
}

/// The checksum of the long program when nobody steers it: the same however many rounds it got through.
fn checksum(line: &str) -> Value {
    let found: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    found["checksum"].clone()
}

/// The TCP sockets that a process holds, as lines of `/proc/net/tcp` and `tcp6`.
fn tcp_sockets(pid: u32) -> Vec<String> {
    let held: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| {
            fs::read_link(entry.ok()?.path())
                .ok()?
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        })
        .collect();
    assert!(!held.is_empty(), "the host holds its Unix socket at least");
    let tables =
        ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let inode = |line: &&str| line.split_whitespace().nth(9).is_some_and(|inode| held.contains(inode));
    tables.iter().flat_map(|table| table.lines().filter(inode)).map(str::to_owned).collect()
}

#[test]
fn host_killed_at_start() {
    let (_, outcome, record) = survives(&[], |run| signal(run.host, Signal::KILL));
    assert_eq!(record["state"], "host_lost");
    assert!(faults(&record).contains("host was lost"), "{record:#}");
    let scene = Scene::new();
    let (plain, _) = scene.alone_once(&LOCAL, long, |_| {}, Duration::from_secs(600));
    assert_eq!(checksum(&sum(&outcome)), checksum(&sum(&plain)));
}

#[test]
fn host_killed_mid_query() {
    let (_, outcome, record) = survives(&[], |run| {
        wait_for("decisions", || run.scene.journal().contains("plan_query").then_some(()));
        assert_eq!(tcp_sockets(run.host), Vec::<String>::new(), "no TCP port is opened beside an application");
        signal(run.host, Signal::KILL);
    });
    assert_eq!(record["state"], "host_lost");
    assert!(record["decisions"].as_array().unwrap().iter().any(|it| it["point"] == "plan_query"), "{record:#}");
    assert!(outcome.stderr.contains("parkwright"), "the driver's log says nothing: {}", outcome.stderr);
}

#[test]
fn host_killed_mid_scale() {
    let scene = Scene::new();
    let running = scene
        .steered(["--set", "autoscaling.min_executors=1", "--set", "autoscaling.max_executors=3"])
        .args(["--master", "local-cluster[3,1,1024]", "--conf", "spark.executor.memory=512m"])
        .args(["--conf", "spark.executor.cores=1"])
        .args([program("exits.py"), "tasks".into()])
        .start(|_| {})
        .unwrap();
    let host = host_of(running.id());
    wait_for("a change of executors", || scene.journal().contains("\"asked\"").then_some(()));
    signal(host, Signal::KILL);
    let outcome = running.finish().unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert_eq!(scene.record()["state"], "host_lost");
}

#[test]
fn host_stopped_for_ten_seconds() {
    let (_, outcome, record) = survives(&[], |run| {
        let hold = run.scene.path("work/hold");
        fs::create_dir_all(run.scene.path("work")).unwrap();
        fs::write(&hold, "").unwrap();
        wait_for("decisions", || run.scene.journal().contains("plan_query").then_some(()));
        signal(run.host, Signal::STOP);
        std::thread::sleep(Duration::from_secs(10));
        // A slow machine asks less often: as many questions as make an application unsteered, and one that was already answered.
        run.wait_for_rounds(3);
        signal(run.host, Signal::CONT);
        fs::remove_file(&hold).unwrap();
    });
    assert_eq!(record["state"], "ended");
    let faults = faults(&record);
    assert!(faults.contains("unsteered") && faults.contains("did not run for"), "{faults}");
    assert!(outcome.stderr.contains("goes on unsteered"), "{}", outcome.stderr);
}

/// Modules that answer the version and take a policy, and then do their worst. What the record must say of each.
const MODULES: &[(&str, &str)] = &[
    ("trap_in_eval", "trap"),
    ("loop_in_eval", "still running"),
    ("memory_bomb", ""),
    ("rubbish", ""),
    ("answer_too_long", ""),
];

#[test]
fn policy_modules_that_misbehave() {
    for (name, says) in MODULES {
        let wat = paths::workspace().join(format!("tests/wat/{name}.wat"));
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("bad.wasm");
        fs::write(&module, wat::parse_file(&wat).unwrap()).unwrap();
        let (_, _, record) = survives(&["--module", module.to_str().unwrap()], |_| {});
        assert_eq!(record["state"], "ended", "{name}");
        let faults = faults(&record);
        assert!(faults.contains("policy module") && faults.contains(says), "{name}: {faults}");
        assert!(record["decisions"].as_array().unwrap().is_empty(), "{name} decided: {record:#}");
    }
}

#[test]
fn socket_gone() {
    let (_, _, record) = survives(&[], |run| {
        let line = fs::read(format!("/proc/{}/cmdline", run.host)).unwrap();
        let words: Vec<_> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let at = words.iter().position(|word| word == "--socket").unwrap();
        let socket = words[at + 1].clone();
        wait_for("the socket", || fs::metadata(&socket).ok().map(drop));
        fs::remove_file(&socket).unwrap();
    });
    assert!(faults(&record).contains("no Spark application came"), "{record:#}");
}

#[test]
fn disk_for_the_record_full() {
    let scene = Scene::new();
    let runs = scene.runs();
    fs::create_dir_all(&runs).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=400k", "tmpfs"]).arg(&runs).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED disk_for_the_record_full: only root can mount a small disk");
        return;
    }
    let done = std::panic::catch_unwind(|| {
        let ended = scene.steered::<&str>([]).args(LOCAL).args(long(&scene.path(""))).run().unwrap();
        (ended, scene.record())
    });
    let listing = content(&runs.join("none"));
    let unmounted = Command::new("umount").arg("-l").arg(&runs).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    let (outcome, record) = done.unwrap_or_else(|_| panic!("failed; {listing}"));
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert!(sum(&outcome).contains("checksum"), "{}", outcome.stdout);
    let faults = faults(&record);
    assert!(faults.contains("record could not be written") || faults.contains("event log is not kept"), "{faults}");
}

/// The exit code, output and last word of an application that fails are those that it has alone.
fn ends_alike(mode: &str, code: i32, trace: &str) {
    let scene = Scene::new();
    let line = |_: &Path| vec![program("exits.py"), mode.into()];
    let (alone, _) = scene.alone_once(&LOCAL, line, |_| {}, Duration::from_secs(600));
    let steered = scene.steered::<&str>([]).args(LOCAL).args([program("exits.py"), mode.into()]).run().unwrap();
    assert_eq!((alone.code(), steered.code()), (Some(code), Some(code)), "{}", steered.stderr);
    assert_eq!(own_lines(&alone), own_lines(&steered));
    // spark-submit hands both of a Python program's streams on as standard output.
    assert!(alone.stdout.contains(trace) && steered.stdout.contains(trace), "{}", steered.stdout);
    assert_eq!(scene.record()["state"], "ended");
}

#[test]
fn application_that_exits_with_3() {
    ends_alike("three", 3, "");
}

#[test]
fn application_that_throws() {
    ends_alike("throws", 1, "ValueError");
}

#[test]
fn application_that_is_interrupted() {
    let interrupted = |steer: bool| {
        let scene = Scene::new();
        let application = if steer { scene.steered::<&str>([]) } else { scene.alone() };
        let (told, ticks) = std::sync::mpsc::channel();
        let running = application
            .args(LOCAL)
            .args(long(&scene.path("")))
            .start(move |line| {
                if line.starts_with("tick") {
                    let _ = told.send(());
                }
            })
            .unwrap();
        ticks.recv_timeout(Duration::from_secs(120)).expect("a first tick");
        // As a terminal does: to the whole foreground process group.
        let group = Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
        kill_process_group(group, Signal::INT).unwrap();
        let outcome = running.finish().unwrap();
        assert!(!outcome.timed_out);
        let record = steer.then(|| scene.record());
        (outcome.status, record)
    };
    let (alone, _) = interrupted(false);
    let (steered, record) = interrupted(true);
    assert_eq!(alone, steered);
    assert_eq!(record.unwrap()["state"], "ended");
}
