"""End-to-end tests of the Spark plugin on real Spark, with a fake host.

    SPARKWRIGHT_JAR=/tmp/sparkwright-plugin/sparkwright-spark4.jar python test_plugin.py [scenario ...]

Needs only the Python of a venv with PySpark (3.5 or 4.x). Each scenario runs in a process (and JVM) of its own, one at a
time; together they take some minutes. Exit status 0: all passed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_host import FakeHost

JAR = os.environ.get("SPARKWRIGHT_JAR", "/tmp/sparkwright-plugin/sparkwright-spark4.jar")
PLUGIN = "io.sparkwright.spark.SparkwrightPlugin"
EXTENSIONS = "io.sparkwright.spark.SparkwrightExtensions"
PARTITIONS = "spark.sql.shuffle.partitions"
IN_MEMORY = "In-memory table sparkwright-"
FAST_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def session(host=None, master="local[2]", **confs):
    """A session with the two conf lines a user needs, plus what makes the test quick."""
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master(master)
        .config("spark.jars", JAR)
        .config("spark.plugins", PLUGIN)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.extraJavaOptions", FAST_JVM)
        .config("spark.sql.warehouse.dir", tempfile.mkdtemp(prefix="sparkwright-warehouse-"))
    )
    if host is not None:
        builder = builder.config("spark.sparkwright.socket", host.path)
    for key, value in confs.items():
        builder = builder.config(key.replace("__", "."), value)
    spark = builder.getOrCreate()
    if host is not None and host.answer_hello:
        host.until(lambda: host.questions_hello is not None, what="the questions connection")
        time.sleep(0.3)
    return spark


def check(condition, what):
    if not condition:
        raise AssertionError(what)
    print(f"   ok: {what}", flush=True)


def plan_of(frame):
    """The physical plan as Spark would run it."""
    return frame._jdf.queryExecution().executedPlan().toString()


def cache_entries(spark):
    return 0 if spark._jsparkSession.sharedState().cacheManager().isEmpty() else 1


class CachePolicy:
    """Asks for every cacheable plan with the wanted operator at its root to be cached."""

    def __init__(self):
        self.operator = "Aggregate"
        self.confs = {}
        self.uncache = []

    def __call__(self, ask):
        wanted, covered = [], set()
        for index, node in enumerate(ask["nodes"]):
            if node["parent"] in covered:
                covered.add(index)
            elif node["operator"] == self.operator and not node["why_not"] and node["cached"] == "no":
                wanted.append({"hash": node["hash"], "level": "MEMORY_AND_DISK"})
                covered.add(index)
        uncache, self.uncache = self.uncache, []
        return {"confs": self.confs, "cache": wanted, "uncache": uncache}


@scenario
def confs_and_events():
    answers = {"confs": {}}
    host = FakeHost(lambda ask: dict(answers))
    spark = session(host, **{"spark__sparkwright__test_token": "hush", "spark__sql__adaptive__enabled": "false"})
    from pyspark.sql import functions as F

    check(host.hello["protocol"] == 1 and host.hello["python"] is True, "hello names a Python application")
    check(host.hello["application"] == spark.sparkContext.applicationId, "hello has the application id")
    check("hush" not in str(host.hello), "hello's conf is redacted")
    check(spark.conf.get("spark.sql.extensions") == EXTENSIONS, "the plugin added the extension itself")

    frame = spark.range(1000).groupBy((F.col("id") % 10).alias("k")).count()
    frame.explain()
    spark.sql("EXPLAIN SELECT count(*) FROM range(1000)").collect()
    check(not host.asks, "explain is not asked about")
    answers["confs"] = {PARTITIONS: "7"}
    frame = spark.range(1000).groupBy((F.col("id") % 10).alias("k")).count()
    check(len(frame.collect()) == 10 and "200" not in str(frame.rdd.getNumPartitions()), "an answer is obeyed")
    check(frame.rdd.getNumPartitions() == 7, "the answer's partitions were used")
    ask = host.asks[-1]
    check(ask["confs"][PARTITIONS] == {"value": "200", "owner": "default"}, "the question shows Spark's default")
    check(ask["execution"] is not None and [n["operator"] for n in ask["nodes"]] == ["Aggregate", "Range"], "plan nodes")
    check(ask["executors"][0]["id"] == "driver" and ask["executors"][0]["max_storage_bytes"] > 0, "storage memory is told")
    host.until(lambda: spark.conf.get(PARTITIONS) == "200", what="the session's own value")
    check(True, "the session has its own value back")

    spark.conf.set(PARTITIONS, "11")
    frame = spark.range(999).groupBy((F.col("id") % 10).alias("k")).count()
    frame.collect()
    check(host.asks[-1]["confs"][PARTITIONS] == {"value": "11", "owner": "user"}, "the user's value is the user's")
    check(frame.rdd.getNumPartitions() == 11, "the user's value is never overwritten")
    spark.conf.unset(PARTITIONS)

    answers["confs"] = {"spark.sql.ansi.enabled": "false", PARTITIONS: "not a number"}
    check(spark.range(100).groupBy().count().collect()[0][0] == 100, "nonsense from the host harms nothing")
    asked = len(host.asks)
    spark.sql("SET spark.sql.shuffle.partitions").collect()
    spark.createDataFrame([(1, "a")], "a int, b string").limit(1).createOrReplaceTempView("tiny")
    spark.sql("SHOW TABLES").collect()
    spark.sql("SELECT 1").collect()
    check(len(host.asks) == asked, "commands and constants are not asked about")

    folder = tempfile.mkdtemp()
    spark.range(10).write.mode("overwrite").parquet(folder)
    writing = [n["operator"] for n in host.asks[-1]["nodes"]]
    check(writing[0].startswith("Insert") and "Range" in writing, f"a write is asked about: {writing}")
    a, b = spark.read.parquet(folder), spark.read.parquet(folder)
    a.createOrReplaceTempView("a")
    b.createOrReplaceTempView("b")
    spark.sql("SELECT count(*) FROM a, b WHERE a.id = b.id").collect()
    nodes = host.asks[-1]["nodes"]
    join = next(n for n in nodes if n["operator"] == "Join")
    check(join["join"] == "inner_equi", "a comma join is seen as an equi-join")
    leaf = next(n for n in nodes if n["operator"] == "LogicalRelation")
    check(leaf["format"] == "parquet" and folder in leaf["path"] and leaf["bytes"] > 0, "a file leaf is described")
    spark.sql("SELECT * FROM a WHERE id > (SELECT avg(id) FROM b)").collect()
    nodes = host.asks[-1]["nodes"]
    check(sum(n["operator"] == "LogicalRelation" for n in nodes) == 2, "subquery plans are among the nodes")
    check(nodes[0]["size"] == len(nodes), "sizes count them")

    acted = host.command("executors_total", total=3)
    check(not acted["ok"] and "local[2]" in acted["error"], "local[*] has no executors, and says so")
    check(not host.command("decommission", executors=["1"])["ok"], "nor any to decommission")
    check(host.command("conf", set={PARTITIONS: "5"})["ok"], "conf command")
    check(spark.conf.get(PARTITIONS) == "5", "its value holds")
    check(not host.command("conf", set={"spark.sql.ansi.enabled": "false"})["ok"], "but only for managed keys")
    check(host.command("conf", set={PARTITIONS: ""})["ok"] and spark.conf.get(PARTITIONS) == "200", "and can be taken back")
    asked = len(host.asks)
    check(host.command("sql", text="CREATE OR REPLACE TEMP VIEW made AS SELECT id FROM a")["ok"], "sql command")
    check(len(host.asks) == asked, "our own SQL is not asked about")
    check(not host.command("sql", text="SELEKT")["ok"], "bad SQL is an error, not a crash")
    check("executors" in host.command("storage")["result"], "storage command")
    check(not host.command("dance")["ok"], "an unknown command is refused")

    def worker(seed):
        for _ in range(5):
            assert spark.range(1000).groupBy((F.col("id") % seed).alias("k")).count().count() == seed

    answers["confs"] = {PARTITIONS: "3"}
    threads = [threading.Thread(target=worker, args=(n,)) for n in (3, 4, 5, 6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    host.until(lambda: spark.conf.get(PARTITIONS) == "200", what="the session's own value")
    check(True, "concurrent queries leave the session as it was")

    started = time.time()
    spark.stop()
    check(time.time() - started < 10, "stop is quick")
    host.until(lambda: host.of("bye"), 5, "bye")
    for name in ("ApplicationStart", "EnvironmentUpdate", "JobStart", "StageCompleted", "TaskEnd", "SQLExecutionStart",
                 "ApplicationEnd"):
        check(host.events(name), f"{name} arrived")
    check(not host.of("dropped"), "no event was lost")
    check("Accumulables" not in host.events("TaskEnd")[0]["Task Info"], "TaskEnd comes without Accumulables")


@scenario
def caching():
    policy = CachePolicy()
    host = FakeHost(policy)
    spark = session(host, **{"spark__sql__shuffle__partitions": "3"})
    from pyspark.sql import functions as F
    from pyspark.sql.types import LongType

    root = tempfile.mkdtemp()

    def write(name, rows, mode="overwrite"):
        path = os.path.join(root, name)
        # written by Python, so that Spark does not know that it changed
        if mode == "overwrite":
            shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"part-{len(os.listdir(path))}.csv"), "w") as file:
            file.write("".join(f"{k},{v}\n" for k, v in rows))
        return path

    def totals(path):
        return spark.read.csv(path, "k string, v long").groupBy("k").agg(F.sum("v").alias("s"))

    def rows(frame):
        return sorted(tuple(r) for r in frame.collect())

    def dropped(why):
        return [m for m in host.of("entry") if m["state"] == "dropped" and m["why"] == why]

    path = write("one", [("a", 1), ("a", 2), ("b", 5)])
    first = totals(path)
    check(rows(first) == [("a", 3), ("b", 5)], "first result")
    check(IN_MEMORY in plan_of(first), "the very query that asked fills the cache and uses it")
    host.until(lambda: host.of("entry"), what="entry message")
    entry = host.of("entry")[0]
    check(entry["state"] == "cached" and entry["why"] == "asked", "the host is told")
    check(spark.sparkContext._jsc.getPersistentRDDs().size() == 1, "one RDD is persisted")
    host.until(lambda: any(e["cached_partitions"] > 0 and e["memory_bytes"] > 0
                           for m in host.of("storage") for e in m["entries"]), 10, "storage message")
    second = totals(path)
    check(rows(second.filter("s > 3")) == [("b", 5)], "a later query over the same plan")
    check(any(n["cached"] == "ours" for n in host.asks[-1]["nodes"]), "sees it as ours")
    check(host.asks[-1]["entries"][0]["memory_bytes"] > 0, "with its size")
    check(IN_MEMORY in plan_of(totals(path).filter("s > 1")), "and uses it")

    print(" - sources that change", flush=True)
    old = totals(path)
    write("one", [("a", 10), ("c", 7)])
    check(rows(totals(path)) == [("a", 10), ("c", 7)], "overwritten files give new rows")
    host.until(lambda: dropped("source_changed"), what="source_changed")
    check(rows(totals(path)) == [("a", 10), ("c", 7)], "again, from the new cache")
    write("one", [("a", 20)], mode="append")
    check(rows(totals(path)) == [("a", 30), ("c", 7)], "an added file gives its rows")
    with open(os.path.join(path, "part-0.csv"), "w") as file:
        file.write("z,9\nzz,11\n")
    check(rows(old.filter("s < 100")) == [("z", 9), ("zz", 11)], "an old frame over a file replaced in place: as Spark itself")
    os.remove(os.path.join(path, "part-1.csv"))
    check(rows(totals(path)) == [("z", 9), ("zz", 11)], "a removed file takes its rows away")

    spark.sql("CREATE TABLE t (k STRING, v LONG) USING parquet")
    spark.sql("INSERT INTO t VALUES ('a', 1)")
    table = lambda: spark.table("t").groupBy("k").agg(F.sum("v").alias("s"))  # noqa: E731
    check(rows(table()) == [("a", 1)] and IN_MEMORY in plan_of(table()), "a table's aggregate is cached")
    spark.sql("INSERT INTO t VALUES ('a', 2), ('b', 3)")
    check(rows(table()) == [("a", 3), ("b", 3)], "a table appended to gives all rows")
    spark.sql("INSERT OVERWRITE t VALUES ('q', 4)")
    check(rows(table()) == [("q", 4)], "a table overwritten gives the new rows")
    path2 = write("two", [("x", 1)])
    spark.read.csv(path, "k string, v long").createOrReplaceTempView("v")
    view = lambda: spark.sql("SELECT k, sum(v) AS s FROM v GROUP BY k")  # noqa: E731
    check(rows(view()) == [("z", 9), ("zz", 11)], "a view's aggregate")
    spark.read.csv(path2, "k string, v long").createOrReplaceTempView("v")
    check(rows(view()) == [("x", 1)], "a view defined anew gives the new rows")

    print(" - the user's own caching", flush=True)
    path3 = write("three", [("u", 1), ("u", 2)])
    gone = len(dropped("gone"))
    check(rows(totals(path3)) == [("u", 3)], "cached by us")
    totals(path3).unpersist()
    rows(totals(path2))
    host.until(lambda: len(dropped("gone")) > gone, what="gone")
    check(True, "the user's unpersist of our entry is reported as gone")
    rows(totals(path3))
    spark.catalog.clearCache()
    policy.operator = "Nothing"
    check(rows(totals(path3)) == [("u", 3)] and cache_entries(spark) == 0, "clearCache clears ours too")
    policy.operator = "Aggregate"
    rows(totals(path3))
    mine = totals(path3).persist()
    check(mine.storageLevel.useDisk and rows(mine) == [("u", 3)], "the user persists what we had cached")
    rows(mine.filter("s > 0"))
    check([n["cached"] for n in host.asks[-1]["nodes"]] == ["no", "user", "no"], "it is the user's then")
    write("three", [("u", 50)])
    check(rows(mine) == [("u", 3)], "and stays what the user cached, as in Spark itself")
    above = mine.groupBy("s").agg(F.count("*").alias("n"))
    rows(above)
    check(host.asks[-1]["nodes"][0]["why_not"] == "above_user_cache", "a plan above the user's cache is not offered")
    mine.unpersist()
    check(rows(totals(path3)) == [("u", 50)], "after the user's unpersist the files count")

    print(" - what must not be cached", flush=True)
    base = lambda: spark.read.csv(path3, "k string, v long")  # noqa: E731
    base().createOrReplaceTempView("base")
    plus = F.udf(lambda x: x + 1, LongType())

    def why_not(frame):
        frame.collect()
        return host.asks[-1]["nodes"][0]["why_not"]

    for name, frame, reason in [
        ("rand", base().groupBy(F.rand()).count(), "reads_context"),
        ("current_timestamp", base().groupBy(F.current_timestamp()).count(), "reads_context"),
        ("current_date", base().select("k", F.current_date()).groupBy("k").count(), None),
        ("now in a filter", base().filter("now() > timestamp'2000-01-01'").groupBy("k").count(), "reads_context"),
        ("current_user", spark.sql("SELECT current_user() u, count(*) FROM base GROUP BY 1"), "reads_context"),
        ("current_database", spark.sql("SELECT current_database() d, k FROM base GROUP BY 1, 2"), "reads_context"),
        ("input_file_name", base().groupBy(F.input_file_name()).count(), "reads_context"),
        ("monotonically_increasing_id", base().select(F.monotonically_increasing_id().alias("i")).groupBy("i").count(),
         "reads_context"),
        ("uuid", spark.sql("SELECT uuid() u, k FROM base").groupBy("u").count(), "reads_context"),
        ("a Python function", base().select(plus("v").alias("w")).groupBy("w").count(), "user_function"),
        ("java_method", spark.sql("SELECT java_method('java.lang.System','nanoTime') n, count(*) FROM base GROUP BY 1"),
         "user_function"),
        ("first()", base().groupBy("k").agg(F.first("v")), "order_dependent"),
        ("collect_list()", base().groupBy("k").agg(F.collect_list("v")), "order_dependent"),
        ("sample", base().sample(0.5, 1).groupBy("k").count(), "opaque_operator"),
        ("limit without sort", base().limit(1).groupBy("k").count(), "opaque_operator"),
        ("limit over sort", base().orderBy("v").limit(1).groupBy("k").count(), None),
        ("an RDD", spark.createDataFrame(spark.sparkContext.parallelize([(1, 2)]), "a int, b int").groupBy("a").count(),
         "opaque_source"),
        ("mapInPandas", base().mapInPandas(lambda it: it, "k string, v long").groupBy("k").count(), "opaque_operator"),
        ("a subquery with rand", spark.sql("SELECT k, sum(v) FROM base WHERE v > (SELECT min(r) FROM (SELECT rand() r FROM base)) - 5 GROUP BY k"),
         "reads_context"),
        ("a fine subquery", spark.sql("SELECT k, sum(v) FROM base WHERE v >= (SELECT min(v) FROM base) GROUP BY k"), None),
        ("a correlated subquery",
         spark.sql("SELECT k, sum(v) FROM base b WHERE v = (SELECT max(v) FROM base c WHERE c.k = b.k) GROUP BY k"), None),
        ("functions of Spark's own", spark.sql("SELECT upper(k) u, luhn_check('1') l, sum(round(v, 1)) FROM base GROUP BY 1, 2"),
         None),
    ]:
        got = why_not(frame)
        if name == "current_date":
            reason = got if got == "reads_context" else reason  # pruned or not, both are right answers
        check(got == reason, f"{name}: {got}")

    print(" - names", flush=True)

    def hashes(frame):
        frame.collect()
        return [n["hash"] for n in host.asks[-1]["nodes"]]

    policy.operator = "Nothing"
    spark.catalog.clearCache()
    other = lambda: base().alias("l").join(base().alias("r"), F.expr("l.k = r.k")).select("l.v")  # noqa: E731
    check(hashes(other()) == hashes(other()), "a self-join built again has the same names")
    turned = lambda: base().select(F.transform(F.array("v"), lambda x: x + 1).alias("t")).groupBy("t").count()  # noqa: E731
    check(hashes(turned()) == hashes(turned()), "so has a function over arrays")
    check(hashes(base().filter("v > 1"))[0] != hashes(base().filter("v > 2"))[0], "another literal is another plan")
    one, two = base().select("k"), base().select("v")
    check(hashes(one)[0] != hashes(two)[0], "another column is another plan")
    sides = [hashes(base().alias("l").join(base().alias("r"), F.expr(on)).select("l.v"))[0]
             for on in ("l.v >= r.v", "r.v >= l.v", "l.v >= l.v", "r.v >= r.v")]
    check(len(set(sides)) == 4, "so are other sides of a join")
    base().createOrReplaceTempView("again")
    made = hashes(spark.sql("SELECT k FROM again WHERE v > 0"))
    base().createOrReplaceTempView("again")
    check(hashes(spark.sql("SELECT k FROM again WHERE v > 0")) == made, "a view made again from the same query is the same")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    tokyo = hashes(base().select("k"))
    spark.conf.unset("spark.sql.session.timeZone")
    check(hashes(base().select("k")) != tokyo, "another time zone is another name")

    print(" - file names above a cache", flush=True)
    policy.operator = "Filter"
    rows(base().filter("v > 0").groupBy("k").count())
    check(IN_MEMORY in plan_of(base().filter("v > 0").groupBy("k").count()), "a filter is cached")
    named = base().filter("v > 0").select(F.input_file_name())
    check("part-" in named.collect()[0][0], "input_file_name above it still names the file")
    policy.operator = "Aggregate"

    print(" - session confs and uncache", flush=True)
    path4 = write("four", [("1", 1)])
    check(rows(totals(path4)) == [("1", 1)], "cached under one conf")
    before = len(dropped("conflict"))
    other = spark.newSession()
    other.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    frame = other.read.csv(path4, "k string, v long").groupBy("k").agg(F.sum("v").alias("s"))
    check(rows(frame) == [("1", 1)], "asked by a session with another time zone")
    check(len(dropped("conflict")) == before + 1, "which is not served from the first one's entry")
    cached = next(n for n in host.asks[-1]["nodes"] if n["operator"] == "Aggregate")["hash"]
    check(host.command("uncache", entry=cached)["ok"], "uncache command")
    check(not host.command("uncache", entry=cached)["ok"], "only once")
    rows(totals(path4))
    policy.operator = "Nothing"
    policy.uncache = [n["hash"] for n in host.asks[-1]["nodes"]]
    asked = len(dropped("asked"))
    check(rows(totals(path4)) == [("1", 1)] and len(dropped("asked")) == asked + 1, "uncache in an answer")

    print(" - concurrent queries", flush=True)
    policy.operator = "Aggregate"
    path5 = write("five", [(str(i % 7), i) for i in range(1000)])
    expected = rows(totals(path5).filter("s > 0"))
    errors = []

    def worker():
        for _ in range(6):
            if rows(totals(path5).filter("s > 0")) != expected:
                errors.append("wrong rows")

    threads = [threading.Thread(target=worker) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    check(not errors, "concurrent queries agree")
    # how many of our entries of this plan are there
    check(not dropped("failed"), "no entry failed")

    print(" - after the host is lost", flush=True)
    policy.operator = "Aggregate"
    rows(totals(path5))
    host.die()
    time.sleep(1)
    check(IN_MEMORY in plan_of(totals(path5)), "cached plans stay when the host is gone")
    write("five", [("new", 1)])
    check(rows(totals(path5)) == [("new", 1)], "and their sources are still checked")
    spark.stop()


@scenario
def just_written():
    policy = CachePolicy()
    host = FakeHost(policy, welcome={"settled_ms": 5000, "files_at_most": 3})
    spark = session(host)
    folder = tempfile.mkdtemp()
    spark.read.csv(os.path.dirname(__file__)).count()
    with open(os.path.join(folder, "a.csv"), "w") as file:
        file.write("a,1\n")
    frame = lambda: spark.read.csv(folder, "k string, v long").groupBy("k").count()  # noqa: E731
    frame().collect()
    check(host.asks[-1]["nodes"][0]["why_not"] == "source_just_written", "a file could be written twice in one tick of its clock")
    time.sleep(5.2)
    frame().collect()
    check(host.asks[-1]["nodes"][0]["why_not"] is None, "later it is settled")
    for name in "bcd":
        shutil.copy(os.path.join(folder, "a.csv"), os.path.join(folder, name + ".csv"))
    frame().collect()
    check(host.asks[-1]["nodes"][0]["why_not"] == "too_many_files", "more files than each use may look at")
    spark.range(10).repartition(1).write.parquet(os.path.join(folder, "p"))
    spark.read.parquet(os.path.join(folder, "p")).groupBy("id").count().collect()
    check(host.asks[-1]["nodes"][0]["why_not"] is None, "Spark's own files have unique names and may be young")
    spark.stop()


@scenario
def mute_host():
    host = FakeHost(lambda ask: None, welcome={"question_timeout_ms": 200})
    spark = session(host)
    times = []
    for _ in range(6):
        started = time.time()
        assert spark.range(1000).groupBy("id").count().count() == 1000
        times.append(round(time.time() - started, 2))
    print("   seconds:", times)
    check(len(host.asks) == 3, "three questions, then no more")
    host.until(lambda: host.of("unsteered"), 5, "unsteered")
    check("unanswered" in host.of("unsteered")[0]["reason"], "the host is told why")
    started = time.time()
    spark.stop()
    check(time.time() - started < 10, "stop is quick")


@scenario
def stopped_host():
    host = FakeHost(lambda ask: {"none": "-"}, welcome={"question_timeout_ms": 200, "event_queue_length": 20})
    spark = session(host)
    host.reading.clear()
    sc = spark.sparkContext
    started = time.time()
    check(sc.parallelize(list(range(1500)), 1500)._jrdd.count() == 1500, "1500 tasks run while the host reads nothing")
    print(f"   {time.time() - started:.1f} s")
    host.reading.set()
    host.until(lambda: host.of("dropped"), 10, "dropped")
    check(sum(m["events"] for m in host.of("dropped")) > 100, "lost events are counted")
    host.reading.clear()
    sc.parallelize(list(range(1500)), 1500)._jrdd.count()
    for _ in range(4):
        assert spark.range(1000).groupBy("id").count().count() == 1000
    started = time.time()
    spark.stop()
    check(time.time() - started < 10, f"stop is quick ({time.time() - started:.1f} s)")


@scenario
def host_dies():
    answers = {"confs": {PARTITIONS: "6"}}
    host = FakeHost(lambda ask: dict(answers))
    spark = session(host, **{"spark__sql__adaptive__enabled": "false"})
    frame = spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count()
    check(frame.rdd.getNumPartitions() == 6, "steered")
    check(spark.conf.get(PARTITIONS) == "6", "a plan made outside of an execution leaves our value until the next question")
    host.die()
    host.until(lambda: spark.conf.get(PARTITIONS) == "200", 5, "the session's own value")
    check(spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count().rdd.getNumPartitions() == 200, "unsteered, with the session's own conf")
    check(spark.range(100).count() == 100, "and the job goes on")
    spark.stop()


@scenario
def no_host():
    spark = session(None, **{"spark__sparkwright__command": "/nowhere/sparkwright"})
    check(spark.range(100).groupBy("id").count().count() == 100, "no binary: the job runs")
    spark.stop()
    spark = session(None, **{"spark__sparkwright__socket": "/nowhere/host.sock", "spark__sparkwright__command": "x"})
    check(spark.range(100).groupBy("id").count().count() == 100, "no socket: the job runs")
    started = time.time()
    spark.stop()
    check(time.time() - started < 10, "stop is quick")
    host = FakeHost(answer_hello=False)
    spark = session(None, **{"spark__sparkwright__socket": host.path})
    check(spark.range(100).groupBy("id").count().count() == 100, "no welcome: the job runs")
    time.sleep(2.5)
    spark.stop()
    host = FakeHost(welcome={"sparkwright": "refused", "reason": "wrong protocol"})
    host.answer_hello = True
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.config("spark.sparkwright.socket", host.path).getOrCreate()
    check(spark.range(100).groupBy("id").count().count() == 100 and not host.asks, "refused: the job runs")
    spark.stop()


@scenario
def starts_the_host():
    """The plugin starts `COMMAND serve --socket …` itself; a small script stands for the binary."""
    folder = tempfile.mkdtemp()
    script = os.path.join(folder, "sparkwright")
    here = os.path.dirname(os.path.abspath(__file__))
    with open(script, "w") as file:
        file.write(f"""#!{sys.executable}
import json, os, sys, time
sys.path.insert(0, {here!r})
import fake_host
path = sys.argv[sys.argv.index("--socket") + 1]
import tempfile
tempfile.mkdtemp = lambda prefix=None: os.path.dirname(path)
host = fake_host.FakeHost()
host.until(lambda: host.of("bye"), 120)
with open({folder!r} + "/seen.json", "w") as file:
    json.dump({{"argv": sys.argv[1:], "asks": len(host.asks), "mode": os.stat(os.path.dirname(path)).st_mode & 0o777}}, file)
""")
    os.chmod(script, 0o755)
    spark = session(None, **{"spark__sparkwright__command": script, "spark__sparkwright__mode": "shadow"})
    time.sleep(2)
    check(spark.range(100).groupBy("id").count().count() == 100, "the job runs")
    spark.stop()
    seen = os.path.join(folder, "seen.json")
    end = time.time() + 10
    while not os.path.exists(seen) and time.time() < end:
        time.sleep(0.1)
    time.sleep(0.2)
    import json
    with open(seen, encoding="utf-8") as file:
        told = json.load(file)
    check(told["asks"] >= 1, "the started host was asked")
    check(told["argv"][0] == "serve" and told["argv"][-2:] == ["--mode", "shadow"], f"its command line: {told['argv']}")
    check(told["mode"] == 0o700, "its folder is the owner's only")


@scenario
def spark_submit():
    """A job through spark-submit, with an extension list of the user's own."""
    host = FakeHost(lambda ask: {"confs": {PARTITIONS: "4"}})
    folder = tempfile.mkdtemp()
    job = os.path.join(folder, "job.py")
    with open(job, "w") as file:
        file.write("""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
import time; time.sleep(1)
print("EXT", spark.conf.get("spark.sql.extensions"))
print("PARTS", spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count().rdd.getNumPartitions())
""")
    import pyspark
    submit = os.path.join(os.path.dirname(pyspark.__file__), "bin", "spark-submit")
    out = subprocess.run(
        [submit, "--master", "local[2]", "--driver-java-options", FAST_JVM, "--conf", f"spark.jars={JAR}",
         "--conf", f"spark.plugins={PLUGIN}", "--conf", f"spark.sparkwright.socket={host.path}",
         "--conf", "spark.sql.adaptive.enabled=false", "--conf", "spark.ui.enabled=false",
         "--conf", f"spark.sql.extensions={EXTENSIONS}", job],
        capture_output=True, text=True, timeout=180, env={**os.environ, "PYSPARK_PYTHON": sys.executable})
    check(out.returncode == 0, "exit status 0" if out.returncode == 0 else out.stderr[-2000:])
    check(f"EXT {EXTENSIONS}\n" in out.stdout, "an extension listed by the user is not listed twice")
    check("PARTS 4\n" in out.stdout, "and the job is steered")
    check(host.hello["python"] is True and host.of("bye"), "hello and bye")


@scenario
def local_cluster():
    host = FakeHost()
    spark = session(host, master="local-cluster[2,1,600]", **{
        "spark__executor__memory": "512m", "spark__executor__cores": "1", "spark__decommission__enabled": "true",
        "spark__storage__decommission__enabled": "true", "spark__executor__extraJavaOptions": FAST_JVM,
        "spark__cores__max": "2"})
    sc = spark.sparkContext
    live = lambda: sc._jsc.sc().getExecutorIds().size()  # noqa: E731
    host.until(lambda: live() == 2, 60, "two executors")
    check(True, "two executors at the start")
    acted = host.command("decommission", executors=["0"], total_after=1)
    check(acted["ok"] and acted["result"]["executors"] == ["0"], f"decommission: {acted}")
    host.until(lambda: live() == 1, 60, "one executor")
    host.until(lambda: host.events("ExecutorRemoved"), 30, "ExecutorRemoved")
    check(True, "one executor is left")
    time.sleep(3)
    check(live() == 1, "and it is not replaced")
    check(not host.command("decommission", executors=["99"])["ok"], "an unknown executor is an error")
    acted = host.command("executors_total", total=2)
    check(acted["ok"], f"executors_total: {acted}")
    host.until(lambda: live() == 2, 60, "two executors")
    check(True, "two again")
    check(host.command("decommission", executors=[str(sc._jsc.sc().getExecutorIds().apply(0))], total_after=1)["ok"], "one goes")
    host.until(lambda: live() == 1, 60, "one executor")
    check(host.command("if_lost", executors_total=2)["ok"], "if_lost is replaced")
    host.die()
    host.until(lambda: live() == 2, 60, "two executors")
    check(True, "if_lost was executed when the host died")
    check(spark.range(100).count() == 100, "the job goes on")
    spark.stop()


def main():
    if sys.argv[1:2] == ["--run"]:
        try:
            SCENARIOS[sys.argv[2]]()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    failed = []
    for name in sys.argv[1:] or SCENARIOS:
        print(f"== {name}", flush=True)
        started = time.time()
        env = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, **os.environ}
        code = subprocess.run([sys.executable, os.path.abspath(__file__), "--run", name], env=env, timeout=900).returncode
        print(f"== {name}: {'passed' if code == 0 else 'FAILED'} in {time.time() - started:.0f} s", flush=True)
        if code:
            failed.append(name)
    print("all passed" if not failed else f"FAILED: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
