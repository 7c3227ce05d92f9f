//! Every key of Spark that a plan sets is one that Spark has, and can be set when the plan says.

use sparkwright_core::answers::managed_keys;
use sparkwright_core::confs::{ConfSetting, ConfWhen};
use sparkwright_core::facts::{ClusterFacts, JobFacts, Manager, NodeFacts};
use sparkwright_core::launch::{PlanLaunchInput, plan_launch};
use sparkwright_core::policy::ResolvedPolicy;
use sparkwright_core::stage::{PlanStageInput, plan_stage};
use sparkwright_core::units::Bytes;
use sparkwright_policy::{SPARK_RELEASES, Settable, SparkRelease, parse};

use crate::brief;

fn fits(release: SparkRelease, key: &str, setting: &ConfSetting) {
    let Some(known) = release.key(key) else { panic!("Spark {:?} has no {key}", release.release) };
    let expected = match known.settable {
        Settable::Submit | Settable::Static => ConfWhen::Submit,
        Settable::Session => ConfWhen::Session,
    };
    assert_eq!(setting.when, expected, "{key}");
}

#[test]
fn plans_set_only_keys_that_spark_has_and_when_it_takes_them() {
    let mut policy = ResolvedPolicy::default();
    policy.temp_tables.broadcast_threshold_mb = 64;
    policy.autoscaling.target_executor_memory = Some(Bytes::gib(4));
    let mut seen = 0;
    for release in SPARK_RELEASES {
        let (major, minor) = release.release;
        for manager in [Manager::Unstated, Manager::Local, Manager::Standalone, Manager::Yarn, Manager::Kubernetes] {
            let cluster = ClusterFacts {
                manager,
                spark_version: format!("{major}.{minor}.0"),
                python: true,
                nodes: vec![NodeFacts { count: 9, cores: 16, memory_bytes: Bytes::gib(64) }],
                ..ClusterFacts::default()
            };
            let job = JobFacts { input_bytes: Some(Bytes::gib(500)), ..JobFacts::default() };
            let launch = PlanLaunchInput { cluster: cluster.clone(), job: job.clone(), ..PlanLaunchInput::default() };
            let stage = PlanStageInput {
                cluster,
                job,
                key_skew: Some(9.0),
                driver_heap_bytes: Some(Bytes::gib(4)),
                ..PlanStageInput::default()
            };
            let launch = plan_launch(&policy, &launch).unwrap().confs;
            let stage = plan_stage(&policy, &stage).unwrap().confs;
            for (key, setting) in launch.iter().chain(&stage) {
                fits(release, key, setting);
                seen += 1;
            }
        }
        for key in managed_keys() {
            assert_eq!(release.key(key).map(|key| key.settable), Some(Settable::Session), "{key}");
        }
    }
    assert!(seen > 50, "{seen} settings were looked at");
}

#[test]
fn keys_to_overwrite_are_held_to_spark_s_own() {
    let text = "
global_optimization:
  autoscaling:
    overwrite_user_confs: [spark.sql.shufle.partitions, spark.sql.shuffle.partitions, spark.my.own.thing]
";
    let (file, diagnostics) = parse("policy.yaml", text);
    assert!(diagnostics.is_empty());
    assert_eq!(brief(&file.lint()), ["4:27-106 unknown_spark_key Spark 4.3 has no key `spark.sql.shufle.partitions`"]);
    assert_eq!(file.lint()[0].help, "did you mean `spark.sql.shuffle.partitions`?");
}
