"""Scenarios about what an application sees of what is kept: nothing. Rows, errors, files, partitions and its own cache are as they are alone."""

import datetime
import os
import re
import shutil
import tempfile
import time

from caching import ANSI, three_files
from fake_host import FakeHost
from pyspark import InheritableThread
from scenario import IN_MEMORY, PARTITIONS, CachePolicy, cache_entries, check, plan_of, scenario, session

MODE = "spark.sparkwright.mode"


def alone(spark, asked):
    """What is answered without us."""
    spark.conf.set(MODE, "off")
    found = asked()
    spark.conf.unset(MODE)
    return found


def rows(frame):
    return sorted(map(str, frame.collect()))


def csv(text, folder=None, name="part-0.csv"):
    """A folder with one file."""
    folder = folder or tempfile.mkdtemp()
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
    time.sleep(0.02)
    return folder


@scenario
def two_plans_of_one_name():
    """Plans are named by a hash. Where two have the same, Spark says which of them are the same."""
    from pyspark.sql import functions as F

    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = tempfile.mkdtemp()
    spark.range(60).selectExpr("id % 3 AS src", "id % 5 AS dst", "array(id, 1L, id % 7) AS a").write.parquet(os.path.join(folder, "flights"))
    spark.range(5).selectExpr("id", "concat('c', id) AS city").write.parquet(os.path.join(folder, "airports"))
    for name in ("flights", "airports"):
        spark.read.parquet(os.path.join(folder, name)).createOrReplaceTempView(name)
    joined = "FROM flights f JOIN airports o ON f.src = o.id JOIN airports d ON f.dst = d.id"
    lambdas = "SELECT a[0] AS k, sum(aggregate(a, 0L, (s, x) -> {})) AS s FROM flights GROUP BY a[0]"
    nested = "SELECT src, sum(size(transform(a, x -> size(filter(a, y -> {} > 3))))) AS s FROM flights GROUP BY src"
    asked = {
        "a table joined twice": f"SELECT o.city, count(*) {joined} GROUP BY o.city UNION ALL SELECT d.city, count(*) {joined} GROUP BY d.city",
        "lambdas": f"SELECT * FROM ({lambdas.format('s - x')}) l JOIN ({lambdas.format('x - s')}) r ON l.k = r.k",
        "lambdas in lambdas": f"SELECT * FROM ({nested.format('x')}) l JOIN ({nested.format('y')}) r ON l.src = r.src",
        "literals": " UNION ALL ".join(f"SELECT src, count(*) FROM flights WHERE src > {least}L GROUP BY src" for least in (0, -1)),
        "nothing and zero": "SELECT src, max(CAST(NULL AS INT)) FROM flights GROUP BY src UNION ALL SELECT src, max(0) FROM flights GROUP BY src",
        "between": "SELECT src, count(*) FROM flights WHERE dst BETWEEN 1 AND 3 GROUP BY src",
        "deep": f"SELECT src, max({'try_add(' * 60}dst{', 1)' * 60}) FROM flights GROUP BY src",
        "ranges": "SELECT id % 2, count(*) FROM range(0, 9) GROUP BY 1 UNION ALL SELECT id % 2, count(*) FROM range(-1, 9) GROUP BY 1",
    }
    for name, text in asked.items():
        wanted = alone(spark, lambda text=text: rows(spark.sql(text)))
        for _ in range(3):
            check(rows(spark.sql(text)) == wanted, name)
    check(IN_MEMORY in plan_of(spark.sql(asked["between"])), "between is the same each time")
    check(cache_entries(spark) >= 8 and IN_MEMORY in plan_of(spark.sql(asked["a table joined twice"])), "and they are kept")
    one = spark.table("flights").groupBy("src").agg(F.max("dst"))
    check(rows(one) == rows(one), "a plan of its own")
    spark.stop()


@scenario
def now_and_today():
    """A text that is cast to a time may mean the moment or the day of the query."""
    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = os.path.join(tempfile.mkdtemp(), "rows")
    spark.range(10).selectExpr("id", "id % 2 AS k", "'2024-01-02' AS day").write.parquet(folder)
    spark.read.parquet(folder).createOrReplaceTempView("rows")
    for text in ("CAST('now' AS TIMESTAMP)", "CAST(' NOW ' AS TIMESTAMP)", "CAST('no' || 'w' AS TIMESTAMP_NTZ)", "to_timestamp('now')"):
        seen = set()
        for _ in range(3):
            seen.add(spark.sql(f"SELECT k, max({text}) AS t FROM rows GROUP BY k").collect()[0].t)
        check(len(seen) == 3, f"{text} is another each time")
    for text in ("CAST('today' AS DATE)", "to_date('yesterday')", "CAST('tomorrow' AS TIMESTAMP)"):
        spark.sql(f"SELECT k, max({text}) AS t FROM rows GROUP BY k").collect()
        check(host.asks[-1]["nodes"][0]["why_not"] == "reads_context", f"{text} is refused")
    check(cache_entries(spark) == 0, "none of them is kept")
    for text in ("CAST('2024-01-02' AS DATE)", "CAST(day AS DATE)"):
        for _ in range(2):
            found = spark.sql(f"SELECT k, max({text}) AS t FROM rows GROUP BY k").collect()[0].t
        check(found == datetime.date(2024, 1, 2), text)
    check(cache_entries(spark) == 2, "days that are what they say are kept")
    spark.stop()


@scenario
def functions_that_draw():
    """Whatever function of Spark answers something else the second time is refused, whether Spark calls it deterministic or not."""
    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = os.path.join(tempfile.mkdtemp(), "rows")
    spark.range(10).selectExpr("id AS k").write.parquet(folder)
    spark.read.parquet(folder).createOrReplaceTempView("rows")
    spark.sparkContext.setLogLevel("OFF")
    spark.conf.set(MODE, "off")
    names = [row[0] for row in spark.sql("SHOW FUNCTIONS").collect() if re.fullmatch(r"\w+", row[0])]
    told = {name: found for name in names if (found := examples(spark, name))}
    draws = []
    for name, texts in sorted(told.items()):
        for example in texts:
            try:
                if str(spark.sql(example).collect()) != str(spark.sql(example).collect()):
                    draws.append((name, example))
                    break
            except Exception:
                continue  # an example of a failure, or of a function that reads what is not here
    spark.conf.unset(MODE)
    print(f"   {len(told)} functions, of which these draw: {' '.join(name for name, _ in draws)}")
    check(len(told) > 300 and {"uuid", "rand", "aes_encrypt"} <= {name for name, _ in draws}, "the examples of Spark's own functions")
    for name, example in draws:
        asked = example[len("SELECT "):] if " FROM " not in example.upper() else f"({example})"
        try:
            spark.sql(f"SELECT k, count(*) FROM (SELECT k, {asked} AS e FROM rows) GROUP BY k").collect()
        except Exception:
            spark.sql(f"SELECT count(*) FROM (SELECT {asked} AS e FROM rows)").collect()
        refused = {node["why_not"] for node in host.asks[-1]["nodes"][:-1] if node["operator"] in ("Project", "Aggregate")}
        check(None not in refused, f"{name} is refused: {refused}")
    spark.stop()


def examples(spark, name):
    """The first example of a function of Spark."""
    texts = [row[0] for row in spark.sql(f"DESCRIBE FUNCTION EXTENDED `{name}`").collect()]
    return [line.strip()[2:].rstrip(";") for text in texts for line in text.splitlines() if line.strip().startswith("> SELECT ")][:1]


@scenario
def blocks_of_files():
    """Where a block of a file begins follows from the partitions in which the file is read."""
    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = os.path.join(tempfile.mkdtemp(), "rows")
    spark.range(40_000).selectExpr("id", "uuid() AS text").coalesce(1).write.option("parquet.block.size", 200_000).parquet(folder)

    def starts():
        return spark.read.parquet(folder).select("_metadata.file_block_start").groupBy("file_block_start").count().count()

    few = [starts() for _ in range(2)]
    spark.conf.set("spark.sql.files.maxPartitionBytes", "200k")
    check(few == [1, 1] and starts() > 1, "smaller partitions are seen")
    spark.stop()


@scenario
def under_a_cache_of_the_users():
    """What the user caches is the user's: filled when a query first needs it, and read by every query over it."""
    from pyspark.sql import functions as F

    host = FakeHost(CachePolicy())
    spark = session(host)
    folder = csv("a,1\nb,2\n")
    base = lambda: spark.read.schema("k string, v long").csv(folder)  # noqa: E731
    sums = lambda frame: frame.groupBy("k").agg(F.sum("v").alias("s"))  # noqa: E731
    for _ in range(3):
        sums(base()).collect()
    check(cache_entries(spark) == 1, "an aggregate is kept")
    mine = base().cache()
    check(IN_MEMORY not in plan_of(sums(mine)), "over the user's cache it is not read")
    csv("a,10\nb,20\n", folder)
    check(mine.agg(F.sum("v")).first()[0] == 3, "the user's snapshot is of the time when it was first asked for")
    mine.unpersist(blocking=True)
    check(rows(sums(base())) == ["Row(k='a', s=10)", "Row(k='b', s=20)"], "once it is gone the files count")
    spark.stop()


@scenario
def what_an_object_remembers():
    """A DataFrame object's own plan stays its own: for the user's cache, RDDs, files, and libraries that follow where data comes from."""
    from pyspark.sql import functions as F

    policy = CachePolicy()
    host = FakeHost(policy)
    spark = session(host, spark__sql__shuffle__partitions="4")
    folder = csv("a,1\na,2\nb,2\n")

    def sums():
        return spark.read.csv(folder, "k string, v long").groupBy("k").agg(F.sum("v").alias("s"))

    for _ in range(2):
        sums().collect()
    frame = sums().where("s > 0")
    check(IN_MEMORY in plan_of(frame), "an object that reads what is kept")
    execution = frame._jdf.queryExecution()
    for step in ("normalized", "withCachedData", "optimizedPlan"):
        check("InMemoryRelation" not in getattr(execution, step)().toString(), f"its {step} reads files")
    check(len(frame.inputFiles()) == 1 and frame.inputFiles()[0].endswith("part-0.csv"), "it has its file")
    check(frame.collect() and IN_MEMORY in execution.executedPlan().toString(), "and reads what is kept when it is asked again")
    def replaced(made):
        """What is seen of objects that ran or were only planned, and of RDDs of them, once the files are others. What was shuffled is not again."""
        csv("a,1\na,2\nb,2\n", folder)
        time.sleep(0.1)
        for _ in range(2):
            made().collect()
        frame, later, planned = made(), made(), made()
        frame.collect(), later.collect(), planned._jdf.queryExecution().executedPlan().toString()
        held = frame.rdd
        csv("a,10\na,20\nb,20\n", folder)
        found = []
        frame.foreach(lambda row: found.append(row))
        return [rows(planned), rows(held), rows(frame), rows(later.rdd), rows(later), rows(made()), held.getNumPartitions(), found]

    plain = lambda: spark.read.csv(folder, "k string, v long").selectExpr("k", "v + 1 AS s")  # noqa: E731

    def viewed(frame):
        frame.createOrReplaceTempView("limited")
        return spark.sql("SELECT * FROM limited")

    limited = lambda: plain().orderBy("k", "s").limit(2)  # noqa: E731
    # With a second partition Spark shuffles for a limit, unless the driver takes its rows.
    csv("b,3\n", folder, "part-1.csv")
    for operator, name, made in (
        ("Aggregate", "shuffled", sums),
        ("Project", "read", plain),
        ("GlobalLimit", "limited", limited),
        ("GlobalLimit", "limited and projected", lambda: limited().selectExpr("upper(k) AS u", "s")),
        ("Project", "projected over a limit", lambda: limited().selectExpr("upper(k) AS u", "s")),
        ("GlobalLimit", "a view of a limit", lambda: viewed(limited())),
        ("Distinct", "distinct over a limit", lambda: limited().limit(1).distinct()),
        ("GlobalLimit", "limited below", lambda: limited().where("s > 0")),
    ):
        policy.operator = operator
        wanted = alone(spark, lambda made=made: replaced(made))
        found = replaced(made)
        check(found == wanted, f"after its files were replaced, {name}: {wanted}" + (f", and not {found}" if found != wanted else ""))
    os.remove(os.path.join(folder, "part-1.csv"))

    policy.operator = "Aggregate"
    for _ in range(3):
        sums().collect()
    frame = sums().where("s > 0")
    check(len(frame.collect()) == 2, "an object that was collected")
    frame.cache()
    check(len(frame.inputFiles()) == 1, "has its files still when it is cached later")
    check(frame.count() == 2 and frame.storageLevel.useMemory and IN_MEMORY not in plan_of(sums().where("s > 0")), "may be cached by the user")
    check(sums().where("s > 0").storageLevel.useMemory, "under its own plan")
    spark.range(3).selectExpr("concat('n', id)", "id + 1").write.mode("overwrite").csv(folder)
    check(frame.count() == 3, "which Spark makes anew when its files are written")
    frame.unpersist(blocking=True)
    check(not sums().where("s > 0").storageLevel.useMemory, "and which the user lets go of")

    check(rows(sums().localCheckpoint()) == rows(sums()), "a checkpoint has its rows")

    def later():
        """A checkpoint that is made when it is first read, of an object that ran before."""
        csv("a,1\na,2\nb,2\n", folder)
        time.sleep(0.1)
        for _ in range(2):
            plain().collect()
        frame = plain()
        frame.collect()
        checked = frame.localCheckpoint(eager=False)
        csv("a,10\na,20\nb,20\n", folder)
        return rows(checked)

    shutil.rmtree(folder)
    os.makedirs(folder)
    policy.operator = "Project"
    wanted = alone(spark, later)
    check(later() == wanted, f"a checkpoint that is made later has the rows of then: {wanted}")
    spark.stop()


@scenario
def an_entry_of_an_entry():
    """What is kept may have been computed from something else that is kept."""
    from pyspark.sql import functions as F

    policy = CachePolicy()
    policy.operator = "Join"
    host = FakeHost(policy)
    spark = session(host)
    facts, one, two = csv("1,1\n2,2\n"), csv("1,x\n2,y\n"), csv("x,10\ny,20\n")
    inner = lambda: spark.read.csv(facts, "k int, v long").join(F.broadcast(spark.read.csv(one, "k int, d string")), "k")  # noqa: E731
    outer = lambda: inner().join(F.broadcast(spark.read.csv(two, "d string, w long")), "d").select("v", "w")  # noqa: E731
    for _ in range(2):
        inner().collect()
    for _ in range(2):
        outer().collect()
    check(cache_entries(spark) == 2, "a join, and a join over it")
    same = outer()
    check(rows(same) == ["Row(v=1, w=10)", "Row(v=2, w=20)"], "an object over both")
    csv("1,5\n2,6\n", facts)
    check(rows(same) == ["Row(v=5, w=10)", "Row(v=6, w=20)"], "reads the new rows")
    spark.stop()


@scenario
def definitions_under_with():
    """Spark computes of a definition what is asked for, and nothing where nobody refers to it."""
    host = FakeHost(CachePolicy())
    spark = session(host, **ANSI)
    spark.read.csv(three_files(), "k int, v int, zero int, text string").createOrReplaceTempView("rows")
    for text in ("WITH never AS (SELECT k, sum(v / zero) AS s FROM rows GROUP BY k) SELECT count(*) FROM rows",
                 "WITH some AS (SELECT k, sum(v / zero) AS s FROM rows GROUP BY k) "
             "SELECT a.s FROM some a JOIN some b ON a.k = b.k WHERE a.k = 1 AND b.k = 1"):
        wanted = alone(spark, lambda text=text: rows(spark.sql(text)))
        for _ in range(3):
            check(rows(spark.sql(text)) == wanted, text[:40])
    check(not [m for m in host.of("entry") if m["why"] == "failed"], "nothing was computed that nobody asked for")
    spark.stop()


@scenario
def files_of_a_write():
    """A write makes a file of each partition that it gets."""
    from pyspark.sql import functions as F

    policy = CachePolicy()
    policy.operator = "Join"
    host = FakeHost(policy)
    spark = session(host, spark__sql__shuffle__partitions="6", spark__sql__autoBroadcastJoinThreshold="-1")
    folder = tempfile.mkdtemp()
    source, out = os.path.join(folder, "in"), os.path.join(folder, "out")
    spark.range(60_000).selectExpr("id AS k", "repeat(uuid(), 4) AS text").repartition(3).write.parquet(source)

    def joined():
        read = spark.read.parquet(source)
        return read.join(read.groupBy("k").agg(F.max("text").alias("most")), "k")

    def files(coalesced):
        for _ in range(2):
            joined().select(F.max("text"), F.max("most"), F.max("k")).collect()
        counts = []
        grouped, counted = joined().groupBy("k").agg(F.max("most")), joined().groupBy("k").count()
        # Spark draws where the ranges of a sort begin, and so how large they are, and how many are made one
        ordered = [] if coalesced else [counted.orderBy("k")]
        for frame in (joined().select("k"), joined().where("k > 9").select("k", "most"), grouped, counted, *ordered):
            shutil.rmtree(out, ignore_errors=True)
            frame.write.parquet(out)
            counts.append(sum(name.endswith(".parquet") for name in os.listdir(out)))
        return counts

    spark.conf.set("spark.sql.adaptive.advisoryPartitionSizeInBytes", "400k")
    for conf, value in (("minPartitionSize", "100k"), ("enabled", "false")):
        spark.conf.set(f"spark.sql.adaptive.coalescePartitions.{conf}", value)
        wanted = alone(spark, lambda: files(conf == "minPartitionSize"))  # noqa: B023 - runs within this turn
        found = files(conf == "minPartitionSize")
        check(found == wanted, f"{conf}={value}: {wanted} files, {found} with what is kept")
        check(cache_entries(spark), "something was kept")
    spark.stop()


@scenario
def what_follows_the_partitions():
    """What a query returns or writes by its partitions is the same with what is kept and without."""
    from pyspark.sql import functions as F

    policy = CachePolicy()
    policy.operator = "Join"
    host = FakeHost(policy)
    spark = session(host, spark__sql__shuffle__partitions="6", spark__sql__autoBroadcastJoinThreshold="-1")
    folder = tempfile.mkdtemp()
    spark.range(1000).selectExpr("id AS k", "id % 7 AS v").repartition(3).write.parquet(os.path.join(folder, "in"))
    out = os.path.join(folder, "out")

    def joined():
        read = spark.read.parquet(os.path.join(folder, "in"))
        return read.join(read.groupBy("k").agg(F.sum("v").alias("n")), "k").select("k", "n")

    def seen(adaptive):
        spark.conf.set("spark.sql.adaptive.enabled", adaptive)
        joined().select("n").distinct().collect()
        found = {
            "sample": sorted(joined().sample(False, 0.3, 4).toPandas()["k"]),
            "rand": sorted(joined().select("k", F.rand(5).alias("r")).where("r < 0.2").toPandas()["k"]),
            "ids": joined().groupBy(F.spark_partition_id().alias("p")).count().count(),
            "rdd": joined().rdd.getNumPartitions(),
            "batches": joined().select("n").mapInPandas(lambda parts: (part.head(1) for part in parts), "n long").count(),
        }
        if adaptive == "false":
            joined().write.mode("overwrite").parquet(out)
            found["files"] = sum(name.endswith(".parquet") for name in os.listdir(out))
        joined().groupBy("n").agg(F.max("k")).collect()
        return found

    for adaptive in ("false", "true"):
        spark.conf.set(MODE, "off")
        alone = seen(adaptive)
        spark.conf.unset(MODE)
        policy.confs = {PARTITIONS: "2"} if adaptive == "true" else {}
        for _ in range(2):
            now = seen(adaptive)
            other = [key for key in alone if now[key] != alone[key]]
            check(not other, f"adaptive {adaptive}: {alone['ids']} partitions, {alone['rdd']} of an RDD, {alone.get('files')} files {other}")
        check(cache_entries(spark), "and something was kept")
    spark.stop()


@scenario
def a_fill_that_fails():
    """Whatever fails, times out or is dropped while we fill is ours alone; what the user cancels is the query."""
    from pyspark.sql import functions as F

    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host, **ANSI)
    folder = three_files()

    def sums():
        # the filter goes below the division when Spark plans the query, and not when the division is kept
        return spark.read.csv(folder, "k int, v int, zero int, text string").selectExpr("k", "v / zero AS ratio").where("k < 2").agg(F.sum("ratio"))

    for _ in range(3):
        check(sums().collect()[0][0] == 6.0, "the query goes on over its own plan")
    told = [m for m in host.of("entry") if m["state"] == "dropped"]
    check(len(told) == 1 and told[0]["why"] == "failed" and "DIVIDE_BY_ZERO" in told[0]["error"], f"it is said, and not tried again: {told}")
    check(cache_entries(spark) == 0, "nothing is left of it")

    slow = tempfile.mkdtemp()
    with open(os.path.join(slow, "part-0.csv"), "w") as file:
        file.write("1,1\n" * 200_000)
    policy.operator = "Join"
    ended = []

    def work():
        spark.sparkContext.setJobGroup("slow", "to be cancelled")
        pairs = spark.read.csv(slow, "k int, v int")
        try:
            pairs.alias("a").join(pairs.alias("b"), "k").groupBy("k").agg(F.count("*")).collect()
            ended.append("no error")
        except Exception as error:
            ended.append(str(error))

    thread = InheritableThread(target=work)
    asked = len(host.asks)
    thread.start()
    host.until(lambda: len(host.asks) > asked, 20, "the question")
    seen = []

    def runs_on():
        """Whether one job has run for some time: between jobs there is nothing to cancel."""
        seen.append(tuple(spark.sparkContext.statusTracker().getActiveJobsIds()))
        time.sleep(0.2)
        return len(seen) > 10 and seen[-1] and len(set(seen[-10:])) == 1

    host.until(runs_on, 60, "a job that goes on")
    spark.sparkContext.cancelJobGroup("slow")
    thread.join(30)
    cancelled = ended and ("SPARK_JOB_CANCELLED" in ended[0] or "cancelled part of" in ended[0])
    check(not thread.is_alive() and cancelled, f"what is cancelled is the query: {ended[0][:200] if ended else thread}")
    check(cache_entries(spark) == 0, "and nothing is kept of it")
    a_broadcast_of_a_fill_that_times_out(spark, host, policy)
    spark.stop()


def a_broadcast_of_a_fill_that_times_out(spark, host, policy):
    """Spark remembers the outcome of a broadcast, so what is filled must not be what the query goes on with."""
    from pyspark.sql import functions as F

    folder = three_files()
    rows = lambda: spark.read.csv(folder, "k int, v int, zero int, text string").selectExpr("k", "v")  # noqa: E731
    pairs = lambda: rows().join(F.broadcast(rows().selectExpr("k", "v AS w")), "k").groupBy().agg(F.count("*").alias("n"))  # noqa: E731
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    policy.operator = "nothing"
    wanted = pairs().collect()
    policy.operator = "Join"
    spark.conf.set("spark.sql.broadcastTimeout", "1")
    tracker = spark.sparkContext.statusTracker()

    go = os.path.join(folder, "_go")
    ended = []

    def takes_both_cores():
        def wait(_):
            while not os.path.exists(go):
                time.sleep(0.05)

        spark.sparkContext.parallelize([0, 1], 2).foreach(wait)

    def active_tasks():
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        return sum(stage.numActiveTasks for stage in stages if stage is not None)

    def asks():
        try:
            ended.append(pairs().collect())
        except Exception as error:
            ended.append(str(error))

    def dropped():
        return [m for m in host.of("entry") if m["state"] == "dropped" and "execute broadcast in" in m.get("error", "")]

    threads = [InheritableThread(target=takes_both_cores), InheritableThread(target=asks)]
    threads[0].start()
    host.until(lambda: active_tasks() == 2, 60, "both cores taken")
    threads[1].start()
    try:
        host.until(dropped, 30, "the fill whose broadcast timed out, dropped")
    finally:
        with open(go, "w"):
            pass
    for thread in threads:
        thread.join(60)
    # Its own broadcast begins later: it may end in time, or fail as it does alone.
    check(ended[0] == wanted or "execute broadcast in" in ended[0], f"the query has its own outcome: {ended[0]}"[:200])
    for _ in range(3):
        check(pairs().collect() == wanted, "and nothing remembers what timed out")
    check(len(dropped()) == 1, "it is not tried again")


@scenario
def the_same_object_again():
    """A DataFrame object is planned once. Spark reads the files again at each action of it."""
    policy = CachePolicy()
    policy.operator = "Project"
    host = FakeHost(policy)
    spark = session(host)
    folder = tempfile.mkdtemp()
    file = os.path.join(folder, "part-0.csv")

    def write(value):
        with open(file, "w") as out:
            out.write(f"a,{value}\n")
        time.sleep(0.02)

    def frame():
        return spark.read.csv(folder, "k string, v long").selectExpr("k", "v + 0 AS v")

    write(1)
    frame().collect()
    same = frame()
    check(same.collect()[0].v == 1 and IN_MEMORY in plan_of(same), "an object that reads what is kept")
    check(same.collect()[0].v == 1, "again")
    write(2)
    check(same.collect()[0].v == 2, "after its file was replaced: the new rows")
    write(3)
    check([row.v for row in same.toLocalIterator()] == [3], "an iterator over it")
    for arrow in ("true", "false"):
        write(4)
        spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", arrow)
        check(list(same.toPandas()["v"]) == [4], f"pandas, Arrow: {arrow}")
        write(5)
        check(list(same.toPandas()["v"]) == [5], f"again, Arrow: {arrow}")
    write(3)
    total = spark.sparkContext.accumulator(0)
    same.foreach(lambda row: total.add(row.v))
    check(total.value == 3, "rows handed to a function")
    check(frame().collect()[0].v == 3, "and an object built anew")
    spark.stop()
