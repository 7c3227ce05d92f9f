//! A pipeline's side of a connection.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    reader: BufReader<Box<dyn Read>>,
    writer: Option<Box<dyn Write>>,
    number: u64,
    child: Option<Child>,
    pub greeting: Value,
}

impl Client {
    /// Says hello on the host's socket.
    pub fn connect(socket: &Path, application: &str) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::greet(Box::new(stream.try_clone().unwrap()), Box::new(stream), None, json!(application))
    }

    /// Starts `sparkwright decide`.
    pub fn decide(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sparkwright"))
            .arg("decide")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stdin) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        Self::greet(Box::new(stdout), Box::new(stdin), Some(child), Value::Null)
    }

    fn greet(reader: Box<dyn Read>, writer: Box<dyn Write>, child: Option<Child>, application: Value) -> Self {
        let mut client =
            Self { reader: BufReader::new(reader), writer: Some(writer), number: 0, child, greeting: Value::Null };
        client.send(
            &json!({"sparkwright": "hello", "role": "pipeline", "protocol": 1, "application": application}).to_string(),
        );
        client.greeting = client.receive();
        client
    }

    pub fn send(&mut self, line: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(format!("{line}\n").as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// The next line; null at the end.
    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        if line.is_empty() { Value::Null } else { serde_json::from_str(&line).unwrap() }
    }

    /// Sends a request and gives the answer's line without its id.
    pub fn request(&mut self, what: &str, members: Value) -> Value {
        self.number += 1;
        let mut request = json!({"id": self.number, "do": what});
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.send(&request.to_string());
        let mut answer = self.receive();
        assert_eq!(answer.as_object_mut().unwrap().remove("id"), Some(json!(self.number)), "{answer}");
        answer
    }

    /// As [`request`](Self::request), for what is answered.
    pub fn ok(&mut self, what: &str, members: Value) -> Value {
        let answer = self.request(what, members);
        answer.get("ok").unwrap_or_else(|| panic!("{what}: {answer:#}")).clone()
    }

    /// As [`request`](Self::request), for what is refused.
    pub fn error(&mut self, what: &str, members: Value) -> Value {
        let answer = self.request(what, members);
        answer.get("error").unwrap_or_else(|| panic!("{what}: {answer:#}")).clone()
    }

    /// Ends the input of a `decide`, and gives its exit code.
    pub fn end(mut self) -> Option<i32> {
        drop(self.writer.take());
        let mut child = self.child.take().unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
