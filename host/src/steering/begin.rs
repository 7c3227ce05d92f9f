//! The record of a run as it begins: before anything is known of its application, and where its host is lost before it listened.

use serde_json::json;

use super::setup::SteeringSetup;
use crate::clock::now_ms;
use crate::digest::sha256_hex;
use crate::engine::{EngineError, Prepared, module_bytes};
use crate::lesson::Lessons;
use crate::record::{ApplicationIdentity, FORMAT, ModuleIdentity, Recorder, Run, RunState};
use crate::spark::protocol::Hello;

/// What is known of an application before it is met.
pub(super) fn unmet(driver_pid: u32) -> ApplicationIdentity {
    ApplicationIdentity { id: format!("starting-{driver_pid}"), driver_pid, ..ApplicationIdentity::default() }
}

/// What an application says of itself.
pub(super) fn met(hello: &Hello) -> ApplicationIdentity {
    ApplicationIdentity {
        id: hello.application.clone(),
        name: hello.name.clone(),
        spark: hello.spark.clone(),
        java: hello.java.clone(),
        master: hello.master.clone(),
        driver_pid: hello.driver_pid,
    }
}

/// Which module these bytes are.
pub(super) fn identity_of(module: &[u8]) -> ModuleIdentity {
    ModuleIdentity { sha256: sha256_hex(module), size_bytes: module.len() as u64 }
}

/// Begins a record.
pub(super) fn begin_record(
    launch: &SteeringSetup,
    module: &ModuleIdentity,
    application: ApplicationIdentity,
) -> Recorder {
    let now = now_ms();
    let run = Run {
        format: FORMAT,
        application,
        job: launch.lessons.as_ref().and_then(Lessons::recorded).map(|job| json!(job)),
        mode: launch.mode.word().to_owned(),
        policy: launch.identity.clone(),
        module: module.clone(),
        host_pid: std::process::id(),
        state: RunState::Running,
        started_ms: now,
        updated_ms: now,
        ..Run::default()
    };
    let recorder = Recorder::begin(run, launch.record.as_deref());
    recorder.keep_policy(&launch.policy);
    for fault in &launch.faults {
        recorder.fault(fault.clone());
    }
    recorder
}

/// Records why the module can't be used, where it can't.
pub(super) fn record_refusal(prepared: &Result<Prepared, EngineError>, recorder: &Recorder) {
    if let Err(error) = prepared {
        recorder.fault(format!("the policy module can't be used, the application runs as it would alone: {error}"));
    }
}

/// Leaves the record of a host that was lost before it left one itself.
pub fn record_lost_host(launch: &SteeringSetup, driver_pid: u32, why: &str) {
    let Some(root) = launch.record.as_deref() else { return };
    let application = unmet(driver_pid);
    // A folder alone is a record that was only half begun.
    if root.join(&application.id).join("run.json").exists() {
        return;
    }
    let module = module_bytes(launch.module.as_deref()).map(|bytes| identity_of(&bytes)).unwrap_or_default();
    let recorder = begin_record(launch, &module, application);
    recorder.lost(&format!("the host was lost before it listened, the application runs unsteered: {why}"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;
    use crate::record::read;

    #[test]
    fn a_host_that_was_killed_while_it_began_its_record_leaves_one_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        let launch = SteeringSetup { record: Some(root.path().to_owned()), ..SteeringSetup::default() };
        let folder = root.path().join(unmet(7).id);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("journal.jsonl"), "{\"line\":1,\"not").unwrap();
        record_lost_host(&launch, 7, "killed");
        let run = read(&folder).unwrap();
        assert_eq!(run.state, RunState::HostLost);
        assert!(run.faults.iter().any(|fault| fault.what.contains("killed")), "{:?}", run.faults);
        // A record that is there says more.
        record_lost_host(&launch, 7, "again");
        assert_eq!(read(&folder).unwrap().faults, run.faults);
    }
}
