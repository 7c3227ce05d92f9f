//! Where lessons are kept: a folder, or a prefix of an object store. No server of ours stands behind it.
//!
//! One object a run, `jobs/<job>/<time>-<application>.json`, written once and never changed. The time counts down, so that a listing has the newest
//! run first. Reading is bounded in time; a store that does not answer costs a plan its lessons, and never a run.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use sparkwright_core::job_name;
use sparkwright_core::lesson::{LESSON_FORMAT, Lesson};
use tokio::runtime::Builder;
use url::Url;

use crate::digest::sha256_hex;
use crate::private;

/// The largest lesson that is written or read.
const LARGEST_LESSON_BYTES: u64 = 256 << 10;
/// Lessons of a job that are read: the newest.
const LESSONS_READ: usize = 50;
/// Lessons of a job that are kept; whoever keeps one more removes what is older.
const LESSONS_KEPT: usize = 500;
/// Of a job's newest lessons so many are tried until one can be read, to know the job's name.
const NEWEST_TRIED: usize = 3;
/// Below here each job has its lessons.
const JOBS: &str = "jobs";
/// How many objects are asked for at a time.
const READ_AT_ONCE: usize = 16;
/// The longest name of a job in a store; a longer one is cut and has its digest.
const LONGEST_KEY: usize = 120;
/// The most that is told of an error.
const LONGEST_WHY: usize = 200;
/// Unix times count down from here, in milliseconds: the year 2286.
const LAST_MS: u64 = 9_999_999_999_999;

/// Why a store gives or takes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is no folder, and no address of an object store.
    #[error(
        "`{address}` is no store of lessons ({why}): name a folder, or an address as s3://bucket/prefix, gs://, az:// or https://"
    )]
    Address {
        /// What was given.
        address: String,
        /// Why it is none.
        why: String,
    },
    /// The folder can't be made or read.
    #[error("the store `{}` can't be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The object store refuses.
    #[error("the store `{address}` {what}: {why}")]
    Refused {
        /// Its address.
        address: String,
        /// What it was asked for.
        what: &'static str,
        /// Why, in short: what a service answers in full has names of keys and signatures in it.
        why: String,
    },
    /// It did not answer in time.
    #[error("the store `{address}` did not answer within {} s", within.as_secs_f64())]
    Late {
        /// Its address.
        address: String,
        /// How long it was waited for.
        within: Duration,
    },
}

impl StoreError {
    /// What to look at, where the message does not say it.
    #[must_use]
    pub const fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Address { .. } => None,
            _ => Some("check the address, and what the environment says of how to get in (AWS_…, GOOGLE_…, AZURE_…)"),
        }
    }
}

/// A job that left lessons.
#[derive(Debug)]
pub struct Known {
    /// Its lessons.
    pub runs: usize,
    /// The newest of them.
    pub last: Lesson,
}

/// The lessons of a job that were found.
#[derive(Debug, Default)]
pub struct Read {
    /// The newest first.
    pub lessons: Vec<Lesson>,
    /// Objects that are no lessons: cut off, too large, or of somebody else.
    pub unread: usize,
}

/// A store. Each question is asked on a thread of its own and waited for within bounds: a name that is not resolved, or a folder on a file system
/// that hangs, can't be interrupted.
#[derive(Debug, Clone)]
pub struct Store {
    address: String,
    place: Place,
    within: Duration,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(PathBuf),
    Objects(Arc<dyn ObjectStore>, Path),
}

impl Store {
    /// The store at an address; it is not looked at yet. Each question waits for an answer for so long.
    ///
    /// # Errors
    /// It is no store.
    pub fn at(address: &str, within: Duration) -> Result<Self, StoreError> {
        let no_store = |shown: &str, why| StoreError::Address { address: shown.to_owned(), why };
        let scheme = address.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
        let place = match (scheme, Url::parse(address)) {
            (None, _) if address.starts_with('~') => {
                return Err(no_store(address, "nothing expands `~` here: write the folder out".to_owned()));
            }
            (None, _) => {
                let path = std::path::absolute(address);
                Place::Folder(path.map_err(|error| no_store(address, error.to_string()))?)
            }
            (Some("file"), Ok(url)) => {
                let path = url.to_file_path();
                Place::Folder(path.map_err(|()| no_store(address, "a file: address names no machine".to_owned()))?)
            }
            (Some(scheme), Ok(url)) if address.contains("://") => {
                // Shown in records and on terminals.
                if !url.username().is_empty()
                    || url.password().is_some()
                    || url.query().is_some()
                    || url.fragment().is_some()
                {
                    let shown = format!("{scheme}://{}{}", url.host_str().unwrap_or_default(), url.path());
                    let why = "who may get in is said by variables of the environment, as AWS_SECRET_ACCESS_KEY, and not in the address";
                    return Err(no_store(&shown, why.to_owned()));
                }
                // Object stores have no crypto provider of their own; one that is there already is as good.
                let _ = rustls::crypto::ring::default_provider().install_default();
                // Who writes http: means it.
                let plain = (scheme == "http").then(|| ("allow_http".to_owned(), "true".to_owned()));
                let (objects, prefix) = object_store::parse_url_opts(&url, credentials().chain(plain))
                    .map_err(|error| no_store(address, why(&error)))?;
                Place::Objects(Arc::from(objects), prefix)
            }
            (Some(_), _) => return Err(no_store(address, "an address begins as s3://".to_owned())),
        };
        Ok(Self { address: address.to_owned(), place, within })
    }

    /// Keeps a lesson; says whether it was new. One that is there already stays as it is. What is older than the newest 500 of the job goes.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub fn keep(&self, lesson: &Lesson) -> Result<bool, StoreError> {
        let lesson = lesson.clone();
        self.ask("refuses a lesson", true, async move |objects: Objects| {
            let folder = objects.of(&lesson.job);
            let at = folder.clone().join(object_name(&lesson));
            let new = objects.put(&at, serde_json::to_vec(&lesson).unwrap_or_default()).await?;
            // Whoever may not remove them leaves that to others.
            if let Ok(names) = objects.names(&folder).await {
                for (name, _) in names.into_iter().skip(LESSONS_KEPT) {
                    let _ = objects.objects.delete(&name).await;
                }
            }
            Ok(new)
        })
    }

    /// The newest lessons of a job.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub fn lessons(&self, job: &str) -> Result<Read, StoreError> {
        let job = job_name::shortened(job);
        self.ask("does not list the lessons", false, async move |objects: Objects| {
            let mut names = objects.names(&objects.of(&job)).await?;
            names.truncate(LESSONS_READ);
            let read = stream::iter(names).map(|name| objects.read(name));
            let read: Vec<Option<Lesson>> = read.buffered(READ_AT_ONCE).try_collect().await?;
            let all = read.len();
            let lessons: Vec<Lesson> = read.into_iter().flatten().filter(|lesson| lesson.job == job).collect();
            Ok(Read { unread: all - lessons.len(), lessons })
        })
    }

    /// The jobs that left lessons, by their names.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub fn jobs(&self) -> Result<Vec<Known>, StoreError> {
        self.ask("does not list the jobs", false, async move |objects: Objects| {
            let jobs = objects.prefix.clone().join(JOBS);
            let folders = objects.objects.list_with_delimiter(Some(&jobs)).await?.common_prefixes;
            let known = stream::iter(folders).map(|folder| objects.newest(folder)).buffer_unordered(READ_AT_ONCE);
            let known: Vec<Option<Known>> = known.try_collect().await?;
            let mut known: Vec<Known> = known.into_iter().flatten().collect();
            known.sort_by(|one, other| one.last.job.cmp(&other.last.job));
            Ok(known)
        })
    }

    /// The lessons of all jobs of runs that started at this Unix time or later.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub fn since(&self, started_ms: u64) -> Result<Read, StoreError> {
        self.ask("does not list the lessons", false, async move |objects: Objects| {
            let jobs = objects.prefix.clone().join(JOBS);
            let listed = objects.objects.list(Some(&jobs)).map_ok(|object| (object.location, object.size));
            let mut names: Vec<_> = listed.try_collect().await?;
            names.retain(|(at, _)| at.filename().and_then(started).is_some_and(|at_ms| at_ms >= started_ms));
            let all = names.len();
            let read = stream::iter(names).map(|name| objects.read(name));
            let read: Vec<Option<Lesson>> = read.buffer_unordered(READ_AT_ONCE).try_collect().await?;
            let lessons: Vec<Lesson> = read.into_iter().flatten().collect();
            Ok(Read { unread: all - lessons.len(), lessons })
        })
    }

    /// Removes the lessons of a job; gives how many there were. What else is in their place stays.
    ///
    /// # Errors
    /// The store refuses, or does not answer.
    pub fn forget(&self, job: &str) -> Result<usize, StoreError> {
        let job = job_name::shortened(job);
        self.ask("does not forget the lessons", false, async move |objects: Objects| {
            let names = objects.names(&objects.of(&job)).await?;
            let forgotten = names.len();
            let each = stream::iter(names).map(Ok);
            each.try_for_each_concurrent(READ_AT_ONCE, |(name, _)| objects.remove(name)).await?;
            Ok(forgotten)
        })
    }

    /// Asks the store something. A folder that is not there is made only to keep something.
    fn ask<T, F>(&self, what: &'static str, keeps: bool, question: F) -> Result<T, StoreError>
    where
        T: Default + Send + 'static,
        F: AsyncFnOnce(Objects) -> object_store::Result<T> + Send + 'static,
    {
        let (place, address) = (self.place.clone(), self.address.clone());
        let (answer, answered) = sync_channel(1);
        let ask = move || {
            let failed = |source| StoreError::Folder { path: PathBuf::from(&address), source };
            let objects = match place {
                Place::Objects(objects, prefix) => Objects { objects, prefix },
                Place::Folder(path) => {
                    if !keeps && path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                        return Ok(T::default());
                    }
                    private::folder(&path).map_err(failed)?;
                    let objects =
                        LocalFileSystem::new_with_prefix(&path).map_err(|error| failed(io::Error::other(error)))?;
                    Objects { objects: Arc::new(objects), prefix: Path::default() }
                }
            };
            let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
            runtime.block_on(question(objects)).map_err(|error| StoreError::Refused {
                address: address.clone(),
                what,
                why: why(&error),
            })
        };
        let asking = thread::Builder::new().name("store".to_owned()).spawn(move || answer.send(ask()));
        asking.map_err(|source| StoreError::Folder { path: PathBuf::from(&self.address), source })?;
        answered
            .recv_timeout(self.within)
            .unwrap_or_else(|_| Err(StoreError::Late { address: self.address.clone(), within: self.within }))
    }
}

/// An object store, and where in it.
struct Objects {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Objects {
    fn of(&self, job: &str) -> Path {
        self.prefix.clone().join(JOBS).join(key(job))
    }

    /// Writes an object that is not there yet; says whether it was not.
    async fn put(&self, at: &Path, bytes: Vec<u8>) -> object_store::Result<bool> {
        let payload = PutPayload::from(bytes);
        match self.objects.put_opts(at, payload.clone(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            // Its name is the run's own, so that nobody else's is written over where a store knows no conditions.
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                self.objects.put(at, payload).await.map(|_| true)
            }
            Err(error) => Err(error),
        }
    }

    /// The objects of a job that are named as lessons are, the newest first, with their sizes.
    async fn names(&self, folder: &Path) -> object_store::Result<Vec<(Path, u64)>> {
        let listed = self.objects.list(Some(folder));
        let mut names: Vec<_> = listed.map_ok(|object| (object.location, object.size)).try_collect().await?;
        names.retain(|(at, _)| {
            at.prefix_match(folder).is_some_and(|mut parts| {
                let name = parts.next();
                parts.next().is_none() && name.is_some_and(|name| is_object_name(name.as_ref()))
            })
        });
        names.sort();
        Ok(names)
    }

    /// The lesson in an object; none where it is no whole one, or was forgotten meanwhile.
    async fn read(&self, (at, size): (Path, u64)) -> object_store::Result<Option<Lesson>> {
        if size > LARGEST_LESSON_BYTES {
            return Ok(None);
        }
        match self.objects.get(&at).await {
            Ok(found) => Ok(lesson(&found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is known of the job with this folder; none where it has no lesson.
    async fn newest(&self, folder: Path) -> object_store::Result<Option<Known>> {
        let names = self.names(&folder).await?;
        let runs = names.len();
        // The folder's name is a key; the lesson has the job's own. The newest may be half written.
        for name in names.into_iter().take(NEWEST_TRIED) {
            if let Some(last) = self.read(name).await? {
                return Ok(Some(Known { runs, last }));
            }
        }
        Ok(None)
    }

    /// Removes an object that somebody else may have removed.
    async fn remove(&self, at: Path) -> object_store::Result<()> {
        match self.objects.delete(&at).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            removed => removed,
        }
    }
}

/// Whether a word before a colon is the scheme of an address; a drive or a folder's name is none.
fn is_scheme(word: &str) -> bool {
    word.len() > 1
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

/// Why an object store refused: a service's own code, or the innermost error's first line.
fn why(error: &object_store::Error) -> String {
    let text = error.to_string();
    let between =
        |from: &str, to: &str| text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(found, _)| found);
    let code = between("<Code>", "</Code>");
    let status = between("status code: ", ":");
    if let Some(status) = status {
        return code.map_or_else(|| status.to_owned(), |code| format!("{code} ({status})"));
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().lines().next().unwrap_or_default().chars().take(LONGEST_WHY).collect()
}

/// What the environment says of how to get into object stores, as each of them names it (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, …).
fn credentials() -> impl Iterator<Item = (String, String)> {
    let ours = |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix));
    std::env::vars().filter(move |(name, _)| ours(name)).map(|(name, value)| (name.to_ascii_lowercase(), value))
}

/// A lesson, where the bytes are one that is whole.
fn lesson(bytes: &[u8]) -> Option<Lesson> {
    let lesson: Lesson = serde_json::from_slice(bytes).ok()?;
    (lesson.format >= LESSON_FORMAT && !lesson.job.is_empty()).then_some(lesson)
}

/// Whether an object is named as a lesson's is.
fn is_object_name(name: &str) -> bool {
    started(name).is_some()
}

/// When the run started whose lesson has this object's name, Unix time; nothing where no lesson has such a name.
fn started(name: &str) -> Option<u64> {
    let time = name.split_once('-').filter(|_| name.ends_with(".json")).map(|(time, _)| time)?;
    let is_time = time.len() == LAST_MS.to_string().len() && time.bytes().all(|byte| byte.is_ascii_digit());
    Some(LAST_MS.saturating_sub(time.parse().ok().filter(|_| is_time)?))
}

/// The name of a lesson's object below its job.
fn object_name(lesson: &Lesson) -> String {
    let left_ms = LAST_MS.saturating_sub(lesson.started_ms);
    format!("{left_ms:013}-{}.json", key(&lesson.application))
}

/// A name as part of an object's: letters, digits, `.`, `-` and `_` stand for themselves, any other byte is `=` and two hexadecimal digits.
fn key(name: &str) -> String {
    let mut key = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => key.push(char::from(byte)),
            b'.' if !key.is_empty() => key.push('.'),
            byte => key.push_str(&format!("={byte:02x}")),
        }
    }
    if key.len() > LONGEST_KEY {
        key.truncate(LONGEST_KEY - 17);
        key.push('-');
        key.extend(sha256_hex(name.as_bytes()).chars().take(16));
    }
    if key.is_empty() { "=".to_owned() } else { key }
}

#[cfg(test)]
mod tests;
