//! Pipelines that declare their stages: they ask for decisions, begin and end stages, and say what came of it.
//!
//! A pipeline talks to the host of its application over its socket, or to a `sparkwright decide` of its own where there is no
//! application to steer (Spark Connect). The words are the same (`messages`); what a connection set is taken back with it (`connection`).
//! Nothing that goes wrong here touches the steering of the application.

mod connection;
pub(super) mod host;
mod messages;
mod policy;
mod recording;

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use serde_json::Value;

use self::connection::Connection;
use self::host::Host;
use self::messages::{Greeting, Refusal, answer_line};
use super::setup::SteeringSetup;
use crate::engine::{EngineError, Prepared};
use crate::spark::lines::{Line, read_line};
use crate::spark::protocol::{Hello, MAX_LINE_BYTES, Role, VERSION};

/// Answers a pipeline that has said hello until it says no more; then everything that it set is taken back.
///
/// # Errors
/// The stream's.
pub(super) fn converse(host: Host, mut reader: impl BufRead, mut writer: impl Write) -> io::Result<()> {
    greet(&mut writer, &Greeting::Welcome { mode: host.launch.mode.word(), version: env!("CARGO_PKG_VERSION") })?;
    let mut connection = Connection::new(host);
    let mut line = Vec::new();
    loop {
        let (id, answer) = match read_line(&mut reader, &mut line)? {
            Line::End => return Ok(()),
            Line::TooLong => {
                (Value::Null, Err(Refusal::protocol(format!("a line of more than {MAX_LINE_BYTES} bytes"))))
            }
            Line::Whole if line.trim_ascii().is_empty() => continue,
            Line::Whole => connection.answer(&line),
        };
        writer.write_all(&answer_line(&id, &answer))?;
        writer.flush()?;
    }
}

/// Refuses a pipeline.
///
/// # Errors
/// The stream's.
pub(super) fn refuse(mut writer: impl Write, reason: impl Into<String>) -> io::Result<()> {
    greet(&mut writer, &Greeting::Refused { reason: reason.into() })
}

fn greet(writer: &mut impl Write, greeting: &Greeting) -> io::Result<()> {
    let mut line = serde_json::to_vec(greeting)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

/// Why a hello is no pipeline's of this version, if it is not.
pub(super) fn wrong_hello(hello: &Hello) -> Option<String> {
    match (hello.role, hello.protocol) {
        (Role::Pipeline, Some(VERSION)) => None,
        (Role::Pipeline, Some(other)) => Some(format!(
            "the pipeline speaks protocol {other} and this host {VERSION}: use the Python package of this version"
        )),
        (Role::Pipeline, None) => Some("the hello names no protocol".to_owned()),
        _ => Some("the hello is not a pipeline's: its role is to be `pipeline`".to_owned()),
    }
}

/// Decides for a pipeline on its own streams, with no application, until `reader` ends: `sparkwright decide`.
///
/// # Errors
/// The streams', or a first line that is no hello of a pipeline.
pub fn decide(
    launch: SteeringSetup,
    prepared: Result<Prepared, EngineError>,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> io::Result<()> {
    let mut line = Vec::new();
    let wrong = match read_line(&mut reader, &mut line)? {
        Line::End => return Ok(()),
        Line::TooLong => Some(format!("a line of more than {MAX_LINE_BYTES} bytes")),
        Line::Whole => match serde_json::from_slice::<Hello>(&line) {
            Ok(hello) => wrong_hello(&hello),
            Err(error) => Some(format!("the first line is no hello: {error}")),
        },
    };
    if let Some(reason) = wrong {
        refuse(&mut writer, reason.clone())?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    converse(Host { launch: Arc::new(launch), prepared: Arc::new(prepared), steered: None }, reader, writer)
}
