//! Where and by what settings an application is started makes no difference to how it ends: folders of any name, properties in any form, nowhere to
//! write, a driver elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use sparkwright_tests::application::{Application, Outcome};
use sparkwright_tests::event_log::EventLog;
use sparkwright_tests::paths;
use support::{Scene, faults, host_of, own_lines, program, wait_for};

/// What means something in URIs, globs, lists, shells and properties files, a blank, and a letter beyond ASCII.
const NAME: &str = "it's run #1, 50%20 [größe] {a}";
/// The same without what Spark takes for a list or a pattern in the path of a jar.
const NAME_OF_A_JAR: &str = "it's run #1 50%20 größe";
const LOCAL: [&str; 2] = ["--master", "local[2]"];

/// An application in a folder of that name, with Sparkwright's own files and Spark's configuration in it too.
fn there(scene: &Scene, application: Application, locale: &str) -> Application {
    let place = scene.path(NAME);
    fs::create_dir_all(place.join("conf")).unwrap();
    // As people write it: a byte of Latin-1 in a comment, a value on two lines, each separator, an escape.
    let defaults: &[u8] = b"# caf\xe9\nspark.sql.shuffle.partitions : 7\nspark.driver.extraJavaOptions=-Dspark.test.a=1 \\\n    -Dspark.test.b=2\nspark.test.mark\tgr\\u00f6\xc3\x9fe\n";
    fs::write(place.join("conf/spark-defaults.conf"), defaults).unwrap();
    application
        .env("SPARKWRIGHT_HOME", place.join("home"))
        .env("SPARK_CONF_DIR", place.join("conf"))
        .env("LC_ALL", locale)
        .in_folder(&place)
}

#[test]
fn a_folder_of_any_name_and_properties_in_any_form() {
    let scene = Scene::new();
    let runs = scene.path(NAME).join("runs");
    let submit = scene.quiet(scene.sparkwright().args(["submit", "--environment", "production"]));
    let line = [program("exits.py"), "fine".into()];
    let outcome = there(&scene, submit, "C.UTF-8")
        .env("SPARKWRIGHT_HOME", scene.path(NAME_OF_A_JAR))
        .args(LOCAL)
        .args(&line)
        .run()
        .unwrap();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    assert_eq!(own_lines(&outcome), ["counted 500"]);
    assert!(!outcome.stderr.contains("unsteered"), "{}", outcome.stderr);
    let run = scene.record_in(&runs);
    assert_eq!((&run["state"], faults(&run).as_str()), (&"ended".into(), ""), "{run:#}");
    let log = runs.join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
    let confs = EventLog::read(&log).unwrap().conf;
    assert_eq!(confs["spark.sql.shuffle.partitions"], "7");
    // Spark puts options of its own before them.
    let options = &confs["spark.driver.extraJavaOptions"];
    assert!(options.ends_with("-Dspark.test.a=1 -Dspark.test.b=2"), "{options}");
    assert_eq!(confs["spark.test.mark"], "größe");
    // What stands in the file is the user's: nothing of it was decided.
    let decisions = run["decisions"].as_array().unwrap();
    let sets = decisions.iter().filter(|it| it["applied"] == true).flat_map(|it| it["sets"].as_array().unwrap());
    assert!(sets.clone().count() > 0, "{decisions:#?}");
    assert!(sets.clone().all(|set| set["key"] != "spark.sql.shuffle.partitions"), "{decisions:#?}");

    // Where Spark could not load the plugin the application has to run all the same.
    let submit = scene.quiet(scene.sparkwright().args(["submit", "--environment", "production"]));
    let outcome = there(&scene, submit, "C.UTF-8").args(LOCAL).args(&line).run().unwrap();
    assert_eq!((outcome.code(), own_lines(&outcome)), (Some(0), vec!["counted 500"]), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("runs unsteered: the plugin can't be loaded from"), "{}", outcome.stderr);
}

#[test]
fn a_locale_without_a_name_for_the_folder() {
    let scene = Scene::new();
    let line = [program("exits.py"), "fine".into()];
    let alone = there(&scene, scene.alone(), "C").args(LOCAL).args(&line).run().unwrap();
    let submit = scene.quiet(scene.sparkwright().args(["submit", "--environment", "production"]));
    let steered = there(&scene, submit, "C").args(LOCAL).args(&line).run().unwrap();
    assert_eq!((alone.code(), own_lines(&alone)), (steered.code(), own_lines(&steered)), "{}", steered.stderr);
    assert!(steered.stderr.contains("runs unsteered") && steered.stderr.contains("not UTF-8"), "{}", steered.stderr);
}

#[test]
fn nowhere_to_write() {
    for (home, cache) in [("", ""), ("/proc/none", ""), ("/root", "/proc/none")] {
        let scene = Scene::new();
        let outcome = scene
            .steered::<&str>([])
            .env("HOME", home)
            .env("SPARKWRIGHT_HOME", cache)
            .args(LOCAL)
            .args([program("exits.py"), "three".into()])
            .run()
            .unwrap();
        assert_eq!(outcome.code(), Some(3), "HOME={home} SPARKWRIGHT_HOME={cache}: {}", outcome.stderr);
        assert_eq!(own_lines(&outcome), ["counted 500"]);
        assert!(outcome.stderr.contains("runs unsteered: the plugin can't be written"), "{}", outcome.stderr);
    }
}

#[test]
fn a_driver_elsewhere() {
    let scene = Scene::new();
    let line = ["--master", "local[2]", "--deploy-mode", "cluster", &program("exits.py"), "fine"];
    let alone = scene.alone().args(line).run().unwrap();
    let steered = scene.steered::<&str>([]).args(line).run().unwrap();
    assert_eq!(alone.code(), steered.code());
    // Spark's own word on it is the last.
    assert!(
        steered.stderr.contains("runs unsteered: --deploy-mode cluster starts the driver on another machine"),
        "{}",
        steered.stderr
    );
    assert!(steered.stderr.contains("Cluster deploy mode"), "{}", steered.stderr);
    let left: Vec<_> = fs::read_dir(scene.runs()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".eventlog")), "{left:?}");
}

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => holding(&path, text),
        false => {
            let held = fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes());
            if held { vec![path] } else { Vec::new() }
        }
    };
    entries.flat_map(below).collect()
}

#[test]
fn nothing_secret_is_kept_of_a_run() {
    for rolling in ["false", "true"] {
        let scene = Scene::new();
        let outcome = scene
            .steered::<&str>([])
            .args(LOCAL)
            .args(["--conf", "spark.hadoop.fs.azure.account.key.x=SECRET-account"])
            .args(["--conf", "spark.driver.extraJavaOptions=-Dmy.trustStorePassword=SECRET-option"])
            .args(["--conf", "spark.eventLog.compress=false"])
            .args(["--conf", &format!("spark.eventLog.rolling.enabled={rolling}")])
            .args([program("confidential.py"), scene.text("rows")])
            .run()
            .unwrap();
        assert_eq!((outcome.code(), own_lines(&outcome)), (Some(0), vec!["counted 101"]), "{}", outcome.stderr);
        let run = scene.record();
        let log =
            scene.runs().join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
        assert_eq!(EventLog::read(&log).unwrap().conf["spark.app.name"], "confidential");
        assert!(run["review"].is_object(), "{run:#}");
        assert_eq!(holding(&scene.runs(), "SECRET"), Vec::<PathBuf>::new(), "rolling {rolling}");
    }
}

/// The host lives on, and keeps what Spark had written, as of any other run.
#[test]
fn nothing_secret_is_kept_of_a_driver_that_was_killed() {
    let scene = Scene::new();
    let running = scene
        .steered::<&str>([])
        .args(LOCAL)
        .args(["--conf", "spark.hadoop.fs.azure.account.key.x=SECRET-account"])
        .args([program("exits.py"), "long".into(), scene.text("work"), "--seconds".into(), "60".into()])
        .start(|_| {})
        .unwrap();
    let driver = running.id();
    host_of(driver);
    wait_for("decisions", || scene.journal().contains("plan_query").then_some(()));
    kill_process(Pid::from_raw(i32::try_from(driver).unwrap()).unwrap(), Signal::KILL).unwrap();
    assert_ne!(running.finish().unwrap().code(), Some(0));
    let run = scene.record();
    assert!(run["event_log"].is_string(), "{run:#}");
    wait_for("the end of the host", || holding(&scene.runs(), "SECRET").is_empty().then_some(()));
    let log = scene.runs().join(run["application"]["id"].as_str().unwrap()).join(run["event_log"].as_str().unwrap());
    assert_eq!(EventLog::read(&log).unwrap().conf["spark.app.name"], "exits long");
}

/// A module that would keep its compiler busy for minutes: the policy can't decide, and the application runs all the same.
#[test]
fn a_module_that_takes_too_long_to_compile() {
    let scene = Scene::new();
    let least = fs::read_to_string(paths::workspace().join("tests/wat/least.wat")).unwrap();
    let (least, _) = least.trim_end().rsplit_once(')').unwrap();
    let loops = "(loop (local.set 1 (i32.add (local.get 0) (local.get 1))) (br_if 0 (local.get 0)))".repeat(200_000);
    let module = wat::parse_str(format!("{least} (func (local i32 i32) {loops}))")).unwrap();
    fs::write(scene.path("slow.wasm"), module).unwrap();
    let outcome =
        scene.steered(["--module", "slow.wasm"]).args(LOCAL).args([program("exits.py"), "three".into()]).run();
    let outcome = outcome.unwrap();
    assert_eq!((outcome.code(), own_lines(&outcome)), (Some(3), vec!["counted 500"]), "{}", outcome.stderr);
    let told = "runs unsteered: the module can't be compiled";
    assert!(outcome.stderr.contains(told) && outcome.stderr.contains("in the largest"), "{}", outcome.stderr);
    let run = scene.record();
    assert_eq!(run["state"], "host_lost", "{run:#}");
    assert!(faults(&run).contains("can't be compiled"), "{run:#}");
}

#[test]
fn limits_of_the_shell() {
    // Blocks of 1024 bytes: no file of ours fits, the event log neither. Descriptors that are enough for a shell and Java, and few for a host.
    // Alone Spark can't write its own files, can write them, and can't open its jars.
    for (limit, code) in [("ulimit -f 0", Some(1)), ("ulimit -f 64", Some(3)), ("ulimit -n 64", Some(1))] {
        let scene = Scene::new();
        let ended = |application: Application| {
            application.args(LOCAL).args([program("exits.py"), "three".into()]).run().unwrap()
        };
        let alone = ended(scene.alone().after_shell(limit));
        assert_eq!(alone.code(), code, "{limit}: {}", alone.stderr);
        let steered = ended(scene.steered::<&str>([]).after_shell(limit));
        // Where Spark fails, its text counts what Python holds of the JVM: one object for each conf, of which the steered one has a few more.
        let uncounted = |outcome: &Outcome| -> Vec<String> {
            own_lines(outcome).into_iter().map(|line| line.replace(|it: char| it.is_ascii_digit(), "")).collect()
        };
        assert_eq!(
            (alone.code(), uncounted(&alone)),
            (steered.code(), uncounted(&steered)),
            "{limit}: {}",
            steered.stderr
        );
    }
}

#[test]
fn nowhere_to_record() {
    for name in ["pipe", "read-only"] {
        let scene = Scene::new();
        let runs = scene.runs();
        match name {
            "pipe" => mknodat(CWD, &runs, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
            // Also for root.
            _ => std::os::unix::fs::symlink("/proc/self", &runs).unwrap(),
        }
        let outcome = scene.steered::<&str>([]).args(LOCAL).args([program("exits.py"), "three".into()]).run().unwrap();
        assert_eq!((outcome.code(), own_lines(&outcome)), (Some(3), vec!["counted 500"]), "{name}: {}", outcome.stderr);
    }
}
