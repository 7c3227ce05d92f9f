//! What Spark says of a running application over its REST interface on loopback.

use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// One request may take this long; Spark answers in 8 to 60 ms.
const PATIENCE: Duration = Duration::from_secs(5);

/// The web page of a driver, `http://127.0.0.1:4040` by default (`spark.ui.port`).
#[derive(Debug, Clone)]
pub struct SparkPage {
    base: String,
}

#[derive(Debug, Deserialize)]
struct ApplicationId {
    id: String,
}

/// An executor, or the driver.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Executor {
    /// Its id; `driver` for the driver.
    pub id: String,
    /// Whether it is alive.
    pub is_active: bool,
    /// Its cores.
    pub total_cores: u32,
    /// Blocks that it holds.
    pub rdd_blocks: u64,
    /// Bytes of storage memory in use.
    pub memory_used: u64,
    /// Tasks that run on it now.
    pub active_tasks: u32,
    /// Tasks that it has ended.
    pub completed_tasks: u64,
    /// Why it went, when it has gone.
    #[serde(default)]
    pub remove_reason: Option<String>,
}

/// A cached RDD or table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cached {
    /// The RDD's id.
    pub id: u64,
    /// Its name; the beginning of the plan for a table.
    pub name: String,
    /// Its partitions.
    pub num_partitions: u64,
    /// Those of them that are held.
    pub num_cached_partitions: u64,
    /// The storage level in words.
    pub storage_level: String,
    /// Bytes in memory.
    pub memory_used: u64,
    /// Bytes on disk.
    pub disk_used: u64,
}

/// A stage.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Its id.
    pub stage_id: u64,
    /// `ACTIVE`, `COMPLETE`, `PENDING`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// Its tasks.
    pub num_tasks: u64,
    /// Those that run.
    pub num_active_tasks: u64,
    /// Those that have ended.
    pub num_complete_tasks: u64,
}

/// An execution of a SQL query.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlExecution {
    /// Its number.
    pub id: u64,
    /// `RUNNING`, `COMPLETED` or `FAILED`.
    pub status: String,
    /// What called for it.
    pub description: String,
    /// The physical plan in words.
    #[serde(default)]
    pub plan_description: String,
}

impl SparkPage {
    /// The page on a port of loopback.
    #[must_use]
    pub fn on_port(port: u16) -> Self {
        Self { base: format!("http://127.0.0.1:{port}/api/v1/applications") }
    }

    /// The id of the application.
    ///
    /// # Errors
    /// When there is none yet, or no more.
    pub fn application(&self) -> Result<String> {
        let all: Vec<ApplicationId> = get(&self.base)?;
        all.into_iter().next().map(|one| one.id).ok_or_else(|| Error::malformed(&self.base, "no application"))
    }

    /// All executors, the ones that have gone too, and the driver.
    ///
    /// # Errors
    /// When Spark does not answer.
    pub fn executors(&self, application: &str) -> Result<Vec<Executor>> {
        get(&format!("{}/{application}/allexecutors", self.base))
    }

    /// What is cached.
    ///
    /// # Errors
    /// When Spark does not answer.
    pub fn cached(&self, application: &str) -> Result<Vec<Cached>> {
        get(&format!("{}/{application}/storage/rdd", self.base))
    }

    /// The stages, newest first.
    ///
    /// # Errors
    /// When Spark does not answer.
    pub fn stages(&self, application: &str) -> Result<Vec<Stage>> {
        get(&format!("{}/{application}/stages", self.base))
    }

    /// The SQL executions with their plans.
    ///
    /// # Errors
    /// When Spark does not answer.
    pub fn sql(&self, application: &str) -> Result<Vec<SqlExecution>> {
        get(&format!("{}/{application}/sql?details=true&planDescription=true&length=10000", self.base))
    }

    /// Asks `look` every 200 ms until it finds something.
    ///
    /// # Errors
    /// [`Error::Late`] when it found nothing in time; errors of `look` count as nothing found.
    pub fn wait_for<T>(&self, what: &str, limit: Duration, look: impl Fn(&Self) -> Result<Option<T>>) -> Result<T> {
        let began = Instant::now();
        loop {
            let last = match look(self) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => String::from("not yet"),
                Err(error) => error.to_string(),
            };
            if began.elapsed() > limit {
                return Err(Error::Late { what: what.to_owned(), after: limit, log: format!("last answer: {last}") });
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Gets JSON from an address on loopback.
pub(crate) fn get<T: DeserializeOwned>(address: &str) -> Result<T> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
    config
        .new_agent()
        .get(address)
        .call()
        .and_then(|mut answer| answer.body_mut().with_config().limit(256 << 20).read_json())
        .map_err(|error| Error::malformed(address, error))
}
