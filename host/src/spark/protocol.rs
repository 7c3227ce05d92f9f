//! The messages between plugin and host: one JSON object a line. `host/spark-plugin/PROTOCOL.md` is the reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sparkwright_core::facts::parse_spark_memory;
use sparkwright_core::query::{CacheChoice, CachedBy, Columns, ConfFacts, JoinKind, StorageFacts};
use sparkwright_core::units::Bytes;

/// The version of the protocol that this host speaks.
pub const VERSION: u32 = 1;
/// The longest line that is read.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Events out of the driver, commands into it.
    Events,
    /// Questions about queries.
    Questions,
    /// What to start with, from a plugin that started its host itself.
    Launch,
    /// A pipeline that declares its stages.
    Pipeline,
}

/// The first line of a connection.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Hello {
    /// What the connection is for.
    pub role: Role,
    /// The protocol's version; not said on the questions connection.
    pub protocol: Option<u32>,
    /// Spark's application id.
    #[serde(default, deserialize_with = "or_default")]
    pub application: String,
    /// The application's name.
    #[serde(default)]
    pub name: String,
    /// Spark's version.
    #[serde(default)]
    pub spark: String,
    /// Java's version.
    #[serde(default)]
    pub java: String,
    /// The master URL.
    #[serde(default)]
    pub master: String,
    /// The driver's process.
    #[serde(default)]
    pub driver_pid: u32,
    /// The driver's largest heap.
    pub driver_max_memory_bytes: Option<u64>,
    /// `sc.defaultParallelism`.
    pub default_parallelism: Option<u32>,
    /// Whether the application is a Python program.
    #[serde(default)]
    pub python: bool,
    /// Every entry of the application's configuration, secrets redacted.
    #[serde(default)]
    pub conf: BTreeMap<String, String>,
}

impl Hello {
    /// Configurations that Sparkwright itself added before the driver started, by `submit` or by the Python package: not the user's.
    pub fn own_confs(&self) -> impl Iterator<Item = &str> {
        let listed = self.conf.get("spark.sparkwright.ownConfs").map_or("", String::as_str);
        listed.split(',').map(str::trim).filter(|key| !key.is_empty())
    }

    /// An entry of the application's configuration.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.conf.get(key).map(String::as_str)
    }

    /// An entry that holds a whole number.
    #[must_use]
    pub fn whole(&self, key: &str) -> Option<u32> {
        self.text(key)?.trim().parse().ok()
    }

    /// An entry that holds a share of something.
    #[must_use]
    pub fn share(&self, key: &str) -> Option<f64> {
        self.text(key)?.trim().parse().ok()
    }

    /// An entry that holds a size of memory.
    #[must_use]
    pub fn memory(&self, key: &str) -> Option<Bytes> {
        parse_spark_memory(self.text(key)?)
    }

    /// Whether an entry is `true`.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).is_some_and(|on| on.trim().eq_ignore_ascii_case("true"))
    }

    /// Whether decommissioning moves cached blocks to other executors.
    #[must_use]
    pub fn migrates_blocks(&self) -> bool {
        self.flag("spark.storage.decommission.enabled") && self.flag("spark.storage.decommission.rddBlocks.enabled")
    }

    /// What the user configured, in whatever way; `own` are more keys that are Sparkwright's.
    #[must_use]
    pub fn user_confs(&self, own: &[String]) -> BTreeMap<String, String> {
        let mut user = self.conf.clone();
        user.retain(|key, _| !own.contains(key) && self.own_confs().all(|own| own != key));
        user
    }
}

/// A member that is null is one that is left out.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(reader: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or_default())
}

/// The fallback that the plugin carries out by itself when the host is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IfLost {
    /// Executors to ask for.
    pub executors_total: u32,
}

/// What the host answers to a hello.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "sparkwright", rename_all = "lowercase")]
pub enum Greeting {
    /// The application is steered, in this way.
    Welcome {
        /// `act`, `shadow` or `off`.
        mode: String,
        /// How long a query waits for an answer.
        question_timeout_ms: u64,
        /// Unanswered questions in a row after which the application is unsteered.
        misses_before_unsteered: u32,
        /// Events that wait for the host before they are dropped.
        event_queue_length: u32,
        /// Questions that wait for the host before one counts as unanswered.
        question_queue_length: u32,
        /// SQL executions of a session whose answers are remembered.
        open_executions_at_most: u32,
        /// Session keys that an answer may name.
        managed_keys: Vec<String>,
        /// The fallback.
        if_lost: Option<IfLost>,
        /// The most nodes of a plan that are sent.
        nodes_at_most: u32,
        /// The most source files of a plan that is cached.
        files_at_most: u32,
        /// How long a source file must have been left alone.
        settled_ms: u64,
        /// Files of a remote folder from which on the folder is listed instead of each file asked for.
        list_folder_from: u32,
        /// Sizes above this are unknown.
        unknown_above_bytes: u64,
        /// The most stack frames that are looked at for each query.
        stack_frames_at_most: u32,
        /// Time between looks at what the cached plans hold.
        storage_look_ms: u64,
        /// Time between signs of life.
        alive_ms: u64,
        /// Whether questions name the shapes of sub-plans: it costs planning time, so only where later runs learn from this one.
        wants_shapes: bool,
        /// The most columns of a sub-plan of which it is said with its shape which are asked for.
        columns_at_most: u32,
    },
    /// The application is not steered.
    Refused {
        /// Why.
        reason: String,
    },
    /// The answer to a plugin that asks what to start with.
    Launch {
        /// What to set before the scheduler is made.
        confs: BTreeMap<String, String>,
    },
}

/// What the plugin says on the events connection besides Spark's events.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "sparkwright", rename_all = "lowercase")]
pub enum Report {
    /// A command was carried out, or not.
    Acted(Acted),
    /// A plan that we cached came or went.
    Entry {
        /// The entry.
        id: String,
        /// `cached` or `dropped`.
        state: String,
        /// `asked`, `source_changed`, `gone` or `failed`.
        #[serde(default)]
        why: String,
        /// What failed.
        error: Option<String>,
    },
    /// What our entries hold.
    Storage {
        /// The entries.
        entries: Vec<EntryStorage>,
    },
    /// Nothing else is to be said.
    Alive {},
    /// Events were lost.
    Dropped {
        /// How many.
        events: u64,
    },
    /// The plugin stopped asking and obeying.
    Unsteered {
        /// Why.
        reason: String,
    },
    /// The application ends.
    Bye {
        /// How long the driver's queries were with the plugin, all told.
        #[serde(default)]
        held_up_ms: u64,
        /// Processor time of the plugin's own threads.
        #[serde(default)]
        plugin_cpu_ms: u64,
    },
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Acted {
    /// The command's number.
    pub id: u64,
    /// Whether it worked.
    pub ok: bool,
    /// Why it did not.
    pub error: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub took_ms: u64,
    /// What the command gives.
    #[serde(default)]
    pub result: Value,
}

/// What one of our cached plans holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntryStorage {
    /// The entry.
    pub id: String,
    /// Its storage level.
    #[serde(default)]
    pub level: String,
    /// Bytes in memory.
    #[serde(default)]
    pub memory_bytes: u64,
    /// Bytes on disk.
    #[serde(default)]
    pub disk_bytes: u64,
    /// Its partitions.
    #[serde(default)]
    pub partitions: u32,
    /// Those that are there.
    #[serde(default)]
    pub cached_partitions: u32,
}

/// One operator of a plan, as the plugin sends it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AskedNode {
    /// Index of its parent.
    pub parent: Option<u32>,
    /// Spark's name of the operator.
    pub operator: String,
    /// What names the sub-plan's result.
    #[serde(default)]
    pub hash: String,
    /// What names its shape from run to run; empty from an older plugin.
    #[serde(default)]
    pub shape: String,
    /// The columns of its output that the query computes; absent from an older plugin, and where it may not be cached.
    #[serde(default)]
    pub asked: Option<Columns>,
    /// A leaf's size.
    pub bytes: Option<u64>,
    /// A leaf's rows.
    pub rows: Option<u64>,
    /// One output row.
    #[serde(default)]
    pub row_bytes: u64,
    /// A join's kind.
    pub join: Option<JoinKind>,
    /// Whether a join's own condition holds something about one side only.
    #[serde(default)]
    pub one_sided: bool,
    /// Whether an expression of its own draws or numbers rows by partition.
    #[serde(default)]
    pub by_partition: bool,
    /// A file source's format.
    pub format: Option<String>,
    /// A file source's first path.
    pub path: Option<String>,
    /// Why it may not be cached.
    pub why_not: Option<String>,
    /// Who cached it.
    #[serde(default)]
    pub cached: CachedBy,
}

/// A question about a query.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Ask {
    /// The question's number.
    pub ask: u64,
    /// How long the last question took, from asking to the answer in hand; absent for the first.
    pub last_trip_us: Option<u64>,
    /// The session that plans it.
    #[serde(default)]
    pub session: String,
    /// The SQL execution that it belongs to, where there is one.
    pub execution: Option<i64>,
    /// Whether adaptive execution is on and coalesces shuffle partitions.
    #[serde(default = "yes")]
    pub adaptive: bool,
    /// The plan.
    pub nodes: Vec<AskedNode>,
    /// Whether nodes were left out.
    #[serde(default)]
    pub truncated: bool,
    /// Our cached plans.
    #[serde(default)]
    pub entries: Vec<EntryStorage>,
    /// Storage memory of the executors.
    #[serde(default)]
    pub executors: Vec<StorageFacts>,
    /// The managed session keys.
    #[serde(default)]
    pub confs: BTreeMap<String, ConfFacts>,
}

const fn yes() -> bool {
    true
}

/// The host's answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What Spark is to do with the query.
    Decided {
        /// The question's number.
        answer: u64,
        /// Session keys for this query.
        confs: BTreeMap<String, String>,
        /// Sub-plans to cache.
        cache: Vec<CacheChoice>,
        /// Entries to let go.
        uncache: Vec<String>,
    },
    /// Nothing.
    Undecided {
        /// The question's number.
        answer: u64,
        /// Why.
        none: String,
    },
}

/// What the host tells the plugin to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Ask for this many executors in all.
    ExecutorsTotal {
        /// The command's number.
        id: u64,
        /// Executors.
        total: u32,
    },
    /// Decommission these executors.
    Decommission {
        /// The command's number.
        id: u64,
        /// Their names.
        executors: Vec<String>,
        /// Executors that are left.
        total_after: u32,
    },
    /// Replace the fallback.
    IfLost {
        /// The command's number.
        id: u64,
        /// Executors to fall back to.
        executors_total: u32,
    },
    /// Set session confs that stay; an empty value takes one back.
    Conf {
        /// The command's number.
        id: u64,
        /// Values by key.
        set: BTreeMap<String, String>,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_we_added_is_not_the_user_s() {
        let hello: Hello = serde_json::from_str(
            r#"{"role":"events","application":null,"conf":{"spark.a":"1","spark.b":"2","spark.c":"3","spark.sparkwright.ownConfs":" spark.a, ,spark.x"}}"#,
        )
        .unwrap();
        assert_eq!(hello.application, "");
        assert_eq!(hello.own_confs().collect::<Vec<_>>(), ["spark.a", "spark.x"]);
        assert_eq!(
            (hello.whole("spark.b"), hello.memory("spark.b"), hello.flag("spark.b")),
            (Some(2), Some(Bytes::mib(2)), false)
        );
        let user = hello.user_confs(&["spark.c".to_owned()]);
        assert_eq!(user.keys().collect::<Vec<_>>(), ["spark.b", "spark.sparkwright.ownConfs"]);
    }
}
