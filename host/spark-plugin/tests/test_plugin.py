"""End-to-end tests of the Spark plugin on real Spark, with a fake host.

    python test_plugin.py [scenario ...] [--without=scenario ...]    # the jar: SPARKWRIGHT_JAR, else that of `cargo xtask build`

Needs only the Python of a venv with PySpark (3.5 or 4.x). The scenarios run one at a time, each in an application of its own.
Those marked `own_jvm` have a JVM of their own too; all others share one, most of whose time would be its start. After a scenario
that fails the rest goes on in a new JVM. Exit status 0: all passed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import blocks  # noqa: F401 - makes its scenarios known
import caching  # noqa: F401 - makes its scenarios known
import pipelines  # noqa: F401 - so does this
import shapes  # noqa: F401 - and this
import unchanged  # noqa: F401 - and this
from fake_host import FakeHost, until
from scenario import EXTENSIONS, FAST_JVM, JAR, OWN_JVM, PARTITIONS, PLUGIN, SCENARIOS, check, scenario, session, shuffle_partitions


def listen_slowly(spark):
    """Runs a job whose end a listener of our own queue takes half a second over: the application's end still waits on the bus when the
    context stops."""
    from pyspark.java_gateway import ensure_callback_server_started

    class Slow:
        def onJobEnd(self, _event):
            time.sleep(0.5)

        def __getattr__(self, name):
            return lambda *_: None

        class Java:
            implements = ("org.apache.spark.scheduler.SparkListenerInterface",)

    sc = spark.sparkContext
    ensure_callback_server_started(sc._gateway)
    sc._jsc.sc().listenerBus().addToQueue(Slow(), "sparkwright")
    sc.parallelize([1], 1).count()


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
    check(len(frame.collect()) == 10, "rows")
    check(shuffle_partitions(frame) == {7}, "an answer is obeyed")
    ask = host.asks[-1]
    check(ask["confs"][PARTITIONS] == {"value": "200", "owner": "default"}, "the question shows Spark's default")
    check(ask["execution"] is not None and [n["operator"] for n in ask["nodes"]] == ["Aggregate", "Range"], "plan nodes")
    check(spark.conf.get(PARTITIONS) == "200", "the session has its own value at once, whatever its query ran with")

    host.until(lambda: len(host.of("alive")) > 2, what="signs of life")
    one_sided = {}
    for condition in ("a.id = b.id", "a.id = b.id AND b.id > 5"):
        spark.sql(f"SELECT count(*) FROM range(1000) a JOIN range(1000, 300000) b ON {condition}").collect()
        one_sided[condition] = [n["one_sided"] for n in host.asks[-1]["nodes"] if n["operator"] == "Join"]
    check(list(one_sided.values()) == [[False], [True]], f"a condition on one side of a join is told: {one_sided}")
    holders = host.asks[-1]["executors"]  # read beside the queries: an application's very first question may come before
    check(holders[0]["id"] == "driver" and holders[0]["max_storage_bytes"] > 0, "storage memory is told")
    first, last = host.asks[0]["last_trip_us"], host.asks[-1]["last_trip_us"]
    check(first is None and last > 0, f"the last question's way there and back is told: {last} us")

    asked = len(host.asks)
    spark.conf.set("spark.sparkwright.mode", "off")
    frame = spark.range(998).groupBy((F.col("id") % 10).alias("k")).count()
    check(shuffle_partitions(frame) == {200} and len(host.asks) == asked, "a session that is switched off is left alone")
    spark.conf.unset("spark.sparkwright.mode")

    spark.conf.set(PARTITIONS, "11")
    frame = spark.range(999).groupBy((F.col("id") % 10).alias("k")).count()
    frame.collect()
    check(host.asks[-1]["confs"][PARTITIONS] == {"value": "11", "owner": "user"}, "the user's value is the user's")
    check(shuffle_partitions(frame) == {11}, "the user's value is never overwritten")
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
    for what, members in {"dance": {}, "": {}, "sql": {"text": "CREATE TABLE made AS SELECT 1"}}.items():
        acted = host.command(what, **members)
        check(not acted["ok"] and f"no command `{what}`" in acted["error"], f"refused: {acted['error']}")
    check(not spark.catalog.tableExists("made"), "and nothing is done")
    check("negative" in host.command("if_lost")["error"], "a command without its members is refused too")

    def worker(seed):
        for _ in range(5):
            assert spark.range(1000).groupBy((F.col("id") % seed).alias("k")).count().count() == seed

    answers["confs"] = {PARTITIONS: "3"}
    threads = [threading.Thread(target=worker, args=(n,)) for n in (3, 4, 5, 6)]
    [t.start() for t in threads]
    seen, listed, cloned = set(), set(), set()
    while any(t.is_alive() for t in threads):
        seen.add(spark.conf.get(PARTITIONS))
        listed.add(spark._jsparkSession.sessionState().conf().getAllConfs().contains(PARTITIONS))
        cloned.add(spark._jsparkSession.cloneSession().conf().get(PARTITIONS))
    [t.join() for t in threads]
    check(seen == {"200"}, f"who looks while queries run sees the session's own value: {seen}")
    check(listed == {False}, "nor does a list of what is set have ours")
    check(cloned == {"200"}, f"nor a session that is cloned meanwhile, as a streaming query does: {cloned}")
    outside = spark.range(9).groupBy(F.col("id") % 3).count().rdd.getNumPartitions()
    check(outside == 200, "an RDD of the program has its own partitions")
    spark.range(9).groupBy(F.col("id") % 3).count().collect()
    check(spark.conf.get(PARTITIONS) == "200", "concurrent queries leave the session as it was")

    def slowly():
        slow = F.udf(lambda n: time.sleep(4) or n, "long")
        spark.range(2).select(slow("id").alias("n")).groupBy("n").count().collect()

    asked = len(host.asks)
    running = threading.Thread(target=slowly)
    running.start()
    host.until(lambda: len(host.asks) > asked, 10, "the slow query's question")
    spark.sparkContext.setLocalProperty("spark.sql.execution.id", str(host.asks[-1]["execution"]))
    host.until(lambda: spark.conf.get(PARTITIONS) == "3", 3, "our value, in a thread of the execution")
    spark.conf.set(PARTITIONS, "9")
    check(spark.conf.get(PARTITIONS) == "9", "what is set in the execution itself since the question stands")
    spark.conf.unset(PARTITIONS)
    clone = spark._jsparkSession.cloneSession()
    steered_clone = clone.conf().get(PARTITIONS)
    clone.conf().set(PARTITIONS, "5")
    check((steered_clone, clone.conf().get(PARTITIONS)) == ("200", "5"), "a clone that nobody asked for has its own value")
    clone.sql("SELECT id % 3, count(*) FROM range(9) GROUP BY 1").queryExecution().optimizedPlan()
    check(clone.conf().get(PARTITIONS) == "5", "and what is set there stands when it plans for the execution")
    spark.sparkContext.setLocalProperty("spark.sql.execution.id", None)
    check(spark.conf.get(PARTITIONS) == "200", "a thread that left the execution finds the session's own")
    running.join()

    listen_slowly(spark)
    started = time.time()
    spark.stop()
    check(time.time() - started < 10, "stop is quick")
    host.until(lambda: host.of("bye"), 5, "bye")
    bye = host.of("bye")[0]
    check(0 < bye["held_up_ms"] < 60_000 and 0 < bye["plugin_cpu_ms"] < 60_000, f"what it cost is told: {bye}")
    for name in ("ApplicationStart", "EnvironmentUpdate", "JobStart", "StageCompleted", "TaskEnd", "SQLExecutionStart",
                 "ApplicationEnd"):
        check(host.events(name), f"{name} arrived")
    check(not host.of("dropped"), "no event was lost")
    check("Accumulables" not in host.events("TaskEnd")[0]["Task Info"], "TaskEnd comes without Accumulables")


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


def unsteered(spark):
    """Why nobody steers the application."""
    told = json.loads(spark._jvm.io.sparkwright.spark.Pipelines.state(5_000))
    check(told["state"] == "unsteered", f"unsteered: {told}")
    return told["reason"]


@scenario
def host_dies():
    answers = {"confs": {PARTITIONS: "6"}}
    host = FakeHost(lambda ask: dict(answers))
    spark = session(host, **{"spark__sql__adaptive__enabled": "false"})
    frame = spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count()
    check(shuffle_partitions(frame) == {6}, "steered")
    check(spark.conf.get(PARTITIONS) == "200", "in its plan, not in the session")
    host.die()
    unsteered(spark)
    check(shuffle_partitions(spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count()) == {200}, "unsteered, with the session's own conf")
    check(spark.range(100).count() == 100, "and the job goes on")
    spark.stop()


@scenario
def a_plan_outside_of_an_execution():
    """`df.rdd` has the partitions that it would have. What is set for a plan of MLlib is seen by nothing but that plan."""
    host = FakeHost(lambda ask: {"confs": {PARTITIONS: "2"}})
    spark = session(host, **{"spark__sql__adaptive__enabled": "false"})
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as F

    folder = tempfile.mkdtemp()
    spark.range(1000).selectExpr("id", "id % 7 AS k").write.parquet(os.path.join(folder, "in"))

    def grouped():
        return spark.range(1000).groupBy((F.col("id") % 10).alias("k")).count()

    check(grouped().rdd.getNumPartitions() == 200 and len(grouped().rdd.glom().collect()) == 200, "an RDD of the program has its own partitions")
    check(grouped()._jdf.rdd().getNumPartitions() == 200, "one of Scala too")
    check(grouped().localCheckpoint()._jdf.rdd().getNumPartitions() == 200, "and a checkpoint")
    check(len(host.asks) == 1, "nobody is asked about them")
    points = VectorAssembler(inputCols=["k", "count"], outputCol="features").transform(grouped().withColumn("label", F.col("k") % 2))
    stopped = threading.Event()
    seen = set()

    def look():
        while not stopped.is_set():
            seen.add(spark.conf.get(PARTITIONS))
            seen.add(spark._jsparkSession.cloneSession().conf().get(PARTITIONS))
            time.sleep(0.05)

    other = threading.Thread(target=look)
    other.start()

    def tasks_of(estimator):
        """How many tasks the stages of a fit have that read its input."""
        name = type(estimator).__name__
        spark.sparkContext.setJobGroup(name, name)
        estimator.fit(points)
        tracker = spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for job in tracker.getJobIdsForGroup(name) for stage in tracker.getJobInfo(job).stageIds]
        return {stage.numTasks for stage in stages if stage}

    check(max(tasks_of(LogisticRegression(maxIter=2))) == 2, "what MLlib sums over rows is steered")
    check(spark.conf.get(PARTITIONS) == "200" and spark.sql(f"SET {PARTITIONS}").first()[1] == "200", "the session has its own value")
    model = LogisticRegression(maxIter=2).fit(points)
    spark.sparkContext.setJobGroup("summary", "summary")
    check(0 <= model.summary.areaUnderROC <= 1, "a model's summary has its area")
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for job in tracker.getJobIdsForGroup("summary") for stage in tracker.getJobInfo(job).stageIds]
    tasks = {stage.numTasks for stage in stages if stage}
    check(max(tasks) == 200, f"which it bins by partitions of its own: {tasks}")
    tasks = tasks_of(KMeans(k=2, seed=1, maxIter=1))
    check(max(tasks) == 200, f"what it draws by partition is not: {tasks}")
    stopped.set()
    other.join()
    check(seen == {"200"}, "another thread, and a clone of the session, have its own value")
    stream = (
        spark.readStream.schema("id long, k long").parquet(os.path.join(folder, "in")).groupBy("k").count().writeStream
        .outputMode("complete").format("memory").queryName("counts").option("checkpointLocation", os.path.join(folder, "checkpoint"))
    )
    stream.trigger(availableNow=True).start().awaitTermination()
    with open(os.path.join(folder, "checkpoint/offsets/0")) as offsets:
        check(re.findall(f'"{PARTITIONS}":"(\\d+)"', offsets.read()) == ["200"], "no checkpoint has ours")
    spark.stop()


@scenario
def other_versions():
    """A host that refuses us, and one whose welcome is another version's."""
    refusing = FakeHost(welcome={"sparkwright": "refused", "reason": "wrong protocol"})
    older, emptier = FakeHost(), FakeHost(welcome={"storage_look_ms": None})
    del older.welcome["settled_ms"]
    for host, why in ((refusing, "wrong protocol"), (older, "settled_ms"), (emptier, "storage_look_ms")):
        spark = session(None, spark__sparkwright__socket=host.path)
        check(spark.range(100).groupBy("id").count().count() == 100 and not host.asks, "the job runs, and nobody is asked")
        reason = unsteered(spark)
        check(why in reason and (host is refusing or "different versions" in reason), f"and says why: {reason}")
        spark.stop()


@scenario
def no_host():
    hosts = {"/nowhere/sparkwright": "set spark.sparkwright.command", "/bin/false": "ended with status 1", "/bin/ls": "unrecognized option"}
    for command, why in hosts.items():
        spark = session(None, **{"spark__sparkwright__command": command})
        check(spark.range(100).groupBy("id").count().count() == 100, f"{command}: the job runs")
        check(why in unsteered(spark), f"and says why: {unsteered(spark)}")
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


def host_script(then):
    """A small script that stands for the binary: plays the host on the socket that it is given, and goes on with `then`."""
    script = os.path.join(tempfile.mkdtemp(), "sparkwright")
    with open(script, "w") as file:
        file.write(f"""#!{sys.executable}
import json, os, sys, tempfile, time
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
import fake_host
path = sys.argv[sys.argv.index("--socket") + 1]
tempfile.mkdtemp = lambda prefix=None: os.path.dirname(path)
host = fake_host.FakeHost()
{then}""")
    os.chmod(script, 0o755)
    return script


@scenario
def starts_the_host():
    """The plugin starts `COMMAND serve --socket …` itself; a small script stands for the binary."""
    folder = tempfile.mkdtemp()
    command = host_script(f"""
host.confs = {{"spark.decommission.enabled": "true"}}
host.until(lambda: host.of("bye"), 120)
with open({folder!r} + "/seen.json", "w") as file:
    mode = os.stat(os.path.dirname(path)).st_mode & 0o777
    json.dump({{"argv": sys.argv[1:], "asks": len(host.asks), "launch": host.launch_hello, "mode": mode}}, file)
""")
    spark = session(None, **{"spark__sparkwright__command": command, "spark__sparkwright__mode": "shadow"})
    time.sleep(2)
    check(spark.range(100).groupBy("id").count().count() == 100, "the job runs")
    check(spark.sparkContext.getConf().get("spark.decommission.enabled") == "true", "what the host says is set at the start")
    spark.stop()
    seen = os.path.join(folder, "seen.json")
    end = time.time() + 10
    while not os.path.exists(seen) and time.time() < end:
        time.sleep(0.1)
    time.sleep(0.2)
    with open(seen, encoding="utf-8") as file:
        told = json.load(file)
    check(told["asks"] >= 1, "the started host was asked")
    check(told["argv"][0] == "serve" and told["argv"][-2:] == ["--mode", "shadow"], f"its command line: {told['argv']}")
    check(told["launch"]["master"] == "local[2]" and told["launch"]["spark"], "the host was told what to plan for")
    check(told["mode"] == 0o700, "its folder is the owner's only")


@scenario
def started_host_dies_after_the_launch_plan():
    """The executors were pinned for a host that never greets: the plugin asks for what the application had alone."""
    pin = {f"spark.dynamicAllocation.{key}": value for key, value in {
        "enabled": "true", "minExecutors": "1", "initialExecutors": "1", "maxExecutors": "4",
        "schedulerBacklogTimeout": "86400s", "executorIdleTimeout": "86400s"}.items()}
    command = host_script(f"""
host.answer_hello = False
host.confs = {({**pin, "spark.decommission.enabled": "true", "spark.sparkwright.executorsIfLost": "2"})!r}
host.until(lambda: host.launch_hello, 60)
time.sleep(0.2)
os._exit(1)
""")
    spark = session(None, master="local-cluster[2,1,600]", **{
        "spark__sparkwright__command": command, "spark__executor__memory": "512m", "spark__executor__cores": "1",
        "spark__executor__extraJavaOptions": FAST_JVM})
    sc = spark.sparkContext
    check(sc.getConf().get("spark.dynamicAllocation.initialExecutors") == "1", "the launch plan was carried out")
    until(lambda: sc._jsc.sc().getExecutorIds().size() == 2, 60, "two executors")
    check(spark.range(100).groupBy("id").count().count() == 100, "the job has the executors that it has alone, and runs")
    spark.stop()


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
counts = spark.range(100).selectExpr("id % 10 AS k").groupBy("k").count()
counts.collect()
print("PARTS", counts._jdf.queryExecution().executedPlan().toString().split(", ENSURE")[0][-3:])
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
    check("PARTS  4)\n" in out.stdout, "and the job is steered")
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


def run_here(names):
    """Runs scenarios one after the other in this process. Exits with 1 more than the index of the one that failed, or with 0."""
    from pyspark import SparkConf, SparkContext

    # What the JVM is started with holds for every application in it, as system properties: so only what all of them want.
    SparkContext._ensure_initialized(conf=SparkConf().setAll(
        {"spark.jars": JAR, "spark.ui.enabled": "false", "spark.driver.extraJavaOptions": FAST_JVM}.items()))
    for index, name in enumerate(names):
        print(f"== {name}", flush=True)
        started = time.time()
        try:
            SCENARIOS[name]()
            if left := SparkContext._active_spark_context:
                left.stop()
        except BaseException:
            traceback.print_exc()
            print(f"== {name}: FAILED in {time.time() - started:.0f} s", flush=True)
            os._exit(index + 1)
        print(f"== {name}: passed in {time.time() - started:.0f} s", flush=True)
    sys.stdout.flush()
    os._exit(0)


def run(names):
    """Runs scenarios in one process, and in another what is left after a failure. Returns those that failed."""
    env = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, **os.environ}
    failed = []
    while names:
        code = subprocess.run([sys.executable, os.path.abspath(__file__), "--run", *names], env=env, timeout=900).returncode
        if code == 0:
            break
        if not 0 < code <= len(names):
            print(f"== the process of {', '.join(names)} ended with status {code}: the last one named above ended it", flush=True)
            return failed + names
        failed.append(names[code - 1])
        names = names[code:]
    return failed


def main():
    if sys.argv[1:2] == ["--run"]:
        run_here(sys.argv[2:])
    without = {word.removeprefix("--without=") for word in sys.argv[1:] if word.startswith("--without=")}
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")] or list(SCENARIOS)
    if unknown := (without | set(wanted)) - SCENARIOS.keys():
        sys.exit(f"no such scenario: {', '.join(sorted(unknown))}")
    wanted = [name for name in wanted if name not in without]
    failed = run([name for name in wanted if name not in OWN_JVM])
    for name in wanted:
        if name in OWN_JVM:
            failed += run([name])
    print("all passed" if not failed else f"FAILED: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
