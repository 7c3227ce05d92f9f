//! The bounds of the executor count.

use super::contract::ControlInput;
use crate::policy::ResolvedPolicy;
use crate::trace::Trace;
use crate::units::saturating_u32;

/// The bounds of the executor count, none of them under 1: an application without an executor does nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) quota: Option<u32>,
}

impl Bounds {
    pub(super) fn of(policy: &ResolvedPolicy, input: &ControlInput) -> Self {
        Self {
            min: policy.autoscaling.min_executors.max(1),
            max: policy.autoscaling.max_executors.max(1),
            quota: input.quota_executors.map(|quota| quota.max(1)),
        }
    }

    /// The most executors: the smaller of the maximum and the quota.
    pub(super) fn most(self) -> u32 {
        self.quota.map_or(self.max, |quota| quota.min(self.max))
    }

    /// The fewest: the minimum, unless there may not even be that many.
    pub(super) fn least(self) -> u32 {
        self.min.min(self.most())
    }

    pub(super) fn clamp(self, value: u32) -> u32 {
        value.max(self.min).min(self.most())
    }

    /// [`Self::clamp`], with each bound put into the trace.
    pub(super) fn record(self, policy: &ResolvedPolicy, trace: &mut Trace, value: u32) -> u32 {
        let origin = |path| policy.origin(path);
        let value = u64::from(value);
        let value = trace.at_least(origin("autoscaling.min_executors"), u64::from(self.min), value);
        let mut value = trace.at_most(origin("autoscaling.max_executors"), u64::from(self.max), value);
        if let Some(quota) = self.quota {
            value = trace.at_most("quota of the cluster", u64::from(quota), value);
        }
        saturating_u32(value)
    }
}
