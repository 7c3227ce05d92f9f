//! Work that executors share beside time that they don't shorten, `t(n) = S + W / (c * n)`: how many of them meet a deadline, and how many
//! still pay.

use crate::policy::OptimizationTarget;
use crate::units::floor_u64;

/// How strongly a target holds on to executors that gain little: the weight alpha of the elasticity rule.
#[must_use]
pub const fn elasticity_weight(target: OptimizationTarget) -> f64 {
    match target {
        OptimizationTarget::Speed => 0.95,
        OptimizationTarget::Quality => 0.8,
        OptimizationTarget::Balanced => 0.5,
        OptimizationTarget::Memory => 0.1,
    }
}

/// Executors that meet a deadline: `ceil(W / (c * (T - DRV - CP)))` with c tasks at a time on each; nothing when no number of
/// executors does.
#[must_use]
pub fn executors_for_deadline(work_ms: u64, tasks_an_executor: u32, deadline_ms: u64, serial_ms: u64) -> Option<u64> {
    let left = deadline_ms.checked_sub(serial_ms).filter(|left| *left > 0)?;
    let each = u128::from(left) * u128::from(tasks_an_executor.max(1));
    u64::try_from(u128::from(work_ms).div_ceil(each)).ok()
}

/// The largest n with `-d ln t / d ln n >= 1 - alpha` for `t(n) = S + P / n`: `n = alpha * P / ((1 - alpha) * S)`.
///
/// `S` is the serial time and `P` the parallel work for one executor. Without serial time there is no largest n.
#[must_use]
pub fn elastic_executors(parallel_ms: u64, serial_ms: u64, alpha: f64) -> Option<u64> {
    (serial_ms > 0).then(|| floor_u64(alpha * parallel_ms as f64 / ((1.0 - alpha) * serial_ms as f64)).max(1))
}
