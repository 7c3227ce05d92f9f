"""What one driver may hold: ten threads in FAIR pools, sessions beside each other, jobs that are cancelled, another context after the first.

    spark-submit --conf spark.scheduler.mode=FAIR sessions.py WORKDIR
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ground import fails, folder, joined, rows, say, stored
from pyspark import InheritableThread
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"


def in_pools(spark: SparkSession, table: DataFrame) -> None:
    """Ten threads ask at the same time, each in a pool of its own."""
    def ask(number: int) -> list[object]:
        spark.sparkContext.setLocalProperty("spark.scheduler.pool", f"pool {number % 3}")
        spark.sparkContext.setJobDescription(f"thread {number}")
        answers = [rows(table.where(f"key % 10 = {number}").groupBy("group").agg(F.sum("amount"))) for _ in range(2)]
        pool, job = (spark.sparkContext.getLocalProperty(name) for name in ("spark.scheduler.pool", "spark.job.description"))
        return [number, pool, job, answers[0] == answers[1], answers[0]]

    answers: list[list[object]] = []
    threads = [InheritableThread(target=lambda number=number: answers.append(ask(number))) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in sorted(answers, key=lambda one: str(one[0])):
        say("thread", answer)


def beside(spark: SparkSession, table: DataFrame) -> None:
    """Another session has its own confs, views and functions."""
    other = spark.newSession()
    other.conf.set(SHUFFLE_PARTITIONS, "5")
    other.conf.set("spark.sql.ansi.enabled", "false")
    table.createOrReplaceTempView("facts")
    say("own view", rows(spark.sql("SELECT group, count(*) FROM facts GROUP BY group")))
    fails("no view of another session", lambda: other.sql("SELECT * FROM facts"))
    say("not ANSI", rows(other.sql("SELECT CAST('x' AS INT) AS n")))
    spark.conf.set("spark.sql.ansi.enabled", "true")
    fails("ANSI", lambda: rows(spark.sql("SELECT CAST('x' AS INT) AS n")))
    say("partitions", (spark.conf.get(SHUFFLE_PARTITIONS), other.conf.get(SHUFFLE_PARTITIONS)))
    spark.sql(f"SET {SHUFFLE_PARTITIONS}=6")
    say("set", rows(spark.sql(f"SET {SHUFFLE_PARTITIONS}")))
    say("after set", rows(spark.table("facts").groupBy("group").agg(F.max("amount"))))
    spark.conf.unset(SHUFFLE_PARTITIONS)


def cancelled(spark: SparkSession, table: DataFrame) -> None:
    """A query that its user ends, and the same one afterwards."""
    sleeps = F.udf(lambda value: time.sleep(0.002) or value, "long")
    slow = table.withColumn("slow", sleeps("amount")).groupBy("group").agg(F.sum("slow"))

    def run() -> None:
        spark.sparkContext.setJobGroup("slow", "to be ended", interruptOnCancel=True)
        slow.collect()

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(run)
        while not spark.sparkContext.statusTracker().getJobIdsForGroup("slow"):
            time.sleep(0.02)
        time.sleep(0.5)
        spark.sparkContext.cancelJobGroup("slow")
        fails("cancelled", future.result)
    say("afterwards", rows(table.groupBy("group").agg(F.sum("amount"))))
    spark.sparkContext.setJobGroup("after", "goes on")
    say("of the same plan", rows(table.withColumn("slow", F.col("amount")).groupBy("group").agg(F.sum("slow"))))
    say("group", spark.sparkContext.getLocalProperty("spark.jobGroup.id"))


def main() -> None:
    """Runs all of it, in one context and then in another."""
    at = folder()
    for number in range(2):
        spark = SparkSession.builder.appName(f"context {number}").getOrCreate()
        table = joined(spark, at / str(number))
        for _ in range(2):
            say("by group", rows(table.groupBy("group").agg(F.sum("amount"))))
        if number == 0:
            in_pools(spark, table)
            beside(spark, table)
            cancelled(spark, table)
        say("stored", stored(spark))
        spark.stop()
    say("threads left", sum(1 for thread in threading.enumerate() if thread.name.startswith("Thread-") and not thread.daemon))


main()
