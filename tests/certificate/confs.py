"""Confs: those of applications, between which the workers start anew, and those that a history sets in its session."""

from dataclasses import dataclass, field
from random import Random

INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Without compiling each query's classes, which takes most of the time of a query over few rows."""
ON_DISK = {**INTERPRETED, "spark.sql.sources.fileCompressionFactor": "80000"}
"""Kept plans count as larger than the memory for them, and so are kept on disk."""
EXECUTORS = {
    **INTERPRETED,
    "spark.executor.memory": "600m",
    "spark.executor.cores": "1",
    "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.decommission.enabled": "true",
    "spark.storage.decommission.enabled": "true",
    "spark.storage.decommission.rddBlocks.enabled": "true",
    "spark.storage.decommission.shuffleBlocks.enabled": "true",
    # They are lost again and again.
    "spark.deploy.maxExecutorRetries": "-1",
    "spark.stage.maxConsecutiveAttempts": "20",
}
"""Two executors in processes of their own."""
EXECUTORS_LOST = ["executor killed", "executor decommissioned"]
KRYO = {"spark.serializer": "org.apache.spark.serializer.KryoSerializer"}
COMMON = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "",
    # What a page would show, which there is none of, costs a third of a small query.
    "spark.sql.ui.explainMode": "simple",
    "spark.ui.liveUpdate.period": "-1",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "5",
    "spark.ui.retainedStages": "5",
    "spark.ui.retainedTasks": "10",
    "spark.sql.dataFrameQueryContext.enabled": "false",
    # Files of some rows count as files of some MiB: of less, Sparkwright decides nothing.
    "spark.sql.sources.fileCompressionFactor": "2000",
}


@dataclass(frozen=True)
class Profile:
    """Confs of an application."""

    name: str
    weight: int
    confs: dict[str, str]
    master: str = "local[1]"
    heap: str = "2200m"
    """Of less, half of the time goes to collecting garbage."""
    takes_partitions: bool = True
    """Whether the application sets its own number of shuffle partitions."""
    faults: list[str] = field(default_factory=list)
    faulty: float = 0.06
    """How many histories have them."""
    histories: int = 400
    """Histories between two starts of the applications, which then have other confs."""


PROFILES = [
    Profile("plain", 6, INTERPRETED),
    Profile("compiled", 2, {}),
    Profile("two tasks", 2, INTERPRETED, master="local[2]"),
    Profile("not adaptive", 2, {**INTERPRETED, "spark.sql.adaptive.enabled": "false"}),
    Profile("steered partitions", 2, INTERPRETED, takes_partitions=False),
    Profile("on disk", 2, ON_DISK),
    Profile("kryo, registered", 1, {**ON_DISK, **KRYO, "spark.kryo.registrationRequired": "true"}),
    Profile("kryo", 1, {**ON_DISK, **KRYO}),
    Profile("host killed", 1, INTERPRETED, faults=["host killed"]),
    Profile("executors lost", 1, EXECUTORS, "local-cluster[2,1,700]", faults=EXECUTORS_LOST, faulty=0.5, histories=30),
]


def profile(seed: int, block: int) -> Profile:
    """The profile of a block of histories: each of them once, the plain one first, then by their weights."""
    if block == 0:
        return PROFILES[0]
    if block < len(PROFILES):
        return Random(f"{seed}:profiles").sample(PROFILES[1:], len(PROFILES) - 1)[block - 1]
    return Random(f"{seed}:profile:{block}").choices(PROFILES, [one.weight for one in PROFILES])[0]


def of_application(profile: Profile) -> dict[str, str]:
    """What an application starts with."""
    confs = {**COMMON, **profile.confs}
    if profile.takes_partitions:
        confs["spark.sql.shuffle.partitions"] = "3"
    else:
        del confs["spark.sql.shuffle.partitions"]
    return confs


def session(rng: Random, takes_partitions: bool) -> list[tuple[str, str]]:
    """What a history sets before its queries."""
    chosen: list[tuple[str, str]] = [("spark.sql.ansi.enabled", rng.choice(["true", "false"]))]
    if takes_partitions and rng.random() < 0.4:
        chosen.append(("spark.sql.shuffle.partitions", str(rng.choice([1, 2, 4]))))
    for key, values, chance in SOMETIMES:
        if rng.random() < chance:
            chosen.append((key, rng.choice(values)))
    return chosen


SOMETIMES: list[tuple[str, list[str], float]] = [
    ("spark.sql.session.timeZone", ["America/New_York", "Asia/Kolkata", "UTC"], 0.2),
    ("spark.sql.adaptive.enabled", ["true", "false"], 0.1),
    ("spark.sql.caseSensitive", ["true"], 0.08),
    ("spark.sql.autoBroadcastJoinThreshold", ["-1"], 0.2),
    ("spark.sql.files.maxPartitionBytes", ["65536"], 0.5),
    ("spark.sql.csv.parser.columnPruning.enabled", ["false"], 0.04),
    ("spark.sql.files.ignoreCorruptFiles", ["true"], 0.04),
    ("spark.sql.files.ignoreMissingFiles", ["true"], 0.04),
    ("spark.sql.legacy.timeParserPolicy", ["CORRECTED", "LEGACY"], 0.05),
    ("spark.sql.inMemoryColumnarStorage.partitionPruning", ["false"], 0.03),
    ("spark.sql.inMemoryColumnarStorage.batchSize", ["4"], 0.15),
    ("spark.sql.optimizer.excludedRules", ["org.apache.spark.sql.catalyst.optimizer.PushDownPredicates"], 0.03),
]
"""Keys with values that matter, and how often a history sets each."""
BETWEEN: list[tuple[str, list[str]]] = [
    ("spark.sql.ansi.enabled", ["true", "false"]),
    ("spark.sql.session.timeZone", ["America/New_York", "Asia/Kolkata"]),
    ("spark.sql.session.timeZone", ["Asia/Tokyo", "America/Los_Angeles"]),
    ("spark.sql.caseSensitive", ["true", "false"]),
    ("spark.sql.adaptive.enabled", ["true", "false"]),
    ("spark.sql.shuffle.partitions", ["2", "5"]),
    ("spark.sql.legacy.sizeOfNull", ["true", "false"]),
    ("spark.sql.mapKeyDedupPolicy", ["LAST_WIN"]),
]
"""What a history may change between two queries."""
