//! The jobs of a store, as a browser asks for them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use sparkwright_core::facts::PastRun;
use sparkwright_core::lesson::{LESSON_FORMAT, Lesson, RunEnd};

use super::*;
use crate::store::Store;

fn lesson_of(job: &str, number: u64) -> Lesson {
    Lesson {
        format: LESSON_FORMAT,
        job: job.to_owned(),
        application: format!("app-{number}"),
        started_ms: 1_700_000_000_000 + number * 86_400_000,
        ended: RunEnd::Well,
        executor_ms: 240_000,
        run: PastRun { run_ms: 60_000, executors: 4, ..PastRun::default() },
        ..Lesson::default()
    }
}

fn keep(store: &Path, lessons: impl IntoIterator<Item = Lesson>) {
    let store = Store::at(store.to_str().unwrap(), PATIENCE).unwrap();
    lessons.into_iter().for_each(|lesson| assert!(store.keep(&lesson).unwrap()));
}

/// A server with a store of these lessons.
fn served_with(lessons: impl IntoIterator<Item = Lesson>) -> (Served, TempDir) {
    let store = tempfile::tempdir().unwrap();
    keep(store.path(), lessons);
    let address = store.path().to_str().unwrap().to_owned();
    (Served::with(|options| options.store = Some(address)), store)
}

/// The address of a job, every byte of its name in digits.
fn address(job: &str) -> String {
    let name: String = job.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/jobs/{name}.json")
}

#[test]
fn jobs_are_listed_and_each_has_its_runs_and_what_the_next_one_starts_with() {
    let (served, _store) = served_with((0..3).map(|number| lesson_of("nightly load", number)));
    let all = served.get("/jobs.json");
    assert_eq!((all.status, all.json()["jobs"].as_array().unwrap().len()), (200, 1));
    let row = &all.json()["jobs"][0];
    assert_eq!(
        (&row["job"], &row["runs"], &row["last"]["application"]),
        (&json!("nightly load"), &json!(3), &json!("app-2"))
    );

    let one = served.get("/jobs/nightly%20load.json").json();
    let started = |at: usize| one["runs"][at]["application"].clone();
    assert_eq!((&one["job"], started(0), started(2)), (&json!("nightly load"), json!("app-2"), json!("app-0")));
    let executors = one["next"]["decisions"].as_array().unwrap().iter().find(|it| it["name"] == "executors").unwrap();
    assert!(executors["value"].as_u64().unwrap() <= 8, "by the served policy: {executors}");
    assert!(executors["text"].is_string() && executors["why"].is_string() && executors["grade"].is_string());
    assert!(one.get("next_unknown").is_none());

    let absent = served.get("/jobs/other.json");
    assert_eq!(
        (absent.status, absent.json()),
        (404, json!({"error": "no run of `other` has left a lesson in this store"}))
    );
    for nothing in ["/jobs/nightly%20load", "/jobs/", "/jobs/a/b.json"] {
        assert_eq!(served.get(nothing).status, 404, "{nothing}");
    }
    assert_eq!(served.ask("PUT", "/jobs.json", &[], "").status, 405);
    assert_eq!(served.ask("DELETE", "/jobs/nightly%20load.json", &[], "").status, 405);
    let stranger = [("host", "evil.example")];
    assert_eq!(served.ask("GET", "/jobs.json", &stranger, "").status, 403);
}

#[test]
fn a_job_may_be_called_anything() {
    let names = ["a/b?c#d&e=f%20", "..", "x.json", "größer 🌙", "<script>", "\"quoted\"", "con\\aux:1"];
    let (served, _store) = served_with(names.map(|name| lesson_of(name, 1)));
    assert_eq!(served.get("/jobs.json").json()["jobs"].as_array().unwrap().len(), names.len());
    for name in names {
        let one = served.get(&address(name));
        assert_eq!((one.status, &one.json()["job"]), (200, &json!(name)), "{name}");
    }
    for odd in ["/jobs/%ff%fe.json", "/jobs/%00.json", "/jobs/.json", "/jobs/..%2f..%2fetc%2fpasswd.json"] {
        let answer = served.get(odd);
        assert!(matches!(answer.status, 400 | 404) && !answer.body.is_empty(), "{odd}: {answer:?}");
    }
}

#[test]
fn the_policy_file_may_name_the_store_and_be_unusable_later() {
    let store = tempfile::tempdir().unwrap();
    keep(store.path(), [lesson_of("nightly", 1)]);
    let served = Served::new();
    let policy = served.folder.path().join("team.yaml");
    fs::write(&policy, "global_optimization: {monitoring: {store: none}}\n").unwrap();
    let without = served.get("/jobs.json").json();
    assert_eq!(without["jobs"], json!([]));
    let words = without["no_store"].as_str().unwrap();
    assert!(words.contains("--store") && words.contains("SPARKWRIGHT_STORE"), "{words}");
    assert_eq!(served.get("/jobs/nightly.json").status, 404);

    fs::write(&policy, format!("global_optimization: {{monitoring: {{store: {}}}}}\n", store.path().display()))
        .unwrap();
    assert_eq!(served.get("/jobs.json").json()["jobs"][0]["job"], "nightly");
    assert!(served.get("/jobs/nightly.json").json()["next"].is_object());

    let address = store.path().to_str().unwrap().to_owned();
    let served = Served::with(|options| options.store = Some(address));
    fs::write(served.folder.path().join("team.yaml"), "nonsense: [").unwrap();
    let one = served.get("/jobs/nightly.json");
    assert_eq!((one.status, one.json()["runs"].as_array().unwrap().len(), &one.json()["next"]), (200, 1, &Json::Null));
    let why = one.json()["next_unknown"].as_str().unwrap().to_owned();
    assert!(why.contains("the policy can't be used: "), "{why}");
}

/// A listener that says this to whoever comes; nothing at all where that is empty.
fn listener(says: &'static str) -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.try_clone().unwrap();
    thread::spawn(move || {
        for mut stream in taken.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(says.as_bytes());
            if says.is_empty() {
                // Held, and never answered.
                std::mem::forget(stream);
            }
        }
    });
    (listener.local_addr().unwrap(), listener)
}

#[test]
fn a_store_that_refuses_or_hangs_costs_its_own_answers_alone() {
    let (denied, _listener) = listener("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let served = Served::with(|options| options.store = Some(format!("http://{denied}/lessons")));
    for path in ["/jobs.json", "/jobs/nightly.json"] {
        let refused = served.get(path);
        let why = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(refused.status == 502 && why.contains("does not list") && why.contains("check the address"), "{why}");
    }
    for (wrong, words) in [("ftp://host/x", "is no store of lessons"), ("/dev/null/below", "can't be used")] {
        let served = Served::with(|options| options.store = Some(wrong.to_owned()));
        let refused = served.get("/jobs.json");
        assert!(refused.status == 502 && refused.text().contains(words), "{wrong}: {}", refused.text());
    }

    let (silent, _listener) = listener("");
    let served = Served::with(|options| options.store = Some(format!("http://{silent}/lessons")));
    let asks: Vec<TcpStream> = (0..20)
        .map(|_| served.connect(&format!("GET /jobs.json HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", served.port)))
        .collect();
    let began = Instant::now();
    assert_eq!((served.get("/server.json").status, served.get("/runs.json").status), (200, 200));
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(asks);
}
