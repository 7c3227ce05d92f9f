//! The cluster of an application, and what its user configured.

use std::collections::BTreeMap;

use sparkwright_core::facts::ClusterFacts;

use crate::launch::cluster::cluster_facts;
use crate::steering::steered::Steered;

/// spark-submit's master where none is named.
const UNNAMED_MASTER: &str = "local[*]";

/// The cluster of an application.
pub(in crate::steering) fn of_application(steered: &Steered) -> ClusterFacts {
    let hello = &steered.hello;
    let user = hello.user_confs(&steered.launch.own_confs);
    ClusterFacts {
        block_migration: hello.migrates_blocks(),
        ..cluster_facts(&hello.master, &hello.spark, hello.python, user)
    }
}

/// The same with the size of its executors as they run: no other can be had any more.
pub(in crate::steering) fn with_running_sizes(cluster: &ClusterFacts, steered: &Steered) -> ClusterFacts {
    let mut cluster = cluster.clone();
    for key in ["spark.executor.cores", "spark.executor.memory"] {
        if let Some(value) = steered.hello.text(key) {
            cluster.user_confs.insert(key.to_owned(), value.to_owned());
        }
    }
    cluster
}

/// Before an application starts, its cluster is what the user's confs say.
pub(super) fn of_confs(spark_version: &str, python: bool, user: BTreeMap<String, String>) -> ClusterFacts {
    let master = user.get("spark.master").map_or(UNNAMED_MASTER, String::as_str).to_owned();
    cluster_facts(&master, spark_version, python, user)
}
