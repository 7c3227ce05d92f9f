//! What a replay takes into account: every part can be left out, which shows what it is worth.

/// The parts of the model. `cargo xtask bench replay` shows the error without each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// The driver's time before each job.
    pub job_gaps: bool,
    /// The driver's time before each stage.
    pub stage_gaps: bool,
    /// From the last task to the end of its stage, and from the last stage to the end of its job.
    pub end_lags: bool,
    /// From a stage's submission to its first launch.
    pub first_launch: bool,
    /// What the driver takes for each launch.
    pub dispatch: bool,
    /// From a task's end to the next launch on its slot.
    pub hand_over: bool,
    /// From an executor's registration to its first task.
    pub join: bool,
    /// Attempts after those that failed, and copies of slow tasks.
    pub attempts: bool,
    /// Nearness: where cached partitions and map outputs lie, and waits for a near slot.
    pub locality: bool,
    /// First tasks on a slot that take longer, at another size.
    pub waves: bool,
}

impl Model {
    /// Everything that counts at the recorded size.
    pub const FULL: Self = Self {
        job_gaps: true,
        stage_gaps: true,
        end_lags: true,
        first_launch: true,
        dispatch: true,
        hand_over: true,
        join: true,
        attempts: true,
        locality: true,
        waves: false,
    };

    /// The same, and what counts at other sizes.
    pub const OTHER_SIZES: Self = Self { waves: true, ..Self::FULL };

    /// Nothing but tasks on slots.
    pub const TASKS_ALONE: Self = Self {
        job_gaps: false,
        stage_gaps: false,
        end_lags: false,
        first_launch: false,
        dispatch: false,
        hand_over: false,
        join: false,
        attempts: false,
        locality: false,
        waves: false,
    };

    pub(super) const fn gap(self, counts: bool, us: i64) -> i64 {
        if counts { us } else { 0 }
    }
}
