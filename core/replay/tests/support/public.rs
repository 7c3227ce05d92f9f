//! Logs of public projects (`../shared/data` beside the checkout; skipped, and said, where it is absent).

#![allow(dead_code)]

use std::path::{Path, PathBuf};

use sparkwright_replay::log::Log;
use sparkwright_replay::trace::{NoTrace, Trace};

/// Every log in which something ran, below `eventlogs`.
pub(crate) const USABLE: [&str; 24] = [
    "databricks/eventlog-2.gz",
    "emr-advisor/job_spark_shell",
    "rapids/aqeshuffle_eventlog.zstd",
    "rapids/attempt_1_eventlog.zstd",
    "rapids/attempt_2_eventlog.zstd",
    "rapids/customshuffle_eventlog.zstd",
    "rapids/db_sim_eventlog",
    "rapids/db_subExecution_id.zstd",
    "rapids/dsAndDf_eventlog.zstd",
    "rapids/eventlog_2nodes_8cores",
    "rapids/eventlog_3nodes_12cores_exec_removed",
    "rapids/eventlog_v2_local-1623876083964",
    "rapids/gpu_oom_eventlog.zstd",
    "rapids/jdbc_eventlog.zstd",
    "rapids/malformed_json_eventlog.zstd",
    "rapids/nds_q66_gpu.zstd",
    "rapids/rp_nosql_eventlog",
    "rapids/truncated_eventlog",
    "rapids/xgboost_eventlog.zstd",
    "spark/app-20161115172038-0000",
    "spark/app-20200706201101-0003",
    "spark/application_1628109047826_1317105",
    "spark/local-1642039451826",
    "sparklens/local-1532512550423",
];

/// The folder of the logs; nothing, and a word of it, where there is none.
pub(crate) fn logs() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/eventlogs");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: there is no {}", folder.display());
    None
}

/// One of them.
pub(crate) fn log(folder: &Path, name: &str) -> Log {
    let mut log = Log::default();
    sparkwright_event_log::each_line(&folder.join(name), |line| log.take_line(line)).unwrap();
    log
}

/// What is kept of one of them.
pub(crate) fn trace(folder: &Path, name: &str) -> Result<Trace, NoTrace> {
    Trace::of(&log(folder, name))
}
