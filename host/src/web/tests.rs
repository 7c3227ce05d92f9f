//! The server as a browser meets it: requests over loopback.

#![allow(clippy::unwrap_used)]

mod jobs;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use include_dir::{Dir, include_dir};
use rustix::fs::{CWD, FileType, Mode};
use serde_json::{Value as Json, json};
use sparkwright_policy::digest;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Watch, WebError, WebOptions, WebServer};
use crate::record::{self, ApplicationIdentity, Change, FORMAT, Fault, Recorder, Run, RunState};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const POLICY: &str = "global_optimization: {max_executors: 8}\n";

static EMBEDDED: Dir<'static> = include_dir!("$SPARKWRIGHT_ASSETS/web");

/// A server at work, in a folder with a policy file and runs.
struct Served {
    folder: TempDir,
    port: u16,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Served {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut WebOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("team.yaml");
        fs::write(&policy, POLICY).unwrap();
        let mut options =
            WebOptions { policy: Some(policy), record: folder.path().join("runs"), ..WebOptions::default() };
        change(&mut options);
        let server = WebServer::bind(options).unwrap();
        let port = server.port;
        let (end, asked) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            server.serve(async {
                let _ = asked.await;
            })
        });
        Self { folder, port, end: Some(end), thread: Some(thread) }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("runs")
    }

    fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Sends a request whole and gives the answer to it.
    fn send(&self, request: &str) -> Answer {
        let mut bytes = Vec::new();
        self.connect(request).read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    /// A request with what every browser sends.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (port, length) = (self.port, body.len());
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// The token, as the page finds it in itself.
    fn token(&self) -> String {
        let page = self.get("/");
        let (_, behind) = page.text().split_once("<meta name=\"sparkwright-server\" content=\"").unwrap();
        behind.split_once('"').unwrap().0.to_owned()
    }

    fn put(&self, token: &str, known: &str, text: &str) -> Answer {
        self.ask("PUT", "/policy", &[("x-sparkwright-token", token), ("if-match", &format!("\"{known}\""))], text)
    }

    /// Listens to the events of a run.
    fn events(&self, id: &str) -> Events {
        let request =
            format!("GET /runs/{id}/events HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", self.port);
        let mut events = Events { lines: BufReader::new(self.connect(&request)) };
        assert_eq!(events.line(), "HTTP/1.1 200 OK");
        while !events.line().is_empty() {}
        events
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.end.take().unwrap().send(());
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event: its name and its data.
    fn next(&mut self) -> (String, Json) {
        let name = loop {
            let line = self.line();
            if let Some(name) = line.strip_prefix("event: ") {
                break name.to_owned();
            }
        };
        let data = self.line();
        (name, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
    }
}

fn application(id: &str) -> ApplicationIdentity {
    ApplicationIdentity { id: id.into(), name: "nightly".into(), spark: "4.0.1".into(), ..Default::default() }
}

fn begin(root: &Path, application: ApplicationIdentity) -> Recorder {
    // This process counts as the host of the run, and lives.
    let run = Run { format: FORMAT, application, host_pid: std::process::id(), started_ms: 1, ..Run::default() };
    fs::create_dir_all(root).unwrap();
    Recorder::begin(run, Some(root))
}

fn fault(what: &str) -> Change {
    Change::Fault(Fault { at_ms: 2, what: what.to_owned(), times: 1 })
}

#[test]
fn every_answer_carries_the_page_s_policy_and_keeps_others_out() {
    let served = Served::new();
    let index = EMBEDDED.get_file("index.html").unwrap().contents_utf8().unwrap();
    for path in [
        "/",
        "/server.json",
        "/runs.json",
        "/app_bg.wasm",
        "/nowhere",
        "/runs/none.json",
        "/jobs.json",
        "/jobs/none.json",
    ] {
        let answer = served.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        let carried = policy.strip_suffix("; frame-ancestors 'none'").unwrap();
        assert!(index.contains(&format!("content=\"{carried}\"")), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
    }
}

#[test]
fn a_request_for_another_host_is_turned_away() {
    let served = Served::new();
    let port = served.port;
    let status = |line: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("host: {host}\r\n")).collect();
        let answer = served.send(&format!("{line}\r\n{hosts}connection: close\r\n\r\n"));
        assert!(answer.status == 200 || !answer.text().contains("max_executors"));
        answer.status
    };
    let get = "GET /server.json HTTP/1.1";
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        assert_eq!(status(get, &[&host]), 200, "{host}");
        assert_eq!(status("GET / HTTP/1.1", &[&host]), 200);
    }
    let (own, other) = (format!("127.0.0.1:{port}"), format!("evil.example:{port}"));
    for host in ["127.0.0.1", &other, "evil.example", ""] {
        assert_eq!(status(get, &[host]), 403, "{host}");
    }
    assert_eq!(status(get, &[]), 403);
    assert_eq!(status(get, &[&own, &other]), 403);
    assert_eq!(status(&format!("GET http://{other}/server.json HTTP/1.1"), &[&own]), 403);
}

#[test]
fn files_are_served_as_the_browser_takes_them() {
    let served = Served::new();
    let embedded = |name: &str| EMBEDDED.get_file(name).unwrap().contents();
    let plain = served.get("/app_bg.wasm");
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/wasm")));
    assert_eq!((plain.header("content-encoding"), plain.body.as_slice()), (None, embedded("app_bg.wasm")));

    for (taken, coding, file) in
        [("gzip, deflate, br, zstd", "br", "app_bg.wasm.br"), ("gzip, deflate", "gzip", "app_bg.wasm.gz")]
    {
        let taken = ("accept-encoding", taken);
        let compressed = served.ask("GET", "/app_bg.wasm", &[taken], "");
        assert_eq!((compressed.status, compressed.header("content-type")), (200, Some("application/wasm")));
        assert_eq!(compressed.header("content-encoding"), Some(coding));
        assert_eq!(compressed.header("vary"), Some("accept-encoding"));
        assert_eq!(compressed.body, embedded(file));

        let (etag, other) = (compressed.header("etag").unwrap(), plain.header("etag").unwrap());
        assert_ne!(etag, other, "two forms are two things");
        let again = served.ask("GET", "/app_bg.wasm", &[taken, ("if-none-match", etag)], "");
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)));
        let stale = served.ask("GET", "/app_bg.wasm", &[taken, ("if-none-match", "\"other\"")], "");
        assert_eq!(stale.status, 200);
    }

    let policy = served.get("/policy.wasm");
    assert_eq!(policy.body, crate::assets::POLICY_MODULE, "the page decides by the module of this program");
    let head = served.ask("HEAD", "/app_bg.wasm", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn what_is_not_there_and_what_can_not_be_done_is_told() {
    let served = Served::new();
    fs::create_dir_all(served.root()).unwrap();
    fs::write(served.root().join("secret.json"), "secret").unwrap();
    for path in [
        "/nowhere",
        "/style.css.gz",
        "/style.css.br",
        "/index.html/",
        "/web/index.html",
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/runs/secret.json",
        "/runs/../secret.json",
        "/runs/..%2fteam.yaml.json",
        "/runs/..%2f..%2fetc%2fpasswd/events",
        "/runs/./events",
        "/runs/",
        "/runs/app-1",
        "/jobs/",
        "/jobs/../secret.json",
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.text().contains("there is n"), "{path}: {}", answer.text());
    }
    for (method, path) in [
        ("POST", "/server.json"),
        ("PUT", "/runs.json"),
        ("DELETE", "/"),
        ("GET", "/policy"),
        ("POST", "/policy"),
        ("OPTIONS", "/policy"),
        ("PATCH", "/app.js"),
        ("PUT", "/runs/a.json"),
    ] {
        let answer = served.ask(method, path, &[], "");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").is_some() && !answer.body.is_empty(), "{method} {path}: {}", answer.head);
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

#[test]
fn the_page_is_told_of_its_policy_file_and_writes_it() {
    let served = Served::new();
    let path = served.folder.path().join("team.yaml");
    let about = served.get("/server.json").json();
    let text = json!({"name": "team.yaml", "text": POLICY, "sha256": digest(POLICY.as_bytes()), "read_only": null});
    assert_eq!(about["policy"], text);
    assert_eq!((&about["version"], &about["watch"]), (&json!(env!("CARGO_PKG_VERSION")), &Json::Null));

    let (token, known) = (served.token(), digest(POLICY.as_bytes()));
    let next = "# größer\nglobal_optimization: {max_executors: 16}\n";
    for wrong in ["", "guess", &token[1..]] {
        let refused = served.put(wrong, &known, next);
        assert_eq!(refused.status, 403, "{wrong}");
        assert!(refused.json()["error"].is_string());
    }
    assert_eq!(served.ask("PUT", "/policy", &[("if-match", &known)], next).status, 403);
    assert_eq!(served.ask("PUT", "/policy", &[("x-sparkwright-token", &token)], next).status, 428);
    assert_eq!(served.put(&token, &known, &"#".repeat(sparkwright_policy::MAX_BYTES + 1)).status, 413);
    assert_eq!(fs::read_to_string(&path).unwrap(), POLICY, "nothing was written");

    let written = served.put(&token, &known, next);
    assert_eq!((written.status, written.json()), (200, json!({"sha256": digest(next.as_bytes())})));
    assert_eq!(fs::read_to_string(&path).unwrap(), next);

    let late = served.put(&token, &known, POLICY);
    assert_eq!(late.status, 412);
    assert!(late.json()["error"].as_str().unwrap().contains("team.yaml` has been changed"), "{}", late.text());
    assert_eq!(fs::read_to_string(&path).unwrap(), next);

    fs::remove_file(&path).unwrap();
    let about = served.get("/server.json").json();
    assert_eq!(about["policy"], Json::Null);
    assert!(about["policy_error"].as_str().unwrap().contains("team.yaml"));
    assert_eq!(about["policy_gone"], "team.yaml");
    let anew = [("x-sparkwright-token", token.as_str()), ("if-none-match", "*")];
    assert_eq!(served.ask("PUT", "/policy", &anew, next).status, 200);
    assert_eq!(served.ask("PUT", "/policy", &anew, POLICY).status, 412, "it is there again");
    assert_eq!(fs::read_to_string(&path).unwrap(), next);

    // A pipe that nobody writes to is no policy, and nothing waits for it.
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let about = served.get("/server.json").json();
    assert!(about["policy_error"].as_str().unwrap().contains("a pipe"), "{about}");
    assert!(served.put(&token, &known, next).status >= 400);
}

#[test]
fn the_default_policy_is_shown_and_not_written() {
    let served = Served::with(|options| options.policy = None);
    let about = served.get("/server.json").json();
    assert_eq!((&about["policy"], &about["policy_error"]), (&Json::Null, &Json::Null), "the page has it itself");
    let refused = served.put(&served.token(), &digest(sparkwright_policy::DEFAULT_POLICY.as_bytes()), "a: 1");
    assert_eq!(refused.status, 403);
    assert!(refused.json()["error"].as_str().unwrap().contains("sparkwright web FILE"));
}

#[test]
fn runs_are_listed_and_read() {
    let served = Served::new();
    assert_eq!(served.get("/runs.json").json(), json!({"runs": []}));
    begin(&served.root(), application("app-1")).finish();
    thread::sleep(Duration::from_millis(20));
    let going_on = begin(&served.root(), application("app-2"));
    fs::create_dir(served.root().join("rubbish")).unwrap();
    fs::write(served.root().join("rubbish/run.json"), "{}").unwrap();
    fs::write(served.root().join("rubbish/journal.jsonl"), "").unwrap();
    // Twice, since the second time knows what the first one read.
    for _ in 0..2 {
        let runs = served.get("/runs.json").json();
        let of =
            |member: &str| runs["runs"].as_array().unwrap().iter().map(|run| run[member].clone()).collect::<Vec<_>>();
        assert_eq!(of("id"), ["app-2", "app-1"]);
        assert_eq!(of("state"), ["running", "ended"]);
        assert_eq!((of("name")[0].clone(), of("started_ms")[0].clone()), (json!("nightly"), json!(1)));
        assert!(of("updated_ms").iter().all(Json::is_u64));
    }
    going_on.note(fault("noted in the journal alone"));
    let read: Run = serde_json::from_slice(&served.get("/runs/app-2.json").body).unwrap();
    assert_eq!(read, record::read(&served.root().join("app-2")).unwrap());
    assert_eq!(read.faults[0].what, "noted in the journal alone");
    let absent = served.get("/runs/app-3.json");
    assert_eq!((absent.status, absent.json()), (404, json!({"error": "there is no run `app-3`"})));
}

#[test]
fn a_run_that_goes_on_tells_of_each_change_until_its_end() {
    let served = Served::new();
    let recorder = begin(&served.root(), application("app-1"));
    let mut events = served.events("app-1");
    let (name, first) = events.next();
    assert_eq!(name, "changed");
    // Another request is answered while the events are listened to.
    assert_eq!(served.get("/runs/app-1.json").status, 200);

    recorder.note(fault("something"));
    let (name, second) = events.next();
    assert_eq!(name, "changed");
    assert!(second["updated_ms"].as_u64().unwrap() > first["updated_ms"].as_u64().unwrap(), "{first} {second}");
    let read: Run = serde_json::from_slice(&served.get("/runs/app-1.json").body).unwrap();
    assert_eq!(second["updated_ms"], json!(read.updated_ms));

    recorder.finish();
    assert_eq!(events.next().0, "changed");
    // The end is noted in the journal and then written whole: that may be seen as one change or as two.
    let mut last = events.next();
    if last.0 == "changed" {
        last = events.next();
    }
    assert_eq!(last, ("ended".to_owned(), json!({})));
    let mut rest = String::new();
    events.lines.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("event:"), "nothing comes after the end: {rest}");
}

#[test]
fn a_run_whose_host_is_lost_ends_without_another_word_of_it() {
    let served = Served::new();
    let mut host = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    // `sleep` is no sparkwright, so the host counts as lost at the first look.
    let run = Run { format: FORMAT, application: application("app-1"), host_pid: host.id(), ..Run::default() };
    fs::create_dir_all(served.root()).unwrap();
    drop(Recorder::begin(run, Some(&served.root())));
    let mut events = served.events("app-1");
    assert_eq!(events.next().0, "changed");
    assert_eq!(events.next().0, "ended");
    host.kill().unwrap();
    host.wait().unwrap();
    let read: Run = serde_json::from_slice(&served.get("/runs/app-1.json").body).unwrap();
    assert_eq!(read.state, RunState::HostLost);
}

#[test]
fn the_next_run_is_waited_for() {
    let served = Served::with(|options| options.watch = Some(Watch::Live));
    begin(&served.root(), application("app-0")).finish();
    let watch = || served.get("/server.json").json()["watch"].clone();
    assert_eq!(watch(), "live");
    assert_eq!(served.get("/runs/live.json").json(), json!({"error": "no run has begun yet"}));
    let mut events = served.events("live");

    // A host writes before its application has come, under another name.
    let recorder = begin(&served.root(), ApplicationIdentity { id: "starting-7".into(), ..Default::default() });
    thread::sleep(Duration::from_millis(700));
    assert_eq!(watch(), "live");
    recorder.belongs_to(application("app-1"), 5);
    assert_eq!(events.next().0, "changed");
    assert_eq!(watch(), "app-1");
    let read: Run = serde_json::from_slice(&served.get("/runs/live.json").body).unwrap();
    assert_eq!(read.application.id, "app-1");

    // One that begins beside it is another's.
    let beside = begin(&served.root(), application("app-2"));
    recorder.finish();
    while events.next().0 != "ended" {}
    assert_eq!(watch(), "app-1");
    drop(beside);
}

#[test]
fn a_run_in_a_folder_elsewhere_can_be_watched() {
    let elsewhere = tempfile::tempdir().unwrap();
    begin(elsewhere.path(), application("app-9")).finish();
    let watch = Watch::Folder(elsewhere.path().join("app-9"));
    let served = Served::with(|options| options.watch = Some(watch));
    assert_eq!(served.get("/server.json").json()["watch"], "app-9");
    assert_eq!(served.get("/runs/app-9.json").status, 200);
    assert_eq!(served.get("/runs/live.json").status, 200);
}

#[test]
fn a_port_that_is_taken_and_a_file_that_is_not_there_are_told() {
    let served = Served::new();
    let taken = WebServer::bind(WebOptions { port: Some(served.port), ..WebOptions::default() });
    let error = taken.unwrap_err();
    assert!(matches!(error, WebError::Port { port, .. } if port == served.port), "{error}");
    assert!(error.to_string().contains(&served.port.to_string()), "{error}");
    let absent = WebOptions { policy: Some("absent.yaml".into()), ..WebOptions::default() };
    assert!(matches!(WebServer::bind(absent), Err(WebError::Policy(_))));
}

/// What came back on a connection: the status, or nothing where it was closed.
fn status(mut stream: &TcpStream) -> Option<u16> {
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head).ok()?.split(' ').nth(1)?.parse().ok()
}

#[test]
fn strangers_hold_what_they_can_and_take_nothing_from_the_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!(
            "SKIPPED strangers_hold_what_they_can_and_take_nothing_from_the_user: only root can be somebody else"
        );
        return;
    }
    let served = Served::new();
    let port = served.port;
    let request = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    // Somebody who asks as often as descriptors go, and on each connection again.
    let (held, told) = thread::spawn(move || {
        let nobody = rustix::process::Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let held: Vec<TcpStream> = (0..400).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
        let told: Vec<Option<u16>> = held
            .iter()
            .map(|mut stream| {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let _ = stream.write_all(request.as_bytes());
                status(stream)
            })
            .collect();
        (held, told)
    })
    .join()
    .unwrap();
    assert!(held.len() > 100, "{}", held.len());
    assert!(told.contains(&Some(403)) && told.iter().all(|status| matches!(status, None | Some(403))), "{told:?}");
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn a_request_that_is_never_sent_whole_is_given_up() {
    let served = Served::new();
    let head = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", served.port);
    let silent = served.connect("");
    let half = served.connect(&head);
    let body = served.connect(&format!(
        "PUT /policy HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nx-sparkwright-token: {}\r\nif-match: \"x\"\r\ncontent-length: 9\r\n\r\nhalf",
        served.port,
        served.token()
    ));
    assert_eq!((status(&silent), status(&body)), (None, Some(408)));
    assert!(matches!(status(&half), None | Some(408)));
}
