//! `sparkwright web` as a process: what it says, what it serves, how it ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn sparkwright(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkwright"));
    command.current_dir(folder).arg("web");
    command
}

/// The command at work; killed where a test fails before it has ended.
struct Web {
    child: Child,
    line: String,
}

impl Web {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(sparkwright(folder).args(arguments))
    }

    /// As on a disk on which no file can grow beyond some hundred bytes: each longer one ends in an error, half written.
    fn on_a_full_disk(folder: &Path, policy: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.current_dir(folder).args(["-c", r#"trap '' XFSZ; ulimit -f 1; exec "$0" web --no-open "$1""#]);
        Self::of(shell.args([env!("CARGO_BIN_EXE_sparkwright"), policy]))
    }

    /// With so few descriptors that whoever connects can use them all up.
    fn with_descriptors(folder: &Path, most: u32, policy: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.current_dir(folder).args(["-c", r#"ulimit -n "$1"; exec "$0" web --no-open "$2""#]);
        Self::of(shell.args([env!("CARGO_BIN_EXE_sparkwright"), &most.to_string(), policy]))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, line }
    }

    fn port(&self) -> u16 {
        let (_, behind) = self.line.split_once("http://127.0.0.1:").unwrap();
        behind.split_once('/').unwrap().0.parse().unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "", "")
    }

    /// Puts a text in the place of the one that the policy file has.
    fn put(&self, before: &str, text: &str) -> String {
        let page = self.get("/");
        let (_, behind) = page.split_once("<meta name=\"sparkwright-server\" content=\"").unwrap();
        let token = behind.split_once('"').unwrap().0;
        let known = sparkwright_policy::digest(before.as_bytes());
        let headers =
            format!("x-sparkwright-token: {token}\r\nif-match: \"{known}\"\r\ncontent-length: {}\r\n", text.len());
        self.ask("PUT /policy", &headers, text)
    }

    fn ask(&self, what: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = format!("host: 127.0.0.1:{}", self.port());
        write!(stream, "{what} HTTP/1.1\r\n{host}\r\nconnection: close\r\n{headers}\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal, and gives the exit code.
    fn end(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that must end with 2 and start nothing; its standard error.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = sparkwright(folder).args(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stdout.as_slice()), (Some(2), b"".as_slice()), "{arguments:?}: {stderr}");
    stderr
}

#[test]
fn it_serves_the_page_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let web = Web::start(folder.path(), &[]);
    assert_eq!(web.line, format!("the page is at http://127.0.0.1:{}/ (Ctrl-C ends it)\n", web.port()));
    assert!(web.get("/").starts_with("HTTP/1.1 200 OK\r\n"));
    let about = web.get("/server.json");
    assert!(about.contains("\"policy\":null") && about.contains("\"policy_error\":null"), "{about}");
    // A page that listens does not hold up the end.
    let mut listening = TcpStream::connect(("127.0.0.1", web.port())).unwrap();
    write!(listening, "GET /runs.json HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", web.port()).unwrap();
    listening.read_exact(&mut [0; 12]).unwrap();
    assert_eq!(web.end(Signal::INT), Some(0));
}

#[test]
fn the_folder_s_own_config_yaml_is_opened_and_a_live_run_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.yaml"), "global_optimization: {max_executors: 7}\n").unwrap();
    let web = Web::start(folder.path(), &["--watch", "--no-open"]);
    let about = web.get("/server.json");
    for part in ["max_executors: 7", "\"read_only\":null", "\"watch\":\"live\""] {
        assert!(about.contains(part), "no {part} in {about}");
    }
    let port = web.port().to_string();
    let error = refused(folder.path(), &["--port", &port]);
    assert!(error.contains(&format!("error: port {port} can't be listened on")) && error.contains("help:"), "{error}");
    assert_eq!(web.end(Signal::TERM), Some(0));
    // The port is free again at once.
    let web = Web::start(folder.path(), &["--port", &port]);
    assert_eq!(web.port().to_string(), port);
    assert_eq!(web.end(Signal::TERM), Some(0));
}

#[test]
fn what_can_not_be_opened_is_refused_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path(), &["absent.yaml"]);
    assert!(error.contains("absent.yaml") && error.contains("No such file") && error.contains("help:"), "{error}");
    fs::write(folder.path().join("bytes.yaml"), b"a: \xff\n").unwrap();
    assert!(refused(folder.path(), &["bytes.yaml"]).contains("it is not UTF-8 text: byte 3 is wrong"));
    let error = refused(folder.path(), &["--watch", "app-7"]);
    assert!(error.contains("there is no run `app-7`") && error.contains("without a name waits"), "{error}");
    let error = refused(folder.path(), &["--watch", "bytes.yaml"]);
    assert!(error.contains("a policy file stands before it"), "{error}");
    assert!(refused(folder.path(), &["--port", "0"]).contains("1..=65535"));
}

#[test]
fn a_store_that_is_none_is_refused_and_a_folder_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let told = refused(folder.path(), &["--store", "ftp://host/lessons"]);
    assert!(told.contains("`ftp://host/lessons` is no store of lessons"), "{told}");
    let web = Web::start(folder.path(), &["--store", "lessons"]);
    let jobs = web.get("/jobs.json");
    assert!(jobs.ends_with("{\"jobs\":[]}"), "{jobs}");
    assert!(!folder.path().join("lessons").exists(), "who only looks makes no folder");
}

#[test]
fn a_policy_with_mistakes_is_opened_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("draft.yaml"), "environments: [\n").unwrap();
    let web = Web::start(folder.path(), &["draft.yaml"]);
    assert!(web.get("/server.json").contains("environments: ["));
    assert_eq!(web.end(Signal::TERM), Some(0));
}

#[test]
fn on_a_full_disk_the_file_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# as it was\nglobal_optimization: {max_executors: 7}\n";
    let longer = format!("{text}{}", "# and more\n".repeat(1_000));
    for name in ["alone.yaml", "linked.yaml"] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
    }
    // Of two names: written in its place, as another file would have one of them.
    fs::hard_link(folder.path().join("linked.yaml"), folder.path().join("other.yaml")).unwrap();
    for name in ["alone.yaml", "linked.yaml"] {
        let web = Web::on_a_full_disk(folder.path(), name);
        let answer = web.put(text, &longer);
        assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("the file is as it was"), "{answer}");
        assert!(answer.contains(name) && answer.contains("too large"), "{answer}");
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), text);
        // What fits is written as before.
        let fitting = text.replace('7', "8");
        assert!(web.put(text, &fitting).starts_with("HTTP/1.1 200"), "{name}");
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), fitting);
        assert_eq!(web.end(Signal::TERM), Some(0));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left beside them");
}

/// Who asks is read from a file of the kernel: where it can't be opened, nobody is let in.
#[test]
fn without_descriptors_nobody_else_is_let_in() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED without_descriptors_nobody_else_is_let_in: only root can be somebody else");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let policy = "version: 1\nenvironments:\n  production: {}\n";
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    for most in [16, 24, 40] {
        let web = Web::with_descriptors(folder.path(), most, "policy.yaml");
        let port = web.port();
        let asked = move || {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            let held: Vec<TcpStream> =
                (0..most + 10).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
            std::thread::sleep(Duration::from_millis(300));
            for mut stream in &held {
                let _ = write!(stream, "GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
            }
            let told = held.iter().map(|mut stream| {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
            });
            told.collect::<Vec<String>>()
        };
        let told = std::thread::spawn(asked).join().unwrap();
        let refused = |line: &String| line.is_empty() || line.starts_with("HTTP/1.1 403");
        assert!(told.iter().all(refused), "{most} descriptors: {told:#?}");
        assert!(web.get("/").starts_with("HTTP/1.1 200 OK\r\n"), "{most} descriptors: the page is there again");
    }
    assert_eq!(fs::read_to_string(folder.path().join("policy.yaml")).unwrap(), policy);
}
