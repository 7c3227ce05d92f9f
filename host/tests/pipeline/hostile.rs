//! Lines that no pipeline should send: each is answered with an error, and the connection goes on.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sparkwright::spark::protocol::MAX_LINE_BYTES;
use sparkwright::steering::Mode;

use crate::client::Client;
use crate::host::{APPLICATION, Driver, Host, launch};

/// Lines with the id that comes back.
fn lines() -> Vec<(String, Value)> {
    let ask = |members: &str| format!(r#"{{"id":"x","do":"ask",{members}}}"#);
    [
        ("not json".to_owned(), Value::Null),
        ("[]".to_owned(), Value::Null),
        ("\"text\"".to_owned(), Value::Null),
        (r#"{"id":[1],"do":"close"}"#.to_owned(), Value::Null),
        (r#"{"id":7}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":null}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"explode"}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin"}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin","stage":"a","executors":-1}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin","stage":"a","executors":0}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin","stage":"a","executors":1e99}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin","stage":"a","confs":{"k":[1]}}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"begin","stage":"a","executors_decision":1}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"end","stage":"never begun"}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"outcome","number":1,"applied":true,"outcome":"mine"}"#.to_owned(), json!(7)),
        (r#"{"id":7,"do":"open","policy":5}"#.to_owned(), json!(7)),
        (ask(r#""point":"plan_world""#), json!("x")),
        (ask(r#""point":"plan_stage","input":[]"#), json!("x")),
        ("[".repeat(100_000), Value::Null),
        (
            format!(
                r#"{{"id":7,"do":"ask","point":"plan_stage","input":{}1{}}}"#,
                "[".repeat(5_000),
                "]".repeat(5_000)
            ),
            Value::Null,
        ),
        ("\u{0}\u{1b}".to_owned(), Value::Null),
    ]
    .into()
}

fn survives_all(client: &mut Client) {
    client.ok("open", json!({}));
    for (line, id) in lines() {
        client.send(&line);
        let answer = client.receive();
        let told = &line[..line.len().min(80)];
        assert_eq!(answer["id"], id, "{told}: {answer}");
        assert_eq!(answer["error"]["code"], "protocol", "{told}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|message| message.len() > 5), "{told}: {answer}");
    }
    // Too long, once with and once without the protocol's own shape; blank lines are nothing.
    for start in ["", r#"{"id":1,"do":"ask","point":""#] {
        client.send(&format!("{start}{}", "x".repeat(MAX_LINE_BYTES + 1)));
        let answer = client.receive();
        assert_eq!((&answer["id"], answer["error"]["code"].as_str()), (&Value::Null, Some("protocol")), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("16777216"), "{answer}");
    }
    client.send("\n  \n");
    // Larger than the module takes, but no longer than a line may be.
    let large = json!({"point": "plan_stage", "input": {"name": "x".repeat(5 << 20)}});
    assert_eq!(client.error("ask", large)["code"], "module");
    let asked = client.ok("ask", json!({"point": "plan_stage", "input": {"job": {"input_bytes": 1 << 30}}}));
    assert!(asked["answer"]["executors"]["value"].as_u64() >= Some(1));
}

#[test]
fn a_decide_survives_every_line() {
    let mut client = Client::decide(&[]);
    survives_all(&mut client);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_host_survives_every_line_and_its_application_does_not_notice() {
    let host = Host::start(launch(Mode::Act));
    let driver = Driver::connect(&host, &[]);
    survives_all(&mut host.pipeline());
    assert!(host.run().faults.is_empty(), "{:?}", host.run().faults);
    drop(driver);
}

#[test]
fn what_is_no_pipeline_is_refused_in_a_sentence() {
    let host = Host::start(launch(Mode::Act));
    let _driver = Driver::connect(&host, &[]);
    let refused = |hello: Value| {
        let mut stream = UnixStream::connect(host.socket()).unwrap();
        stream.write_all(format!("{hello}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["sparkwright"], "refused", "{answer}");
        answer["reason"].as_str().unwrap().to_owned()
    };
    let hello = |protocol: u32, application: &str| json!({"sparkwright": "hello", "role": "pipeline", "protocol": protocol, "application": application});
    assert!(refused(hello(2, APPLICATION)).contains("protocol 2"));
    assert!(refused(hello(1, "another")).contains(APPLICATION));
    // The one place that an application's pipelines share is not to be taken by one of them.
    let many: Vec<Client> = (0..16).map(|_| host.pipeline()).collect();
    assert!(refused(hello(1, APPLICATION)).contains("16 pipelines"));
    drop(many);
    let start = Instant::now();
    loop {
        let mut again = Client::connect(&host.socket(), APPLICATION);
        if again.greeting["sparkwright"] == "welcome" {
            again.ok("open", json!({}));
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "places of pipelines that are gone stay taken");
    }
}

#[test]
fn a_decide_without_a_hello_says_what_it_wants() {
    for line in ["", "hello\n", "{\"sparkwright\":\"hello\",\"role\":\"events\",\"protocol\":1}\n"] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_sparkwright"))
            .arg("decide")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.contains("refused"), !line.is_empty(), "{line}: {said}");
        assert_eq!(output.status.code(), Some(if line.is_empty() { 0 } else { 2 }), "{line}");
    }
}

#[test]
fn one_that_never_reads_is_given_up_and_holds_nobody_up() {
    let host = Host::start(launch(Mode::Act));
    let _driver = Driver::connect(&host, &[]);
    let mut deaf = UnixStream::connect(host.socket()).unwrap();
    let hello = json!({"sparkwright": "hello", "role": "pipeline", "protocol": 1, "application": APPLICATION});
    deaf.write_all(format!("{hello}\n{{\"id\":1,\"do\":\"open\"}}\n").as_bytes()).unwrap();
    deaf.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // Until the host can't write any more and therefore reads no more.
    let ask = "{\"id\":2,\"do\":\"ask\",\"point\":\"plan_launch\"}\n".repeat(100);
    while deaf.write_all(ask.as_bytes()).is_ok() {}
    let start = Instant::now();
    let mut other = host.pipeline();
    other.ok("open", json!({}));
    other.ok("ask", json!({"point": "plan_launch"}));
    assert!(start.elapsed() < Duration::from_secs(2));
    // The host hangs up: what it wrote before is read, and then there is an end.
    let mut rest = Vec::new();
    deaf.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    std::thread::sleep(Duration::from_secs(11));
    let ended = deaf.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
}
