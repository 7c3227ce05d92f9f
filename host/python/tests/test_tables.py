"""Temp tables on real Spark: what the policy decides is read back from Spark itself."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from pyspark.sql import DataFrame, SparkSession

from sparkwright.errors import PolicyError, StageError, TableNameError, TempTableError, UnknownTableError
from sparkwright.pipeline_optimizer import create_pipeline_optimizer
from sparkwright.temp_table_manager import TempTableManager, create_temp_table_manager

ROWS = 1000
# The rows are few: by itself the policy would not keep them in memory.
STORED: dict[str, Any] = {"cache_strategy": "never"}
CACHED: dict[str, Any] = {"cache_strategy": "always"}

Managers = Callable[..., TempTableManager]


@pytest.fixture(scope="module")
def data(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    path = str(tmp_path_factory.mktemp("data") / "rows.parquet")
    spark.range(0, ROWS, 1, 5).selectExpr("id", "id % 7 AS k", "cast(id AS string) AS s").write.parquet(path)
    return spark.read.parquet(path)


@pytest.fixture
def managers(spark: SparkSession) -> Iterator[Managers]:
    """Makes managers by their `temp_tables` keys; they are cleaned up after the test."""
    made: list[TempTableManager] = []

    def make(**keys: Any) -> TempTableManager:
        sections = {name: keys.pop(name) for name in ("pipeline",) if name in keys}
        made.append(create_temp_table_manager(spark, {"temp_tables": keys, **sections}))
        return made[-1]

    yield make
    for manager in made:
        manager.cleanup()
    assert ours(spark) == [], "a cleanup left something"


def ours(spark: SparkSession) -> list[str]:
    """Everything of temp tables that Spark's catalog knows."""
    return sorted(table.name for table in spark.catalog.listTables("default") if "sparkwright_temp" in table.name or "mine_" in table.name)


def folder(spark: SparkSession, name: str) -> Path:
    return Path(unquote(urlparse(str(spark.conf.get("spark.sql.warehouse.dir"))).path)) / name


def inside(manager: Any) -> Any:
    """The tables as the manager knows them."""
    return manager._registry


def described(spark: SparkSession, name: str) -> dict[str, str]:
    return {row[0].strip(): row[1].strip() for row in spark.sql(f"DESCRIBE EXTENDED `{name}`").collect()}


def codecs(spark: SparkSession, path: Path) -> set[str]:
    """The codecs of all columns, from the footers of the files."""
    java: Any = spark
    jvm, conf = java._jvm, java._jsc.hadoopConfiguration()
    found = set[str]()
    for file in path.glob("*.parquet"):
        source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(jvm.org.apache.hadoop.fs.Path(str(file)), conf)
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
        found |= {str(column.getCodec().name()) for block in reader.getFooter().getBlocks() for column in block.getColumns()}
        reader.close()
    return found


def age(manager: TempTableManager, hours: float, *names: str) -> None:
    """As if nobody had touched these for so long."""
    for table in inside(manager).all():
        if not names or table.name in names:
            table.last_access_ms -= round(hours * 3_600_000)
    # Spark tells of the end of a job by its listeners, and while one seems to run no stored table is dropped.
    java: Any = SparkSession.active().sparkContext
    java._jsc.sc().listenerBus().waitUntilEmpty(10_000)


def storage_mb(spark: SparkSession) -> float:
    """What Spark itself says that cached data takes."""
    java: Any = spark.sparkContext
    return sum(int(info.memSize() + info.diskSize()) for info in java._jsc.sc().getRDDStorageInfo()) / (1 << 20)


# Kinds


def test_a_result_that_is_read_once_is_a_view(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers()
    name = manager.create_temp_table(data, "once", "loading", "query", uses=1)
    assert (spark.table(name).count(), spark.table(name).storageLevel.useMemory) == (ROWS, False)
    info = manager.get_table_info("once")
    assert (info["kind"], info["size_mb"], info["stage"]) == ("view", 0.0, "loading")
    assert spark.catalog.listTables("default")[0].isTemporary
    assert ours(spark) == [name]


def test_a_result_that_fits_into_memory_is_a_cached_view(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**CACHED)
    name = manager.create_temp_table(data.where("id >= 0"), "often", "training", "ml", uses=5)
    info = manager.get_table_info("often")
    assert (info["kind"], info["level"], info["size_mb"]) == ("cached_view", "MEMORY_AND_DISK", 0.0), "nothing has read it yet"
    level = spark.table(name).storageLevel
    assert (level.useMemory, level.useDisk) == (True, True)
    assert spark.table(name).count() == ROWS
    info = manager.get_table_info("often")
    assert info["cached_partitions"] == info["partitions"] > 0
    assert info["size_mb"] == pytest.approx(storage_mb(spark))
    assert manager.get_performance_summary()["cached_tables"] == 1
    manager.cleanup()
    assert storage_mb(spark) == 0.0


def test_what_is_not_cached_is_a_table_of_files(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    name = manager.create_temp_table(data, "stored", "loading", "etl", uses=4)
    info = manager.get_table_info(name)
    assert (info["kind"], info["files"], info["partitioning"], info["row_count"]) == ("table", 1, "none", ROWS)
    files = list(folder(spark, info["stored_as"]).glob("*.parquet"))
    assert info["disk_bytes"] == sum(file.stat().st_size for file in files) > 0
    told = described(spark, info["stored_as"])
    assert (told["Type"], told["Provider"]) == ("MANAGED", "parquet")
    assert f"sparkwright.session={manager.session_id}" in told["Table Properties"]
    assert spark.table(name).count() == ROWS
    manager.cleanup()
    assert not folder(spark, info["stored_as"]).exists()


# Partitioning


def test_by_hash_a_join_needs_no_shuffle(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    left = manager.create_temp_table(data, "left_side", "x", "etl", keys=["k"], uses=2)
    right = manager.create_temp_table(data.select("k").distinct(), "right_side", "x", "etl", keys=["k"], uses=2)
    assert manager.get_table_info("left_side")["partition_columns"] == ["k"]
    told = described(spark, manager.get_table_info("left_side")["stored_as"])
    assert (told["Num Buckets"], told["Bucket Columns"]) == ("1", "[`k`]")
    joined: Any = spark.table(left).hint("merge").join(spark.table(right), "k")
    plan = str(joined._jdf.queryExecution().executedPlan())
    assert "SortMergeJoin" in plan and "Exchange" not in plan, plan


def test_by_range_each_file_has_its_own_range_in_order(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    plan = {
        "temp_table": {
            "value": {
                "kind": "table",
                "files": 4,
                "files_by": "repartition",
                "partitioning": "range",
                "columns": ["id"],
                "compression": "snappy",
            }
        },
        "cache": {"value": {"keep": False, "level": None}},
    }
    kept = manager.keep(data, "ordered", "sorting", plan=plan, uses=2)
    assert (kept["kept"], kept["partitioning"], kept["files"]) == (True, "range", 4), kept
    ranges = manager.read_temp_table("ordered").selectExpr("input_file_name() AS f", "id").groupBy("f").agg({"id": "min"}).collect()
    assert len(ranges) == 4
    rows = manager.query_temp_table(
        "ordered", "SELECT input_file_name() f, min(id) lo, max(id) hi, count(*) n FROM ordered GROUP BY 1 ORDER BY lo"
    ).collect()
    assert all(one["hi"] < other["lo"] for one, other in itertools.pairwise(rows))
    assert sum(row["n"] for row in rows) == ROWS


@pytest.mark.parametrize(
    ("strategy", "asked", "partitioning"),
    [
        ("hash", {"keys": ["k"]}, "hash"),
        ("hash", {"order_by": ["id"]}, "hash"),
        ("range", {"order_by": ["id"]}, "range"),
        ("none", {"keys": ["k"]}, "none"),
        ("auto", {"keys": ["k"]}, "hash"),
        ("auto", {"order_by": ["id"]}, "range"),
        ("auto", {}, "none"),
        ("hash", {}, "none"),
    ],
)
def test_partition_strategy(data: DataFrame, managers: Managers, strategy: str, asked: dict[str, Any], partitioning: str) -> None:
    manager = managers(**STORED, partition_strategy=strategy)
    manager.create_temp_table(data, "t", "x", "etl", uses=3, **asked)
    assert manager.get_table_info("t")["partitioning"] == partitioning


# The other keys


@pytest.mark.parametrize(("key", "codec"), [("snappy", "SNAPPY"), ("zstd", "ZSTD"), ("lz4", "LZ4_RAW"), ("gzip", "GZIP"), ("none", "UNCOMPRESSED")])
def test_compression(spark: SparkSession, data: DataFrame, managers: Managers, key: str, codec: str) -> None:
    manager = managers(**STORED, compression=key)
    name = manager.create_temp_table(data, "t", "x", "etl", uses=3)
    assert codecs(spark, folder(spark, manager.get_table_info("t")["stored_as"])) == {codec}
    assert spark.table(name).count() == ROWS


def test_enable_temp_tables_off_stores_nothing(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(enable_temp_tables=False)
    name = manager.create_temp_table(data, "t", "x", "ml", uses=9)
    assert manager.get_table_info("t")["kind"] == "view"
    assert not spark.table(name).storageLevel.useMemory
    assert ours(spark) == [name]


@pytest.mark.parametrize(
    ("keys", "uses", "kind"),
    [
        ({"enable_caching": False}, 9, "table"),
        ({"cache_strategy": "never"}, 9, "table"),
        ({"cache_strategy": "always"}, 2, "cached_view"),
        ({"cache_strategy": "always"}, 1, "view"),
    ],
)
def test_caching_keys(data: DataFrame, managers: Managers, keys: dict[str, Any], uses: int, kind: str) -> None:
    manager = managers(**keys)
    manager.create_temp_table(data, "t", "x", "general", uses=uses)
    assert manager.get_table_info("t")["kind"] == kind


def test_table_prefix_and_session_id(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    named, plain = managers(**STORED, table_prefix="mine"), managers(**STORED, table_prefix="mine", use_session_id=False)
    assert named.create_temp_table(data, "T1", "x", "etl", uses=2) == f"mine_{named.session_id}_t1"
    assert plain.create_temp_table(data, "T2", "x", "etl", uses=2) == "mine_t2"
    # Whose the files are has to be told in any case.
    assert plain.get_table_info("t2")["stored_as"] == f"mine_{plain.session_id}_1_t2"
    assert spark.table("mine_t2").count() == ROWS
    assert len([name for name in ours(spark) if name.startswith("mine_")]) == 4
    for wrong in ("", "a-b", "a.b", "9a", "a`b", "é"):
        with pytest.raises(PolicyError, match="table_prefix"):
            managers(table_prefix=wrong)


def test_optimize_storage_off_leaves_files_as_they_come(spark: SparkSession, managers: Managers) -> None:
    manager = managers(**STORED, optimize_storage=False, partition_strategy="hash")
    manager.create_temp_table(spark.range(0, 100, 1, 5), "t", "x", "etl", keys=["id"], uses=3)
    info = manager.get_table_info("t")
    assert (info["files"], info["partitioning"]) == (5, "none")
    assert manager.optimize_storage()["why"] == "temp_tables.optimize_storage is false"


def test_age_counts_since_the_last_read(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, max_table_age_hours=6)
    for name in ("old", "read", "young"):
        manager.create_temp_table(data, name, "x", "etl", uses=3)
    age(manager, 7, "old", "read")
    age(manager, 5, "young")
    assert manager.get_temp_table("read", stage="training") is not None
    cleaned = manager.cleanup_old_tables()
    assert (cleaned["dropped"], cleaned["cleaned_count"], cleaned["failed_count"], cleaned["max_age_hours"]) == (["old"], 1, 0, 6)
    assert cleaned["freed_mb"] > 0
    assert manager.get_temp_table("old") is None
    assert manager.get_table_info("read")["read_by"] == {"training": 1}
    assert manager.cleanup_old_tables(max_age_hours=4)["dropped"] == ["young"]
    with pytest.raises(PolicyError, match="max_table_age_hours"):
        manager.cleanup_old_tables(max_age_hours=-1)
    with pytest.raises(UnknownTableError, match="there are: `read`"):
        manager.query_temp_table("old", "SELECT * FROM old")


def test_auto_cleanup_off_keeps_old_tables_until_somebody_asks(data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, auto_cleanup=False, max_total_tables=1)
    for name in ("a", "b", "c"):
        manager.create_temp_table(data, name, "x", "etl", uses=3)
    age(manager, 99)
    assert manager.drop_finished(pipeline_ended=False)["dropped"] == []
    assert sorted(manager.cleanup_old_tables()["dropped"]) == ["a", "b", "c"]


def test_too_many_tables_go_when_another_one_is_made(data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, max_total_tables=2)
    for at, name in enumerate(("first", "second", "third", "fourth")):
        manager.create_temp_table(data, name, "x", "etl", uses=3)
        age(manager, 0.01 * (4 - at), name)
        # Measured otherwise: what the machine had to do while a table was made would change the order.
        inside(manager).find(name).rebuild_ms = 100
    assert [table.name for table in inside(manager)] == ["third", "fourth"]


def test_the_order_is_size_by_age_over_rebuilding_and_batches_are_as_large_as_the_policy_says(data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, max_table_age_hours=1, cleanup_batch_size=2)
    made = (("small", 10, 9, 100), ("dear", 1000, 9, 1_000_000), ("older", 1000, 20, 100), ("large", 1000, 9, 100))
    for name, rows, _, _ in made:
        manager.create_temp_table(data.limit(rows), name, "x", "etl", uses=3)
    in_use = manager.create_temp_table(data, "in_use", "x", "etl", uses=3)
    for name, _, hours, rebuild_ms in made:
        age(manager, hours, name)
        inside(manager).find(name).rebuild_ms = rebuild_ms
    age(manager, 99, "in_use")
    manager.expect("in_use", 1)
    # One batch after a stage, all of them when asked for.
    assert manager.drop_finished(pipeline_ended=False) == {
        "dropped": ["older", "large"],
        "failed": [],
        "postponed": 2,
        "freed_mb": pytest.approx(0, abs=1),
    }
    assert manager.cleanup_old_tables(batch_size=1)["dropped"] == ["small", "dear"]
    assert manager.get_temp_table(in_use) == in_use
    manager.used("in_use", by="training")
    age(manager, 99, "in_use")
    assert manager.drop_finished(pipeline_ended=False)["dropped"] == ["in_use"]


def test_the_end_of_a_pipeline_drops_what_no_stage_needs_unless_the_policy_keeps_it(data: DataFrame, managers: Managers) -> None:
    manager, keeps = managers(**STORED), managers(**STORED, pipeline={"auto_cleanup": False})
    for each in (manager, keeps):
        each.create_temp_table(data, "a", "x", "etl", uses=3)
        each.create_temp_table(data, "held", "x", "etl", uses=3)
        each.expect("held", 1)
    assert manager.drop_finished(pipeline_ended=True)["dropped"] == ["a"]
    assert keeps.drop_finished(pipeline_ended=True)["dropped"] == []


def test_old_tables_go_at_the_interval_but_not_while_a_job_runs(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, cleanup_interval_minutes=0.1, max_table_age_hours=1)
    running = threading.Event()

    def long_job() -> None:
        def slowly(row: Any) -> int:
            time.sleep(9.0)
            return int(row[0])

        running.set()
        spark.range(0, 1, 1, 1).rdd.map(slowly).collect()

    manager.create_temp_table(data, "t", "x", "etl", uses=3)
    job = threading.Thread(target=long_job)
    job.start()
    running.wait()
    tracker = spark.sparkContext.statusTracker()
    while job.is_alive() and not tracker.getActiveJobsIds():
        time.sleep(0.02)
    age(manager, 2)
    while tracker.getActiveJobsIds():
        assert manager.has("t"), "dropped beside a job that may read it"
        time.sleep(0.1)
    job.join()
    deadline = time.monotonic() + 30
    while manager.has("t") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not manager.has("t")
    assert ours(spark) == []


def test_broadcast_threshold_holds_while_a_stage_runs(spark: SparkSession, data: DataFrame) -> None:
    seen: list[str] = []

    def look(frame: DataFrame) -> int:
        seen.append(str(spark.conf.get("spark.sql.autoBroadcastJoinThreshold")))
        return frame.count()

    optimizer = create_pipeline_optimizer(spark, {"temp_tables": {"broadcast_threshold_mb": 3}})
    before = str(spark.conf.get("spark.sql.autoBroadcastJoinThreshold"))
    optimizer.execute_optimized_pipeline([{"name": "looks", "type": "evaluation", "data": data, "run": look}])
    optimizer.cleanup()
    assert seen == [str(3 << 20)] and str(spark.conf.get("spark.sql.autoBroadcastJoinThreshold")) == before


# Names


@pytest.mark.parametrize(
    "name",
    ["", "1a", "_a", "a b", "a.b", "a`b", "`a`", "a;DROP TABLE x", "../x", "a/b", "é", "a\n", "x" * 65, "a--", "default.t", None, 3, "a\x00"],
)
def test_a_hostile_name_is_refused_and_nothing_is_made(spark: SparkSession, data: DataFrame, managers: Managers, name: Any) -> None:
    manager = managers()
    before = ours(spark)
    with pytest.raises(TableNameError, match="can't be called"):
        manager.create_temp_table(data, name, "x", "ml")
    assert (ours(spark), manager.get_table_info()["total_tables"]) == (before, 0)


def test_names_of_sql_words_and_of_the_users_own_tables_are_no_matter(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    spark.range(3).createOrReplaceTempView("customers")
    for name in ("select", "table", "customers", "x" * 64):
        read_as = manager.create_temp_table(data, name, "x", "etl", uses=2)
        assert spark.table(read_as).count() == ROWS
        assert manager.query_temp_table(name, "SELECT count(*) FROM {table}").collect()[0][0] == ROWS
    assert spark.table("customers").count() == 3
    spark.catalog.dropTempView("customers")


# A name that is used again


def test_a_name_that_is_used_again_gives_the_new_rows(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    for kinds, keys in (("table", STORED), ("cached_view", CACHED), ("view", {"enable_temp_tables": False})):
        manager = managers(**keys)
        name = manager.create_temp_table(data, "again", "x", "ml", uses=3)
        assert manager.get_table_info("again")["kind"] == kinds
        old = spark.table(name)
        # From itself, and in other capitals.
        assert manager.create_temp_table(old.where("id < 10"), "AGAIN", "x", "ml", uses=3) == name
        assert (spark.table(name).count(), manager.get_table_info()["total_tables"]) == (10, 1)
        assert manager.query_temp_table("again", "SELECT max(id) FROM again").collect()[0][0] == 9
        assert old.count() == ROWS, "what was built on the old rows still has them"
        manager.cleanup()


def test_kinds_may_change_under_a_name(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    for uses, kind in ((3, "table"), (1, "view"), (3, "table"), (3, "table"), (1, "view")):
        name = manager.create_temp_table(data.limit(uses), "t", "x", "etl", uses=uses)
        assert (manager.get_table_info("t")["kind"], spark.table(name).count()) == (kind, uses)
    summary = manager.get_performance_summary()
    assert summary["total_tables"] == 1
    # Three tables wait for a cleanup, and nothing of them has a name any more.
    assert (summary["storage_efficiency"], summary["disk_mb"] > 0) == (0.0, True)
    manager.drop_finished(pipeline_ended=True)
    assert ours(spark) == []


def test_what_another_table_needs_stays_until_that_is_gone(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED, max_table_age_hours=1)
    base = manager.create_temp_table(data, "base", "x", "etl", uses=3)
    over = manager.create_temp_table(spark.table(base).where("id < 5"), "over", "x", "etl", uses=1)
    assert manager.get_table_info("over")["kind"] == "view"
    age(manager, 2, "base")
    assert manager.cleanup_old_tables()["dropped"] == []
    manager.create_temp_table(data.limit(1), "base", "x", "etl", uses=3)
    age(manager, 2, "base")
    assert spark.table(over).count() == 5
    age(manager, 2)
    cleaned = manager.cleanup_old_tables()["dropped"]
    assert sorted(cleaned) == ["base", "base", "over"]
    assert cleaned.index("over") < len(cleaned) - 1


def test_what_the_user_cached_is_left_to_the_user(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**CACHED)
    own = data.where("id > 1").cache()
    own.count()
    name = manager.create_temp_table(own, "own", "x", "ml", uses=5)
    assert "cached already" in manager.get_table_info("own")["why"]
    spark.table(name).count()
    manager.cleanup()
    assert own.storageLevel.useMemory and storage_mb(spark) > 0
    own.unpersist(blocking=True)


def test_two_tables_of_the_same_data_share_its_cache(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**CACHED, max_table_age_hours=1)
    shared = data.where("id > 2")
    first = manager.create_temp_table(shared, "first", "x", "ml", uses=5)
    second = manager.create_temp_table(shared, "second", "x", "ml", uses=5)
    spark.table(first).count()
    age(manager, 2, "first")
    assert manager.cleanup_old_tables()["dropped"] == ["first"]
    assert spark.table(second).storageLevel.useMemory, "the other one still needs it"


# What goes wrong


def test_without_its_host_there_is_a_view(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    stored = manager.create_temp_table(data, "before", "x", "etl", uses=3)
    inner: Any = manager
    inner._context.host.close()
    name = manager.create_temp_table(data, "after", "x", "etl", uses=3)
    assert (spark.table(name).count(), manager.get_table_info("after")["kind"]) == (ROWS, "view")
    assert spark.table(stored).count() == ROWS
    assert manager.drop_finished(pipeline_ended=True)["dropped"] == []
    manager.cleanup()
    assert ours(spark) == []


def test_what_cannot_be_stored_is_a_view_and_the_users_error_is_the_users(
    spark: SparkSession, data: DataFrame, managers: Managers, caplog: Any
) -> None:
    manager = managers(**STORED)
    broken = data.selectExpr("assert_true(id < 10, 'too large') AS ok", "id")
    name = manager.create_temp_table(broken, "broken", "x", "etl", uses=3)
    info = manager.get_table_info("broken")
    assert info["kind"] == "view" and "too large" in info["why"]
    assert any("too large" in record.getMessage() for record in caplog.records)
    with pytest.raises(Exception, match="too large"):
        spark.table(name).collect()
    plan = {
        "temp_table": {"value": {"kind": "table", "files": 1, "files_by": "repartition", "partitioning": "none"}},
        "cache": {"value": {"keep": False, "level": None}},
    }
    kept = manager.keep(broken, "kept", "x", plan=plan)
    assert kept["kept"] is False and "too large" in kept["why"] and isinstance(kept["error"], Exception)
    assert not manager.has("kept")


def test_wrong_words_say_what_is_allowed(data: DataFrame, managers: Managers) -> None:
    manager = managers()
    with pytest.raises(StageError, match="ml, etl, query, general"):
        manager.create_temp_table(data, "t", "x", "graphs")
    assert manager.create_temp_table(data, "t", "x", "storage")
    with pytest.raises(PolicyError, match="compresion"):
        managers(compresion="zstd")
    with pytest.raises(PolicyError, match="snappy"):
        managers(compression="brotli9")
    manager.cleanup()
    with pytest.raises(TempTableError, match="cleaned up"):
        manager.create_temp_table(data, "t", "x", "ml")


def test_shadow_makes_views_only(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**STORED)
    inner: Any = manager
    inner._context.mode = "shadow"
    name = manager.create_temp_table(data, "t", "x", "etl", uses=5)
    assert (manager.get_table_info("t")["kind"], ours(spark)) == ("view", [name])
    assert manager.keep(data, "u", "x", plan={})["kept"] is False


# Reports


def test_reports_have_the_keys_that_users_print(spark: SparkSession, data: DataFrame) -> None:
    with create_temp_table_manager(spark, STORED) as manager:
        assert manager.get_table_info()["total_tables"] == 0
        assert manager.get_performance_summary()["storage_efficiency"] == 1.0
        name = manager.create_temp_table(data, "features", "feature_selection", "ml", uses=3)
        manager.create_temp_table(data, "seen", "loading", "etl", uses=1)
        result = manager.query_temp_table("features", f"SELECT count(*) AS n FROM {name}", "training")
        assert result.collect()[0]["n"] == ROWS
        info, summary = manager.get_table_info(), manager.get_performance_summary()
        assert (info["total_tables"], info["cached_tables"], info["stages"]["loading"]["table_count"]) == (2, 0, 1)
        assert info["total_size_mb"] == summary["total_size_mb"] == pytest.approx(info["tables"]["features"]["size_mb"])
        assert summary["stage_distribution"] == {"feature_selection": 1, "loading": 1}
        patterns = summary["access_patterns"]
        assert (patterns["total_accesses"], patterns["most_accessed_table"], patterns["never_read"]) == (1, "features", ["seen"])
        print(f"Storage efficiency: {summary['storage_efficiency']:.2%}, {summary['total_size_mb']:.2f} MB, {summary['cached_tables']} cached")
        one = manager.get_table_info(name)
        print(f"{one['table_name']}: {one['estimated_size_mb']:.2f} MB, {one['row_count']:,} rows, {one['access_count']} reads")
        assert (one["row_count"], one["row_count_source"], one["column_count"], one["is_cached"]) == (ROWS, "parquet_footers", 3, False)
    assert ours(spark) == []


def test_optimize_storage_plans_again_by_what_is_known_since(spark: SparkSession, data: DataFrame, managers: Managers) -> None:
    manager = managers(**CACHED)
    name = manager.create_temp_table(data.where("k = 1"), "t", "x", "etl", uses=1)
    assert manager.optimize_storage()["tables_optimized"] == 0
    for _ in range(6):
        manager.query_temp_table("t", "SELECT count(*) FROM t").collect()
    done = manager.optimize_storage()
    assert (done["tables_optimized"], done["optimized"]["t"]["to"]["kind"], done["errors"]) == (1, "cached_view", [])
    assert spark.table(name).storageLevel.useMemory
    assert manager.get_table_info("t")["access_count"] == 6
    assert manager.optimize_storage()["tables_optimized"] == 0, "nothing has changed since"
