//! A session's lease: whose it is, and whether somebody holds it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::Deserialize;

/// What a lease's file name ends with.
const ENDING: &str = ".lease";
/// What the name of a lease ends with that is not locked yet.
const UNFINISHED: &str = ".lease.new";
/// A lease that was begun and not finished for this long is of a driver that was killed meanwhile.
const UNFINISHED_FOR: Duration = Duration::from_secs(3600);
/// A lease is some hundred bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Lease {
    pub(super) session: String,
    pub(super) prefix: String,
    #[serde(default)]
    pub(super) application: Option<String>,
    #[serde(default)]
    pub(super) host: Option<String>,
    #[serde(default)]
    pub(super) pid: Option<u64>,
    #[serde(default)]
    pub(super) started_ms: Option<u64>,
    /// Whether its session holds a lock on it.
    #[serde(default = "held")]
    locked: bool,
}

const fn held() -> bool {
    true
}

/// What a look at a lease found.
pub(super) enum Claim {
    /// It went meanwhile.
    Gone,
    /// Somebody holds it.
    Live(Option<Lease>),
    /// Nobody holds it; now we do.
    Dead(HeldLease),
    /// Nobody holds it, and that proves nothing.
    Unsure(Lease, String),
    /// It is no lease.
    Unreadable(String),
}

/// Why a lease is not to be looked at.
enum Unopened {
    Gone,
    Unreadable(String),
}

/// A dead session's lease, locked by us for as long as this lives.
pub(super) struct HeldLease {
    file: File,
    lease: Lease,
    why: String,
}

impl HeldLease {
    pub(super) const fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// Whether it is gone from `leases`. The lock goes after the name.
    pub(super) fn remove(self, leases: &OwnedFd) -> bool {
        let name = format!("{}{ENDING}", self.lease.session);
        is_still(leases, &name, &self.file)
            && matches!(rustix::fs::unlinkat(leases, &name, AtFlags::empty()), Ok(()) | Err(Errno::NOENT))
    }
}

/// The sessions that have a lease, in the order of their names.
pub(super) fn names(leases: &OwnedFd) -> Result<Vec<String>, Errno> {
    let mut names = entries(leases, ENDING)?;
    names.sort();
    Ok(names)
}

fn entries(leases: &OwnedFd, ending: &str) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(leases)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(ending)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Whether a text is what sessions are named: 8 to 64 hexadecimal digits.
fn is_session(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text is what names of temp tables may start with.
fn is_prefix(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Takes the lease of `session` where nobody holds it.
pub(super) fn claim(leases: &OwnedFd, session: &str, unlocked_after: Option<Duration>) -> Claim {
    if !is_session(session) {
        return Claim::Unreadable("a lease is named by its session, 8 to 64 hexadecimal digits".into());
    }
    let name = format!("{session}{ENDING}");
    let (mut file, stat) = match open(leases, &name) {
        Ok(opened) => opened,
        Err(Unopened::Gone) => return Claim::Gone,
        Err(Unopened::Unreadable(why)) => return Claim::Unreadable(why),
    };
    // To the lock first: what a live session's lease says matters to nobody.
    match lock(&file) {
        Ok(true) => {}
        Ok(false) => return Claim::Live(read(&mut file, session).ok()),
        Err(errno) => return Claim::Unreadable(format!("its lock can't be tried: {}", std::io::Error::from(errno))),
    }
    if !is_still(leases, &name, &file) {
        return Claim::Gone;
    }
    let lease = match read(&mut file, session) {
        Ok(lease) => lease,
        Err(why) => return Claim::Unreadable(why),
    };
    let doubt = if !lease.locked {
        "it was taken where files can't be locked"
    } else if is_shared(&file) && lease.host.as_deref() != Some(this_host().as_str()) {
        "it was taken on another machine, whose locks may not be seen here"
    } else {
        let why = "nobody holds its lock: its driver is gone".to_owned();
        return Claim::Dead(HeldLease { file, lease, why });
    };
    let since = age(&stat);
    match unlocked_after {
        Some(limit) if since.is_some_and(|since| since > limit) => {
            let hours = since.unwrap_or_default().as_secs() / 3600;
            let why = format!("{doubt}, and was not renewed for {hours} h");
            Claim::Dead(HeldLease { file, lease, why })
        }
        Some(_) => Claim::Unsure(lease, format!("{doubt}, and was renewed lately")),
        None => Claim::Unsure(lease, format!("{doubt}; --unlocked-after says when such a lease has run out")),
    }
}

fn open(leases: &OwnedFd, name: &str) -> Result<(File, Stat), Unopened> {
    // Not blocking: what stands there may be a pipe that nobody writes to.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened =
        rustix::fs::openat(leases, name, flags, Mode::empty()).and_then(|fd| Ok((rustix::fs::fstat(&fd)?, fd)));
    let (stat, fd) = opened.map_err(|errno| match errno {
        Errno::NOENT => Unopened::Gone,
        Errno::LOOP => Unopened::Unreadable("it is a symbolic link, and leases are files".into()),
        Errno::ISDIR | Errno::NXIO => Unopened::Unreadable("it is not a file".into()),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Unopened::Unreadable(
            "it can't be written to, so its lock can't be tried: clean as the user whose session it was".into(),
        ),
        errno => Unopened::Unreadable(format!("it can't be opened: {}", std::io::Error::from(errno))),
    })?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Unopened::Unreadable("it is not a file".into()));
    }
    Ok((File::from(fd), stat))
}

/// Whether we have the lock now.
fn lock(file: &File) -> Result<bool, Errno> {
    match rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether `name` is still the file that was locked.
fn is_still(leases: &OwnedFd, name: &str, file: &File) -> bool {
    let by_name = rustix::fs::statat(leases, name, AtFlags::SYMLINK_NOFOLLOW);
    let by_file = rustix::fs::fstat(file);
    matches!((by_name, by_file), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

fn read(file: &mut File, session: &str) -> Result<Lease, String> {
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(|error| format!("it can't be read: {error}"))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    let lease: Lease =
        serde_json::from_slice(&text).map_err(|error| format!("it is not what sessions write: {error}"))?;
    if lease.session != session {
        return Err("it names another session than its file does".into());
    }
    if !is_prefix(&lease.prefix) {
        return Err("its prefix is not letters, digits and _ only".into());
    }
    Ok(lease)
}

fn age(stat: &Stat) -> Option<Duration> {
    let seconds = u64::try_from(stat.st_mtime).ok()?;
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).ok()
}

/// Whether other machines may see the file: then a free lock proves nothing of their processes.
fn is_shared(file: &File) -> bool {
    // NFS, SMB (three), FUSE, 9P, Ceph, Lustre, GPFS, AFS: linux/magic.h and their own sources.
    const SHARED: [u64; 10] = [
        0x6969,
        0x517b,
        0xfe53_4d42,
        0xff53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x00c3_6400,
        0x0bd0_0bd0,
        0x4750_4653,
        0x5346_414f,
    ];
    // The type's sign and width differ by machine; the magic numbers are 32 bits.
    rustix::fs::fstatfs(file.as_fd()).map_or(true, |fs| SHARED.contains(&(fs.f_type as u64 & 0xffff_ffff)))
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Removes leases that were begun and never finished: no table is of such a session yet.
pub(super) fn remove_unfinished(leases: &OwnedFd, dry_run: bool) {
    for session in entries(leases, UNFINISHED).unwrap_or_default() {
        let name = format!("{session}{UNFINISHED}");
        let Ok((file, stat)) = open(leases, &name) else { continue };
        let old = age(&stat).is_some_and(|age| age > UNFINISHED_FOR);
        if old && !dry_run && lock(&file).unwrap_or(false) && is_still(leases, &name, &file) {
            let _ = rustix::fs::unlinkat(leases, &name, AtFlags::empty());
        }
    }
}
