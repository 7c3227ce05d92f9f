//! What is computed: when and where each task of a trace runs.
//!
//! Events in the order of their times (`running`): executors come and go (`steered`), the driver starts jobs and stages (`driver`), launches tasks one
//! after another on free slots as Spark's scheduler would (`queue`, `launching`, `pending`), and hears of their ends. Times are microseconds since the
//! start of the application.

mod allocation;
mod data;
mod driver;
mod executors;
mod launching;
mod model;
mod pending;
mod queue;
mod replayed;
mod running;
mod start_times;
mod state;
mod steered;

use alloc::vec::Vec;

pub use allocation::{Allocation, ExecutorNow, Manager, Moment, Wanted};
pub use executors::Offered;
pub use model::Model;
pub use replayed::Replayed;
pub use start_times::StartTimes;

use crate::trace::{Executor, Trace, us};
use state::{Happens, Simulation};
use steered::Steered;

/// Replays a trace on the executors that it had.
#[must_use]
pub fn replay(trace: &Trace, model: &Model) -> Replayed {
    let offered: Vec<Offered> = trace.executors.iter().map(|executor| recorded(trace, executor)).collect();
    replay_on(trace, model, &offered)
}

/// Replays a trace on other executors.
#[must_use]
pub fn replay_on(trace: &Trace, model: &Model, offered: &[Offered]) -> Replayed {
    Simulation::new(trace, *model, offered).run(None)
}

/// Replays a trace on a cluster whose executors somebody moves.
#[must_use]
pub fn replay_steered(trace: &Trace, model: &Model, manager: &Manager, allocation: &mut dyn Allocation) -> Replayed {
    let mut simulation = Simulation::new(trace, *model, &[]);
    let steered = Steered::of(manager, allocation);
    simulation.data.maps_are_lost = !manager.shuffle_service && !manager.moves_blocks;
    simulation.ask_for_the_first(manager);
    simulation.at(0, Happens::Ticks);
    simulation.run(Some(steered))
}

/// An executor as it was.
#[must_use]
pub fn recorded(trace: &Trace, executor: &Executor) -> Offered {
    Offered {
        from_us: us(executor.added_ms - trace.start_ms),
        until_us: executor.serves_until_ms.map(|until_ms| us(until_ms - trace.start_ms)),
        slots: executor.slots,
        profile: executor.profile,
        host: executor.host.clone(),
    }
}
