"""Scenarios about what the Python package has the plugin do: profiles of data, temp tables, leases, syntax."""

import fcntl
import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from urllib.parse import unquote, urlparse

from fake_host import FakeHost
from scenario import PARTITIONS, check, plan_of, scenario, session

LIMITS = {"file_sizes_at_most": 1000, "footers_at_most": 256, "footers_ms": 10_000, "unknown_above_bytes": 1 << 60}


class Pipelines:
    """The plugin's class through py4j, with its JSON read."""

    def __init__(self, spark):
        self.jvm = spark._jvm.io.sparkwright.spark.Pipelines
        self.session = spark._jsparkSession

    def __getattr__(self, name):
        def call(*arguments):
            told = getattr(self.jvm, name)(*[getattr(a, "_jdf", a) for a in arguments])
            return json.loads(told) if isinstance(told, str) else told

        return call

    def profile(self, frame, **limits):
        return json.loads(self.jvm.profile(frame._jdf, json.dumps({**LIMITS, **limits})))

    def relations(self, sql):
        return json.loads(self.jvm.relations(self.session, sql))

    def sizes(self, names):
        return json.loads(self.jvm.sizes(names, json.dumps(LIMITS)))

    def table(self, data, name, files, strategy, columns, compression, properties, files_by="repartition"):
        return json.loads(self.jvm.table(data._jdf, name, files, files_by, strategy, columns, compression, properties))


def refused(call, *words):
    """The text of the error that `call` ends with; all of `words` must be in it."""
    try:
        call()
    except Exception as error:
        text = str(error)
        missing = [word for word in words if word not in text]
        check(not missing, f"refused, and says why: {text.splitlines()[-1][:150] if missing else words}")
        return text
    raise AssertionError("it was not refused")


def jobs(host, pipelines):
    """Jobs that Spark has started so far."""
    check(pipelines.flush(10_000), "all events are with the host")
    host.read_up()
    return len(host.events("JobStart"))


def local_path(uri):
    return unquote(urlparse(uri).path)


def zipped(path):
    """A small CSV file that is compressed as a whole."""
    with gzip.open(path, "wt") as file:
        file.write("1,2\n")
    return path


@scenario
def profiles():
    host = FakeHost()
    spark = session(host, **{"spark__sql__autoBroadcastJoinThreshold": "-1"})
    from pyspark.sql import functions as F

    pipelines = Pipelines(spark)
    root = tempfile.mkdtemp()
    wide = spark.range(10_000).selectExpr("id", "id % 7 AS k", "cast(id AS string) AS text", "array(id, id) AS pair")
    wide.repartition(4).write.parquet(f"{root}/wide")
    spark.range(1_000).selectExpr("id", "id * 2 AS twice").repartition(2).write.csv(f"{root}/small.csv")
    spark.range(100).selectExpr("id", "id % 5 AS day").repartition(1).write.partitionBy("day").parquet(f"{root}/days")

    def size(folder):
        return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder)
                   for name in names if name.startswith("part-"))

    def parquet():
        return spark.read.parquet(f"{root}/wide")

    frames = {
        "parquet": parquet(),
        "pruned": parquet().select("id"),
        "filtered": parquet().filter("k = 3"),
        "sorted": parquet().orderBy("text"),
        "csv": spark.read.csv(f"{root}/small.csv", "id long, twice long"),
        "gzip": spark.read.csv(zipped(f"{root}/one.csv.gz"), "id long, twice long"),
        "rows": spark.createDataFrame([(1, "a"), (2, "b")], "n int, t string"),
        "range": spark.range(0, 5_000, 1, 8),
        "joined": parquet().alias("a").join(parquet().alias("b"), F.expr("a.id = b.id")),
        "semi": parquet().join(parquet().select("id"), "id", "left_semi"),
        "repartitioned": parquet().repartition(13, "k"),
        "one day": spark.read.parquet(f"{root}/days").filter("day = 3 AND id > 5"),
        "limited": parquet().limit(10),
    }
    cached = parquet().filter("k < 3").persist()
    before = jobs(host, pipelines)
    asked = len(host.asks)
    told = {name: pipelines.profile(frame) for name, frame in frames.items()}
    empty_cache = pipelines.profile(cached)
    check(jobs(host, pipelines) == before, "profiling starts no job")
    check(len(host.asks) == asked, "and asks nobody")

    p, bytes_ = told["parquet"], size(f"{root}/wide")
    check((p["bytes"], p["bytes_source"]) == (bytes_, "files"), f"a bare Parquet relation is its files: {bytes_}")
    check((p["rows"], p["rows_source"]) == (10_000, "parquet_footers"), "its rows are in its footers")
    check(p["files"] == 4 and sum(p["file_bytes"]) == bytes_, "with the size of each file")
    check(p["files_splittable"] is True, "and that Spark can cut them")
    check([(c["name"], c["type"], c["nullable"]) for c in p["columns"]] == [
        ("id", "bigint", True), ("k", "bigint", True), ("text", "string", True), ("pair", "array<bigint>", True)], "and columns")
    p = told["pruned"]
    check(0 < p["bytes"] < bytes_ / 2 and p["bytes_source"] == "plan_statistics" and p["rows"] == 10_000,
          f"one column of it is less, with the same rows: {p['bytes']}")
    check(told["filtered"]["rows"] is None and 0 < told["filtered"]["bytes"] <= bytes_, "a filter leaves rows unknown")
    check(told["sorted"]["rows"] == 10_000, "a sort keeps them")
    check(told["csv"]["files_splittable"] is True, "text can be cut at its lines")
    check(told["gzip"]["files_splittable"] is False, "and compressed by gzip it can't")
    p = told["csv"]
    check((p["bytes"], p["bytes_source"], p["rows"], p["files"]) == (size(f"{root}/small.csv"), "files", None, 2), "CSV: bytes, no rows")
    p = told["rows"]
    check((p["bytes"], p["bytes_source"]) == (None, "unknown") and p["partitions"] == 2, "Spark does not know how large a Python list is")
    p = told["range"]
    check((p["rows"], p["bytes"], p["partitions"]) == (5_000, 40_000, 8), "a range is known exactly")
    p = told["joined"]
    check(bytes_ < p["bytes"] <= 2.2 * bytes_ and p["join_inputs"] and p["files"] == 8, f"a join is what goes into it: {p['bytes']}")
    check(0 < told["semi"]["bytes"] <= bytes_ and "join_inputs" not in told["semi"], "a semi join keeps one side's size")
    check(told["repartitioned"]["partitions"] == 13 and told["repartitioned"]["rows"] == 10_000, "a repartition says its partitions")
    p = told["one day"]
    check(p["files"] == 1 and 0 < p["bytes"] <= size(f"{root}/days/day=3"), f"only the partitions that are read count: {p['bytes']}")
    check(told["limited"]["rows"] == 10, "a limit bounds the rows")
    check(pipelines.profile(parquet(), footers_at_most=3)["rows"] is None, "no more footers are read than the host allows")
    p = pipelines.profile(parquet(), file_sizes_at_most=2)
    sizes = sorted(told["parquet"]["file_bytes"])
    check((p["files"], p["file_bytes"]) == (4, [sizes[0], sizes[-1]]), "of many files the smallest and the largest are told")
    p = pipelines.profile(parquet().filter("k = 3"), unknown_above_bytes=10)
    check((p["bytes"], p["bytes_source"]) == (None, "unknown"), "a size that says nothing is unknown")
    refused(lambda: pipelines.jvm.profile(parquet()._jdf, '{"footers_ms":1}'), "file_sizes_at_most", "limits")
    check(empty_cache["bytes_source"] == "plan_statistics" and empty_cache["rows"] is None, "what is not cached yet is what its plan says")

    rows = cached.count()
    p = pipelines.profile(cached)
    check((p["bytes_source"], p["rows"], p["rows_source"]) == ("cached", rows, "cached") and p["bytes"] > 0,
          f"what is cached is known exactly: {p['bytes']} bytes")
    check(p["partitions"] == spark.sparkContext._jsc.sc().persistentRdds().values().head().getNumPartitions(), "with its partitions")
    joined_cache = cached.join(parquet().select("id"), "id").persist()
    check(pipelines.profile(joined_cache)["bytes"] < 10 * bytes_, "an unfilled cache of a join is not the product of its sides")

    spark.sql("CREATE TABLE counted USING csv AS SELECT * FROM range(321)")
    spark.sql("ANALYZE TABLE counted COMPUTE STATISTICS")
    p = pipelines.profile(spark.table("counted"))
    check((p["rows"], p["rows_source"], p["bytes_source"]) == (321, "catalog", "files"), "the catalog's count")

    asked = len(host.asks)
    frames["filtered"].collect()
    check(len(host.asks) == asked + 1, "a profiled frame's own action is asked about")
    streaming = spark.readStream.format("rate").load()
    p = pipelines.profile(streaming)
    check(p["bytes"] is None and len(p["columns"]) == 2, "a stream has columns and no size")
    if spark.version.startswith("3.5"):
        spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    import pandas

    p = pipelines.profile(spark.createDataFrame(pandas.DataFrame({"n": range(50)})))
    check((p["rows"], p["bytes_source"]) in ((50, "local"), (None, "unknown")), f"rows of the driver: {p['rows']} {p['bytes_source']}")
    spark.stop()


@scenario
def temp_tables():
    host = FakeHost(lambda ask: {"confs": {PARTITIONS: "5"}})
    spark = session(host, **{"spark__sql__autoBroadcastJoinThreshold": "-1", "spark__sql__adaptive__enabled": "false"})
    import pyarrow.parquet

    pipelines = Pipelines(spark)
    sid = "0123abcd"
    props = {"sparkwright.session": sid, "sparkwright.stage": "it's \"quoted\" `so`\\"}
    name = f"sparkwright_temp_{sid}_"
    data = spark.range(20_000).selectExpr("id", "id % 100 AS k", "cast(id % 13 AS string) AS text")
    spark.sql("CREATE DATABASE elsewhere")
    spark.sql("USE elsewhere")

    def described(table):
        rows = spark.sql(f"DESCRIBE EXTENDED spark_catalog.default.{table}").collect()
        return {row[0]: row[1] for row in rows}

    asked = len(host.asks)
    left = pipelines.table(data, name + "left", 4, "hash", ["k"], "zstd", props)
    check(any(n["operator"].startswith("Insert") for ask in host.asks[asked:] for n in ask["nodes"]), "the write is asked about")
    right = pipelines.table(data.selectExpr("k", "id AS other"), name + "right", 4, "hash", ["K"], "snappy", props)
    check((left["partitioning"], left["files"], left["why"]) == ("hash", 4, None), f"a table by hash: {left}")
    about = described(name + "left")
    check((about["Num Buckets"], about["Bucket Columns"], about["Provider"]) == ("4", "[`k`]", "parquet"), "Spark says that it has buckets")
    folder = local_path(left["location"])
    warehouse = local_path(spark.conf.get("spark.sql.warehouse.dir"))
    check(os.path.dirname(folder) == warehouse.rstrip("/"), "its folder lies directly in the warehouse, whatever database is current")
    parts = [f for f in os.listdir(folder) if f.startswith("part-")]
    check(len(parts) == 4 and left["disk_bytes"] == sum(os.path.getsize(f"{folder}/{f}") for f in parts), "four files, of that size")

    def codec(told):
        at = local_path(told["location"])
        part = next(f for f in sorted(os.listdir(at)) if f.startswith("part-"))
        return pyarrow.parquet.ParquetFile(f"{at}/{part}").metadata.row_group(0).column(0).compression

    check((codec(left), codec(right)) == ("ZSTD", "SNAPPY"), "in the wanted codecs")
    shown = {row[0]: row[1] for row in spark.sql(f"SHOW TBLPROPERTIES spark_catalog.default.{name}left").collect()}
    check(all(shown[key] == value for key, value in props.items()), "its properties, quotes and all")
    joined = spark.table(left["identifier"]).join(spark.table(right["identifier"]), "k")
    check("Exchange" not in plan_of(joined) and "SortMergeJoin" in plan_of(joined), "two tables by hash are joined without a shuffle")
    check("Exchange" not in plan_of(spark.table(left["identifier"]).groupBy("k").count()), "and grouped without one")
    check(joined.count() == 20_000 * 200, "with every row")

    ranged = pipelines.table(data, name + "ranged", 3, "range", ["id"], "gzip", props)
    check((ranged["partitioning"], ranged["files"], codec(ranged)) == ("range", 3, "GZIP"), f"a table by range: {ranged['files']} files")
    bounds = spark.table(ranged["identifier"]).selectExpr("_metadata.file_name AS f", "id").groupBy("f").agg({"id": "min"})
    bounds = bounds.join(spark.table(ranged["identifier"]).selectExpr("_metadata.file_name AS f", "id").groupBy("f").agg({"id": "max"}), "f")
    ranges = sorted((row[1], row[2]) for row in bounds.collect())
    check(len(ranges) == 3 and all(a[1] < b[0] for a, b in itertools.pairwise(ranges)), f"whose files do not overlap: {ranges}")
    one = next(f for f in sorted(os.listdir(local_path(ranged["location"]))) if f.startswith("part-"))
    ids = pyarrow.parquet.read_table(os.path.join(local_path(ranged["location"]), one)).column("id").to_pylist()
    check(ids == sorted(ids), "and are sorted")

    def in_one_piece(told):
        """Whether each file has rows that follow each other in the data."""
        at = local_path(told["location"])
        ids = [sorted(pyarrow.parquet.read_table(f"{at}/{f}").column("id").to_pylist()) for f in os.listdir(at) if f.startswith("part-")]
        return all(of[-1] - of[0] + 1 == len(of) for of in ids)

    for files, files_by in ((1, "repartition"), (3, "repartition"), (3, "coalesce"), (1, "coalesce")):
        pieces = spark.range(0, 9_000, 1, 9)
        plain = pipelines.table(pieces, f"{name}plain{files}{files_by}", files, "none", [], "none", props, files_by)
        check((plain["files"], plain["partitioning"], codec(plain)) == (files, "none", "UNCOMPRESSED"), f"a plain table of {files} files")
        check(in_one_piece(plain) == (files == 1 or files_by == "coalesce"), f"made by {files_by}")
    asis = pipelines.table(data.repartition(9), name + "asis", 0, "none", [], "snappy", props)
    check(asis["files"] == 9, "files as they come")
    check(codec(pipelines.table(data, name + "lz4", 1, "none", [], "lz4", props)) in ("LZ4_RAW", "LZ4"), "LZ4 too")
    check(spark.table(f"spark_catalog.default.{name}lz4").count() == 20_000, "which reads back")
    mapped = pipelines.table(data.selectExpr("map(k, id) AS m", "id"), name + "mapped", 2, "hash", ["m"], "snappy", props)
    check(mapped["partitioning"] == "none" and "map<" in mapped["why"], f"by a map Spark can't partition: {mapped['why']}")
    check("no column" in pipelines.table(data, name + "nokey", 2, "hash", [], "snappy", props)["why"], "nor by no column")
    odd = data.selectExpr("id AS `a.b ``c`", "k")
    check(pipelines.table(odd, name + "odd", 2, "range", ["a.b `c"], "snappy", props)["files"] == 2, "a column of any name")

    print(" - names, owners and what is written over", flush=True)
    again = pipelines.table(data.filter("id < 5"), name + "left", 2, "none", [], "snappy", props)
    check(spark.table(again["identifier"]).count() == 5 and codec(again) == "SNAPPY", "a name used again has the new rows")
    for hostile in ("a`; DROP TABLE users; --", "../escape", "a.b", "default.users", "", "x" * 201, "a b", "ä", "1a", "a\n"):
        for call in (lambda n: pipelines.view(data, n), lambda n: pipelines.cachedView(data, n, "MEMORY_ONLY"),
                     lambda n: pipelines.table(data, n, 1, "none", [], "snappy", props), lambda n: pipelines.drop(n, "table"),
                     lambda n: pipelines.sizes([n])):
            try:
                call(hostile)
            except Exception as error:
                assert "can't be a temp table's name" in str(error), error
            else:
                raise AssertionError(f"{hostile!r} was taken")
    check(True, "hostile names are refused everywhere")
    spark.sql("CREATE TABLE spark_catalog.default.users USING parquet AS SELECT 1 AS secret")
    refused(lambda: pipelines.table(data, "users", 1, "none", [], "snappy", props), "users", "not a temp table")
    refused(lambda: pipelines.drop("users", "table"), "users", "it stays")
    refused(lambda: pipelines.table(data, name + "left", 1, "none", [], "snappy", {"sparkwright.session": "ffffffff"}), sid)
    refused(lambda: pipelines.table(data, name + "x", 0, "range", ["id"], "snappy", props), "0 files")
    refused(lambda: pipelines.table(data, name + "x", 2, "none", [], "snappy", props, "chair"), "chair", "repartition or coalesce")
    refused(lambda: pipelines.table(data, name + "x", 2, "none", [], "snappy", props, None), "repartition or coalesce")
    refused(lambda: pipelines.table(data, name + "x", 1, "hash", ["nope"], "snappy", props), "nope", "id, k, text")
    refused(lambda: pipelines.table(data, name + "x", 1, "zigzag", ["k"], "snappy", props), "zigzag")
    refused(lambda: pipelines.table(data, name + "x", 1, "none", [], "zipzap", props), "zipzap")
    refused(lambda: pipelines.drop(name + "left", "chair"), "chair")
    os.makedirs(os.path.join(warehouse, name + "taken"))
    with open(os.path.join(warehouse, name + "taken", "file"), "w") as file:
        file.write("mine")
    refused(lambda: pipelines.table(data, name + "taken", 1, "none", [], "snappy", props), name + "taken")
    with open(os.path.join(warehouse, name + "taken", "file")) as file:
        check(file.read() == "mine", "a folder that was there stays as it was")
    check(spark.table("spark_catalog.default.users").collect()[0][0] == 1, "the user's table is as it was")

    print(" - what the catalog and the files say", flush=True)
    known = pipelines.catalogTables("sparkwright_temp_")
    mine = {t["name"]: t for t in known}
    check(name + "left" in mine and "users" not in mine and mine[name + "left"]["session"] == sid, f"the catalog knows {len(mine)}")
    check(mine[name + "left"]["properties"]["sparkwright.stage"] == props["sparkwright.stage"], "with their properties")
    check(pipelines.catalogTables("nobody_") == [], "and none of others")
    held = pipelines.sizes([name + "left", name + "ranged", "sparkwright_absent"])
    check(held[name + "left"]["rows"] == 5 and held[name + "left"]["files"] == again["files"], f"sizes: {held[name + 'left']}")
    check(held[name + "ranged"]["disk_bytes"] == ranged["disk_bytes"] and held["sparkwright_absent"]["kind"] == "absent", "of each")
    pipelines.drop(name + "left", "table")
    pipelines.drop(name + "left", "table")
    check(not os.path.exists(folder) and not spark.catalog.tableExists(f"spark_catalog.default.{name}left"), "dropped: no table, no folder")
    spark.stop()


@scenario
def temp_views():
    host = FakeHost()
    spark = session(host)
    pipelines = Pipelines(spark)
    data = spark.range(1_000).selectExpr("id", "id % 10 AS k")

    def persisted():
        return spark.sparkContext._jsc.getPersistentRDDs().size()

    check(pipelines.view(data, "sparkwright_v") == {"name": "sparkwright_v", "kind": "view"}, "a view")
    check(spark.table("sparkwright_v").count() == 1_000 and persisted() == 0, "holds nothing")
    told = pipelines.cachedView(data, "sparkwright_c", "MEMORY_AND_DISK")
    check((told["level"], told["cached_by"]) == ("MEMORY_AND_DISK", "sparkwright"), f"a cached view: {told}")
    check(pipelines.sizes(["sparkwright_c"])["sparkwright_c"]["memory_bytes"] == 0, "holds nothing before it is used")
    asked = len(host.asks)
    spark.table("sparkwright_c").filter("id >= 0").count()
    check(len(host.asks) == asked + 1, "the query that fills it is asked about")
    check("Scan In-memory table sparkwright_c" in plan_of(spark.table("sparkwright_c")), "the view reads the cache")
    check("Scan In-memory table sparkwright_c" in plan_of(data.filter("k > 1")), "and so does what is built on the same data")
    check(str(spark.table("sparkwright_c").storageLevel).startswith("Disk Memory"), "Spark says the level")
    held = pipelines.sizes(["sparkwright_c"])["sparkwright_c"]
    check(held["rows"] == 1_000 and held["memory_bytes"] > 0 and held["cached_partitions"] == held["partitions"] == 2, f"sizes: {held}")
    names = [rdd.name() for rdd in spark.sparkContext._jsc.getPersistentRDDs().values()]
    check(names == ["In-memory table sparkwright_c"], f"its name on the storage page: {names}")

    second = pipelines.cachedView(data, "sparkwright_d", "DISK_ONLY")
    check((second["level"], second["cached_by"]) == ("MEMORY_AND_DISK", "sparkwright"), "a second view of the same data shares it")
    pipelines.drop("sparkwright_c", "cached_view")
    check(persisted() == 1 and "Scan In-memory table sparkwright_c" in plan_of(spark.table("sparkwright_d")), "it stays for the second one")
    pipelines.drop("sparkwright_d", "cached_view")
    pipelines.drop("sparkwright_d", "cached_view")
    host.until(lambda: persisted() == 0, what="the cache to go")
    check(not spark.catalog.tableExists("sparkwright_d"), "and goes with it")

    mine = spark.range(77).selectExpr("id * 3 AS t").persist()
    mine.count()
    told = pipelines.cachedView(mine, "sparkwright_u", "DISK_ONLY")
    check((told["level"], told["cached_by"]) == ("MEMORY_AND_DISK", "user"), f"what the user had cached is the user's: {told}")
    check(pipelines.sizes(["sparkwright_u"])["sparkwright_u"]["rows"] == 77, "its size is told")
    pipelines.view(mine, "sparkwright_u")
    pipelines.drop("sparkwright_u", "view")
    check(persisted() == 1 and mine.is_cached and "InMemoryTableScan" in plan_of(mine.filter("t > 1")), "the user's cache outlives our views")
    old = pipelines.cachedView(data, "sparkwright_r", "MEMORY_ONLY")
    spark.table("sparkwright_r").count()
    new = pipelines.cachedView(data.filter("k = 1"), "sparkwright_r", "DISK_ONLY")
    check((old["level"], new["level"]) == ("MEMORY_ONLY", "DISK_ONLY") and spark.table("sparkwright_r").count() == 100, "a name used again")
    host.until(lambda: persisted() == 2, what="the old cache to go")
    held = pipelines.sizes(["sparkwright_r"])["sparkwright_r"]
    check(held["disk_bytes"] > 0 and held["memory_bytes"] == 0, f"kept on disk: {held}")
    refused(lambda: pipelines.cachedView(data, "sparkwright_x", "MEMORY_AND_CHAIR"), "MEMORY_AND_CHAIR")
    refused(lambda: pipelines.cachedView(spark.readStream.format("rate").load(), "sparkwright_x", "MEMORY_ONLY"), "streaming")
    spark.stop()


HOLDER = """
import sys
sys.path.insert(0, {tests!r})
from scenario import session
spark = session(None, spark__sparkwright__command="/nowhere/sparkwright", spark__sql__warehouse__dir={warehouse!r})
print("LEASE", spark._jvm.io.sparkwright.spark.Pipelines.lease({session!r}, "sparkwright_temp_"), flush=True)
spark._jvm.io.sparkwright.spark.Pipelines.table(
    spark.range(10)._jdf, "sparkwright_temp_" + {session!r} + "_t", 1, "repartition", "none", [], "snappy", {{"sparkwright.session": {session!r}}})
print("TABLE", flush=True)
sys.stdin.readline()
"""


def is_held(path):
    """Whether another process holds a POSIX lock on the file."""
    with open(path, "r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


@scenario
def leases():
    warehouse = tempfile.mkdtemp()
    spark = session(None, spark__sparkwright__command="/nowhere/sparkwright", spark__sql__warehouse__dir=warehouse)
    pipelines = Pipelines(spark)
    told = pipelines.lease("0123abcd", "sparkwright_temp_")
    path = local_path(told["lease"])
    check(told["locked"] and path == f"{warehouse}/.sparkwright/0123abcd.lease", f"a lease: {told}")
    with open(path) as file:
        lease = json.load(file)
    wanted = {"session": "0123abcd", "prefix": "sparkwright_temp_", "application": spark.sparkContext.applicationId, "locked": True}
    check(all(lease[key] == value for key, value in wanted.items()), f"says whose it is: {lease}")
    check(abs(lease["started_ms"] / 1000 - time.time()) < 30 and os.path.exists(f"/proc/{lease['pid']}"), "and since when")
    check(is_held(path) and pipelines.lease("0123abcd", "sparkwright_temp_") == told and is_held(path), "it is held, also when taken again")
    check(lease["host"] == os.uname().nodename, "and where")
    before = os.stat(path).st_mtime_ns
    time.sleep(0.05)
    pipelines.lease("0123abcd", "sparkwright_temp_")
    with open(path) as file:
        check(os.stat(path).st_mtime_ns > before and is_held(path) and json.load(file) == lease, "renewed, and still held")
    spark.range(10).write.saveAsTable("beside")
    check(is_held(path) and os.listdir(os.path.dirname(path)) == ["0123abcd.lease"], "whatever else Spark does there")
    check(pipelines.leases() == [], "a local warehouse has its locks")
    refused(lambda: pipelines.removeSession("ffffffff", "x_"), "local folder")
    for session_id, prefix in (("../../etc", "a_"), ("0123", "a_"), ("0123abcd", "a/b"), ("0123abcd", "`")):
        refused(lambda s=session_id, p=prefix: pipelines.lease(s, p), "can't be")
    pipelines.lease("89ab89ab", "sparkwright_temp_")
    pipelines.release("0123abcd")
    pipelines.release("0123abcd")
    check(not os.path.exists(path), "released: it is gone")
    other = f"{warehouse}/.sparkwright/89ab89ab.lease"
    check(is_held(other), "and the other one is not")
    spark.stop()
    check(os.path.exists(other) and not is_held(other), "an application that ends leaves its leases behind, free")

    print(" - a driver that is killed", flush=True)
    killed = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(tests=os.path.dirname(os.path.abspath(__file__)), warehouse=warehouse, session="deadbeef01")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = iter(killed.stdout.readline, "")
    taken = next(line for line in lines if line.startswith("LEASE"))
    next(line for line in lines if line.startswith("TABLE"))
    path = local_path(json.loads(taken.split(" ", 1)[1])["lease"])
    check(is_held(path), "another driver holds its lease")
    with open(path) as file:
        driver = json.load(file)["pid"]
    os.kill(driver, signal.SIGKILL)
    FakeHost.until(lambda: not is_held(path), 10, "the lock to be free")
    check(os.path.isdir(f"{warehouse}/sparkwright_temp_deadbeef01_t"), "killed: its lock is free, its table is still there")
    killed.stdin.close()
    killed.wait(30)


@scenario
def remote_leases():
    """A warehouse that is no local folder: Hadoop's own test of a file system with another scheme stands for it."""
    warehouse = tempfile.mkdtemp()
    spark = session(None, **{
        "spark__sparkwright__command": "/nowhere/sparkwright",
        "spark__sql__warehouse__dir": f"viewfs://remote{warehouse}",
        f"spark.hadoop.fs.viewfs.mounttable.remote.link.{warehouse}": f"file://{warehouse}",
    })
    pipelines = Pipelines(spark)
    told = pipelines.lease("0123abcd", "sparkwright_temp_")
    path = f"{warehouse}/.sparkwright/0123abcd.lease"
    check(not told["locked"] and os.path.exists(path), f"no lock there, but a lease: {told}")
    for folder in ("sparkwright_temp_feedfeed_t", "SPARKWRIGHT_temp_FEEDFEED_u", "sparkwright_temp_feedfeedd_t", "users"):
        os.makedirs(f"{warehouse}/{folder}")
    with open(f"{warehouse}/.sparkwright/feedfeed.lease", "w") as file:
        file.write('{"session":"feedfeed","prefix":"sparkwright_temp_"}')
    seen = {lease["session"]: lease for lease in pipelines.leases()}
    check(sorted(seen) == ["0123abcd", "feedfeed"] and seen["feedfeed"]["prefix"] == "sparkwright_temp_", f"leases: {sorted(seen)}")
    check(abs(seen["0123abcd"]["modified_ms"] / 1000 - time.time()) < 30, "with their last sign of life")
    refused(lambda: pipelines.removeSession("0123abcd", "sparkwright_temp_"), "alive")
    pipelines.removeSession("feedfeed", "sparkwright_temp_")
    left = sorted(os.listdir(warehouse))
    check(left == [".sparkwright", "sparkwright_temp_feedfeedd_t", "users"], f"what the dead session left is gone, all else stays: {left}")
    check(not os.path.exists(f"{warehouse}/.sparkwright/feedfeed.lease"), "with its lease")
    pipelines.release("0123abcd")
    check(not os.path.exists(path), "released: it is gone")
    spark.stop()


@scenario
def state_syntax_and_leaves():
    host = FakeHost()
    spark = session(host)
    pipelines = Pipelines(spark)
    told = pipelines.state(1_000)
    check((told["state"], told["socket"], told["application"], told["spark"], told["mode"], told["reason"]) == (
        "steered", host.path, spark.sparkContext.applicationId, spark.version, "act", None), f"steered: {told}")
    spark.range(10).count()
    check(pipelines.flush(10_000), "flushed")
    host.read_up()
    check(host.events("SQLExecutionEnd") and host.events("JobEnd"), "what has ended is with the host")

    print(" - syntax", flush=True)
    told = pipelines.relations("""WITH c AS (SELECT * FROM a.b)
        SELECT upper(x), (SELECT max(y) FROM `odd.name`), row_number() OVER w FROM c, range(5)
        LATERAL VIEW explode(array(1)) t AS e
        WHERE EXISTS (SELECT 1 FROM d WHERE d.z IN (SELECT q FROM f)) WINDOW w AS (ORDER BY (SELECT m FROM g))""")
    names = sorted(".".join(parts) for parts in told["relations"])
    check(names == ["a.b", "c", "d", "f", "g", "odd.name"], f"every relation, however deep: {names}")
    check(["odd.name"] in told["relations"] and told["ctes"] == ["c"], "by its parts as written")
    functions = {".".join(parts) for parts in told["functions"]}
    check({"upper", "max", "row_number", "explode", "array"} <= functions, f"functions: {sorted(functions)}")
    check(told["table_functions"] == [["range"]], "table functions")
    check("UnresolvedWith" in told["nodes"] and "Exists" in told["expressions"], "names of nodes and expressions")
    for text, node in (("INSERT INTO t SELECT 1", "InsertInto"), ("DROP TABLE t", "Drop"), ("SELECT * FROM t VERSION AS OF 1", "TimeTravel"),
                       ("SELECT TRANSFORM (a) USING 'rm -rf' FROM t", "ScriptTransformation"), ("SET a=b", "Set")):
        check(any(node in name for name in pipelines.relations(text)["nodes"]), f"{text}: {node}")
    check(["t"] in pipelines.relations("SELECT * FROM t VERSION AS OF 1")["relations"], "time travel names its table")
    refused(lambda: pipelines.relations("SELEKT 1"), "SELEKT")
    spark.conf.set("some.table", "one.of_the_session")
    active = spark._jvm.org.apache.spark.sql.SparkSession
    active.clearActiveSession()  # as in any thread that has asked nothing yet
    check(pipelines.relations("SELECT * FROM ${some.table}")["relations"] == [["one", "of_the_session"]], "by the confs of the session that is asked")
    active.setActiveSession(spark._jsparkSession)
    deep = "SELECT " + "(" * 150 + "1" + ")" * 150
    check(pipelines.relations(deep)["relations"] == [], "a deep one")

    print(" - leaves", flush=True)
    folder = tempfile.mkdtemp() + "/p"
    spark.range(5).write.parquet(folder)
    files = spark.read.parquet(folder)
    rows = spark.createDataFrame([(1,)], "n int")
    files.createOrReplaceTempView("files")
    rows.createOrReplaceTempView("lines")
    again = spark.sql("SELECT * FROM files WHERE id > (SELECT min(n) FROM lines)")
    both = pipelines.leaves(again)
    check(both == pipelines.leaves(files) + pipelines.leaves(rows), f"the same sources have the same names: {both}")
    check(pipelines.leaves(spark.sql("WITH c AS (SELECT * FROM files) SELECT * FROM c a JOIN c b ON a.id = b.id")).count(
        pipelines.leaves(files)[0]) >= 1, "through WITH too")
    check(pipelines.leaves(spark.createDataFrame([(1,)], "n int")) != pipelines.leaves(rows), "other rows are another source")
    spark.sql("CREATE TABLE kept USING parquet AS SELECT 1 AS x")
    check("kept" in pipelines.leaves(spark.table("kept"))[0], "a table by its name")

    host.die()
    host.until(lambda: pipelines.state(0)["state"] == "unsteered", 5, "unsteered")
    told = pipelines.state(0)
    check(told["socket"] is None and re.search("host|connection", told["reason"]), f"without a host: {told['reason']}")
    check(not pipelines.flush(100), "nothing is flushed to nobody")
    check(pipelines.profile(files)["rows"] == 5, "profiles go on")
    spark.stop()
    check(json.loads(Pipelines(spark).jvm.state(0))["state"] == "absent", "after the end")
