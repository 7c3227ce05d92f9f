//! An S3 server on loopback: Versity's gateway over a folder, built once from the Go module proxy.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::must_succeed;
use crate::processes::Group;
use crate::venv::made_once;
use crate::{Error, Result, Say, paths};

/// The gateway's version.
const VERSION: &str = "v1.8.0";
/// How long it may take to listen; it needs some 50 ms.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);
/// Who may use it.
const USER: &str = "planted-user";
/// With what.
const SECRET: &str = "planted-secret";

/// A server that runs until it is dropped, with one empty bucket.
#[derive(Debug)]
pub struct S3 {
    _server: Group,
    port: u16,
    folder: PathBuf,
}

impl S3 {
    /// The bucket.
    pub const BUCKET: &'static str = "lessons";

    /// Starts a server over a folder.
    ///
    /// # Errors
    /// [`Error::Missing`] without Go; otherwise when it can't be built or started.
    pub fn start(folder: &Path, say: Say<'_>) -> Result<Self> {
        let program = gateway(say)?;
        let bucket = folder.join(Self::BUCKET);
        fs::create_dir_all(&bucket).map_err(Error::io("cannot make the folder", &bucket))?;
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.map_err(Error::io("cannot find a free port for", &program))?.port();
        let mut command = Command::new(&program);
        command.args(["--port", &format!("127.0.0.1:{port}"), "posix"]).arg(folder);
        command.env("ROOT_ACCESS_KEY", USER).env("ROOT_SECRET_KEY", SECRET);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Group::start(&mut command, Duration::from_secs(2))?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if began.elapsed() > LISTENS_WITHIN {
                return Err(Error::malformed(program.display(), "it does not listen"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _server: server, port, folder: folder.to_owned() })
    }

    /// The folder that holds the bucket's objects.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.folder.join(Self::BUCKET)
    }

    /// The variables by which a client gets in.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", USER.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }
}

/// The gateway's program; builds it when it is not there yet, which needs the network.
fn gateway(say: Say<'_>) -> Result<PathBuf> {
    let folder = paths::cache().join(format!("versitygw-{VERSION}"));
    let program = folder.join("bin/versitygw");
    made_once(&folder, || {
        let go = Command::new("go").arg("version").output();
        if !go.is_ok_and(|output| output.status.success()) {
            return Err(Error::Missing {
                what: "no Go found: `go`".to_owned(),
                wanted: "Go 1.24 or newer, as `go` on the PATH: it builds the S3 server that stores of lessons are tested with",
                get: "apt-get install golang-go".to_owned(),
            });
        }
        say(&format!("building an S3 server into {}", folder.display()));
        let sources = folder.join("sources");
        must_succeed(
            "building the S3 server",
            Command::new("go")
                .args(["install", "-modcacherw", &format!("github.com/versity/versitygw/cmd/versitygw@{VERSION}")])
                .env("GOBIN", folder.join("bin"))
                .env("GOPATH", &sources)
                .env("GOCACHE", sources.join("compiled")),
        )?;
        // Some hundred MB that nobody needs any more.
        fs::remove_dir_all(&sources).map_err(Error::io("cannot remove", &sources))
    })?;
    Ok(program)
}
