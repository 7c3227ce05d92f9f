//! The causes that there are.

/// What time can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Until the first task: the application's own start, its executors', the first planning.
    StartUp,
    /// No query and no job: a shell or a notebook waits.
    IdleShell,
    /// No query and no job: the program does something else.
    Program,
    /// A query or a job without a task that runs: planning, collecting, committing.
    Driver,
    /// A job without an executor that could run its tasks.
    NoExecutor,
    /// Attempts that failed, and stages that were given up.
    TaskFailures,
    /// Work that was done again since an executor, or what it held, was lost.
    LostExecutors,
    /// A few tasks have many more rows than the others.
    SkewedRows,
    /// The tasks of one machine take longer, on as many rows.
    SlowHost,
    /// A few tasks take longer, and neither rows nor machine tell why.
    Stragglers,
    /// A scan has fewer splits than half of the slots.
    FewScanTasks,
    /// A stage that reads neither files nor a shuffle has fewer tasks than half of the slots.
    FewTasks,
    /// A stage that reads a shuffle has fewer partitions than half of the slots.
    FewShufflePartitions,
    /// A stage has one task.
    OneTask,
    /// First tasks on their slots take longer than later ones.
    WarmUp,
    /// Garbage collection.
    GarbageCollection,
    /// Stages whose tasks spilled.
    Spill,
    /// Tasks wait for shuffle blocks.
    ShuffleFetch,
    /// More tasks than slots: the slots were busy, in several waves.
    Waves,
    /// Tasks at work, in one wave.
    Work,
}

impl Kind {
    /// Its name, for scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::StartUp => "start_up",
            Self::IdleShell => "idle_shell",
            Self::Program => "program",
            Self::Driver => "driver",
            Self::NoExecutor => "no_executor",
            Self::TaskFailures => "task_failures",
            Self::LostExecutors => "lost_executors",
            Self::SkewedRows => "skewed_rows",
            Self::SlowHost => "slow_host",
            Self::Stragglers => "stragglers",
            Self::FewScanTasks => "few_scan_tasks",
            Self::FewTasks => "few_tasks",
            Self::FewShufflePartitions => "few_shuffle_partitions",
            Self::OneTask => "one_task",
            Self::WarmUp => "warm_up",
            Self::GarbageCollection => "garbage_collection",
            Self::Spill => "spill",
            Self::ShuffleFetch => "shuffle_fetch",
            Self::Waves => "waves",
            Self::Work => "work",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::StartUp => "start-up, until the first task",
            Self::IdleShell => "nothing was asked: the shell waited",
            Self::Program => "the program's own work, or its waiting",
            Self::Driver => "the driver alone: planning, collecting, committing",
            Self::NoExecutor => "tasks waited, and there was no executor",
            Self::TaskFailures => "tasks that failed",
            Self::LostExecutors => "work of lost executors, done again",
            Self::SkewedRows => "a few tasks had most of the rows",
            Self::SlowHost => "one host was slow",
            Self::Stragglers => "a few tasks took longer than the others",
            Self::FewScanTasks => "fewer scan tasks than slots",
            Self::FewTasks => "fewer tasks than slots",
            Self::FewShufflePartitions => "fewer shuffle partitions than slots",
            Self::OneTask => "stages of one task",
            Self::WarmUp => "first tasks on their slots (warm-up)",
            Self::GarbageCollection => "garbage collection",
            Self::Spill => "stages that spilled",
            Self::ShuffleFetch => "waiting for shuffle blocks",
            Self::Waves => "busy slots: more tasks than slots",
            Self::Work => "busy slots: one wave of tasks",
        }
    }
}
