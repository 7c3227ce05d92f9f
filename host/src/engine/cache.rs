//! Compiled modules kept between starts, in a folder that nobody else can write to.
//!
//! Compiled code is run as it stands, so what is read here must be what this program wrote. The folder and each file
//! in it belong to this user and are writable by no one else, both checked on the open file and not on its
//! name; each file starts with the SHA-256 of what follows, so that a torn or rotten one is seen. Its name holds the hash of
//! the module and that of the engine's version and settings. Anything else is compiled again, and compiled code from
//! anywhere else is never loaded.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use super::compiler::{MOST_COMPILED_BYTES, deserialize};

/// The length of a SHA-256 in bytes.
const DIGEST: usize = 32;

/// The folder, open and checked.
pub(super) struct Cache {
    folder: OwnedFd,
}

impl Cache {
    /// Opens the folder, made if need be, and checks that it is this user's alone.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = rustix::fs::open(
            folder,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        check_owner(&folder)?;
        Ok(Self { folder })
    }

    /// The compiled form of the module with this hash, if it is there and whole.
    pub(super) fn get(&self, engine: &Engine, sha256: &str) -> io::Result<Option<Module>> {
        let name = file_name(engine, sha256);
        let file = match rustix::fs::openat(
            &self.folder,
            &name,
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK,
            Mode::empty(),
        ) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        check_owner(&file)?;
        let stat = rustix::fs::fstat(&file)?;
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(io::Error::other("is no plain file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(DIGEST as u64 + MOST_COMPILED_BYTES).read_to_end(&mut bytes)?;
        let Some((digest, code)) = bytes.split_at_checked(DIGEST) else {
            return Err(io::Error::other("is cut off"));
        };
        if Sha256::digest(code).as_slice() != digest {
            return Err(io::Error::other("is damaged"));
        }
        deserialize(engine, code).map(Some)
    }

    /// Keeps the compiled form of the module with this hash: whole or not at all.
    pub(super) fn put(&self, engine: &Engine, sha256: &str, module: &Module) -> io::Result<()> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let code = module.serialize().map_err(io::Error::other)?;
        let temporary = format!(".{}-{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let file = rustix::fs::openat(
            &self.folder,
            &temporary,
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )?;
        let mut file = File::from(file);
        let written = file.write_all(&Sha256::digest(&code)).and_then(|()| file.write_all(&code));
        drop(file);
        let kept = written.and_then(|()| {
            let name = file_name(engine, sha256);
            Ok(rustix::fs::renameat(&self.folder, &temporary, &self.folder, &name)?)
        });
        if kept.is_err() {
            // What is left of a failed attempt is of no use; that it can't be removed either changes nothing.
            let _ = rustix::fs::unlinkat(&self.folder, &temporary, rustix::fs::AtFlags::empty());
        }
        kept
    }
}

/// Module and engine in one name.
fn file_name(engine: &Engine, sha256: &str) -> String {
    // The hash only keeps files apart; that the code fits this engine is checked again when it is loaded.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{sha256}-{:016x}.cwasm", hasher.finish())
}

/// Refuses what isn't this user's, or what others may write to.
fn check_owner(file: &OwnedFd) -> io::Result<()> {
    let stat = rustix::fs::fstat(file)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "belongs to another user"));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "can be written to by other users"));
    }
    Ok(())
}
