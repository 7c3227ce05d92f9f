//! What is known of a cluster before an application starts on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use serde::Deserialize;
use sparkwright_core::facts::{ClusterFacts, Manager, NodeFacts};
use sparkwright_core::steering::MASTER_ANSWERS_WITHIN_MS;
use sparkwright_core::units::Bytes;

/// Where a standalone master shows its state when nobody says otherwise.
const MASTER_WEB_PORT: u16 = 8080;

/// The facts behind a master URL and a user's configurations.
#[must_use]
pub fn cluster_facts(
    master: &str,
    spark_version: &str,
    python: bool,
    user_confs: BTreeMap<String, String>,
) -> ClusterFacts {
    let manager = Manager::of_master(master);
    let whole = |key: &str| user_confs.get(key).and_then(|text| text.trim().parse::<u32>().ok());
    let mut nodes = Vec::new();
    if manager == Manager::Standalone {
        nodes = standalone_nodes(master);
    } else if let Some((workers, cores, mib)) = local_cluster(master) {
        nodes.push(NodeFacts { count: workers, cores, memory_bytes: Bytes::mib(u64::from(mib)) });
    }
    ClusterFacts {
        manager,
        spark_version: spark_version.to_owned(),
        nodes,
        quota_cores: whole("spark.cores.max"),
        local_threads: (manager == Manager::Local).then(|| local_threads(master)),
        driver_machine_bytes: machine_memory(),
        task_cpus: whole("spark.task.cpus"),
        python,
        block_migration: false,
        user_confs: user_confs.into_iter().collect(),
    }
}

/// Threads of `local`, `local[n]`, `local[n,failures]` or `local[*]`.
fn local_threads(master: &str) -> u32 {
    let inside = master.split_once('[').map_or("1", |(_, rest)| rest.trim_end_matches(']'));
    match inside.split(',').next().unwrap_or("1").trim() {
        "*" => std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        number => number.parse().unwrap_or(1),
    }
}

/// Workers, cores and MiB of `local-cluster[n,cores,mib]`.
fn local_cluster(master: &str) -> Option<(u32, u32, u32)> {
    let inside = master.strip_prefix("local-cluster[")?.strip_suffix(']')?;
    let mut numbers = inside.split(',').map(|part| part.trim().parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

fn machine_memory() -> Option<Bytes> {
    // A container has what its group may take, however large the machine is.
    let limit = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok().map(Bytes);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    installed_memory().into_iter().chain(limits.into_iter().filter_map(limit)).min()
}

fn installed_memory() -> Option<Bytes> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}

#[derive(Deserialize)]
struct MasterState {
    url: String,
    workers: Vec<WorkerState>,
}

#[derive(Deserialize)]
struct WorkerState {
    cores: u32,
    memory: u64,
    state: String,
}

/// The workers of a standalone master, as its web page tells them; none where it doesn't answer or speaks for another master.
fn standalone_nodes(master: &str) -> Vec<NodeFacts> {
    let mut nodes: Vec<NodeFacts> = Vec::new();
    let Some(state) = master_state(master).filter(|state| state.url == master) else { return nodes };
    for worker in state.workers.into_iter().filter(|worker| worker.state == "ALIVE") {
        let memory_bytes = Bytes::mib(worker.memory);
        match nodes.iter_mut().find(|node| node.cores == worker.cores && node.memory_bytes == memory_bytes) {
            Some(node) => node.count = node.count.saturating_add(1),
            None => nodes.push(NodeFacts { count: 1, cores: worker.cores, memory_bytes }),
        }
    }
    nodes
}

/// Asks `http://<master's host>:8080/json/`. Spark's page is plain HTTP with a short answer: no client library is needed for it.
fn master_state(master: &str) -> Option<MasterState> {
    let host = master.strip_prefix("spark://")?.split(',').next()?.rsplit_once(':')?.0;
    let address = (host, MASTER_WEB_PORT).to_socket_addrs().ok()?.next()?;
    let patience = Duration::from_millis(MASTER_ANSWERS_WITHIN_MS);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    write!(stream, "GET /json/ HTTP/1.0\r\nHost: {host}\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).ok()?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    serde_json::from_slice(answer.get(body + 4..)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn master_urls_tell_what_they_can() {
        assert_eq!(local_threads("local"), 1);
        assert_eq!(local_threads("local[3]"), 3);
        assert_eq!(local_threads("local[4,2]"), 4);
        assert!(local_threads("local[*]") >= 1);
        assert_eq!(local_cluster("local-cluster[3,1,600]"), Some((3, 1, 600)));
        assert_eq!(local_cluster("local-cluster[3]"), None);
    }
}
