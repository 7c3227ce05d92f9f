//! Who moves the executors of a replay: Spark's own rule, or a policy.

mod policy;
mod spark;

pub use policy::PolicyAllocation;
pub use spark::SparkAllocation;
