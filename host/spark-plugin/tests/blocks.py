"""Scenarios about the blocks of what is kept: where they are, how large they count, and when they go."""

import os
import subprocess
import tempfile
import time

from fake_host import FakeHost
from scenario import FAST_JVM, IN_MEMORY, CachePolicy, check, own_jvm, plan_of, scenario, session


@scenario
def what_is_held_after_a_decommission():
    """Blocks that move to another executor are counted once: Spark's own status store adds both places."""
    host = FakeHost(CachePolicy())
    spark = session(host, master="local-cluster[2,1,600]", **{
        "spark__executor__memory": "512m", "spark__executor__cores": "1", "spark__cores__max": "2",
        "spark__executor__extraJavaOptions": FAST_JVM, "spark__decommission__enabled": "true",
        "spark__storage__decommission__enabled": "true", "spark__storage__decommission__rddBlocks__enabled": "true",
        "spark__sql__adaptive__enabled": "false", "spark__sql__shuffle__partitions": "8"})
    sc = spark.sparkContext
    live = lambda: sc._jsc.sc().getExecutorIds()  # noqa: E731
    host.until(lambda: live().size() == 2, 60, "two executors")
    path = tempfile.mkdtemp()
    with open(os.path.join(path, "part-0.csv"), "w") as file:
        file.write("".join(f"key-{k},{k}\n" for k in range(2000)))
    totals = lambda: spark.read.csv(path, "k string, v long").groupBy("k").sum("v")  # noqa: E731

    def held():
        entries = [e for m in host.of("storage")[-1:] for e in m["entries"]]
        return (entries[0]["cached_partitions"], entries[0]["memory_bytes"]) if entries else (0, 0)

    check(len(totals().filter("k > 'key-5'").collect()) > 0, "a query that is cached")
    host.until(lambda: held()[0] == 8, 30, "all eight partitions held")
    partitions, memory = held()
    holders = {e["Block Updated Info"]["Block Manager ID"]["Executor ID"] for e in host.events("BlockUpdated")}
    check(memory > 0 and len(holders) == 2, f"{partitions} partitions, {memory} bytes over two executors")
    going = str(live().apply(0))
    said = len(host.of("storage"))
    check(host.command("decommission", executors=[going], total_after=1)["ok"], "one executor goes")
    host.until(lambda: live().size() == 1, 60, "one executor")
    time.sleep(3)
    check(held() == (partitions, memory), f"all is held still, and counted once: {held()}, said {len(host.of('storage')) - said} times")
    asked = len(host.asks)
    check(totals().filter("k > 'key-7'").collect() and len(host.asks) > asked, "the next question")
    entry = host.asks[-1]["entries"][0]
    check((entry["cached_partitions"], entry["memory_bytes"]) == (partitions, memory), f"says the same: {entry}")
    spark.stop()


@own_jvm
def what_filled_an_entry_is_let_go():
    """Spark keeps the hash tables of broadcast joins, a page of memory each, as long as the plan that they filled is cached."""
    host = FakeHost(CachePolicy())
    spark = session(host, **{"spark__buffer__pageSize": "16m"})
    sc = spark.sparkContext
    folder = tempfile.mkdtemp()
    for name, rows in (("large", 5000), ("small", 50)):
        os.makedirs(os.path.join(folder, name))
        with open(os.path.join(folder, name, "part-0.csv"), "w") as file:
            file.write("".join(f"key-{k % 50},{k}\n" for k in range(rows)))
    read = lambda name: spark.read.csv(os.path.join(folder, name), "k string, v long")  # noqa: E731
    totals = lambda: read("large").join(read("small"), "k").groupBy("k").count()  # noqa: E731
    driver = str(sc._jvm.java.lang.ProcessHandle.current().pid())

    def pages():
        """Bytes of live long[] on the driver's heap, which is what Spark's pages are."""
        histogram = subprocess.run(["jcmd", driver, "GC.class_histogram"], capture_output=True, text=True, check=True).stdout
        return next(int(line.split()[2]) for line in histogram.splitlines() if "[J (" in line)


    check(len(totals().filter("count > 1").collect()) == 50, "a query with a broadcast join that is cached")
    check("BroadcastHashJoin" in plan_of(totals().filter("count > 1")), "it is a broadcast join")
    host.until(lambda: any(e["cached_partitions"] > 0 for m in host.of("storage") for e in m["entries"]), 10, "the entry is whole")
    page = 16 << 20
    host.until(lambda: pages() < page, 20, "the hash table is let go")
    check(True, f"no hash table of {page} bytes is held: {pages()} bytes are")
    check(len(totals().filter("count > 2").collect()) == 50 and pages() < page, "the entry is read")
    for rdd in sc._jsc.getPersistentRDDs().values():
        rdd.unpersist(True)
    asked = len(host.asks)
    check(len(totals().filter("count > 3").collect()) == 50, "a program that lets go of all blocks gets its rows")
    check(len(host.asks) > asked and not any(n["cached"] == "ours" for n in host.asks[-1]["nodes"]), "and the entry is gone")
    spark.stop()


@own_jvm
def kryo_that_requires_registration():
    host = FakeHost(CachePolicy())
    spark = session(host, spark__serializer="org.apache.spark.serializer.KryoSerializer", spark__kryo__registrationRequired="true")
    folder = tempfile.mkdtemp()
    spark.range(1000).selectExpr("id", "id % 7 AS k").write.parquet(os.path.join(folder, "in"))
    for _ in range(2):
        frame = spark.read.parquet(os.path.join(folder, "in")).groupBy("k").count()
        check(len(frame.collect()) == 7 and IN_MEMORY not in plan_of(frame), "nothing is kept")
        check({node["why_not"] for node in host.asks[-1]["nodes"]} == {"kryo_registration_required"}, "and the host is told why")
    spark.stop()


@scenario
def the_size_of_what_is_kept():
    """Spark plans a join by the size of its sides. Columns are smaller than rows, and what is kept counts as the rows do in a shuffle."""
    from pyspark.sql import functions as F

    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = os.path.join(tempfile.mkdtemp(), "facts")
    spark.range(20_000).selectExpr("int(id) AS k", "int(id % 3) AS v", "repeat('x', 100) AS text").write.parquet(folder)
    for column, row in (("v", 8 + 8 + 8), ("text", 8 + 8 + 8 + 100)):
        for _ in range(3):
            sums = spark.read.parquet(folder).groupBy("k").agg(F.max(column).alias("most")).where(f"k % {_ + 1} = 0")
            sums.collect()
        leaf = sums._jdf.queryExecution().executedPlan().inputPlan().collectLeaves().head()
        check(leaf.getClass().getSimpleName() == "InMemoryTableScanExec", f"the aggregate of `{column}` is kept")
        size = int(leaf.relation().stats().sizeInBytes())
        check(20_000 * row <= size <= 20_000 * (row + 8), f"20,000 rows of {row} bytes count as {size} bytes")
    spark.stop()
