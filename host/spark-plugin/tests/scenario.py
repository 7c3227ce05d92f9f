"""What every scenario stands on: the register, a session with the plugin, checks, a policy that asks for caches."""

import os
import re
import tempfile
import time

import pyspark

WORKSPACE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
LINE = "35" if pyspark.__version__.startswith("3.5") else "4"
JAR = os.environ.get("SPARKWRIGHT_JAR", os.path.join(WORKSPACE, f"target/sparkwright/sparkwright-spark{LINE}.jar"))
PLUGIN = "io.sparkwright.spark.SparkwrightPlugin"
EXTENSIONS = "io.sparkwright.spark.SparkwrightExtensions"
PARTITIONS = "spark.sql.shuffle.partitions"
IN_MEMORY = "In-memory table sparkwright-"
FAST_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

SCENARIOS = {}
OWN_JVM = set()


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def own_jvm(function):
    """A scenario that looks at its JVM as a whole, or may not be disturbed by what earlier applications left in it."""
    OWN_JVM.add(function.__name__)
    return scenario(function)


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
        # A key that holds a path is written with its dots: a folder's name may have two underscores.
        builder = builder.config(key if "." in key else key.replace("__", "."), value)
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
    """The physical plan as Spark runs it. A plan that is made outside of an execution reads nothing of what is kept."""
    frame.collect()
    return frame._jdf.queryExecution().executedPlan().toString()


def shuffle_partitions(frame):
    """Into how many partitions the shuffles go of a query as Spark runs it."""
    return {int(count) for count in re.findall(r"hashpartitioning\(.*, (\d+)\)", plan_of(frame))}


def cache_entries(spark):
    """How many plans we keep, by the names of their blocks."""
    return sum(str(rdd.name()).startswith(IN_MEMORY) for rdd in dict(spark.sparkContext._jsc.getPersistentRDDs()).values())


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
