//! Who moves the executors of an application while it runs.
//!
//! One controller: the policy moves them with Spark's dynamic allocation switched on and pinned. Where the user fixed their number or
//! turned dynamic allocation on, that stands, unless the policy takes over (`autoscaling.existing_dynamic_allocation`).

use crate::confs::{DYNAMIC_ALLOCATION, EXECUTOR_INSTANCES};
use crate::decision::Value;
use crate::facts::ClusterFacts;
use crate::policy::{ExistingDynamicAllocation, ResolvedPolicy};
use crate::trace::{Decision, Grade, Scalar, Trace, Unit};
use crate::words::words;

words! {
    /// Who moves the executors of an application.
    Scaling {
        /// The policy.
        Policy = "policy",
        /// Nobody: autoscaling is off.
        Fixed = "fixed",
        /// Spark, or nobody, as the user set it.
        User = "as_set",
        /// There are none: a local master runs every task in the driver.
        Local = "local",
    }
}

impl Value for Scaling {
    fn scalar(&self) -> Scalar {
        self.word().into()
    }

    fn text(&self, _: Unit) -> alloc::string::String {
        match self {
            Self::Policy => "by the policy",
            Self::Fixed => "off",
            Self::User => "as the user set it",
            Self::Local => "none, local master",
        }
        .into()
    }
}

/// Decides who moves the executors.
#[must_use]
pub fn scaling(policy: &ResolvedPolicy, cluster: &ClusterFacts) -> Decision<Scaling> {
    let autoscaling = &policy.autoscaling;
    let fixed = cluster.user(DYNAMIC_ALLOCATION.key).or_else(|| cluster.user(EXECUTOR_INSTANCES.key)).is_some();
    let value = if !cluster.manager.scales() {
        Scaling::Local
    } else if !autoscaling.enable_autoscaling {
        Scaling::Fixed
    } else if fixed && autoscaling.existing_dynamic_allocation != ExistingDynamicAllocation::TakeOver {
        Scaling::User
    } else {
        Scaling::Policy
    };
    Trace::new(
        "executors.scaling",
        match value {
            Scaling::Policy => "the policy adds and removes executors; Spark's dynamic allocation is on and pinned",
            Scaling::Fixed => "autoscaling is off: the number of executors is fixed",
            Scaling::User => "the user set the executors or dynamic allocation, and that stands",
            Scaling::Local => "a local master runs every task in the driver",
        },
        Unit::None,
    )
    .input(
        "enable_autoscaling",
        autoscaling.enable_autoscaling,
        Unit::None,
        policy.origin("autoscaling.enable_autoscaling"),
    )
    .input("executors or dynamic allocation set by the user", fixed, Unit::None, "cluster")
    .input(
        "existing_dynamic_allocation",
        autoscaling.existing_dynamic_allocation.word(),
        Unit::None,
        policy.origin("autoscaling.existing_dynamic_allocation"),
    )
    .decide(value, Grade::A)
}
