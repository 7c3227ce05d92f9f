"""What the user does with the session: caches of their own, settings, threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyspark import StorageLevel
from pyspark.sql import functions as F

from .ground import REPEATS, Ground, all_same, case, facts, outcome, rows_of


@contextmanager
def settings(ground: Ground, **values: str) -> Iterator[None]:
    """SQL settings for a while; underscores in the names stand for dots."""
    spark = ground.spark
    names = {"spark.sql." + name.replace("_", "."): value for name, value in values.items()}
    before = {name: spark.conf.get(name, None) for name in names}
    for name, value in names.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)


def cached_state(frame) -> list:
    level = frame.storageLevel
    return [frame.is_cached, level.useDisk, level.useMemory, level.useOffHeap, level.deserialized, level.replication]


@case
def user_unpersist(ground: Ground) -> None:
    """The user keeps the very sub-plan that is repeated, and lets it go; what they see of it is theirs."""
    ground.ask("before", ground.by_group)
    for turn in range(3):
        joined = ground.joined()
        ground.saw(f"level before {turn}", cached_state(joined))
        joined.persist(StorageLevel.MEMORY_ONLY)
        ground.saw(f"level persisted {turn}", cached_state(joined))
        ground.saw(f"count {turn}", joined.count())
        ground.ask(f"persisted {turn}", lambda joined=joined: ground.by_group(joined))
        ground.ask(f"persisted, fresh {turn}", ground.by_group)
        joined.unpersist()
        ground.saw(f"level unpersisted {turn}", cached_state(joined))
        ground.saw(f"level of a fresh one {turn}", cached_state(ground.joined()))
        ground.ask(f"unpersisted {turn}", ground.by_group)
    # Unpersisting what the user never persisted does nothing in plain Spark.
    for turn in range(3):
        grouped = ground.by_group()
        grouped.unpersist(blocking=True)
        ground.saw(f"never persisted {turn}", [cached_state(grouped), rows_of(ground.by_group())], unordered=True)
    ground.spark.catalog.clearCache()


@case
def user_clear_cache(ground: Ground) -> None:
    """The user clears every cache, with views and tables cached by name in between."""
    spark = ground.spark
    ground.facts().createOrReplaceTempView("clear_facts")
    ground.keys().createOrReplaceTempView("clear_keys")

    def query():
        return spark.sql("select group, sum(amount), count(*) from clear_facts join clear_keys using (key) group by group")

    for turn in range(3):
        ground.ask(f"before {turn}", query)
        ground.saw(f"isCached before {turn}", [spark.catalog.isCached("clear_facts"), spark.catalog.isCached("clear_keys")])
        spark.catalog.cacheTable("clear_facts")
        ground.saw(f"isCached after {turn}", [spark.catalog.isCached("clear_facts"), spark.catalog.isCached("clear_keys")])
        ground.ask(f"cached {turn}", query)
        spark.catalog.clearCache()
        ground.saw(f"isCached cleared {turn}", [spark.catalog.isCached("clear_facts"), spark.catalog.isCached("clear_keys")])
        ground.ask(f"cleared {turn}", query)
    query().createOrReplaceTempView("clear_result")
    ground.ask("through a view", lambda: spark.table("clear_result"))
    # Known to show: Spark says of a plan in its cache that it is cached, whoever put it there.
    ground.saw("isCached of the repeated view", spark.catalog.isCached("clear_result"), judge=False)
    spark.sql("cache table clear_result")
    ground.saw("isCached of the cached view", spark.catalog.isCached("clear_result"))
    ground.ask("through a cached view", lambda: spark.table("clear_result"))
    spark.sql("uncache table clear_result")
    ground.saw("isCached of the uncached view", spark.catalog.isCached("clear_result"))
    ground.ask("through an uncached view", lambda: spark.table("clear_result"))
    spark.catalog.clearCache()


@case
def user_persist_after(ground: Ground) -> None:
    """The user persists a plan that was repeated before: the level that they ask for is the level that they see."""
    for name in ["MEMORY_ONLY", "DISK_ONLY", "MEMORY_AND_DISK_2", "OFF_HEAP"]:
        if name != "MEMORY_ONLY":  # 200 tasks for each plan that is kept would be all that takes time here
            ground.spark.conf.set("spark.sql.shuffle.partitions", "8")
        ground.ask(f"before {name}", ground.by_group)
        for kind, plan in [("joined", ground.joined), ("grouped", ground.by_group)]:
            # Known to show: the level of a plan that we keep. Looking fixes that object's plan, so the user's is another one.
            ground.saw(f"{name} {kind} level before", cached_state(plan()), judge=False)
            frame = plan()
            frame.persist(getattr(StorageLevel, name))
            ground.saw(f"{name} {kind} level persisted", cached_state(frame))
            ground.saw(f"{name} {kind} level of an equal one", cached_state(plan()))
            ground.saw(f"{name} {kind} rows", frame.count() if name != "OFF_HEAP" else None)
            ground.ask(f"{name} {kind}", ground.by_group, times=2)
            frame.unpersist(blocking=True)
            ground.saw(f"{name} {kind} level after", cached_state(frame))
        persistent = ground.spark.sparkContext._jsc.getPersistentRDDs().size()
        ground.saw(f"RDDs kept after {name}", persistent, judge=False)
    ground.spark.conf.unset("spark.sql.shuffle.partitions")


@case
def session_time_zone(ground: Ground) -> None:
    """The session's time zone changes between runs, and with it what a time says and what a text means."""
    lines = facts(8).select(["id", "key", "amount", "noise", "more"])
    stamps = pa.array([f"2024-0{1 + number % 9}-01 0{number % 9}:30:00" for number in range(lines.num_rows)])
    pa.csv.write_csv(lines.append_column("at", stamps), ground.folder / "times.csv")
    schema = "id long, key long, amount long, noise double, more long, at timestamp"

    def formatted():
        day = F.date_format(F.max("hour"), "yyyy-MM-dd HH:mm")
        return ground.joined().groupBy("group", F.to_date("hour").alias("day")).agg(day.alias("last")).groupBy("group").agg(F.max("last"))

    def from_text():
        read = ground.spark.read.schema(schema).option("header", True).csv(str(ground.folder / "times.csv"))
        return ground.joined(read).groupBy("group").agg(F.max(F.unix_micros("at")), F.count("*"))

    def zone():
        return ground.joined().groupBy("group").agg(F.expr("max(current_timezone())"), F.expr("max(cast(hour as string))"))

    for turn, name in enumerate(["UTC", "Asia/Tokyo", "UTC", "America/New_York", "Asia/Tokyo"]):
        with settings(ground, session_timeZone=name):
            ground.ask(f"formatted, {name} {turn}", formatted, times=3)
            ground.ask(f"from text, {name} {turn}", from_text, times=3)
            ground.ask(f"zone, {name} {turn}", zone, times=3)


@case
def ansi_toggle(ground: Ground) -> None:
    """What isn't a number is an error under ANSI mode and null without; and so is too large a sum."""
    def number():
        return ground.joined().withColumn("number", F.col("code").cast("int")).groupBy("group").agg(F.sum("number"), F.count("number"))

    def overflow():
        return ground.joined().groupBy("group").agg(F.sum("more"))

    def divided():
        return ground.by_group().withColumn("share", F.col("amount") / (F.col("facts") - F.col("facts")))

    for turn, ansi in enumerate(["false", "true", "false", "true"]):
        with settings(ground, ansi_enabled=ansi):
            for name, query in [("cast", number), ("overflow", overflow), ("division", divided)]:
                ground.ask(f"{name}, ansi {ansi} {turn}", query)


@case
def case_sensitive(ground: Ground) -> None:
    """Whether `Amount` is `amount`, in names that are resolved and in files that are read with a given schema."""
    def named():
        return ground.joined().groupBy("group").agg(F.sum("AMOUNT"))

    def given():
        return ground.joined(ground.spark.read.schema("key long, AMOUNT long").parquet(ground.facts_path)).groupBy("group").agg(
            F.sum("AMOUNT"), F.count("AMOUNT"))

    for turn, sensitive in enumerate(["false", "true", "false", "true"]):
        with settings(ground, caseSensitive=sensitive):
            ground.ask(f"named, {sensitive} {turn}", named)
            ground.ask(f"given, {sensitive} {turn}", given)


@case
def other_settings(ground: Ground) -> None:
    """More settings that change results without changing the query's plan."""
    def maps():
        keyed = F.expr("map_from_arrays(array(key, key), array(amount, 1L))")
        return ground.joined().withColumn("m", keyed).groupBy("group").agg(F.sum(F.expr("m[key]")))

    def dates():
        return ground.joined().withColumn("d", F.expr("to_date(concat('2020-', key % 12 + 1), 'yyyy-MM')")).groupBy("group", "d").count()

    def unreadable():
        return ground.by_group()

    for turn, policy in enumerate(["EXCEPTION", "LAST_WIN", "EXCEPTION", "LAST_WIN"]):
        with settings(ground, mapKeyDedupPolicy=policy):
            ground.ask(f"map keys, {policy} {turn}", maps, times=3)
    for turn, policy in enumerate(["CORRECTED", "EXCEPTION", "LEGACY", "CORRECTED"]):
        with settings(ground, legacy_timeParserPolicy=policy):
            ground.ask(f"dates, {policy} {turn}", dates, times=3)
    for turn, legacy in enumerate(["false", "true", "false"]):
        with settings(ground, legacy_sizeOfNull=legacy, ansi_enabled="false"):
            ground.ask(f"size of null, {legacy} {turn}", lambda: ground.joined().groupBy("group").agg(
                F.sum(F.expr("size(if(amount % 2 = 0, array(1), null))"))), times=3)
    (ground.folder / "facts" / "part-1.parquet").write_bytes(b"this is no Parquet file" * 100)
    for turn, ignore in enumerate(["true", "false", "true", "false"]):
        with settings(ground, files_ignoreCorruptFiles=ignore):
            ground.ask(f"unreadable file, ignored {ignore} {turn}", unreadable, times=3)


@case
def threads(ground: Ground) -> None:
    """Eight threads ask the same queries at the same time."""
    queries = [
        ground.by_group,
        lambda: ground.by_group(ground.joined().where("amount > 500000")),
        lambda: ground.joined().groupBy("group").agg(F.max("noise")),
        lambda: ground.joined().groupBy("key").agg(F.sum("amount").alias("a")).groupBy().agg(F.max("a"), F.min("a"), F.count("a")),
    ]

    def work(thread: int) -> list:
        order = [(thread + turn) % len(queries) for turn in range(2 * len(queries))]
        return [[number, sorted(outcome(queries[number]), key=str)] for number in order]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for answers in pool.map(work, range(8)) for answer in answers]
    for number in range(len(queries)):
        mine = [rows for asked, rows in answers if asked == number]
        ground.saw(f"query {number}: every thread and round the same", [len(mine), all_same(mine)])
        ground.saw(f"query {number}", mine[0], unordered=True)


@case
def conf_visible(ground: Ground) -> None:
    """Settings read and set by the user are the user's, before, between and after queries."""
    spark = ground.spark
    key = "spark.sql.shuffle.partitions"

    def shown(step: str) -> None:
        names = [key, "spark.sql.autoBroadcastJoinThreshold", "spark.sql.adaptive.enabled", "spark.sql.files.maxPartitionBytes"]
        ground.saw(step, [spark.conf.get(name) for name in names])
        ground.saw(f"{step}, by SQL", rows_of(spark.sql(f"set {key}")))
        ground.saw(f"{step}, modifiable", [spark.conf.isModifiable(key), spark.conf.get(key, "4242")])

    shown("at first")
    for turn in range(REPEATS):
        frame = ground.by_group()
        shown(f"made {turn}")
        ground.saw(f"rows {turn}", rows_of(frame), unordered=True)
        shown(f"ran {turn}")
    before = spark.conf.get(key)
    with settings(ground, adaptive_enabled="false"):
        for turn in range(REPEATS):
            spark.conf.set(key, "7")
            ground.saw(f"7 partitions, repeated plan {turn}", [ground.by_group().rdd.getNumPartitions(), spark.conf.get(key)])
            other = ground.joined().where(f"amount > {turn}").groupBy("key").agg(F.sum("amount"))
            ground.saw(f"7 partitions, other plan {turn}", [other.rdd.getNumPartitions(), other.collect() != [], spark.conf.get(key)])
            spark.conf.set(key, str(5 + turn))
            ground.saw(f"{5 + turn} partitions {turn}", [ground.by_group().rdd.getNumPartitions(), spark.conf.get(key)])
            ground.ask(f"rows with {5 + turn} {turn}", ground.by_group, times=2)
    spark.conf.set(key, before)
    shown("set back")
    ground.ask("set back", ground.by_group)
    spark.conf.unset(key)
    shown("unset")
    ground.ask("unset", ground.by_group)
    shown("at last")


@case
def new_session(ground: Ground) -> None:
    """Two sessions of one application share what is cached, but not their settings."""
    other = ground.spark.newSession()
    other.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    other.conf.set("spark.sql.ansi.enabled", "false")
    pq.write_table(facts(1), ground.folder / "copy")

    def query(spark):
        joined = spark.read.parquet(ground.facts_path).join(spark.read.parquet(ground.keys_path), "key")
        return joined.groupBy("group").agg(
            F.sum(F.expr("try_cast(code as int)")), F.max(F.date_format("hour", "yyyy-MM-dd HH")), F.max(F.expr("current_timezone()")))

    def strict(spark):
        joined = spark.read.parquet(ground.facts_path).join(spark.read.parquet(ground.keys_path), "key")
        return joined.groupBy("group").agg(F.sum(F.col("code").cast("int")))

    for turn in range(REPEATS):
        for name, spark in [("first", ground.spark), ("other", other)]:
            ground.saw(f"{name} {turn}", outcome(lambda spark=spark: query(spark)), unordered=True)
            ground.saw(f"{name}, cast {turn}", outcome(lambda spark=spark: strict(spark)), unordered=True)
    other.catalog.clearCache()
    ground.saw("after the other cleared", outcome(lambda: query(ground.spark)), unordered=True)
