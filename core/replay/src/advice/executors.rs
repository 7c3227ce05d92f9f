//! More executors.

use alloc::format;

use sparkwright_core::trace::{Grade, render_ms};

use super::conf::{conf, flag, is_steered, whole};
use super::given::{Advice, Gain, WORTH};
use crate::curve::Point;
use crate::log::Log;
use crate::trace::{Trace, us};

/// The number of executors from which on more save less than [`WORTH`] of the run, where that is more than it had and a key gives them.
pub(super) fn advice(log: &Log, trace: &Trace, points: &[Point]) -> Option<Advice> {
    let run_us = us(trace.end_ms - trace.start_ms);
    let recorded = points.iter().find(|point| point.grade == Grade::A)?;
    let best = enough(points, recorded, run_us)?;
    let gain = Gain {
        expected_us: recorded.time_us - best.time_us,
        low_us: recorded.time_us - best.high_us,
        high_us: recorded.time_us - best.low_us,
    };
    if !gain.is_worth(run_us) {
        return None;
    }
    let key = key(log, recorded.executors)?;
    let set_to = key.now.saturating_mul(u64::from(best.executors)) / u64::from(recorded.executors.max(1));
    let took = |point: &Point| render_ms(u64::try_from(point.time_us / 1_000).unwrap_or(0));
    Some(Advice {
        key: key.name,
        now: key.now,
        set_to,
        gain,
        executor_us: (recorded.executor_us, best.executor_us),
        because: format!(
            "{} on {} executors instead of {} on {}",
            took(best),
            best.executors,
            took(recorded),
            recorded.executors
        ),
    })
}

/// The fewest executors that come within [`WORTH`] of the shortest time.
pub(super) fn enough<'a>(points: &'a [Point], recorded: &Point, run_us: i64) -> Option<&'a Point> {
    let shortest_us = points.iter().map(|point| point.time_us).min()?;
    let within = points.iter().filter(|point| point.executors > recorded.executors);
    within
        .filter(|point| (point.time_us - shortest_us) as f64 <= WORTH * run_us as f64)
        .min_by_key(|point| point.executors)
}

struct Key {
    name: &'static str,
    now: u64,
}

/// The key that gives an application its executors; nothing where it gets what there is, or what its load asks for.
fn key(log: &Log, executors: u32) -> Option<Key> {
    let key = |name, now| Some(Key { name, now });
    if let Some(workers) = whole(log, "spark.databricks.clusterUsageTags.clusterWorkers").filter(|workers| *workers > 0)
    {
        // The platform's name for it, in a cluster's specification.
        return key("num_workers", workers);
    }
    if flag(log, "spark.dynamicAllocation.enabled") {
        let name = "spark.dynamicAllocation.maxExecutors";
        // Under its bound it asked for no more: the load was not there, or it was too short.
        let most = whole(log, name).filter(|most| *most <= u64::from(executors))?;
        // Under a policy of ours Spark's key is the policy's to set.
        return key(if is_steered(log) { "autoscaling.max_executors" } else { name }, most);
    }
    let instances = "spark.executor.instances";
    match (whole(log, instances), whole(log, "spark.cores.max"), conf(log, "spark.master")) {
        (Some(now), _, _) => key(instances, now),
        (None, Some(now), _) => key("spark.cores.max", now),
        (None, None, Some(master)) if master.starts_with("yarn") || master.starts_with("k8s") => {
            key(instances, u64::from(executors))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn the_key_is_whose_number_it_was() {
        let of = |conf: &[(&str, &str)]| {
            let mut log = Log::default();
            log.conf = conf.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            key(&log, 8).map(|key| (key.name, key.now))
        };
        let (moved, most) = (("spark.dynamicAllocation.enabled", "true"), "spark.dynamicAllocation.maxExecutors");
        assert_eq!(of(&[moved, (most, "8")]), Some((most, 8)));
        // Under a policy of ours its own key; below its bound the load asked for no more.
        let ours = ("spark.sparkwright.socket", "/tmp/host.sock");
        assert_eq!(of(&[moved, (most, "8"), ours]), Some(("autoscaling.max_executors", 8)));
        assert_eq!(of(&[moved, (most, "20")]), None);
        assert_eq!(of(&[moved]), None);
        assert_eq!(of(&[("spark.executor.instances", "8")]), Some(("spark.executor.instances", 8)));
        // A standalone cluster gives all that it has.
        assert_eq!(of(&[("spark.master", "spark://host:7077")]), None);
    }
}
