//! What is known of a launch that a pipeline asks about.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use sparkwright_core::facts::{ClusterFacts, History, Manager};
use sparkwright_core::launch::PlanLaunchInput;

use super::cluster;
use super::known::Known;
use crate::launch::plan::launch_facts;

/// Of the cluster that a pipeline names, what says whether it is to be found out: each as [`ClusterFacts`] has it, and whether it was named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedCluster {
    manager: Option<Manager>,
    spark_version: Option<String>,
    python: Option<bool>,
    user_confs: Option<BTreeMap<String, Option<String>>>,
}

/// What the host knows of it. Without an application the cluster is what the confs that the pipeline names say, unless it names a manager:
/// then it says itself what its cluster is.
pub(super) fn facts(known: &Known<'_>, named: &Map<String, Value>) -> PlanLaunchInput {
    let cluster = match known.application {
        Some((_, cluster)) => cluster.clone(),
        None => of_confs(named),
    };
    launch_facts(cluster, None, &known.launch.labels, History::default())
}

fn of_confs(named: &Map<String, Value>) -> ClusterFacts {
    let cluster = named.get("cluster").cloned().unwrap_or_default();
    // What makes no sense the module refuses, with its place.
    match serde_json::from_value(cluster).unwrap_or_default() {
        NamedCluster { manager: None, spark_version, python, user_confs: Some(user) } => {
            let user = user.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
            cluster::of_confs(&spark_version.unwrap_or_default(), python.unwrap_or_default(), user)
        }
        _ => ClusterFacts::default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_looked_for_by_name_has_its_name_in_core() {
        // Whoever renames one of these in core finds it here.
        let facts = serde_json::to_value(PlanLaunchInput::default()).unwrap();
        let members = facts["cluster"].as_object().unwrap();
        for name in ["manager", "spark_version", "python", "user_confs"] {
            assert!(members.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_cluster_is_found_out_where_confs_are_named_and_no_manager_is() {
        let manager = |cluster: Value| of_confs(json!({"cluster": cluster}).as_object().unwrap()).manager;
        assert_eq!(manager(json!({"user_confs": {}})), Manager::Local);
        assert_eq!(manager(json!({"user_confs": {"spark.master": "yarn"}})), Manager::Yarn);
        assert_eq!(manager(json!({"user_confs": {"spark.master": "yarn", "spark.task.cpus": null}})), Manager::Yarn);
        assert_eq!(manager(json!({"user_confs": {"spark.master": "yarn"}, "manager": "unstated"})), Manager::Unstated);
        for paper in [json!({}), json!(null), json!({"python": true}), json!({"user_confs": null}), json!("yarn")] {
            assert_eq!(manager(paper.clone()), Manager::Unstated, "{paper}");
        }
        assert_eq!(of_confs(&Map::new()), ClusterFacts::default());
    }
}
