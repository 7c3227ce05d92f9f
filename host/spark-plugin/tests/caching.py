"""Scenarios about what is cached, what it is made from, and when it goes."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from fake_host import FakeHost
from scenario import IN_MEMORY, PARTITIONS, CachePolicy, cache_entries, check, plan_of, scenario, session


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
    check(rows(totals(path3)) == [("u", 3)], "kept by us")
    check(not totals(path3).storageLevel.useMemory, "which the DataFrame's storage level does not show")
    check(spark._jsparkSession.sharedState().cacheManager().isEmpty(), "nor does Spark's own cache")
    totals(path3).unpersist()
    spark.catalog.clearCache()
    check(IN_MEMORY in plan_of(totals(path3)), "the user's unpersist and clearCache are for what the user cached")
    mine = totals(path3).persist()
    check(mine.storageLevel.useDisk and rows(mine) == [("u", 3)], "the user persists what we kept")
    host.until(lambda: len(dropped("gone")) > gone, what="gone")
    check("sparkwright" not in plan_of(mine), "it is not kept twice")
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
        ("limit over sort", base().orderBy("v").limit(1).groupBy("k").count(), "limit"),
        ("a limit at the root", base().orderBy("v").limit(1), "limit"),
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

    print(" - session confs, and entries that an answer lets go", flush=True)
    path4 = write("four", [("1", 1)])
    check(rows(totals(path4)) == [("1", 1)], "cached under one conf")
    before = len(dropped("conflict"))
    other = spark.newSession()
    other.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    frame = other.read.csv(path4, "k string, v long").groupBy("k").agg(F.sum("v").alias("s"))
    check(rows(frame) == [("1", 1)], "asked by a session with another time zone")
    check(len(dropped("conflict")) == before and IN_MEMORY in plan_of(totals(path4)), "which has an entry of its own")
    rows(totals(path4))
    policy.operator = "Nothing"
    asked = len(dropped("asked"))
    for what in ("an answer lets an entry go", "and one that is gone already does no harm"):
        policy.uncache = [n["hash"] for n in host.asks[-1]["nodes"]]
        check(rows(totals(path4)) == [("1", 1)] and len(dropped("asked")) == asked + 1, what)

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
def contents_with_the_old_length_and_time():
    """What `cp -p`, `rsync -t`, `unzip` and a mount of an object store leave."""
    from pyspark.sql import functions as F

    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = tempfile.mkdtemp()
    file = os.path.join(folder, "a.csv")
    beside = os.path.join(tempfile.mkdtemp(), "new.csv")
    then = 1_700_000_000

    def in_place(text):
        with open(file, "w") as out:
            out.write(text)

    def put_there(text):
        with open(beside, "w") as out:
            out.write(text)
        os.utime(beside, (then, then))
        os.replace(beside, file)

    def copied(text):
        with open(beside, "w") as out:
            out.write(text)
        os.utime(beside, (then, then))
        shutil.copy2(beside, file)

    def linked(text):
        target = os.path.join(os.path.dirname(beside), "target.csv")
        with open(target, "w") as out:
            out.write(text)
        os.utime(target, (then, then))
        if not os.path.islink(file):
            os.remove(file)
            os.symlink(target, file)

    def sums(path):
        frame = spark.read.csv(path, "k string, v long").groupBy("k").agg(F.sum("v").alias("s"))
        return [tuple(row) for row in frame.collect()], IN_MEMORY in plan_of(frame)

    value = 10
    for way in (in_place, put_there, copied, linked):
        for _ in range(2):
            value += 1
            way(f"a,{value}\n")
            os.utime(file, (then, then))
            time.sleep(0.02)  # more than a tick of the kernel's clock
            check(sums(folder) == ([("a", value)], True), f"{way.__name__}: the new rows, kept")
            check(sums(folder) == ([("a", value)], True), f"{way.__name__}: and read from there")
    mount = tempfile.mkdtemp()
    if subprocess.run(["mount", "-t", "ramfs", "ramfs", mount], check=False, capture_output=True).returncode != 0:
        print("   SKIPPED: only root can mount a file system", flush=True)
    else:
        try:
            shutil.copy(file, mount)
            check(sums(mount) == ([("a", value)], False), "where the kernel keeps no change time nothing is kept")
            host.until(lambda: any(m["state"] == "dropped" and "mount of type ramfs" in (m["error"] or "") for m in host.of("entry")), what="why")
        finally:
            subprocess.run(["umount", mount], check=True)
    spark.stop()


@scenario
def rows_that_depend_on_the_columns_asked_for():
    """Text is parsed for the columns that a query needs: a record that is malformed elsewhere counts."""
    from pyspark.sql import functions as F

    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = tempfile.mkdtemp()
    for name, lines in {"csv": ["1,1,x", "1,2,3"], "json": ['{"k": 1, "v": 1, "s": "x"}', '{"k": 1, "v": 2, "s": 3}']}.items():
        os.mkdir(os.path.join(folder, name))
        with open(os.path.join(folder, name, f"a.{name}"), "w") as file:
            file.write("\n".join(lines) + "\n")

    def asked(name, schema="k int, v int, s int", **options):
        read = spark.read.schema(schema).options(**options)
        frame = getattr(read, name)(os.path.join(folder, name))
        kept = frame.groupBy("k").agg(F.sum("v").alias("v"), F.max("s").alias("s"))
        seen = [kept.select("v").collect()[0][0] for _ in range(3)]
        return seen, {node["why_not"] for node in host.asks[-1]["nodes"]}

    corrupt = "k int, v int, s int, _corrupt_record string"
    for name in ("csv", "json"):
        for mode in ("DROPMALFORMED", "FAILFAST"):
            check(asked(name, mode=mode) == ([3, 3, 3], {"parsed_by_columns"}), f"{name}, {mode}")
        check(asked(name, corrupt) == ([3, 3, 3], {"parsed_by_columns"}), f"{name} with a column for corrupt records")
        check(asked(name) == ([3, 3, 3], {None}), f"{name}, PERMISSIVE: kept")
    check(asked("csv", enforceSchema="false", header="false")[1] == {"parsed_by_columns"}, "a header that is checked for the columns read")
    spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
    check(asked("csv")[1] == {"parsed_by_columns"}, "a file whose errors are ignored ends at a column that can't be read")
    spark.stop()


@scenario
def overwritten_source():
    policy = CachePolicy()
    policy.operator = "Project"  # without an exchange, which under AQE would have read everything before the files go
    host = FakeHost(policy)
    spark = session(host)
    path = os.path.join(tempfile.mkdtemp(), "numbers")
    spark.range(100).repartition(1).write.parquet(path)
    frame = lambda: spark.read.parquet(path).selectExpr("id", "id * 2 AS twice")  # noqa: E731
    check(len(frame().collect()) == 100 and IN_MEMORY in plan_of(frame()), "a projection is cached")
    failed = ""
    try:
        frame().write.mode("overwrite").parquet(path)
    except Exception as error:
        failed = str(error)
    # Spark 3.5 has no name for this error
    failed_so = "FILE_NOT_EXIST" in failed or "underlying files have been updated" in failed
    check(failed_so, "a query that overwrites what it reads fails, as in Spark itself")
    reasons = [n["why_not"] for n in host.asks[-1]["nodes"] if n["operator"] == "Project"]
    check("source_overwritten" in reasons, f"the host is told why: {reasons}")
    spark.stop()


@scenario
def a_kept_plan_that_is_planned_again():
    """Adaptive execution finds a side of a join small, broadcasts it, and plans the exchange above the join anew."""
    policy = CachePolicy()
    policy.operator, policy.confs = "Window", {PARTITIONS: "3"}
    host = FakeHost(policy)
    spark = session(host, spark__sql__autoBroadcastJoinThreshold="100KB")
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    path = os.path.join(tempfile.mkdtemp(), "facts")
    spark.range(50_000).selectExpr("id", "id % 7 AS k", "id % 977 AS t", "uuid() AS x", "uuid() AS y").write.parquet(path)
    totals = spark.read.parquet(path).groupBy("k").agg(F.sum("id").alias("s"), F.max("x").alias("most"))
    joined = spark.read.parquet(path).join(totals, "k", "left")
    before = F.lag("id").over(Window.partitionBy("t").orderBy("id")).alias("before")
    kept = joined.select("k", "t", "id", "s", before).where("before IS NULL OR before > 3").withColumn("after", F.col("before") + 1)

    check(kept.groupBy("k").agg(F.max("s")).count() == 7, "rows")
    again = kept.groupBy("k").agg(F.max("s"))
    check(len(again.collect()) == 7 and IN_MEMORY in plan_of(again), "a later query reads what is kept")
    host.until(lambda: host.of("entry"), what="entry message")
    plan = plan_of(again)
    check("BroadcastHashJoin" in plan, "it was planned again")
    partitions = set(re.findall(r"hashpartitioning\([^)]*, (\d+)\)", plan))
    check(partitions == {"3"}, f"every exchange by the answer's partitions: {partitions}")
    held = [rdd.getNumPartitions() for rdd in dict(spark.sparkContext._jsc.getPersistentRDDs()).values()]
    check(held and max(held) <= 3, f"what is held has no more partitions: {held}")
    check(spark.conf.get(PARTITIONS) == "200", "the session has its own")


def three_files(rows=3):
    """A folder of three files, one partition each, whose last and smallest one holds what can't be divided by, and a text that is no number."""
    folder = tempfile.mkdtemp()
    for number in range(3):
        with open(os.path.join(folder, f"part-{number}.csv"), "w") as file:
            zero, text, count = (0, "x", rows - 1) if number == 2 else (1, "7", rows)
            file.write("".join(f"{number},{row},{zero},{text}\n" for row in range(count)))
    return folder


ANSI = {"spark__sql__ansi__enabled": "true", "spark__sql__files__openCostInBytes": str(1 << 30)}


@scenario
def columns_that_no_query_asks_for():
    from pyspark.sql import functions as F

    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host, **ANSI)
    folder = three_files()

    def view():
        return spark.read.csv(folder, "k int, v int, zero int, text string").selectExpr(
            "k", "v", "v / zero AS ratio", "cast(text AS int) AS number", "v + 1 AS next")

    def held():
        return [m for m in host.of("entry") if m["state"] == "cached"]

    first = view().groupBy("k").agg(F.sum("v").alias("s")).orderBy("k")
    check([row.s for row in first.collect()] == [3, 3, 1], "a column that fails is not computed for a query that does not ask for it")
    again = view().groupBy("k").agg(F.max("v").alias("m"))
    check({row.m for row in again.collect()} == {1, 2} and IN_MEMORY in plan_of(again), "what was asked for is kept")
    check("ratio" not in plan_of(again).split("InMemoryRelation")[1].split("\n")[0], "and no more")
    wider = view().groupBy("k").agg(F.sum("next").alias("s"))
    check({row.s for row in wider.collect()} == {3, 6} and IN_MEMORY in plan_of(wider), "a query that asks for more has it kept too")
    check(IN_MEMORY in plan_of(view().groupBy("next").agg(F.sum("v"))), "beside what was kept before")
    check(cache_entries(spark) == 1 and len(held()) == 2, f"in one entry: {len(held())}")
    failed = ""
    try:
        view().groupBy("k").agg(F.sum("ratio")).collect()
    except Exception as error:
        failed = str(error)
    check("DIVIDE_BY_ZERO" in failed, "a query that asks for the column fails, as alone")
    check({row.m for row in view().groupBy("k").agg(F.max("v").alias("m")).collect()} == {1, 2}, "and the others go on")
    spark.stop()


@scenario
def columns_that_operators_leave_out():
    """What Spark's optimizer prunes below each operator is not computed for a kept plan either."""
    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host, **ANSI)
    folder = three_files()
    spark.read.csv(folder, "k int, v int, zero int, text string").selectExpr(
        "k", "v", "v / zero AS bad", "cast(text AS int) AS worse").createOrReplaceTempView("rows")
    queries = {
        "a window that is not asked for": "SELECT k, sum(v) FROM (SELECT *, rank() OVER (PARTITION BY k ORDER BY bad) AS r FROM rows) GROUP BY k",
        "one of two windows": "SELECT k, m FROM (SELECT *, max(v) OVER (PARTITION BY k) AS m, sum(bad) OVER (PARTITION BY k) AS s FROM rows)",
        "rollup": "SELECT k, count(*) FROM (SELECT k, v, bad FROM rows) GROUP BY ROLLUP (k, v)",
        "distinct aggregates": "SELECT k, n FROM (SELECT k, count(DISTINCT v) AS n, count(DISTINCT bad) AS b FROM rows GROUP BY k)",
        "a join": "SELECT l.k, count(*) FROM rows l JOIN rows r ON l.v = r.v GROUP BY l.k",
        "a semi join": "SELECT sum(l.v) FROM rows l LEFT SEMI JOIN rows r ON l.v = r.v",
        "a union": "SELECT k, sum(v) FROM (SELECT * FROM rows UNION ALL SELECT * FROM rows) GROUP BY k",
        "explode": "SELECT k, e FROM (SELECT *, explode(array(v, v + 1)) AS e FROM rows)",
        "a count": "SELECT count(*) FROM rows",
        "columns that are none": "SELECT 1 FROM rows",
        "an order": "SELECT v FROM (SELECT * FROM rows ORDER BY k, v)",
    }
    frames = {name: lambda text=text: spark.sql(text) for name, text in queries.items()}
    frames["rows that differ in a column"] = lambda: spark.table("rows").dropDuplicates(["k"]).select("k")
    for name, made in frames.items():
        spark.conf.set("spark.sparkwright.mode", "off")
        alone = sorted(map(str, made().collect()))
        spark.conf.unset("spark.sparkwright.mode")
        for _ in range(2):
            check(sorted(map(str, made().collect())) == alone, name)
    failed = [m["error"][:900] for m in host.of("entry") if m["why"] == "failed"]
    check(not failed, f"no fill failed: {failed}")
    check(IN_MEMORY in plan_of(spark.sql(queries["a union"])), "and what is asked for is kept")
    spark.conf.set("spark.sql.optimizer.excludedRules", "org.apache.spark.sql.catalyst.optimizer.ColumnPruning")
    texts = "SELECT k, v, concat(text, 'a') AS t FROM all_rows"
    wide = lambda: spark.sql(f"SELECT k, count(e) FROM (SELECT *, explode(array(v, v + 1)) AS e FROM ({texts})) GROUP BY k")  # noqa: E731
    spark.read.csv(folder, "k int, v int, zero int, text string").createOrReplaceTempView("all_rows")
    for _ in range(3):
        check(sorted(map(tuple, wide().collect())) == [(0, 6), (1, 6), (2, 4)], "a session whose optimizer prunes nothing has its rows")
    check(cache_entries(spark) and IN_MEMORY not in plan_of(wide()), "by the query's own plan")
    spark.stop()


@scenario
def rows_that_no_query_reads():
    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host, **ANSI)
    folder = three_files(2000)

    def ratios():
        return spark.read.csv(folder, "k int, v int, zero int, text string").selectExpr("k", "v / zero AS ratio")

    for _ in range(3):
        check(len(ratios().where("k < 9").take(5)) == 5, "take")
        check(host.asks[-1]["nodes"][-1]["why_not"] == "partly_read", "is no reason to compute the rest")
        check(len(ratios().rdd.take(5)) == 5, "take of an RDD")
        rows = ratios().toLocalIterator()
        check([next(rows).ratio for _ in range(3)] == [0.0, 1.0, 2.0], "an iterator")
    check(not host.of("entry"), "nothing was kept, and nothing failed")
    spark.stop()


@scenario
def numbers_that_are_none():
    """Spark's own cache leaves NaN out of the bounds that it keeps of a batch, and has none of nested columns."""
    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host, **{"spark__sql__inMemoryColumnarStorage__batchSize": "4"})
    folder = os.path.join(tempfile.mkdtemp(), "numbers")
    spark.range(40).selectExpr(
        "id", "CASE WHEN id % 10 = 3 THEN double('NaN') WHEN id % 10 = 5 THEN -0.0D ELSE double(id % 10) END AS d",
        "CASE WHEN id % 7 = 2 THEN float('NaN') ELSE float(id) END AS f", "struct(id % 3 AS a) AS nested").write.parquet(folder)

    def found():
        numbers = spark.read.parquet(folder).selectExpr("id + 0 AS id", "d + 0 AS d", "f + 0 AS f", "nested AS n", "array(d) AS a")
        asked = ("d > 5", "d >= double('NaN')", "d = double('NaN')", "d = 0", "d < 0.5", "d <> 4", "d IN (1, double('NaN'))", "d IS NOT NULL",
                 "f > 100", "f = float('NaN')", "n = named_struct('a', 1L)", "n > named_struct('a', 1L)", "a[0] > 8", "id > 38", "NOT (d <= 8)")
        return [sorted(str(row.id) for row in numbers.where(one).select("id").collect()) for one in asked], numbers

    spark.conf.set("spark.sparkwright.mode", "off")
    alone, _ = found()
    spark.conf.unset("spark.sparkwright.mode")
    for _ in range(3):
        rows, numbers = found()
        check(rows == alone, "the same rows")
    check(any(m["state"] == "cached" for m in host.of("entry")) and IN_MEMORY in plan_of(numbers.where("d > 5")), "of what is kept")
    spark.stop()
